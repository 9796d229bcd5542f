"""Plots about a wish: to grow something, to be able to do something, to build something."""

from tinystories.corpus.world.plan import Plan
from tinystories.corpus.world.plots.common import begin, close, feel, opening, sights


def grow(plan: Plan) -> None:
    """A seed is planted; what grows is what was wished for, or something else, or nothing."""
    begin(plan, "hasty")
    plan.let(x=plan.wish("plant"), b=plan.elder())
    opening(plan, "open.lives")
    hasty = plan.moral and plan.bad
    elder = plan.maybe(0.6) or plan.talk or plan.hint
    plan.do("seed.from" if elder else "seed")
    warned = hasty and plan.hint and plan.maybe()
    if warned:
        plan.do("told.wait")
    elif plan.hint:
        plan.do("plant.frost")
    plan.paragraph()
    plan.do("water")
    if plan.clash and plan.maybe():
        plan.do("sprout")
        plan.let(c=plan.person())
        plan.do("crow")
        plan.do("crow.fight")
        plan.do("crow.end")
    else:
        if plan.clash:
            plan.do("dry")
        plan.do("sprout")
    _grow_ends(plan, hasty, warned, elder)


def _grow_ends(plan: Plan, hasty: bool, warned: bool, elder: bool) -> None:
    """What comes out of the seed."""
    plan.paragraph()
    if hasty:
        plan.do("dig")
    if warned:
        plan.do("pay.warn")
    if plan.bad:
        if plan.hint and not warned:
            plan.do("saved.frost" if plan.twist else "paid.frost")
        if plan.twist:
            plan.do("expect.bloom")
            plan.do("turn.weed")
        elif not plan.hint or warned:
            plan.do("wither")
        else:
            plan.do("no.more")
    else:
        if plan.hint:
            plan.do("pay.frost")
        if plan.twist:
            plan.do("expect.bloom")
            plan.do("turn.other" if elder else "turn.other.alone")
        else:
            plan.do("bloom")
    feel(plan)
    lessons = ("wait",) if hasty or not plan.hint else ("listen", "ready")
    if plan.hint and not plan.bad:
        lessons = ("listen", "care")
    close(plan, "end.grow.bad" if plan.bad else "end.grow", lessons, "b")


def skill(plan: Plan) -> None:
    """Somebody wants to learn something, and does, or doesn't."""
    begin(plan, "proud")
    plan.let(x=plan.wish("skill"), b=plan.person())
    opening(plan, "open.goes" if plan.maybe() else "open.lives")
    if plan.events[0].kind == "open.lives":
        plan.do("go")
    sights(plan, 0.4)
    plan.do("skill")
    proud = plan.moral and plan.bad
    if proud:
        plan.do("boast")
    if plan.clash and plan.maybe():
        plan.let(c=plan.person())
        plan.do("dare")
        plan.do("dare.answer")
    elif plan.clash:
        plan.do("try.fall")
        plan.do("try.more")
    plan.paragraph()
    lazy = proud and plan.maybe()
    plan.one("join.friend", "join.new")
    plan.do("help.train")
    hint = ("rock" if plan.bad or plan.maybe() else "shoe") if plan.hint else ""
    if hint == "shoe":
        plan.do("plant.shoe")
    plan.do("skip.practice" if lazy else "practice")
    plan.do("day.came")
    if hint == "rock":
        plan.do("plant.rock")
    _skill_ends(plan, hint, lazy)


def _skill_ends(plan: Plan, hint: str, lazy: bool) -> None:
    """The day on which it has to be shown."""
    plan.paragraph()
    if plan.bad:
        if plan.twist:
            plan.do("expect.win")
        if hint:
            plan.do("turn.rock" if plan.twist else "paid.rock")
        if not plan.twist:
            plan.do("cannot")
        elif not hint:
            plan.do("turn.lose")
        if plan.talk or plan.maybe():
            plan.do("console")
        lessons: tuple[str, ...] = ("work", "boast") if lazy else ("boast",)
        close(plan, "end.race.bad", lessons, "b")
        return
    if plan.twist:
        plan.do("expect.fail")
    if hint:
        plan.do(f"pay.{hint}")
    plan.do("turn.win" if plan.twist else "can")
    if plan.talk or plan.maybe(0.6):
        plan.do("cheer")
    struggled = any(event.kind == "try.more" for event in plan.events)
    close(plan, "end.race", ("try", "work") if struggled else ("work", "help"), "b")


def build(plan: Plan) -> None:
    """Two build something; it stands, or falls."""
    begin(plan, "hasty")
    plan.let(b=plan.person(), x=plan.wish("work"))
    opening(plan, "open.friends")
    plan.do("go.both")
    sights(plan, 0.4)
    plan.do("plan.build")
    hasty = plan.moral and plan.bad
    if plan.hint:
        plan.do("plant.sky")
    plan.paragraph()
    plan.do("carry")
    plan.do("build")
    if plan.clash and plan.maybe():
        plan.let(c=plan.person())
        plan.do("bully")
        plan.do("bully.answer")
        plan.do("bully.stop")
    elif plan.clash:
        plan.do("build.fall")
    if hasty:
        plan.do("hurry")
    plan.paragraph()
    if plan.bad:
        if plan.twist:
            plan.do("expect.safe")
            plan.do("turn.sky" if plan.hint else "turn.ant")
        else:
            plan.do("paid.sky" if plan.hint else "crash")
        feel(plan)
        close(plan, "end.build.bad", ("wait",), "b")
        return
    if plan.twist:
        plan.do("expect.ruin")
        plan.do("turn.stand.sky" if plan.hint else "turn.stand")
    else:
        plan.do("done")
        if plan.hint:
            plan.do("pay.sky")
    feel(plan)
    close(plan, "end.build", ("help", "try") if plan.clash else ("help",), "b")

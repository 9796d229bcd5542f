"""Plots about a thing: lost, broken, stuck."""

from tinystories.corpus.world.plan import Plan
from tinystories.corpus.world.plots.common import begin, close, feel, opening, sights


def lost(plan: Plan) -> None:
    """A dear thing is lost; it is found, or not."""
    begin(plan, "careless")
    plan.let(o=plan.thing("small", "light", but="food"), b=plan.person())
    hints = ["hole", "crow"] if plan.has("o", "small") else ["bell"]
    hint = plan.rng.choice(hints) if plan.hint else ""
    windy = not hint and plan.has("o", "light") and plan.maybe()
    if windy:
        plan.weather("windy")
    opening(plan, "open.has")
    guilty = (plan.moral and plan.bad) or (plan.moral and plan.maybe())
    if guilty and plan.hint and plan.maybe(0.7):
        hint = "warn"
        elder = plan.elder()
        plan.do("warn.lose", b=elder)
        plan.do("take")
    else:
        plan.do("take")
    sights(plan)
    if hint not in ("", "warn"):
        plan.do(f"plant.{hint}")
    if plan.maybe(0.6):
        plan.do("join.friend")
        if plan.maybe():
            plan.do("greet")
        plan.one("play", "together")
    else:
        plan.do("play")
    plan.paragraph()
    if guilty:
        plan.do("lose.left")
    elif windy:
        plan.do("lose.wind")
    else:
        plan.do("lose.slip")
    plan.do("miss")
    if hint == "warn":
        plan.do("pay.warn", b=elder)
    _ask(plan)
    _search(plan, hint)


def _ask(plan: Plan) -> None:
    """Who helps with the search, and who is blamed."""
    together = plan.present("b")
    if together and plan.clash and plan.maybe():
        plan.do("accuse")
        plan.do("deny")
        plan.do("peace")
    else:
        if not together:
            plan.do("join.friend")
        plan.do("ask.find")
        plan.do("agree")
        if plan.clash:
            plan.do("search", s=plan.spot())
            plan.one("hinder.rain", "hinder.thorn", "hinder.dark")


def _search(plan: Plan, hint: str) -> None:
    plan.paragraph()
    if plan.maybe(0.6):
        plan.one("search", "search.two", s=plan.spot())
    plan.let(s=plan.spot())
    pays = hint not in ("", "warn")
    if plan.bad:
        if plan.twist:
            plan.do("expect.seen")
            plan.do("turn.leaf")
        if pays:
            plan.do("paid.away" if hint == "crow" else f"paid.{hint}")
        plan.do("never")
        feel(plan)
        close(plan, "end.lost.bad", ("care",), "b")
        return
    if plan.twist:
        _turn_of_the_lost(plan, pays, hint)
    elif pays:
        plan.do(f"pay.{hint}")
    else:
        plan.one("find", "found.by")
    if plan.maybe():
        plan.do("thank")
    feel(plan)
    guilty = any(event.kind == "lose.left" for event in plan.events)
    accused = any(event.kind in ("expect.thief", "accuse") for event in plan.events)
    lessons = ("care",) if guilty else ("judge",) if accused else ("help",)
    close(plan, "end.lost", lessons, "b")


def _turn_of_the_lost(plan: Plan, pays: bool, hint: str) -> None:
    if pays:
        plan.do("expect.gone")
        plan.do(f"turn.{hint}")
        return
    if plan.maybe(0.55):
        plan.let(c=plan.person())
        plan.do("expect.thief")
        plan.do("turn.keeper")
        return
    plan.do("expect.gone")
    worn = plan.has("o", "wear")
    plan.do("turn.worn" if worn else "turn.own")


def broken(plan: Plan) -> None:
    """Somebody else's thing is broken; it is mended, or not."""
    begin(plan, "wild")
    plan.let(o=plan.thing("fragile"))
    opening(plan, "open.lives")
    if plan.maybe(0.6):
        plan.let(b=plan.elder())
        plan.do("own")
    else:
        plan.let(b=plan.person())
        plan.do("own.friend")
    guilty = plan.moral
    hint = plan.rng.choice(["crack", "shelf", "warn"] if guilty else ["crack", "shelf"]) if plan.hint else ""
    if hint == "warn":
        plan.do("warn.break")
    elif hint:
        plan.do(f"plant.{hint}")
    plan.paragraph()
    plan.do("break.run" if guilty and (hint == "warn" or plan.maybe()) else "break.cat")
    plan.do("fright")
    if hint:
        plan.do(f"pay.{hint}")
    ran = any(event.kind == "break.run" for event in plan.events)
    lied = guilty and not ran
    if plan.clash and lied and plan.maybe(0.6):
        plan.let(c=plan.person())
        plan.do("blame")
        plan.do("blame.back")
    else:
        if lied:
            plan.do("hide")
        if plan.clash:
            plan.do("glue.fail")
            plan.do("glue.again")
    _broken_ends(plan, lied, hint)


def _broken_ends(plan: Plan, lied: bool, hint: str) -> None:
    """What the owner says, and whether it is mended."""
    plan.paragraph()
    if plan.twist:
        plan.do("expect.mended" if plan.bad else "expect.angry")
    plan.do("find.out" if lied and plan.maybe() else "tell")
    if plan.bad:
        plan.do("turn.present" if plan.twist else "lost.for.good")
        feel(plan)
        close(plan, "end.broken", ("truth",) if lied else ("listen",) if hint == "warn" else ("care",), "b")
    elif plan.twist:
        plan.do("turn.laugh")
        feel(plan)
        close(plan, "end.laugh", ("truth",), "b")
    else:
        plan.do("forgive")
        plan.do("mend")
        if plan.maybe():
            plan.do("thank")
        feel(plan)
        close(plan, "end.mended", ("truth",) if lied else ("truth", "help"), "b")


def stuck(plan: Plan) -> None:
    """A thing is out of reach; somebody gets it back, or nobody can."""
    begin(plan, "stubborn")
    plan.let(o=plan.thing("light", but="food"))
    opening(plan, "open.has")
    guilty = (plan.moral and plan.maybe()) or (plan.moral and plan.bad)
    warned = guilty and plan.hint and plan.maybe()
    rope = plan.hint and not warned
    elder = plan.elder()
    if warned:
        plan.do("warn.stick", b=elder)
    plan.do("take")
    sights(plan)
    if rope:
        plan.let(q=plan.thing("tool", but="small"))
        plan.do("plant.rope")
    plan.do("play")
    plan.paragraph()
    plan.do("stick.left" if guilty else "stick.thing")
    if warned:
        plan.do("pay.warn", b=elder)
    if plan.clash:
        plan.do("reach")
        plan.do("poke")
    elif plan.maybe(0.3):
        plan.do("tired")
    plan.let(b=plan.person())
    friend = plan.maybe(0.7) or (plan.moral and not guilty)
    if friend:
        plan.one("join.friend", "join.new")
        plan.do("ask.free")
        plan.do("agree")
    plan.paragraph()
    _free(plan, rope, friend)
    feel(plan)
    lessons = (
        ("listen",)
        if warned
        else ("care",)
        if guilty
        else ("ready",)
        if rope and not plan.bad and not plan.twist
        else ("help",)
    )
    if not friend and not guilty and not rope:
        lessons = ("try",)
    close(plan, "end.stuck.bad" if plan.bad else "end.stuck", lessons, "b")


def _free(plan: Plan, rope: bool, friend: bool) -> None:
    if plan.bad:
        if rope:
            plan.do("paid.rope")
        if plan.twist:
            plan.do("expect.free")
            plan.do("turn.torn")
        else:
            plan.do("stay.stuck")
        return
    if plan.twist:
        plan.do("expect.stuck")
        if rope:
            plan.do("turn.rope")
        else:
            plan.do("turn.storm")
    elif rope:
        plan.do("pay.rope")
    elif friend:
        plan.do("free")
        plan.do("thank")
    else:
        plan.do("free.self")

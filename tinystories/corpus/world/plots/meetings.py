"""Plots about somebody else: hungry, new, heard in the dark, hiding, or wanting the same thing."""

from tinystories.corpus.world.lexicon import Thing, things
from tinystories.corpus.world.plan import Plan
from tinystories.corpus.world.plots.common import begin, close, feel, opening, sights


def share(plan: Plan) -> None:
    """One has food, another is hungry."""
    begin(plan, "greedy")
    plan.let(o=plan.thing("food"))
    opening(plan, "open.lives")
    if plan.maybe():
        plan.let(b=plan.elder())
        plan.do("bake")
    else:
        plan.do("pack")
    plan.do("take")
    sights(plan)
    if plan.hint:
        plan.do("plant.cloud")
    plan.paragraph()
    plan.let(c=plan.person())
    plan.do("beggar")
    plan.do("ask.food")
    greedy = plan.moral and plan.bad
    if plan.clash and (greedy or plan.moral):
        plan.do("refuse")
        plan.do("insist")
    elif plan.clash:
        plan.do("gull")
    if greedy:
        plan.do("hoard")
    _share_ends(plan)


def _share_ends(plan: Plan) -> None:
    """What becomes of the food."""
    plan.paragraph()
    if plan.bad:
        if plan.twist:
            plan.do("expect.sweet")
            plan.do("turn.cloud" if plan.hint else "turn.salt")
        else:
            plan.do("paid.cloud" if plan.hint else "spoil")
        feel(plan)
        close(plan, "end.share.bad", ("share", "greed"), "c")
        return
    if plan.twist:
        plan.do("expect.poor")
    plan.do("share")
    if plan.hint:
        plan.do("pay.cloud")
    if plan.twist:
        plan.do("turn.rich")
    elif not plan.hint or plan.maybe():
        plan.do("repay")
    feel(plan)
    close(plan, "end.share", ("share", "kind"), "c")


def friend(plan: Plan) -> None:
    """Somebody alone wants a friend and meets somebody new."""
    begin(plan, "proud")
    plan.let(o=plan.thing("toy"))
    opening(plan, "open.has")
    plan.do("lonely")
    plan.do("take")
    sights(plan)
    plan.do("play")
    plan.paragraph()
    plan.let(c=plan.person())
    plan.do("see.new")
    if plan.hint:
        plan.do("plant.wave")
    cold = plan.moral and plan.bad
    if plan.clash:
        if plan.maybe():
            plan.let(b=plan.person())
            plan.do("mock")
            plan.do("mock.answer")
            plan.do("give.way")
        else:
            plan.do("gate")
    if cold:
        plan.do("snub")
    _friend_ends(plan, cold)


def _friend_ends(plan: Plan, cold: bool) -> None:
    """Whether the two become friends."""
    plan.paragraph()
    if plan.bad:
        if plan.twist:
            plan.do("expect.nice")
            plan.do("turn.wave" if plan.hint else "turn.trick")
        elif cold:
            plan.do("ignore")
            if plan.hint:
                plan.do("paid.wave")
        else:
            plan.do("offer")
            plan.do("decline")
            if plan.hint:
                plan.do("paid.wave")
        feel(plan)
        close(plan, "end.friend.bad", ("kind",))
        return
    if plan.twist:
        plan.do("expect.mean")
        plan.let(o=plan.thing("toy"))
        plan.do("turn.kind")
        if plan.hint:
            plan.do("pay.wave")
    else:
        plan.do("offer")
        plan.do("accept")
        if plan.hint:
            plan.do("pay.wave")
    feel(plan)
    close(plan, "end.friend", ("judge",) if plan.twist else ("brave", "share"))


def noise(plan: Plan) -> None:
    """Something is heard in the dark, and somebody goes to look."""
    begin(plan, "timid")
    plan.let(o=plan.rng.choice(_lights()))
    opening(plan, "open.has")
    plan.do("go")
    sights(plan)
    plan.let(c=plan.person())
    if plan.hint:
        plan.do("plant.tail")
    plan.do("night")
    plan.paragraph()
    plan.let(s=plan.spot())
    plan.do("hear")
    if plan.twist:
        plan.do("expect.monster")
    elif not plan.moral and not plan.bad and plan.maybe():
        plan.do("know")
    if plan.clash:
        if plan.maybe(0.6):
            plan.let(b=plan.person())
            plan.do("join.friend")
            plan.do("ask.look")
            plan.do("not.go")
            plan.do("go.anyway")
            plan.do("light")
        else:
            plan.do("light")
            plan.do("stuck.door")
    else:
        plan.do("light")
    plan.do("turn.small" if plan.twist else "meet.small")
    plan.paragraph()
    if plan.bad:
        plan.do("scare.off" if plan.moral else "slip.off")
        if plan.hint:
            plan.do("paid.tail")
        feel(plan)
        close(plan, "end.noise.bad", ("kind", "judge"))
        return
    if plan.hint:
        plan.do("pay.tail")
    plan.do("free.small")
    if plan.talk or plan.maybe():
        plan.one("thank.small", "promise")
    close(plan, "end.noise", ("brave",) if plan.twist else ("kind", "brave"))


def _lights() -> list[Thing]:
    return [thing for noun in ("lantern", "lamp", "candle") for thing in things()[noun]]


def hide(plan: Plan) -> None:
    """A game of hide and seek."""
    plan.let(a=plan.person(), p=plan.place())
    plan.let(b=plan.person())
    opening(plan, "open.friends")
    plan.do("go.both")
    sights(plan)
    plan.do("game")
    quarrelled = plan.clash and plan.maybe()
    if quarrelled:
        plan.do("argue")
        plan.do("argue.back")
    plan.let(s=plan.spot())
    guilty = plan.moral and plan.bad
    hint = ("warn" if guilty and plan.maybe() else "sneeze") if plan.hint else ""
    if hint == "warn":
        plan.do("warn.hide")
    elif hint:
        plan.do("plant.sneeze")
    plan.do("count")
    plan.paragraph()
    plan.do("hide.in")
    if guilty and hint != "warn":
        plan.do("hide.far")
    if plan.clash and not quarrelled:
        plan.do("squeeze")
    if plan.maybe(0.7):
        plan.do("seek", s=plan.spot())
    if plan.maybe(0.5):
        plan.do("wait")
    _hide_ends(plan, hint, guilty, quarrelled)


def _hide_ends(plan: Plan, hint: str, guilty: bool, quarrelled: bool) -> None:
    """How the game ends."""
    plan.paragraph()
    if plan.bad:
        if plan.twist:
            plan.do("expect.best")
            if hint == "sneeze":
                plan.do("paid.sneeze")
            plan.do("turn.home")
        else:
            if hint == "sneeze":
                plan.do("paid.sneeze")
            plan.do("locked" if guilty or plan.maybe() else "forgot")
        if hint == "warn":
            if plan.twist:
                plan.do("locked")
            plan.do("pay.warn")
        feel(plan)
        close(plan, "end.hide.bad", ("listen",) if hint == "warn" else ("rule",))
        return
    if plan.twist:
        plan.do("expect.forgot.me")
        plan.do("turn.sneeze" if hint else "turn.found")
    else:
        plan.do("pay.sneeze" if hint else "found.hider")
    feel(plan)
    lessons = ("fight",) if quarrelled else ("judge",) if plan.twist else ("try", "wait")
    close(plan, "end.hide", lessons, "b")


def quarrel(plan: Plan) -> None:
    """Two want one thing."""
    plan.let(a=plan.person(), p=plan.place())
    plan.let(b=plan.person(), o=plan.thing("toy", "tool", "soft", "shiny"), s=plan.spot())
    opening(plan, "open.friends")
    plan.do("go.both")
    sights(plan, 0.6)
    plan.do("found.thing")
    hint = plan.hint and ("seam" if plan.bad else "lid")
    if hint:
        plan.do(f"plant.{hint}")
    plan.paragraph()
    plan.do("mine")
    plan.do("mine.too")
    if plan.moral or plan.maybe():
        plan.do("pull")
    plan.paragraph()
    if plan.bad:
        if plan.twist:
            plan.let(c=plan.person())
            plan.do("expect.win.it")
            plan.do("turn.seam" if hint else "turn.third")
        else:
            plan.do("paid.seam" if hint else "snap")
        plan.do("ruin")
        feel(plan)
        close(plan, "end.quarrel.bad", ("fight", "greed"))
        return
    if plan.twist:
        plan.do("expect.lost.friend")
        plan.do("turn.lid" if hint else "turn.give")
    else:
        plan.do("pay.lid" if hint else "take.turns")
    feel(plan)
    close(plan, "end.quarrel", ("fight", "share"), "b")

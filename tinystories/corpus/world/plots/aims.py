"""Plots about a thing that one has to come by, or to bring: saved for, given, carried far."""

from tinystories.corpus.world.plan import Plan
from tinystories.corpus.world.plots.common import begin, close, feel, opening, sights

_BUSY = ("park", "market", "train station", "zoo", "village square", "playground")
_FAR = ("farm", "market", "school", "lake", "hill", "orchard", "mountain", "village square", "bakery", "train station")


def earn(plan: Plan) -> None:
    """Something costs more than one has; one works for it, and gets it, or not."""
    begin(plan, "lazy")
    plan.let(o=plan.thing("toy", "wear", "shiny"), p=plan.place(*_BUSY), b=plan.elder())
    opening(plan, "open.goes" if plan.maybe() else "open.lives")
    if plan.events[0].kind == "open.lives":
        plan.do("go")
    sights(plan)
    plan.do("see.shop")
    plan.do("price")
    if plan.clash:
        plan.let(c=plan.person())
        plan.do("rival")
        plan.do("rival.push")
        plan.do("rival.answer")
    plan.paragraph()
    plan.do("job")
    lazy = plan.moral and plan.bad
    if lazy:
        plan.do("steal.time")
    else:
        for _ in range(1 + plan.maybe()):
            plan.do("chore")
    secret = not plan.bad and (plan.twist or plan.maybe(0.6))
    hint = ("hint" if secret else "purse") if plan.hint else ""
    if hint:
        plan.do(f"plant.{hint}")
    if lazy:
        plan.do("chore.late")
    plan.do("pay.coin")
    plan.paragraph()
    _buy(plan, hint)
    feel(plan)
    close(plan, "end.earn.bad" if plan.bad else "end.earn", ("work",))


def _buy(plan: Plan, hint: str) -> None:
    if plan.bad:
        if plan.twist:
            if hint:
                plan.do("expect.coins")
                plan.do("turn.purse")
            else:
                plan.do("expect.box")
                plan.do("turn.empty")
        elif hint:
            plan.do("paid.purse")
            plan.do("sold")
        else:
            plan.do("sold")
    elif plan.twist:
        plan.do("expect.sold")
        plan.do("turn.hint" if hint else "turn.gift")
    elif hint == "hint":
        plan.do("pay.hint")
    elif hint == "purse":
        plan.do("saved.purse")
        plan.do("buy")
    else:
        plan.do("buy")


def gift(plan: Plan) -> None:
    """A gift for somebody's birthday arrives, or doesn't."""
    begin(plan, "greedy")
    plan.let(o=plan.thing("toy", "wear", "soft", "fragile"), b=plan.person())
    opening(plan, "open.lives")
    plan.let(p=plan.place())
    plan.do("want.gift")
    plan.do("get.gift")
    hint = ""
    if plan.hint:
        hint = "string" if plan.bad else "spare"
        if hint == "spare":
            plan.let(q=plan.thing("small", "wear"))
        plan.do(f"plant.{hint}")
    plan.paragraph()
    plan.do("bring")
    if plan.maybe(0.4):
        plan.do("tired")
    if plan.clash:
        if plan.maybe():
            plan.let(c=plan.person())
            plan.do("gift.rival")
            plan.do("gift.demand")
            plan.do("gift.refuse")
        else:
            plan.do("gift.hinder")
    _gift_ends(plan, hint)


def _gift_ends(plan: Plan, hint: str) -> None:
    """Whether the gift is given, and how it is taken."""
    plan.paragraph()
    if plan.bad:
        if hint:
            plan.do("paid.string")
        elif plan.twist:
            plan.do("expect.love")
            plan.do("turn.same")
        else:
            plan.do("nibble" if plan.moral else "spill")
        if hint and plan.twist:
            plan.do("expect.mind")
            plan.do("turn.mind")
        elif not plan.twist:
            plan.do("empty.hands")
        feel(plan)
        greedy = any(event.kind == "nibble" for event in plan.events)
        close(plan, "end.gift.bad", ("greed",) if greedy else ("care", "ready") if hint else ("kind",), "b")
        return
    if plan.twist:
        plan.do("expect.forgot")
        plan.do("turn.surprise")
        if hint:
            plan.do("pay.spare.too")
    elif hint:
        plan.do("give")
        plan.do("pay.spare")
    else:
        sights(plan)
        plan.do("give")
    plan.do("glad")
    feel(plan)
    close(plan, "end.gift", ("ready", "kind") if hint else ("kind",), "b")


def journey(plan: Plan) -> None:
    """Something has to be carried far; it arrives, or doesn't."""
    begin(plan, "careless")
    plan.let(o=plan.thing("food", "soft", "light"), b=plan.elder(), p=plan.place(*_FAR))
    opening(plan, "open.lives", p=plan.place(outside=True))
    plan.do("send")
    stray = plan.moral and plan.bad
    hint = ("warn" if stray and plan.maybe() else "bag" if plan.bad else "boat") if plan.hint else ""
    if hint == "warn":
        plan.do("warn.road")
    plan.do("set.out")
    if hint == "bag":
        plan.do("plant.bag")
    plan.do("walk")
    if hint == "boat":
        plan.do("plant.boat")
    plan.paragraph()
    if plan.clash:
        if plan.maybe():
            plan.let(c=plan.person())
            plan.do("stop.by")
            plan.do("demand")
            plan.do("trick")
        else:
            plan.do("river")
    if plan.maybe(0.3):
        plan.do("tired")
    if stray:
        plan.do("stray")
        if hint == "warn":
            plan.do("pay.warn")
    _journey_ends(plan, hint)


def _journey_ends(plan: Plan, hint: str) -> None:
    """Whether the thing arrives."""
    plan.paragraph()
    if plan.bad:
        if plan.twist:
            plan.do("expect.there")
            plan.do("turn.bag" if hint == "bag" else "turn.wrong")
        else:
            plan.do("paid.bag" if hint == "bag" else "drop")
        plan.do("give.up")
        feel(plan)
        close(plan, "end.journey.bad", ("listen",) if hint == "warn" else ("care",))
        return
    if plan.twist:
        plan.do("expect.wolf")
        plan.do("turn.dad")
        if hint:
            plan.do("pay.boat.too")
    else:
        if hint:
            plan.do("pay.boat")
        plan.do("arrive")
    feel(plan)
    close(plan, "end.journey", ("kind",) if hint else ("judge",) if plan.twist else ("try",), "b")

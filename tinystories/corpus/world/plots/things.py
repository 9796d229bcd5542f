"""Plots about a thing: lost, broken, stuck, saved for, given, carried far."""

from tinystories.corpus.world.plan import Plan
from tinystories.corpus.world.plots.common import begin, close, feel, sights


def lost(plan: Plan) -> None:
    """A dear thing is lost; it is found, or not."""
    begin(plan)
    plan.let(o=plan.thing("small", "light", but="food"), b=plan.person())
    hints = ["hole", "bell", "crow"]
    hint = plan.rng.choice(hints) if plan.hint else ""
    plan.do("open.has")
    guilty = plan.moral and plan.bad or plan.moral and plan.maybe()
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
    elif hint == "" and plan.cast["o"].properties & {"light"} and plan.maybe():  # type: ignore[union-attr]
        plan.do("lose.wind")
    else:
        plan.do("lose.slip")
    plan.do("miss")
    if hint == "warn":
        plan.do("pay.warn", b=elder)
    together = ("here", plan.cast["b"].name) in plan.facts  # type: ignore[union-attr]
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
            plan.one("hinder.rain", "hinder.thorn", "hinder.dark", s=plan.spot())
    _search(plan, hint)


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
    accused = any(event.kind == "expect.thief" or event.kind == "accuse" for event in plan.events)
    lessons = ("care",) if guilty else ("judge",) if accused else ("help",)
    close(plan, "end.lost", lessons, "b")


def _turn_of_the_lost(plan: Plan, pays: bool, hint: str) -> None:
    if pays:
        plan.let(c=plan.person())
        plan.do("expect.gone")
        plan.do(f"turn.{hint}")
        return
    if plan.maybe(0.55):
        plan.let(c=plan.person())
        plan.do("expect.thief")
        plan.do("turn.keeper")
        return
    plan.do("expect.gone")
    worn = "wear" in plan.cast["o"].properties  # type: ignore[union-attr]
    plan.do("turn.worn" if worn else "turn.own")


def broken(plan: Plan) -> None:
    """Somebody else's thing is broken; it is mended, or not."""
    begin(plan)
    plan.let(o=plan.thing("fragile"))
    plan.do("open.lives")
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
    if plan.maybe(0.4):
        plan.do("greet")
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
    begin(plan)
    plan.let(o=plan.thing("small", "light", but="food"))
    high = "light" in plan.cast["o"].properties  # type: ignore[union-attr]
    plan.do("open.has")
    guilty = plan.moral and plan.maybe() and high or plan.moral and plan.bad
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
    plan.do("stick.left" if guilty else "stick.thing" if high else "stick.hole")
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
    lessons = ("listen",) if guilty else ("ready",) if rope and not plan.bad and not plan.twist else ("help",)
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


def earn(plan: Plan) -> None:
    """Something costs more than one has; one works for it, and gets it, or not."""
    begin(plan)
    plan.let(o=plan.thing("toy", "wear", "shiny"), p=plan.place(outside=True), b=plan.elder())
    plan.do("open.goes" if plan.maybe() else "open.lives")
    if plan.events[-1].kind == "open.lives":
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
    hint = plan.hint and ("hint" if not plan.bad and not plan.twist and plan.maybe(0.6) else "purse")
    if plan.hint and plan.twist and not plan.bad:
        hint = "hint"
    if hint:
        plan.do(f"plant.{hint}")
    if lazy:
        plan.do("chore")
    plan.do("pay.coin")
    plan.paragraph()
    _buy(plan, str(hint or ""))
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
    begin(plan)
    plan.let(o=plan.thing("toy", "wear", "soft", "fragile"), b=plan.person())
    plan.do("open.lives")
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
    sights(plan)
    if plan.clash:
        if plan.maybe():
            plan.let(c=plan.person())
            plan.do("gift.rival")
            plan.do("gift.demand")
            plan.do("gift.refuse")
        else:
            plan.do("gift.hinder")
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
        plan.do("give")
    plan.do("glad")
    feel(plan)
    close(plan, "end.gift", ("ready", "kind") if hint else ("kind",), "b")


def journey(plan: Plan) -> None:
    """Something has to be carried far; it arrives, or doesn't."""
    begin(plan)
    plan.let(o=plan.thing("food", "soft", "light"), b=plan.elder())
    plan.do("open.lives", p=plan.place(outside=True))
    plan.do("send")
    sender = plan.cast["b"]
    stray = plan.moral and plan.bad
    hint = plan.hint and ("warn" if stray and plan.maybe() else "bag" if plan.bad else "boat")
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
        plan.do("turn.dad", b=sender)
        if hint:
            plan.do("pay.boat.too")
    else:
        if hint:
            plan.do("pay.boat")
        plan.do("arrive")
    feel(plan)
    close(plan, "end.journey", ("kind",) if hint else ("judge",) if plan.twist else ("try",), "b")

"""Tasks that several plots share: how a story opens, what its people feel, how it closes."""

from tinystories.corpus.world.plan import Entity, Plan


def begin(plan: Plan, flaw: str) -> None:
    """The hero, alone, and an open place. flaw: what the hero is like where that brings the bad end."""
    trait = flaw if plan.moral and plan.bad else ""
    plan.let(a=plan.person(trait), p=plan.place(outside=True))


def sights(plan: Plan, probability: float = 0.65) -> None:
    if plan.maybe(probability):
        plan.do("sight")


def feel(plan: Plan) -> None:
    """What the hero says about how it went."""
    if (plan.talk and not plan.has_speech()) or plan.maybe(0.2):
        plan.do("say.sad" if plan.bad else "say.glad")


def close(plan: Plan, last: str, lessons: tuple[str, ...], teacher: str = "") -> None:
    """Lesson and last sentence, in either order."""
    plan.paragraph()
    if plan.maybe(0.65):
        plan.learn(lessons, teacher)
        plan.do(last)
    else:
        plan.do(last)
        plan.learn(lessons, teacher)


def opening(plan: Plan, kind: str, **roles: Entity) -> None:
    """The first sentence, and perhaps what the hero is like."""
    plan.do(kind, **roles)
    if plan.maybe(0.6):
        plan.do("way", **roles)

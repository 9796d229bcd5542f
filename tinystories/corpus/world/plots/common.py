"""Tasks that several plots share: how a story opens, what its people feel, how it closes."""

from tinystories.corpus.world.plan import Plan


def begin(plan: Plan) -> None:
    """The hero, alone, not anywhere in particular."""
    plan.let(a=plan.person(), p=plan.place(outside=True))


def sights(plan: Plan, probability: float = 0.5) -> None:
    if plan.maybe(probability):
        plan.do("sight")


def feel(plan: Plan) -> None:
    """What the hero says about how it went."""
    if plan.talk or plan.maybe(0.2):
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

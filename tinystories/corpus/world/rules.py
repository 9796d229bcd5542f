"""What the checker knows of the world: written apart from the events' own preconditions and effects.

Each table names kinds of events; roles are those of the language (a, b, c characters; o, q things).
"""

from typing import Final

# who has what afterwards
GETS: Final[dict[str, str]] = {
    "ao": "open.has get.gift send bake pack find found.by pay.hole pay.bell pay.crow turn.keeper turn.worn turn.own "
          "turn.hole turn.bell turn.crow free free.self pay.rope turn.storm turn.rope buy pay.hint turn.gift turn.hint "
          "turn.kind turn.give",
    "bo": "own own.friend give turn.surprise pay.lid",
    "aq": "plant.rope plant.spare",
    "bq": "pay.spare pay.spare.too",
}  # fmt: skip
# what becomes of a thing
LOST: Final = "lose.slip lose.wind lose.left stick.thing stick.left"
BROKEN: Final = "break.cat break.run"
MENDED: Final = "mend"
GONE: Final = (
    "never stay.stuck turn.torn sold turn.empty turn.purse spill nibble paid.string paid.cloud spoil "
    "turn.salt turn.cloud paid.seam snap turn.third turn.seam drop paid.bag turn.bag turn.wrong turn.trick "
    "lost.for.good turn.present turn.same"
)
# what can happen only with a thing in this state, and with one who has it
NEEDS: Final[dict[str, str]] = {
    "lost": "miss ask.find search search.two hinder.rain hinder.thorn hinder.dark find found.by expect.thief "
            "expect.gone expect.seen turn.keeper turn.leaf never reach poke ask.free free free.self expect.stuck "
            "expect.free turn.storm turn.torn stay.stuck accuse deny",
    "broken": "fright hide blame glue.fail glue.again tell find.out expect.angry mend pay.crack pay.shelf turn.laugh "
              "lost.for.good",
    "held": "take play together bring gift.hinder gift.rival gift.refuse light set.out walk river arrive share hoard "
            "offer give plant.hole plant.bell plant.crow plant.bag plant.string spill nibble end.lost end.stuck "
            "end.earn demand stop.by beggar",
    "whole": "end.mended end.gift end.journey",
    "away": "end.lost.bad end.stuck.bad end.gift.bad end.share.bad end.journey.bad end.quarrel.bad end.broken",
}  # fmt: skip
# whose characters, besides those whom the sentence introduces, are there from now on
COMES: Final[dict[str, str]] = {
    "own": "b", "send": "b", "seed.from": "b", "bake": "b", "job": "b",
    "give": "b", "turn.surprise": "b", "empty.hands": "b", "expect.love": "b", "expect.mind": "b", "turn.dad": "b",
    "want.gift": "b", "warn.lose": "b", "warn.break": "b", "warn.stick": "b", "warn.road": "b", "told.wait": "b",
}  # fmt: skip
LEAVES: Final[dict[str, str]] = {
    "give.way": "b", "crow.end": "c", "bully.stop": "c", "trick": "c", "scare.off": "c",
    "slip.off": "c", "turn.trick": "c", "decline": "c", "ignore": "c", "turn.third": "c", "turn.home": "b",
    "forgot": "b", "turn.wave": "c",
}  # fmt: skip
# who goes along; everyone else stays behind
GOES: Final[dict[str, str]] = {
    "open.goes": "a", "take": "a", "go": "a", "go.both": "ab", "bring": "a", "arrive": "a", "turn.dad": "ab",
}  # fmt: skip
# comments of the narrator, in which the absent may be spoken of as doing something
COMMENTS: Final = ("end", "lesson", "pay", "paid", "saved", "expect", "want", "accuse")

# hint -> what both the sentence that plants it and the one that pays it off must say (a regular expression)
HINTS: Final[dict[str, str]] = {
    "hole": "hole", "bell": "bell", "crow": "crow", "crack": "crack", "shelf": "shelf", "rope": r"\{q", "hint": "smile",
    "purse": "purse", "string": "string", "spare": r"\{q", "boat": "helped|pulled|gave", "bag": "bag", "frost": "cold",
    "rock": "bad spot", "shoe": "luck", "sky": "sky|rain", "cloud": "dark clouds", "tail": "footprints",
    "wave": "looked over", "sneeze": "sneez", "seam": "weak spot", "lid": "heav", "warn": "",
}  # fmt: skip

# a lesson fits a story in which one of these happened
LESSONS: Final[dict[str, str]] = {
    "rule": "hide.far",
    "care": "stick.left lose.left lose.slip lose.wind break.run break.cat drop turn.bag paid.bag turn.wrong pay.frost "
            "paid.string expect.mended",
    "listen": "warn.lose warn.break warn.stick warn.road warn.hide plant.frost",
    "truth": "blame hide tell find.out",
    "share": "share refuse hoard accept take.turns pay.lid turn.give turn.lid spoil turn.salt",
    "wait": "dig hurry water wait hide.in",
    "help": "agree mend help.train carry free",
    "try": "free.self poke build.fall try.more river arrive bully.answer hide.in",
    "boast": "boast",
    "kind": "glad share repay turn.rich snub ignore plant.boat free.small scare.off give turn.surprise nibble "
            "spill turn.same meet.small turn.small slip.off",
    "judge": "turn.keeper accuse turn.dad turn.kind turn.found turn.sneeze scare.off slip.off",
    "greed": "nibble hoard refuse mine",
    "fight": "pull mine argue",
    "brave": "light offer turn.small",
    "work": "chore chore.late steal.time practice skip.practice",
    "ready": "plant.rope plant.spare plant.string paid.string",
}  # fmt: skip

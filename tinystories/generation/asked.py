"""The fields of a request, unchecked: what requests.py checks one by one and contradictions.py together."""

from dataclasses import dataclass

from tinystories.text.tags import Tag


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One story asked for.

    prompt: the story begins with this text; with `last`, the text after it is written towards the last sentence.
    tags: what the story should have, such as "Twist".
    first, last: sentences that the story begins and ends with, word for word.
    start, end: the story's first and last word.
    words: words that should occur, in any regular inflection.
    avoid: words that must not occur, in any case, alone or before an 's; their inflections may.
    length: words that the whole story should have, about: it ends at a sentence end near it.
    max_tokens: tokens that the model may write at most; null = what the model's folder says.
    max_words: words that the whole story may have; it ends at the last sentence end within.
    temperature, top_k, top_p: sampling; null = what the model's folder says. Temperature 0 =
        the likeliest token, top_k 0 = all.
    min_p: only tokens at least this share as likely as the likeliest (Nguyen et al. 2024).
    repetition_penalty: a token that the story has already has its logit divided by this if positive,
        else multiplied (Keskar et al. 2019).
    no_repeat_ngram: no run of so many tokens occurs twice.
    eos_after: from so many tokens of the story on, the end grows likelier, by 0.1 nats with each;
        null = what the model's folder says, which for most models is never.
    beams: beam search of this width in place of sampling; story `index` is the search's index-th best.
    length_penalty: the search divides log-likelihoods by tokens ** length_penalty. Default 1.
    guidance: 1 = off; above, the controls are followed more closely (classifier-free guidance).
    best_of: so many candidates are written, and the best is taken: most controls met, then likeliest.
    seed, index: of the noise. Story `index` of a seed is the same whatever else is asked for beside it.
    """

    prompt: str | None = None
    tags: tuple[Tag, ...] = ()
    first: str | None = None
    last: str | None = None
    start: str | None = None
    end: str | None = None
    words: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    length: int | None = None
    max_tokens: int | None = None
    max_words: int | None = None
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    no_repeat_ngram: int | None = None
    eos_after: int | None = None
    beams: int | None = None
    length_penalty: float | None = None
    guidance: float | None = None
    best_of: int | None = None
    seed: int = 0
    index: int = 0

    @property
    def given(self) -> str:
        """What the story begins with, as far as it is given; its white space at the end left out."""
        return (self.prompt or "").rstrip() or self.first or self.start or ""

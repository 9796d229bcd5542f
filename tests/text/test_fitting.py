"""Fitting, measuring and tagging from files: what comes out, and what is refused."""

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from tinystories.corpus.record import story_id
from tinystories.errors import RequestError, SourceError
from tinystories.text.fitted import HERE, NAMES
from tinystories.text.fitting import fit, half
from tinystories.text.labels import read_gold, read_labels
from tinystories.text.tagfiles import fit_files, measure_files, tag_files
from tinystories.text.tagger import Tagger
from tinystories.text.tags import TAGS, Tag

# a made-up language in which one word says that a story has a tag
SIGNS: dict[Tag, str] = {
    "BadEnding": "They were gloomish.",
    "Conflict": "They wrangled all day.",
    "Dialogue": '"Plim," said the vod.',
    "Foreshadowing": "The nerk pointed the way.",
    "MoralValue": "So be a trump.",
    "Twist": "It was a zog.",
}


def made_up(number: int, seed: int = 1) -> tuple[dict[str, str], dict[str, list[Tag]]]:
    """Stories and labels by id; each tag in about a third, said by its sign."""
    draw = random.Random(seed)
    stories, labels = {}, {}
    for at in range(number):
        tags = [tag for tag in TAGS if draw.random() < 0.35]
        filler = [
            f"The {draw.choice(['vod', 'mib', 'pran'])} {draw.choice(['went', 'sat', 'slept'])}." for _ in range(6)
        ]
        text = f"Story {seed} {at} began{'x' * at}. " + " ".join(
            draw.sample(filler + [SIGNS[tag] for tag in tags], 6 + len(tags))
        )
        stories[story_id(text)] = text
        labels[story_id(text)] = tags
    return stories, labels


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """stories.jsonl and labels.jsonl of a made-up language, and gold.jsonl about other stories of it."""
    folder = tmp_path_factory.mktemp("labels")
    stories, labels = made_up(160)
    others, true = made_up(60, seed=2)
    lines(folder / "stories.jsonl", [{"text": text} for text in (stories | others).values()])
    lines(folder / "labels.jsonl", [{"id": identity, "tags": tags} for identity, tags in labels.items()])
    gold = [{"id": identity, "gold": {tag: tag in tags for tag in TAGS}} for identity, tags in true.items()]
    gold[0]["gold"]["Twist"] = None  # type: ignore[index]
    lines(folder / "gold.jsonl", gold)
    return folder


@pytest.fixture(scope="module")
def written(folder: Path) -> Path:
    out = folder / "out"
    fit_files([folder / "labels.jsonl"], [folder / "stories.jsonl"], folder / "gold.jsonl", out)
    return out


def test_a_fit_finds_what_says_the_tag(written: Path) -> None:
    for name in NAMES:
        tagger = Tagger.from_json(json.loads((written / f"{name}.json").read_text(encoding="utf-8")))
        for tag in TAGS:
            assert tagger.gold[tag]["f1"] > 0.9, (name, tag)


def test_each_model_is_fitted_on_its_own_half(folder: Path, written: Path) -> None:
    labels = read_labels(folder / "labels.jsonl")
    for name in NAMES:
        fitted_on = json.loads((written / f"{name}.json").read_text(encoding="utf-8"))["fitted_on"]
        assert fitted_on == sorted(identity for identity in labels if half(identity) == name)


def test_the_other_half_changes_nothing_in_a_model() -> None:
    stories, labels = made_up(160)
    own = {identity: tags for identity, tags in labels.items() if half(identity) == "judge"}
    flipped = labels | {identity: [] for identity in labels if identity not in own}
    assert fit("judge", stories, own).to_json() == fit("judge", stories, flipped).to_json()


def test_fitting_again_gives_the_same_bytes(folder: Path, written: Path, tmp_path: Path) -> None:
    back_to_front = lines(
        tmp_path / "labels.jsonl",
        [json.loads(line) for line in reversed((folder / "labels.jsonl").read_text().splitlines())],
    )
    fit_files([back_to_front], [folder / "stories.jsonl"], folder / "gold.jsonl", tmp_path)
    for name in NAMES:
        assert (tmp_path / f"{name}.json").read_bytes() == (written / f"{name}.json").read_bytes()


@pytest.mark.slow
def test_the_models_in_the_package_are_what_the_hand_labels_give(shared: Path, root: Path, tmp_path: Path) -> None:
    data, own = shared / "data", root / "benchmarks/tags/labels.jsonl"
    files = sorted(path for path in (data / "stories").iterdir() if path.name != "original-stories.jsonl")
    fit_files([data / "tag-labels.jsonl", own], files, data / "tag-gold.jsonl", tmp_path)
    for name in NAMES:
        assert (tmp_path / f"{name}.json").read_bytes() == (HERE / f"{name}.json").read_bytes()


def test_more_labels_teach_but_the_first_file_says_how_sure_to_be(folder: Path, written: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    others, strict = made_up(160, seed=3)
    stories = lines(tmp_path / "stories.jsonl", [{"text": text} for text in others.values()])
    # a reader who sees what the first one sees, and says yes to half of it
    more = [{"id": i, "tags": tags if n % 2 else []} for n, (i, tags) in enumerate(sorted(strict.items()))]
    files = [folder / "stories.jsonl", stories]
    fit_files([folder / "labels.jsonl", lines(tmp_path / "more.jsonl", more)], files, folder / "gold.jsonl", tmp_path)
    for name in NAMES:
        own, first = (json.loads((out / f"{name}.json").read_text()) for out in (tmp_path, written))
        assert (
            set(own["fitted_on"]) == {r["id"] for r in rows + more if half(r["id"]) == name} > set(first["fitted_on"])
        )
        for tag in TAGS:
            # 60 gold stories, so 0.1 is six of them; a reader's half of the yeses would be 0.17 of all less
            assert abs(own["gold"][tag]["mean_probability"] - first["gold"][tag]["mean_probability"]) < 0.1, tag


def test_a_story_in_two_files_of_labels_is_one_label_and_has_one_set_of_tags(folder: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    parts = [lines(tmp_path / f"{part}.jsonl", rows[60 * part : 100 + 60 * part]) for part in (0, 1)]
    assert read_labels(*parts) == read_labels(folder / "labels.jsonl")
    other = lines(tmp_path / "other.jsonl", [{**rows[0], "tags": [] if rows[0]["tags"] else ["Twist"]}])
    with pytest.raises(SourceError, match=f"other.jsonl: {rows[0]['id']} has other tags in a file before it"):
        read_labels(folder / "labels.jsonl", other)


def test_gold_that_is_fitted_to_is_refused(folder: Path, tmp_path: Path) -> None:
    labels = read_labels(folder / "labels.jsonl")
    gold = lines(tmp_path / "gold.jsonl", [{"id": next(iter(labels)), "gold": dict.fromkeys(TAGS, True)}])
    with pytest.raises(SourceError, match="gold must not be fitted to"):
        fit_files([folder / "labels.jsonl"], [folder / "stories.jsonl"], gold, tmp_path)


def test_labels_whose_stories_are_not_there_are_refused(folder: Path, tmp_path: Path) -> None:
    stories = lines(tmp_path / "stories.jsonl", [{"text": "Tom ran."}, {"text": "Tom fell."}])
    with pytest.raises(SourceError, match="160 of its stories are not in the files given"):
        fit_files([folder / "labels.jsonl"], [stories], None, tmp_path)


def test_too_few_labels_are_refused_by_name_of_the_tag(folder: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    few = [{**row, "tags": [tag for tag in row["tags"] if tag != "Twist"]} for row in rows]
    with pytest.raises(SourceError, match="Twist: 0 of the"):
        fit_files([lines(tmp_path / "labels.jsonl", few)], [folder / "stories.jsonl"], None, tmp_path)
    with pytest.raises(SourceError, match="no labels"):
        fit_files([lines(tmp_path / "none.jsonl", [])], [folder / "stories.jsonl"], None, tmp_path)
    assert not list(tmp_path.glob("judge.json"))


def test_without_scikit_learn_fitting_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(RequestError, match="pip install scikit-learn"):
        fit_files([folder / "labels.jsonl"], [folder / "stories.jsonl"])


def test_files_are_tagged_in_order_with_the_ids_of_label_files(tmp_path: Path) -> None:
    texts = ['Tom ran. "Hi!" said Sue. They  went home to eat.', "Tom ran home."]
    file = lines(tmp_path / "stories.jsonl", [{"text": text} for text in texts])
    talk, quiet = tag_files([file])
    assert talk.to_json() == {
        "id": story_id(texts[0]),
        "first_words": 'Tom ran. "Hi!" said Sue. They',
        "tags": ["Dialogue"],
    }
    assert (quiet.first_words, quiet.tags) == ("Tom ran home.", [])


def test_a_file_without_stories_is_told_before_the_first_story(tmp_path: Path) -> None:
    good = lines(tmp_path / "stories.jsonl", [{"text": "Tom ran."}])
    with pytest.raises(SourceError, match=r"no-such\.txt"):
        tag_files([good, tmp_path / "no-such.txt"])


def test_measuring_with_other_stories_than_the_gold_ones_is_refused(folder: Path, tmp_path: Path) -> None:
    file = lines(tmp_path / "stories.jsonl", [{"text": "Tom ran."}])
    with pytest.raises(SourceError, match="none of its 60 stories"):
        measure_files([file], folder / "gold.jsonl")
    measured = measure_files([folder / "stories.jsonl"], folder / "gold.jsonl")
    assert {measured[name]["Twist"]["n"] for name in NAMES} == {59}  # one label is null
    assert {measured[name]["Conflict"]["n"] for name in NAMES} == {60}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: expected an object"),
        ('{"id": "a"}', "line 2: expected"),
        ('{"id": 3, "tags": []}', "line 2: expected"),
        ('{"id": "a", "tags": ["Happy"]}', "line 2: expected"),
    ],
)
def test_a_bad_line_of_labels_is_named(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text('{"id": "0", "tags": ["Twist"]}\n' + line + "\n")
    with pytest.raises(SourceError, match=says):
        read_labels(file)
    with pytest.raises(SourceError):
        read_gold(file)


def test_labels_that_are_not_there_or_not_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no\.jsonl"):
        read_labels(tmp_path / "no.jsonl")
    (tmp_path / "labels.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(SourceError, match="not UTF-8"):
        read_gold(tmp_path / "labels.jsonl")

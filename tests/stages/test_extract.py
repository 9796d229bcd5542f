"""Extract: records from a source, with partitions by hash, limits by hash, and no story lost."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tinystories.corpus import parallel, progress
from tinystories.corpus.record import EXTRACTED, partition_of, story_id
from tinystories.errors import SourceError, ValidationError
from tinystories.files import read_json
from tinystories.params import load_params
from tinystories.paths import Paths
from tinystories.stages import extract


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    shutil.copytree(root / "pipeline", tmp_path / "pipeline")
    shutil.copy(root / "params.yaml", tmp_path)
    return tmp_path


def run(project: Path, *overrides: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    metrics = extract.run(load_params(project, overrides), Paths(project))
    assert metrics == read_json(Paths(project).extract_metrics)
    return metrics, pq.read_table(Paths(project).extracted).to_pylist()


def stories(count: int) -> list[str]:
    return [f"Once there was a cat with {number} toys. It ran. It was happy." for number in range(count)]


def write(project: Path, texts: list[str], name: str = "own.jsonl") -> str:
    (project / name).write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return f"source.path={name}"


def test_the_sample_needs_no_path_and_no_network(project: Path) -> None:
    metrics, rows = run(project, "source.path=nowhere", "source.world=0")  # source.path is for `files` alone
    assert metrics["stories"] == len(rows) == 1260
    assert pq.read_schema(Paths(project).extracted).equals(EXTRACTED)
    assert metrics["files"] == [{"file": "original-stories.jsonl", "layout": "json", "stories": 1260}]
    assert {row["tags_from"] for row in rows} == {"read"}
    assert metrics["with"] == {"features": 1260, "tags": 1260, "words": 1260, "summary": 1260}


def test_stories_of_the_world_come_with_true_tags_words_and_a_summary(project: Path) -> None:
    metrics, rows = run(project, "source.world=40")
    assert metrics["files"][1] == {"file": "world", "layout": "simulated", "stories": 40}
    told = [row for row in rows if row["tags_from"] == "world"]
    assert len(told) == 40 and {row["source"] for row in told} == {"world"}
    assert all(row["features"] is None and row["tags"] is not None for row in told)
    assert all(row["words"] and row["summary"] for row in told)


@pytest.mark.parametrize("source", ["source.world=40", "source.limit=100"])
def test_the_seed_draws_no_stories(project: Path, source: str) -> None:
    """Else two seeds of a recipe would be trained on different data, and be two recipes."""
    assert run(project, source, "seed=2") == run(project, source)


def test_the_same_inputs_give_the_same_bytes(project: Path) -> None:
    paths = Paths(project)
    run(project, "source.world=200")
    before = paths.extracted.read_bytes(), paths.extract_metrics.read_bytes()
    run(project, "source.world=200")
    assert (paths.extracted.read_bytes(), paths.extract_metrics.read_bytes()) == before
    assert str(project).encode() not in before[0] + before[1]


def test_a_record_keeps_the_text_and_has_its_id_and_partition_from_the_text(project: Path) -> None:
    texts = ["One  cat.\n\tTwo  dogs. The “end” 🎉.", *stories(200)]
    _, rows = run(project, "source.kind=files", write(project, texts))
    assert [row["text"] for row in rows] == texts
    for row in rows:
        assert row["story_id"] == story_id(row["text"])
        assert row["partition"] == partition_of(row["story_id"], 0.05, 0.1)


def undone(project: Path) -> list[bytes]:
    """The texts as they were, as docs/corpus.md says: each repaired one in its row replaced by what it was before."""
    texts = pq.read_table(Paths(project).extracted)["text"].to_pylist()
    for row in pq.read_table(Paths(project).repaired).to_pylist():
        texts[row["row"]] = row["before"]
    return [text.encode() for text in texts]


def test_stories_that_are_equal_once_repaired_are_undone_each_to_its_own(project: Path) -> None:
    texts = ["A café. It ran.", *stories(9000), "A cafÃ©. It ran.", "A café. It\0 ran.", "A café. It ran."]
    metrics, rows = run(project, "source.kind=files", write(project, texts))
    assert len({row["story_id"] for row in rows[9001:]} | {rows[0]["story_id"]}) == 1
    assert undone(project) == [text.encode() for text in texts] and metrics["repaired"]["stories"] == 2
    harmed = [text.replace("toys", "toys\x07") for text in stories(60)]
    metrics, rows = run(project, "source.kind=files", write(project, harmed), "source.limit=20")
    assert metrics["repaired"]["stories"] == 20
    assert undone(project) == [row["text"].replace("toys", "toys\x07").encode() for row in rows]


def test_what_is_repaired_is_counted_listed_and_can_be_undone(project: Path) -> None:
    texts = ["A cafÃ© is here. It ran.\r\nEnd.", "A \0cat.", "It ran.<|endoftext|>\nIt slept.", *stories(5)]
    metrics, rows = run(project, "source.kind=files", write(project, texts))
    expected = ["A café is here. It ran.\nEnd.", "A cat.", "It ran.\nIt slept.", *stories(5)]
    assert [row["text"] for row in rows] == expected
    assert all(row["story_id"] == story_id(row["text"]) for row in rows)
    assert metrics["repaired"] == {
        "stories": 3, "mojibake": 1, "line_ends": 1, "control_characters": 1, "separator": 1,
    }  # fmt: skip
    listed = pq.read_table(Paths(project).repaired).to_pylist()
    assert [(row["row"], row["story_id"], row["source"]) for row in listed] == [
        (number, story_id(expected[number]), "own.jsonl") for number in range(3)
    ]
    assert undone(project) == [text.encode() for text in texts]
    metrics, rows = run(project, "source.kind=files", write(project, texts), "clean.repair=false")
    assert [row["text"] for row in rows] == texts and metrics["repaired"]["stories"] == 0


def test_a_large_source_is_the_same_for_any_number_of_cores_and_goes_on_where_it_was_ended(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(project, stories(40_000))
    monkeypatch.setattr(parallel, "cores", lambda: 1)
    run(project, "source.kind=files", path)
    alone = Paths(project).extracted.read_bytes()
    monkeypatch.setattr(parallel, "cores", lambda: 2)
    run(project, "source.kind=files", path)
    assert Paths(project).extracted.read_bytes() == alone
    assert list((project / ".work").iterdir()) == []

    def ended(*_: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(parallel, "cores", lambda: 1)
    monkeypatch.setattr(extract, "write_json", ended)  # all shards are done by then, and the work isn't
    with pytest.raises(KeyboardInterrupt):
        run(project, "source.kind=files", path)
    assert len(list((project / ".work").glob("extract-*/*.arrow"))) == 5
    monkeypatch.undo()
    monkeypatch.setattr(parallel, "cores", lambda: 1)
    monkeypatch.setattr(parallel, "_write", ended)  # nothing is computed anew
    run(project, "source.kind=files", path)
    assert Paths(project).extracted.read_bytes() == alone


def test_while_it_runs_it_says_how_fast_and_what_was_left_out_so_far(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    (project / "own").mkdir()
    (project / "own" / "labels.jsonl").write_text('{"id": 1}\n')
    write(project, [*stories(50), "It ran.\r\nEnd."], "own/a.jsonl")
    said: list[str] = []
    settings = ["source.kind=files", "source.path=own", "source.limit=20"]
    extract.run(load_params(project, settings), Paths(project), said.append)
    assert [re.sub(r"[\d,]+ a second", "N a second", line) for line in said] == [
        "51 stories, N a second, 1 repaired, 1 files without stories, 31 beyond source.limit"
    ]


def test_stories_of_unlabelled_text_have_no_tags_and_do_not_claim_any_origin(project: Path) -> None:
    _, rows = run(project, "source.kind=files", write(project, stories(3)))
    for row in rows:
        assert row["features"] is row["tags"] is row["tags_from"] is row["words"] is None
        assert row["source"] == "own.jsonl"


def test_a_story_stays_in_its_partition_when_others_come_and_go(project: Path) -> None:
    texts = stories(300)
    _, before = run(project, "source.kind=files", write(project, texts))
    _, after = run(project, "source.kind=files", write(project, texts[:150:-1] + stories(900)[400:]))
    known = {row["story_id"]: row["partition"] for row in before}
    shared = [row for row in after if row["story_id"] in known]
    assert len(shared) == 149
    assert all(row["partition"] == known[row["story_id"]] for row in shared)


def test_equal_texts_are_never_on_both_sides_and_copies_are_kept_for_validate_to_count(project: Path) -> None:
    copies = [text.replace(" ", "\n", 1) for text in stories(300)]
    metrics, rows = run(project, "source.kind=files", write(project, stories(300) + copies))
    assert metrics["stories"] == 600
    first = {row["story_id"]: row["partition"] for row in rows[:300]}
    assert [first[row["story_id"]] for row in rows[300:]] == [row["partition"] for row in rows[300:]]


def test_stories_that_tagger_or_judge_were_fitted_on_are_in_training_whatever_their_hash_says(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = stories(300)
    held_out = [story_id(text) for text in texts if partition_of(story_id(text), 0.05, 0.1) != "train"]
    assert len(held_out) > 20
    monkeypatch.setattr(extract, "fitted_ids", lambda: frozenset(held_out[:20]))
    metrics, rows = run(project, "source.kind=files", write(project, texts))
    partitions = {row["story_id"]: row["partition"] for row in rows}
    assert {partitions[identity] for identity in held_out[:20]} == {"train"}
    assert "train" not in {partitions[identity] for identity in held_out[20:]}
    assert metrics["fitted_on_moved_to_train"] == 20


def test_spellings_of_features_become_ours_and_unknown_ones_stay_to_be_seen(project: Path) -> None:
    row = {"story": "A cat. It ran. End.", "instruction": {"features": ["bad ending", "Dialogue", "Romance", "Twist"]}}
    (project / "own.json").write_text(json.dumps([row, {"text": "B.", "tags": ["moral_value"], "features": []}]))
    _, rows = run(project, "source.kind=files", "source.path=own.json")
    assert [row["features"] for row in rows] == [["BadEnding", "Dialogue", "Twist", "Romance"], []]
    assert [row["tags"] for row in rows] == [None, ["MoralValue"]]


def test_a_limit_is_a_random_sample_and_not_the_first_stories(project: Path) -> None:
    texts = stories(400)
    path = write(project, texts + texts[:200])

    def chosen(*overrides: str) -> list[str]:
        return [row["text"] for row in run(project, "source.kind=files", path, *overrides)[1]]

    hundred = chosen("source.limit=100")
    assert len(set(hundred)) == 100
    assert hundred == [text for text in texts if text in set(hundred)], "reading order is kept"
    assert 20 < sum(text in texts[:200] for text in hundred) < 80, "from everywhere in the source"
    assert chosen("source.limit=100") == hundred
    assert set(hundred) < set(chosen("source.limit=150")), "a higher limit only adds"
    assert len(chosen("source.limit=1000")) == 400

    path = write(project, texts[::-1])
    assert set(chosen("source.limit=100")) == set(hundred), "the order of the source plays no part"


def test_a_limit_says_how_many_stories_were_left_out(project: Path) -> None:
    metrics, _ = run(project, "source.kind=files", write(project, stories(50)), "source.limit=20")
    assert (metrics["read"], metrics["stories"], metrics["left_out_by_limit"]) == (50, 20, 30)


def test_files_without_stories_stand_in_the_metrics(project: Path) -> None:
    (project / "folder").mkdir()
    write(project / "folder", stories(5), "good.jsonl")
    (project / "folder" / "labels.jsonl").write_text('{"id": 1}\n')
    metrics, _ = run(project, "source.kind=files", "source.path=folder")
    assert metrics["files"] == [{"file": "good.jsonl", "layout": "json", "stories": 5}]
    assert metrics["without_stories"] == [{"file": "labels.jsonl", "reason": "JSON without `story` or `text`"}]


def test_a_local_folder_in_the_hub_s_layout_gives_records(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    monkeypatch.setenv("HF_HOME", str(project / "cache"))
    (project / "tales" / "data").mkdir(parents=True)
    table = pa.table({"story": stories(4), "features": [["Dialogue"]] * 4, "words": [["cat"]] * 4})
    pq.write_table(table, project / "tales" / "data" / "train-00000-of-00001.parquet")
    metrics, rows = run(project, "source.kind=hub", "source.dataset=tales")
    assert [(row["text"], row["features"], row["words"], row["source"]) for row in rows] == [
        (text, ["Dialogue"], ["cat"], "tales") for text in stories(4)
    ]
    assert metrics["files"] == [{"file": "tales (train)", "layout": "hub", "stories": 4}]
    assert metrics["commit"] is None


def test_a_failed_extract_leaves_nothing_that_looks_finished(project: Path) -> None:
    good = b"A cat.\n<|endoftext|>\n" * 60_000  # the bad byte comes when rows have been written already
    (project / "own.txt").write_bytes(good + b"A caf\xe9.\n<|endoftext|>\n")
    with pytest.raises(ValidationError, match=f"byte offset {len(good) + 5};"):
        run(project, "source.kind=files", "source.path=own.txt")
    with pytest.raises(SourceError, match="no file or folder gone"):
        run(project, "source.kind=files", "source.path=gone")
    assert not Paths(project).extracted.exists()
    assert list((project / "data" / "extract").iterdir()) == []


def test_hand_labelled_stories_are_all_found_in_the_shared_text(project: Path, shared: Path) -> None:
    from tinystories.text.fitted import fitted_ids

    metrics, rows = run(project, "source.kind=files", f"source.path={shared / 'data' / 'stories'}")
    assert metrics["stories"] == 15_338 + 1_260
    partitions = {row["story_id"]: row["partition"] for row in rows}
    assert len(partitions) == 15_312 + 1_260
    for name in ("tag-gold.jsonl", "tag-labels.jsonl"):
        labelled = {json.loads(line)["id"] for line in (shared / "data" / name).read_text().splitlines()}
        assert labelled <= set(partitions)
    assert {partitions[identity] for identity in fitted_ids() & set(partitions)} <= {"train"}
    # all others are where their hash puts them; a tenth of 15,312 + 1,260 by hash, but for those that were fitted on
    shares = load_params(project).partitions
    rest = {identity: partition for identity, partition in partitions.items() if identity not in fitted_ids()}
    assert rest == {identity: partition_of(identity, shares.validation, shares.test) for identity in rest}
    assert list(rest.values()).count("test") > 1_100

"""The pages' logic, without a browser: what is typed is what is asked for, and trouble is one line."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.builders import sample, write_split
from tinystories import Request, StoryModel
from tinystories.app import settings
from tinystories.app.links import default_avoid, to_query
from tinystories.app.shelf import Shelf
from tinystories.app.wishes import values as form
from tinystories.text.sentences import split_story

SHORT = {"max_tokens": 12}
TROUBLE = 'class="ts-trouble"'


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """AppTest leaves its script as this process's __main__, which worker processes of later tests would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.fixture
def project(folder: Path, tmp_path: Path) -> Path:
    """A project with two models, to which the app is pointed."""
    for name in ("current", "older"):
        shutil.copytree(folder, tmp_path / "models" / name)
    settings.configure(settings.Settings(tmp_path, shelf=tmp_path / "shelf.sqlite"))
    return tmp_path


def script(page: str) -> None:
    from importlib import import_module

    from tinystories.app.views import parts

    parts.begin()
    import_module(f"tinystories.app.views.{page}").page()


def open_page(page: str, **query: Any) -> AppTest:
    at = AppTest.from_function(script, kwargs={"page": page}, default_timeout=120)
    for key, values in query.items():
        at.query_params[key] = values
    at.run()
    return well(at)


def well(at: AppTest) -> AppTest:
    assert not at.exception, at.exception[0].message
    return at


def html(at: AppTest) -> str:
    return "\n".join(piece.proto.body for piece in at.get("html"))


def press(at: AppTest, label: str) -> AppTest:
    return well(next(button for button in at.button if button.label == label).click().run())


def told(at: AppTest, page: str = "write") -> list[str]:
    return [story.text for story in at.session_state[f"{page}.told"].stories]


def test_what_is_typed_is_what_is_asked_for(project: Path, model: StoryModel) -> None:
    at = open_page("write")
    at.text_area(key="in.write.prompt").set_value("Once upon")
    at.get("button_group")[0].set_value(["Twist"])
    at.text_input(key="in.write.words").set_value("kite, river")
    at.number_input(key="in.write.max_tokens").set_value(12)
    at.number_input(key="in.write.temperature").set_value(0.5)
    at.number_input(key="in.write.seed").set_value(5)
    press(at, "Write")
    request = Request(
        prompt="Once upon",
        tags=("Twist",),
        words=("kite", "river"),
        seed=5,
        temperature=0.5,
        avoid=default_avoid(),
        **SHORT,
    )
    assert at.session_state["write.told"].request == request
    assert told(at) == [story.text for story in model.generate_many([request])]
    assert "the word “kite”" in html(at) and "none of" in html(at)


SAMPLED = {
    "start": "Once", "end": "home", "words": ("kite", "river"), "tags": ("Dialogue", "Twist"), "length": 30,
    "temperature": 0.7, "top_k": 40, "top_p": 0.9, "min_p": 0.05, "guidance": 1.5, "best_of": 2,
    "repetition_penalty": 1.1, "no_repeat_ngram": 6, "eos_after": 4, "max_words": 40, "max_tokens": 8, "seed": 5,
}  # fmt: skip
SEARCHED = {
    "first": "Tom ran.", "last": "He was home.", "beams": 2, "length_penalty": 1.2, "max_tokens": 6, "seed": 0,
}  # fmt: skip


@pytest.mark.parametrize("wishes", [SAMPLED, SEARCHED])
def test_every_wish_has_a_field_and_arrives(project: Path, wishes: dict[str, Any]) -> None:
    at = open_page("write")
    fields = {widget.key: widget for kind in ("text_area", "text_input", "number_input") for widget in at.get(kind)}
    at.get("button_group")[0].set_value(list(wishes.get("tags", ())))
    for name, value in wishes.items():
        if name != "tags":
            fields[f"in.write.{name}"].set_value(", ".join(value) if isinstance(value, tuple) else value)
    press(at, "Write")
    assert at.session_state["write.told"].request == Request(**wishes, avoid=default_avoid())
    own = {key.removeprefix("in.write.") for key in fields}
    assert own | {"tags", "index"} == form(Request()).keys(), "each wish has a field of its own; index is a link's"
    assert {*SAMPLED, *SEARCHED, "prompt", "avoid", "index"} == form(Request()).keys(), "and is set by some test"


@pytest.mark.parametrize(
    ("page", "button"), [("write", "Write"), ("fill", "Three middles"), ("compare", "Write with both")]
)
def test_the_words_to_avoid_are_on_unless_one_edits_or_empties_them(project: Path, page: str, button: str) -> None:
    at = open_page(page)
    assert at.text_area(key=f"in.{page}.avoid").value.split(", ") == list(default_avoid())
    for typed, avoided in (("Otter, owl", ("Otter", "owl")), ("", ())):
        at.text_area(key=f"in.{page}.avoid").set_value(typed)
        at.session_state[f"in.{page}.max_tokens"] = 6
        press(at, button)
        told_ = at.session_state[f"{page}.told"]
        assert (told_[0] if page == "compare" else told_).request.avoid == avoided


def test_a_link_tells_the_same_story_and_the_page_has_the_link(project: Path, model: StoryModel) -> None:
    request = Request(start="Lily", seed=9, avoid=default_avoid(), **SHORT)
    at = open_page("write", **to_query(request, 1, "0" * 16))
    assert told(at) == [model.generate_many([request])[0].text]
    assert "will be another story" not in html(at)
    links = [code.value for code in at.code]
    assert links == ["http://localhost:8501/?start=Lily&max_tokens=12&seed=9&model=0000000000000000"]
    assert at.text_input(key="in.write.start").value == "Lily"
    elsewhere = open_page("write", **to_query(request, 1, "f" * 16))
    assert "will be another story" in html(elsewhere)


def test_three_side_by_side_are_three_and_each_has_its_own_link(project: Path, model: StoryModel) -> None:
    request = Request(seed=4, avoid=default_avoid(), **SHORT)
    at = open_page("write", **to_query(request, 3))
    assert told(at) == [story.text for story in model.generate_many(request.repeat(3))]
    assert [code.value.partition("index=")[2][:1] for code in at.code] == ["", "1", "2"]
    alone = open_page("write", max_tokens="12", seed="4", index="2")
    assert told(alone) == told(at)[2:]


def test_again_is_the_same_wishes_with_another_seed(project: Path) -> None:
    at = open_page("write", prompt="Once", seed="3", max_tokens="12")
    before = at.session_state["write.told"].request
    press(at, "Again, with a new seed")
    after = at.session_state["write.told"].request
    assert (after.seed, after.prompt, after.max_tokens) == (4, before.prompt, 12)


@pytest.mark.parametrize("prompt", ["x" * 1_000_000, "<script>alert(1)</script>" * 400])
def test_what_does_not_fit_is_one_line_and_the_app_lives(project: Path, prompt: str) -> None:
    at = open_page("write", max_tokens="12")
    at.text_area(key="in.write.prompt").set_value(prompt)
    press(at, "Write")
    assert "leaves no room for a story" in html(at) and "<script>" not in html(at)
    assert len(html(at)) < 20_000
    at.text_area(key="in.write.prompt").set_value("Once")
    press(at, "Write")
    assert told(at)[0].startswith("Once") and TROUBLE not in html(at)


def test_wishes_that_contradict_each_other_are_one_line(project: Path) -> None:
    at = open_page("write")
    at.text_input(key="in.write.start").set_value("Lily")
    at.text_input(key="in.write.first").set_value("Tom ran.")
    press(at, "Write")
    assert TROUBLE in html(at) and "write.told" not in at.session_state


def test_a_damaged_model_is_one_line_and_another_one_works(project: Path) -> None:
    (project / "models/current/model.safetensors").write_bytes(b"broken")
    at = open_page("write", max_tokens="12", seed="1")
    assert "train or copy it again" in html(at)
    at.selectbox(key="in.write.model").set_value(str(project / "models/older"))
    press(at, "Write")
    assert len(told(at)) == 1 and TROUBLE not in html(at)


@pytest.mark.parametrize("page", ["write", "fill", "compare"])
def test_without_a_model_the_page_says_what_to_type(tmp_path: Path, page: str) -> None:
    settings.configure(settings.Settings(tmp_path, shelf=tmp_path / "shelf.sqlite"))
    at = open_page(page)
    assert "No model here yet" in html(at) and [code.value for code in at.code] == ["make repro"]


def test_a_middle_is_taken_edited_and_gone_on_with(project: Path) -> None:
    first, last = "Tom had a red kite.", "They went home."
    at = open_page("fill", first=first, last=last, max_tokens="12", seed="1", stories="3")
    assert len(told(at, "fill")) == 3
    assert all(text.startswith(first) and text.endswith(last) for text in told(at, "fill"))
    at.button(key="fill.take.1").click().run()
    assert well(at).text_area(key="in.fill.draft").value == told(at, "fill")[1]
    at.text_area(key="in.fill.draft").set_value(f"{first} It flew high. {last}")
    press(at, "Write on to the last sentence")
    [text] = told_more(at)
    assert text.startswith(f"{first} It flew high.") and text.endswith(last)
    press(at, "Go on after it")
    [text] = told_more(at)
    assert text.startswith(f"{first} It flew high. {last}")
    at.button(key="fill.take.more").click().run()
    assert well(at).text_area(key="in.fill.draft").value == text
    well(at.button(key="fill.draft.save").click().run())
    assert [story.text for story in Shelf(project / "shelf.sqlite").stories()] == [text]


def told_more(at: AppTest) -> list[str]:
    return [story.text for story in at.session_state["fill.more"].stories]


def test_two_models_are_asked_the_same(project: Path, model: StoryModel) -> None:
    at = open_page("compare")
    at.number_input(key="in.compare.seed").set_value(3)
    at.text_area(key="in.compare.prompt").set_value("Once upon a time")
    press(at, "Write with both")
    both = at.session_state["compare.told"]
    assert [each.choice.label for each in both] == ["models/current", "models/older"]
    assert both[0].request == both[1].request and both[0].stories[0].text == both[1].stories[0].text
    at.text_area(key="in.compare.text").set_value("Tom had a kite. " * 1000)
    press(at, "Show what surprises")
    assert html(at).count("ts-tale ts-heat") == 2 and "The first 6,000 characters of 16,000" in html(at)
    [score] = model.score([("Tom had a kite. " * 1000)[:6000]])
    assert f"<td>{score.nats / 0.6931471805599453 / 6000:.3f}</td>" in html(at)


def test_with_one_model_there_is_nothing_to_choose_and_the_page_says_so(project: Path) -> None:
    shutil.rmtree(project / "models/older")
    at = open_page("compare")
    assert not at.selectbox and "There is one model here, models/current." in html(at)
    at.text_area(key="in.compare.prompt").set_value("Once")
    press(at, "Write")
    [told_] = at.session_state["compare.told"]
    assert told_.stories[0].text.startswith("Once")


def test_a_story_is_kept_shown_and_deleted(project: Path) -> None:
    at = open_page("write", prompt="Once", max_tokens="12", seed="2")
    press(at, "Save")
    assert next(button for button in at.button if button.label == "Saved").disabled
    [kept] = Shelf(project / "shelf.sqlite").stories()
    assert (kept.text, kept.request["seed"], kept.model) == (told(at)[0], 2, "models/current")
    shelf = open_page("shelf")
    assert "begins “Once”" in html(shelf) and "models/current" in html(shelf)
    assert shelf.code[0].value.startswith("http://localhost:8501/?prompt=Once&max_tokens=12&seed=2")
    press(shelf, "Delete it")
    assert "Nothing here yet" in html(shelf) and Shelf(project / "shelf.sqlite").stories() == []


def test_the_corpus_is_searched_and_one_story_looked_at(project: Path) -> None:
    at = open_page("explore")
    assert [code.value for code in at.code] == ["make repro"]
    write_split(project / "data/split/stories.parquet", {"train": [row["story"] for row in sample(40)]})
    at = open_page("explore")
    assert (
        "40 of 40 stories" in html(at) and "ts-tale" in html(at) and "ts-columns" in html(at) and "ts-bars" in html(at)
    )
    wanted = sample(40)[17]
    word = max(wanted["story"].split(), key=len).strip('.,!?"')
    well(at.text_input(key="in.explore.query").set_value(word).run())
    assert word in html(at) and "40 of 40" not in html(at)
    well(at.text_input(key="in.explore.query").set_value("<script>nowhere").run())
    assert "No story is like that" in html(at)
    at.text_input(key="in.explore.query").set_value("")
    well(at.get("button_group")[0].set_value(["Dialogue"]).run())
    spoken = [row["story"] for row in sample(40) if '"' in row["story"]]
    assert f"{len(spoken)} of 40 stories" in html(at)
    most = sorted(len(story.split()) for story in spoken)[len(spoken) // 2]
    well(at.slider(key="in.explore.words").set_range(0, most).run())
    short = [story for story in spoken if len(story.split()) <= most]
    assert f"{len(short)} of 40 stories" in html(at)
    second = [button for button in at.button if str(button.key).startswith("explore.")][1]
    well(second.click().run())
    shown = next(story for story in short if split_story(story).first.strip()[:40] in second.label.replace("\\", ""))
    assert shown.split()[-1].strip('.!?"') in html(at) and f"{len(shown.split())} words" in html(at)
    assert html(at).count('class="ts-given"') == 2, "its first and its last sentence are marked"

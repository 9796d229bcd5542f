"""The grader against a server on this machine that speaks the same language and grades by rule."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tinystories.errors import TinyStoriesError
from tinystories.evaluation import grader as module
from tinystories.evaluation.grader import Grader, grade, grades, read_grades

GOOD = "Grammar: 8/10, Creativity: 7/10, Consistency: 9/10, Plot: 6/10, Age group: C"


class Standin(HTTPServer):
    """Answers the second question of each conversation with `verdict`; fails first where `failures` says so."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.failures: list[int] = []
        self.verdict = GOOD
        self.raw: bytes | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Standin

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append((self.path, dict(self.headers), body))
        if self.server.failures:
            self.send_error(self.server.failures.pop(0))
            return
        content = self.server.verdict if len(body["messages"]) > 1 else "It is a nice story."
        answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()
        answer = self.server.raw if self.server.raw is not None else answer
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(module, "WAITS", 0.01)
    standin = Standin()
    thread = threading.Thread(target=standin.serve_forever, args=(0.01,))
    thread.start()
    yield standin
    standin.shutdown()
    thread.join()
    standin.server_close()


def test_each_story_is_assessed_and_then_graded_and_every_message_is_kept(server: Standin) -> None:
    heard: list[int] = []
    stories = [("Tom had a", " dog. It ran."), ('He said, "', 'Go!" They went.')]
    graded = grade(Grader(server.address, "some-model", "secret"), stories, heard.append)
    assert heard == [1, 1]
    for one, (beginning, completion) in zip(graded, stories, strict=True):
        assert one.grades == {"grammar": 8, "creativity": 7, "consistency": 9, "plot": 6} and one.age == "C"
        roles = [message["role"] for message in one.messages]
        assert roles == ["user", "assistant", "user", "assistant"]
        assert f"{beginning}***{completion}" in one.messages[0]["content"]
        assert one.messages[1]["content"] == "It is a nice story." and one.messages[3]["content"] == GOOD
        assert one.to_json()["messages"] == list(one.messages)
        assert "secret" not in json.dumps(one.to_json())
    path, headers, body = server.requests[1]
    assert path == "/v1/chat/completions" and headers["Authorization"] == "Bearer secret"
    assert body == {"model": "some-model", "temperature": 0, "messages": list(graded[0].messages[:3])}
    assert len(server.requests) == 4


def test_without_a_key_none_is_sent(server: Standin) -> None:
    Grader(server.address + "/", "m").answer([{"role": "user", "content": "hello"}])
    assert "Authorization" not in server.requests[0][1] and server.requests[0][0] == "/v1/chat/completions"


def test_a_busy_server_is_asked_again(server: Standin) -> None:
    server.failures = [429, 503]
    assert Grader(server.address, "m").answer([{"role": "user", "content": "x"}]) == "It is a nice story."
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("failures", "message", "asked"),
    [([401], "TINYSTORIES_GRADER_KEY", 1), ([404], "grader_url and grader_model", 1), ([500] * 9, "500", module.TRIES)],
)
def test_a_server_that_will_not_grade_is_told_in_one_line(
    server: Standin, failures: list[int], message: str, asked: int
) -> None:
    server.failures = list(failures)
    with pytest.raises(TinyStoriesError, match=message) as caught:
        Grader(server.address, "m", "secret").answer([{"role": "user", "content": "x"}])
    assert "\n" not in str(caught.value) and "secret" not in str(caught.value)
    assert server.address in str(caught.value) and len(server.requests) == asked


@pytest.mark.parametrize("raw", [b"hello", b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": 3}}]}'])
def test_an_answer_that_is_no_chat_completion_is_told(server: Standin, raw: bytes) -> None:
    server.raw = raw
    with pytest.raises(TinyStoriesError, match="no chat completion"):
        Grader(server.address, "m").answer([{"role": "user", "content": "x"}])


def test_nobody_at_the_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITS", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(TinyStoriesError, match="did not grade"):
        Grader("http://127.0.0.1:9/v1", "m").answer([{"role": "user", "content": "x"}])


@pytest.mark.parametrize(
    ("answer", "found", "age"),
    [
        (GOOD, [8, 7, 9, 6], "C"),
        ("**Grammar**: 10/10\n**Creativity**: 7 / 10\n**Consistency**: 0/10\n**Plot**: 3/10\nAge group: b (4-5)",
         [10, 7, 0, 3], "B"),
        ("Grammar: 8/10, Creativity: 7/10, Consistency: 9/10", None, None),
        ("Grammar: 12/10, Creativity: 7/10, Consistency: 9/10, Plot: 6/10, Age group: Z", None, None),
        ("I can't grade this.", None, None),
    ],
)  # fmt: skip
def test_grades_are_read_or_said_to_be_missing(answer: str, found: list[int] | None, age: str | None) -> None:
    values, letter = read_grades(answer)
    assert (None if values is None else list(values.values())) == found and letter == age


def test_the_means_of_three_stories_one_unreadable_are_as_worked_by_hand(server: Standin) -> None:
    grader = Grader(server.address, "m")
    graded = grade(grader, [("A", " b.")])
    server.verdict = GOOD.replace("8", "4").replace(": C", ": E")
    graded += grade(grader, [("A", " c.")])
    server.verdict = "No."
    graded += grade(grader, [("A", " d.")])
    measured = grades(graded)
    assert (measured["stories"], measured["unreadable"], measured["grammar"], measured["plot"]) == (3, 1, 6, 6)
    assert measured["grammar_low"] <= 6 <= measured["grammar_high"]
    assert measured["age_group"] == {"A": 0, "B": 0, "C": 1, "D": 0, "E": 1, "F": 0}

"""`tinystories generate` as a person meets it: a real process at a real terminal."""

import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.cells import cell_len
from rich.text import Text

from tests.conftest import ROOT
from tinystories import StoryModel
from tinystories.commands.requested import requests_command

WIDTH = 60
PATIENCE = 120.0  # seconds; a machine may be busy


@dataclass
class Typed:
    """A command at a terminal: `pieces` are what arrived there, in the order and the portions in which it came."""

    process: "subprocess.Popen[bytes]"
    terminal: int
    pieces: list[bytes] = field(default_factory=list)

    @property
    def shown(self) -> str:
        return b"".join(self.pieces).decode("utf-8", errors="ignore").replace("\r\n", "\n")

    def read(self) -> bool:
        """One portion more; whether there was one before the end."""
        ready, _, _ = select.select([self.terminal], [], [], PATIENCE)
        assert ready, "nothing came"
        try:
            piece = os.read(self.terminal, 65536)
        except OSError:  # how Linux says that nobody has the terminal open any more
            piece = b""
        self.pieces += [piece] if piece else []
        return bool(piece)

    def finish(self) -> int:
        while self.read():
            pass
        return self.process.wait(PATIENCE)


@contextmanager
def typed(*arguments: object, terminal: str = "stdout") -> Iterator[Typed]:
    """`tinystories ARGUMENTS`, with `terminal` ("stdout" or "stderr") at one, the other in a pipe."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    env |= {"PYTHONPATH": str(ROOT), "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, terminal: theirs}
    command = [sys.executable, "-m", "tinystories", *map(str, arguments)]
    # what a shell starts in the background ignores Ctrl-C, and so would what this test starts
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stdin=theirs, stdout=streams["stdout"], stderr=streams["stderr"], env=env)
    signal.signal(signal.SIGINT, before)
    os.close(theirs)
    try:
        yield Typed(process, ours)
    finally:
        process.kill()
        process.communicate()
        os.close(ours)


def test_at_a_terminal_the_words_come_while_the_story_is_written(folder: Path, model: StoryModel) -> None:
    with typed("generate", "--start", "Once", "--max-tokens", 240, "--seed", 4, "--model", folder) as command:
        assert command.read()
        command.process.send_signal(signal.SIGSTOP)  # from here on nothing is written
        begun = command.shown
        command.process.send_signal(signal.SIGCONT)
        code = command.finish()
        said = command.process.stderr.read().decode() if command.process.stderr else ""
    [story] = model.generate(start="Once", max_tokens=240, seed=4)
    assert (code, command.shown) == (0, f"{story.text}\n")
    assert story.text.startswith(begun) and 0 < len(begun) < len(story.text) / 2
    assert len(command.pieces) > 5
    assert said.startswith("1 story, ") and "start 1/1" in said


def test_in_a_pipe_a_story_comes_at_once_and_without_colours(folder: Path, model: StoryModel) -> None:
    with typed(
        "generate", "--start", "Once", "--max-tokens", 240, "--seed", 4, "--model", folder, terminal="stderr"
    ) as command:
        assert command.process.stdout is not None
        first = os.read(command.process.stdout.fileno(), 65536)
        rest = command.process.stdout.read()
    [story] = model.generate(start="Once", max_tokens=240, seed=4)
    assert (first.decode(), rest) == (f"{story.text}\n", b"")


def test_several_stories_are_panels_as_wide_as_the_terminal(folder: Path, model: StoryModel) -> None:
    asked = ["--start", "Once", "--end", "home", "--max-tokens", 12, "--seed", 4, "--count", 3]
    with typed("generate", *asked, "--model", folder) as command:
        code = command.finish()
    stories = model.generate(start="Once", end="home", max_tokens=12, seed=4, count=3)
    lines = Text.from_ansi(command.shown).plain.splitlines()
    assert all(cell_len(line) == WIDTH for line in lines if line)
    shown = " ".join(lines)
    assert [f"{n} of 3, seed 4, index {n - 1}" in shown for n in (1, 2, 3)] == [True] * 3
    ends = [story.met["end"] for story in stories]
    assert shown.count("✓ start") == 3 and (shown.count("✓ end"), shown.count("✗ end")) == (sum(ends), 3 - sum(ends))
    assert code == (0 if any(ends) else 1)
    assert "\x1b[3" in command.shown


def test_ctrl_c_ends_a_story_with_130_and_no_traceback(folder: Path) -> None:
    with typed("generate", "--model", folder, "--max-tokens", 240, "--temperature", 2) as command:
        assert command.read()
        command.process.send_signal(signal.SIGINT)
        code = command.finish()
        said = command.process.stderr.read().decode() if command.process.stderr else ""
    assert code == 130 and "Traceback" not in said


def test_an_end_word_that_is_not_the_last_is_said_and_ends_with_1(folder: Path) -> None:
    with typed("generate", "--start", "Once", "--end", "home", "--max-tokens", 2, "--model", folder) as command:
        code = command.finish()
        said = command.process.stderr.read().decode() if command.process.stderr else ""
    assert code == 1 and command.shown.startswith("Once")
    assert "start 1/1, end 0/1" in said and "not met by any of 1: end" in said


def asked_for(tmp_path: Path, folder: Path, count: int) -> tuple[list[object], Path]:
    file, out = tmp_path / "asked.jsonl", tmp_path / "told.jsonl"
    lines = [json.dumps({"start": "Once", "max_tokens": 40 + n, "seed": n}) for n in range(count)]
    file.write_text("\n".join(lines))
    return ["generate", "--requests", file, "--out", out, "--model", folder], out


def test_a_file_of_requests_has_a_bar_at_a_terminal(tmp_path: Path, folder: Path) -> None:
    command_line, out = asked_for(tmp_path, folder, 140)
    with typed(*command_line, terminal="stderr") as command:
        assert command.finish() == 0
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", command.shown)  # each state of the bar, not the last alone
    counts = [int(done) for done in re.findall(r"(\d+)/140", plain)]
    assert counts[-1] == 140 and counts == sorted(counts) and len(set(counts)) > 1, "it moves"
    assert "━" in plain and "140 stories" in plain
    assert len(out.read_text().splitlines()) == 140
    with typed(*command_line, terminal="stderr") as again:
        assert again.finish() == 0
    assert again.shown == f"140 of 140 stories are in {out} already\nnothing to do\n"


def test_a_file_of_requests_stopped_by_ctrl_c_goes_on_to_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    command_line, out = asked_for(tmp_path, folder, 140)
    whole = tmp_path / "whole.jsonl"
    assert requests_command(folder, tmp_path / "asked.jsonl", whole, False, print, print).code == 0
    with typed(*command_line) as command:
        started = time.monotonic()
        while not (out.exists() and out.stat().st_size):
            assert command.process.poll() is None and time.monotonic() - started < PATIENCE
            time.sleep(0.005)
        command.process.send_signal(signal.SIGINT)
        code = command.process.wait(PATIENCE)
        said = command.process.stderr.read().decode() if command.process.stderr else ""
    there = out.read_bytes()
    assert (code, there.count(b"\n")) in ((130, 64), (130, 128))
    assert "Traceback" not in said and "type the same again to go on" in said
    assert whole.read_bytes().startswith(there)
    with typed(*command_line) as command:
        assert command.process.wait(PATIENCE) == 0
    assert out.read_bytes() == whole.read_bytes()

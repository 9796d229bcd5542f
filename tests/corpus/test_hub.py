"""The hub: a local folder in its layout, a small hub of our own, and no hub at all.

Each case runs in a process of its own, because the hub's libraries read their settings when imported.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NEWER = "f" * 40
NO_HUB = "http://127.0.0.1:9"  # the discard port: nothing answers

READ = """
import json, sys
from pathlib import Path
from tinystories.corpus.hub import open_dataset
from tinystories.errors import SourceError
try:
    source = open_dataset(sys.argv[1], Path.cwd(), Path("pins.json"))
    answer = {"commit": source.commit, "parts": [part.name for part in source.parts],
              "texts": [story.text for part in source.parts for story in part.read()],
              "features": [story.features for part in source.parts for story in part.read()]}
except SourceError as error:
    answer = {"error": str(error)}
import huggingface_hub.constants as constants
print(json.dumps({**answer, "telemetry": not constants.HF_HUB_DISABLE_TELEMETRY}))
"""


def read(folder: Path, root: Path, name: str, endpoint: str = NO_HUB) -> dict[str, Any]:
    """open_dataset(name) in `folder`, which also holds the hub's cache."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "DO_NOT_TRACK"))}
    environment |= {"HF_HOME": str(folder / "cache"), "HF_ENDPOINT": endpoint, "PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", READ, name],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Retrying" not in done.stderr, "without a network it says so at once"
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer.pop("telemetry") is False
    return answer


def parquet(**columns: list[Any]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs: one data set, one commit, its files."""

    protocol_version = "HTTP/1.1"
    commit = COMMIT
    requests: list[str] = []  # noqa: RUF012
    files = {  # noqa: RUF012
        "README.md": b"---\nlicense: cdla-sharing-1.0\n---\n",
        "data/train-00000-of-00001.parquet": parquet(text=["Once upon a time.", "A dog ran."]),
        "data/validation-00000-of-00001.parquet": parquet(text=["An owl sat."]),
        "TinyStories-train.txt": b"not wanted",
    }

    def log_message(self, *_: object) -> None:
        self.requests.append(self.path)

    def answer(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        api, resolve = "/api/datasets/own/tales", f"/datasets/own/tales/resolve/{self.commit}/"
        if path.startswith(f"{api}/tree/{self.commit}"):
            tree = [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in self.files.items()
            ]
            self.answer(json.dumps(tree).encode(), Content_Type="application/json")
        elif path in (api, f"{api}/revision/{self.commit}"):
            info = {"id": "own/tales", "sha": self.commit, "siblings": [{"rfilename": name} for name in self.files]}
            self.answer(json.dumps(info).encode(), Content_Type="application/json")
        elif path.removeprefix(resolve) in self.files:
            data = self.files[path.removeprefix(resolve)]
            self.answer(data, ETag=f'"{hashlib.sha1(data).hexdigest()}"', X_Repo_Commit=self.commit)
        else:
            self.answer(b"{}", 404, X_Error_Code="RepoNotFound")

    do_HEAD = do_GET


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Hub.commit = COMMIT
    Hub.requests.clear()
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_local_folder_in_the_hub_s_layout_is_read_without_network_and_without_a_pin(
    tmp_path: Path, root: Path
) -> None:
    data = tmp_path / "tales" / "data"
    data.mkdir(parents=True)
    (data.parent / "README.md").write_text("---\nlicense: mit\n---\n# Tales\n")
    (data / "train-00000-of-00002.parquet").write_bytes(parquet(story=["One."], features=[["Twist"]], prompt=["p"]))
    (data / "train-00001-of-00002.parquet").write_bytes(parquet(story=["Two."], features=[[]], prompt=["p"]))
    (data / "validation-00000-of-00001.parquet").write_bytes(parquet(story=["Three."], features=[None], prompt=["p"]))
    answer = read(tmp_path, root, "tales")
    assert answer["texts"] == ["One.", "Two.", "Three."]
    assert answer["features"][:2] == [["Twist"], []]
    assert answer["parts"] == ["tales (train)", "tales (validation)"]
    assert answer["commit"] is None
    assert not (tmp_path / "pins.json").exists()


def test_a_folder_that_datasets_saved_is_read_as_it_is(tmp_path: Path, root: Path) -> None:
    """Arrow files, with a column of another name mapped: what `save_to_disk` leaves of one or several splits."""
    import datasets

    columns = {"story": ["One.", "Two."], "features": [["Twist"], []], "words": [["a"], ["b"]]}
    data = datasets.Dataset.from_dict(columns)
    data.save_to_disk(tmp_path / "single")
    datasets.DatasetDict(train=data, validation=data.select([0])).save_to_disk(tmp_path / "several")
    assert read(tmp_path, root, "single")["texts"] == ["One.", "Two."]
    answer = read(tmp_path, root, "several")
    assert answer["texts"] == ["One.", "Two.", "One."]
    assert answer["features"] == [["Twist"], [], ["Twist"]]


def test_the_commit_is_pinned_at_the_first_use_and_used_from_then_on(tmp_path: Path, root: Path, hub: str) -> None:
    expected = {
        "commit": COMMIT,
        "parts": ["own/tales (train)", "own/tales (validation)"],
        "texts": ["Once upon a time.", "A dog ran.", "An owl sat."],
        "features": [None] * 3,
    }
    (tmp_path / "pins.json").write_text('{"some/other": "' + NEWER + '"}')
    assert read(tmp_path, root, "own/tales", hub) == expected
    assert json.loads((tmp_path / "pins.json").read_text()) == {"own/tales": COMMIT, "some/other": NEWER}
    assert not any("TinyStories-train.txt" in request for request in Hub.requests)

    # without a network the pinned commit comes from the cache, and only if all of it is there
    assert read(tmp_path, root, "own/tales") == expected
    (part,) = tmp_path.glob("cache/hub/*/snapshots/*/data/validation*")
    part.unlink()
    assert "has not all files of the pinned commit 0123456789ab" in read(tmp_path, root, "own/tales")["error"]

    # what the cache has of another commit is never taken for the pinned one
    (tmp_path / "pins.json").write_text(json.dumps({"own/tales": NEWER}))
    assert "has not all files of the pinned commit ffffffffffff" in read(tmp_path, root, "own/tales")["error"]


def test_offline_the_error_says_what_to_do_and_no_commit_is_invented(tmp_path: Path, root: Path) -> None:
    error = read(tmp_path, root, "roneneldan/TinyStories")["error"]
    assert "can't be reached" in error
    assert "hf download roneneldan/TinyStories" in error
    assert "source.kind=files" in error
    assert "\n" not in error
    assert not (tmp_path / "pins.json").exists()


def test_a_data_set_that_the_hub_does_not_know_is_named_and_not_pinned(tmp_path: Path, root: Path, hub: str) -> None:
    error = read(tmp_path, root, "own/tails", hub)["error"]
    assert "refuses own/tails" in error
    assert "spelling" in error
    assert not (tmp_path / "pins.json").exists()


@pytest.mark.parametrize(
    ("name", "pins", "message"),
    [
        ("stories", "{}", "neither a folder nor owner/name"),
        ("/no/such/folder", "{}", "neither a folder nor owner/name"),
        ("own/tales", '{"own/tales": "main"}', "'main' is no commit"),
        ("empty", "{}", "can't be read as a data set"),
        ("numbers", "{}", "without a `story` or `text` column (it has: number)"),
    ],
)
def test_what_can_not_be_a_data_set_is_refused_in_one_line(
    tmp_path: Path, root: Path, name: str, pins: str, message: str
) -> None:
    (tmp_path / "pins.json").write_text(pins)
    (tmp_path / "empty").mkdir()
    (tmp_path / "numbers").mkdir()
    (tmp_path / "numbers" / "train.parquet").write_bytes(parquet(number=[1]))
    error = read(tmp_path, root, name)["error"]
    assert message in error
    assert "\n" not in error


def test_dataprep_takes_a_data_set_of_the_hub(tmp_path: Path, root: Path, hub: str) -> None:
    def dataprep(endpoint: str, out: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HF_HOME": str(tmp_path / "cache"), "HF_ENDPOINT": endpoint}
        return subprocess.run(
            [sys.executable, "-m", "tinystories", "dataprep", "own/tales", "--out", out, "--train-fraction", "1"],
            cwd=tmp_path, env={**environment, "PYTHONPATH": str(root)}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    done = dataprep(NO_HUB, "a")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1) and "own/tales" in done.stderr
    assert not list(tmp_path.glob("*.csv")) and not (tmp_path / "pipeline").exists()
    done = dataprep(hub, "b")
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "b-train.csv").read_text()
    assert [text in told for text in ("Once upon a time.", "A dog ran.", "An owl sat.")] == [True] * 3
    assert json.loads((tmp_path / "pipeline/hub-pins.json").read_text()) == {"own/tales": COMMIT}

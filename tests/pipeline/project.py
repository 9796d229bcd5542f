"""A copy of this repository to run pipelines in."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SMALL = {
    "source.limit": 150, "source.world": 100,
    "partitions.validation": 0.1,
    "tokenize.vocab_size": 500,
    "model.width": 32, "model.layers": 2, "model.heads": 2, "model.ffn": 64, "model.context": 256,
    "train.steps": 24, "train.threads": 1, "train.batch_tokens": 1024,
    "train.validate_every": 8, "train.checkpoint_every": 8, "train.validation_stories": 8,
    "evaluate.stories": 8, "evaluate.bootstrap": 40, "evaluate.per_tag": 2, "evaluate.infillings": 2,
    "evaluate.max_tokens": 60, "evaluate.choices": 6, "evaluate.pairs": 4,
}  # fmt: skip


@dataclass(frozen=True)
class Project:
    """A copy of this repository, committed to a git of its own."""

    root: Path

    @property
    def env(self) -> dict[str, str]:
        bin_ = Path(sys.executable).parent
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DVC_", "MLFLOW_", "GIT_"))}
        identity = {
            f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        own = {
            "PATH": f"{bin_}{os.pathsep}{kept['PATH']}",
            "PYTHONPATH": str(self.root),  # the copy comes before an editable install of the original
            "OMP_NUM_THREADS": "1",  # other tests run beside it
        }
        return {**kept, **identity, **own}

    def run(
        self, command: str, env: Mapping[str, str] | None = None, **options: object
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command in the project; fails the test if the command fails."""
        done = self.try_(command, env, **options)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def try_(
        self, command: str, env: Mapping[str, str] | None = None, **options: object
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, shell=True, cwd=self.root, env={**self.env, **(env or {})}, capture_output=True, text=True,
            check=False, stdin=subprocess.DEVNULL, **{"timeout": 300, **options},
        )  # type: ignore[call-overload]  # fmt: skip

    def set(self, values: Mapping[str, object]) -> None:
        """Put values into params.yaml, as an editor would; comments stay."""
        lines = (self.root / "params.yaml").read_text().splitlines()
        section = ""
        left = dict(values)
        for i, line in enumerate(lines):
            if found := re.match(r"(\s*)(\w+):(\s+[^\s#]+)?", line):
                section = section if found[1] else found[2]
                key = f"{section}.{found[2]}" if found[1] else found[2]
                if key in left and found[3]:
                    lines[i] = f"{found[1]}{found[2]}: {left.pop(key)}{line[found.end() :]}"
        assert not left, f"no such keys in params.yaml: {left}"
        (self.root / "params.yaml").write_text("\n".join(lines) + "\n")

    def commit(self, message: str) -> None:
        self.run(f"git add -A && git commit -q --allow-empty -m {shlex.quote(message)}")


def copy_repository(root: Path, to: Path) -> Project:
    """What a clone would have: tracked files and new ones that git does not ignore, as they are now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (root / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, to / name)
    project = Project(to)
    project.run("git init -q -b main .")
    return project

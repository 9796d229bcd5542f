"""Which files of the package a stage really depends on, and dvc.yaml kept in step with that.

`python -m pipeline.closure` rewrites the lines of code in dvc.yaml's `deps`; a test compares them.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "tinystories"
STAGES = ("extract", "validate", "split", "tokenize", "train", "evaluate", "report")


def closure(root: Path, stage: str) -> list[str]:
    """Files, from `root`, that stages/STAGE.py imports directly or not, itself included, sorted.

    Imports inside functions count; those for type checkers alone do not. Of an __init__.py only
    the imports at its top count: what it hands out lazily is for users, and no stage asks for it.
    Files of data that a module names, such as "tagger.json" beside it, belong to it. Empty files
    are left out: DVC warns of each at every step, and an __init__.py that gets a line comes in.
    """
    waiting = [root / PACKAGE / "stages" / f"{stage}.py"]
    found: set[Path] = set()
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.add(module)
        if module.suffix == ".py":
            tree = ast.parse(module.read_text(encoding="utf-8"))
            waiting += [*_parents(root, module), *_imported(root, module, tree), *_data(module, tree)]
    return sorted(path.relative_to(root).as_posix() for path in found if path.stat().st_size)


def imports(tree: ast.Module, *, top_only: bool = False) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import statement that runs, or only those that run when the module is imported."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
        elif not (top_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            waiting += ast.iter_child_nodes(node)


def modules(node: ast.Import | ast.ImportFrom, package: str) -> Iterator[str]:
    """Dotted names that the statement, inside `package`, may import; a name imported from a
    module is listed as if it were a module too."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
        return
    base = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
    name = ".".join([*base, *([node.module] if node.module else [])])
    yield name
    yield from (f"{name}.{alias.name}" for alias in node.names)


def _imported(root: Path, module: Path, tree: ast.Module) -> Iterator[Path]:
    package = ".".join(module.parent.relative_to(root).parts)
    for node in imports(tree, top_only=module.name == "__init__.py"):
        for name in modules(node, package):
            if name.split(".")[0] == PACKAGE:
                path = root.joinpath(*name.split("."))
                candidates = (path.with_name(f"{path.name}.py"), path / "__init__.py")
                yield from (file for file in candidates if file.is_file())


def _parents(root: Path, module: Path) -> Iterator[Path]:
    """The __init__.py files that run before the module."""
    for folder in module.parents:
        if folder == root:
            return
        if (folder / "__init__.py").is_file():
            yield folder / "__init__.py"


def _data(module: Path, tree: ast.Module) -> Iterator[Path]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):  # f"{name}.json" may be any JSON file there
            pattern = "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            pattern = node.value
        else:
            continue
        if re.fullmatch(r"[\w*/-]+\.\w+", pattern) and not pattern.startswith("/"):
            yield from (file for file in module.parent.glob(pattern) if file.is_file() and file.suffix != ".py")


def rewrite(root: Path, text: str) -> str:
    """The text of dvc.yaml with the code in each stage's `deps` as it is imported now."""
    lines: list[str] = []
    stage = ""
    for line in text.splitlines():
        if (name := re.match(r"  (\w+):$", line)) and name[1] in STAGES:
            stage = name[1]
        if re.match(rf"      - {PACKAGE}/", line):
            continue
        lines.append(line)
        if line == "    deps:":
            lines += [f"      - {path}" for path in closure(root, stage)]
    return "\n".join(lines) + "\n"


def main() -> None:
    file = Path(__file__).resolve().parent.parent / "dvc.yaml"
    before = file.read_text(encoding="utf-8")
    after = rewrite(file.parent, before)
    if after != before:
        file.write_text(after, encoding="utf-8")
    print("dvc.yaml: " + ("rewritten" if after != before else "right as it is"), file=sys.stderr)


if __name__ == "__main__":
    main()

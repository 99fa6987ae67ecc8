"""Which room may import which: the table in ARCHITECTURE.md, held against every import in the tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import looktwice

ROOT = Path(looktwice.__file__).parent
# Not part of the package, though they lie in its folder.
OUTSIDE = {"tests", "benchmarks", "scripts", "docs", "build", "demo"}
_ROW = re.compile(r"^\| `([\w./]+)` \|[^|]*\|([^|]*)\|$", re.MULTILINE)


@cache
def allowed() -> dict[str, set[str]]:
    """Return each room of the table with the rooms that it may import."""
    page = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    return {
        name.rstrip("/").removesuffix(".py"): {room.strip() for room in rooms.split(",") if room.strip()}
        for name, rooms in _ROW.findall(page)
    }


@cache
def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name without ``looktwice``."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] not in OUTSIDE and not parts[0].startswith("."):
            found[".".join(part for part in parts if part != "__init__")] = path
    return found


def room_of(module: str) -> str:
    return module.split(".")[0] or "__init__"


def imports_of(module: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the target of every import of ours: late ones and those for types only too."""
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if name == "looktwice" or name.startswith("looktwice."):
                target = name.removeprefix("looktwice").lstrip(".")
                while target not in modules():
                    target = target.rpartition(".")[0]
                yield node.lineno, target


def test_every_import_is_one_that_the_table_allows():
    forbidden = [
        f"{module.replace('.', '/')}.py:{line}: {room_of(module)} imports {room_of(target)} ({target})"
        for module in sorted(modules())
        for line, target in imports_of(module)
        if room_of(target) != room_of(module) and room_of(target) not in allowed().get(room_of(module), set())
    ]
    assert not forbidden, "\n".join(["not in the table of ARCHITECTURE.md:", *forbidden])


def test_the_table_has_every_room_and_no_other():
    assert {room_of(module) for module in modules()} == set(allowed())


def test_the_table_holds_no_circle():
    assert not circles(allowed())


def test_no_circle_between_the_files_of_a_room():
    arrows = {
        module: {target for _, target in imports_of(module) if target != module and room_of(target) == room_of(module)}
        for module in modules()
    }
    assert not circles(arrows)


def circles(arrows: Mapping[str, set[str]]) -> set[str]:
    """Return the nodes of a graph that lie on a circle, or between two."""
    rest = {node: set(targets) for node, targets in arrows.items()}
    while True:
        reached = set().union(*rest.values()) if rest else set()
        loose = [node for node, targets in rest.items() if not targets & set(rest) or node not in reached]
        if not loose:
            return set(rest)
        for node in loose:
            del rest[node]

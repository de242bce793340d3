"""Rooms import one way, and importing the oracle stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import oracle

ROOT = Path(oracle.__file__).parent
ORDER = (
    ("errors",),
    ("records",),
    ("equations", "arithmetic"),
    ("kernels", "procedures"),
    ("reference", "tolerance"),
    ("check",),
    ("diagnosis", "claims"),
    ("bridges", "report"),
    ("data", "strategies"),
    ("demo", "cli", "pytest_plugin"),  # these use the public interface, so they may import the package itself
)
LEVEL = {room: level for level, rooms in enumerate(ORDER) for room in rooms}
FILES = sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem != "__init__")
HEAVY = ("sympy", "numba", "matplotlib", "torch", "h5py", "jax", "keras", "scipy", "hypothesis", "jinja2", "pytest")


def room(path: Path) -> str:
    """The folder in oracle/, or the stem of a file beside the folders."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and module of every import of the oracle, those inside functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names if name.name.split(".")[0] == "oracle")
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, "." * node.level + (node.module or "")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "oracle":
            module = str(node.module)
            yield from ((node.lineno, f"{module}.{name.name}") for name in node.names)


def upward(path: Path, source: str) -> list[str]:
    """Imports that point to the same level in another room, upwards, or to the package itself."""
    level, here, found = LEVEL[room(path)], room(path), []
    for line, module in imported(ast.parse(source)):
        there = module.split(".")[1] if module.startswith("oracle.") else ""
        free = here in ORDER[-1] or (there == here)
        if not free and LEVEL.get(there, len(ORDER)) > level:
            found.append(f"{path.name}:{line} imports {module}")
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    """No file imports a room above its own, at module level or inside a function, nor by a relative name."""
    assert room(path) in LEVEL, f"{room(path)} has no place in the order of rooms"
    assert upward(path, path.read_text(encoding="utf-8")) == []


def modules() -> dict[str, set[str]]:
    """Every module of the oracle with the modules of other rooms it imports when it is loaded."""
    graph: dict[str, set[str]] = {}
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {module for node in tree.body for _, module in imported(node)}
        graph.setdefault(room(path), set()).update(name.split(".")[1] for name in names if name.count("."))
    return graph


def test_rooms_of_one_level_do_not_import_each_other_in_a_circle() -> None:
    """Following imports from a room at the top of the files never leads back to it."""
    graph = {here: there - {here} for here, there in modules().items()}

    def reachable(start: str) -> set[str]:
        seen: set[str] = set()
        ahead = set(graph.get(start, ()))
        while ahead:
            seen |= ahead
            ahead = {after for each in ahead for after in graph.get(each, ())} - seen
        return seen

    assert [name for name in graph if name in reachable(name)] == []


@pytest.mark.parametrize(
    "line",
    [
        "from oracle.check.result import Result",
        "import oracle.report",
        "from oracle import check",
        "from oracle import Network",
        "from ..check import result",
        "def late():\n    from oracle.bridges.native import load",
        "if True:\n    import oracle",
    ],
)
def test_an_upward_import_is_noticed(line: str) -> None:
    """Planted fault: each of these in a file of records/ is found."""
    assert upward(ROOT / "records" / "planted.py", line) != []


def test_the_oracle_loads_light() -> None:
    """`import oracle`, and making, saving and discretising a network, load none of the heavy or optional packages."""
    code = (
        "import oracle, sys; oracle.Network.rate([[0.5]], tau=0.1).rescale(2).discretize(step=0.01).linearize()\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

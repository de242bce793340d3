"""Recurrent layers of frameworks with their default initialisation: verdict, worst, and the precision that was seen.

    KERAS_BACKEND=torch python reports/frameworks.py [--quick]

writes reports/frameworks.json and reports/frameworks.md from whatever is installed; each backend of Keras is one run,
and a run replaces only its own rows. A row that fails is a finding about the framework, not about this project.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import oracle
from oracle.errors import BadInput

SIZES = (16, 128, 512)
DTYPES = ("float32", "float64")
STEPS, BATCH, INPUTS = 20, 3, 5
SEED = 20241201


class Case(NamedTuple):
    """A layer of a framework."""

    framework: str
    layer: str
    make: Callable[[int, str], Any]
    batch_first: bool


def cases() -> Iterator[Case]:
    """Every known layer of every installed framework."""
    if find_spec("torch"):
        yield from torch_cases()
    if find_spec("keras"):
        yield from keras_cases()


def torch_cases() -> Iterator[Case]:
    """torch.nn, seeded."""
    import torch

    def make(kind: str) -> Callable[[int, str], Any]:
        def made(N: int, dtype: str) -> Any:
            with torch.random.fork_rng():
                torch.manual_seed(SEED)
                return getattr(torch.nn, kind)(INPUTS, N, dtype=getattr(torch, dtype))

        return made

    for kind in ("RNN", "RNNCell", "GRU", "GRUCell", "LSTM"):
        yield Case(f"torch {version('torch').partition('+')[0]}", f"nn.{kind}", make(kind), False)


def keras_cases() -> Iterator[Case]:
    """keras.layers on the backend of this run, seeded."""
    import keras

    def make(kind: str) -> Callable[[int, str], Any]:
        def made(N: int, dtype: str) -> Any:
            keras.utils.set_random_seed(SEED)
            layer = getattr(keras.layers, kind)(N, dtype=dtype)
            layer.build((None, INPUTS) if kind.endswith("Cell") else (BATCH, STEPS, INPUTS))
            return layer

        return made

    name = f"keras {version('keras')} on {keras.backend.backend()}"
    for kind in ("SimpleRNN", "SimpleRNNCell", "GRU", "GRUCell", "LSTM"):
        yield Case(name, kind, make(kind), not kind.endswith("Cell"))


def judged(case: Case, N: int, dtype: str) -> dict[str, Any]:
    """One row."""
    rng = np.random.default_rng([SEED, N])
    X, h0 = rng.normal(size=(STEPS, BATCH, INPUTS)), rng.uniform(-0.9, 0.9, (BATCH, N))
    row: dict[str, Any] = {"framework": case.framework, "layer": case.layer, "dtype": dtype, "N": N}
    try:
        found = oracle.check(case.make(N, dtype), inputs=X.swapaxes(0, 1) if case.batch_first else X, h0=h0)
    except BadInput as problem:
        return row | {"verdict": "not checked", "why": problem.seen}
    seen = None if found.statistic is None else found.statistic.ratio
    why = found.problem.seen.splitlines()[0] if found.problem is not None else (found.explained_by or "")
    return row | {
        "verdict": found.verdict,
        "worst": float(found.worst),
        "statistic": seen,
        "computed in": found.computed_in,
        "why": why,
    }


def markdown(rows: list[dict[str, Any]]) -> str:
    """One line per layer and precision, the sizes side by side."""
    sizes = sorted({row["N"] for row in rows})
    lines = [
        "# Layers of frameworks, with their default initialisation",
        "",
        "Made by `python reports/frameworks.py`, once for each backend of Keras. "
        f"{STEPS} steps, batch {BATCH}, from a state that is not zero. "
        "A cell: verdict, largest residual / bound, precision statistic (about 1 in the promised precision).",
        "",
        "| framework | layer | promised | " + " | ".join(f"N = {N}" for N in sizes) + " | computed in | finding |",
        "|---|---|---|" + "---|" * (len(sizes) + 2),
    ]
    groups: dict[tuple[str, str, str], dict[int, dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["framework"], row["layer"], row["dtype"]), {})[row["N"]] = row
    for (framework, layer, dtype), by_size in groups.items():
        cells = " | ".join(_cell(by_size.get(N)) for N in sizes)
        last = by_size[max(by_size)]
        why = last["why"].replace("|", "\\|")
        lines.append(f"| {framework} | {layer} | {dtype} | {cells} | {last.get('computed in') or '-'} | {why} |")
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any] | None) -> str:
    if row is None or "worst" not in row:
        return "-" if row is None else row["verdict"]
    seen = "" if row["statistic"] is None else f", {row['statistic']:.3g} u"
    return f"{row['verdict']}, {row['worst']:.2g}{seen}"


def main() -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest size, nothing written")
    options = parser.parse_args()
    os.environ.setdefault("JAX_ENABLE_X64", "1")
    rows = []
    for case in cases():
        for dtype in DTYPES:
            for N in SIZES[:1] if options.quick else SIZES:
                rows.append(judged(case, N, dtype))
                print(rows[-1], file=sys.stderr)
    path = Path(__file__).with_suffix(".json")
    if not options.quick:
        new = {row["framework"] for row in rows}
        kept = json.loads(path.read_text()) if path.exists() else []
        rows = [row for row in kept if row["framework"] not in new] + rows
        path.write_text(json.dumps(rows, indent=1) + "\n")
        path.with_suffix(".md").write_text(markdown(rows))
    print(markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Recurrent layers of frameworks with their default initialisation: verdict, worst, and the precision that was seen.

    python reports/frameworks.py [--quick]

writes reports/frameworks.json and frameworks.md from what is installed of torch, Keras (on torch and on jax) and
Flax; each backend of Keras is a process of its own. A row that fails is a finding about the framework.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
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
LONGEST = 230  # characters of an error that are repeated


class Case(NamedTuple):
    """A layer of a framework."""

    framework: str
    layer: str
    make: Callable[[int, str], Any]
    batch_first: bool


def runs() -> list[tuple[str, str]]:
    """(framework, backend) of everything that is installed."""
    found = [("torch", "torch")] if find_spec("torch") else []
    found += [("keras", backend) for backend in ("torch", "jax") if find_spec("keras") and find_spec(backend)]
    return found + ([("flax", "jax")] if find_spec("flax") else [])


def cases(framework: str) -> Iterator[Case]:
    """Every known layer of a framework."""
    return {"torch": torch_cases, "keras": keras_cases, "flax": flax_cases}[framework]()


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


def flax_cases() -> Iterator[Case]:
    """Cells of flax.nnx, seeded."""
    import jax.numpy as jnp
    from flax import nnx

    def make(kind: str) -> Callable[[int, str], Any]:
        def made(N: int, dtype: str) -> Any:
            kept = {"dtype": jnp.dtype(dtype), "param_dtype": jnp.dtype(dtype)}
            return getattr(nnx, kind)(INPUTS, N, rngs=nnx.Rngs(SEED), **kept)

        return made

    for kind in ("SimpleCell", "GRUCell", "LSTMCell"):
        yield Case(f"flax {version('flax')}", f"nnx.{kind}", make(kind), False)


def judged(case: Case, N: int, dtype: str) -> dict[str, Any]:
    """One row."""
    rng = np.random.default_rng([SEED, N])
    states = (2 if "LSTM" in case.layer else 1) * N  # (h, c) side by side
    X, h0 = rng.normal(size=(STEPS, BATCH, INPUTS)), rng.uniform(-0.9, 0.9, (BATCH, states))
    row: dict[str, Any] = {"framework": case.framework, "layer": case.layer, "dtype": dtype, "N": N}
    try:
        found = oracle.check(case.make(N, dtype), inputs=X.swapaxes(0, 1) if case.batch_first else X, h0=h0)
    except BadInput as problem:
        return row | {"verdict": "not checked", "why": problem.seen}
    seen = None if found.statistic is None else found.statistic.ratio
    why = _words(found.problem.seen) if found.problem is not None else (found.explained_by or "")
    return row | {
        "verdict": found.verdict,
        "worst": float(found.worst),
        "statistic": seen,
        "computed in": found.computed_in,
        "why": why,
    }


def _words(text: str) -> str:
    """An error as a cell: one line, not endless."""
    plain = " ".join(text.split())
    return f"{plain[:LONGEST]} .." if len(plain) > LONGEST else plain


def markdown(rows: list[dict[str, Any]]) -> str:
    """One line per layer and precision, the sizes side by side."""
    sizes = sorted({row["N"] for row in rows})
    lines = [
        "# Layers of frameworks, with their default initialisation",
        "",
        "Made by `python reports/frameworks.py`. "
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


def rows_of(framework: str, backend: str, quick: bool) -> list[dict[str, Any]]:
    """The rows of one framework, from a process that has chosen its backend."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_ENABLE_X64": "1"}
    command = [sys.executable, __file__, "--only", framework, *(["--quick"] if quick else [])]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def measured(framework: str, quick: bool) -> Iterator[dict[str, Any]]:
    """The rows of one framework, made in this process."""
    for case in cases(framework):
        for dtype in DTYPES:
            for N in SIZES[:1] if quick else SIZES:
                row = judged(case, N, dtype)
                print(row, file=sys.stderr)
                yield row


def main() -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the smallest size, nothing written")
    parser.add_argument("--only", help="print the rows of one framework as JSON, write nothing")
    options = parser.parse_args()
    if options.only:
        print(json.dumps(list(measured(options.only, options.quick))))
        return 0
    rows = [row for run in runs() for row in rows_of(*run, options.quick)]
    if not options.quick:
        path = Path(__file__).with_suffix(".json")
        path.write_text(json.dumps(rows, indent=1) + "\n")
        path.with_suffix(".md").write_text(markdown(rows))
    print(markdown(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""C1 to C4, C6 and C13 on the networks of the grid and on the trained networks, r = 4 and r = 3.

    python reports/claims.py [--quick] [--jobs 2]

writes reports/claims.json and reports/claims.md (with --quick only a summary on the terminal). Exit code 1 if a claim
is violated, if both orders of R and D differ in a bit at r = 4, or by more than the bound at r = 3.

A recurrence of the grid that is stated by alpha is the Euler step of the rate (or current) form with tau = 1 and step
alpha; a leak inside the nonlinearity and a gated cell are no step of a network and are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import oracle
from oracle import data

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from tests.grid.grid import SPECS, cell  # noqa: E402

CLAIMS = ("C1", "C2", "C3", "C4", "C6", "C13")
FACTORS = (4, 3)  # a power of two, where floats agree bit for bit, and one that rounds
SEED = 20231215
SMALL = 32  # units at most, with --quick
BITWISE = "bitwise equal at r = 4"
RATIO = "difference / (sum of both one-step bounds)"


class Case(NamedTuple):
    """A network, its step and scheme."""

    name: str
    net: oracle.Network
    step: Fraction
    scheme: str


def cases(quick: bool) -> Iterator[Case]:
    """The trained networks, then the grid."""
    yield Case("flip-flop trained here, 24 units", data.flipflop(), Fraction(data.STEP), "euler")
    if not quick:
        yield from trained_elsewhere()
    for index, spec in enumerate(SPECS):
        made = None if quick and spec.N > SMALL else _network(index)
        if made is not None:
            yield made


def trained_elsewhere() -> Iterator[Case]:
    """The trained network of 400 units (arXiv 2010.07858), where its file is present."""
    import pytest
    from real import keras_flipflop

    try:
        W, M = keras_flipflop.weights()
    except pytest.skip.Exception as reason:
        print(f"left out: {reason}", file=sys.stderr)
        return
    for step in (Fraction(1), Fraction(1, 5)):
        yield Case(f"flip-flop of arXiv 2010.07858, 400 units, step {step}", oracle.Network.rate(W, M), step, "euler")


def _network(index: int) -> Case | None:
    g = cell(index, "float64").given
    spec = SPECS[index]
    weights = (g.W, g.M if g.I else None, g.b or None)
    if g.form in ("rate", "paper", "current"):
        net = getattr(oracle.Network, g.form)(*weights, tau=g.tau, activation=g.activation)
        return Case(spec.name, net, Fraction(g.dt.item()), g.scheme)
    if g.form in ("elman", "leaky-outside", "leaky-inside"):
        make = oracle.Network.current if g.form == "leaky-inside" else oracle.Network.rate
        alpha = np.atleast_1d(np.asarray(g.dt, dtype=np.float64)) if g.form != "elman" else np.ones(1)
        tau: Any = 1 if len(alpha) == 1 else [1 / Fraction(a) for a in alpha]
        step = Fraction(float(alpha[0])) if len(alpha) == 1 else Fraction(1)
        return Case(spec.name, make(*weights, tau=tau, activation=g.activation), step, "euler") if step else None
    return None


def judged(case: Case) -> dict[str, Any]:
    """Verdicts of every claim at both factors, and what the two float orders did."""
    rng = np.random.default_rng([SEED, case.net.N, case.net.I])
    sizes = (case.net.N, case.net.I)
    at = tuple(rng.integers(1, 32, size).astype(float) / 32 * rng.choice([-1, 1], size) for size in sizes)
    row: dict[str, Any] = {"name": case.name, "units": case.net.N, "scheme": case.scheme, "verdicts": {}}
    start = time.perf_counter()
    for r in FACTORS:
        for claim in CLAIMS:
            result = oracle.claims[claim].verify(case.net, r=r, step=case.step, at=at, scheme=case.scheme)
            row["verdicts"].setdefault(result.id, []).append(result.verdict)
            if result.id == "C1":
                seen = result.to_dict()["observed"]
                row.setdefault("bitwise", next(v for k, v in seen.items() if k.startswith(BITWISE)))
                row[f"ratio r={r}"] = next((v for k, v in seen.items() if k.endswith(RATIO)), None)
    row["seconds"] = round(time.perf_counter() - start, 2)
    return row


def bad(row: dict[str, Any]) -> list[str]:
    """What is wrong with a row, if anything."""
    wrong = [f"{claim} violated" for claim, verdicts in row["verdicts"].items() if "violated" in verdicts]
    if row["bitwise"] is not True:
        wrong.append("not bitwise equal at r = 4")
    if row["ratio r=3"] is not None and row["ratio r=3"] > 1:
        wrong.append("beyond the bound at r = 3")
    return wrong


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table, one line per network."""
    claims = list(rows[0]["verdicts"])
    largest = max((row["ratio r=3"] for row in rows if row["ratio r=3"] is not None), default=0.0)
    lines = [
        "# Claims on the grid and on trained networks",
        "",
        f"{len(rows)} networks. Made by `python reports/claims.py`. Verdicts at r = 4 / r = 3; the identities are "
        "compared in exact arithmetic at one operating point in general position. The last two columns are float64 "
        "runs: both orders of R and D, bit for bit at r = 4, and at r = 3 the largest one-step difference over the sum "
        f"of both one-step bounds (largest: {largest:.3g}).",
        "",
        "| network | N | scheme | " + " | ".join(claims) + " | r = 4 bitwise | r = 3 difference / bound |",
        "|---|---|---|" + "---|" * (len(claims) + 2),
    ]
    for row in rows:
        verdicts = [_short(row["verdicts"][claim]) for claim in claims]
        ratio = "-" if row["ratio r=3"] is None else f"{row['ratio r=3']:.3g}"
        lines.append(
            f"| {row['name']} | {row['units']} | {row['scheme']} | "
            + " | ".join(verdicts)
            + f" | {row['bitwise']} | {ratio} |"
        )
    return "\n".join(lines) + "\n"


def _short(verdicts: list[str]) -> str:
    return verdicts[0] if len(set(verdicts)) == 1 else " / ".join(verdicts)


def main() -> int:
    """Run and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    quick = options.quick
    rows = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for row in pool.map(judged, cases(quick)):
            rows.append(row)
            print(f"{row['name']}: {row['verdicts']} {row['seconds']} s", file=sys.stderr)
    wrong = {row["name"]: bad(row) for row in rows if bad(row)}
    text = markdown(rows)
    if not quick:
        folder = Path(__file__).parent
        (folder / "claims.json").write_text(json.dumps(rows, indent=1) + "\n")
        (folder / "claims.md").write_text(text)
    print(text)
    print(wrong or "no claim violated, bitwise at r = 4, inside the bound at r = 3")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

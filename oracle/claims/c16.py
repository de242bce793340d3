"""C16: bounded and contracting.

A step h+ = P h + B s(..) + E x + c with P diagonal, |P_i| < 1, |s| <= 1 and |x| <= X keeps |h_i| <= R_i,

    R_i = (sum_j |B_ij| + (|E| X + |c|)_i) / (1 - |P_i|)

    rate     alpha <= 1: 1;  1 < alpha < 2: alpha/(2 - alpha)       paper    alpha <= 1: tau_i
    current  alpha <= 1: sum_j |W_ij| + (|M| X + |b|)_i

and a start outside is not left further behind than it is, max(R_i, |h_i(0)|). Two runs under the same input come closer
by q = sup |P + B D W| per step, in a weighted norm; q = 1 - Delta c where mu(J) <= -c and Delta <= 1/max|J_ii|, and
q < 1 is the echo state property.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from flint import arb, arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, precision, upper_floats
from oracle.claims.contraction import Factor, diagonal_kept, factor
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.equations.activations import ACTIVATIONS
from oracle.equations.catalogue import advance
from oracle.records.exact import Array, exact_object
from oracle.records.lure import Lure
from oracle.records.network import Network
from oracle.records.operator import spread, sum_vectors
from oracle.records.recurrence import Recurrence
from oracle.reference.lipschitz import matrix

STATEMENT = (
    "With |s| <= 1 and a leak that keeps |P_i| < 1 of each state, the box |h_i| <= R_i is never left, "
    "R_i = (sum_j |B_ij| + (|E| X + |c|)_i)/(1 - |P_i|): 1 for rate, tau_i for paper, alpha/(2 - alpha) where "
    "1 < alpha < 2. Two runs under one input come closer by q = sup |P + B D W| per step in a weighted norm."
)
LATEX = (
    r"|h_i|\le\max\Big(|h_i(0)|,\ \frac{\sum_j|B_{ij}|+(|E|X+|c|)_i}{1-|P_i|}\Big),\qquad "
    r"\|h_{k+1}-g_{k+1}\|\le q\,\|h_k-g_k\|,\quad q=\sup_D\|P+BDW\|"
)
BOUNDED = "|s| <= 1"
SCHEME = "the scheme is Euler or exponential Euler"
LEAK = "each unit leaks on its own and keeps |P_i| < 1 of its state (0 < alpha < 2 for Euler)"
INPUT = "the input is bounded, |x_j| <= X_j"
SMALL_STEP = "where the factor is written 1 - Delta c, Delta <= 1/max|J_ii|"

LARGEST = 512
"""Units up to which q is computed: 10 s at 400; the box is measured for any number."""
BITS = 256
"""Of the two runs: a dozen steps of balls lose about log2 |A| + |B||W| bits each."""


@dataclass(frozen=True, eq=False)
class Runs:
    """Two runs under one input as lists of columns of balls, and the bound of the input."""

    h: list[Any]
    g: list[Any]
    X: Array


def evaluate(setting: Setting) -> Evaluated:
    """Largest share of the box and of the factor that two runs use, in balls."""
    net, known = setting.net, setting.scheme in ("euler", "exponential-euler")
    known = known and (setting.scheme == "euler" or net.field.A.is_diagonal)
    bounded = largest(net.activation) is not None
    step_map = net.discretize(setting.step, setting.scheme if known else "euler").lure
    with precision(BITS):
        kept = keeps(step_map)
        small = setting.scheme == "euler" and net.N <= LARGEST and diagonal_kept(step_map)
        reach = float(np.max(np.abs(setting.run.X), initial=0.0))
        assumptions = (
            Assumption(BOUNDED, bounded, net.activation),
            Assumption(SCHEME, known, setting.scheme),
            Assumption(LEAK, kept is not None, "P is diagonal and contracts" if kept else "P is dense, or |P_i| >= 1"),
            Assumption(INPUT, True, f"X = {reach:.6g} on this run, observed"),
            Assumption(SMALL_STEP, True, "it is" if small else "it is not: q is computed from I + Delta J itself"),
        )
        if not known:
            return Evaluated(assumptions, Fraction(0), None, ("no step of this scheme is bounded here",))
        runs = two_runs(Recurrence.made("lure", step_map, setting.step, net.origin), setting)
        shares, texts = _contraction(runs, step_map, setting, small)
        if bounded and kept is not None:
            share = _filling(runs, box(step_map, kept, runs.X))
            shares.append(share)
            radii = upper_floats(arb_mat(net.N, 1, box(step_map, kept, runs.X)))
            texts.append(f"box: max R_i = {float(np.max(radii)):.6g}, {float(share):.3g} of it used")
        if not shares:
            return Evaluated(assumptions, Fraction(1), None, tuple(texts))
        used = _top(shares)
        beyond, within = bool(used > 1), bool(used <= 1)
    # Rounding up must not turn a certified share of at most 1 into more.
    measured = min(_up(used), 1.0) if within else (_up(used) if beyond else None)
    return Evaluated(assumptions, Fraction(1), measured, tuple(texts), fails=beyond)


def _contraction(runs: Runs, step_map: Lure, setting: Setting, small: bool) -> tuple[list[Any], list[str]]:
    """The share of q that is used, and what is said of q."""
    if setting.net.N > LARGEST:
        return [], [f"q is not computed beyond {LARGEST} units"]
    found = factor(step_map)
    share = _closing(runs, found)
    return [share], [
        _told(found, setting.step, small),
        f"q: {float(share):.3g} of it used in {setting.run.steps} steps",
    ]


def _told(found: Factor, step: Fraction, small: bool) -> str:
    q = float(found.q)
    rate = f" = 1 - Delta c, c = {(1 - q) / float(step):.6g}" if small and q < 1 and found.norm != "2" else ""
    kind = "contracts: echo state property" if q < 1 else "does not contract in these norms"
    return f"q = {q:.6g}{rate} in the {found.norm}-norm (proved): {kind}"


def keeps(step_map: Lure) -> list[Any] | None:
    """|P_i| as balls, where all are below 1."""
    if not step_map.A.is_diagonal:
        return None
    ops = Ball()
    kept = [abs(ops.number(entry)) for entry in spread(step_map.A.diagonal_factor(), step_map.state_size)]
    return kept if all(bool(entry < 1) for entry in kept) else None


def largest(activation: str) -> Fraction | None:
    """sup |s|, or a little more; None where s is unbounded."""
    kind = ACTIVATIONS[activation]
    return None if kind.low is None or kind.high is None else max(abs(kind.low), abs(kind.high))


def box(step_map: Lure, kept: list[Any], X: Array) -> list[Any]:
    """R_i, as balls."""
    ops, N = Ball(), step_map.state_size
    B, E = (matrix(ops, op) for op in (step_map.B, step_map.E))
    c = ops.lift(sum_vectors(step_map.c, N))
    most = ops.rational(largest(step_map.activation) or Fraction(0))
    drives = [
        sum((abs(B[i, j]) for j in range(B.ncols())), arb(0)) * most
        + sum((abs(E[i, j]) * arb(float(X[j])) for j in range(len(X))), arb(0))
        + abs(c[i, 0])
        for i in range(N)
    ]
    return [(drive / (1 - keep)).abs_upper() for drive, keep in zip(drives, kept, strict=True)]


def two_runs(rec: Recurrence, setting: Setting) -> Runs:
    """The setting's run, and one that starts elsewhere."""
    ops, run = Ball(), setting.run
    other = np.random.default_rng(rec.N).uniform(-1, 1, rec.N)
    runs = [[ops.lift(exact_object(run.h0[0]))], [ops.lift(other)]]
    for x in run.X[:, 0]:
        for states in runs:
            states.append(advance(ops, rec, states[-1], ops.lift(x)))
    return Runs(runs[0], runs[1], np.max(np.abs(run.X[:, 0].astype(float)), axis=0, initial=0.0))


def _filling(runs: Runs, radii: list[Any]) -> Any:
    """max |h_i| / max(R_i, |h_i(0)|) over both runs."""
    shares = [arb(0)]
    for states in (runs.h, runs.g):
        limits = [radius.max(abs(start)) for radius, start in zip(radii, states[0].entries(), strict=True)]
        pairs = [pair for state in states[1:] for pair in zip(state.entries(), limits, strict=True)]
        shares += [abs(entry) / limit for entry, limit in pairs if limit > 0]
    return _top(shares)


def _closing(runs: Runs, found: Factor) -> Any:
    """max |h_{k+1} - g_{k+1}| / (q |h_k - g_k|)."""
    sizes = [found.size(h - g) for h, g in zip(runs.h, runs.g, strict=True)]
    pairs = [(after, found.q * before) for before, after in pairwise(sizes)]
    return _top([arb(0), *(after / limit for after, limit in pairs if limit > 0)])


def _top(values: list[Any]) -> Any:
    result = values[0]
    for value in values[1:]:
        result = result.max(value)
    return result


def _up(value: Any) -> float:
    return float(upper_floats(arb_mat(1, 1, [value]))[0, 0])


# -- counterexamples --------------------------------------------------------------------------------------------------
def unbounded() -> Counterexample:
    """h+ = h/2 + relu(2h)/2 = 3h/2 leaves [-1, 1] from 1."""
    return _outside(BOUNDED, Network.rate([[2.0]], activation="relu"), Fraction(1, 2), 1, "relu, W = 2, alpha = 1/2")


def too_large() -> Counterexample:
    """alpha = 3: h+ = -2h."""
    return _outside(LEAK, Network.rate([[0.0]], tau=1), Fraction(3), 1, "alpha = 3, W = 0: h+ = -2h")


def _outside(
    dropped: str, net: Network, step: Fraction, start: float, text: str, scheme: str = "euler"
) -> Counterexample:
    """How far one step leaves [-1, 1]."""
    with precision(BITS):
        ops = Ball()
        rec = net.discretize(step, scheme)
        moved = advance(ops, rec, ops.lift(np.array([start])), ops.lift(np.array([])))
        gap = float(lower_floats(arb_mat(1, 1, [abs(moved[0, 0]) - 1]))[0, 0]) if abs(moved[0, 0]) > 1 else 0.0
    return Counterexample(dropped, f"{text}: from {start} one step leaves [-1, 1]", gap, "balls")


def midpoint() -> Counterexample:
    """h' = -h + tanh(-1000 h), Delta = 1, h = 9/10: the stage sits on the other side."""
    net = Network.rate([[-1000.0]], tau=1)
    return _outside(SCHEME, net, Fraction(1), 0.875, "the midpoint rule, alpha = 1, W = -1000", "midpoint")


def larger_input() -> Counterexample:
    """tau v' = -v + x with x = 2 where X = 1: v_k = 2 (1 - 2^-k)."""
    v = 2 * (1 - Fraction(1, 2) ** 5)
    text = "tau v' = -v + x, alpha = 1/2, x = 2 where X = 1: after 5 steps |v| exceeds R = 1"
    return Counterexample(INPUT, text, v - 1, "exact rational")


def overshoot() -> Counterexample:
    """h' = -h, c = 1, Delta = 3/2: the factor is 1/2 and not 1 - Delta c = -1/2."""
    step = Fraction(3, 2)
    return Counterexample(
        SMALL_STEP,
        "h' = -h, c = 1, Delta = 3/2 > 1/max|J_ii|: distances are halved, which is more than 1 - Delta c = -1/2",
        abs(1 - step) - (1 - step),
        "exact rational",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One per assumption."""
    return (unbounded(), midpoint(), too_large(), larger_input(), overshoot())


CLAIM = Claim(
    "C16",
    "bounded and contracting",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c16_bounded_contracting"),
)

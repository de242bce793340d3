"""Planted single-point mutants of a cell, each with the record it really computes.

A mutant changes one thing: a parameter (then it is another `Given`, whose record the public constructors make), or what
the loop is fed (then its record is the cell's own, and its inputs or initial state are what differs). The program is
the cell's plain implementation on the changed values, so a mutant that should pass does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from .given import NETWORKS, Array, Given
from .grid import Cell
from .honest import Run
from .plain import implement_plain, slopes_of

Feed = Callable[[Array, Array], tuple[Array, Array]]


def _as_handed(h0: Array, X: Array) -> tuple[Array, Array]:
    return h0, X


def _late(h0: Array, X: Array) -> tuple[Array, Array]:
    return h0, np.concatenate([np.zeros_like(X[:1]), X[:-1]])


def _early(h0: Array, X: Array) -> tuple[Array, Array]:
    return h0, np.concatenate([X[1:], np.zeros_like(X[:1])])


def _missing(h0: Array, X: Array) -> tuple[Array, Array]:
    return h0, np.zeros_like(X)


def _frozen(h0: Array, X: Array) -> tuple[Array, Array]:
    return h0, np.repeat(X[:1], len(X), axis=0)


def _from_zero(h0: Array, X: Array) -> tuple[Array, Array]:
    return np.zeros_like(h0), X


@dataclass(frozen=True, eq=False)
class Mutant:
    """One planted fault.

    Attributes
    ----------
    kind : str
        The fault; `finding` is the name the diagnosis has for it, if it has one.
    given : Given
        What the program computes with.
    feed : callable
        (h0, X) it is handed -> (h0, X) it steps with.
    note : str
        Size of the fault where it has one.
    """

    kind: str
    finding: str
    given: Given
    feed: Feed = _as_handed
    note: str = ""

    def program(self) -> Run:
        """`run(h0, X) -> H` of the mutant; H[0] is the h0 it was handed."""
        run = implement_plain(self.given)

        def mutated(h0: Array, X: Array) -> Array:
            with np.errstate(all="ignore"):  # a mutant may overflow; the check has to say so, not NumPy
                H = run(*self.feed(h0, X))
            H[0] = h0
            return H

        return mutated


def mutants(cell: Cell) -> Iterator[Mutant]:
    """Every mutant that can be stated for a cell; some are equivalent, which `equivalence` decides."""
    g = cell.given
    yield from _weights(g)
    yield from _biases(g)
    yield from _inputs(g)
    yield from _leaks(g)
    yield from _forms(g)
    yield from _activations(g)
    yield from _gates(g)
    yield _nudged(cell)


def _blocks(W: Array, change: Callable[[Array], Array]) -> Array:
    """A change to each square block of stacked matrices."""
    size = W.shape[1]
    return np.concatenate([change(W[i : i + size]) for i in range(0, len(W), size)])


def _weights(g: Given) -> Iterator[Mutant]:
    order = np.roll(np.arange(g.N), 1)
    yield Mutant("recurrent weights transposed", "transposed-recurrent-weights", replace(g, W=_transposed(g.W)))
    yield Mutant("units of W permuted", "permuted-units", replace(g, W=_blocks(g.W, lambda V: V[order][:, order])))
    yield Mutant("rows of W permuted", "", replace(g, W=_blocks(g.W, lambda V: V[order])))
    yield Mutant("recurrent weights negated", "negated-recurrent-weights", replace(g, W=-g.W))
    yield Mutant("recurrent weights missing", "", replace(g, W=np.zeros_like(g.W)))
    if g.I:
        yield Mutant("input weights negated", "", replace(g, M=-g.M))
    if g.I == g.N:
        yield Mutant("input weights transposed", "transposed-input-weights", replace(g, M=_transposed(g.M)))


def _transposed(W: Array) -> Array:
    return np.ascontiguousarray(_blocks(W, np.transpose))


def _biases(g: Given) -> Iterator[Mutant]:
    c = g.b_recurrent
    yield Mutant("bias missing", "bias-missing", replace(g, b=(), b_recurrent=None))
    yield Mutant("bias doubled", "bias-doubled", replace(g, b=tuple(2 * part for part in g.b)))
    yield Mutant("bias negated", "", replace(g, b=tuple(-part for part in g.b)))
    if g.form != "gru":
        yield Mutant("bias across the nonlinearity", "bias-outside", replace(g, bias_at="moved"))
    if len(g.b) == 2:
        yield Mutant("second bias missing", "", replace(g, b=g.b[:1]))
        yield Mutant("first bias twice", "", replace(g, b=(g.b[0], g.b[0])))
    if c is not None:
        yield Mutant("recurrent bias missing", "", replace(g, b_recurrent=None))


def _inputs(g: Given) -> Iterator[Mutant]:
    yield Mutant("input one step late", "input-late", g, _late)
    yield Mutant("input one step early", "input-early", g, _early)
    yield Mutant("input missing", "input-missing", g, _missing)
    yield Mutant("input frozen", "", g, _frozen)
    yield Mutant("initial state ignored", "initial-state-ignored", g, _from_zero)


def _leaks(g: Given) -> Iterator[Mutant]:
    if g.form in ("elman", "gru"):
        return
    one = np.ones((), dtype=g.dtype)
    yield Mutant("leak missing", "leak-missing", replace(g, decay=0))
    yield Mutant("leak of the wrong sign", "", replace(g, decay=-1))
    yield Mutant("step doubled", "wrong-step", replace(g, dt=2 * g.dt))
    yield Mutant("step 1 % off", "wrong-step", replace(g, dt=g.dt * np.asarray(1.01, dtype=g.dtype)))
    if g.form not in NETWORKS:
        yield Mutant("alpha and 1 - alpha swapped", "alpha-swapped", replace(g, dt=one - g.dt))
        yield Mutant("alpha ignored", "elman", replace(g, dt=np.ones_like(g.dt)))
        return
    yield Mutant("tau inverted", "tau-inverted", replace(g, tau=one / g.tau))
    if g.tau.ndim:
        yield Mutant("tau of the first unit for all", "", replace(g, tau=np.full_like(g.tau, g.tau[0])))
    elif g.scheme == "euler" and g.dt < g.tau:
        yield Mutant("alpha and 1 - alpha swapped", "alpha-swapped", replace(g, dt=g.tau - g.dt))
    for scheme in ("euler", "exponential-euler", "heun", "midpoint", "rk4"):
        if scheme != g.scheme:
            finding = "forward-euler" if scheme == "euler" else scheme
            yield Mutant(f"{scheme} for {g.scheme}", finding, replace(g, scheme=scheme))


def _forms(g: Given) -> Iterator[Mutant]:
    names = {
        **{form: f"form-{form}" for form in NETWORKS},
        "leak-inside": "leak-inside",
        "leaky-inside": "form-current",
        "leaky-outside": "form-rate",
    }
    family = NETWORKS if g.form in NETWORKS else ("leaky-outside", "leaky-inside", "leak-inside")
    if g.form in family:
        for form in family:
            if form != g.form:
                yield Mutant(f"{form} for {g.form}", names[form], replace(g, form=form))


def _activations(g: Given) -> Iterator[Mutant]:
    if g.form == "gru":
        return
    for activation in ("tanh", "logistic", "relu", "identity"):
        if activation != g.activation:
            changed = replace(g, activation=activation)
            yield Mutant(f"{activation} for {g.activation}", f"activation:{activation}", changed)


def _gates(g: Given) -> Iterator[Mutant]:
    """Faults of gated cells: the other reset, gates in another order, z for 1 - z (an update gate of negated sign)."""
    if g.form != "gru":
        return
    N = g.N
    swapped = np.r_[N : 2 * N, 0:N, 2 * N : 3 * N]
    sign = np.ones(3 * N, dtype=g.dtype)
    sign[N : 2 * N] = -1
    yield Mutant("other reset", "", replace(g, reset="before" if g.reset == "after" else "after"))
    yield Mutant("reset and update gates swapped", "", _every_row(g, lambda part: part[swapped]))
    yield Mutant("update gate complemented", "", _every_row(g, lambda part: (sign * part.T).T))


def _every_row(g: Given, change: Callable[[Array], Array]) -> Given:
    c = g.b_recurrent
    return replace(
        g,
        W=change(g.W),
        M=change(g.M),
        b=tuple(change(part) for part in g.b),
        b_recurrent=None if c is None else change(c),
    )


SMALLEST = {"float64": 1e-9, "float32": 1e-4}
STAGES = {"midpoint": 2, "heun": 2, "rk4": 4}  # each stage rounds its own product


def _nudged(cell: Cell) -> Mutant:
    """One weight off by a relative 1e-9 (1e-4 in float32), or by the next power of ten that exceeds the rounding error.

    The weight is the one that moves the run most. What rounding may do is estimated here, from the sizes of the terms
    of its row (n + 12 roundings of each), not taken from the oracle's tolerance.
    """
    g = cell.given
    i, j, moved, rounding = _most_visible(cell)
    size = SMALLEST[str(g.dtype)]
    while size * moved < 2 * rounding and size < 0.1:
        size *= 10
    W = g.W.copy()
    W[i, j] = W[i, j] * np.asarray(1 + size, dtype=g.dtype)
    return Mutant("one weight off", "", replace(g, W=W), note=f"relative {size:.0e}")


def _most_visible(cell: Cell) -> tuple[int, int, float, float]:
    """(i, j), the change of a step per relative change of W_ij, and the rounding error of that step of that unit."""
    g = cell.given
    slopes, seen, terms, size, gain = slopes_of(cell)  # each (columns, ...), one column per step and trajectory
    unit = float(np.finfo(g.dtype).eps) / 2
    roundings = (g.N + g.I + 12) * STAGES.get(g.scheme, 1)
    effect = np.abs(slopes)[:, :, None] * np.abs(g.W[-g.N :])[None, :, :] * np.abs(seen)[:, None, :] * gain[:, None]
    charged = gain * _atoms_of_gain(g)
    rounding = unit * (roundings * np.abs(slopes) * terms * charged + 12 * size)
    visible = effect / np.maximum(rounding, np.finfo(np.float64).tiny)[:, :, None]  # a silent unit has neither
    ratio = np.max(visible, axis=0)
    i, j = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    k = int(np.argmax(visible[:, i, j]))
    return len(g.W) - g.N + int(i), int(j), float(effect[k, i, j]), float(rounding[k, i])


def _atoms_of_gain(g: Given) -> Array | float:
    """(1 + d)/(1 - d) where a program forms the gain 1 - d from d = exp(-dt/tau): a bound has to count both."""
    if g.scheme != "exponential-euler":
        return 1.0
    decay = np.exp(-np.asarray(g.dt / g.tau, dtype=np.float64))
    return (1 + decay) / (1 - decay)

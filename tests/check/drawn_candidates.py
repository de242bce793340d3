"""Random candidates for `oracle.check`: what is stated, an honest program for it, a fault, and a way to hand it in.

The programs are those of the grid (`grid.honest`), which share nothing with the oracle's equations. What a fault does
is decided by `exactly`: residuals in mpmath with 50 digits beyond the largest spread of exponents of a draw, against
the published bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from grid.given import NETWORKS, Array, Given, record_of
from grid.honest import honest_styles, implement
from hypothesis import reject
from hypothesis import strategies as st

import oracle
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from oracle.records.precision import precision_model
from oracle.tolerance.step import one_step_bound

FORMS = ("elman", "leaky-outside", "leaky-inside", "leak-inside", "gru", *NETWORKS)
SCHEMES = ("euler", "exponential-euler", "heun", "rk4")
ACTIVATIONS = ("tanh", "logistic", "relu", "identity")
SIZES = {  # of weights and of states: moderate ones, and ones near both ends of the range of a format
    "float64": (
        *((1.0, 1.0), (3.0, 0.5), (2.0**-30, 1.0)),
        *((1e300, 1e-300), (1e-300, 1e300), (1.0, 1e-310), (1e300, 1.0), (0.5, 1e-160), (1e-100, 1e-60), (1e160, 1.0)),
    ),
    "float32": (
        *((1.0, 1.0), (3.0, 0.5), (2.0**-20, 1.0)),
        *((1e30, 1e-30), (1e-30, 1e30), (1.0, 1e-40), (1e30, 1.0), (0.5, 1e-25), (1e-15, 1e-10), (1e20, 1.0)),
    ),
}
MODERATE = 3  # of these sizes neither under- nor overflow: an honest program passes
DIGITS = 1500  # 1e300 * 1e300 against 1e-310 and its last bit; exact enough to tell any two doubles' sums apart


@dataclass(frozen=True, eq=False)
class Case:
    """What is stated, what the program computes (the same if it is honest), and what it is fed."""

    stated: Given
    computed: Given
    style: int
    X: Array
    h0: Array
    moderate: bool

    def run(self, h0: Array, X: Array) -> Array:
        """The program: (K+1, N) or (K+1, batch, N) for h0 (N,) or (batch, N)."""
        g = self.computed
        batch = X.shape[1] if X.ndim == 3 else 1
        if not batch:
            return np.zeros((len(X) + 1, 0, g.N), dtype=g.dtype)
        with np.errstate(all="ignore"):
            program = implement(g, honest_styles(g, batch, 1, self.style)[0])
            try:
                H = program(h0 if X.ndim == 3 else h0[None], X if X.ndim == 3 else X[:, None])
            except (ValueError, OverflowError):
                assert not self.moderate
                reject()  # math.fsum refuses infinities
        return H if X.ndim == 3 else H[:, 0]

    def step(self, h: Array, x: Array) -> Array:
        """The same, one sample at a time."""
        return self.run(h, x[None])[1].copy()

    @property
    def dtype(self) -> str:
        return str(self.stated.dtype)


def _times(draw: st.DrawFn, form: str, N: int, rng: np.random.Generator) -> tuple[Any, Any]:
    if form in ("elman", "gru"):
        return 1.0, 1.0
    leak = rng.uniform(0.1, 0.9, N) if draw(st.booleans()) else draw(st.sampled_from([0.125, 0.3, 1.0]))
    return (1 / np.asarray(leak), 0.5) if form in NETWORKS else (1.0, leak)


@st.composite
def stated(draw: st.DrawFn, size: float, dtype: str) -> Given:
    """Parameters of a recurrence; the weights are made from a seed."""
    form = draw(st.sampled_from(FORMS))
    N, I = draw(st.integers(1, 5)), draw(st.integers(0, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, biases = (3 * N, 1) if form == "gru" else (N, draw(st.integers(0, 2)))
    W, M, *b = (rng.standard_normal(shape) * size / np.sqrt(N) for shape in ((rows, N), (rows, I), *[(rows,)] * biases))
    activation = "tanh" if form == "gru" else draw(st.sampled_from(ACTIVATIONS))
    tau, dt = _times(draw, form, N, rng)
    parts = [np.asarray(part, dtype=dtype) for part in (W, M, tau, dt)]
    return Given(
        form=form,
        scheme=draw(st.sampled_from(SCHEMES)) if form in NETWORKS else "euler",
        activation=activation,
        W=parts[0],
        M=parts[1],
        b=tuple(part.astype(dtype) for part in b),
        tau=parts[2],
        dt=parts[3],
        b_recurrent=rng.standard_normal(rows).astype(dtype) if form == "gru" else None,
        reset=draw(st.sampled_from(["after", "before"])) if form == "gru" else "after",
    )


@st.composite
def honest(draw: st.DrawFn) -> Case:
    """An honest program and its inputs; sometimes no step, no input, a batch of none."""
    dtype = draw(st.sampled_from(sorted(SIZES)))
    which = draw(st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    size, state = SIZES[dtype][which]
    g = draw(stated(size, dtype))
    K, batch = draw(st.integers(0, 7)), draw(st.sampled_from([None, None, 0, 1, 2, 9]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (K, g.I) if batch is None else (K, batch, g.I)
    X = (rng.standard_normal(shape) * min(state, 1.0)).astype(dtype)
    h0 = (rng.uniform(0.1, 0.9, (*shape[1:-1], g.N)) * state).astype(dtype)
    return Case(g, g, draw(st.integers(0, 50)), X, h0, which < MODERATE)


Edit = Callable[[np.random.Generator, Given], Given]


def _nudged(name: str) -> Edit:
    """One entry of a parameter, changed by a relative 2^-1 to 2^-60."""

    def edit(rng: np.random.Generator, g: Given) -> Given:
        array = g.b[0] if name == "b" and g.b else getattr(g, name if name != "b" else "W")
        if not array.size:
            return g
        changed = array.copy()
        changed.flat[rng.integers(array.size)] *= array.dtype.type(1 + 2.0 ** -int(rng.integers(1, 61)))
        if name == "b" and g.b:
            return replace(g, b=(changed, *g.b[1:]))
        return replace(g, **{name if name != "b" else "W": changed})

    return edit


PROGRAM_FAULTS: dict[str, Edit] = {
    "none": lambda rng, g: g,
    **{name: _nudged(name) for name in ("W", "M", "b")},
    "leak": lambda rng, g: replace(g, dt=(g.dt * g.dtype.type(1 + 2.0**-9)).astype(g.dtype)),
    "activation": lambda rng, g: replace(g, activation="relu" if g.form != "gru" else "tanh"),
    "transposed": lambda rng, g: replace(g, W=np.ascontiguousarray(g.W.T)) if g.W.shape[0] == g.N else g,
}


def _entry(rng: np.random.Generator, H: Array) -> tuple[int, ...]:
    return tuple(int(rng.integers(n)) for n in H.shape)


def _shifted(rng: np.random.Generator, H: Array) -> Array:
    changed, where = H.copy(), _entry(rng, H)
    with np.errstate(all="ignore"):
        changed[where] += H.dtype.type(float(np.spacing(np.abs(H[where]))) * 2.0 ** int(rng.integers(0, 40)))
    return changed


def _set(value: float) -> Callable[[np.random.Generator, Array], Array]:
    def edit(rng: np.random.Generator, H: Array) -> Array:
        changed = H.copy()
        changed[_entry(rng, H)] = value
        return changed

    return edit


STATE_FAULTS: dict[str, Callable[[np.random.Generator, Array], Array]] = {
    "none": lambda rng, H: H,
    "one entry by some ulps": _shifted,
    "NaN": _set(np.nan),
    "infinity": _set(np.inf),
    "zero": _set(0.0),
    "one step late": lambda rng, H: np.concatenate([H[:1], H[:-1]]),
    "one step early": lambda rng, H: np.concatenate([H[1:], H[-1:]]),
}


def reversed_view(H: Array) -> Array:
    """The same numbers under negative strides."""
    return H[::-1].copy()[::-1]


def read_only(H: Array) -> Array:
    """The same numbers, write-protected."""
    H = H.copy()
    H.setflags(write=False)
    return H


ARRAYS: dict[str, Callable[[Array], Any]] = {
    "array": lambda H: H,
    "Fortran": np.asfortranarray,
    "reversed": reversed_view,
    "read-only": read_only,
    "list": lambda H: list(H),
    "tuple": lambda H: tuple(H),
    "masked, nothing masked": lambda H: np.ma.masked_array(H),
    "big-endian": lambda H: H.astype(H.dtype.newbyteorder(">")),
    "every second column": lambda H: np.repeat(H, 2, axis=-1)[..., ::2],
}


def exactly(case: Case, H: Array) -> str:
    """What 1500-digit residuals say about recorded states (K+1, [batch,] N): "inside" or "outside".

    "open" where there is no bound; "near" where a residual is as near to its bound as neighbouring floats, which is
    how residuals are told.
    """
    rec, model = record_of(case.stated), precision_model(case.dtype)
    wide = H.astype(np.float64) if case.X.ndim == 3 else H.astype(np.float64)[:, None]
    X = case.X.astype(np.float64) if case.X.ndim == 3 else case.X.astype(np.float64)[:, None]
    h0 = case.h0.astype(np.float64) if case.X.ndim == 3 else case.h0.astype(np.float64)[None]
    if not wide[1:].size:
        return "open"
    if np.any(~(np.abs(wide[0] - h0) <= model.storage * np.abs(h0))):
        return "outside"
    before, after = (part.reshape(-1, rec.N).T for part in (wide[:-1], wide[1:]))
    columns = np.ascontiguousarray(X.reshape(before.shape[1], rec.I).T)
    bound = one_step_bound(rec, np.where(np.isfinite(before), before, 0.0), columns, model)
    if not np.isfinite(bound).all():
        return "open"
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        with np.errstate(over="ignore"):
            over = ~np.isfinite(after) & (bound / model.storage >= model.largest)  # a term may exceed the range
        return "open" if over.any() else "outside"
    ops = Mp(DIGITS if not case.moderate else 60)
    off = np.abs(ops.lift(after) - advance(ops, rec, ops.lift(before), ops.lift(columns)))
    apart, limit = off - ops.lift(bound), ops.lift(np.maximum(bound * 2.0**-51, 2.0**-1074))
    if np.any(apart > limit):
        return "outside"
    return "near" if np.any(apart > -limit) else "inside"


def at_the_edge(rng: np.random.Generator, case: Case, H: Array) -> Array:
    """One state of a run moved to its bound: 2^-1 to 2^-30 of it inside or outside, as near as the format has it."""
    rec, model = record_of(case.stated), precision_model(case.dtype)
    wide = (H if case.X.ndim == 3 else H[:, None]).astype(np.float64)
    X = (case.X if case.X.ndim == 3 else case.X[:, None]).astype(np.float64)
    k, row, unit = (int(rng.integers(n)) for n in wide[1:].shape)
    before, x = np.ascontiguousarray(wide[k, row][:, None]), np.ascontiguousarray(X[k, row][:, None])
    bound = float(one_step_bound(rec, before, x, model)[unit, 0])
    if not np.isfinite(bound):
        return H
    ops = Mp(DIGITS)
    exact = advance(ops, rec, ops.lift(before), ops.lift(x))[unit, 0]
    factor = 1 + float(rng.choice([-1, 1])) * 2.0 ** -int(rng.integers(1, 31))
    moved = H.copy()
    with np.errstate(all="ignore"):
        target = exact + float(rng.choice([-1, 1])) * factor * ops.context.mpf(bound)
        moved[(k + 1, row, unit) if case.X.ndim == 3 else (k + 1, unit)] = float(target)
    return moved


def asked(candidate: Any, case: Case, **more: Any) -> oracle.CheckResult:
    """The check of a candidate for a case."""
    question: dict[str, Any] = {"inputs": case.X, "h0": case.h0, "promised": case.dtype, **more}
    if case.X.ndim == 3:
        question.setdefault("batch_first", False)
    return oracle.check(candidate, record_of(case.stated), **question)

"""What a cell states, as arrays of one precision, and the record its public constructors make of it.

Honest implementations and mutants are written against `Given` alone, so they share nothing with the oracle's equations.
The few switches below the parameters (`decay`, `bias_at`) exist for mutants: every mutant is a `Given` too, and has a
record that can be compared with the original's exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

import oracle

Array = NDArray[Any]
NETWORKS = ("paper", "rate", "current")
INSIDE = ("current", "leaky-inside")  # the nonlinearity sees the state


@dataclass(frozen=True, eq=False)
class Given:
    """Parameters of one recurrence, all in one dtype.

    Attributes
    ----------
    form : str
        "elman", "leaky-outside", "leaky-inside", "leak-inside", "paper", "rate", "current" or "gru".
    W, M : arrays, (N, N) and (N, I); (3N, N) and (3N, I) for a GRU
    b : tuple of arrays, (N,) each
    tau, dt : array (), or (N,) for tau
        A leak alpha is stated as dt = alpha, tau = 1.
    b_recurrent : array (3N,) or None, of a GRU
    decay : int
        Factor of the leak: 1; 0 where a mutant forgets it, -1 where it has the wrong sign.
    bias_at : str
        "stated"; "moved" where a mutant adds the bias on the other side of the nonlinearity.
    """

    form: str
    scheme: str
    activation: str
    W: Array
    M: Array
    b: tuple[Array, ...]
    tau: Array
    dt: Array
    b_recurrent: Array | None = None
    reset: str = "after"
    decay: int = 1
    bias_at: str = "stated"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The precision of everything here."""
        return self.W.dtype

    @property
    def N(self) -> int:
        """Number of units."""
        return int(self.W.shape[1])

    @property
    def I(self) -> int:
        """Number of inputs."""
        return int(self.M.shape[1])

    @property
    def altered(self) -> bool:
        """Whether a switch is set that no named convention has."""
        return self.decay != 1 or self.bias_at != "stated"


def exact(value: Array) -> Any:
    """The same numbers as Fractions."""
    if value.ndim == 0:
        return Fraction(value.item())
    entries = np.empty(value.shape, dtype=object)
    for index in np.ndindex(value.shape):
        entries[index] = Fraction(value[index].item())
    return entries


def record_of(g: Given) -> oracle.Recurrence:
    """The recurrence that `g` states, through the public constructors only."""
    if g.form == "gru":
        b = g.b[0] if g.b else None
        return oracle.Recurrence.gru(g.W, g.M if g.I else None, b, g.b_recurrent, reset=g.reset)
    if g.form in NETWORKS:
        network = _altered_network(g) if g.altered else _network(g)
        return network.discretize(step=g.dt.item(), scheme=g.scheme)
    return _altered_recurrence(g) if g.altered or np.any(g.dt <= 0) else _recurrence(g)


def _network(g: Given) -> oracle.Network:
    make = getattr(oracle.Network, g.form)
    return make(g.W, g.M if g.I else None, g.b or None, tau=g.tau, activation=g.activation)


def _recurrence(g: Given) -> oracle.Recurrence:
    weights = (g.W, g.M if g.I else None, g.b or None)
    if g.form == "elman":
        return oracle.Recurrence.elman(*weights, activation=g.activation)
    if g.form == "leak-inside":
        return oracle.Recurrence.leak_inside(*weights, alpha=g.dt, activation=g.activation)
    sigma = g.form.removeprefix("leaky-")
    return oracle.Recurrence.leaky(*weights, alpha=g.dt, sigma=sigma, activation=g.activation)


def _altered_network(g: Given) -> oracle.Network:
    """The field of a mutant, from its coefficients."""
    rate = 1 / exact(g.tau)
    gain = Fraction(1) if g.form == "paper" else rate
    return oracle.Network(A=-g.decay * rate, activation=g.activation, **_coefficients(g, gain))


def _altered_recurrence(g: Given) -> oracle.Recurrence:
    """The step of a mutant, from its coefficients."""
    if g.form == "leak-inside":
        return _altered_leak_inside(g)
    alpha = Fraction(1) if g.form == "elman" else exact(g.dt)
    keep = Fraction(0) if g.form == "elman" else 1 - g.decay * alpha
    return oracle.Recurrence(A=keep, activation=g.activation, **_coefficients(g, alpha))


def _coefficients(g: Given, gain: Any) -> dict[str, Any]:
    """B, W, M, b, E, c of gain s(W h + M x + b) or gain (W s(h) + M x + b), the bias moved where a mutant moves it."""
    moved = g.bias_at == "moved"
    outside = tuple(gain * exact(part) for part in g.b)
    if g.form not in INSIDE:
        bias = {"c": outside} if moved else {"b": g.b}
        return {"B": gain, "W": g.W, "M": g.M, **(bias if g.b else {})}
    bias = {"b": g.b} if moved else {"c": outside}
    column = np.reshape(gain, (-1, 1)) if isinstance(gain, np.ndarray) else gain
    identity = np.eye(g.N)
    return {"B": column * exact(g.W), "W": identity, "E": column * exact(g.M), **(bias if g.b else {})}


def _altered_leak_inside(g: Given) -> oracle.Recurrence:
    """s((1 - decay a) h + a (W h + M x + b)), or the bias after s."""
    alpha = exact(g.dt)
    column = np.reshape(alpha, (-1, 1)) if isinstance(alpha, np.ndarray) else alpha
    W = column * exact(g.W)
    index = np.arange(g.N)
    W[index, index] = W[index, index] + (1 - g.decay * alpha)
    bias = {"c": g.b} if g.bias_at == "moved" else {"b": tuple(alpha * exact(part) for part in g.b)}
    M = column * exact(g.M)
    return oracle.Recurrence(A=Fraction(0), W=W, M=M, activation=g.activation, **(bias if g.b else {}))

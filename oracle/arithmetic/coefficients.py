"""What exact coefficients cost a floating-point program: how far storing and forming them may take them.

A coefficient is a formal sum of exact atoms (records/exact.py). Its size is that of its atoms, which are not cancelled
against each other, because a program may add them in any order; its growth l says that each atom carries a factor
within e^{+-l} of 1 once the coefficient is formed, stored in the candidate's format and multiplied by.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oracle.arithmetic.float64 import Float64
from oracle.records.exact import Array, Atom, Constant, Diagonal
from oracle.records.precision import Precision, representable

_U = 2.0**-53

FORMING_ROUNDINGS = 3
"""Roundings of a derived coefficient such as dt/tau, 1/tau or alpha/6: two to form it and one to store it."""

CONSTANT_ULPS = 4
"""Assumed error of exp in a coefficient such as exp(-dt/tau), in units of u, beyond that of its rounded argument; for
the exponential of a matrix it is relative to the largest entry.

The argument is formed like any coefficient, and its relative error is multiplied by its size."""


class Coefficients:
    """Sizes and growths of exact coefficients under a precision model; each array is looked at once."""

    def __init__(self, model: Precision) -> None:
        self.model = model
        self._floats = Float64()
        self._store = -np.log1p(-model.storage)
        self._casts: dict[int, tuple[Any, float, float]] = {}
        self._sizes: dict[int, tuple[Any, Array, float]] = {}
        self._spreads: dict[int, tuple[Array, Array]] = {}
        self._norms: dict[str, float] = {}
        self._rows: dict[int, tuple[Array, Array, int]] = {}

    def _stored_as_given(self, exact: Array, u: float | None = None) -> tuple[float, float]:
        """Growth, and what underflow may lose, from storing given numbers in the candidate's format."""
        u = self.model.storage if u is None else u
        if self.holds(exact, u):
            return 0.0, 0.0
        return float(-np.log1p(-u)), self.model.underflow

    def holds(self, exact: Array, u: float | None = None) -> bool:
        """Whether all numbers are numbers of the candidate's format, by their bits and by their size."""
        u = self.model.storage if u is None else u
        return representable(exact, u) and self._above_underflow(exact, u)

    def _above_underflow(self, exact: Array, u: float) -> bool:
        """Whether every number is a multiple of the format's smallest one; float64 cannot be given finer ones."""
        if self.model.underflow <= 2.0**-1074:
            return True
        if exact.dtype != object and np.abs(exact).min(initial=np.inf) >= self.model.underflow / u:
            return True  # of numbers with as many bits
        with np.errstate(over="ignore"):
            scaled = exact.astype(np.float64) / self.model.underflow
        return bool(np.all(scaled == np.rint(scaled)))

    def _cast(self, parameter: Array) -> tuple[float, float]:
        """The same for a parameter, looked at once."""
        if id(parameter) not in self._casts:
            self._casts[id(parameter)] = (parameter, *self._stored_as_given(parameter, self.model.parameters))
        return self._casts[id(parameter)][1:]

    def _forming(self, factor: Diagonal) -> float:
        """Growth from forming a coefficient and multiplying by it."""
        entries = factor.tolist() if isinstance(factor, np.ndarray) else [factor]
        if all(entry in (1, -1) for entry in entries):
            return 0.0
        roundings = FORMING_ROUNDINGS + 1
        constants = [entry for entry in entries if isinstance(entry, Constant)]
        if constants:
            steepest = max(a.steepness for c in constants for m in c.terms for a, _ in m)
            roundings += CONSTANT_ULPS + (FORMING_ROUNDINGS + 1) * int(np.ceil(steepest))
        return float(roundings * self._store)

    def _size(self, factor: Diagonal) -> Any:
        """|factor| without cancellation inside its polynomial, rounded up."""
        if not isinstance(factor, np.ndarray):
            return self._spread(factor) * (1 + 4 * _U)
        if id(factor) not in self._spreads:
            sizes = np.array([self._spread(entry) for entry in factor.tolist()])[:, None] * (1 + 4 * _U)
            self._spreads[id(factor)] = (factor, sizes)
        return self._spreads[id(factor)][1]

    def _spread(self, entry: Any) -> float:
        if not isinstance(entry, Constant):
            return abs(float(entry))
        if len(entry.terms) == 1:  # exp(-a) h is also written h + (1 - exp(-a))(s - h), which rounds at the size of h
            ((monomial, value),) = entry.terms.items()
            return abs(self._floats.number(entry)) + abs(float(value)) * self._own_size(monomial[0][0])
        return sum(abs(self._floats.number(Constant({m: v}) if m else v)) for m, v in entry.terms.items())

    def _own_size(self, atom: Atom) -> float:
        """The size at which an exponential may round beyond its own: that of 1 - e^-a, or of e to a whole matrix."""
        if atom.generator is not None:
            return self._norm(atom)
        return 2.0 if atom.kind == "exp" else 0.0

    def _norm(self, atom: Atom) -> float:
        """The largest entry of e to a matrix: algorithms for it are accurate relative to that, not entry by entry."""
        if atom.activation not in self._norms:
            assert atom.generator is not None
            every = self._floats._read(atom.generator.exponential())
            self._norms[atom.activation] = float(np.max(np.abs(every), initial=0.0)) * (1 + 4 * _U)
        return self._norms[atom.activation]

    def _weights(self, dense: Array) -> Array:
        """|dense| without cancellation inside its entries, rounded up."""
        if dense.dtype != object or not any(isinstance(entry, Constant) for entry in dense.ravel().tolist()):
            return np.abs(self._floats._matrix(dense))
        if id(dense) not in self._sizes:
            self._sizes[id(dense)] = (
                dense,
                self._size(dense.ravel()).reshape(dense.shape),
                self._forming(dense.ravel()),
            )
        return self._sizes[id(dense)][1]

    def _counted(self, dense: Array) -> tuple[Array, int]:
        """|dense|, and the largest number of weights in a row, looked at once."""
        if id(dense) not in self._rows:
            weights = self._weights(dense)
            self._rows[id(dense)] = (dense, weights, int(np.count_nonzero(weights, axis=1).max(initial=0)))
        return self._rows[id(dense)][1:]

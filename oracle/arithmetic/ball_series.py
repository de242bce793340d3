"""Truncated power series in balls: a vector of series is a matrix, one row per unit and one column per coefficient.

Products with operators then are matrix products, all orders at once, and the activation of a unit is a function of one
row, tanh z = 1 - 2/(1 + e^{2z}) as a series (python-flint's arb_series). The lazy `SeriesArithmetic` computes one order
after another, which solving a differential equation needs; this one computes all orders of what is known, which
*checking* a solution needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flint import arb, arb_mat, arb_series, ctx

from oracle.arithmetic.ball import Ball
from oracle.equations.activations import ACTIVATIONS
from oracle.errors import KinkError
from oracle.records.exact import Array, Atom
from oracle.records.operator import Operator


class BallSeries(Ball):
    """Arithmetic on (units, length) matrices of coefficients; use it inside `precision(bits, length)`."""

    def __init__(self, length: int, kept: dict[Any, tuple[Any, Any]] | None = None) -> None:
        super().__init__()
        self.length = length
        self._matrices = {} if kept is None else kept  # shared by the lengths and precisions of one computation

    def lift(self, exact: Array) -> Any:
        """Constant series."""
        return resized(super().lift(exact), self.length)

    def atom(self, atom: Atom) -> Any:
        """A named constant: a number, whose activation is none of the equation's."""
        return Ball().atom(atom)

    def affine(
        self, products: Sequence[tuple[Operator, Any]], biases: Sequence[Array] = (), parts: Sequence[Any] = ()
    ) -> Any:
        """Coefficient by coefficient; biases are constants."""
        constants = [self.lift(bias) for bias in biases]
        if not products and not parts:
            return self.sum(constants)
        return super().affine(products, (), [*parts, *constants])

    def mul(self, u: Any, v: Any) -> Any:
        """Truncated products, row by row."""
        return self._rows(lambda a, b: a * b, u, v)

    def one(self, like: Any) -> Any:
        """The constant 1."""
        return resized(arb_mat(like.nrows(), 1, [1] * like.nrows()), self.length)

    def tanh(self, z: Any) -> Any:
        """tanh."""
        return self.elementary("tanh", z)

    def elementary(self, name: str, z: Any) -> Any:
        """A function by name, row by row."""
        if name == "logistic":
            return ACTIVATIONS[name].value(self, z)
        return self._rows(FUNCTIONS[name], z)

    def indicator(self, z: Any) -> Any:
        """Refused: not analytic."""
        return self.unit_step(z)

    def positive_part(self, z: Any) -> Any:
        """Refused: not analytic."""
        raise KinkError("max(0, z) has no Taylor series across its kink; go region by region")

    def unit_step(self, z: Any) -> Any:
        """Refused: not analytic."""
        raise KinkError("the slope of max(0, z) has no Taylor series across its kink; go region by region")

    def _rows(self, function: Callable[..., Any], *values: Any) -> Any:
        rows, length = values[0].nrows(), self.length
        tables = [value.entries() for value in values]
        found: list[Any] = []
        for i in range(rows):
            series = function(*(arb_series(table[i * length : (i + 1) * length], length) for table in tables))
            found.extend(padded(series.coeffs(), length))
        return arb_mat(rows, length, found)

    def _kept(self, exact: Array) -> Any:
        """A dense factor or a diagonal as a matrix of numbers, not of series; doubles are exact at any precision."""
        key = (id(exact), ctx.prec if exact.dtype == object else 0)
        if key not in self._matrices:
            self._matrices[key] = (exact, super().lift(exact))
        return self._matrices[key][1]


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda z: 1 - 2 / ((2 * z).exp() + 1),
    "softplus": lambda z: (1 + z.exp()).log(),
    "erf": lambda z: z.erf(),
    "sin": lambda z: z.sin(),
    "cos": lambda z: z.cos(),
    "arctan": lambda z: z.atan(),
    "exp": lambda z: z.exp(),
    "expm1": lambda z: z.exp() - 1,
    "log": lambda z: z.log(),
    "sqrt": lambda z: z.sqrt(),
    "reciprocal": lambda z: 1 / z,
    "arctan-slope": lambda z: 1 / (1 + z * z),
    "erf-slope": lambda z: (-z * z).exp() * (2 / arb.pi().sqrt()),
    "normal-cdf": lambda z: (z * (1 / arb(2).sqrt())).erf() / 2 + arb(1) / 2,
    "normal-density": lambda z: (-z * z / 2).exp() / (2 * arb.pi()).sqrt(),
}
"""Elementary functions of one series; what cancels (tanh near 0, say) is an absolute error of the working precision."""


def padded(coefficients: list[Any], length: int) -> list[Any]:
    """Exactly `length` coefficients: trailing zeros are not stored."""
    return coefficients[:length] + [arb(0)] * (length - len(coefficients))


def resized(m: Any, columns: int) -> Any:
    """The first columns of a matrix, or the matrix and columns of zeros."""
    have = m.ncols()
    if have == columns:
        return m
    entries = m.entries()
    kept = min(have, columns)
    zeros = [arb(0)] * (columns - kept)
    return arb_mat(
        m.nrows(), columns, [e for i in range(m.nrows()) for e in (*entries[i * have : i * have + kept], *zeros)]
    )

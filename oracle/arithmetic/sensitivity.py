"""Forward sensitivities: tangents along a direction of the parameters, and parameters moved along it.

    h'(t) = D Phi h + (d Phi / d theta) direction        an engine for gradients that shares nothing with the adjoint

`Direction` differentiates operators and biases by the product rule, exactly. `Displaced` evaluates at theta + t d,
where t may be a ball: the derivative over a whole segment is what a remainder asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.adjoint import Place
from oracle.arithmetic.formed import is_formed, partials_of, plain_factor, plain_operator
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.records.exact import Array, Diagonal, objects
from oracle.records.operator import Operator, Term, is_zero


class Direction:
    """A direction in the space of the parameters as given.

    Parameters
    ----------
    along : mapping
        Name -> numbers of the parameter's shape; parameters that are not named stand still.
    dense : mapping
        Which dense factors are parameters: id of the array -> (name, first row).
    """

    def __init__(self, along: Mapping[str, Any], dense: Mapping[int, Place]) -> None:
        self._along = along
        self._dense = dense
        self._kept: dict[int, tuple[Any, Any, Any]] = {}

    def operator(self, op: Operator) -> tuple[Operator, Operator]:
        """The operator without partials, and its derivative."""
        if id(op) not in self._kept:
            self._kept[id(op)] = (op, plain_operator(op), self._of_operator(op))
        return self._kept[id(op)][1:]

    def vector(self, bias: Array) -> tuple[Array, Array | None]:
        """The bias without partials, and its derivative, None where it stands still."""
        if id(bias) not in self._kept:
            moved = np.asarray(self._of_factor(bias))
            self._kept[id(bias)] = (bias, np.asarray(plain_factor(bias)), moved if np.any(moved != 0) else None)
        return self._kept[id(bias)][1:]

    def _of_factor(self, factor: Diagonal) -> Diagonal:
        if isinstance(factor, np.ndarray):
            return objects(self._of_number(entry) for entry in factor.tolist())
        return self._of_number(factor)  # type: ignore[no-any-return]

    def _of_number(self, number: Any) -> Any:
        total: Any = Fraction(0)
        for (name, index), partial in partials_of(number).items():
            if name in self._along:
                given = self._along[name] if index is None else self._along[name][index]
                total = total + partial * Fraction(given)
        return total

    def _of_operator(self, op: Operator) -> Operator:
        terms: list[Term] = []
        for t in op.terms:
            left, right = plain_factor(t.left), plain_factor(t.right)
            if is_formed(t.left):
                terms.append(Term(self._of_factor(t.left), t.dense, right))
            if is_formed(t.right):
                terms.append(Term(left, t.dense, self._of_factor(t.right)))
            moved = None if t.dense is None else self._of_dense(t.dense)
            if moved is not None:
                terms.append(Term(left, moved, right))
        return Operator(op.shape, tuple(t for t in terms if not (is_zero(t.left) or is_zero(t.right))))

    def _of_dense(self, dense: Array) -> Array | None:
        name, row = self._dense.get(id(dense), ("", 0))
        if name not in self._along:
            return None
        return np.asarray(self._along[name])[row : row + len(dense)]


class Displaced:
    """The base arithmetic at theta + t d; `times` multiplies a value by t, None is t = 0.

    Exact in t for parameters that enter linearly (W, M and the biases). Records may hold `Formed` numbers.
    """

    def __init__(self, base: Any, direction: Direction, times: Callable[[Any], Any] | None = None) -> None:
        self.base = base
        self.direction = direction
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.base, name)

    def affine(
        self, products: Sequence[tuple[Operator, Any]], biases: Sequence[Array] = (), parts: Sequence[Any] = ()
    ) -> Any:
        """The operators and biases themselves, and t times their derivatives."""
        vectors = [self.direction.vector(bias) for bias in biases]
        both = [(self.direction.operator(op), v) for op, v in products]
        value = self.base.affine([(plain, v) for (plain, _), v in both], [plain for plain, _ in vectors], parts)
        if self._times is None:
            return value
        moved = moving(both, vectors)
        return value if moved is None else self.base.sum([value, self._times(self.base.affine(*moved))])


def moving(both: Sequence[Any], vectors: Sequence[Any]) -> tuple[list[Any], list[Array]] | None:
    """The products and biases that change along the direction."""
    products = [(change, v) for (_, change), v in both if change.terms]
    biases = [change for _, change in vectors if change is not None]
    return (products, biases) if products or biases else None


class Sensitivity(Tangent[Any]):
    """Tangents whose direction moves the parameters too; the base is `Displaced`."""

    def affine(
        self, products: Sequence[tuple[Operator, Dual]], biases: Sequence[Array] = (), parts: Sequence[Dual] = ()
    ) -> Dual:
        """Linear in every argument, the parameters included."""
        dual = super().affine(products, biases, parts)
        base: Any = self.base
        both = [(base.direction.operator(op), v.value) for op, v in products]
        moved = moving(both, [base.direction.vector(bias) for bias in biases])
        if moved is None:
            return dual
        own = base.base.affine(*moved)
        return Dual(dual.value, own if dual.tangent is None else base.sum([dual.tangent, own]))

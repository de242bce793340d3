"""The rounding interpretation: how far any honest floating-point evaluation may be from the exact value.

A value is expanded into signed monomials ("atoms") that are never cancelled against each other, and carries

    value      a float64 evaluation
    magnitude  the sum of |atoms|
    growth     l with: every computed atom carries a factor within e^{+-l} of 1, whatever the order of operations
    error      an absolute error that is not a relative one of the atoms (activations, underflow, recorded states)

so that |computed - exact| <= (e^l - 1) magnitude + e^l error. With u the unit roundoff a rounding adds -log(1-u) to l.
A sum of n terms gives each atom at most n - 1 additions in any tree; nested sums add their counts, because a program
may flatten them. An activation ends the expansion: its argument is known to within delta, so

    |s^ - s| <= (1 + e_r) sup|s'| delta + e_r |s| + e_a      (sup over the interval of radius 2 delta)

and starts a new atom |s|. Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, sections 3.1 and 4.2.

All arrays are float64 and every quantity is nonnegative, so their own rounding is covered by inflating each product by
its gamma; the value's own float64 error is within the bound because float64 is one honest evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from oracle.arithmetic.coefficients import FORMING_ROUNDINGS, Coefficients
from oracle.arithmetic.float64 import VALUES
from oracle.arithmetic.slopes import steepest
from oracle.equations.activations import ACTIVATIONS
from oracle.equations.activations_user import UNTOLD
from oracle.records.exact import Array, Constant, Diagonal
from oracle.records.operator import ONE, Operator, Term, copied, is_one, only_copies
from oracle.records.precision import Precision

_U = 2.0**-53
_LEAST = 2.0**-1074

REARRANGEMENT_ROUNDINGS = 3
"""Extra roundings for arrangements that distribute products over sums: h + dt(-h + s)/tau, ((tau - dt)h + dt s)/tau."""


class Rounded(NamedTuple):
    """Value, magnitude and error of shape (units, columns), and the growth exponent."""

    value: Array
    magnitude: Array
    error: Array
    growth: float

    def bound(self) -> Array:
        """Upper bound of |computed - exact|."""
        with np.errstate(over="ignore", invalid="ignore"):
            total = np.expm1(self.growth) * self.magnitude + np.exp(self.growth) * self.error
        return np.asarray(raised(total, 8))


def raised(total: Array, roundings: int) -> Array:
    """Nonnegative numbers times at least 1 + roundings u, an even number of them; zero becomes the least float.

    As np.nextafter of the product would give, in a tenth of its time.
    """
    return np.asarray(total * (1 + (roundings + 2) * _U) + _LEAST)


class Rounding(Coefficients):
    """Arithmetic on `Rounded` values under a precision model."""

    def __init__(self, model: Precision) -> None:
        super().__init__(model)
        self._accumulate = -np.log1p(-model.accumulation)
        self._factors = 2 * -np.log1p(-model.products)
        self._stored = 3 * self._store if model.storage > model.accumulation else 0.0
        self._flushed = model.parts is not None and model.parts.flushed

    def lift(self, exact: Array) -> Rounded:
        """Exact numbers, rounded to storage where they are not numbers of the format."""
        value = self._floats.lift(exact)
        magnitude = np.abs(value) * (1 + 2 * _U)
        growth, lost = self._stored_as_given(np.asarray(exact))
        if exact.dtype == object and any(isinstance(entry, Constant) for entry in exact.ravel().tolist()):
            magnitude = np.reshape(self._size(exact.ravel()), value.shape)  # (1 - exp(-dt/tau)) b has two atoms
            growth = self._forming(exact.ravel())
        return Rounded(value, magnitude, np.full_like(value, lost), growth)

    def _bias(self, exact: Array) -> Rounded:
        """A bias, rounded to the format of parameters."""
        lifted, (growth, lost) = self.lift(exact), self._stored_as_given(exact, self.model.parameters)
        if self.model.parameters == self.model.storage:
            return lifted
        return Rounded(lifted.value, lifted.magnitude, np.full_like(lifted.value, lost), max(growth, lifted.growth))

    def _lost(self, term: Term, v: Rounded, terms: int) -> Any:
        """What underflow may lose in a term: its cast and its inner product, then scaled, and the last product."""
        lost = terms * self.model.underflow
        if term.dense is not None:
            cast = self._cast(term.dense)[1]
            inner = np.sum(v.magnitude, axis=0, keepdims=True) * cast if cast else 0.0
            if not is_one(term.right):
                inner = inner + self._product(Term(ONE, term.dense, ONE), np.full_like(v.magnitude, lost))[0]
            lost = lost + self._size(term.left) * (lost + inner + self._narrowed(term, v))
        elif self._flushed:  # a subnormal operand may be taken for zero
            lost = lost + self._size(term.left) * self.model.underflow
        return lost

    def _narrowed(self, term: Term, v: Rounded) -> Any:
        """What factors lose that underflow as they are narrowed, in a sum; infinite where one is beyond the range."""
        eta, largest = self.model.factor_underflow, self.model.factor_largest
        if eta == 0 or term.dense is None:
            return 0.0
        weights = np.abs(self._floats._matrix(term.dense))
        states = self._size(term.right) * (v.magnitude + v.error)
        lost = eta * (weights.sum(axis=1, keepdims=True) + states.sum(axis=0, keepdims=True) + weights.shape[1] * eta)
        beyond = (weights.max(initial=0.0) > largest) | (states.max(axis=0, keepdims=True, initial=0.0) > largest)
        # Each of the two factors is off by u as well; the growth of the sum covers it. Sums of nonnegative numbers.
        return np.where(beyond, np.inf, lost * (1 + 2 * (sum(weights.shape) + 4) * _U))

    def _shared(self, term: Term, v: Rounded) -> Array | None:
        """What the error of one stored number does in a coefficient of several atoms; None where this is no such case.

        (1 - e^-a) s^ may be written s^ - e^-a s^ and rounds at the size of both, |s^| (1 + e^-a). But s^ is one number:
        s^ - s enters with 1 - e^-a itself. Evaluating the activation twice, to different numbers, is not covered.
        """
        entries = term.left.tolist() if isinstance(term.left, np.ndarray) else [term.left]
        several = any(isinstance(entry, Constant) and len(entry.terms) > 1 for entry in entries)
        if not several or term.dense is not None or not is_one(term.right) or v.growth != 0:
            return None
        return np.asarray(np.abs(self._floats._factor(term.left)) * v.error * (1 + 8 * _U))

    def _product(self, term: Term, v: Array) -> tuple[Array, int]:
        """|left| |dense| |right| v for nonnegative v, rounded up, and the number of products in a row."""
        inner = self._size(term.right) * v
        count = 1
        if term.dense is not None:
            weights, count = self._counted(term.dense)
            inner = (weights @ inner) * (1 + 2 * (count + 2) * _U)
        return np.asarray(self._size(term.left) * inner * (1 + 4 * _U)), count

    def affine(
        self, products: Sequence[tuple[Operator, Rounded]], biases: Sequence[Array] = (), parts: Sequence[Rounded] = ()
    ) -> Rounded:
        """Sum of products, biases and values, in any order and arrangement."""
        if not biases and not parts and len(products) == 1 and products[0][0].is_identity:
            return products[0][1]
        if only_copies(products, biases, parts):
            return _copied(products)
        value = self._floats.affine([(op, v.value) for op, v in products], biases, [v.value for v in parts])
        lifted = [self._bias(bias) for bias in biases]
        magnitude: Any = sum(v.magnitude for v in (*lifted, *parts))
        error: Any = sum(v.error for v in parts)
        count, formed, cast = len(biases) + len(parts), 0.0, max((v.growth for v in lifted), default=0.0)
        error = error + sum(v.error for v in lifted)
        for op, v in products:
            if sum(term.dense is None for term in op.terms) > 1:  # 1 - alpha: alpha is formed even where it is 1
                formed = max(formed, float((FORMING_ROUNDINGS + 1) * self._store))
            for term in op.terms:
                shared = self._shared(term, v)
                size, terms = self._product(term, v.magnitude if shared is None else v.magnitude + v.error)
                magnitude = magnitude + size
                if shared is not None:
                    error = error + shared
                elif np.any(v.error):  # recorded states are exact
                    error = error + self._product(term, v.error)[0]
                error = error + self._lost(term, v, terms)
                count += terms
                formed = max(formed, self._forming(term.left) + self._forming(term.right))
                if term.dense is not None:
                    cast = max(cast, self._cast(term.dense)[0] + self._factors)
                    formed = max(formed, self._sizes[id(term.dense)][2] if id(term.dense) in self._sizes else 0.0)
        if self._flushed:
            error = error + count * self.model.underflow  # of additions
        rearranged = REARRANGEMENT_ROUNDINGS * self._store if formed else 0.0
        growth = sum(v.growth for _, v in products) + sum(v.growth for v in parts)
        growth += count * self._accumulate + formed + rearranged + cast + self._stored
        shape = value.shape
        return Rounded(
            value,
            _shaped(magnitude * (1 + 2 * (count + 2) * _U), shape),
            _shaped(error * (1 + 2 * (count + 2) * _U), shape),
            float(growth),
        )

    def sum(self, parts: Sequence[Rounded]) -> Rounded:
        """Sum of values in any order."""
        slack = 1 + 2 * len(parts) * _U
        return Rounded(
            self._floats.sum([v.value for v in parts]),
            sum(v.magnitude for v in parts) * slack,  # type: ignore[arg-type]
            sum(v.error for v in parts) * slack,  # type: ignore[arg-type]
            sum(v.growth for v in parts) + len(parts) * float(self._accumulate),
        )

    def mul(self, u: Rounded, v: Rounded) -> Rounded:
        """Elementwise product."""
        error = u.error * v.magnitude + u.magnitude * v.error + u.error * v.error + self.model.underflow
        return Rounded(
            u.value * v.value,
            u.magnitude * v.magnitude * (1 + 4 * _U),
            error * (1 + 8 * _U),
            u.growth + v.growth + float(self._accumulate),
        )

    def scale(self, factor: Diagonal, v: Rounded) -> Rounded:
        """Exact factor times a value."""
        size = self._size(factor)
        growth = v.growth + (self._forming(factor) or 0.0)
        error = (size * v.error + self.model.underflow) * (1 + 4 * _U)
        return Rounded(self._floats.scale(factor, v.value), size * v.magnitude * (1 + 4 * _U), error, growth)

    def outer(self, us: Sequence[Rounded], vs: Sequence[Rounded]) -> Rounded:
        """The sum of u v^T over all pairs, in any order: as many additions as columns, and one product each."""
        (u, mu, eu), (v, mv, ev) = (
            [np.concatenate([part[i] for part in parts], axis=1) for i in range(3)] for parts in (us, vs)
        )
        count = u.shape[1]
        slack = 1 + 2 * (count + 2) * _U
        growth = max(part.growth for part in us) + max(part.growth for part in vs)
        growth += (count + 1) * float(self._accumulate) + float(self._factors) + float(self._stored)
        error = eu @ mv.T + mu @ ev.T + eu @ ev.T + count * self.model.underflow
        if eta := self.model.factor_underflow:
            error = error + eta * (mu.sum(axis=1)[:, None] + mv.sum(axis=1)[None] + count * eta) * 2
        return Rounded(u @ v.T, (mu @ mv.T) * slack, error * slack * (1 + 4 * _U), growth)

    def one(self, like: Rounded) -> Rounded:
        """Ones, exactly."""
        ones = np.ones_like(like.value)
        return Rounded(ones, ones, np.zeros_like(ones), 0.0)

    def act(self, activation: str, z: Rounded) -> Rounded:
        """An activation of an argument known to within z.bound()."""
        if activation == "identity":
            return z
        if ACTIVATIONS[activation].assumed == UNTOLD:
            found: Rounded = ACTIVATIONS[activation].value(self, z)
            return Rounded(found.value, found.magnitude, found.bound(), 0.0)
        return self.elementary(activation, z)

    def elementary(self, name: str, z: Rounded) -> Rounded:
        """A function of an argument known to within z.bound(), with the error that is granted to it."""
        delta, known = z.bound(), ACTIVATIONS[name]
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            low, high = z.value - 2 * delta, z.value + 2 * delta
            slope = steepest(name, low, high)
            moved = np.where((slope == 0) & np.isfinite(delta), 0.0, slope * delta)  # NaN where z overflows
            if known.jump:
                moved = moved + np.where((low <= known.kinks[0]) & (high >= known.kinks[0]), known.jump, 0.0)
            value = VALUES[name](z.value)
            size = np.abs(value) * (1 + 64 * _U) + 2 * moved
            relative, absolute = self.activation_error(name, low, np.abs(z.value) + 2 * delta)
            error = ((1 + relative) * moved + relative * size + absolute) * (1 + 16 * _U)
        return Rounded(value, size, error, 0.0)

    def activation_error(self, name: str, low: Any = 0.0, size: Any = 0.0) -> tuple[float, Any]:
        """Relative and absolute error granted to the candidate at arguments above low, of a size."""
        u = self.model.storage
        relative, absolute = ACTIVATIONS[name].error(2 * u * self.model.ulps, u, low, size)
        if relative == 0 and not np.any(absolute):
            return 0.0, 0.0
        return relative, absolute + self.model.underflow * (1 + size)

    def tanh(self, z: Rounded) -> Rounded:
        """tanh with the assumed error."""
        return self.act("tanh", z)

    def positive_part(self, z: Rounded) -> Rounded:
        """max(0, z), which rounds nothing."""
        return self.act("relu", z)

    def unit_step(self, z: Rounded) -> Rounded:
        """Not needed by any forward equation."""
        raise NotImplementedError("rounding of a slope is not modelled")

    def indicator(self, z: Rounded) -> Rounded:
        """Not needed: an activation that jumps is read as a whole."""
        raise NotImplementedError("rounding of a jump is part of its activation")

    def lower(self, v: Rounded) -> Array:
        """The bound."""
        return v.bound()


def _shaped(values: Any, shape: tuple[int, ...]) -> Array:
    """As `np.broadcast_to`, which takes microseconds also where it has nothing to do."""
    return values if np.shape(values) == shape else np.broadcast_to(values, shape)


def _copied(products: Sequence[tuple[Operator, Rounded]]) -> Rounded:
    """Numbers that are only copied, as they are."""
    value, magnitude, error = (
        copied([(op, getattr(v, name)) for op, v in products]) for name in ("value", "magnitude", "error")
    )
    return Rounded(value, magnitude, error, max(v.growth for _, v in products))

"""C12: rounding commutes with a power of two, and so do R and D in floating point, bit for bit.

One operation. A number x = m 2^k, 1 <= |m| < 2, is rounded to fl(x) = 2^(k-52) N(2^52 m), N the nearest integer by
whatever rule. 2^e x has the same m, so fl(2^e x) = 2^e fl(x) while both stay in the normal range. Products, quotients
and square roots of scaled operands are scaled results; a sum (or a fused multiply-add) is one where both operands carry
the same power.

A step. Let every operation round by an unknown fl of which nothing is known but fl(r^d y) = r^d fl(y), r = 2^e. The
library's own R and D, read with such numbers (coefficients, stages, exponentials, every product and partial sum
rounded), give for R by r and the step Delta / r the very expression they give without: each stored quantity is r^d
times what it was, and what enters s or is handed on has d = 0. Nothing depends on N, K, I, nor on the order of the
sums, which are sums of one degree in any order.

Grids. Doubles are multiples of a power of two; products and sums of multiples are multiples, and rounding to a coarser
power leaves a multiple of the finer one. So a partial sum that is not zero is at least the grid of its terms.

Noise. sqrt(r) is a power of two only for r = 4^k.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
import sympy
from generic import SIZES, field, point

from oracle.arithmetic.degree import Degrees
from oracle.arithmetic.entrywise import Entrywise
from oracle.arithmetic.graded import NotHomogeneous
from oracle.procedures.discretize import SCHEMES
from oracle.procedures.float_programs import program
from oracle.procedures.rescale import rescaled
from oracle.records.exact import objects
from oracle.records.lure import Lure
from oracle.records.operator import Operator, spread

r, D = sympy.symbols("r Delta", positive=True)


class Unknowns:
    """Unknown functions: one symbol per distinct argument."""

    def __init__(self) -> None:
        self.seen: dict = {}

    def at(self, name: str, argument):
        """name(argument)."""
        return self.seen.setdefault((name, argument), sympy.Symbol(f"{name}_{len(self.seen)}"))

    def fl(self, x):
        """fl, by fl(r^d y) = r^d fl(y) where x is a power of r times something without r; unknown in r otherwise."""
        x = sympy.expand(x)
        powers = {term.as_coeff_exponent(r)[1] for term in sympy.Add.make_args(x)}
        d = powers.pop() if len(powers) == 1 else 0
        y = sympy.expand(x / r**d)
        exact = y.is_Symbol or y in (0, 1)
        return x if exact else r**d * self.at("fl", y)


class Float:
    """A number whose every operation is rounded by the unknown fl."""

    def __init__(self, expr, unknowns: Unknowns) -> None:
        self.expr, self.unknowns = expr, unknowns

    def _of(self, other):
        if isinstance(other, Float):
            return other.expr
        value = Fraction(other)
        return self.unknowns.fl(sympy.Rational(value.numerator, value.denominator))

    def _made(self, expr) -> Float:
        return Float(self.unknowns.fl(expr), self.unknowns)

    def __mul__(self, other):
        return self._made(self.expr * self._of(other)) if not hasattr(other, "dtype") else NotImplemented

    def __add__(self, other):
        return self._made(self.expr + self._of(other))

    def __sub__(self, other):
        return self._made(self.expr - self._of(other))

    def __truediv__(self, other):
        return self._made(self.expr / self._of(other))

    __rmul__, __radd__ = __mul__, __add__

    def __eq__(self, other) -> bool:
        return self.expr == self._of(other)

    def __hash__(self) -> int:
        return hash(self.expr)


class Rounded(Entrywise):
    """The arithmetic of such numbers, s an unknown function of its argument."""

    def __init__(self, unknowns: Unknowns) -> None:
        super().__init__()
        self.unknowns = unknowns

    def number(self, value):
        """Numbers that round already; others are stored, which rounds."""
        return value if isinstance(value, Float) else Float(Float(0, self.unknowns)._of(value), self.unknowns)

    def act(self, activation: str, z):
        """s of what is stored, whether it carries r or not."""
        return self._each(lambda entry: Float(self.unknowns.at("s", entry.expr), self.unknowns), z)


def stored(p: Lure, unknowns: Unknowns) -> Lure:
    """A generic field with numbers that round."""

    def numbers(array):
        return objects(Float(entry, unknowns) for entry in array.ravel()).reshape(array.shape)

    def operator(op: Operator) -> Operator:
        if op.is_diagonal:
            return Operator.diagonal(numbers(spread(op.diagonal_factor(), op.shape[0])), op.shape[0])
        return Operator.dense(numbers(op.expanded))

    parts = {name: operator(getattr(p, name)) for name in ("A", "B", "W", "M", "E")}
    return replace(p, **parts, b=tuple(map(numbers, p.b)), c=tuple(map(numbers, p.c)))


def one_step(p: Lure, scheme: str, step, unknowns: Unknowns, N: int, inputs: int) -> list:
    """The expressions of one step of the library's program, every operation rounded."""
    ops, (h, x) = Rounded(unknowns), point(N, inputs)

    def exponential(z):
        return Float(unknowns.at("exp", z.expr), unknowns)

    h, x = (objects(Float(entry, unknowns) for entry in part) for part in (h, x))
    result = program(p, scheme, step, exponential)(ops, ops.lift(h), ops.lift(x))
    return [entry.expr for entry in result.ravel()]


def prove_bitwise(scheme: str, rescale=rescaled, shorter=D / r, fl=Unknowns.fl) -> None:
    """R then D is the expression that D alone is, rounding by rounding."""
    for N, K, inputs in SIZES:
        unknowns = Unknowns()
        unknowns.fl = fl.__get__(unknowns)
        p = stored(field(N, K, inputs, diagonal=scheme == "exponential-euler"), unknowns)
        moved = rescale(p, Float(r, unknowns))
        first = one_step(p, scheme, Float(D, unknowns), unknowns, N, inputs)
        second = one_step(moved, scheme, Float(shorter, unknowns), unknowns, N, inputs)
        assert first == second, f"{scheme}: the rescaled program computes {second}"


m, k, e, d = sympy.symbols("m k e d", real=True)
nearest = sympy.Function("N")


def to_nearest(mantissa, exponent):
    """fl(m 2^k)."""
    return 2 ** (exponent - 52) * nearest(mantissa * 2**52)


def prove_rounding(fl=to_nearest) -> None:
    """fl(m 2^(k+e)) = 2^e fl(m 2^k)."""
    assert sympy.simplify(fl(m, k + e) - 2**e * fl(m, k)) == 0


def prove_operations(same=d) -> None:
    """Exact results of operands scaled by 2^(e d1), 2^(e d2) are scaled results; sums and fma: of one degree."""
    a, b, c = sympy.symbols("a b c", positive=True)
    one, two = sympy.symbols("d1 d2", real=True)
    scale = 2**e
    results = {
        "product": (scale**one * a * scale**two * b, scale ** (one + two) * a * b),
        "quotient": (scale**one * a / (scale**two * b), scale ** (one - two) * a / b),
        "sum": (scale**d * a + scale**same * b, scale**d * (a + b)),
        "fused": (scale**one * a * scale ** (d - one) * b + scale**same * c, scale**d * (a * b + c)),
        "maximum": (sympy.Max(0, scale**d * a), scale**d * sympy.Max(0, a)),
    }
    for name, (computed, expected) in results.items():
        assert sympy.simplify(sympy.expand(sympy.powsimp(computed - expected))) == 0, name


def prove_noise(base: int = 4) -> None:
    """sqrt(base^k y) = 2^k sqrt(y): the amplitude sqrt(r) sigma, and sqrt(Delta / r), are scaled exactly."""
    y = sympy.Symbol("y", positive=True)
    whole = sympy.Symbol("k", integer=True)
    ratio = sympy.sqrt(base**whole * y) / (2**whole * sympy.sqrt(y))
    assert sympy.simplify(ratio) == 1, "sqrt(r) is no power of two"


def prove_grids(finer: int = 0) -> None:
    """Products and sums of multiples of 2^a and 2^(a + n), n >= 0, and multiples of a coarser power, are multiples."""
    i, j, a = sympy.symbols("i j a", integer=True)
    n = sympy.Symbol("n", integer=True, nonnegative=True)
    x, y = i * 2**a, j * 2 ** (a + n)
    for name, multiple in {
        "product": x * y / 2 ** (2 * a + n + finer),
        "sum": (x + y) / 2 ** (a + finer),
        "rounded": j * 2 ** (a + n) / 2 ** (a + finer),
    }.items():
        assert sympy.simplify(sympy.expand(multiple)).is_integer, name


def prove_degrees_refuse(rescale=rescaled) -> None:
    """What the run's interpretation accepts is homogeneous: the same R, read with degrees, on a net without zeros."""
    numbers = {"A": [-1.0, -2.0], "B": [[1.0, 0.5], [0.25, 2.0]], "W": [[0.5, 1.0], [2.0, 0.25]], "c": [0.5, 0.75]}
    import oracle
    from oracle.procedures.float_orders import stored as in_memory
    from oracle.procedures.float_programs import as_record

    field = as_record(in_memory(oracle.Network(**numbers).field))
    ops = Degrees()
    step = program(rescale(field, ops.number(1.0, 1)), "rk4", ops.number(0.25, -1))
    h = ops.lift(objects([0.5, -0.25]))
    assert step(ops, h, ops.lift(objects([]))).degree == 0, "a result that carries r"


def test_rounding() -> None:
    """One rounding."""
    prove_rounding()


def test_operations() -> None:
    """One operation."""
    prove_operations()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_bitwise(scheme: str) -> None:
    """One step of every scheme, hence every run."""
    prove_bitwise(scheme)


def test_noise() -> None:
    """r = 4^k."""
    prove_noise()


def test_grids() -> None:
    """No partial sum is finer than the grid."""
    prove_grids()


def test_degrees() -> None:
    """The run-time interpretation accepts R as it is."""
    prove_degrees_refuse()


def absolute(mantissa, exponent):
    """Subnormal numbers: one grid for all."""
    return 2**-1074 * nearest(mantissa * 2 ** (exponent + 1074))


def unknown_rounding(self, x):
    """A rounding of which nothing is known, as of subnormal numbers."""
    return x if x.is_Symbol or x in (0, 1) else self.at("fl", sympy.expand(x))


def with_weights(p: Lure, factor) -> Lure:
    return replace(rescaled(p, factor), W=p.W.scaled(factor))


def without_constant(p: Lure, factor) -> Lure:
    return replace(rescaled(p, factor), c=p.c)


def twice(p: Lure, factor) -> Lure:
    return rescaled(rescaled(p, factor), factor)


FAULTS = {
    "subnormal grid": lambda: prove_rounding(absolute),
    "sum of two degrees": lambda: prove_operations(sympy.Symbol("other", real=True)),
    "r = 2": lambda: prove_noise(2),
    "a grid too coarse": lambda: prove_grids(1),
    "any rounding": lambda: prove_bitwise("euler", fl=unknown_rounding),
    "step not divided": lambda: prove_bitwise("heun", shorter=D),
    "W scaled": lambda: prove_bitwise("midpoint", with_weights),
    "c not scaled": lambda: prove_bitwise("rk4", without_constant),
    "r squared": lambda: prove_bitwise("exponential-euler", twice),
    "W scaled, by degrees": lambda: prove_degrees_refuse(with_weights),
    "c not scaled, by degrees": lambda: prove_degrees_refuse(without_constant),
    "r squared, by degrees": lambda: prove_degrees_refuse(twice),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong step of the argument is not proved."""
    with pytest.raises((AssertionError, NotHomogeneous)):
        FAULTS[fault]()

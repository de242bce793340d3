"""C16: the invariant boxes and the contraction factor.

General argument. |h+_i| <= |P_i| |h_i| + G_i, G_i = sum_j |B_ij| + (|E| X + |c|)_i, since |s| <= 1. For
R_i = G_i/(1 - |P_i|) and any Q >= R_i: |P_i| Q + G_i <= Q, so |h_i| <= Q is never left. For a start |h_i(0)| > R_i take
Q = |h_i(0)|.

Secants: s(a) - s(b) = D (a - b) with D between inf s' and sup s', so h+ - g+ = (P + B D W)(h - g), and |P + B D W| is a
convex function of every slope: largest at the ends. A row whose diagonal entry stays >= 0 has the sum
1 + Delta (J_ii + sum_{j != i} |J_ij|) = 1 + Delta mu_i, hence q = 1 - Delta c.
"""

from __future__ import annotations

import pytest
import sympy
from generic import assert_zero, symbols

from oracle.claims import formulas
from oracle.claims.formulas import formula
from oracle.procedures.discretize import euler
from oracle.records import forms
from oracle.records.exact import objects
from oracle.records.operator import sum_vectors

alpha, tau, D, R = sympy.symbols("alpha tau Delta R", positive=True)
N, I = 2, 1
BOX, BEYOND, _ = formula("C16")


def gain(step_map, inputs):
    """G: row sums of B, and |E| X + |c|, all of it positive here."""
    rows = step_map.B.expanded.sum(axis=1)
    return rows + step_map.E.apply(inputs) + sum_vectors(step_map.c, N)


def positive(name: str, *shape: int):
    """Positive symbols, so that absolute values are what is written."""
    found = sympy.symbols(" ".join(f"{name}_{i}" for i in range(sympy.prod(shape))), positive=True, seq=True)
    return objects(found).reshape(shape)


def prove_box(form, radius, keep=lambda p: p) -> None:
    """keep(P) R + G = R for the library's Euler step of a form with positive weights."""
    W, M, b, X = positive("W", N, N), positive("M", N, I), positive("b", N), positive("X", I)
    step_map = euler(form(W, M, (b,), tau, "tanh"), D)
    target, kept = radius(W, M.dot(X) + b), keep(1 - D / tau)
    assert_zero(objects([step_map.A.expanded[i, i] - (1 - D / tau) for i in range(N)]), "P")
    assert_zero(kept * target + gain(step_map, X) - target, "P R + G - R")


def ones(W, drive):
    """The box of the rate form."""
    return objects([sympy.Integer(1)] * N)


def prove_secants(slope=lambda sa, sb, a, b: (sa - sb) / (a - b)) -> None:
    """P (h - g) + B (s(W h + v) - s(W g + v)) = (P + B D W)(h - g) with D the secants' slopes."""
    P, B, W, v = symbols("P", N), symbols("B", N, N), symbols("W", N, N), symbols("v", N)
    h, g, s, t = symbols("h", N), symbols("g", N), symbols("s", N), symbols("t", N)
    a, b = W.dot(h) + v, W.dot(g) + v
    secants = objects(slope(*each) for each in zip(s, t, a, b, strict=True))
    difference = P * (h - g) + B.dot(s - t)
    matrix = B.dot(secants[:, None] * W)
    assert_zero(difference - P * (h - g) - matrix.dot(h - g), "difference of two steps")


def prove_radius(bound=BOX.rhs) -> None:
    """|P| Q + G <= Q for every Q >= R = G/(1 - |P|): (1 - |P|)(Q - R) is left, and the formula is max(|h_0|, R)."""
    y = formulas.symbols()
    Q, P = sympy.symbols("Q p", positive=True)
    radius = bound.replace(sympy.Max, lambda *parts: next(part for part in parts if part.has(y.G)))
    radius = radius.subs(sympy.Abs(y.P), P)
    assert_zero(objects([Q - P * Q - y.G - (1 - P) * (Q - radius)]), "Q - |P| Q - G")


def prove_logarithmic_norm(step=D) -> None:
    """1 + Delta J_ii >= 0: the row sum of |I + Delta J| is 1 + Delta (J_ii + sum |J_ij|)."""
    off = sympy.Symbol("off", real=True)
    kept = sympy.Symbol("k", nonnegative=True)  # 1 + Delta J_ii, so that J_ii = (k - 1)/Delta
    row = sympy.Abs(kept) + sympy.Abs(D * off)
    assert_zero(objects([row - (1 + step * ((kept - 1) / D + sympy.Abs(off)))]), "row sum - (1 + Delta mu)")


def prove_attained(radius=BEYOND.rhs) -> None:
    """1 < alpha < 2: the cycle R, -R of (1 - alpha) h - alpha sign(h), the limit of tanh(-w h)."""
    assert_zero(objects([(1 - alpha) * radius - alpha + radius]), "R goes to -R")


def test_rate() -> None:
    """alpha <= 1: [-1, 1]."""
    prove_box(forms.rate, ones)


def test_rate_beyond_one() -> None:
    """1 < alpha < 2, |P| = alpha - 1: alpha/(2 - alpha)."""
    ratio = D / tau
    prove_box(forms.rate, lambda W, drive: ones(W, drive) * ratio / (2 - ratio), keep=lambda p: -p)


def test_paper() -> None:
    """alpha <= 1: tau."""
    prove_box(forms.paper, lambda W, drive: ones(W, drive) * tau)


def test_current() -> None:
    """alpha <= 1: sum_j |W_ij| + |M| X + |b|."""
    prove_box(forms.current, lambda W, drive: W.sum(axis=1) + drive)


def test_radius() -> None:
    """The claim's formula."""
    prove_radius()


def test_secants() -> None:
    """The mean value form."""
    prove_secants()


def test_logarithmic_norm() -> None:
    """q = 1 + Delta mu."""
    prove_logarithmic_norm()


def test_attained() -> None:
    """The radius cannot be lowered."""
    prove_attained()


FAULTS = {
    "paper with the rate's box": lambda: prove_box(forms.paper, ones),
    "current without input": lambda: prove_box(forms.current, lambda W, drive: W.sum(axis=1)),
    "columns for rows": lambda: prove_box(forms.current, lambda W, drive: W.sum(axis=0) + drive),
    "sign of P beyond one": lambda: prove_box(forms.rate, ones, keep=lambda p: -p),
    "slope at one end": lambda: prove_secants(lambda sa, sb, a, b: sa / a),
    "mu without Delta": lambda: prove_logarithmic_norm(step=sympy.Integer(1)),
    "1 + |P| below": lambda: prove_radius(formulas.symbols().G / (1 + sympy.Abs(formulas.symbols().P))),
    "radius alpha": lambda: prove_attained(alpha),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault: str) -> None:
    """A wrong bound is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()

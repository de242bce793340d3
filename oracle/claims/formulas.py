"""The bound of every claim as SymPy relations, written once: for a reader, for the proofs, and to be evaluated.

    oracle.claims["C8"].formula      (Eq(mu, Delta*lambda + 1), Delta < -2*a/(a**2 + b**2), ..)

SymPy is loaded by the first call. `formula_symbols.MEANINGS` says what a symbol is; D, R, L and U are operators on a
network (F) or a recurrence (Phi): D(F, Delta) is its step, R(F, r) the network in the time s = t/r, L(F) its
linearisation at the operating point, U(Phi, Delta) the network whose Euler step is Phi.
Source: arXiv 2312.15974, and the docstrings of the claims where a sharper form is stated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import Any

from oracle.claims.formula_symbols import symbols

Relations = tuple[Any, ...]


def c01(y: SimpleNamespace) -> Relations:
    """D and R commute; a step that is not rescaled is off by Delta |r - 1| |F|."""
    eq, F = y.sympy.Eq, y.F
    off = y.size(y.D_op(y.R_op(F, y.r), y.Delta) - y.D_op(F, y.Delta))
    both = eq(y.D_op(y.R_op(F, y.r), y.Delta / y.r), y.R_op(y.D_op(F, y.Delta), y.r))
    return both, eq(off, y.Delta * abs(y.r - 1) * y.f)


def c02(y: SimpleNamespace) -> Relations:
    """D and L commute; along a trajectory two nominal paths e apart cost Delta |B| |W|^2 C2 e."""
    gap = y.size(y.L_op(y.D_op(y.F, y.Delta)) - y.D_op(y.L_op(y.F), y.Delta))
    same = y.sympy.Eq(y.L_op(y.D_op(y.F, y.Delta)), y.D_op(y.L_op(y.F), y.Delta))
    return same, y.sympy.Le(gap, y.Delta * y.beta * y.w**2 * y.C_2 * y.e)


def c03(y: SimpleNamespace) -> Relations:
    """R and L commute."""
    return (y.sympy.Eq(y.L_op(y.R_op(y.F, y.r)), y.R_op(y.L_op(y.F), y.r)),)


def c04(y: SimpleNamespace) -> Relations:
    """Orders of the cube, three of the six; the others by the faces C1 to C3."""
    first = y.D_op(y.L_op(y.R_op(y.F, y.r)), y.Delta / y.r)
    others = (y.R_op(y.D_op(y.L_op(y.F), y.Delta), y.r), y.L_op(y.D_op(y.R_op(y.F, y.r), y.Delta / y.r)))
    return tuple(y.sympy.Eq(first, other) for other in others)


def c05(y: SimpleNamespace) -> Relations:
    """What absorbing a gain costs per unit: any s, tanh, the logistic function for z > 0."""
    z, g, Abs, Min = y.z, y.g, y.sympy.Abs, y.sympy.Min
    cost = Abs(g * y.s(z) - y.s(g * z))
    third = Abs(g**3 - g) * Abs(z) ** 3
    general = Abs(g - 1) * Abs(y.s_0) + g * Abs(g - 1) * Abs(y.s_2) * z**2 / 2 + third * y.C_3 / 6
    half = Abs(g - 1) / 2
    bounds = (general, Min(Abs(g - 1), third / 3), half + Min(half, third / 48))
    return tuple(y.sympy.Le(cost, bound) for bound in bounds)


def c06(y: SimpleNamespace) -> Relations:
    """One step of the error's recursion, and its limit for q < 1 with samples that are the input's."""
    local = y.Delta**2 * y.M_2 / 2
    following = y.sympy.Function("e_next")(y.e)
    return (
        y.sympy.Le(following, y.q * y.e + local + y.Delta * y.gamma * y.x_held),
        y.sympy.Le(y.e, local / (1 - y.q)),
    )


def c07(y: SimpleNamespace) -> Relations:
    """The remainder of one unit, the recursion of the run, the regular radius."""
    slope = y.s(y.z_0).diff(y.z_0)
    remainder = y.s(y.z) - y.s(y.z_0) - slope * (y.z - y.z_0)
    return (
        y.sympy.Le(abs(remainder), y.C_2 * (y.z - y.z_0) ** 2 / 2),
        y.sympy.Le(y.sympy.Function("d_next")(y.d), y.q * y.d + y.C_2 * y.v / 2),
        y.sympy.Eq(y.sympy.Symbol("radius"), y.sympy.sqrt(8 * y.m * y.eps / (y.C_2 * y.beta * y.w**2))),
    )


def c08(y: SimpleNamespace) -> Relations:
    """Euler's eigenvalues, and the largest stable step for lambda = a + i b with a < 0, by R r times smaller."""
    limit = -2 * y.a / (y.a**2 + y.b**2)
    return y.sympy.Eq(y.mu, 1 + y.Delta * y.lambda_), y.sympy.Lt(y.Delta, limit)


def c09(y: SimpleNamespace) -> Relations:
    """(i), (ii), (iii) with R(z) and S(z) = (R(z) - 1)/z of the method; what R and Euler do to the distance."""
    i, j = (y.sympy.Symbol(name) for name in ("lambda_i", "lambda_j"))
    method, ne, eq = y.sympy.Function("R"), y.sympy.Ne, y.sympy.Eq
    return (
        ne(method(y.Delta * i), method(y.Delta * j)),
        ne(y.sympy.Function("R'")(y.Delta * i), 0),
        ne((method(y.Delta * i) - 1) / (y.Delta * i), 0),
        eq(y.dist(y.r * y.J, y.r * y.E), y.r * y.distance),
        eq(y.dist(1 + y.Delta * y.J, y.Delta * y.E), y.Delta * y.distance),
    )


def c10(y: SimpleNamespace) -> Relations:
    """Both sides of a Runge-Kutta step with p(Delta L), and p of the method of order four."""
    p, z = y.p_op(y.q), y.q
    fourth = 1 + z / 2 + z**2 / 6 + z**3 / 24
    bounds = y.sympy.Le(y.Delta * y.f * (2 - p), y.y), y.sympy.Le(y.y, y.Delta * y.f * p)
    return (*bounds, y.sympy.Eq(p, fourth))


def c11(y: SimpleNamespace) -> Relations:
    """Stationary deviations of one unit under Euler-Maruyama: paper, rate and current, rate with sqrt(2 tau) sigma."""
    root, eq = y.sympy.sqrt, y.sympy.Eq
    damped = root(1 - y.alpha / 2)
    deviation = [y.sympy.Symbol(f"deviation_{form}", positive=True) for form in ("paper", "rate", "scaled")]
    sizes = (y.sigma * root(y.tau / 2), y.sigma / root(2 * y.tau), y.sigma)
    return tuple(eq(name, size / damped) for name, size in zip(deviation, sizes, strict=True))


def c12(y: SimpleNamespace) -> Relations:
    """Equal bit for bit for r a power of two; otherwise within both one-step bounds."""
    scaled, plain = y.fl_op(y.D_op(y.R_op(y.F, y.r), y.Delta / y.r)), y.fl_op(y.D_op(y.F, y.Delta))
    size = y.size
    return y.sympy.Eq(scaled, plain), y.sympy.Le(size(scaled - plain), y.beta_1 + y.beta_2)


def c13(y: SimpleNamespace) -> Relations:
    """The Euler step of the rate form with Delta = tau; of the paper form it is tau s(z)."""
    return (y.sympy.Eq(y.D_op(y.F, y.tau), y.s(y.W * y.h + y.M * y.x + y.bias)),)


def c14(y: SimpleNamespace) -> Relations:
    """The state of the current form, and the input that makes Euler's steps agree without the filter."""
    v = y.sympy.Symbol("v", real=True)
    return (
        y.sympy.Eq(v, y.W * y.h + y.M * y.x_f + y.bias),
        y.sympy.Eq(y.u, (y.x_next - (1 - y.alpha) * y.x) / y.alpha),
    )


def c15(y: SimpleNamespace) -> Relations:
    """Undoing Euler, and two networks of one recurrence."""
    eq, U = y.sympy.Eq, y.U_op
    return (
        eq(y.A, (y.A_d - 1) / y.Delta),
        eq(U(y.D_op(y.F, y.Delta), y.Delta), y.F),
        eq(U(y.Phi, y.Delta_2), y.R_op(U(y.Phi, y.Delta_1), y.Delta_1 / y.Delta_2)),
    )


def c16(y: SimpleNamespace) -> Relations:
    """The box, its radius for the rate form with 1 < alpha < 2, and the factor in a weighted 1- or infinity-norm."""
    radius = y.G / (1 - y.sympy.Abs(y.P))
    return (
        y.sympy.Le(y.sympy.Abs(y.h), y.sympy.Max(y.sympy.Abs(y.h_0), radius)),
        y.sympy.Eq(y.sympy.Symbol("R_rate"), y.alpha / (2 - y.alpha)),
        y.sympy.Eq(y.q, 1 - y.Delta * y.c),
    )


def c17(y: SimpleNamespace) -> Relations:
    """Gradients under R, an integral loss under R, the gradient by the weights that absorbed tau."""
    eq = y.sympy.Eq
    return (
        eq(y.gradient_op(y.R_op(y.F, y.r)), y.gradient_op(y.F)),
        eq(y.loss_op(y.R_op(y.F, y.r)), y.ell / y.r),
        eq(y.gradient_op(y.tau * y.W), y.gradient / y.tau),
    )


def c18(y: SimpleNamespace) -> Relations:
    """Errors of a held and of an interpolated input with the exact flow, rate m > 0; Lyapunov exponents under R."""
    held, linear = (y.sympy.Symbol(name, positive=True) for name in ("e_held", "e_linear"))
    decay = 1 - y.sympy.exp(-y.m * y.Delta)
    return (
        # The factor 1/m belongs to it: e_held has the unit of h, gamma X_1 that of h per squared time.
        y.sympy.Le(held, y.gamma * y.X_1 / y.m * (y.Delta / decay - 1 / y.m)),
        y.sympy.Le(linear, y.gamma * y.X_2 * y.Delta**2 / (8 * y.m)),
        y.sympy.Eq(y.sympy.Function("lyapunov")(y.R_op(y.F, y.r)), y.r * y.lyapunov),
    )


FORMULAS: dict[str, Callable[[SimpleNamespace], Relations]] = {
    f"C{number}": function
    for number, function in enumerate(
        (c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14, c15, c16, c17, c18), start=1
    )
}


@cache
def formula(identifier: str) -> Relations:
    """The relations of a claim; none for an id that has none."""
    function = FORMULAS.get(identifier)
    return () if function is None else function(symbols())

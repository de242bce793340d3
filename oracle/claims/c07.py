"""C7: how far the linearised trajectory is from the nonlinear one.

    |s(z) - s(z*) - s'(z*)(z - z*)| <= (C2/2)(z - z*)^2,   C2 = sup|s''|, which cannot be lowered
    d_{k+1} <= q_k d_k + (C2/2) | |B| (W delta + M xi)^{o2} |,   d_0 = 0

with either q on the segment [h_lin, h] and the deviation of h_lin, or q of the linear step and the deviation of h; the
powers are componentwise. `remainder` has the forms, `regular` the regular radius. In continuous time the same pairs:

    |d(t)| <= int_0^t e^{int_s^t mu} (C2/2) | |B| (W delta + M xi)^{o2} | ds

(a) mu(s) >= the logarithmic norm of the nonlinear J on [h_lin(s), h(s)], delta = h_lin - h*; (b) mu = mu(J*),
delta = h - h*. mu(J*) with delta = h_lin - h* is false: `wrong_pair`.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

from flint import acb, arb, arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, precision
from oracle.claims.measured import Compared, judged
from oracle.claims.norms import block, columns_of
from oracle.claims.predicates import identity
from oracle.claims.regular import regular_radius
from oracle.claims.remainder import Tangent, by_powers, centred, form_a, form_b
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, symbolic
from oracle.claims.segments import Step, distances
from oracle.claims.setting import Setting
from oracle.claims.suprema import Known, shape
from oracle.procedures.linearize import preactivation
from oracle.procedures.sameness import same_maps
from oracle.records.network import Network
from oracle.reference.entry import reference

STATEMENT = (
    "|s(z) - s(z*) - s'(z*)(z - z*)| <= (C2/2)(z - z*)^2 with C2 = sup|s''|, and the distance of the nonlinear and the "
    "linearised run obeys d_0 = 0, d_{k+1} <= q d_k + (C2/2)| |B|(W delta + M xi)^{o2} |, with q on the segment and "
    "delta of the linear run, or with q of the linear step and delta of the nonlinear run; alike in continuous time."
)
LATEX = (
    r"\|d_{k+1}\|\le q_k\|d_k\|+\tfrac{C_2}{2}\bigl\|\,|B|\,(W\delta_k+M\xi_k)^{\circ 2}\bigr\|,\quad "
    r"C_2=\sup|\sigma''|,\quad r=\sqrt{8m\varepsilon/(C_2\|B\|\|W\|^2)}"
)
SMOOTH = "s is twice differentiable everywhere, |s''| <= C2"
NORMAL_FORM = "one step evaluates s once: Euler or exponential Euler"
PAIRED = "factor and deviation are paired: nonlinear q on the segment with the linear run, or the other way about"

BITS = 160
DIGITS = 30
RESOLUTION = 1e-25  # five digits above the radius of the references
AFFORDABLE = 400**3 * 400  # operations of the powers of a matrix: 400 steps of 400 units, a few seconds
_HALVINGS = 16  # of the interval for h(T) in the counterexample: known to 2^-18


def evaluate(setting: Setting) -> Evaluated:
    """Componentwise and trajectory remainders of this run, against the certified references of both records."""
    with precision(BITS):
        kind = shape(setting.net.activation)
        evidence = _constants(kind) if kind else f"no certified constant for {setting.net.activation}"
    stepwise = setting.scheme in ("euler", "exponential-euler")
    assumptions = (
        Assumption(SMOOTH, kind is not None, evidence),
        Assumption(NORMAL_FORM, stepwise, setting.scheme),
        Assumption(PAIRED, True, "both forms are evaluated as stated"),
    )
    if kind is None or not stepwise:
        return Evaluated(assumptions, Fraction(0), None, ("no remainder was bounded",))
    rec = setting.net.discretize(setting.step, setting.scheme)
    linear = setting.net.linearize(setting.at).discretize(setting.step, setting.scheme)
    if kind.linear:
        return identity(assumptions, [("s is linear: the step and its linearisation", same_maps(rec, linear))])
    X, h0 = setting.run.X[:, 0], setting.run.h0[0]
    runs = tuple(reference(part, X, h0, digits=DIGITS) for part in (rec, linear))
    with precision(BITS):
        states, lin = (columns_of(run) for run in runs)
        step, K = Step.of(rec.parameters, X), len(X)
        tangent = Tangent.at(kind, [Ball().number(entry) for entry in preactivation(setting.net.field, *setting.at)])
        arguments = (step.arguments(block(states, K)), step.arguments(block(lin, K)))
        comparisons = tuple(compare(step, tangent, *arguments, states, lin))
    regular = regular_radius(setting.net, setting.at[1], setting.at[0])
    practical = {"regular radius for 1e-3": regular.radius} if regular.radius else {}
    return judged(assumptions, comparisons, (regular.text,), practical)


def _constants(kind: Known) -> str:
    C2 = kind.supremum(2)
    return f"C2 = {float(C2):.12g} (enclosed within {float(C2.rad()):.1e}){kind.taken(2)}"


def compare(step: Step, tangent: Tangent, z: Any, z_lin: Any, states: Any, lin: Any) -> Iterator[Compared]:
    """Every form of the bound beside what it bounds; the sharpest trajectory form first."""
    apart = distances(states, lin)
    gaps = states - lin
    if step.A.nrows() ** 3 * gaps.ncols() <= AFFORDABLE:
        values = [abs(gaps[i, k]) for i in range(gaps.nrows()) for k in range(1, gaps.ncols())]
        for name, form in (("with signs", centred), ("by powers", by_powers)):
            bounds = form(step, tangent, z).ravel().tolist()
            yield Compared.of(f"|h - h_lin| by units, form (b) {name}", values, bounds, RESOLUTION)
    yield Compared.of("|h - h_lin|, form (b)", apart, form_b(step, tangent, z), RESOLUTION)
    yield Compared.of("|h - h_lin|, form (a)", apart, form_a(step, tangent, z, z_lin), RESOLUTION)
    errors = [entry for part in (z, z_lin) for entry in tangent.remainder(part).entries()]
    for name, law in (("(C2/2) zeta^2", tangent.quadratic), ("the least of three laws", tangent.sharpest)):
        bounds = [entry for part in (z, z_lin) for entry in law(part).entries()]
        yield Compared.of(f"remainder of s, {name}", errors, bounds, RESOLUTION)


# -- counterexamples --------------------------------------------------------------------------------------------------
def kink() -> Counterexample:
    """relu'' is zero wherever it exists."""
    z, base = Fraction(-1, 4), Fraction(1, 4)
    gap = abs(max(z, Fraction(0)) - base - 1 * (z - base))
    return Counterexample(
        SMOOTH, "relu from z* = 1/4 to z = -1/4: s'' = 0 almost everywhere, the remainder is 1/4", gap, "exact rational"
    )


def midpoint() -> Counterexample:
    """A step of two stages, started at the operating point."""
    half = Fraction(1, 2)
    net = Network.rate([[1.5]], None, [0.5], tau=1)
    at = ([0.25], None)
    runs = [part.discretize(half, "midpoint") for part in (net, net.linearize(at))]
    states = [reference(rec, [[]], at[0], digits=DIGITS) for rec in runs]
    with precision(BITS):
        apart = distances(*(columns_of(run) for run in states))[0]
        gap = _below(apart)  # delta = 0 at the start: the bound of one step is zero
    return Counterexample(
        NORMAL_FORM, "midpoint from h_0 = h*: delta is 0 at the first stage and the bound with it", gap, "balls"
    )


def wrong_pair() -> Counterexample:
    """mu(J*) with the deviation of the linear solution, in continuous time."""
    with precision(BITS):
        flow, linear, bound = scalar_flow(Fraction(3))
        gap = _below(flow - linear - bound)
    return Counterexample(
        PAIRED,
        "h' = -h + 1.2 (tanh(z* + h) - tanh z*), z* = -artanh(1/sqrt 3), h(0) = 0.3, T = 3: mu(J*) with the deviation "
        f"of the linear solution promises {float(bound):.4f}, the remainder is at least {float(flow - linear):.4f}",
        gap,
        "balls",
    )


def scalar_flow(T: Fraction) -> tuple[Any, Any, Any]:
    """A lower bound of h(T), the linear solution, and the wrong bound int e^{-(T-s)/5} (C2/2) 1.2 h_lin(s)^2 ds.

    h falls, and the time it takes from 0.3 to v is int dh/F, by rigorous quadrature. Where that is more than T,
    h(T) > v; the largest such v is found by bisection.
    """
    T_, rate, gain = Ball().rational(T), arb(1) / 5, arb(6) / 5  # J* = -1 + 1.2 (2/3) = -1/5
    z, start = -(1 / arb(3).sqrt()).atanh(), Fraction(3, 10)

    def F(h: Any) -> Any:
        return gain * ((z + h).tanh() - z.tanh()) - h

    def late(v: Fraction) -> bool:
        low, high = (acb(Ball().rational(q)) for q in (v, start))
        return bool(acb.integral(lambda h, _: -1 / F(h), low, high).real > T_)

    v, early = Fraction(1, 64), start
    for _ in range(_HALVINGS):
        middle = (v + early) / 2
        v, early = (middle, early) if late(middle) else (v, middle)
    assert late(v), "the flow is still above 1/64"
    decay, C2 = (-rate * T_).exp(), _shape("tanh").supremum(2)
    h0 = Ball().rational(start)
    bound = C2 / 2 * gain * h0**2 * decay * (1 - decay) / rate
    return Ball().rational(v), h0 * decay, bound


def wrong_pair_discrete() -> Counterexample:
    """The same with Euler steps of 1/2: q = 1 + Delta J* with the deviation of the linear run."""
    with precision(BITS):
        z, half, gain = -(1 / arb(3).sqrt()).atanh(), arb(1) / 2, arb(6) / 5
        J, C2 = -arb(1) / 5, _shape("tanh").supremum(2)
        h = lin = arb(3) / 10
        bound = arb(0)
        for _ in range(6):
            bound = (1 + half * J) * bound + half * gain * C2 / 2 * lin**2
            h, lin = h + half * (gain * ((z + h).tanh() - z.tanh()) - h), (1 + half * J) * lin
        gap = _below(h - lin - bound)
    text = "the same network by Euler, Delta = 1/2, 6 steps: q of the linear step with the deviation of the linear run"
    return Counterexample(PAIRED, text, gap, "balls")


def _shape(activation: str) -> Known:
    found = shape(activation)
    assert found is not None, "a smooth activation"
    return found


def _below(value: Any) -> float:
    """A certified lower bound; 0 where the value is not certainly positive."""
    return float(lower_floats(arb_mat(1, 1, [value]))[0, 0]) if value > 0 else 0.0


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (kink(), midpoint(), wrong_pair(), wrong_pair_discrete())


CLAIM = Claim(
    "C7",
    "remainder of the linearisation",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c07_linearisation_remainder"),
)

"""C2: linearisation and discretisation commute.

Exactly for forward Euler, and for exponential Euler with leak and recurrent part kept apart, at any point where s is
differentiable; for Runge-Kutta methods at an equilibrium under a constant input, or anywhere if s is affine. Where not:

    collapsed    exp(Delta J) - [exp(Delta A) + Delta phi_1(Delta A) K] = (Delta^2 / 2) K J + O(Delta^3),
                 K = B S W, J = A + K; zero for every Delta iff K J = 0
    midpoint     D Phi - D Phi_lin = Delta [J(h* + Delta/2 F*) - J(h*)] (I + Delta/2 J(h*)), exactly
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

from flint import acb, arb, arb_mat

from oracle.arithmetic.ball import lower_floats, precision
from oracle.claims.predicates import (
    DIFFERENTIABLE,
    EQUILIBRIUM,
    SAME_POINT,
    SPLIT_OR_EULER,
    differentiable,
    equilibrium,
    identity,
    same_point,
    split_kept,
    tangency,
)
from oracle.claims.result import Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.procedures.cube import Cube
from oracle.procedures.sameness import compared
from oracle.records.network import Network

STATEMENT = (
    "Linearising and then discretising gives the same recurrence as discretising and then linearising, at any "
    "operating point, for Euler and for exponential Euler with leak and recurrent part kept apart; for Runge-Kutta "
    "methods at an equilibrium under a constant input, or where s is affine."
)
LATEX = (
    r"L_{(h^*,x^*)}\,D_\Delta = D_\Delta\,L_{(h^*,x^*)},\qquad "
    r"D\Phi = R(\Delta J)\ \text{for Runge--Kutta methods at } F(h^*,x^*)=0\ \text{or with } s \text{ affine}"
)


def evaluate(setting: Setting) -> Evaluated:
    """The face D,L of the cube, and L against derivatives by dual numbers."""
    assumptions = (differentiable(setting), split_kept(setting), equilibrium(setting), same_point(setting))
    if assumptions[0].holds is False:
        return Evaluated(assumptions, Fraction(0), None, ("there is no tangent to compare",))
    first = setting.cube
    second = Cube(
        setting.net,
        r=setting.r,
        step=setting.step,
        at=setting.at_after,
        scheme=setting.scheme,
        collapsed=setting.collapsed,
    )
    outcomes = [
        ("D L against L D", compared(first.follow("LD"), second.follow("DL"))),
        ("L of the network", tangency(setting.net, setting.net.linearize(setting.at), setting.at)),
    ]
    if setting.scheme in ("euler", "exponential-euler"):
        rec = first.follow("D")
        outcomes.append(("L of the recurrence", tangency(rec, rec.linearize(setting.at), setting.at)))  # type: ignore
    return identity(assumptions, outcomes)


# -- counterexamples --------------------------------------------------------------------------------------------------
def example() -> Network:
    """Two tanh units, not symmetric, with a bias that keeps the origin from being an equilibrium."""
    return Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], tau=[1.0, 0.5])


POINT = ([0.5, -0.25], [0.75])


def kink() -> Counterexample:
    """At a kink the records agree for whatever is written for s'(0), but none of them is a linearisation."""
    # max(|1 - a|, |a|) >= 1/2 for every a by the triangle inequality; these are the conventions in use.
    ratios = []
    for slope in (Fraction(0), Fraction(1, 2), Fraction(1)):
        right, left = abs(1 - slope), abs(slope)  # |relu(v) - s'(0) v| / |v| for v > 0 and for v < 0
        ratios.append(max(right, left))
    return Counterexample(
        DIFFERENTIABLE,
        "relu at z* = 0: whatever number is taken for s'(0), |relu(v) - s'(0) v| >= |v| / 2 on one side, an error of "
        "first order, so L is not a linearisation although the records agree",
        min(ratios),
        "exact rational",
    )


def collapsed() -> Counterexample:
    """Exponential Euler of the collapsed network is the exponential of J."""
    face = Cube(example(), r=3, step=0.5, at=POINT, scheme="exponential-euler", collapsed=True).face("D,L in t")
    return Counterexample(
        SPLIT_OR_EULER,
        "exponential Euler with the collapsed Jacobian, Delta = 1/2: exp(Delta J) is not "
        "exp(Delta A) + Delta phi_1(Delta A) K; the leading difference is (Delta^2 / 2) K J",
        float(face.gap or 0),
        "balls",
    )


def midpoint() -> Counterexample:
    """The explicit midpoint rule off equilibrium."""
    face = Cube(example(), r=3, step=0.5, at=POINT, scheme="midpoint").face("D,L in t")
    return Counterexample(
        EQUILIBRIUM,
        "the midpoint rule off equilibrium, Delta = 1/2: D Phi - D Phi_lin = "
        "Delta [J(h* + Delta/2 F*) - J(h*)] (I + Delta/2 J(h*))",
        float(face.gap or 0),
        "balls",
    )


def exact_flow() -> Counterexample:
    """h' = -h + tanh 2h from h* = 1/10 to h_T = 1/4: the flow's derivative is F(h_T)/F(h*), the linear one e^{T J}."""
    flow, linear = flow_derivatives(Fraction(1, 10), Fraction(1, 4))
    with precision(128):
        gap = float(lower_floats(arb_mat(1, 1, [linear - flow]))[0, 0])
    return Counterexample(
        EQUILIBRIUM,
        "the exact flow off equilibrium, h' = -h + tanh 2h from h* = 1/10 until h = 1/4: its derivative F(h_T)/F(h*) "
        "is not exp(T J(h*)), T = int dh/F",
        gap,
        "balls",
    )


def flow_derivatives(start: Fraction, end: Fraction) -> tuple[arb, arb]:
    """F(h_T)/F(h*) and exp(T J(h*)) for h' = -h + tanh 2h, enclosed; T by rigorous quadrature of dh/F."""
    with precision(128):
        low, high = (arb(q.numerator) / q.denominator for q in (start, end))

        def speed(h: acb, analytic: bool = False) -> acb:
            return (2 * h).tanh() - h

        duration = acb.integral(lambda h, analytic: 1 / speed(h), acb(low), acb(high)).real
        slope = -1 + 2 * (1 - (2 * low).tanh() ** 2)
        return speed(acb(high)).real / speed(acb(low)).real, (duration * slope).exp()


def other_point() -> Counterexample:
    """L at Euler's own second state after D, at another nominal state before D."""
    net = example()
    first = Cube(net, r=3, step=0.5, at=POINT)
    second = Cube(net, r=3, step=0.5, at=([0.25, 0.125], POINT[1]))
    outcome = compared(first.follow("LD"), second.follow("DL"))
    return Counterexample(
        SAME_POINT,
        "the nominal states differ (those of the flow before D, Euler's own after it): S = diag s'(z*) differs",
        float(outcome.gap or 0),
        "balls",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (kink(), collapsed(), midpoint(), exact_flow(), other_point())


CLAIM = Claim(
    "C2",
    "linearisation and discretisation commute",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c02_linearisation_discretisation"),
)

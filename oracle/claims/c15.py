"""C15: forward Euler can be undone, exactly, on records.

    U_Delta : A -> (A - I)/Delta,  (B, E, c) -> (B, E, c)/Delta        U_Delta D_Delta = 1,  D_Delta U_Delta = 1

So every trained recurrence of the normal form is the Euler step of a continuous network, one for every Delta, and all
of them are one network in different units of time: U_{D2} = R_{D1/D2} U_{D1}. Exponential Euler is undone where A is
diagonal with positive entries, so never for an Elman recurrence. The flow of the network is not the recurrence: C6.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache

from flint import arb, arb_mat

from oracle.arithmetic.ball import lower_floats, precision
from oracle.claims.predicates import identity
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, shown, symbolic
from oracle.claims.setting import Setting
from oracle.errors import BadInput
from oracle.procedures.sameness import Sameness, compared
from oracle.procedures.undo import undo
from oracle.records import forms
from oracle.records.exact import exact_object
from oracle.records.network import Network
from oracle.records.operator import sum_vectors
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence

STATEMENT = (
    "Every recurrence in the normal form is the forward Euler step of exactly one continuous network for each Delta, "
    "A = (A_d - I)/Delta and (B, E, c) divided by Delta; the networks of two steps differ by a rescaling of time, "
    "U_{D2} = R_{D1/D2} U_{D1}. Exponential Euler is undone exactly where A_d is diagonal and positive."
)
LATEX = (
    r"U_\Delta:(A,B,E,c)\mapsto\tfrac1\Delta(A-I,B,E,c),\quad U_\Delta D_\Delta=D_\Delta U_\Delta=1,\quad "
    r"U_{\Delta_2}=R_{\Delta_1/\Delta_2}U_{\Delta_1}"
)
SCHEME = "the step is forward Euler, or exponential Euler with a diagonal leak (its step then has A_d > 0)"
SAME_STEP = "it is undone with the step it was made with"


def evaluate(setting: Setting) -> Evaluated:
    """Both compositions, the relation of two steps, and the same for the Elman recurrence of the same weights."""
    scheme = setting.scheme
    met = scheme == "euler" or (scheme == "exponential-euler" and setting.net.field.A.is_diagonal)
    assumptions = (
        Assumption(SCHEME, met, scheme if met else f"{scheme}: several networks have one step, or none"),
        Assumption(SAME_STEP, True, f"Delta = {shown(setting.step)} (exact)"),
    )
    if not met:
        return Evaluated(assumptions, Fraction(0), None, ("the step cannot be undone",))
    return identity(assumptions, outcomes(setting))


def outcomes(setting: Setting) -> Iterator[tuple[str, Sameness]]:
    """What the claim says, one equality of records each."""
    net, scheme, step = setting.net, setting.scheme, setting.step
    rec = net.discretize(step, scheme)
    yield f"U D = 1, {scheme}", compared(undo(rec, step, scheme), net)
    trained = [("the network's own step", rec)]
    if net.field.W.shape[0] == net.N:
        trained.append(("Elman with the same weights", elman(net)))
    for name, recurrence in trained:
        other = setting.step_after
        first, second = undo(recurrence, step), undo(recurrence, other)
        yield f"D U = 1, {name}", _same_map(first.discretize(step), recurrence)
        yield f"U_D2 = R_(D1/D2) U_D1, {name}", compared(second, first.rescale(step / other))


def _same_map(a: Recurrence, b: Recurrence) -> Sameness:
    """Equality of maps; the grid of `b` may be another."""
    return compared(a, b.rescale(b.step / a.step))


def elman(net: Network) -> Recurrence:
    """s(W h + M x + b) with the network's weights."""
    field = net.field
    total = sum_vectors(field.b, net.N)
    made = forms.elman(field.W.expanded, exact_object(field.M.expanded), (total,), field.activation)
    return Recurrence.made("lure", made, Fraction(1), Origin("elman", {}))


# -- counterexamples --------------------------------------------------------------------------------------------------
def example() -> Network:
    """Two rectified units with their own time constants: everything about it is rational."""
    return Network.rate([[0.5, -1.0], [0.75, 0.25]], [[1.0], [-0.5]], [0.125, 0.25], tau=[1.0, 0.5], activation="relu")


def midpoint() -> Counterexample:
    """R(z) = 1 + z + z^2/2 takes one value at z = -1/2 and z = -3/2."""
    slow = Network(A=-1, B=0, W=[[0.0]], activation="identity")
    fast = Network(A=-3, B=0, W=[[0.0]], activation="identity")
    steps = [net.discretize(Fraction(1, 2), "midpoint") for net in (slow, fast)]
    same = compared(*steps)
    gap = Fraction(compared(slow, fast).gap or 0) if same.holds == "equal" else Fraction(0)
    return Counterexample(
        SCHEME,
        "the midpoint rule with Delta = 1/2 takes h' = -h and h' = -3h to the same map 5/8 h: two networks, A apart",
        gap,
        "exact rational",
    )


def negative_leak() -> Counterexample:
    """Euler beyond Delta = tau keeps a negative share of the state; exp(Delta a) > 0."""
    rec = Recurrence.leaky([[0.5]], alpha=Fraction(3, 2))
    kept = rec.lure.A.row(0)[0]
    try:
        undo(rec, scheme="exponential-euler")
        gap = Fraction(0)
    except BadInput:
        gap = -kept
    return Counterexample(
        SCHEME,
        "exponential Euler and h+ = -h/2 + (3/2) s(h/2): exp(Delta a) > 0 is farther than 1/2 from -1/2 for every "
        "Delta and a, so no network has this step (an Elman recurrence would need exp(Delta a) = 0)",
        gap,
        "exact rational",
    )


def mixed() -> Counterexample:
    """Made by exponential Euler, undone as Euler: the leak comes back as (1 - e^{-Delta/tau})/Delta."""
    net = Network.rate([[0.5]], tau=1)
    back = undo(net.discretize(Fraction(1, 2), "exponential-euler"))
    with precision(128):
        gap = float(lower_floats(arb_mat(1, 1, [1 - 2 * (1 - arb(-0.5).exp())]))[0, 0])
    return Counterexample(
        SCHEME,
        "made by exponential Euler with Delta = tau/2 and undone as Euler: the leak 1/tau comes back as "
        "(1 - exp(-1/2)) 2/tau",
        gap if compared(back, net).holds == "different" else 0.0,
        "balls",
    )


def other_step() -> Counterexample:
    """Undone with twice the step."""
    net, step = example(), Fraction(1, 4)
    outcome = compared(undo(net.discretize(step), 2 * step), net)
    return Counterexample(
        SAME_STEP,
        "made with Delta = 1/4 and undone with 1/2: every coefficient of the field comes back halved",
        Fraction(outcome.gap or 0),
        "exact rational",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One or more per assumption."""
    return (midpoint(), negative_leak(), mixed(), other_step())


CLAIM = Claim(
    "C15", "Euler can be undone", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c15_undoing_euler")
)

"""C9: which discretisations keep a network controllable by its inputs.

    pair (J, E^),  J = A + B S W,  E^ = E + B S M        after D: (R(Delta J), Delta S(Delta J) E^), S(z) = (R(z) - 1)/z

R and Euler keep the Krylov space for every r and Delta, so does exponential Euler with a scalar leak. With one input
and (J, E^) controllable, the discrete pair is controllable if and only if

    (i)   R(Delta l) != R(Delta l') for distinct eigenvalues l, l' of J
    (ii)  R'(Delta l) != 0 at defective l
    (iii) S(Delta l) != 0

With several inputs (i) to (iii) are sufficient, and only (iii) is necessary. The criterion is evaluated from J (exactly
where J is rational, by gcds of polynomials; by balls otherwise) and compared with the rank of the pair
that the discretised record really has. Observability of (J, C) needs (i) and (ii) alone. The distance to
uncontrollability, min over lambda of sigma_min [J - lambda I, E^], is multiplied by r by R and by Delta by Euler.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np

from oracle.claims.criterion import Criterion, criterion
from oracle.claims.distance import distance
from oracle.claims.observability import seen_through
from oracle.claims.one_step import SCALAR_LEAK, OneStep, leak_is_scalar, one_step
from oracle.claims.pairs import after, kept, of_network, of_recurrence
from oracle.claims.predicates import DIFFERENTIABLE, EQUILIBRIUM, differentiable, equilibrium, identity
from oracle.claims.rank import Pair, Rank, controllability
from oracle.claims.result import Assumption, Claim, Counterexample, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.procedures.sameness import Sameness
from oracle.records.exact import Array, Constant
from oracle.records.network import Network

STATEMENT = (
    "Rescaling and Euler keep the space that the inputs reach; with one input a one-step method keeps the network "
    "controllable if and only if R(Delta lambda) differ for distinct eigenvalues, R' != 0 at defective ones and "
    "S = (R - 1)/z != 0."
)
LATEX = (
    r"(J,\hat E)\ \text{controllable}\Rightarrow\Big[(R(\Delta J),\Delta S(\Delta J)\hat E)\ \text{controllable}\iff "
    r"R(\Delta\lambda)\ne R(\Delta\lambda'),\ R'(\Delta\lambda)\ne0\ (\lambda\ \text{defective}),\ "
    r"S(\Delta\lambda)\ne0\Big]"
)
BEFORE = "the pair (J, E^) of the network is controllable"
HELD = "the input is held over the step"

SMALL = 16
"""Units up to which the distance is enclosed for the records of R and Euler too."""


def evaluate(setting: Setting) -> Evaluated:
    """Krylov spaces under R and Euler; the criterion against the rank of the discrete pair."""
    smooth, rest, leak = differentiable(setting), equilibrium(setting), leak_is_scalar(setting)
    held = Assumption(HELD, True, "the records hold sample k over step k")
    if smooth.holds is False:
        unknown = Assumption(BEFORE, False, "there is no Jacobian")
        return Evaluated((smooth, unknown, rest, held, leak), Fraction(0), None, ("there is no Jacobian",))
    net, at = setting.net, setting.at
    pair = of_network(net, at)
    before = controllability(pair)
    scaled, euler = OneStep((Fraction(0), setting.r), Fraction(1)), OneStep((Fraction(1), Fraction(1)), setting.step)
    slower, stepped = of_network(net.rescale(setting.r), at), of_recurrence(net.discretize(setting.step), at)
    outcomes = [
        ("Krylov space under R", kept(pair, slower, scaled)),
        ("Krylov space under Euler", kept(pair, stepped, euler)),
    ]
    method = one_step(setting)
    moved = stepped if setting.scheme == "euler" else of_recurrence(net.discretize(setting.step, setting.scheme), at)
    found = criterion(pair, method) if before.full else None
    outcomes.append((f"criterion for {setting.scheme}", against(found, after(pair, moved, method), pair)))
    seen, told = seen_through(pair, ((slower, "R", scaled), (stepped, "Euler", euler)), (moved, setting.scheme, method))
    far, reach = distances(pair, (slower, "R", float(setting.r)), (stepped, "Euler", float(setting.step)))
    assumptions = (smooth, Assumption(BEFORE, _told(before), before.how), rest, held, leak)
    return identity(assumptions, [*outcomes, *seen, *far], {**told, **reach})


def _told(rank: Rank) -> bool | str:
    return "undecided" if rank.full is None else rank.full


def distances(pair: Pair, *moved: tuple[Pair, str, float]) -> tuple[list[tuple[str, Sameness]], dict[str, str]]:
    """The distance to uncontrollability of the network, and what R and Euler multiply it by."""
    if pair.I == 0:
        return [], {}
    here, outcomes = distance(pair), []
    for other, name, factor in moved if pair.N <= SMALL else ():
        expected, there = here.times(factor), distance(other)
        gap, text = expected.apart(there), f"{there}, expected {expected}"
        same = Sameness("equal", text, Fraction(0)) if gap == 0 else Sameness("different", text, gap)
        outcomes.append((f"distance to uncontrollability under {name}", same))
    return outcomes, {"distance to uncontrollability": str(here)}


def against(found: Criterion | None, rank: Rank, pair: Pair) -> Sameness:
    """The criterion's word against the rank of the discrete pair."""
    if found is None:
        return Sameness("undecided", f"no criterion; discrete pair: {rank.how}", None)
    expected = found.survives(pair.I)
    text = f"{found}; discrete pair: {rank.how}"
    if expected == "silent":
        return Sameness("equal", f"{text} (several inputs: the criterion is silent)", Fraction(0))
    if expected is None or rank.full is None:
        return Sameness("undecided", text, None)
    if expected == rank.full:
        return Sameness("equal", text, Fraction(0))
    missing = None if rank.rank is None else Fraction(pair.N - rank.rank)
    return Sameness("different", text, missing or Fraction(1))


# -- counterexamples --------------------------------------------------------------------------------------------------
def kink() -> Counterexample:
    """h' = -h + relu(x) at x* = 0: rank 1 or 0, according to s'(0); neither describes what is reached."""
    step = Fraction(1)
    reached = step * max(Fraction(1), Fraction(0))  # Euler from h = 0 with x = 1; every x gives h >= 0
    below = abs(Fraction(-1) - 0)  # the distance of the state -1 from all that is reached in one step
    return Counterexample(
        DIFFERENTIABLE,
        "h' = -h + relu(x) at x* = 0, Euler with Delta = 1 from h = 0: with s'(0) != 0 the pair is controllable but -1 "
        "is missed by 1, with s'(0) = 0 nothing should be reached but 1 is",
        min(reached, below),
        "exact rational",
    )


def uncontrollable_before() -> Counterexample:
    """J = diag(-1, -2), E = (1, 0): (i) to (iii) hold for the midpoint rule at Delta = 1/4, the rank is 1."""
    net = Network(A=[-1, -2], B=0, W=np.zeros((2, 2)), E=[[1], [0]], activation="identity")
    return _contradiction(
        net, "midpoint", Fraction(1, 4), BEFORE, "J = diag(-1, -2), E = (1, 0), midpoint rule: (i) to (iii) hold"
    )


def off_equilibrium() -> Counterexample:
    """h' = -h - relu(h) + x, midpoint rule with Delta = 1 from h = -1/2, x = 1: the middle stage sits at 1/4."""
    net = Network(A=-1, B=-1, W=[[1]], E=[[1]], activation="relu")
    at = (np.array([-0.5]), np.array([1.0]))
    return _contradiction(
        net,
        "midpoint",
        Fraction(1),
        EQUILIBRIUM,
        "h' = -h - relu(h) + x, midpoint rule, Delta = 1, from h = -1/2 with x = 1: S(Delta J) = 1/2, but the "
        "derivative by the input is 0",
        at,
    )


def several_leaks() -> Counterexample:
    """Leaks -1 and -3, weights (1 - u - u^2)/2 and 3/2 with u = exp(-1): both units are multiplied by (1 + u^3)/2."""
    u = Constant.atom("exp", Fraction(-1))
    weights = np.array([(1 - u - u * u) / 2, Fraction(3, 2)], dtype=object)
    net = Network(A=[-1, -3], B=weights, W=np.eye(2), E=[[1], [1]], activation="identity")
    return _contradiction(
        net,
        "exponential-euler",
        Fraction(1),
        SCALAR_LEAK,
        "exponential Euler with leaks -1 and -3, Delta = 1, E^ = (1, 1), recurrent weights (1 - u - u^2)/2 and 3/2, "
        "u = exp(-1): both units are multiplied by (1 + u^3)/2 (exact in polynomials of u)",
    )


def _contradiction(
    net: Network, scheme: str, step: Fraction, dropped: str, text: str, at: tuple[Array, Array] | None = None
) -> Counterexample:
    """A case that the criterion would let survive, and whose discrete pair is certified to be deficient."""
    setting = Setting.read(net, step=step, scheme=scheme, at=at or (np.zeros(net.N), np.zeros(net.I)))
    pair = of_network(net, setting.at)
    method = one_step(setting)
    promised = True if method is None else criterion(pair, method).survives(pair.I)
    rank = controllability(of_recurrence(net.discretize(step, scheme), setting.at))
    lost = promised is True and rank.full is False
    return Counterexample(dropped, f"{text}; the discrete pair is not controllable", Fraction(lost), "exact rational")


def not_held() -> Counterexample:
    """h' = -2h + x, midpoint rule, Delta = 1, with the input read anew at the middle: x(1/2) moves the state."""
    step, rate = Fraction(1), Fraction(-2)
    promised = step * (1 + step * rate / 2)  # Delta S(Delta J), the held input's derivative: 0
    by_middle = step * 1  # h+ = h + Delta (J (h + Delta/2 (J h + x_0)) + x_1/2): the derivative by x_1/2
    return Counterexample(
        HELD,
        "h' = -2h + x, midpoint rule with Delta = 1, the input read again in the middle of the step: S(Delta J) = 0, "
        "but the second sample moves the state",
        abs(by_middle) - abs(promised),
        "exact rational",
    )


@cache
def counterexamples() -> tuple[Counterexample, ...]:
    """One per assumption."""
    return (kink(), uncontrollable_before(), off_equilibrium(), not_held(), several_leaks())


CLAIM = Claim(
    "C9", "controllability", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c09_controllability")
)

"""C9: every instance of lost controllability, exactly or by a certified sign change, and planted faults."""

from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import network, setting
from flint import acb, arb, arb_mat

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.claims import c09, criterion, one_step, rank
from oracle.claims.one_step import ExactFlow, OneStep
from oracle.claims.rank import Pair, controllability
from oracle.records.exact import exact_object, objects
from oracle.records.operator import Operator

CLAIM = c09.CLAIM
RK2 = (Fraction(1), Fraction(1), Fraction(1, 2))
RK3 = (*RK2, Fraction(1, 6))
RK4 = (*RK3, Fraction(1, 24))


def exact(rows):
    return objects(Fraction(entry) for row in rows for entry in row).reshape(len(rows), -1)


def at_matrix(coefficients, J):
    """A polynomial at an exact matrix."""
    total = exact(np.zeros(J.shape, dtype=int).tolist())
    eye = exact(np.eye(len(J), dtype=int).tolist())
    for c in reversed(coefficients):
        total = total @ J + c * eye
    return total


def survives(J, R, step=1, E=None):
    """Rank of the discrete pair, and the criterion: both exact, and they must agree."""
    J, step = exact(J), Fraction(step)
    E = exact([[1]] * len(J)) if E is None else exact(E)
    method = OneStep(R, step)
    assert controllability(Pair.dense(J, E)).full
    found = controllability(Pair.dense(at_matrix(R, step * J), step * at_matrix(method.S, step * J) @ E))
    assert criterion.by_polynomials(J, method).survives(E.shape[1]) in (found.full, "silent")
    return found.full


@pytest.mark.parametrize("step", [Fraction(k, 8) for k in range(1, 33)])
def test_second_order_instances(step):
    """RK2 loses it iff Delta (l + l') = -2, Delta l = -1 defective, or Delta l = -2."""
    for a, b in ((-1, -3), (Fraction(-1, 2), -2), (1, -3)):
        lost = step * (a + b) == -2 or -2 in (step * a, step * b)
        assert survives([[a, 0], [0, b]], RK2, step) is not lost
    for a in (-1, Fraction(-1, 2), -2):
        lost = step * a in (-1, -2)
        assert survives([[a, 1], [0, a]], RK2, step, [[0], [1]]) is not lost
    for tau, w in ((1, 3), (Fraction(1, 2), 1), (Fraction(3, 8), 5)):
        assert survives([[-1 / Fraction(tau), w], [-w, -1 / Fraction(tau)]], RK2, step, [[1], [0]]) is (step != tau)


@pytest.mark.parametrize("R", [RK3, RK4], ids=["rk3", "rk4"])
def test_undamped_pair_at_sqrt_6(R):
    """RK3 and RK4 lose an undamped pair at Delta w = sqrt 6 exactly: J = [[0, -6], [1, 0]] has w^2 = 6."""
    J = [[0, -6], [1, 0]]
    assert survives(J, R, 1, [[1], [0]]) is False
    for step in (Fraction(1, 2), Fraction(255, 256), Fraction(257, 256), 2):
        assert survives(J, R, step, [[1], [0]]) is True
    assert survives(J, RK2, 1, [[1], [0]]) is True


def test_several_inputs():
    """With two inputs (i) may fail and the rank stay full; (iii) is necessary."""
    both = [[1, 0], [0, 1]]
    assert survives([[-1, 0], [0, -3]], RK2, Fraction(1, 2), both) is True
    assert criterion.by_polynomials(exact([[-1, 0], [0, -3]]), OneStep(RK2, Fraction(1, 2))).survives(2) == "silent"
    assert survives([[-1, 0], [0, -2]], RK2, 1, both) is False


def oscillator(step):
    """det [E, exp(Delta J) E] for J = [[-1/4, -2], [2, -1/4]], in balls."""
    flow = (arb_mat([[-0.25, -2], [2, -0.25]]) * step).exp()
    return flow[1, 0]  # E = (1, 0)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_zero_order_hold(k):
    """l - l' = 4i: lost at Delta = 2 pi k / 4, once between the samples around it, and nowhere else up to there."""
    with precision(128):
        root, nudge = arb.pi() * k / 2, arb(2) ** -60
        assert oscillator(root).contains(0)
        before, after = oscillator(root - nudge), oscillator(root + nudge)
        assert (before > 0 and after < 0) or (before < 0 and after > 0)
        # In between the determinant is exp(-Delta/4) sin 2 Delta, without zero on a partition into balls.
        pieces = 64
        for i in range(pieces):
            low, high = arb.pi() / 2 * (k - 1), root
            middle = low + (high - low) * (2 * i + 1) / (2 * pieces)
            width = (high - low) / (2 * pieces) * (1 - arb(2) ** -5)
            box = middle + width * arb(0, 1)
            assert not (box * 2).sin().contains(0) or i in (0, pieces - 1)


def test_the_hold_keeps_what_rational_networks_have():
    """C9 for the zero-order hold: exact of rational networks; balls tell 2 pi k / Delta only as far as they reach."""
    oscillating = oracle.Network(A=[[-0.25, -2], [2, -0.25]], W=[[0, 0], [0, 0]], E=[[1], [0]], activation="identity")
    result = CLAIM.verify(oscillating, scheme="zoh", step=Fraction(11, 7), at=AT["at"])
    assert (result.verdict, result.measured) == ("holds", 0), result
    pair = c09.of_network(oscillating, (np.zeros(2), np.zeros(1)))
    with precision(2048):
        lost = Fraction(int((arb.pi() * arb(2) ** 1024).floor().unique_fmpz()), 2**1025)  # pi/2 to 1,024 bits
    assert criterion._by_balls(pair, ExactFlow(Fraction(1))).survives(1) is True
    assert criterion._by_balls(pair, ExactFlow(lost)).survives(1) is None
    assert criterion.criterion(pair, ExactFlow(lost)).survives(1) is True  # rational, hence not pi/2


@pytest.mark.parametrize("z", [0, 1, -2.5, 3j])
def test_what_the_hold_does_to_an_input(z):
    """S(z) = (exp(z) - 1)/z, and 1 at 0."""
    with precision(128):
        z, value = acb(z), ExactFlow(Fraction(1)).held(acb(z))
        assert (value * z).overlaps(z.exp() - 1)
        assert value.contains(1) == (z == 0)
        assert value.rad() < arb(2) ** -100


def two_leaks(first, second=1.42140645526):
    """d and Phi d of exponential Euler at Delta = 1 with leaks -1, -3 and E^ = (1, 1): their determinant, in balls."""
    net = oracle.Network(A=[-1, -3], W=np.diag([first, second]), E=[[1], [1]], activation="identity")
    pair = c09.of_recurrence(net.discretize(1, "exponential-euler"), (np.zeros(2), np.zeros(1)))
    J, E = pair.balls()
    moved = J * E
    return E[0, 0] * moved[1, 0] - E[1, 0] * moved[0, 0]


def test_exponential_euler_with_two_leaks():
    """Near BSW = diag(.209011646565, 1.42140645526) the determinant changes sign: rank 1 at some weight in between."""
    with precision(128):
        low, high = two_leaks(0.209011646565 - 1e-11), two_leaks(0.209011646565 + 1e-11)
        assert low * high < 0
        assert two_leaks(0.2091) * low > 0 or two_leaks(0.2091) * high > 0
    # At the decimals themselves the rank is full, by 1e-12, and before D it is full.
    net = oracle.Network(A=[-1, -3], W=np.diag([0.209011646565, 1.42140645526]), E=[[1], [1]], activation="identity")
    origin = (np.zeros(2), np.zeros(1))
    assert controllability(c09.of_network(net, origin)).full is True
    assert controllability(c09.of_recurrence(net.discretize(1, "exponential-euler"), origin)).full is True
    # Where the weights are polynomials of exp(-1), the deficiency is exact.
    assert c09.several_leaks().gap == 1


def test_exponential_euler_with_one_leak_never():
    """One leak: the pair stays controllable for every step tried, RK2's bad steps among them."""
    net = oracle.Network.rate([[0, 3], [-3, 0]], [[1.0], [0.5]], tau=1, activation="identity")
    for step in (Fraction(1, 2), 1, 2, 5):
        assert CLAIM.verify(net, step=step, scheme="exponential-euler").verdict == "holds"
    assert "(i) fails" in str(CLAIM.verify(net, step=1, scheme="midpoint", at=([0, 0], [0])))


@pytest.mark.parametrize("seed", range(24))
def test_claim_holds(seed):
    """C9 holds wherever the network is controllable; without input or with dead units it does not apply."""
    net = network(seed)
    result = CLAIM.verify(net, **setting(seed, net))
    applies = result.assumptions[1].holds is True
    assert result.verdict == ("holds" if applies else "not applicable"), result
    assert net.I > 0 or not applies


@pytest.mark.parametrize("scheme", ["midpoint", "heun", "rk4"])
def test_runge_kutta_at_an_equilibrium(scheme):
    """At the origin of an unbiased tanh network: (R(Delta J), Delta S(Delta J) E^), criterion and rank agree."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], tau=0.5)
    result = CLAIM.verify(net, scheme=scheme, at=([0, 0], [0]), step=0.25)
    assert (result.verdict, result.measured) == ("holds", 0), result


def test_balls_prove_full_rank_only():
    """A deficient pair with transcendental entries beyond the expansion of minors is undecided, never deficient."""
    net = oracle.Network.rate(np.diag([0.5, 0.5, 0.25, 0.75]), [[1.0]] * 4, [0.25] * 4, tau=1)
    found = controllability(c09.of_network(net, (np.zeros(4), np.zeros(1))))
    assert found.full is None
    assert CLAIM.verify(net, at=(np.zeros(4), np.zeros(1))).verdict == "undecided"


def test_full_rank_at_a_ball():
    """The right inverse proves rank for all lambda in the ball, and not where the ball holds an uncontrollable one."""
    with precision(128):
        J, E = Ball().lift(np.diag([-1.0, -2.0])), Ball().lift(np.array([[1.0], [0.0]]))
        assert rank.full_at(J, E, acb(-1))
        assert not rank.full_at(J, E, acb(-2))
        assert not rank.full_at(J, E, acb(arb(-1.5, 1)))


def test_modular_rank_of_a_large_network():
    """96 linear units: full rank modulo a prime is full rank; what is deficient elsewhere than at a leak is open."""
    rng = np.random.default_rng(9)
    J, E = exact_object(rng.normal(size=(96, 96))), exact_object(rng.normal(size=(96, 2)))
    assert controllability(Pair.of(Operator.dense(J), Operator.dense(E))).full is True
    J[0, :], E[0, :] = Fraction(0), Fraction(0)
    assert controllability(Pair.dense(J, E)).full is False  # a unit that rests, at lambda = 0
    J[0, 0] = Fraction(1, 2)
    assert controllability(Pair.dense(J, E)).full is None  # as deficient, at a lambda that nobody named


@pytest.mark.parametrize("form", ["rate", "current"])
def test_silent_units_are_deficient_exactly(form):
    """40 relu units, a third of them silent, three inputs: [J + I/tau, E^] is singular; with all active it is not."""
    rng = np.random.default_rng(4)
    b = np.where(np.arange(40) % 3, 9.0, -9.0)
    weights = rng.normal(size=(40, 40)) / 7, rng.normal(size=(40, 3))
    net = getattr(oracle.Network, form)(*weights, b, tau=0.25, activation="relu")
    at = (np.sign(b), np.zeros(3))  # the states of `current` are what relu sees
    pair = c09.of_network(net, at)
    found = controllability(pair)
    assert (found.full, "at lambda = -4 (exact)" in found.how) == (False, True), found
    assert CLAIM.verify(net, at=at).verdict == "not applicable"
    active = (abs(at[0]), at[1])
    net = getattr(oracle.Network, form)(*weights, abs(b), tau=0.25, activation="relu")
    assert controllability(c09.of_network(net, active)).full is True


def test_a_pencil_is_singular_where_it_is():
    """diag(1, 2) with input on the first unit: 2 is the number at which the rank falls, and its rank is 1."""
    J, E = exact([[1, 0], [0, 2]]), exact([[1], [0]])
    assert rank.deficient_at(J, E, [Fraction(1), Fraction(3), Fraction(2)]) == (2, 1)
    assert rank.deficient_at(J, exact([[1], [1]]), [Fraction(1), Fraction(2)]) is None


right_jacobian, right_stability = one_step.jacobian, one_step.stability
AT = {"at": ([0, 0], [0]), "step": 1}
LOSING = oracle.Network(A=[[-1, 3], [-3, -1]], B=0, W=np.zeros((2, 2)), E=[[1], [0]], activation="identity")
KEEPING = oracle.Network(A=[[0, -6], [1, 0]], B=0, W=np.zeros((2, 2)), E=[[1], [0]], activation="identity")


def input_dropped(record, at):
    J, E = right_jacobian(record, at)
    return J, E.scaled(0)


def only_before(net, at):
    J, E = right_jacobian(net.field, at)
    return Pair.of(J, E if net.form == "general" else E.scaled(0))


FAULTS = {
    "input lost by R": (c09, "of_network", only_before, LOSING, "euler"),
    "input lost by D": (
        c09,
        "of_recurrence",
        lambda rec, at: Pair.of(*input_dropped(rec.lure, at)) if rec.equation == "lure" else None,
        LOSING,
        "euler",
    ),
    "Euler's R": (one_step, "stability", lambda t: right_stability(t)[:2], LOSING, "midpoint"),
    "R of order four for two": (one_step, "stability", lambda t: RK4, LOSING, "midpoint"),
    "R of order three for two": (one_step, "stability", lambda t: RK3, KEEPING, "midpoint"),
    "(i) forgotten": (
        c09,
        "criterion",
        lambda p, m: criterion.criterion(p, m)._replace(distinct=True),
        LOSING,
        "midpoint",
    ),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """A wrong procedure, stability function or criterion is violated."""
    room, name, wrong, net, scheme = FAULTS[fault]
    assert CLAIM.verify(net, scheme=scheme, **AT).verdict == "holds"
    monkeypatch.setattr(room, name, wrong)
    result = CLAIM.verify(net, scheme=scheme, **AT)
    planted(fault, result)
    assert result.measured > 0

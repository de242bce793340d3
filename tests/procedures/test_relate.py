"""oracle.relate: every relation is recognised and named, one changed coefficient refutes it, the rest is undecided."""

from fractions import Fraction

import numpy as np
import pytest

import oracle
from oracle.procedures import matching
from oracle.procedures.relate import relate

N, INPUTS = 5, 2
RNG = np.random.default_rng(2024)
W, M, B = RNG.normal(size=(N, N)), RNG.normal(size=(N, INPUTS)), RNG.normal(size=N)
TAU = RNG.uniform(0.2, 2.0, N)
ORDER = np.array([3, 1, 0, 4, 2])
SIGNS = np.array([1, -1, 1, 1, -1])
Net, Rec = oracle.Network, oracle.Recurrence


def exact(array):
    """Entries as rationals, so that products with rationals do not round."""
    return np.vectorize(Fraction, otypes=[object])(array)


def times(factor, array):
    """factor times an array, exactly."""
    return exact(array) * Fraction(factor)


NET = Net.rate(W, M, B, tau=0.3)
LEAKY = Rec.leaky(W, M, B, alpha=0.25)
A, G = Fraction(1, 2), Fraction(3, 4)
RELATED = {
    "same": (NET, Net.rate(W, M, (B / 2, B / 2), tau=0.3), ("same",)),
    "R": (NET, NET.rescale(3), ("R",)),
    "permutation": (NET, Net.rate(W[np.ix_(ORDER, ORDER)], M[ORDER], B[ORDER], tau=0.3), ("permutation",)),
    "permutation without inputs": (Net.rate(W), Net.rate(W[np.ix_(ORDER, ORDER)]), ("permutation",)),
    "signs": (NET, Net.rate(SIGNS[:, None] * W * SIGNS, SIGNS[:, None] * M, SIGNS * B, tau=0.3), ("signs",)),
    "per-unit tau into W": (
        Net.paper(W, M, B, tau=TAU),
        Net.rate(exact(W) * exact(TAU), M, B, tau=TAU),
        ("h = T g", "tau absorbed"),
    ),
    "tau into W, M and b of relu": (
        Net.paper(W, M, B, tau=0.3, activation="relu").rescale(0.3),
        Net.rate(times(0.3, W), times(0.3, M), times(0.3, B), tau=1, activation="relu"),
        ("gains", "tau absorbed"),
    ),
    "rate and current": (NET, Net.current(W, M, B, tau=0.3), ("rate/current",)),
    "current and rate, slower": (Net.current(W, M, B, tau=0.6), NET, ("rate/current", "R")),
    "leaky outside and inside": (LEAKY, Rec.leaky(W, M, B, alpha=0.25, sigma="inside"), ("rate/current",)),
    "another grid": (LEAKY, Rec.leaky(W, M, B, alpha=0.25, step=0.5), ("R",)),
    "Jaeger's ESN": (
        Rec.leaky(W, M, B, alpha=A * G),
        Rec(A=1 - A * G, B=G, W=times(A, W), M=M, b=B),
        ("h = T g", "ESN"),
    ),
    "Euler": (NET, NET.discretize(0.1), ("euler",)),
    "exponential Euler": (NET, NET.discretize(0.1, "exponential-euler"), ("exponential-euler",)),
    "RK4": (NET, NET.discretize(0.1, "rk4"), ("rk4",)),
    "Elman": (NET, Rec.elman(W, M, B, step=0.3), ("euler",)),
    "ESN as the step of the paper form": (
        Net.paper(W, M, B, tau=2),
        Rec(A=1 - A * G, B=G, W=W, M=M, b=B, step=G),
        ("euler",),
    ),
    "logistic as tanh": (
        Net.rate(W, M, B, activation="logistic"),
        Net(
            A=-1,
            B=0.5,
            W=times(0.5, W),
            M=times(0.5, M),
            b=times(0.5, B),
            c=np.full(N, 0.5),
        ),
        ("logistic as tanh",),
    ),
    "linearised": (NET.linearize(at=B), NET.rescale(2).linearize(at=B), ("R",)),
    "three at once": (
        NET.rescale(Fraction(2, 7)),
        Net.current(W[np.ix_(ORDER, ORDER)], M[ORDER], B[ORDER], tau=0.3),
        ("rate/current", "R", "permutation"),
    ),
}


@pytest.mark.parametrize("name", sorted(RELATED))
def test_related(name):
    """The relation is found, with its name, in both directions."""
    first, second, by = RELATED[name]
    found = relate(first, second)
    assert (found.verdict, found.by) == ("related", by), found
    assert bool(found)
    assert relate(second, first).verdict == "related"
    assert set(relate(second, first).by) == set(by)


def test_parameters_of_a_renaming():
    """Unit i of the first is unit permutation[i] of the second, and r is the factor of time."""
    found = oracle.relate(NET.rescale(Fraction(2, 7)), RELATED["permutation"][1])
    assert found.parameters["r"] == Fraction(7, 2)
    p = found.parameters["permutation"]
    assert [int(ORDER[p[i]]) for i in range(N)] == list(range(N))


def test_parameters_of_absorbing_tau():
    """h = T g with T = tau, per unit."""
    found = relate(*RELATED["per-unit tau into W"][:2])
    assert list(found.parameters["T"]) == [Fraction(t) for t in TAU]


def test_parameters_of_signs():
    """The signs of the units, up to nothing: inputs fix them."""
    assert list(relate(*RELATED["signs"][:2]).parameters["signs"]) == list(SIGNS)


def test_parameters_of_a_step():
    """Delta in the time of the network, and R where the grid is another."""
    found = relate(NET.rescale(2), NET.discretize(0.1))
    assert found.by == ("R", "euler")
    assert (found.parameters["r"], found.parameters["step"]) == (Fraction(1, 2), Fraction(0.1) / 2)
    assert NET.rescale(2).discretize(found.parameters["step"]).same_map(NET.discretize(0.1))


def nudged(array, index):
    """One entry moved by one unit in the last place."""
    moved = array.copy()
    moved[index] = np.nextafter(moved[index], np.inf)
    return moved


@pytest.mark.parametrize("which", ["W", "M", "b", "one tau", "transposed", "tanh gains", "half signs", "activation"])
def test_one_change_refutes(which):
    """A last place of one weight, a transposed matrix, gains that tanh does not admit: unrelated, proved."""
    others = {
        "W": Net.rate(nudged(W, (2, 3)), M, B, tau=0.3),
        "M": Net.rate(W, nudged(M, (4, 1)), B, tau=0.3),
        "b": Net.rate(W, M, nudged(B, 0), tau=0.3),
        "one tau": Net.rate(W, M, B, tau=[0.3, 0.3, 0.3, 0.3, 0.31]),
        "transposed": Net.rate(W.T, M, B, tau=0.3),
        "tanh gains": Net(A=-1 / Fraction(0.3), B=2 / Fraction(0.3), W=times(0.5, W), M=times(0.5, M), b=times(0.5, B)),
        "half signs": Net.rate(SIGNS[:, None] * W, SIGNS[:, None] * M, SIGNS * B, tau=0.3),
        "activation": Net.rate(W, M, B, tau=0.3, activation="relu"),
    }
    for partner in (others[which], others[which].rescale(5)):
        assert relate(NET, partner).verdict == "unrelated"
    assert relate(NET, others[which].discretize(0.1)).verdict == "unrelated"


def test_rate_and_current_need_one_tau():
    """With a time constant per unit the two forms are not related."""
    assert relate(Net.rate(W, M, B, tau=TAU), Net.current(W, M, B, tau=TAU)).verdict == "unrelated"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Rec.gru(np.arange(12).reshape(6, 2) / 7), Rec.elman(W[:2, :2])),
        (NET.discretize(0.1, "rk4"), NET.discretize(0.1, "heun")),
        (NET.discretize(0.1, "rk4"), Net.rate(W.T, M, B, tau=0.3).discretize(0.1, "rk4")),
        (NET.linearize(at=B), NET.linearize(at=-2 * B)),
        (NET, NET.rescale(2).discretize(0.1, "exponential-euler")),
    ],
)
def test_what_is_open_is_undecided(first, second):
    """Other kinds of steps, steps that may coincide, constants that may be equal numbers: nothing is claimed."""
    assert relate(first, second).verdict == "undecided"


def test_symmetric_networks():
    """All weights equal: any order will do. Many more orders than are tried, none of which fits: undecided."""
    ones = np.ones((6, 6))
    assert relate(Net.rate(ones), Net.rate(ones).rescale(2)).by == ("R",)
    assert relate(Net.rate(ones), Net.rate(2 * ones)).verdict == "unrelated"


def test_too_many_assignments_are_not_a_refutation(monkeypatch):
    """If no assignment were recognised, a symmetric pair would be undecided, not unrelated."""
    monkeypatch.setattr(matching, "is_image", lambda *arguments: False)
    ones = np.ones((6, 6))
    assert relate(Net.rate(ones), Net.rate(ones).rescale(2)).verdict == "undecided"


def test_mutants_are_caught(monkeypatch):
    """Allowing gains that tanh does not have makes unrelated networks related: the refutation above sees it."""
    one, other = Net(A=-1, W=W, E=M), Net(A=-1, B=2, W=times(0.5, W), E=M)
    assert relate(one, other).verdict == "unrelated"
    monkeypatch.setattr(matching, "_allowed", lambda a, scales: True)
    assert relate(one, other).verdict == "related"


def test_a_network_of_64_units():
    """Sizes: renamed, signs changed, rescaled, per-unit tau."""
    n = 64
    big, tau = RNG.normal(size=(n, n)), RNG.uniform(0.5, 2, n)
    order, signs = RNG.permutation(n), RNG.choice([-1, 1], n)
    turned = (signs[:, None] * big * signs)[np.ix_(order, order)]
    found = relate(Net.rate(big, tau=tau), Net.rate(turned, tau=tau[order]).rescale(3))
    assert found.by[:2] == ("R", "permutation")


def test_only_records():
    """Anything else is refused; sizes that disagree are unrelated."""
    with pytest.raises(oracle.BadInput, match="relate got a ndarray"):
        relate(W, NET)
    assert relate(NET, Net.rate(W[:2, :2])).verdict == "unrelated"
    assert "h = T g" in repr(relate(*RELATED["per-unit tau into W"][:2]))

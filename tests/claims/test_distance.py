"""The distance to uncontrollability: enclosed from both sides, multiplied by r and by Delta, and planted faults."""

from dataclasses import replace as changed

import numpy as np
import pytest

import oracle
from oracle.claims import c09, distance
from oracle.claims.distance import Sampled, smallest
from oracle.claims.rank import Pair
from oracle.procedures import rescale
from oracle.records.exact import exact_object


def drawn(N, inputs, seed=0):
    """A pair in general position, and its floats."""
    rng = np.random.default_rng((N, inputs, seed))
    J, E = rng.normal(size=(N, N)) / np.sqrt(N) - np.eye(N), rng.normal(size=(N, inputs))
    return Pair.dense(exact_object(J), exact_object(E)), J, E


def sampled(J, E, points):
    """The least singular value over some lambda, by NumPy: an observed upper bound."""
    values = [np.linalg.svd(np.hstack([J - z * np.eye(len(J)), E]), compute_uv=False)[-1] for z in points]
    return min(values)


@pytest.mark.parametrize(("N", "inputs"), [(1, 1), (2, 1), (3, 2), (5, 1), (8, 3), (16, 2)])
def test_enclosure(N, inputs):
    """No lambda of a fine grid is below the lower bound, none next to the eigenvalues below the upper one's share."""
    pair, J, E = drawn(N, inputs)
    found = distance.distance(pair)
    assert 0 < found.low <= found.high
    assert found.low >= distance.SHARE * found.high * (1 - 2.0**-30)
    reach = np.linalg.norm(J) + found.high
    grid = np.linspace(-reach, reach, 41)[:, None] + 1j * np.linspace(0, reach, 21)[None, :]
    near = np.concatenate([np.linalg.eigvals(J) + step for step in 0.01 * np.exp(1j * np.arange(6))])
    assert sampled(J, E, [*grid.ravel(), *near]) >= found.low


def test_one_unit():
    """min sqrt(|a - l|^2 + e^2) = |e|."""
    found = distance.distance(Pair.dense(exact_object(np.array([[-0.75]])), exact_object(np.array([[0.375]]))))
    assert found.low <= 0.375 <= found.high
    assert found.high - 0.375 < 1e-12


def test_uncontrollable_and_close_to_it():
    """A unit without input: only an upper bound; with an input of 2^-12 the distance is at most that."""
    J, E = np.diag([-1.0, -2.0]), np.array([[1.0], [0.0]])
    silent = distance.distance(Pair.dense(exact_object(J), exact_object(E)))
    assert silent.low == 0
    assert silent.high < 1e-12
    E[1] = 2.0**-12
    faint = distance.distance(Pair.dense(exact_object(J), exact_object(E)))
    assert 0 < faint.low <= faint.high <= 2.0**-12


@pytest.mark.parametrize("N", [3, 80])
def test_singular_values_are_enclosed(N):
    """Bounds of sigma_min are those of balls: lambda where it is known, and an error of the floats widens them."""
    T = np.diag(np.arange(1.0, N + 1))
    near = Sampled(T, np.zeros((N, 1)), 0.0)
    low, high, _ = smallest(near, np.array([1.25 + 0j, 2.0 + 0.5j, 0.0j]))
    assert np.all(low <= [0.25, 0.5, 1.0])
    assert np.all(high >= [0.25, 0.5, 1.0])
    assert np.max(high - low) < 1e-9
    wider = smallest(near._replace(error=0.125), np.array([1.25 + 0j]))
    assert wider[0][0] <= low[0] - 0.125 + 1e-9
    assert wider[1][0] >= high[0] + 0.125 - 1e-9


def test_large_pairs_get_an_upper_bound():
    """Beyond `LARGEST` units the upper bound is the value at some lambda, and the text says why there is no more."""
    N = distance.LARGEST + 16
    pair, J, E = drawn(N, 2)
    found = distance.distance(pair)
    assert found.low == 0
    assert "upper bound only" in str(found)
    assert found.high <= sampled(J, E, np.linalg.eigvals(J)) * 1.25


def test_r_and_euler_scale_it_and_the_krylov_matrix_is_not_scaled():
    """r times and Delta times, while the least singular value of the Krylov matrix is no multiple of either."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], tau=0.5)
    at = ([0.5, -0.25], [0.75])
    result = c09.CLAIM.verify(net, r=3, step=0.25, at=at)
    assert result.verdict == "holds"
    assert sum("distance to uncontrollability under" in text for text in result.evidence) == 2
    assert "squares" in result.observed["distance to uncontrollability"]
    _, J, E = drawn(3, 1)
    powers = [np.hstack([f * E, f**2 * J @ E, f**3 * J @ J @ E]) for f in (1.0, 3.0)]
    least = [np.linalg.svd(krylov, compute_uv=False)[-1] for krylov in powers]
    assert least[1] / least[0] > 4  # and not r = 3


right_rescaled = rescale.rescaled
FAULTS = {
    "E not rescaled": lambda field, r: changed(right_rescaled(field, r), E=field.E, M=field.M.scaled(1 / r)),
    "r squared": lambda field, r: right_rescaled(field, r * r),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """A wrong R multiplies the distance by something else: violated by a certified amount."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], tau=0.5)
    options = {"r": 3, "step": 0.25, "at": ([0, 0], [0])}
    assert c09.CLAIM.verify(net, **options).verdict == "holds"
    monkeypatch.setattr(rescale, "rescaled", FAULTS[fault])
    result = c09.CLAIM.verify(net, **options)
    planted(f"distance: {fault}", result)
    assert any("under R: different" in text for text in result.evidence if "distance" in text)


def test_squares_without_their_radius_would_prove_too_much(monkeypatch):
    """From a poor upper bound the squares still enclose; with the Lipschitz radius left out the distance is missed."""
    pair, J, E = drawn(3, 1)
    least = sampled(J, E, np.linalg.eigvals(J) + 0.01)
    monkeypatch.setattr(distance, "_above", lambda *arguments: 4 * least)
    assert distance.distance(pair).low <= least
    monkeypatch.setattr(distance, "RADIUS", 0.0)
    assert distance.distance(pair).low > least

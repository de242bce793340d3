"""Norms with weights: bounds hold for every matrix that was tried, are sharp, and planted faults are caught."""

import numpy as np
import pytest

import oracle
from oracle.arithmetic.ball import precision
from oracle.arithmetic.midrad import Midrad
from oracle.arithmetic.slopes import slopes_over
from oracle.errors import NotDecidable
from oracle.reference import jacobians, weighted
from oracle.reference.jacobians import Coefficients, Frame
from oracle.reference.weighted import KINDS, Norm, norm_of_sizes, norms_for, spectral_norm, spectral_radius

ORDERS = {"infinity": np.inf, "one": 1, "two": 2}
ROUNDING = 2.0**-40  # of LAPACK's own norms at these sizes, generously


def similar(M, norm):
    return M * norm.weights / norm.weights[:, None]


def numpy_log(M, norm):
    """mu by NumPy."""
    N = similar(M, norm)
    if norm.kind == "two":
        return np.linalg.eigvalsh((N + N.T) / 2)[-1]
    rows = N if norm.kind == "infinity" else N.T
    return np.max(np.diag(rows) + np.abs(rows).sum(axis=1) - np.abs(np.diag(rows)))


@pytest.mark.parametrize("N", [1, 2, 7, 40])
def test_point_matrices(N):
    """Within rounding of NumPy's norms, from above, with any positive weights."""
    rng = np.random.default_rng(N)
    for kind in KINDS:
        norm = Norm(kind, rng.uniform(0.1, 10, N), kind)
        M = rng.normal(size=(N, N)) - 3 * np.eye(N)
        point = Midrad.exactly(M)
        size = np.linalg.norm(similar(M, norm), ORDERS[kind])
        assert -ROUNDING < norm.matrix(point) / size - 1 < ROUNDING
        assert abs(norm.logarithmic(point) - numpy_log(M, norm)) < ROUNDING * size


@pytest.mark.parametrize("kind", KINDS)
def test_logarithmic_norm_is_the_limit(kind):
    """(|I + t M| - 1)/t tends to mu from above, linearly in t."""
    rng = np.random.default_rng(3)
    M, norm = rng.normal(size=(5, 5)), Norm(kind, rng.uniform(0.5, 2, 5), kind)
    mu, gaps = norm.logarithmic(Midrad.exactly(M)), []
    for t in (2.0**-8, 2.0**-9):
        gaps.append((norm.matrix(Midrad.exactly(np.eye(5) + t * M)) - 1) / t - mu)
        assert gaps[-1] > -ROUNDING / t
    assert gaps[1] <= 0.6 * gaps[0] + ROUNDING * 2**9


def network(form, seed, N=5, activation="tanh"):
    rng = np.random.default_rng(seed)
    if form == "general":
        return oracle.Network(
            A=rng.normal(size=(N, N)),
            B=rng.normal(size=(N, N + 1)),
            W=rng.normal(size=(N + 1, N)),
            activation=activation,
        )
    return getattr(oracle.Network, form)(rng.normal(size=(N, N)), tau=rng.uniform(0.5, 2, N), activation=activation)


def coefficients(net):
    with precision(96):
        return Coefficients.of(net.field)


@pytest.mark.parametrize("form", ["paper", "rate", "current", "general"])
@pytest.mark.parametrize("seed", range(3))
def test_every_jacobian_of_a_range(form, seed):
    """Slopes drawn from ranges, their ends included: |J| and mu(J) are below the bounds in every norm."""
    c, rng = coefficients(network(form, seed)), np.random.default_rng(seed)
    units = len(c.W.mid)
    low = rng.uniform(0, 0.5, units)
    high = low + rng.uniform(0, 0.5, units)
    for norm in norms_for(c.sizes, np.abs(np.diagonal(c.A.mid)) + 0.1):
        frame = Frame(c, norm)
        size, mu = frame.matrix(low, high), frame.logarithmic(low, high)
        for _ in range(40):
            s = np.where(rng.random(units) < 0.5, low, high) if rng.random() < 0.7 else rng.uniform(low, high)
            J = c.jacobian(Midrad.exactly(s)).mid
            assert np.linalg.norm(similar(J, norm), ORDERS[norm.kind]) <= size * (1 + ROUNDING)
            assert numpy_log(J, norm) <= mu + ROUNDING * size
            assert np.all(
                np.abs(c.W.mid @ (v := rng.normal(size=5))) <= frame.reach * norm.of(np.abs(v)) * (1 + ROUNDING)
            )


@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "identity"])
def test_slopes_over_ranges(activation):
    """Divided differences of s over intervals lie between the bounds; a range over zero has the largest slope."""
    rng = np.random.default_rng(5)
    s = {"tanh": np.tanh, "logistic": lambda z: (1 + np.tanh(z / 2)) / 2, "relu": lambda z: np.maximum(z, 0)}
    f = s.get(activation, lambda z: z)
    low = rng.uniform(-3, 3, 400)
    high = low + rng.exponential(1.0, 400)
    least, most = slopes_over(activation, low, high)
    a, b = rng.uniform(low, high), rng.uniform(low, high)
    quotient = (f(b) - f(a)) / (b - a)
    room = 2.0**-50 / np.abs(b - a)  # of the two values of s and their difference
    assert np.all(least - room <= quotient)
    assert np.all(quotient <= most + room)
    if activation != "identity":
        assert np.any(most - least > 0.2)


def test_best_norm_by_weights():
    """A chain 1 -> 2 with weight 100: the plain norms see 100, Perron weights the spectral radius."""
    M = np.array([[0.5, 0.0], [100.0, 0.5]])
    sizes = {norm.name: norm.matrix(Midrad.exactly(M)) for norm in norms_for(np.abs(M))}
    assert sizes["infinity"] > 100
    assert sizes["infinity, Perron weights"] < 1
    assert spectral_radius(np.abs(M)) < 1


def test_sizes_of_radii():
    """|R|_2 and the spectral radius of R >= 0 from vectors alone, from above and within a hundredth."""
    R = np.abs(np.random.default_rng(6).normal(size=(12, 9)))
    assert 1 <= norm_of_sizes(R) / np.linalg.norm(R, 2) < 1.01
    square = R[:9]
    assert 1 - ROUNDING <= spectral_radius(square) / np.max(np.abs(np.linalg.eigvals(square))) < 1.01


def test_what_is_not_finite_is_refused():
    """Infinite entries have no certified norm."""
    wide = Midrad(np.eye(2), np.full((2, 2), np.inf))
    with pytest.raises(NotDecidable):
        spectral_norm(wide)
    with pytest.raises(NotDecidable):
        Norm.plain("two", 2).logarithmic(wide)


# -- planted faults ----------------------------------------------------------------------------------------------------
def test_an_eigenvalue_that_is_not_certified_is_caught(monkeypatch):
    """LAPACK's value half as large: the Cholesky test refuses it and the bound stays a bound."""
    M = np.random.default_rng(7).normal(size=(6, 6))
    true = np.linalg.eigvalsh((M + M.T) / 2)[-1]
    right = np.linalg.eigvalsh
    monkeypatch.setattr(np.linalg, "eigvalsh", lambda h: right(h) / 2)
    assert Norm.plain("two", 6).logarithmic(Midrad.exactly(M)) >= true - ROUNDING


def test_a_centre_without_its_spread_is_caught(monkeypatch):
    """Planted fault: the middle slopes alone; a Jacobian at the ends of the range exceeds the bound."""
    c, norm = coefficients(network("rate", 1)), Norm.plain("two", 5)
    low, high = np.zeros(5), np.ones(5)
    J = c.jacobian(Midrad.exactly(high)).mid
    assert np.linalg.norm(J, 2) <= Frame(c, norm).matrix(low, high)
    monkeypatch.setattr(jacobians.Frame, "_spread", lambda self, delta: 0.0)
    assert np.linalg.norm(J, 2) > Frame(c, norm).matrix(low, high)


def test_weights_used_once_are_caught(monkeypatch):
    """Planted fault: weights for the matrix, none for the vector: entries exceed what is promised."""
    norm = Norm("infinity", np.array([0.01, 1.0]), "planted")
    M, v = np.array([[0.5, 0.001], [10.0, 0.5]]), np.array([0.01, 0.5])
    size = norm.matrix(Midrad.exactly(M))
    assert np.all(np.abs(M @ v) <= norm.entries(size * norm.of(np.abs(v))))
    monkeypatch.setattr(weighted.Norm, "of", lambda self, sizes: float(np.max(sizes)) / 2)
    assert not np.all(np.abs(M @ v) <= norm.entries(size * norm.of(np.abs(v))))

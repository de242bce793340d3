"""A diagonalisation made rigorous: modes that inputs reach, modes that they do not, and matrices close to defective."""

from dataclasses import replace

import numpy as np
import pytest
from flint import arb_mat

from oracle.arithmetic.ball import precision
from oracle.claims.diagonalise import diagonalised
from oracle.claims.rank import Pair
from oracle.records.operator import Operator

N, WIDTH = 40, 2


def similar(seed, silent=()):
    """T diag(1..N) T^-1 with an integer unit triangular T, inputs that excite every mode but the silent ones."""
    rng = np.random.default_rng(seed)
    T = np.eye(N) + np.diag(rng.integers(1, 3, N - 1), 1)
    modes = rng.integers(1, 9, (N, WIDTH)).astype(float)
    modes[list(silent)] = 0
    with precision(256):
        exact = arb_mat(N, N, T.ravel().tolist())
        J = exact * arb_mat(N, N, np.diag(np.arange(1.0, N + 1)).ravel().tolist()) * exact.inv()
        return J, exact * arb_mat(N, WIDTH, modes.ravel().tolist())


@pytest.mark.parametrize("seed", [3, 4])
def test_reached_modes(seed):
    """Exactly the modes that the inputs excite are certified, the silent ones never."""
    for silent in ((), (5,), (0, 17, 39)):
        with precision(128):
            J, E = similar(seed, silent)
            found = diagonalised(J)
            order = np.rint(found.values.real).astype(int) - 1
            reached = np.zeros(N, dtype=bool)
            reached[order] = found.reached(E)
        assert not np.any(reached[list(silent)])
        assert np.sum(reached) == N - len(silent)


def test_a_pair_that_is_not_controllable_is_not_called_so():
    """A silent mode leaves the rank undecided; without one balls prove it, above the units of the exact rank."""
    for silent, full in (((), True), ((7,), None)):
        J, E = similar(5, silent)
        assert Pair(lambda J=J, E=E: (J, E), None, N, WIDTH).rank.full is full


def test_a_cluster_needs_the_right_inverse():
    """A double eigenvalue is in no isolated disc; two inputs that reach both of its modes are found all the same."""
    values = np.arange(1.0, N + 1)
    values[3] = values[2]
    rng = np.random.default_rng(6)
    T = np.eye(N) + np.diag(rng.integers(1, 3, N - 1), 1)
    T[2, 3] = 0.0  # J is then diagonalisable
    J = T @ np.diag(values) @ np.rint(np.linalg.inv(T))
    assert np.array_equal(np.rint(J), J)
    for E, full in ((rng.integers(1, 9, (N, 2)), True), (rng.integers(1, 9, (N, 1)), None)):
        pair = Pair(lambda E=E: (_balls(J), _balls(E)), None, N, E.shape[1])
        assert not np.all(pair.modes.isolated)
        assert pair.rank.full is full


def _balls(matrix):
    return arb_mat(*matrix.shape, matrix.astype(float).ravel().tolist())


def test_perturbed_matrices_are_enclosed():
    """Every matrix in wide balls has its eigenvalues in the discs; the discs grow with the balls."""
    J, _ = similar(8)
    with precision(128):
        middle = np.array([float(entry.mid()) for entry in J.entries()]).reshape(N, N)
        radius = 2.0**-30
        wide = arb_mat(N, N, [entry + radius * type(entry)(0, 1) for entry in J.entries()])
        found, narrow = diagonalised(wide), diagonalised(J)
    assert np.min(found.rows) > np.max(narrow.rows)
    rng = np.random.default_rng(1)
    for _ in range(3):
        values = np.linalg.eigvals(middle + radius * rng.uniform(-1, 1, (N, N)))
        nearest = np.min(np.abs(values[:, None] - found.values[None, :]) / found.rows[None, :], axis=1)
        assert np.all(nearest <= 1)


def test_a_jordan_block_has_no_diagonalisation():
    """The eigenvectors of a defective matrix are parallel."""
    with precision(128):
        assert diagonalised(_balls(np.eye(N) + np.diag(np.ones(N - 1), 1))) is None


def test_planted_fault_calls_a_silent_mode_reached():
    """Without the bounds of the errors the silent mode, which floats excite by 1e-16, would be called reached."""
    rng = np.random.default_rng(9)
    T = np.eye(N) + 0.1 * rng.normal(size=(N, N))
    modes = np.where(np.arange(N) == 11, 0.0, 1.0)[:, None]
    with precision(128):
        exact, D = _balls(T), _balls(np.diag(np.arange(1.0, N + 1)))
        found = diagonalised(exact * D * exact.inv())
        E = exact * _balls(modes)
        assert np.sum(found.reached(E)) == N - 1
        assert np.all(replace(found, columns=np.zeros(N), off=0.0).reached(E))


def test_large_exact_operators_are_lifted_with_their_factors():
    """A diagonal, a dense and a scaled term: the structured lift holds the same numbers as the expanded matrix."""
    from oracle.arithmetic.ball import Ball
    from oracle.claims.spectrum import lifted
    from oracle.records.exact import exact_object

    rng = np.random.default_rng(2)
    dense = exact_object(rng.normal(size=(5, 5)))
    left, right = exact_object(rng.normal(size=5)), exact_object(rng.normal(size=5))
    op = Operator.diagonal(left, 5) + Operator.dense(dense).scaled(left).times_diagonal(right)
    with precision(128):
        difference = lifted(op) - Ball().lift(op.expanded)
        assert all(entry.contains(0) for entry in difference.entries())
        assert all(entry.rad() < 1e-30 for entry in difference.entries())

"""C8: enclosed eigenvalues, Euler's threshold, and planted faults."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import network, setting
from flint import acb, arb_mat

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.claims import c08, mapped_spectra, one_step, spectrum, stability, stable_steps
from oracle.claims.diagonalise import OUT, Diagonalised
from oracle.procedures import discretize, rescale
from oracle.records.exact import exact_object

CLAIM = c08.CLAIM
NET = network(1, N=3, form="rate", activation="tanh", scalar=True)


def spiral(damping=1, turn=3):
    """h' = J h with eigenvalues -damping +- i turn, everything rational."""
    J = [[-damping, turn], [-turn, -damping]]
    return oracle.Network(A=J, B=0, W=np.zeros((2, 2)), activation="identity")


@pytest.mark.parametrize("seed", range(24))
def test_claim_holds(seed):
    """C8 holds on networks of every convention; with several leaks it says nothing of exponential Euler."""
    net = network(seed)
    result = CLAIM.verify(net, **setting(seed, net))
    assert result.verdict == "holds", result
    assert result.measured <= result.bound
    several = one_step.scalar_leak(net.field) is None
    exponential = CLAIM.verify(net, scheme="exponential-euler", **setting(seed, net))
    assert exponential.verdict == ("not applicable" if several else "holds"), exponential


def test_runge_kutta_at_and_off_an_equilibrium():
    """R(Delta lambda) at the origin of an unbiased network; not applicable, and off, elsewhere."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], tau=0.5)
    for scheme in ("midpoint", "heun", "rk4"):
        assert CLAIM.verify(net, scheme=scheme, at=([0, 0], [0]), step=0.25).verdict == "holds"
        away = CLAIM.verify(net, scheme=scheme, at=([0.5, -0.25], [0.75]), step=0.25)
        assert away.verdict == "not applicable"
        assert away.measured > 0


def test_threshold_is_the_formula():
    """-1 +- 3i: Euler is stable iff Delta < 2/10; undamped or growing modes never."""
    with precision(128):
        values = spectrum.spectrum(lambda: Ball().lift(np.array([[-1.0, 3.0], [-3.0, -1.0]])))
        limit = stability.threshold(values)
        assert (limit.step * 10 - 2).contains(0)
        assert limit.step.rad() < 1e-30
    assert "Delta = 0.1875: stable" in str(CLAIM.verify(spiral(), step=0.1875))
    assert "Delta = 0.25: unstable" in str(CLAIM.verify(spiral(), step=0.25))
    assert "Delta = 1/5: not decided" in str(CLAIM.verify(spiral(), step=Fraction(1, 5)))
    for damping in (0, -1):
        assert "unstable for every step" in str(CLAIM.verify(spiral(damping), step=0.01))


def test_jacobian_is_not_the_weights():
    """The report says whose eigenvalues are shown and how far those of W are."""
    line = CLAIM.verify(NET).evidence[-1]
    assert "not of W, which are at least" in line


def test_defective_jacobian():
    """A Jordan block: the solver's balls are coarse, the rational characteristic polynomial has a double root."""
    J = exact_object(np.array([[-1.0, 1.0, 0.0], [0.0, -1.0, 0.0], [0.5, 0.0, -3.0]]))
    with precision(128):
        assert spectrum.discs(spectrum.eigenvalues(Ball().lift(J))).radii.max() > 1e-4
        values = spectrum.spectrum(lambda: Ball().lift(J), J)
        assert sum(bool(value.contains(-1)) for value in values) == 2
        assert spectrum.discs(values).radii.max() < 1e-15
    net = oracle.Network(A=J, B=0, W=np.zeros((3, 3)), activation="identity")
    assert CLAIM.verify(net, step=0.25).verdict == "holds"


@pytest.mark.parametrize("N", [5, 33, 40])
def test_enclosures_contain_known_eigenvalues(N):
    """T diag(1..N) T^-1 with an integer unit triangular T: every integer lies in its own enclosure."""
    rng = np.random.default_rng(N)
    T = np.eye(N) + np.diag(rng.integers(1, 3, N - 1), 1)
    with precision(128):
        exact = arb_mat(N, N, T.ravel().tolist())
        J = exact * arb_mat(N, N, np.diag(np.arange(1.0, N + 1)).ravel().tolist()) * exact.inv()
        values = spectrum.eigenvalues(J)
        assert spectrum.isolated(values)
        for k in range(1, N + 1):
            assert sum(bool(value.contains(k)) for value in values) == 1


def test_components_hold_what_they_say():
    """Beyond the certified solver, a nearly double eigenvalue gets two copies of one disc that holds both."""
    values, radii = np.array([1.0, 1.0 + 1e-9, 3.0, -2.0j]), np.array([1e-9, 1e-10, 1e-9, 1e-9])
    found = Diagonalised(values, None, radii, radii, 0.0)
    discs = found.enclosures()
    assert found.isolated.tolist() == [False, False, True, True]
    assert discs[0].contains(acb(1)) and discs[0].contains(acb(1 + 1e-9))  # noqa: PT018
    assert discs[0].overlaps(discs[1])
    assert not discs[0].overlaps(discs[2])


def test_matching_distance():
    """Permuted spectra match; {0, 0, 1} and {0, 1, 1} are 1 apart although their sets are equal."""
    a = [acb(v) for v in (0, 0, 1)]
    assert spectrum.matching(a, [acb(v) for v in (1, 0, 0)]) == (0, 0)
    gap = spectrum.matching(a, [acb(v) for v in (0, 1, 1)])
    assert 1 - 4 * OUT < gap.low <= 1 <= gap.high < 1 + 4 * OUT


def test_beyond_the_largest_the_matrices_decide(monkeypatch):
    """Where no eigenvalue is enclosed, r J and I + Delta J are equal matrices."""
    monkeypatch.setattr(c08, "LARGEST", 64)
    result = CLAIM.verify(network(4, N=80, form="rate", activation="tanh"))
    assert (result.verdict, result.measured) == ("holds", 0)


right_euler, right_rescaled, right_threshold = discretize.euler, rescale.rescaled, stability.threshold


def transposed(record, at):
    """Not seen in eigenvalues, and no fault of this claim; scaled by two it is."""
    return 2 * c08_derivative(record, at).transpose()


c08_derivative = mapped_spectra.derivative
FAULTS = {
    "r squared": (rescale, "rescaled", lambda field, r: right_rescaled(field, r * r)),
    "A not rescaled": (rescale, "rescaled", lambda field, r: replace(right_rescaled(field, r), A=field.A)),
    "step squared": (discretize, "euler", lambda field, step: right_euler(field, step * step)),
    "B not scaled": (discretize, "euler", lambda field, step: replace(right_euler(field, step), B=field.B)),
    "identity forgotten": (discretize, "euler", lambda field, step: field.scaled(step)),
    "derivative doubled": (mapped_spectra, "derivative", transposed),
    "threshold halved": (
        stable_steps,
        "threshold",
        lambda v: right_threshold(v)._replace(step=right_threshold(v).step / 2),
    ),
    "threshold doubled": (
        stable_steps,
        "threshold",
        lambda v: right_threshold(v)._replace(step=right_threshold(v).step * 2),
    ),
    "threshold without Im": (
        stable_steps,
        "threshold",
        lambda v: right_threshold([acb(value.real) for value in v]),
    ),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """A wrong R, D, derivative or threshold is violated, by a certified amount."""
    net = oracle.Network.rate([[0.5, -2.25], [2.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], tau=0.5)
    options = {"step": 0.25, "at": ([0, 0], [0])}  # the eigenvalues are complex there
    assert CLAIM.verify(net, **options).verdict == "holds"
    monkeypatch.setattr(*FAULTS[fault])
    planted(fault, CLAIM.verify(net, **options))


def test_planted_stability_function(monkeypatch):
    """Euler's R for the midpoint rule is violated at an equilibrium."""
    monkeypatch.setattr(one_step, "stability", lambda tableau: (Fraction(1), Fraction(1)))
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], tau=0.5)
    assert CLAIM.verify(net, scheme="midpoint", at=([0, 0], None), step=0.25).verdict == "violated"

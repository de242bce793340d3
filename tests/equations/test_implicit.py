"""Backward Euler and the trapezoidal rule: relations, solved in every arithmetic that can, and checked without."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from enclosing import enclosed, radius

import oracle
from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.mp import Mp
from oracle.equations.catalogue import advance
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

N, INPUTS, STEPS, DT = 4, 2, 12, 0.125
RNG = np.random.default_rng(3)
W, M, B = RNG.normal(0, 0.5, (N, N)), RNG.normal(size=(N, INPUTS)), RNG.normal(size=N)
TAU = np.array([0.125, 0.25, 0.375, 0.5])
X, H0 = RNG.normal(size=(STEPS, INPUTS)), RNG.normal(size=N)
THETAS = {"backward-euler": 1.0, "trapezoidal": 0.5}
FORMS = ("rate", "current", "paper")


def network(form="rate", activation="tanh"):
    return getattr(oracle.Network, form)(W, M, B, tau=TAU, activation=activation)


def field(form, h, x):
    """F and its Jacobian, as the conventions print them."""
    if form == "current":
        s = np.tanh(h)
        return (-h + W @ s + M @ x + B) / TAU, (-np.eye(N) + W * (1 - s * s)) / TAU[:, None]
    s = np.tanh(W @ h + M @ x + B)
    slopes = (1 - s * s)[:, None] * W
    if form == "paper":
        return -h / TAU + s, -np.diag(1 / TAU) + slopes
    return (-h + s) / TAU, (-np.eye(N) + slopes) / TAU[:, None]


def program(form, theta, dtype=float, steps=20):
    """Newton's method by hand."""

    def step(h, x):
        h, x = h.astype(dtype), x.astype(dtype)
        y = h
        for _ in range(steps):
            F, J = field(form, y, x)
            off = y - h - dtype(DT) * (dtype(theta) * F + dtype(1 - theta) * field(form, h, x)[0])
            move = np.linalg.solve(np.eye(N) - DT * theta * J, off)
            y = (y - move).astype(dtype)
        return y

    return step


def checked(step, scheme, form="rate", **more):
    return oracle.check(step, network(form).discretize(step=DT, scheme=scheme), inputs=X, h0=H0, **more)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("scheme", THETAS)
def test_a_program_that_solves_its_relation_passes(scheme, form):
    result = checked(program(form, THETAS[scheme]), scheme, form)
    assert result.verdict == "pass", result.summary()
    assert result.explained_by == scheme
    assert result.computed_in == "float64"


@pytest.mark.parametrize("scheme", THETAS)
def test_float32_is_told_from_float64(scheme):
    """A float32 program passes where float32 is promised; its states are no float64 solution."""
    rec = oracle.Network.rate(W.astype(np.float32), M.astype(np.float32), B.astype(np.float32), tau=0.25)
    made = rec.discretize(step=DT, scheme=scheme)
    H = oracle.simulate(made, inputs=X.astype(np.float32), h0=H0.astype(np.float32), dtype=np.float32)
    assert oracle.check(H, made, inputs=X.astype(np.float32), h0=H0.astype(np.float32)).verdict == "pass"
    assert oracle.check(H, made, inputs=X.astype(np.float32), h0=H0, promised="float64").verdict == "fail"


OTHERS = {
    "forward-euler": lambda h, x: h + DT * field("rate", h, x)[0],
    "backward-euler": program("rate", 1.0),
    "trapezoidal": program("rate", 0.5),
}


@pytest.mark.parametrize("documented", [*THETAS, "euler"])
@pytest.mark.parametrize("name", OTHERS)
def test_another_scheme_is_named(name, documented):
    """Whatever was documented, the scheme of the program is found."""
    result = checked(OTHERS[name], documented)
    same = name == documented or (name, documented) == ("forward-euler", "euler")
    assert result.verdict == ("pass" if same else "fail")
    assert same or result.explained_by == name


def test_a_solver_that_stops_early_fails():
    """Two steps of Newton's method leave 1e-4 or so: no scheme, and the text says how far the relation is met."""
    result = checked(program("rate", 1.0, steps=2), "backward-euler")
    assert result.verdict == "fail"
    assert "the relation is met to" in result.diagnosis[-1].text


@pytest.mark.parametrize("activation", ["tanh", "relu", "identity"])
@pytest.mark.parametrize("scheme", THETAS)
def test_balls_enclose_the_solution(scheme, activation):
    """Newton's method of mpmath at 60 digits is inside the balls, and what is moved by a thousand radii is not."""
    rec = network(activation=activation).discretize(step=DT, scheme=scheme)
    ops, h, x = Mp(60), H0[:, None], X[0][:, None]
    found = advance(ops, rec, ops.lift(h), ops.lift(x))
    with precision(128):
        balls = Ball()
        enclosure = advance(balls, rec, balls.lift(h), balls.lift(x))
    assert enclosed(enclosure, found)
    assert radius(enclosure) < 2.0**-110
    assert not enclosed(enclosure, found + mpmath.mpf(2) ** -90)


@pytest.mark.parametrize("scheme", THETAS)
def test_the_reference_meets_the_simulation(scheme):
    """Twelve steps: the contraction adds less than twelve tolerances of a step."""
    rec = network("current").discretize(step=DT / 4, scheme=scheme)
    reference = oracle.reference(rec, inputs=X, h0=H0, digits=25)
    H = oracle.simulate(rec, inputs=X, h0=H0)
    bound = oracle.tolerance(rec, inputs=X, h0=H0).atol
    assert 0 < np.max(np.abs(H - reference.float64())) <= STEPS * bound < 1e-12


def test_linear_networks_are_solved_exactly():
    """For s = identity the step is (I - Delta J)^-1 (h + Delta (E x + c)): NumPy's solution is within the tolerance."""
    rec = network(activation="identity").discretize(step=DT / 8, scheme="backward-euler")
    J = (-np.eye(N) + W) / TAU[:, None]
    after = np.linalg.solve(np.eye(N) - DT / 8 * J, H0 + DT / 8 * (M @ X[0] + B) / TAU)
    tolerance = oracle.tolerance(rec, inputs=X[:1], h0=H0)
    reference = oracle.reference(rec, inputs=X[:1], h0=H0, digits=20).float64()[1]
    assert np.all(np.abs(after - reference) <= tolerance.elementwise[0])


@pytest.mark.parametrize("scheme", THETAS)
def test_rescaling_and_discretisation_commute(scheme):
    net, r = network(), Fraction(3)
    made = net.discretize(step=Fraction(1, 8), scheme=scheme)
    assert net.rescale(r).discretize(step=Fraction(1, 8) / r, scheme=scheme) == made.rescale(r)
    assert net.rescale(r).discretize(step=Fraction(1, 8), scheme=scheme) != made.rescale(r)
    other = next(each for each in THETAS if each != scheme)
    assert made != net.discretize(step=Fraction(1, 8), scheme=other)


def test_the_bound_is_tight_enough_to_see_a_weight():
    """One weight off by 1e-9 is outside; the bound is a few thousand units of roundoff at most."""
    rec = network().discretize(step=DT, scheme="backward-euler")
    H = oracle.simulate(rec, inputs=X, h0=H0)
    bound = one_step_bound(rec, H[:-1].T, X.T, PRECISIONS["float64"], after=H[1:].T)
    assert np.max(bound) < 1e-12
    nudged = oracle.Network.rate(W + 1e-9 * (np.arange(N * N).reshape(N, N) == 5), M, B, tau=TAU)
    assert oracle.check(H, nudged.discretize(step=DT, scheme="backward-euler"), inputs=X, h0=H0).verdict == "fail"


def test_files_and_limits(tmp_path):
    """Saved and read again; long steps have no tolerance, and no gradient."""
    rec = network().discretize(step=DT, scheme="trapezoidal")
    oracle.save(rec, tmp_path / "net.json")
    assert oracle.load(tmp_path / "net.json") == rec
    with pytest.raises(oracle.BadInput, match="several solutions"):
        oracle.tolerance(network().discretize(step=10, scheme="backward-euler"), inputs=X, h0=H0)
    with pytest.raises(oracle.BadInput, match="gradient"):
        oracle.check_gradient({}, rec, inputs=X, h0=H0)

"""The cube: eight vertices, twelve edges, six faces, six paths, compared exactly and measured in float64."""

import json
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting

import oracle
from oracle.claims.floats import agreement
from oracle.procedures.cube_shape import EDGES, END, FACES, START, VERTICES
from oracle.procedures.sameness import Sameness, compared, same_coefficients
from oracle.procedures.tangent_map import ExponentialStep, TangentStep
from oracle.records.exact import Constant, objects
from oracle.records.layout import samples

DISCRETE = [name for name in FACES if name != "R,L continuous"]


def cube(seed, **options):
    """A cube on a random network."""
    net = options.pop("net", None) or network(seed)
    return oracle.Cube(net, **{**setting(seed, net), **options})


def test_shape():
    """Eight vertices, twelve edges, four around each of six faces, every edge on two faces."""
    faces = cube(1).faces
    assert (len(VERTICES), len(EDGES), len(faces)) == (8, 12, 6)
    around = [edge for face in faces for edge in face.edges]
    assert all(around.count(edge) == 2 for edge in EDGES)
    assert {edge.start for edge in EDGES} | {edge.end for edge in EDGES} == set(VERTICES)


def test_vertices_are_what_their_names_say():
    """A vertex is reached by its procedures; time, kind and linearity can be read off the record."""
    net = network(1, N=3, form="rate", activation="tanh", scalar=True)
    at = ([0.5, -0.25, 0.125], np.ones(net.I))
    c = oracle.Cube(net, tau=3, step=0.25, at=at)
    assert c[START] is net
    assert c["s", "continuous", "nonlinear"] == net.rescale(3)
    assert c["t", "discrete", "linear"] == net.discretize(step=0.25).linearize(at)
    assert c[END] == net.linearize(at).discretize(step=0.25).rescale(3)
    assert c[END].step == Fraction(1, 12)
    assert c.vertices.keys() == set(VERTICES)
    with pytest.raises(KeyError):
        c["t", "linear", "discrete"]


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("scheme", ["euler", "exponential-euler"])
def test_everything_commutes(seed, scheme):
    """Six faces and six paths, exactly, at any point, for Euler and exponential Euler with the split kept."""
    c = cube(seed, scheme=scheme)
    assert c.commutes, c
    assert [path.name for path in c.paths] == ["R D L", "R L D", "D R L", "D L R", "L R D", "L D R"]
    assert all(part.gap == 0 for part in (*c.faces, *c.paths))


@pytest.mark.parametrize("seed", range(3))
def test_dense_coefficients_commute(seed):
    """The normal form with everything dense, K != N."""
    assert cube(seed, net=general(seed)).commutes


@pytest.mark.parametrize("seed", range(0, 24, 3))
def test_collapsed_exponential_euler_does_not(seed):
    """The counterexample: exactly the two faces D,L and the paths with L before D differ, by a certified amount."""
    net = network(seed, N=3, activation="tanh")
    c = cube(seed, net=net, scheme="exponential-euler", collapsed=True)
    assert [face.name for face in c.faces if face.holds == "different"] == ["D,L in t", "D,L in s"]
    assert {path.name for path in c.paths if path.holds == "different"} == {"R L D", "L R D", "L D R"}
    assert all(part.gap > 0 for part in (*c.faces, *c.paths) if part.holds == "different")
    assert isinstance(c.follow("LD"), ExponentialStep)
    assert cube(seed, net=net, collapsed=True).commutes  # Euler forgives it


def test_collapsed_difference_has_the_stated_leading_term():
    """exp(Delta J) - [exp(Delta A) + Delta phi_1(Delta A) K] is (Delta^2/2) K J up to O(Delta^3): a ratio to 1 %."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], tau=[1.0, 0.5])
    step = 2.0**-10
    c = oracle.Cube(net, r=3, step=step, at=([0.5, -0.25], None), scheme="exponential-euler", collapsed=True)
    linear = net.linearize(([0.5, -0.25], None))
    K = linear.B @ linear.W
    leading = step**2 / 2 * np.max(np.abs(K @ (linear.A + K)))
    assert c.face("D,L in t").gap == pytest.approx(leading, rel=0.01)


@pytest.mark.parametrize("scheme", ["midpoint", "heun", "rk4"])
def test_runge_kutta(scheme):
    """R,D and R,L are exact; D,L is off away from an equilibrium, and exact at the origin of a bias-free network."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], tau=[1.0, 0.5])
    away = oracle.Cube(net, r=3, step=0.5, at=([0.5, -0.25], [0.75]), scheme=scheme)
    assert [face.holds for face in away.faces] == ["equal"] * 4 + ["different"] * 2
    assert isinstance(away["t", "discrete", "linear"], TangentStep)
    assert oracle.Cube(net, r=3, step=0.5, scheme=scheme).commutes


def test_midpoint_defect():
    """D Phi - D Phi_lin = Delta [J(h* + Delta/2 F*) - J(h*)] (I + Delta/2 J(h*)), in float64 to 1e-12."""
    W, M, h, x = np.array([[0.5, -1.25], [1.5, 0.25]]), np.array([[1.0], [-0.5]]), np.array([0.5, -0.25]), [0.75]
    net, step = oracle.Network.rate(W, M, tau=1), 0.5

    def J(h):
        return -np.eye(2) + (1 - np.tanh(W @ h + M @ x) ** 2)[:, None] * W

    F = -h + np.tanh(W @ h + M @ x)
    defect = step * (J(h + step / 2 * F) - J(h)) @ (np.eye(2) + step / 2 * J(h))
    face = oracle.Cube(net, r=3, step=step, at=(h, x), scheme="midpoint").face("D,L in t")
    assert face.gap >= np.max(np.abs(defect)) * (1 - 1e-12)  # the offset c may differ by more


@pytest.mark.parametrize(
    ("options", "different"),
    [
        ({"step_after": 0.25}, {"R,D nonlinear", "R,D linear"}),
        ({"at_after": ([0.5, 0.5], [0.25])}, {"R,D linear", "R,L continuous", "R,L discrete"}),
    ],
)
def test_wrong_options_are_seen(options, different):
    """An unscaled step breaks the faces R,D; another point in s those that linearise on both sides of R."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], tau=[1.0, 0.5])
    c = oracle.Cube(net, r=3, step=0.25, at=([0.5, -0.25], [0.75]), **options)
    seen = {face.name for face in c.faces if face.holds == "different"}
    assert seen <= different
    assert "R,D nonlinear" in seen or "R,L continuous" in seen
    assert not c.commutes


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("scheme", ["euler", "exponential-euler", "rk4"])
def test_bitwise_at_four(seed, scheme):
    """r = 4: both orders of R and D agree bit for bit over 30 steps, whatever the step (observed)."""
    c = cube(seed, r=4, scheme=scheme)
    rng = np.random.default_rng(seed)
    seen = {m.name: m for m in c.measure(rng.normal(size=(30, c.net.I)), rng.uniform(-1, 1, c.net.N))}
    assert list(seen) == DISCRETE
    assert seen["R,D nonlinear"].bitwise
    assert seen["R,D linear"].bitwise
    assert seen["R,L discrete"].bitwise


@pytest.mark.parametrize("seed", range(24))
def test_within_the_bounds_at_three(seed):
    """r = 3: after one step from the same states the orders differ by at most the sum of both one-step bounds."""
    c = cube(seed, r=3)
    rng = np.random.default_rng(seed)
    run = samples(rng.normal(size=(30, 2, c.net.I)), rng.uniform(-1, 1, (2, c.net.N)), N=c.net.N, I=c.net.I)
    assert all(agreement(c, name, run).worst <= 1 for name in DISCRETE)


def test_the_bounds_can_be_exceeded():
    """A relative error of 1e-12 in r is beyond the bounds: the float measurement can fail."""
    c = cube(4, r=3, step=0.25)
    wrong = cube(4, r=3, step=0.25, step_after=0.25 / 3 * (1 + 1e-12))
    rng = np.random.default_rng(4)
    run = samples(rng.normal(size=(30, c.net.I)), rng.uniform(-1, 1, c.net.N), N=c.net.N, I=c.net.I)
    assert agreement(c, "R,D nonlinear", run).worst <= 1
    assert agreement(wrong, "R,D nonlinear", run).worst > 1


def test_some_run_is_not_bitwise_at_three():
    """r = 3 is not exact in binary: some of the runs differ in a bit, or the measurement would be blind."""
    rng = np.random.default_rng(0)
    cubes = [cube(seed, r=3) for seed in range(12)]
    runs = [c.measure(rng.normal(size=(30, c.net.I)), rng.uniform(-1, 1, c.net.N))[0] for c in cubes]
    assert not all(m.bitwise for m in runs)


def test_comparison_decides_by_balls_and_admits_what_it_cannot():
    """Transcendental differences are certified by balls; equal numbers written differently stay undecided."""
    net = oracle.Network.rate([[1.0]], tau=0.5)
    a, b = (net.linearize(([h], None)) for h in (0.5, 0.5 + 2.0**-40))
    outcome = compared(a, b)
    assert outcome.holds == "different"
    assert 0 < outcome.gap < 2.0**-38
    # logistic(z) = (1 + tanh(z/2))/2 is one number under two names: no precision separates the two records.
    tanh, logistic = Constant.atom("value", Fraction(1, 4), "tanh"), Constant.atom("value", Fraction(1, 2), "logistic")
    halved = Fraction(1, 2) + tanh * Fraction(1, 2)
    one, other = (oracle.Network(A=-1, W=[[1.0]], c=objects([c])).field for c in (halved, logistic))
    undecided = same_coefficients(one, other)
    assert (undecided.holds, undecided.gap) == ("undecided", None)
    assert not Sameness("undecided", "", None)


def test_plain_values_and_repr():
    """to_dict goes through JSON; the repr names every face and path."""
    c = cube(1)
    back = json.loads(json.dumps(c.to_dict()))
    assert back["commutes"] is True
    assert len(back["faces"]) == len(back["paths"]) == 6
    assert all(name in repr(c) for name in FACES)


def test_bad_input():
    """Not a network, no factor or two, factors and steps that are not positive, an unknown scheme."""
    net = network(1)
    for options in ({}, {"tau": 2, "r": 2}, {"r": 0}, {"r": -1}):
        with pytest.raises(oracle.BadInput):
            oracle.Cube(net, step=0.1, **options)
    with pytest.raises(oracle.BadInput):
        oracle.Cube(net, r=2, step=0)
    with pytest.raises(oracle.BadInput):
        oracle.Cube(net.discretize(step=0.1), r=2, step=0.1)
    with pytest.raises(oracle.BadInput, match="eulr"):
        oracle.Cube(net, r=2, step=0.1, scheme="eulr").faces  # noqa: B018

"""C12, floating point: bits at powers of two, bounds otherwise, what a run must not do, planted faults."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting

import oracle
from oracle.arithmetic.degree import Degrees
from oracle.arithmetic.float64 import Float64
from oracle.arithmetic.graded import Graded, NotHomogeneous, exponential
from oracle.claims import c12, float_cases, scaled_rounding
from oracle.claims.setting import Setting
from oracle.data import STEP, flipflop
from oracle.procedures import float_orders, float_programs
from oracle.procedures.discretize import SCHEMES
from oracle.procedures.float_orders import stored
from oracle.procedures.float_programs import as_record, in_floats, program
from oracle.procedures.rescale import rescaled

verify = c12.CLAIM.verify


@pytest.mark.parametrize("seed", range(12))
def test_holds(seed):
    """Every convention and activation, scalar and per-unit tau: bits at 1/8 and 2, the bound at r = 3/11, say."""
    net = network(seed)
    options = setting(seed, net)
    assert verify(net, **{**options, "r": Fraction(1, 8)}).measured == 0
    assert verify(net, **{**options, "r": 2}).measured == 0
    result = verify(net, scheme=SCHEMES[seed % len(SCHEMES)], **options)
    assert result.verdict == "holds", result
    assert sum("agree in every bit" in text for text in result.evidence) == len(SCHEMES)


def test_general_form():
    """Dense A, B, E, c: every scheme but exponential Euler, which has no program there."""
    assert verify(general(1), r=4).verdict == "holds"
    result = verify(general(1), r=3, scheme="exponential-euler")
    assert result.verdict == "not applicable"
    assert result.assumptions[2].text == c12.ONE_PROGRAM


@pytest.mark.parametrize("r", [0.25, 5])
def test_trained_network(r):
    """The trained network of 24 units at the step it was trained with."""
    assert verify(flipflop(), r=r, step=STEP, scheme="rk4").verdict == "holds"


def test_four_hundred_units():
    """Every bit of five schemes, 400 units, in current form: a dense B is scaled entry by entry."""
    rng = np.random.default_rng(12)
    W, M = rng.normal(size=(400, 400)) / 20, rng.normal(size=(400, 3))
    assert verify(oracle.Network.current(W, M, tau=rng.uniform(0.5, 2, 400)), r=2).verdict == "holds"


def test_at_other_factors_bits_do_differ():
    """The bound is not met by runs that are equal: r = 3 differs, and the slack is finite."""
    result = verify(flipflop(), r=3)
    assert 0 < result.measured < result.bound < 1e-13


@pytest.mark.parametrize("seed", [1, 5, 9])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_bound_over_many_factors(seed, scheme):
    """Five factors per network and scheme, 100 states each, all differences inside their bounds."""
    net, rng = network(seed), np.random.default_rng(seed)
    inputs = rng.normal(size=(10, 10, net.I))
    largest = 0.0
    for r in rng.uniform(0.05, 20, 5):
        given = Setting.read(
            net, r=r, step=rng.uniform(0.01, 0.3), scheme=scheme, inputs=inputs, h0=rng.normal(size=net.N)
        )
        seen = c12.within(given, c12.one_step(given))
        assert seen.within, seen.text
        largest = max(largest, float(np.max(seen.high / seen.bound)))
    assert largest > 1e-4  # a bound of every order of summation is loose; one of something else would be looser


# -- degrees and ranges -----------------------------------------------------------------------------------------------
def graded(net, scheme, ops, degree=1, of_step=-1):
    """The program of a network after R, read with degrees."""
    moved = rescaled(as_record(stored(net.field)), ops.number(1.0, degree))
    return program(moved, scheme, ops.number(0.25, of_step), exponential)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_degrees_compute_what_the_program_computes(scheme):
    """The values beside the degrees are the program's own, bit for bit, so the extents are those of the run."""
    for seed in range(12):
        net, rng = network(seed), np.random.default_rng(seed)
        h, x = rng.normal(size=(net.N, 1)), rng.normal(size=(net.I, 1))
        ops = Degrees()
        seen = graded(net, scheme, ops)(ops, ops.lift(h), ops.lift(x))
        plain = program(as_record(stored(net.field)), scheme, 0.25)
        assert seen.degree == 0
        assert np.array_equal(seen.value.view(np.int64), in_floats(plain)(h, x).view(np.int64))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("degree", "of_step"), [(1, 0), (0, -1), (1, -2), (2, -1)])
def test_other_scalings_are_not_homogeneous(scheme, degree, of_step):
    """Only (1, -1): with any other powers on the coefficients and the step no scheme is homogeneous."""
    net, ops = network(0, N=3), Degrees()
    with pytest.raises(NotHomogeneous):
        graded(net, scheme, ops, degree, of_step)(ops, ops.lift(np.ones(3)), ops.lift(np.ones(net.I)))


def test_degrees_of_numbers():
    """Products add, quotients subtract, sums need one degree, zero has any; exp needs none."""
    a, b = Graded(3.0, 2), Graded(0.5, -1)
    assert (a * b, a / b, a + a, a + 0) == (Graded(1.5, 1), Graded(6.0, 3), Graded(6.0, 2), a)
    for wrong in (lambda: a + b, lambda: a - 1, lambda: exponential(a)):
        with pytest.raises(NotHomogeneous):
            wrong()


def test_relu_keeps_a_degree_and_tanh_refuses_it():
    """Positive homogeneity is what makes the difference."""
    ops = Degrees()
    z = ops.lift(np.array([Graded(0.5, 1), Graded(-2.0, 1)], dtype=object))
    assert ops.act("relu", z).degree == 1
    for name in ("tanh", "logistic"):
        with pytest.raises(NotHomogeneous):
            ops.act(name, z)


def extreme(seed):
    """Coefficients of any size a double can have, subnormal ones included, states as well."""
    rng = np.random.default_rng(seed)
    low = rng.choice([-1074, -1060, -1030, -900, 0])
    high = rng.choice([low, low, 0, 1010])

    def drawn(*shape):
        return rng.uniform(0.5, 1, shape) * 2.0 ** rng.integers(low, high + 1, shape) * rng.choice([-1, 1], shape)

    net = oracle.Network(A=drawn(3), B=drawn(3, 3), W=rng.normal(size=(3, 3)), c=drawn(3), activation="tanh")
    return net, rng.uniform(-1, 1, 3) * 2.0 ** rng.choice([0, low, low])


def test_range_predicate_is_safe_and_not_vacuous():
    """Where it says that all is normal, bits agree in either order of summation; it says yes, no and undecided; and
    among those refused there are runs whose bits differ."""
    said, differ = {True: 0, False: 0, "undecided": 0}, 0
    for seed in range(150):
        net, h0 = extreme(seed)
        factor = Fraction(2) ** [-60, -1, 1, 60][seed % 4]
        given = Setting.read(net, r=factor, step=0.5, inputs=np.zeros((1, 0)), h0=h0)
        with np.errstate(all="ignore"):
            holds = c12._in_range({"euler": c12.watched(given, "euler")}, c12.exponent(factor)).holds
            same = c12.bitwise(given, "euler", factor).same and backwards(given, factor)
        said[holds] += 1
        assert same or holds is not True, seed
        differ += not same
    assert min(said.values()) > 5, said
    assert differ > 5, differ


def backwards(given, r):
    """Whether both orders agree if every sum runs from the right."""
    coefficients = stored(given.net.field)
    results = []
    for p, step in ((coefficients, 0.5), (coefficients.rescaled(float(r)), 0.5 / float(r))):
        h = given.run.h0[0]
        s = np.tanh(p.W @ h)
        results.append([])
        for i in range(3):
            total = float(p.c[i, 0])
            for j in (2, 1, 0):
                total = float(p.B[i, j]) * float(s[j]) + total
            results[-1].append(h[i] + step * (total + float(p.A[i, 0]) * float(h[i])))
    return np.array_equal(*np.array(results).view(np.int64))


def test_powers_of_two():
    """Exactly the powers of two, of either sign of the exponent."""
    assert [c12.exponent(Fraction(q)) for q in (1, 2, "1/2", 1024, "1/1024")] == [0, 1, -1, 10, -10]
    assert [c12.exponent(Fraction(q)) for q in (3, "3/4", "2/3", 0.1)] == [None] * 4


def test_out_of_range_is_not_applicable():
    """A subnormal constant at r = 1/2; r = 2^1000 with large ones."""
    tiny = oracle.Network(A=[-1.0], B=1, W=[[0.5]], c=[3 * 2.0**-1074])
    plain = oracle.Network(A=[-1.0], B=[2.0**30], W=[[0.5]])
    for net, r in ((tiny, 0.5), (plain, 2.0**1000)):
        result = verify(net, r=r, step=0.5)
        assert result.verdict == "not applicable", result
        assert [a.text for a in result.assumptions if a.holds is False] == [c12.IN_RANGE]


def test_unscaled_step_is_not_applicable():
    """The step left alone: refused, and the difference shown."""
    result = verify(network(1), r=2, step=0.5, step_after=0.5)
    assert result.verdict == "not applicable"
    assert result.measured > 0


def test_gaps_of_the_counterexamples():
    """The numbers quoted: .03 against .029999999999999995 is one ulp of each; r = 4 would be exact for noise."""
    assert float_cases.thirds().gap == Fraction(0.03) - Fraction(0.029999999999999995)
    assert float_cases.one_step(float_cases.driven(0.3), 0.1, 4) == 0
    assert float_cases.unscaled_step().gap == Fraction(3, 8)
    assert float_cases.subnormal().gap == Fraction(2) ** -74
    assert (float_cases.noise_gap(4.0), float_cases.noise_gap(16.0)) == (0, 0)
    assert float_cases.noise_gap(2.0) > 0


# -- planted faults ---------------------------------------------------------------------------------------------------
right_scaled = float_orders.StoredField.rescaled
right_bound, right_scaled_bound = c12.one_step_bound, c12.scaled_bound


def scaling(**powers):
    """A wrong R in floats: these coefficients times other powers of r."""

    def wrong(self, r):
        moved = right_scaled(self, r)
        return replace(moved, **{name: r**power * getattr(self, name) for name, power in powers.items()})

    return wrong


def ulp(rec, H, X, model):
    """Half an ulp of the state: what a reader might take for the rounding of one step."""
    return 2.0**-54 * np.abs(H)


DRIVEN = {
    "net": oracle.Network(A=[-1, -2], B=[[1, 2], [3, 1]], W=[[0.5, 1], [0.25, -1]], E=[[1], [2]], c=[0.5, 1]),
    "r": 2,
}
ROUNDED = {"net": network(9, N=6), "r": 3, "step": 0.3}
TINY = {"net": float_cases.driven(3 * 2.0**-1074), "r": 0.5, "step": 2.0**1000, "inputs": np.zeros((1, 0)), "h0": [0.0]}
FAULTS = {
    "c not scaled": (float_orders.StoredField, "rescaled", scaling(c=0), DRIVEN),
    "E not scaled": (float_orders.StoredField, "rescaled", scaling(E=0), DRIVEN),
    "A squared": (float_orders.StoredField, "rescaled", scaling(A=2), DRIVEN),
    "W scaled": (float_orders.StoredField, "rescaled", scaling(W=1), DRIVEN),
    "r squared": (float_orders.StoredField, "rescaled", scaling(A=2, B=2, E=2, c=2), DRIVEN),
    "step not divided": (
        c12,
        "both",
        lambda f, scheme, step, r, after: float_programs.both(f, scheme, step, r, float(step)),
        DRIVEN,
    ),
    "3 taken for a power of two": (c12, "exponent", lambda r: 1, ROUNDED),
    "bounds of an ulp": (c12, "one_step_bound", ulp, ROUNDED),
    "r rounded": (float_orders.StoredField, "rescaled", lambda self, r: right_scaled(self, np.nextafter(r, 9)), DRIVEN),
    "subnormals admitted": (
        c12,
        "LEAST_NORMAL",
        -5000,
        {
            "net": float_cases.driven(3 * 2.0**-1074),
            "r": 0.5,
            "step": 2.0**1000,
            "inputs": np.zeros((1, 0)),
            "h0": [0.0],
        },
    ),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_are_reported(fault, monkeypatch, planted):
    """A fault in the claim's code is violated by a certified amount, where the right code does not say so."""
    room, name, wrong, options = FAULTS[fault]
    assert verify(**options).verdict == ("not applicable" if fault == "subnormals admitted" else "holds")
    monkeypatch.setattr(room, name, wrong)
    if fault == "bounds of an ulp":
        monkeypatch.setattr(c12, "scaled_bound", ulp)
    result = verify(**options)
    planted(fault, result)
    assert result.measured > result.bound


def test_a_program_that_is_not_homogeneous_is_refused(monkeypatch, planted):
    """A step with an absolute constant in it: no degree fits, and the claim does not apply."""

    def leaking(ops, p, h, u):
        return ops.sum([right_euler(ops, p, h, u), ops.scale(p.step, ops.one(h))])

    right_euler = float_programs.euler_from_field
    monkeypatch.setattr(float_programs, "euler_from_field", leaking)
    result = verify(**DRIVEN)
    planted("an absolute constant in the step", result, "not applicable")
    assert result.assumptions[2].holds is False


def test_roundings_of_r_are_counted():
    """The bound after R is above the one without, and the arithmetic otherwise the same."""
    net = network(9, N=6)
    given = Setting.read(net, step=0.3)
    rec, H = net.discretize(0.3), given.run.h0.T
    X = given.run.X[0].T
    model = oracle.records.precision.precision_model("float64")
    plain, moved = right_bound(rec, H, X, model), scaled_rounding.scaled_bound(rec, H, X, model)
    assert np.all(plain < moved)
    assert np.all(moved < 3 * plain)
    assert np.array_equal(Float64().lift(H), H)

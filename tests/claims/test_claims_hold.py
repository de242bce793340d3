"""C1 to C4, C6 and C13 on random networks of every convention: verdict, evidence and what is reported."""

import json
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting

import oracle
from oracle.procedures.linearize import preactivation
from oracle.records.exact import Constant, objects

IDENTITIES = ("C1", "C2", "C3", "C4")
CASES = range(96)  # eight of each convention with each activation


@pytest.mark.parametrize("seed", CASES)
def test_identities_hold(seed):
    """C1 to C4 hold with bound 0 and measured value exactly 0; no assumption is false."""
    net = network(seed)
    scheme = "exponential-euler" if seed % 5 == 0 else "euler"
    for name in IDENTITIES:
        result = oracle.claims[name].verify(net, scheme=scheme, **setting(seed, net))
        assert result.verdict == "holds", result
        assert result.bound == 0
        assert isinstance(result.measured, Fraction)
        assert result.measured == 0
        assert result.slack is None
        assert all(assumption.holds in (True, "assumed") for assumption in result.assumptions)


@pytest.mark.parametrize("seed", range(4))
def test_identities_hold_for_the_normal_form(seed):
    """C1 to C4 hold for dense A, B, E, c and as many units as one likes."""
    net = general(seed)
    assert [r.verdict for r in (oracle.claims[name].verify(net, **setting(seed, net)) for name in IDENTITIES)] == [
        "holds"
    ] * 4


@pytest.mark.parametrize("form", ["paper", "rate", "current"])
def test_identities_hold_at_64_units(form):
    """C1 to C4 at N = 64, at the default operating point."""
    net = network(5, N=64, form=form, activation="tanh")
    assert [oracle.claims[name].verify(net, r=3).verdict for name in IDENTITIES] == ["holds"] * 4


@pytest.mark.parametrize("seed", range(0, 24))
def test_elman_limit(seed):
    """C13 holds for rate and paper forms with one tau, and does not apply to anything else."""
    net = network(seed)
    several = len({Fraction(t) for t in np.atleast_1d(np.asarray(net.tau, dtype=object))}) > 1
    result = oracle.claims["C13"].verify(net)
    applies = net.form in ("rate", "paper") and not several
    assert result.verdict == ("holds" if applies else "not applicable"), result


def test_the_elman_record_is_the_library_s():
    """What C13 compares with is Recurrence.elman with the same weights, as a map."""
    W, M, b = np.array([[0.5, -1.0], [2.0, 0.25]]), np.array([[1.0], [3.0]]), np.array([0.1, -0.3])
    euler = oracle.Network.rate(W, M, b, tau=0.3).discretize(step=0.3)
    assert euler.same_map(oracle.Recurrence.elman(W, M, b))
    assert not euler.same_map(oracle.Recurrence.elman(W.T, M, b))


@pytest.mark.parametrize("form", ["paper", "rate", "current"])
@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_euler_error(form, activation):
    """C6: on contracting networks the proved bound is above the measured distance, by digits."""
    rng = np.random.default_rng(3)
    make = getattr(oracle.Network, form)
    net = make(rng.normal(size=(3, 3)) / 8, rng.normal(size=(3, 2)), rng.normal(size=3), tau=0.7, activation=activation)
    result = oracle.claims["C6"].verify(net, step=0.05)
    assert result.verdict == "holds", result
    assert 1 <= result.slack < 1.001
    assert 0 < result.measured <= result.bound


def test_euler_error_without_contraction():
    """C6 holds where the step does not contract, and stays sharp."""
    net = oracle.Network.rate([[3.0, 1.0], [-2.0, 4.0]], tau=1)
    result = oracle.claims["C6"].verify(net)
    assert result.verdict == "holds"
    assert 1 <= result.slack < 1.001


def equilibrium():
    """A tanh network whose c makes a point off the origin an exact equilibrium, and that point."""
    W, M, h, x = [[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], np.array([0.5, -0.25]), np.array([0.75])
    field = oracle.Network(A=[-1, -2], B=[1, 2], W=W, M=M).field
    s = objects(Constant.atom("value", z, "tanh") for z in preactivation(field, h, x))
    c = -(field.A.apply(h) + field.B.apply(s))
    return oracle.Network(A=[-1, -2], B=[1, 2], W=W, M=M, c=c), (h, x)


@pytest.mark.parametrize("scheme", ["midpoint", "heun", "rk4"])
def test_runge_kutta_at_an_equilibrium(scheme):
    """C2 and C4 for Runge-Kutta: exact at an equilibrium off the origin, not applicable elsewhere."""
    net, at = equilibrium()
    for name in ("C2", "C4"):
        held = oracle.claims[name].verify(net, scheme=scheme, at=at, step=0.25)
        assert (held.verdict, held.measured) == ("holds", 0), held
        away = oracle.claims[name].verify(net, scheme=scheme, at=([0.5, -0.5], [0.75]), step=0.25)
        assert away.verdict == "not applicable"
        assert away.measured > 0


@pytest.mark.parametrize("scheme", ["midpoint", "rk4", "zoh"])
def test_every_point_will_do_where_s_is_affine(scheme):
    """C2, C4 and C8 of a network of identities: exact off its equilibrium as well."""
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], activation="identity")
    for name in ("C2", "C4", "C8"):
        result = oracle.claims[name].verify(net, scheme=scheme, at=([0.5, -0.5], [0.75]), step=0.25)
        assert result.verdict == "holds", result
        assert result.measured <= result.bound


def test_float_orders_are_reported():
    """C1 shows beside its verdict: bitwise at r = 4, within the summed bounds at r = 3 (observed)."""
    seen = dict(oracle.claims["C1"].verify(network(1), r=3).observed)
    assert [value for name, value in seen.items() if name.startswith("bitwise")] == [True]
    (ratio,) = [value for name, value in seen.items() if "sum of both" in name]
    assert 0 <= ratio <= 1


def test_verify_all_and_plain_values():
    """verify_all returns every claim, in order, as values that JSON can hold, with a readable summary."""
    results = oracle.verify_all(network(1, N=2, activation="tanh", scalar=True))
    ids = [result.id for result in results]
    assert ids == list(oracle.claims) == sorted(ids, key=lambda name: int(name[1:]))
    assert {"C1", "C2", "C3", "C4", "C6", "C13"} <= set(ids)
    for result in results:
        back = json.loads(json.dumps(result.to_dict()))
        assert back["verdict"] == result.verdict
        assert result.id in repr(result)
        assert result.statement in result.summary()


def test_bad_input_is_explained():
    """Not a network, an unknown claim, an unknown option, a factor that is not positive."""
    net = network(1)
    with pytest.raises(oracle.BadInput, match="continuous-time"):
        oracle.claims["C1"].verify(net.discretize(step=0.1))
    with pytest.raises(oracle.BadInput, match="C1"):
        oracle.claims["C19"]
    with pytest.raises(oracle.BadInput, match="stepp"):
        oracle.claims["C1"].verify(net, stepp=0.1)
    with pytest.raises(oracle.BadInput):
        oracle.claims["C1"].verify(net, r=-1)

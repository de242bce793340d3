"""Flows of powers and of a user's expressions: slopes without a bound for all arguments, discs nobody worked out."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from flint import arb, arb_mat

import oracle
from oracle.arithmetic.ball import precision
from oracle.equations.activations import ACTIVATIONS
from oracle.reference import discs, local_rates
from oracle.reference.limits import NotProved, NotReached

CONTEXT = mpmath.MPContext()
CONTEXT.dps = 40


def alone(activation: str, b: float = 0.0) -> oracle.Network:
    """h' = s(h + b)."""
    return oracle.Network(A=0.0, B=1.0, W=[[1.0]], b=[b], activation=activation)


def test_a_power_in_closed_form() -> None:
    """h' = max(0, h)^2 from 1/2 is 1/(2 - t), from -1/2 rests; h' = gain h^3 is h0/sqrt(1 - 2 gain h0^2 t). Planted
    fault: 1/(2 - t) of another time is outside."""
    t = Fraction(3, 2)
    found = oracle.reference(alone("square"), None, [0.5], [t], digits=20)
    assert found.contains([[Fraction(2)]]).all()
    assert not found.contains([[2 + Fraction(1, 10**19)]]).any()
    assert oracle.reference(alone("square"), None, [-0.5], [t], digits=20).contains([[Fraction(-1, 2)]]).all()
    truth = CONTEXT.mpf(1) / 2 / CONTEXT.sqrt(1 - CONTEXT.mpf(1) / 8 * t.numerator / t.denominator)
    assert oracle.reference(alone("square(0.25,3)"), None, [0.5], [t], digits=20).contains([[truth]]).all()


def test_a_power_that_leaves_in_finite_time() -> None:
    """1/(2 - t) has no value at 3: refused with a reason, not followed for ever."""
    with pytest.raises(NotReached, match="a state exceeds"):
        oracle.reference(alone("square"), None, [0.5], [3], digits=10)


def test_a_unit_that_wakes_up() -> None:
    """h1 = t - 1, h2' = max(0, h1)^2 from rest: silent until 1, then (t - 1)^3/3. The tube crosses the kink."""
    net = oracle.Network(
        A=0.0, B=[[0.0, 0.0], [0.0, 1.0]], W=[[0.0, 0.0], [1.0, 0.0]], c=[1.0, 0.0], activation="square"
    )
    found = oracle.reference(net, None, [-1.0, 0.0], ["0.5", 1, "1.5"], digits=20)
    assert found.contains([[-0.5, 0], [0, 0], [0.5, Fraction(1, 24)]]).all()


def test_an_expression_by_its_implicit_solution() -> None:
    """h' = h/(1 + h^2): ln h + h^2/2 = t + c. Planted fault: a thousandth of a thousandth later is outside."""

    def at(t: Any) -> Any:
        c = CONTEXT.log(CONTEXT.mpf("0.5")) + CONTEXT.mpf("0.125")
        ends = CONTEXT.mpf("0.5"), CONTEXT.mpf(3)
        return CONTEXT.findroot(lambda h: CONTEXT.log(h) + h * h / 2 - t - c, ends, solver="anderson")

    found = oracle.reference(alone("z / (1 + z**2)"), None, [0.5], [2], digits=20)
    assert found.status == "proved"
    assert found.contains([[at(2)]]).all()
    assert not found.contains([[at(2 + CONTEXT.mpf(10) ** -6)]]).any()


@pytest.mark.parametrize(("expression", "name"), [("z / (1 + exp(-z))", "silu"), ("1 - 2 / (1 + exp(2 * z))", "tanh")])
def test_an_expression_is_what_it_says(expression: str, name: str) -> None:
    """Three driven units, backward and forward: 15 digits by discs contain 25 digits by the strip of the catalogue."""
    rng = np.random.default_rng(3)
    W, M, b, h0 = rng.normal(size=(3, 3)), rng.normal(size=(3, 1)), rng.normal(size=3), rng.normal(size=3)
    mine, known = (oracle.Network.rate(W, M, b, tau=0.5, activation=s) for s in (expression, name))
    asked: dict[str, Any] = {"inputs": oracle.analytic(["sin(t)"]), "h0": h0, "times": [0, "0.5"], "start": "0.25"}
    found = oracle.reference(mine, digits=15, **asked)
    assert found.status == "proved"
    assert found.contains(oracle.reference(known, digits=25, **asked).mid).all()


def test_a_set_of_initial_states_and_a_rate_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of 1/2 -+ 1/100 under h' = h^2 until 1: 1/(1/h0 - 1) is inside at both ends. Planted fault: with the slopes
    at the first state (2 h = 1, while they grow to 2) the upper end is not."""
    asked: dict[str, Any] = {"h0": [0.5], "times": [1], "radius": Fraction(1, 100), "digits": 10}
    ends = [1 / (1 / h - 1) for h in (Fraction(51, 100), Fraction(49, 100))]
    found = oracle.reference(alone("square"), **asked)
    assert all(found.contains([[end]]).all() for end in ends)
    monkeypatch.setattr(discs, "slopes", lambda name, z: (Fraction(0), Fraction(1)))
    assert not oracle.reference(alone("square"), **asked).contains([[ends[0]]]).any()


def test_a_tube_that_is_left_holds_nothing() -> None:
    """Only a step whose error is below rho stays inside."""
    step = type("Step", (), {"error": arb(1), "spread": arb(2)})()
    assert local_rates.Tube(None, arb(4)).holds(step)  # type: ignore[arg-type]
    assert not local_rates.Tube(None, arb(3)).holds(step)  # type: ignore[arg-type]


EXPRESSIONS = (
    "z / (1 + exp(-z))",
    "z / (1 + z ** 2)",
    "log(1 + z ** 2)",
    "sqrt(1 + z ** 2)",
    "arctan(z) + sin(z)",
    "softplus(z) - z",
)


@pytest.mark.parametrize("name", [*EXPRESSIONS, "square(2,3)"])
@pytest.mark.parametrize("centre", [-7.3, -0.6, 0.0, 0.4, 5.1])
def test_discs_and_slopes_hold_what_is_sampled(name: str, centre: float) -> None:
    """|s| at points of the circle is at most m, the radius at least 1/8; slopes at points of a ball are in range."""
    expression = canonical(name)
    with precision(60):
        radii, m = discs.around(expression, arb_mat(1, 1, [arb(centre)]))
    assert radii[0] >= 0.125
    tree = ACTIVATIONS[expression]
    for angle in np.linspace(0, 2 * np.pi, 33):
        point = CONTEXT.mpc(centre) + float(radii[0]) * CONTEXT.expj(angle)
        assert abs(by_mpmath(expression, point)) <= m
    with precision(60):
        low, high = discs.slopes(expression, arb_mat(1, 1, [arb(centre, 0.25)])) or (Fraction(1), Fraction(0))
    for z in np.linspace(centre - 0.25, centre + 0.25, 9):
        slope = CONTEXT.diff(lambda v: by_mpmath(expression, v), CONTEXT.mpf(float(z)))
        if expression.startswith("square") and abs(z) < 1e-9:
            continue
        assert float(low) - 1e-15 <= slope <= float(high) + 1e-15
    assert tree.kinks == () or expression.startswith("square")


def canonical(name: str) -> str:
    """As a network spells it."""
    net = oracle.Network.rate([[0.5]], activation=name)
    return str(net.field.activation)


def by_mpmath(expression: str, z: Any) -> Any:
    """s at a number; a power by its active branch, which is what a disc is about."""
    if expression.startswith("square"):
        return 2 * (z if isinstance(z, CONTEXT.mpc) or z > 0 else CONTEXT.zero) ** 3
    names = {
        **{name: getattr(CONTEXT, name) for name in ("exp", "log", "sqrt", "sin")},
        **{"arctan": CONTEXT.atan, "softplus": lambda v: CONTEXT.log(1 + CONTEXT.exp(v))},
    }
    return eval(expression, {"__builtins__": {}}, {**names, "z": z})


@pytest.mark.parametrize("old", ["exp", "log"])
def test_a_disc_over_a_pole_is_seen(old: str) -> None:
    """Discs about 0 stay clear of the poles at -+ pi i and of the branch points at -+ i. Planted fault: a function that
    is the right one on the real axis alone gives larger ones."""
    expression = canonical({"exp": "1 / (1 + exp(-z))  + z", "log": "log(1 + z ** 2)"}[old])
    limit = {"exp": np.pi, "log": 1.0}[old]
    with precision(60):
        assert discs.around(expression, arb_mat(1, 1, [arb(0)]))[0][0] < limit


@pytest.mark.parametrize("name", ["z / (1 + abs(z))", "relu(z) - relu(z - 1)"])
def test_kinked_expressions_are_refused(name: str) -> None:
    """They are not followed region by region: said in three parts."""
    net = oracle.Network.rate([[0.5]], activation=name)
    for h0 in (0.5, 0.0):
        with pytest.raises(NotProved, match="What to do"):
            oracle.reference(net, None, [h0], [1.0], digits=15)


def test_a_registered_activation_is_refused() -> None:
    """A value and a slope say nothing about complex arguments."""
    name = oracle.activation(
        name="half-z",
        value=lambda ops, z: ops.scale(Fraction(1, 2), z),
        slope=lambda ops, s, z: ops.scale(Fraction(1, 2), ops.one(z)),
    )
    with pytest.raises(NotProved, match="What to do"):
        oracle.reference(oracle.Network.rate([[0.5]], activation=name), None, [0.5], [1.0], digits=15)

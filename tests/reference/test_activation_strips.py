"""The bounds of activations on complex discs: balls of complex numbers cover the strips, and flows follow from them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from flint import acb, arb, arb_mat

import oracle
from oracle.arithmetic.ball import precision
from oracle.reference import cauchy

FAR = 12.0  # beyond, s or s - z is below z e^-12 but for bounded ones, whose bound is the limit's
SIDE = 0.125


def _root(number: int) -> Any:
    return acb(number).sqrt()


def _gelu_tanh(z: Any) -> Any:
    w = (acb(2) / acb.pi()).sqrt() * (z + z**3 * arb(44715) / 1_000_000)
    return z / ((2 * w).exp() + 1)


# On the side of z_0 >= 0, Re z >= -width: s, or s - z. On the other side the same by symmetry.
SMALL: dict[str, Callable[[Any], Any]] = {
    "tanh": lambda z: z.tanh(),
    "logistic": lambda z: 1 / (1 + (-z).exp()),
    "softplus": lambda z: (1 + (-z).exp()).log(),
    "arctan": lambda z: z.atan(),
    "silu": lambda z: z / (1 + z.exp()),
    "gelu": lambda z: z * (z / _root(2)).erfc() / 2,
    "gelu-tanh": _gelu_tanh,
    "erf": lambda z: z.erf(),
    "sin": lambda z: z.sin(),
}


def largest(name: str, width: float, left: float) -> float:
    """An upper bound of |s| over boxes that cover the strip, halved where their bound is not finite or large."""
    most = 0.0
    m = cauchy.STRIPS[name].m
    with precision(64):
        pending = [(x, y, SIDE) for x, y in product(np.arange(left, FAR, 2 * SIDE), np.arange(-width, width, 2 * SIDE))]
        while pending:
            x, y, half = pending.pop()
            box = acb(arb(x + half, half), arb(y + half, half))
            if y >= width:  # parts of the last row that stick out of the strip
                continue
            bound = abs(SMALL[name](box)).upper()
            if not (bound.is_finite() and bound <= m) and half > 2.0**-9:
                pending += [(x + i * half, y + j * half, half / 2) for i in (0, 1) for j in (0, 1)]
                continue
            if not bound <= m:
                return float(bound) if bound.is_finite() else float("inf")
            most = max(most, float(bound))
    return most


ATTAINED = ("tanh", "logistic", "sin")
"""Their m is the value at a corner of the strip, by the formulas in `cauchy`."""


@pytest.mark.parametrize("name", [name for name in SMALL if name not in ATTAINED])
def test_the_strip_is_covered(name: str) -> None:
    """|s| <= m, up to the line: by balls for |Im z| <= width, so s has no pole there; m is not 20 times too large.

    Planted fault: 4/3 of the width is not covered.
    """
    known = cauchy.STRIPS[name]
    left = -known.width if np.isinf(known.distance) or name == "softplus" else -FAR
    found = largest(name, known.width, left)
    assert known.m / 20 < found <= known.m * (1 + 2.0**-30)
    assert not largest(name, 4 / 3 * known.width, 4 / 3 * left) <= known.m


@pytest.mark.parametrize("name", ["tanh", "logistic", "softplus", "arctan"])
def test_the_half_plane_is_sampled(name: str) -> None:
    """|s| <= m where Re z >= distance, at points of lines beside the poles."""
    known = cauchy.STRIPS[name]
    with precision(64):
        for x, y in product(known.distance + np.array([0.0, 0.01, 0.3, 2.0]), np.linspace(-40, 40, 1601)):
            assert abs(SMALL[name](acb(x, y))).upper() <= known.m * (1 + 2.0**-30)


def flow(name: str, digits: int) -> Any:
    """A driven flow of three units."""
    rng = np.random.default_rng(3)
    W, M, b = rng.normal(size=(3, 3)), rng.normal(size=(3, 1)), rng.normal(size=3)
    net = oracle.Network.rate(W, M, b, tau=0.5, activation=name)
    return oracle.reference(net, oracle.analytic(["sin(t)"]), rng.normal(size=3), [0.5], digits=digits)


def test_an_elu_below_its_kink() -> None:
    """|e^z - 1| <= m on the boundaries of discs about z_0 <= 1/2; planted fault: not about 5/2."""
    for centre, fits in ((0.5, True), (0.0, True), (-1.0, True), (-30.0, True), (2.5, False)):
        with precision(64):
            (rho,) = cauchy.reach("elu", arb_mat(1, 1, [arb(centre)]))
            points = [acb(centre) + rho * acb(0, angle).exp() for angle in np.linspace(-3.2, 3.2, 257).tolist()]
        assert all(abs(z.exp() - 1) <= cauchy.STRIPS["elu"].m for z in points) == fits


@pytest.mark.parametrize("name", [*SMALL, "softplus(inf,2)", "leaky-relu(0.2)", "leaky-relu(-0.5)", "hardtanh", "elu"])
def test_flows_are_proved(name: str) -> None:
    """12 digits lie within what 20 digits say."""
    coarse, fine = flow(name, 12), flow(name, 20)
    assert coarse.status == fine.status == "proved"
    for a, r, b in zip(coarse.mid.ravel(), coarse.rad.ravel(), fine.mid.ravel(), strict=True):
        assert abs(a - b) <= r + 1e-20

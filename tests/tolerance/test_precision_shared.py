"""The activation is one stored number: in (1 - e^-a) s its error enters with 1 - e^-a, not with 1 + e^-a."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import oracle
from oracle.arithmetic.rounding import Rounding
from oracle.records.precision import PRECISIONS
from oracle.tolerance.step import one_step_bound

Array = NDArray[Any]
RNG = np.random.default_rng(0)
N = 48
W, B = RNG.standard_normal((N, N)) / 4, RNG.standard_normal(N)
H, X = RNG.standard_normal((N, 6)), np.zeros((0, 6))


def bounds(dt: float, tau: Any = 1.0) -> tuple[Array, Array]:
    """Of Euler's and of the exponential step."""
    net = oracle.Network.rate(W, None, B, tau=tau)
    made = [net.discretize(step=dt, scheme=scheme) for scheme in ("euler", "exponential-euler")]
    euler, exponential = (one_step_bound(rec, H, X, PRECISIONS["float32"]) for rec in made)
    return euler, exponential


def sharp(dt: float, tau: Any = 1.0) -> bool:
    """Whether the exponential step is within ten times Euler's: it rounds at the size of s besides."""
    euler, exponential = bounds(dt, tau)
    return bool(np.median(exponential) < 10 * np.median(euler))


@pytest.mark.parametrize("tau", [1.0, RNG.uniform(0.5, 2.0, N)], ids=["scalar", "per unit"])
def test_short_exponential_steps_are_sharp(tau: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousandth of tau; with the error of s counted once per atom it is fifty times Euler's."""
    assert sharp(1e-3, tau)
    monkeypatch.setattr(Rounding, "_shared", lambda self, term, v: None)
    assert not sharp(1e-3, tau)


@pytest.mark.parametrize("dt", [1e-3, 0.3, 4.0])
def test_an_activation_that_is_off_by_all_it_may_stays_inside(dt: float) -> None:
    """Errors of 4 ulp in s, carried through both ways of writing the step: within the bound, and a part of it."""
    _, bound = bounds(dt)
    exact = np.tanh(W @ H + B[:, None])
    off = exact * (1 + 4 * 2.0**-23)
    decay = np.exp(-dt)
    moved = (1 - decay) * (off - exact)
    assert np.all(np.abs(moved) <= bound)
    written = (off - np.float32(decay) * off) - (exact - np.float32(decay) * exact)
    assert np.all(np.abs(written) <= bound)
    assert np.max(np.abs(moved) / bound) > (0.01 if dt < 1 else 0.05) * (1 - decay)

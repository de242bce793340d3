"""Planted faults of the certified flow: each makes the enclosure miss a point that it has to contain.

The probes: a linear and an odd network with closed forms, and the edges of initial sets, which the enclosure of the set
has to reach. Without a fault all probes are inside (`test_without_a_fault`).
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

import oracle
from oracle.reference import cauchy, certified, defect, lognorm, system
from oracle.reference.enclosure import exact

DIGITS = 12


def linear() -> bool:
    """h' = 2h/3 + 1/4 from 1/2: h + 3/8 grows as e^{2t/3}; until t = 12, farther than one polynomial reaches."""
    net = oracle.Network(A=Fraction(2, 3), W=[[0.0]], c=[0.25], activation="identity")
    ctx = mpmath.MPContext()
    ctx.dps = 40
    truth = (ctx.mpf(0.5) + ctx.mpf(3) / 8) * ctx.exp(8) - ctx.mpf(3) / 8
    return bool(oracle.reference(net, h0=[0.5], times=[12], digits=DIGITS).contains([[truth]]).all())


def odd() -> bool:
    """y' = s(3y + 2) + s(2 - 3y), s logistic, through 0: y is odd, and t(y) = y - .. is an elementary integral,
    t = int_0^y (cosh 2 + cosh 3u)/(cosh 2 + cosh 3u + sinh 2) du, met to the radius (the speed is below 2)."""
    net = oracle.Network(B=[[1.0, 1.0]], W=[[3.0], [-3.0]], b=[2.0, 2.0], activation="logistic")
    found = oracle.reference(net, h0=[0.0], times=["0.75"], digits=DIGITS)
    ctx = mpmath.MPContext()
    ctx.dps = 30
    y = ctx.mpf(found.mid[0, 0])
    taken = ctx.quad(lambda u: 1 / (1 + ctx.sinh(2) / (ctx.cosh(2) + ctx.cosh(3 * u))), ctx.linspace(0, y, 9))
    return bool(abs(taken - ctx.mpf("0.75")) * 2 <= ctx.mpf(found.rad[0, 0]))


def edges(net: oracle.Network, h0: float, radius: Fraction) -> bool:
    """Whether the enclosure of a set contains the trajectories from its two ends, both ways in time."""
    around = oracle.reference(net, h0=[h0], radius=radius, times=[-1, 1], digits=DIGITS)
    ends = np.array([[Fraction(h0) - radius], [Fraction(h0) + radius]], dtype=object)
    inner = oracle.reference(net, h0=ends, times=[-1, 1], digits=2 * DIGITS)
    rows = zip(np.repeat(around.mid, 2), np.repeat(around.rad, 2), inner.mid.ravel(), inner.rad.ravel(), strict=True)
    return all(abs(exact(m) - exact(n)) + exact(s) <= exact(r) for m, r, n, s in rows)


def saturated() -> bool:
    """h' = -h + tanh(-2h) far from zero, where the slope is next to 0: neighbours part as e^{-t}, not e^{-3t}."""
    return edges(oracle.Network.rate([[-2.0]]), 3.0, Fraction(1, 100))


def slow() -> bool:
    """tau = 16, growing: neighbours part as e^{t/8}; backward, the leak makes them part as e^{t/16} and more."""
    return edges(oracle.Network.rate([[3.0]], tau=16), 2.0**-20, Fraction(1, 10**9))


PROBES: dict[str, Callable[[], bool]] = {"linear": linear, "odd": odd, "saturated": saturated, "slow": slow}

ORDER_P = "return arb_mat(p.nrows(), K, [0 if i % K == K - 1 else e for i, e in enumerate(entries)])"
FAULTS = {
    "the defect of order P is dropped": (
        system,
        "defect",
        "return arb_mat(p.nrows(), K, entries)",
        ORDER_P,
        "linear",
    ),
    "the defect is not integrated": (defect, "integrals", "power / (k + 1)", "power / (k + 1) ** 20", "linear"),
    "the Cauchy tail is dropped": (cauchy, "tail", "return (m *", "return (0 *", "odd"),
    "the Cauchy tail begins too late": (cauchy, "tail", "(last + 1)", "(2 * last)", "odd"),
    "the disc may be wide for any unit": (cauchy, "reach", "- known.distance", "+ 20.0", "odd"),
    "mu has the wrong sign": (certified, "finished", "(system.norm.mu *", "(-system.norm.mu *", "slow"),
    "slopes are taken to be S": (lognorm, "_ends", "downward(low), upward(high)", "(upward(high),)", "saturated"),
    "slopes are taken to be 0": (lognorm, "_ends", "downward(low), upward(high)", "(0.0,)", "slow"),
    "time is not rescaled": (certified, "finished", "rational(q * unit)).exp()", "rational(q)).exp()", "slow"),
    "the old error is forgotten": (certified, "finished", "growth * state.spread", "0 * state.spread", "saturated"),
}


def planted(module: Any, name: str, old: str, new: str) -> Any:
    """A function of a module with one piece of its source replaced."""
    source = textwrap.dedent(inspect.getsource(getattr(module, name)))
    assert source.count(old) >= 1, f"{old!r} is not in {name}"
    owner = inspect.getmodule(getattr(module, name))
    names: dict[str, Any] = dict(vars(owner))
    exec(compile(source.replace(old, new), "planted", "exec"), names)
    return names[name]


@pytest.mark.parametrize("probe", PROBES)
def test_without_a_fault(probe: str) -> None:
    """Every probe is inside."""
    assert PROBES[probe]()


def poor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps as long as the disc is found, of an odd order, whose tail is all there is to the defect."""
    monkeypatch.setattr(cauchy, "log2_tail", lambda *_: -float("inf"))
    monkeypatch.setattr(certified, "order", lambda *_: 21)
    monkeypatch.setattr(system.System, "length", lambda self, P: P + 1)


def test_the_odd_network_in_poor_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a fault the probe is inside, where its defect is a Cauchy tail."""
    poor(monkeypatch)
    assert PROBES["odd"]()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the fault the probe is outside (orders are odd, so that the odd network's own defect of order P is zero)."""
    module, name, old, new, probe = FAULTS[fault]
    monkeypatch.setattr(module, name, planted(module, name, old, new))
    if probe == "odd":
        poor(monkeypatch)
    assert not PROBES[probe]()

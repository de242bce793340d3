"""Are these numbers independent draws of a standard normal? Tests that hold for every sample size.

xi has shape (units, steps, trajectories). What is compared with what, under the hypothesis, each with a tail that is
proved and not only asymptotic; `rate` is shared out among the families, and within one among its members:

    mean            sum xi / sqrt(n) is normal                                   P(|Z| >= z) <= exp(-z^2 / 2)
    spread          sum xi^2 is chi^2_n                                          Laurent and Massart (2000), Lemma 1
    lags            sum xi_k xi_{k+l} / |xi_k| is normal given the first factors, which are kept apart from the second
    units           the same for pairs of units, and for trajectories; (sum_i xi_i)^2 / N is chi^2_1 per step
    shape           sup |F_n - Phi| by Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990)
    outliers        max |xi|, by the union over all n
    drift           S = sum w_k xi_k with w_k known before xi_k is drawn, V = sum w_k^2: a mixture of the martingales
                    exp(t S - t^2 V / 2) gives |S| <= sqrt((V + a)(2 log(1/rate) + log(1 + V/a)))   (Robbins 1970)
    state           S = sum w_k (xi_k^2 - 1), |w_k| <= 1: exp(t S - t^2 V / (1 - 2t)) is a supermartingale

A statistic divided by its limit is the ratio; all ratios are at most 1 except with probability `rate`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import erfc, log, sqrt
from typing import NamedTuple

import numpy as np

from oracle.records.exact import Array

RATE = 1e-6
"""False alarms per check: far below what a test suite of thousands of checks, run daily for years, would notice."""
LAGS = (1, 2, 3)
"""Lags at which whiteness is tested: a generator that is read twice, or every other time, shows at the first."""
PAIRS = 256
"""Units, or trajectories, up to which every pair is tested; beyond, their sum only."""
_TILTS = tuple(2.0**-k for k in range(2, 12))
"""Values of t for the supermartingales of `state`: whatever V is, one of them is within sqrt 2 of the best."""
FAMILIES = ("mean", "spread", "lags", "units", "trajectories", "shape", "outliers", "drift", "state")


class Tested(NamedTuple):
    """The largest ratio of a family; it holds while `ratio` <= 1."""

    name: str
    ratio: float
    where: str


class Past(NamedTuple):
    """What is known before a draw, made of present and earlier states only, and within [-1, 1].

    Attributes
    ----------
    regressors : ndarray, (R, steps, trajectories)
        For the mean of every unit: states and inputs.
    own : ndarray, (kinds, units, steps, trajectories)
        For the mean of each unit: what goes into its step.
    weights : ndarray, (kinds, units, steps, trajectories)
        For the spread of each unit.
    """

    regressors: Array
    own: Array
    weights: Array


def battery(xi: Array, past: Past, rate: float = RATE) -> tuple[Tested, ...]:
    """Every family, with its largest ratio."""
    share = rate / len(FAMILIES)
    tests = (_mean, _spread, _lags, _units, _trajectories, _shape, _outliers)
    found = [test(xi, share) for test in tests]
    return (*found, _drift(xi, past, share), _state(xi, past.weights, share))


def plausible(xi: Array, rate: float = RATE) -> bool:
    """Whether the spread alone, the cheapest family, does not refute them."""
    return _spread(xi, rate / len(FAMILIES)).ratio <= 1


def chi_square_limits(n: int, rate: float) -> tuple[float, float]:
    """chi^2_n / n lies between these, except with probability `rate` (Laurent and Massart, Ann. Statist. 28, Lemma 1).

    P(chi^2_n / n >= 1 + 2 sqrt(x/n) + 2 x/n) <= e^-x,       P(chi^2_n / n <= 1 - 2 sqrt(x/n)) <= e^-x
    """
    x = log(2 / rate)
    return max(0.0, 1 - 2 * sqrt(x / n)), 1 + 2 * sqrt(x / n) + 2 * x / n


def normal_limit(rate: float, members: int = 1) -> float:
    """|Z| is below this for all members, except with probability `rate`."""
    return sqrt(2 * log(members / rate))


def _mean(xi: Array, rate: float) -> Tested:
    N, n = len(xi), xi[0].size
    own = np.abs(xi.reshape(N, n).sum(axis=1)) / sqrt(n) / normal_limit(rate / 2, N)
    pooled = float(abs(xi.sum()) / sqrt(xi.size) / normal_limit(rate / 2))
    return _largest("mean", own, pooled)


def _spread(xi: Array, rate: float) -> Tested:
    N, n = len(xi), xi[0].size
    squares = np.square(xi).reshape(N, n).mean(axis=1)
    own = _against(squares, chi_square_limits(n, rate / 2 / N))
    pooled = float(_against(np.mean(squares), chi_square_limits(xi.size, rate / 2)))
    return _largest("spread", own, pooled)


def _against(value: Array, limits: tuple[float, float]) -> Array:
    """How far a mean square is from 1, as a share of how far it may be."""
    low, high = limits
    return np.asarray(np.where(value > 1, (value - 1) / (high - 1), (1 - value) / (1 - low) if low else 0.0))


def _largest(name: str, own: Array, pooled: float) -> Tested:
    unit = int(np.argmax(own))
    return Tested(name, pooled, "pooled") if pooled >= own[unit] else Tested(name, float(own[unit]), f"unit {unit}")


def _lags(xi: Array, rate: float) -> Tested:
    lags = [lag for lag in LAGS if lag < xi.shape[1]]
    best = Tested("lags", 0.0, "one step")
    for lag in lags:
        for group in _apart(xi.shape[1], lag):
            products = (xi[:, group] * xi[:, group + lag]).sum(axis=(1, 2))
            sizes = np.square(xi[:, group]).sum(axis=(1, 2))
            share = rate / (2 * 2 * len(lags))
            own = np.abs(products) / np.sqrt(np.maximum(sizes, _TINY)) / normal_limit(share, len(xi))
            pooled = float(abs(products.sum()) / sqrt(max(sizes.sum(), _TINY)) / normal_limit(share))
            found = _largest("lags", own, pooled)
            if found.ratio > best.ratio:
                best = Tested("lags", found.ratio, f"lag {lag}, {found.where}")
    return best


_TINY = np.finfo(np.float64).tiny  # a sum of squares that vanishes has vanishing products


def _apart(steps: int, lag: int) -> Iterator[Array]:
    """First steps of pairs (k, k + lag), in two groups: within one, no step is both a first and a second."""
    first = np.arange(steps - lag)
    for parity in (0, 1):
        group = first[(first // lag) % 2 == parity]
        if group.size:
            yield group


def _units(xi: Array, rate: float) -> Tested:
    return _together("units", xi, rate)


def _trajectories(xi: Array, rate: float) -> Tested:
    return _together("trajectories", np.moveaxis(xi, 2, 0), rate)


def _together(name: str, xi: Array, rate: float) -> Tested:
    """Pairs along the first axis, and their sum."""
    members = len(xi)
    flat = xi.reshape(members, -1)
    if members < 2:
        return Tested(name, 0.0, "only one")
    common = np.square(flat.sum(axis=0)).mean() / members
    pooled = float(_against(common, chi_square_limits(flat.shape[1], rate / 2)))
    if members > PAIRS:
        return Tested(name, pooled, "their sum")
    gram = flat @ flat.T
    sizes = np.sqrt(np.maximum(np.diag(gram), _TINY))
    ratios = np.triu(np.abs(gram) / sizes[:, None], 1) / normal_limit(rate / 2, members * (members - 1) // 2)
    i, j = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
    own = float(ratios[i, j])
    return Tested(name, own, f"{int(i)} and {int(j)}") if own > pooled else Tested(name, pooled, "their sum")


def cdf(x: Array) -> Array:
    """Phi, entry by entry."""
    flat = [erfc(-value / sqrt(2)) / 2 for value in x.ravel().tolist()]
    return np.array(flat, dtype=np.float64).reshape(x.shape)


def _shape(xi: Array, rate: float) -> Tested:
    N = len(xi)
    values = cdf(xi).reshape(N, -1)
    own = np.array([_kolmogorov(each) for each in values]) / _dvoretzky(values.shape[1], rate / 2 / N)
    pooled = _kolmogorov(values.ravel()) / _dvoretzky(values.size, rate / 2)
    return _largest("shape", own, pooled)


def _kolmogorov(values: Array) -> float:
    """sup |F_n - F| of uniform numbers."""
    ordered, n = np.sort(values), len(values)
    above, below = np.arange(1, n + 1) / n - ordered, ordered - np.arange(n) / n
    return float(max(above.max(), below.max()))


def _dvoretzky(n: int, rate: float) -> float:
    return sqrt(log(2 / rate) / (2 * n))


def _outliers(xi: Array, rate: float) -> Tested:
    where = np.unravel_index(int(np.argmax(np.abs(xi))), xi.shape)
    unit, k, _ = (int(i) for i in where)
    return Tested("outliers", float(abs(xi[where])) / normal_limit(rate, xi.size), f"step {k + 1}, unit {unit}")


def _drift(xi: Array, past: Past, rate: float) -> Tested:
    """Every unit against every regressor, against its own signals, and all units together against theirs."""
    N, R, n = len(xi), len(past.regressors), xi[0].size
    flat, w, kinds = xi.reshape(N, n), past.regressors.reshape(R, n), len(past.own)
    own = past.own.reshape(kinds, N, n)
    products, V = np.einsum("kin,in->ki", own, flat), np.square(own).sum(axis=2)
    parts = {
        "regressor": _mixed(flat @ w.T, np.square(w).sum(axis=1)[None], n, rate / 3 / max(N * R, 1)),
        "signal": _mixed(products, V, n, rate / 3 / (N * kinds)).T,
        "all units": _mixed(products.sum(axis=1), V.sum(axis=1), xi.size, rate / 3 / kinds)[None],
    }
    name = max(parts, key=lambda key: float(np.max(parts[key], initial=0.0)))
    ratios = parts[name]
    unit, which = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
    where = f"{name}, signal {int(which)}" if name == "all units" else f"unit {int(unit)}, {name} {int(which)}"
    return Tested("drift", float(ratios[unit, which]), where)


def _mixed(S: Array, V: Array, n: int, rate: float) -> Array:
    """|S| divided by the limit of the mixture; it is sharpest where V is about a."""
    a = n / 64
    return np.asarray(np.abs(S) / np.sqrt((V + a) * (2 * log(1 / rate) + np.log1p(V / a))))


def _state(xi: Array, weights: Array, rate: float) -> Tested:
    """The spread against what is known of the state: pooled, and unit by unit, with either sign."""
    kinds, N = weights.shape[:2]
    if not kinds:
        return Tested("state", 0.0, "nothing known")
    excess = (np.square(xi)[None] - 1).reshape(1, N, -1)
    w = weights.reshape(kinds, N, -1)
    S, V = np.abs((w * excess).sum(axis=2)), np.square(w).sum(axis=2)
    own = (S / _tilted(V, rate / 4 / (kinds * N))).max(axis=0)
    pooled = (np.abs((w * excess).sum(axis=(1, 2))) / _tilted(V.sum(axis=1), rate / 4 / kinds)).max()
    return _largest("state", own, float(pooled))


def _tilted(V: Array, rate: float) -> Array:
    """The least of (log(tilts / rate) + t^2 V / (1 - 2t)) / t over the tilts; t = 1/2 is never reached."""
    bounds = [(log(len(_TILTS) / rate) + t * t * V / (1 - 2 * t)) / t for t in _TILTS]
    return np.asarray(np.min(bounds, axis=0))


def running(values: Array) -> Array:
    """Values (.., steps, trajectories) divided by the largest size up to and including the present step."""
    top = np.maximum.accumulate(np.abs(values).max(axis=-1, keepdims=True), axis=-2)
    return np.asarray(values / np.where(top > 0, top, 1.0))


def centred(values: Array) -> Array:
    """Values of one sign, less their mean up to and including the present step, within [-1, 1]."""
    scaled = running(values)
    per_step = scaled.mean(axis=-1, keepdims=True)
    count = np.arange(1, values.shape[-2] + 1)[:, None]
    return np.asarray(scaled - np.cumsum(per_step, axis=-2) / count)

"""Is structure left in what an explanation calls noise? A test with a theorem for its error rate, evaluated in float64.

The draws xi of an explanation that is true are independent standard normal, whatever is known before each. Against
xi = Phi w + noise, with regressors Phi known before the draw and w normal of variance t^2 I, the likelihood ratio

    log E = b^T (G + I / t^2)^-1 b / 2 - log det(I + t^2 G) / 2,        G = Phi^T Phi,   b = Phi^T xi

is, in exact arithmetic, a martingale of mean 1 (method of mixtures: H. Robbins, Ann. Math. Statist. 41 (1970);
Y. Abbasi-Yadkori, D. Pal and C. Szepesvari, NIPS 2011, Theorem 1), and so is the mean over several Phi and t. By
Ville's inequality it exceeds 1/rate with a probability of at most `rate`. No part of the data is put aside for a fit.

The alternatives are other equations: one and the same function of the argument z of the nonlinearity, of the state, or
of the step, for all units (Legendre polynomials of v / (1 + |v|), odd ones and all up to a degree), and for each unit
its own weights on all states and inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log

import numpy as np

from oracle.check.sites import Steps
from oracle.records.exact import Array

NAMELESS = 1e-3
"""The rate: a run whose explanation is in the table stays without its name no more often. Fitted values are close to
the true ones, and the rate then observed. A name that is lost is a smaller harm than one that is wrong, and no verdict
depends on it, so that it is larger than that of false alarms."""
DEGREES = (3, 8)
"""Of the polynomials: few for slight differences, many for shapes. Softsign less a multiple of tanh needs five."""
VARIANCES = (1e-4, 1e-2, 1.0)
"""Of the weights, in draws: a difference of a hundredth of a standard deviation per step shows in some 10^5 draws."""
MOST_WEIGHTS = 64  # states and inputs, up to which every unit has its own


def log_evidence(xi: Array, steps: Steps) -> float:
    """log E for draws (units, steps, trajectories); what is not finite is no evidence."""
    flat = xi.reshape(len(xi), -1)
    found = [value for design in _of_one_function(steps) for value in _mixtures([(design, flat.ravel())])]
    own = [(_linear(steps), row) for row in flat] if len(steps.before) + len(steps.X) < MOST_WEIGHTS else []
    found += _mixtures(own) if own else []
    kept = np.array([value for value in found if np.isfinite(value)])
    return float(np.logaddexp.reduce(kept) - log(len(found))) if kept.size else 0.0


def structured(evidence: float) -> bool:
    """Whether an explanation is refuted by what is left, with half the rate; the other half is for its rivals."""
    return evidence >= log(2 / NAMELESS)


def _of_one_function(steps: Steps) -> Iterator[Array]:
    """Designs (units * columns, terms): functions of one signal, the same for all units."""
    step = steps.after - steps.residuals
    signals = [steps.before, step - steps.before]
    if steps.inside is not None:
        signals.insert(0, steps.inside.z)
    for signal in signals:
        with np.errstate(all="ignore"):
            bounded = (signal / (1 + np.abs(signal))).ravel()
        whole = np.polynomial.legendre.legvander(bounded, max(DEGREES))
        for degree in DEGREES:
            yield whole[:, 1 : degree + 1 : 2]
            yield whole[:, : degree + 1]


def _linear(steps: Steps) -> Array:
    """1, h and x, (columns, terms)."""
    ones = np.ones((1, steps.before.shape[1]))
    return np.concatenate([ones, steps.before, steps.X]).T


def _mixtures(parts: list[tuple[Array, Array]]) -> list[float]:
    """log E for every variance, of several independent regressions (each its design and its draws) at once."""
    with np.errstate(all="ignore"):
        grams = [(design.T @ design, design.T @ xi) for design, xi in parts]
    if not all(np.isfinite(G).all() and np.isfinite(b).all() for G, b in grams):
        return [np.nan] * len(VARIANCES)
    return [sum(_one(G, b, variance) for G, b in grams) for variance in VARIANCES]


def _one(G: Array, b: Array, variance: float) -> float:
    values, vectors = np.linalg.eigh(G)
    values, along = np.maximum(values, 0.0), np.square(vectors.T @ b)
    return float(0.5 * np.sum(along / (values + 1 / variance)) - 0.5 * np.sum(np.log1p(variance * values)))

"""Finite-time Lyapunov exponents of a run, enclosed.

    P = D Phi(h_{K-1}, x_{K-1}) .. D Phi(h_0, x_0),    lambda_i = log sigma_i(P) / (K Delta)

P is the recurrence read with tangents over balls, from the identity; sigma_i^2 are the eigenvalues of P^T P, enclosed.
For a linear step they tend to log|mu_i| / Delta, mu_i the eigenvalues of the step. R leaves the map as it is and
divides the time by r, so that the exponents are multiplied by r, exactly and at every K.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from flint import acb, arb

from oracle.arithmetic.ball import Ball, precision
from oracle.arithmetic.tangent import Dual, Tangent
from oracle.claims.spectrum import eigenvalues
from oracle.equations.catalogue import advance
from oracle.records.exact import Array
from oracle.records.recurrence import Recurrence

BITS = 512
"""Of the run and of P^T P: singular values that differ by a factor 10^30 still have 90 digits."""


def jacobian_product(rec: Recurrence, X: Array, h0: Array) -> Any:
    """P along the run from h0 (N,) under X (K, I), an arb_mat; use inside `precision`."""
    ops = Ball()
    tangents: Any = Tangent(ops)
    state = Dual(ops.lift(h0), ops.lift(np.eye(rec.N)))
    for x in X:
        state = advance(tangents, rec, state, Dual(ops.lift(x), None))
    return state.tangent


def exponents(rec: Recurrence, X: Array, h0: Array) -> tuple[Any, ...] | None:
    """Finite-time exponents per unit of the recurrence's own time, as balls.

    Returns
    -------
    tuple of arb or None
        None where singular values were not enclosed, or not told from zero (a silent relu, say).

    Raises
    ------
    KinkError
        The run meets a kink.
    """
    with precision(BITS):
        P = jacobian_product(rec, X, h0)
        values = eigenvalues(P.transpose() * P)
        if values is None or not all(value.real > 0 for value in values):
            return None
        time = Ball().rational(rec.step) * len(X)
        return tuple(value.real.log() / (2 * time) for value in values)


def asymptotic(values: Sequence[Any], step: Any) -> list[Any]:
    """log|mu| / Delta for the eigenvalues of a linear step."""
    return [abs(acb(value)).log() / step for value in values]


def largest(values: Sequence[Any]) -> Any:
    """The largest of balls."""
    result: Any = values[0]
    for value in values[1:]:
        result = result.max(value)
    return result


def as_complex(values: Sequence[Any], factor: Any) -> list[Any]:
    """Real balls times a factor, as the spectra that `matching` compares."""
    return [acb(arb(value) * factor) for value in values]

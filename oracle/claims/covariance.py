"""Covariances of a linear step h+ = M h + noise of covariance Q, enclosed.

    transient    P_k = sum_{j<k} M^j Q M^jT        P_2k = P_k + M^k P_k M^kT
    stationary   P = M P M^T + Q                   P - P_k = M^k P M^kT

Doubling k squares M, so that q = |M^k|_inf |M^kT|_inf falls below any bound where M contracts in the long run, however
little. Then |P|_inf <= |P_k|_inf / (1 - q), and the rest is enclosed with q. Where rho(M) > 1 there is no
stationary covariance, and |tr M^k| > N proves it: tr M^k is a sum of N eigenvalues' k-th powers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flint import arb, arb_mat

from oracle.arithmetic.ball import upper_floats
from oracle.reference.euler_terms import largest

BITS = 256
"""Working precision: half of it is the goal of the enclosure, the rest is for what squaring loses."""
DOUBLINGS = 48
"""Steps looked ahead are 2^48: a contraction of 1 - 1e-13 per step is still seen."""


class Covariance(NamedTuple):
    """A stationary covariance in balls; `exists` is True, False or None (undecided), `how` says by what."""

    P: Any
    exists: bool | None
    how: str


def transient(M: Any, Q: Any, doublings: int) -> Any:
    """P_k for k = 2^doublings steps from a state that is known; use inside `precision`."""
    P, G = Q, M
    for _ in range(doublings):
        P, G = P + G * P * G.transpose(), G * G
    return P


def stationary(M: Any, Q: Any) -> Covariance:
    """An enclosure of the one P with P = M P M^T + Q; use inside `precision(BITS)`."""
    P, G, N = Q, M, M.nrows()
    for k in range(DOUBLINGS):
        q = row_norm(G) * row_norm(G.transpose())
        if q < arb(2) ** (-BITS // 2):
            rest = (q / (1 - q) * row_norm(P)).abs_upper()
            return Covariance(_widened(P, rest), True, f"the step contracts: |M^{2**k}| < 2^-{BITS // 4} (balls)")
        trace = sum((G[i, i] for i in range(N)), arb(0))
        if abs(trace) > N:
            return Covariance(None, False, f"rho > 1: |tr M^{2**k}| > {N} (balls)")
        if not q.is_finite():
            break
        P, G = P + G * P * G.transpose(), G * G
    return Covariance(None, None, "rho is not separated from 1 (balls)")


def row_norm(m: Any) -> Any:
    """|m|_inf from above, as an exact arb."""
    rows = ([m[i, j].abs_upper() for j in range(m.ncols())] for i in range(m.nrows()))
    return largest([sum(row, arb(0)).abs_upper() for row in rows])


def _widened(P: Any, radius: Any) -> Any:
    """Every entry, give or take the radius; an upper bound of the exact arb `radius` is taken."""
    wide = float(upper_floats(arb_mat(1, 1, [radius]))[0, 0])
    return arb_mat(P.nrows(), P.ncols(), [entry + arb(0, wide) for entry in P.entries()])


def defect(M: Any, Q: Any, P: Any) -> Any:
    """M P M^T + Q - P: holds zero where P is stationary for these."""
    return M * P * M.transpose() + Q - P

"""C11: noise. dh = F dt + Sig dw under R, D and L.

    R                  r F ds + sqrt(r) Sig dw_s              Euler-Maruyama    h+ = h + Delta F + sqrt(Delta) Sig xi_k

With the same xi_k the two orders agree on every path: sqrt(r) sqrt(Delta/r) = sqrt(Delta), decided on squares. The
covariance of the linearised step solves P = (I + Delta J) P (I + Delta J)^T + Delta Sig Sig^T where it contracts, and
neither the matrix nor the noise of a step changes under R. For the leak alone, 0 < alpha < 2,

    paper, sig w'               per step sqrt(Delta) sig         stationary sig sqrt(tau/2) / sqrt(1 - alpha/2)
    rate, current, sig w'       per step sqrt(Delta) sig/tau     stationary sig/sqrt(2 tau) / sqrt(1 - alpha/2)
    rate, sqrt(2 tau) sig w'    per step sqrt(2 alpha) sig       stationary sig / sqrt(1 - alpha/2)
    sqrt(1 - (1 - alpha)^2) sig keeps sig

A linearised unit with a weight kappa = w s' on itself forgets at (1 - kappa) alpha instead of alpha, while the noise of
a step keeps the alpha it is written with: 2 alpha / (1 - (1 - (1 - kappa) alpha)^2) sig^2 in the third line, and not
sig^2 / (1 - (1 - kappa) alpha / 2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb_mat

from oracle.arithmetic.ball import Ball, lower_floats, middles, precision, upper_floats
from oracle.claims.covariance import BITS, defect, stationary, transient
from oracle.claims.monte_carlo import variances
from oracle.claims.noise_cases import EULER, PER_STEP, RESCALED, SAME_DRAWS, STABLE, counterexamples
from oracle.claims.one_step import jacobian
from oracle.claims.predicates import constant_factor, differentiable, identity, step_rescaled
from oracle.claims.result import Assumption, Claim, Evaluated, symbolic
from oracle.claims.setting import Setting
from oracle.procedures.noise import (
    Diffusion,
    leaky_variance,
    noise_covariance,
    noise_per_step,
    rescaled_noise,
    same_paths,
    stationary_variance,
)
from oracle.procedures.sameness import Sameness, compared
from oracle.procedures.tangent_map import tangent_of
from oracle.records.exact import Exact
from oracle.records.noise import SCALES, clock, squares
from oracle.records.operator import Operator, spread
from oracle.records.recurrence import Recurrence
from oracle.reference.lipschitz import matrix

STATEMENT = (
    "dh = F dt + Sig dw becomes r F ds + sqrt(r) Sig dw_s, and Euler-Maruyama adds sqrt(Delta) Sig xi per step, so "
    "with the same draws R and D commute on every path. The covariance of the linearised step solves "
    "P = (I + Delta J) P (I + Delta J)^T + Delta Sig Sig^T and does not change under R."
)
LATEX = (
    r"dh=F\,dt+\Sigma\,dw\ \overset{R}{\mapsto}\ rF\,ds+\sqrt r\,\Sigma\,dw_s,\qquad "
    r"h_{k+1}=h_k+\Delta F+\sqrt\Delta\,\Sigma\,\xi_k,\qquad "
    r"(I+\Delta J)P(I+\Delta J)^{\top}+\Delta\Sigma\Sigma^{\top}=P"
)
LARGEST = 128
"""Units up to which covariances are enclosed: five seconds at 128, one at 64; paths are compared for any."""
DOUBLINGS = 4
"""Steps of the covariance that always exists, as a power of two: 16."""
RESOLUTION = 2.0**-64
"""Relative size to which the two covariances have to be seen to agree: 19 digits."""


def evaluate(setting: Setting) -> Evaluated:
    """Equality of both orders, exactly; covariances in balls against the step that R and D made; Monte Carlo beside."""
    euler, slopes = setting.scheme == "euler", differentiable(setting)
    assumptions = (
        constant_factor(setting),
        step_rescaled(setting),
        Assumption(RESCALED, "assumed", "a record has no noise; of a program, oracle.check tests it with noise="),
        Assumption(PER_STEP, "assumed", "the same"),
        Assumption(SAME_DRAWS, "assumed", "xi_k is the same vector in both orders; the generator is the user's"),
        Assumption(EULER, euler, setting.scheme),
        slopes,
        Assumption(STABLE, True, "not needed for the covariance after 16 steps"),
    )
    paths = identity(assumptions, orders(setting))
    if not euler or slopes.holds is not True or setting.net.N > LARGEST:
        return replace(paths, evidence=(*paths.evidence, "covariances were not enclosed"))
    with precision(BITS):
        return _with_covariances(setting, paths)


def orders(setting: Setting) -> Iterator[tuple[str, Sameness]]:
    """Drift and noise of one step in both orders, and the leak alone against its formula."""
    first, second = both(setting)
    yield "drift, R then D against D then R", compared(first[0], second[0])
    yield "noise, R then D against D then R", same_paths(first[1], second[1])
    yield from leaks(setting)


def both(setting: Setting) -> tuple[tuple[Recurrence, Diffusion], tuple[Recurrence, Diffusion]]:
    """R then D, and D then R: the recurrence and the noise of a step."""
    net, noise = setting.net, Diffusion(Fraction(1), setting.noise)
    R_first = net.rescale(setting.r).discretize(setting.step_after, setting.scheme)
    D_first = net.discretize(setting.step, setting.scheme).rescale(setting.r)
    return (
        (R_first, noise_per_step(rescaled_noise(noise, setting.r), setting.step_after)),
        (D_first, noise_per_step(noise, setting.step)),
    )


def leaks(setting: Setting) -> Iterator[tuple[str, Sameness]]:
    """sig^2 (tau/2)/(1 - alpha/2) against the fixed point of the leak's own step, exactly, where 0 < alpha < 2."""
    field, step = setting.net.field, setting.step
    if setting.scheme != "euler" or not field.A.is_diagonal:
        return
    entries: set[Exact] = set(spread(field.A.diagonal_factor(), setting.net.N).tolist())
    decays = sorted(a for a in entries if isinstance(a, Fraction) and 0 < -step * a < 2)
    gaps = [abs(leaky_variance(-step * a, -1 / a, Fraction(1)) - stationary_variance(-step * a, step)) for a in decays]
    if decays:
        largest, least = (float(-step * a) for a in (decays[0], decays[-1]))
        text = f"sig^2 (tau/2)/(1 - alpha/2) at {len(decays)} values of alpha from {least:.6g} to {largest:.6g} (exact)"
        yield "leak alone, W = 0", Sameness("different" if any(gaps) else "equal", text, max(gaps))


# -- covariances ------------------------------------------------------------------------------------------------------
def _with_covariances(setting: Setting, paths: Evaluated) -> Evaluated:
    """P of the Jacobian in closed form against the derivative of the record that R and D made, by dual numbers."""
    ops, (rec, noise), N = Ball(), both(setting)[0], setting.net.N
    J, _ = jacobian(setting.net.field, setting.at)
    M, Q = step_of(ops, J, setting.step, Diffusion(Fraction(1), setting.noise))
    derivative = tangent_of(ops, rec, setting.at).matrix
    own_M = arb_mat([[derivative[i, j] for j in range(N)] for i in range(N)])
    root = ops.lift(noise.matrix) * ops.rational(noise.square).sqrt()  # what a program multiplies xi by
    own_Q = root * root.transpose()
    late, found = transient(M, Q, DOUBLINGS), stationary(M, Q)
    gaps = {"covariance after 16 steps": (forwards(own_M, own_Q) - late, late)}
    if found.exists:
        gaps["stationary covariance"] = (defect(own_M, own_Q, found.P), found.P)
    return _judged(paths, setting, found.how, gaps, observed(M, noise, late, setting))


def step_of(ops: Ball, J: Operator, step: Fraction, noise: Diffusion) -> tuple[Any, Any]:
    """I + Delta J and Delta Sig Sig^T in balls."""
    M = matrix(ops, Operator.diagonal(Fraction(1), J.shape[0]) + J.scaled(step))
    return M, noise_covariance(ops, noise_per_step(noise, step))


def forwards(M: Any, Q: Any) -> Any:
    """The covariance after 2^DOUBLINGS steps, step by step."""
    P = Q
    for _ in range(2**DOUBLINGS - 1):
        P = M * P * M.transpose() + Q
    return P


def _judged(paths: Evaluated, setting: Setting, how: str, gaps: dict[str, Any], seen: dict[str, str]) -> Evaluated:
    """Certified to differ, certified to agree to 19 digits, or neither."""
    texts, worst, decided, fails = [how, *_conventions(setting)], 0.0, True, False
    for name, (gap, P) in gaps.items():
        low, high = float(np.max(lower_floats(gap))), float(np.max(upper_floats(gap)))
        scale = float(np.max(upper_floats(P)))
        fails, decided = fails or low > 0, decided and high <= RESOLUTION * scale
        worst = max(worst, low if low > 0 else high / scale if scale else 0.0)
        word = f"differs by at least {low:.6g}" if low > 0 else f"agrees within {high:.3g}, largest entry {scale:.6g}"
        texts.append(f"{name} of the step that R and D made: {word} (balls)")
    evidence, different = (*paths.evidence, *texts), fails or paths.fails
    if paths.measured != 0:  # the paths themselves differ, or are undecided
        return replace(paths, evidence=evidence, observed=seen, fails=different)
    measured = worst if decided or fails else None
    return Evaluated(paths.assumptions, RESOLUTION, measured, evidence, different, seen, identity=True)


def _conventions(setting: Setting) -> Iterator[str]:
    """What each named scale leaves of sigma at this network's alpha, where it is one number."""
    at = clock(setting.net.discretize(setting.step))
    if at.alpha is None or isinstance(at.alpha, np.ndarray) or not 0 < at.alpha < 2:
        return
    found = {name: float(stationary_variance(at.alpha, q)) ** 0.5 for name, q in squares(at).items()}
    told = ", ".join(f"{name} {size:.4g}" for name, size in found.items() if SCALES[name].site == "outside")
    yield f"stationary standard deviation / sigma of the leak at alpha = {float(at.alpha):.6g}: {told}"


def observed(M: Any, noise: Diffusion, P: Any, setting: Setting) -> dict[str, str]:
    """Monte Carlo of the linearised step."""
    root = float(noise.square) ** 0.5 * noise.matrix.astype(float)
    exact = np.diag(middles(P))
    return {"Monte Carlo, 16 steps of the linearised step": str(variances(middles(M), root, 2**DOUBLINGS, exact))}


CLAIM = Claim("C11", "noise", STATEMENT, LATEX, evaluate, counterexamples, symbolic("test_c11_noise"))

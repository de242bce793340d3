"""C17: backpropagation through time and R; the gradient of a discretisation; absorbing tau.

    dL/dtheta of D_{Delta/r} R_r  =  dL/dtheta of D_Delta         for every loss L of the states
    L = Delta sum_k l(h_k)        ->  1/r of it
    lambda_k = dL/dh_k + (D Phi(h_k, x_k))^T lambda_{k+1}         is the gradient of the discrete loss, and
    lambda_k = lambda_{k+1} + Delta J(h_{k+1})^T lambda_{k+1}     (Euler on the adjoint equation) is not
    W~ = tau W                    ->  dL/dW~ = (1/tau) dL/dW, so a step of gradient descent differs by tau^2

for the parameters as given: W, M, b, and tau itself, which R does not touch.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from oracle.arithmetic.ball import Ball, precision
from oracle.claims.backprop import (
    BITS,
    apart,
    ball_gradients,
    engines,
    rescaled_loss,
    same_function,
    up,
)
from oracle.claims.gradient_cases import (
    AS_GIVEN,
    DIFFERENTIABLE,
    DISCRETE,
    INTEGRAL,
    TERMS,
    WHOLE,
    counterexamples,
)
from oracle.claims.predicates import same_samples, step_rescaled
from oracle.claims.result import Assumption, Claim, Evaluated, shown, symbolic
from oracle.claims.setting import Setting
from oracle.errors import KinkError
from oracle.records.exact import Array, exact_object
from oracle.records.network import Network
from oracle.reference.gradients import Question
from oracle.reference.loss import Loss

STATEMENT = (
    "Backpropagation through time commutes with R exactly; an integral loss picks up 1/r. Backpropagation through D is "
    "the gradient of the discrete loss, and not Euler on the adjoint equation. Absorbing tau into W multiplies the "
    "gradient by 1/tau, so gradient descent does not commute with it."
)
LATEX = (
    r"\nabla_\theta L(D_{\Delta/r}R_r)=\nabla_\theta L(D_\Delta),\qquad "
    r"\nabla_\theta\,\tfrac{\Delta}{r}\sum_k\ell(h_k)=\tfrac1r\nabla_\theta\,\Delta\sum_k\ell(h_k),\qquad "
    r"\lambda_k=\partial_{h_k}L+(D\Phi(h_k,x_k))^{\top}\lambda_{k+1},\qquad "
    r"\nabla_{\tau W}L=\tfrac1\tau\nabla_W L"
)
LARGEST_ABSORBED = 64
"""Units up to which tau W is multiplied out, to compare with the absorbed network."""


def evaluate(setting: Setting) -> Evaluated:
    """Both orders as functions of the parameters (exact), and the adjoint against two other engines (balls)."""
    first, second = questions(setting)
    try:
        with precision(BITS):
            gradients = ball_gradients(first)
            return _measured(setting, first, second, gradients)
    except KinkError as kink:
        return Evaluated(assumptions(setting, str(kink)), Fraction(0), None, ("no gradient to compare",))


def questions(setting: Setting) -> tuple[Question, Question]:
    """D_Delta and D_{Delta/r} R_r, with one loss of the states: squares to seeded targets."""
    net, run = setting.net, setting.run
    recs = (
        net.discretize(setting.step, setting.scheme),
        net.rescale(setting.r).discretize(setting.step_after, setting.scheme),
    )
    loss = Loss("squares", np.random.default_rng(1990).uniform(-1, 1, (run.steps, run.batch, net.N)))
    return Question.of(recs[0], run, loss), Question.of(recs[1], run, loss)


def assumptions(setting: Setting, kink: str = "") -> tuple[Assumption, ...]:
    """Evaluated on the setting; those about the backward pass are met by the adjoint interpretation."""
    smooth = kink or f"{setting.net.activation}: every slope of the run is certified"
    return (
        Assumption(DIFFERENTIABLE, not kink, smooth),
        step_rescaled(setting),
        same_samples(setting),
        Assumption(DISCRETE, True, "the adjoint interpretation of the step's own equation"),
        Assumption(WHOLE, True, f"all {setting.run.steps} steps"),
        Assumption(TERMS, True, "every operation of the equation is written down"),
        Assumption(INTEGRAL, True, f"compared with 1/r = {shown(1 / setting.r)}"),
        Assumption(AS_GIVEN, True, f"{setting.net.form} form, parameters as given"),
    )


def _measured(setting: Setting, first: Question, second: Question, gradients: dict[str, Array]) -> Evaluated:
    made, same = ball_gradients(second), same_function(first.traced, second.traced)
    integrals = [
        ball_gradients(rescaled_loss(question, step))
        for question, step in ((first, setting.step), (second, setting.step_after))
    ]
    commuting, integral = apart(gradients, made), apart(integrals[0], integrals[1], setting_number(setting.r))
    found = engines(first, gradients)
    bound, measured = up(found.bound), up(found.measured)
    gaps = [("D R against R D", commuting), ("integral loss, times r", integral), *_absorbing(setting, gradients)]
    broken = any(gap.least > 0 for _, gap in gaps) or not found.apart.contains(0)
    evidence = (
        f"R: {same.evidence}",
        *(f"{name}: gradients differ by at most {gap.most:.3g} (balls)" for name, gap in gaps),
        f"adjoint against forward sensitivity: {up(found.apart):.3g} apart at most (balls)",
        f"difference quotient: {measured:.3g} from <g, d>, {bound:.3g} allowed by Taylor's theorem",
    )
    if broken:
        sizes = [gap.least for _, gap in gaps]
        return Evaluated(assumptions(setting), 0.0, max(sizes, default=0.0), evidence, fails=True)
    decided = same.holds == "equal" or setting.step_after * setting.r != setting.step
    return Evaluated(assumptions(setting), bound, measured if decided else None, evidence)


def setting_number(r: Fraction) -> Any:
    """A rational as a ball."""
    return Ball().rational(r)


def absorbed(setting: Setting) -> Question | None:
    """h = tau g: the paper form with W~ = tau W and unit time constant, the same loss of h; None for other forms."""
    net, tau = setting.net, setting.net.tau
    if net.form != "paper" or not isinstance(tau, Fraction) or net.N > LARGEST_ABSORBED:
        return None
    given = net.origin.arguments
    other = Network.paper(
        exact_object(given["W"]) * tau, given["M"], given["b"] or None, tau=1, activation=net.activation
    )
    first, _ = questions(setting)
    start, targets = exact_object(first.run.h0) / tau, exact_object(first.loss.array) / tau
    run = replace(first.run, h0=start)
    loss = Loss("squares", targets, tau * tau)
    return Question.of(other.discretize(setting.step / tau, setting.scheme), run, loss)


def _absorbing(setting: Setting, gradients: dict[str, Array]) -> list[Any]:
    """dL/dW = tau dL/dW~, M and b untouched."""
    question = absorbed(setting)
    if question is None:
        return []
    made = ball_gradients(question)
    tau = setting_number(setting.net.tau)
    return [
        ("tau absorbed, W~ = tau W, times tau", apart({"W": gradients["W"]}, {"W": made["W"]}, tau)),
        ("tau absorbed, M and b", apart(gradients, made, 1, ("W", "h0", "tau", "inputs"))),
    ]


CLAIM = Claim(
    "C17",
    "gradients, rescaling and discretisation",
    STATEMENT,
    LATEX,
    evaluate,
    counterexamples,
    symbolic("test_c17_gradients"),
)

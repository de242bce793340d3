"""C17: backpropagation through time, rescaling, discretisation, absorbing tau.

General argument. lambda_k = dL/dh_k + (D Phi(h_k, x_k))^T lambda_{k+1} is the chain rule for L(h_1, .., h_K), read from
the left; dL/dtheta collects (d_theta Phi)^T lambda. Both depend on Phi and its derivatives by theta alone, and
D_{Delta/r} R_r and D_Delta are one Phi as functions of theta, so every gradient is the same; a loss Delta sum l becomes
Delta/r sum l. For W~ = tau W the chain rule gives dL/dW = tau dL/dW~.

Below the library's own backward pass runs on symbols, for an unknown activation, and is compared with the chain rule
applied by SymPy to the loss as an expression of every parameter, the initial state and the inputs.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import pytest
import sympy
from generic import Generic, assert_same, assert_zero, symbols

from oracle.equations.activations import ACTIVATIONS
from oracle.procedures.discretize import euler
from oracle.procedures.parameters import Parameters, Variables
from oracle.procedures.rescale import rescaled
from oracle.records import forms
from oracle.records.exact import objects
from oracle.records.layout import Samples
from oracle.records.operator import Operator
from oracle.records.record import Origin
from oracle.records.recurrence import Recurrence
from oracle.records.staged import Staged
from oracle.reference.gradients import Backward, Question, assembled, backward, forward
from oracle.reference.loss import Loss

r, D, eta = sympy.symbols("r Delta eta", positive=True)
N, I, K = 2, 1, 2
ONE = sympy.Integer(1)


@contextmanager
def unknown_slope(ops):
    """The slope of the activation is unknown as well."""
    kept = ACTIVATIONS["tanh"]
    ACTIVATIONS["tanh"] = replace(
        kept, slope=lambda _, s, z: ops._each(lambda entry: ops.unknown.slope("tanh", entry), z)
    )
    try:
        yield
    finally:
        ACTIVATIONS["tanh"] = kept


def question(make, equation="lure", steps=K, start=None, loss=None):
    """A step map of variables, a run of symbols and a functional of its states."""
    variables = Variables()
    made = make(variables)
    rec = Recurrence.made(equation, made, 1, Origin("proof", {}))
    run = Samples(symbols("x", steps, 1, I), symbols("h", 1, N) if start is None else start, True)
    loss = loss or Loss("functional", symbols("w", steps, 1, N), ONE)
    return Question(Parameters(rec, variables.shapes, variables.dense), run, loss)


def given(variables, weights=None):
    """W, M and two biases as variables."""
    W = symbols("W", N, N) if weights is None else weights
    biases = variables.biases("b", (symbols("b", N), symbols("d", N)))
    return variables.matrix("W", W), variables.matrix("M", symbols("M", N, I)), biases


def tau(variables):
    """A time constant per unit."""
    return variables.number("tau", objects(sympy.symbols("tau_0 tau_1", positive=True)))


def alpha(variables):
    """One leak for all units."""
    return variables.number("alpha", sympy.Symbol("alpha", positive=True))


STEPS = {
    "elman": lambda v: forms.elman(*given(v), "tanh"),
    "leaky outside": lambda v: forms.leaky_outside(*given(v), alpha(v), "tanh"),
    "leaky inside": lambda v: forms.leaky_inside(*given(v), alpha(v), "tanh"),
    "leak inside": lambda v: forms.leak_inside(*given(v), alpha(v), "tanh"),
    "Euler of rate": lambda v: euler(forms.rate(*given(v), tau(v), "tanh"), D),
    "Euler of paper": lambda v: euler(forms.paper(*given(v), tau(v), "tanh"), D),
    "Euler of current": lambda v: euler(forms.current(*given(v), tau(v), "tanh"), D),
}


def gradients(asked, ops, way=None):
    """The library's backward pass, and the loss, as expressions."""
    with unknown_slope(ops):
        states = forward(ops, asked)
        made = assembled(asked, backward(ops, asked, states, way), lambda v: v)
    return made, sympy.expand(asked.loss.value(ops, states)[0, 0])


def chain_rule(expression, variable, unknown):
    """d expression / d variable, where s_j stands for s(z_j) and has the slope s'(z_j) dz_j."""
    total = sympy.diff(expression, variable)
    for z, s in list(unknown.values.items()):
        if expression.has(s):
            total += sympy.diff(expression, s) * unknown.slope("tanh", z) * chain_rule(z, variable, unknown)
    return total


def prove_adjoint(name, way=None, equation="lure", steps=K, make=None):
    """Every gradient of the backward pass is the chain rule's."""
    ops = Generic()
    asked = question(make or STEPS[name], equation, steps)
    made, loss = gradients(asked, ops, way)
    variables = {
        "W": symbols("W", N, N),
        "M": symbols("M", N, I),
        "b[0]": symbols("b", N),
        "b[1]": symbols("d", N),
        "tau": objects(sympy.symbols("tau_0 tau_1", positive=True)),
        "alpha": objects([sympy.Symbol("alpha", positive=True)]),
        "h0": asked.run.h0,
        "inputs": asked.run.X,
    }
    for key, gradient in made.items():
        expected = objects(chain_rule(loss, v, ops.unknown) for v in variables[key].ravel())
        assert_zero(gradient.ravel() - expected, f"{name}: {key}")


def prove_rescaling(step_after=D / r):
    """R and D: one step map as a function of W, M, b and tau, so one gradient of every loss."""
    for form in (forms.paper, forms.rate, forms.current):
        constants = objects(sympy.symbols("tau_0 tau_1", positive=True))
        biases = (symbols("b", N), symbols("d", N))
        field = form(symbols("W", N, N), symbols("M", N, I), biases, constants, "tanh")
        assert_same(euler(rescaled(field, r), step_after), euler(field, D))


def prove_integral(factor=r):
    """The loss (Delta / r) sum l has 1/r of the gradient of Delta sum l."""
    made = []
    for scale in (D, D / r):
        asked = question(STEPS["Euler of rate"], loss=Loss("squares", symbols("y", K, 1, N), scale))
        made.append(gradients(asked, Generic())[0])
    for name in made[0]:
        assert_zero(made[0][name].ravel() - factor * made[1][name].ravel(), name)


def prove_absorbing(power=1):
    """h = tau g, W~ = tau W: dL/dW = tau dL/dW~, the other gradients by M and b unchanged."""
    t, ops = sympy.Symbol("t", positive=True), Generic()
    plain = question(lambda v: euler(forms.paper(*given(v), t, "tanh"), D))
    inside = question(
        lambda v: euler(forms.paper(*given(v, t * symbols("W", N, N)), ONE, "tanh"), D / t),
        start=symbols("h", 1, N) / t,
        loss=Loss("functional", t * symbols("w", K, 1, N), ONE),
    )
    a, b = (gradients(each, ops)[0] for each in (plain, inside))
    assert_zero(a["W"].ravel() - t**power * b["W"].ravel(), "W")
    assert_zero(a["M"].ravel() - b["M"].ravel(), "M")
    assert_zero(a["b[0]"].ravel() - b["b[0]"].ravel(), "b")


def prove_descent(power=2):
    """One step of gradient descent on W~ = tau W moves W by eta g / tau^2 instead of eta g."""
    t, W, g = sympy.symbols("t W g")
    moved = (t * W - eta * g / t) / t
    assert_zero(objects([moved - (W - eta * g / t**power)]), "descent")


def prove_adjoint_equation(order=2):
    """Euler on the adjoint equation, J at the later state, leaves the discrete adjoint at order Delta^2: by J' F."""
    h, F, J = sympy.Symbol("h"), sympy.Symbol("F"), sympy.Function("J")
    gap = D * (J(h + D * F) - J(h))
    coefficients = [sympy.diff(gap, D, n).subs(D, 0).doit() / sympy.factorial(n) for n in range(order + 1)]
    assert coefficients[:-1] == [0] * order
    assert sympy.expand(coefficients[-1] - F * J(h).diff(h)) == 0, f"order {order}: {coefficients[-1]}"


@pytest.mark.parametrize("name", sorted(STEPS))
def test_backward_is_the_chain_rule(name):
    """The adjoint recursion, for every form and any activation."""
    prove_adjoint(name)


@pytest.mark.parametrize("equation", ["midpoint", "heun"])
def test_backward_of_runge_kutta(equation):
    """The same through the stages of a Runge-Kutta step."""
    prove_adjoint(equation, equation=equation, steps=1, make=staged)


def staged(variables):
    """A field of variables and a step."""
    return Staged(forms.rate(*given(variables), tau(variables), "tanh"), D)


def test_rescaling_leaves_gradients_alone():
    """D_{Delta/r} R_r and D_Delta are one function of the parameters."""
    prove_rescaling()


def test_integral_loss_picks_up_a_factor():
    """1/r."""
    prove_integral()


def test_absorbing_tau():
    """dL/dW~ = (1/tau) dL/dW, and descent differs by tau^2."""
    prove_absorbing()
    prove_descent()


def test_adjoint_equation_is_another_gradient():
    """The gap is Delta^2 J' F to leading order."""
    prove_adjoint_equation()


def without_leak(asked_leak):
    """Go back through everything but A."""
    return Backward(through=lambda op: Operator.zero(*op.shape) if asked_leak(op) else op)


def is_leak(op):
    """1 - alpha has two diagonal terms."""
    return op.is_diagonal and len(op.terms) == 2


def untransposed(op):
    """Back through W^T's transpose."""
    return (
        Operator.dense(op.terms[0].dense.T) if op.terms and op.terms[0].dense is not None and op.shape[1] == N else op
    )


FAULTS = {
    "step not rescaled": lambda: prove_rescaling(D),
    "integral without the factor": lambda: prove_integral(ONE),
    "absorbed without the factor": lambda: prove_absorbing(0),
    "descent without the factor": lambda: prove_descent(0),
    "adjoint equation taken for the discrete adjoint": lambda: prove_adjoint("elman", Backward(at=lambda k: k + 1)),
    "truncated": lambda: prove_adjoint("leaky outside", Backward(carried=lambda k: k != 1)),
    "leak left out": lambda: prove_adjoint("leaky outside", without_leak(is_leak)),
    "weights not transposed": lambda: prove_adjoint("elman", Backward(through=untransposed)),
    "order of the gap": lambda: prove_adjoint_equation(1),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_faults_break_the_proof(fault):
    """A wrong backward pass is not proved."""
    with pytest.raises(AssertionError):
        FAULTS[fault]()

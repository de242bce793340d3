"""C17: gradients under R, D and absorbing tau; the numbers of the adjoint equation; planted faults."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from claims.drawn import general, network, setting

import oracle
from oracle.arithmetic import adjoint
from oracle.arithmetic.adjoint import Adjoint
from oracle.claims import backprop, c17
from oracle.claims import gradient_cases as cases
from oracle.procedures import parameters as forming
from oracle.reference import gradients, loss
from oracle.reference.gradients import Backward


def verified(seed, scheme="euler", **options):
    """The claim on a drawn network."""
    net = network(seed)
    return c17.CLAIM.verify(net, scheme=scheme, **{**setting(seed, net), **options})


@pytest.mark.parametrize("seed", range(24))
def test_holds_for_every_convention(seed):
    """R leaves gradients alone (exactly), and three engines agree, for Euler, exponential Euler and Runge-Kutta."""
    for scheme in ("euler", "exponential-euler", "midpoint" if seed % 2 else "rk4"):
        result = verified(seed, scheme)
        assert result.verdict == "holds", result
        assert result.evidence[0].endswith("(exact)")
        assert 0 < result.measured <= result.bound < 1e-20
        assert result.slack < 1.0001, "Taylor: the difference quotient is off by what the curvature says"


def test_holds_for_the_normal_form():
    """Dense A, B, E, c: gradients by each coefficient."""
    assert c17.CLAIM.verify(general(3)).verdict == "holds"
    assert c17.CLAIM.verify(network(1).linearize()).verdict == "holds"


def test_the_step_has_to_be_rescaled():
    """With another step the claim does not apply, and the gradients differ."""
    result = verified(1, step_after=0.5)
    assert result.verdict == "not applicable"
    assert result.measured > 0


def test_a_kink_has_no_gradient():
    """relu at zero along the run: not applicable."""
    net = oracle.Network.rate([[1.0, 0.0], [0.5, 1.0]], None, [-0.5, 0.25], tau=0.5, activation="relu")
    result = c17.CLAIM.verify(net, inputs=np.zeros((2, 0)), h0=[0.5, 1.0])
    assert (result.verdict, result.measured) == ("not applicable", None)
    assert result.assumptions[0].holds is False


def test_the_numbers_of_the_adjoint_equation():
    """h' = -h + tanh 1.3h, h_0 = 1/2, T = 1, Delta = 1/5, L = h(T)^2/2: .17979 against .17934 by w, certified."""
    with backprop_precision():
        exact, euler = (part["W"][0, 0] for part in cases.adjoint_pair())
        assert round(float(exact), 5) == 0.17979
        assert round(float(euler), 5) == 0.17934
        assert float(exact.rad()) < 1e-140
    h, w, D = [0.5], 1.3, 0.2
    for _ in range(5):
        h.append(h[-1] + D * (-h[-1] + np.tanh(w * h[-1])))
    bar = [h[5], h[5]]
    total = [0.0, 0.0]
    for k in reversed(range(5)):
        for i, state in enumerate((h[k], h[k + 1])):
            slope = 1 / np.cosh(w * state) ** 2
            total[i] += D * bar[i] * slope * state
            bar[i] *= 1 + D * (w * slope - 1)
    assert total == pytest.approx([float(exact), float(euler)], abs=1e-15)


def backprop_precision():
    """The claim's own precision."""
    from oracle.arithmetic.ball import precision

    return precision(backprop.BITS)


def test_absorbing_is_measured():
    """A paper network with one tau: the gradients by tau W are compared, exactly 1/tau of those by W."""
    net = oracle.Network.paper([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], tau=2.5)
    result = c17.CLAIM.verify(net)
    assert result.verdict == "holds"
    assert sum("tau absorbed" in text for text in result.evidence) == 2


def test_gaps_of_the_counterexamples():
    """0 against 1 at the kink; the integral is off by (1 - 1/r) of the gradient; descent by (1 - 1/tau^2) of it."""
    gaps = {example.dropped: example.gap for example in c17.counterexamples()}
    assert gaps[c17.DIFFERENTIABLE] == 1
    question = cases.ask(cases.example().discretize(Fraction(1, 8)))
    size = max(abs(entry) for entry in cases.exactly(question)["W"].ravel().tolist())
    assert gaps[c17.INTEGRAL] == size * Fraction(1, 8) * Fraction(2, 3)
    net = cases.example(2.0, form=oracle.Network.paper)
    size = max(abs(entry) for entry in cases.exactly(cases.ask(net.discretize(Fraction(1, 4))))["W"].ravel().tolist())
    assert gaps[c17.AS_GIVEN] == Fraction(1, 16) * size * Fraction(3, 4)


def test_trained_network():
    """24 trained units in a second."""
    from oracle.data import flipflop

    assert c17.CLAIM.verify(flipflop()).verdict == "holds"


def test_many_units():
    """150 units with a gain above 1; the cost grows with N^2 K: 400 units and 12 steps took 23 s (observed)."""
    rng = np.random.default_rng(4)
    net = oracle.Network.rate(1.2 * rng.normal(size=(150, 150)) / 12, rng.normal(size=(150, 2)), tau=0.1)
    result = c17.CLAIM.verify(net, inputs=rng.normal(size=(4, 2)), h0=rng.uniform(-1, 1, 150))
    assert result.verdict == "holds", result


right_transposed, right_backward, right_cotangent = adjoint.transposed, gradients.in_balls, loss.Loss.cotangent


def untransposed(op):
    """W instead of its transpose, where the shapes allow it."""
    return op if op.shape[0] == op.shape[1] else right_transposed(op)


def truncating(self, node, bar):
    """Every fourth cotangent is lost."""
    self.calls = getattr(self, "calls", 0) + 1
    right_pull(self, node, self.base.scale(Fraction(0), bar) if self.calls % 4 == 0 else bar)


def halved(self, ops, ahead, h):
    """The 2 of the square is forgotten."""
    return ops.scale(Fraction(1, 2), right_cotangent(self, ops, ahead, h))


def going(way):
    """Another backward pass."""
    return lambda question, bits: right_backward(question, bits, way)


def without_leak(op):
    """1 - alpha, of two diagonal terms, is left out."""
    return replace(op, terms=()) if op.is_diagonal and len(op.terms) == 2 else op


def handed_over_transposed(question):
    """dL/dW as (in, out)."""
    made = right_gradients(question)
    return {**made, "W": made["W"].T}


right_pull, right_gradients = Adjoint.pull, c17.ball_gradients
FAULTS = {
    "weights not transposed": (adjoint, "transposed", untransposed),
    "cotangents lost": (Adjoint, "pull", truncating),
    "squares without the 2": (loss.Loss, "cotangent", halved),
    "adjoint equation": (backprop, "in_balls", going(Backward(at=lambda k: k + 1))),
    "leak dropped on the way back": (backprop, "in_balls", going(Backward(through=without_leak))),
    "gradient handed over transposed": (c17, "ball_gradients", handed_over_transposed),
    "integral not scaled": (c17, "setting_number", lambda r: 1),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_planted_fault_is_reported(fault, monkeypatch, planted):
    """A wrong backward pass is violated."""
    place, name, wrong = FAULTS[fault]
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], tau=[0.5, 1.0])
    assert c17.CLAIM.verify(net).verdict == "holds"
    monkeypatch.setattr(place, name, wrong)
    planted(fault, c17.CLAIM.verify(net))


def test_a_factor_that_is_forgotten_by_r_is_seen(monkeypatch):
    """Planted fault: R forgets the leak; the records are no longer one function, and the gradients differ."""
    right = forming.rescaled
    monkeypatch.setattr(forming, "rescaled", lambda field, r: replace(right(field, r), A=field.A))
    net = oracle.Network.rate([[0.5, -1.25], [1.5, 0.25]], [[1.0], [-0.5]], [0.25, 0.5], tau=[0.5, 1.0])
    assert c17.CLAIM.verify(net).verdict != "holds"

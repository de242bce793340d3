"""Classes that state their own equation: effective weights, masked or constrained, and how they are run."""

import numpy as np
import pytest

import oracle
from oracle.errors import BadInput

N, INPUTS, STEPS = 6, 3, 9
RNG = np.random.default_rng(4)
W, M, b = RNG.normal(0, 0.5, (N, N)), RNG.normal(size=(N, INPUTS)), RNG.normal(size=N)
MASK = RNG.random((N, N)) < 0.6
SIGNS = np.array([1, 1, 1, -1, 1, -1])
SAMPLES = {"inputs": RNG.normal(size=(STEPS, INPUTS)), "h0": RNG.normal(size=N)}


class Dale:
    """Leaky units, excitatory or inhibitory: the columns of |W| times a sign, some connections masked."""

    def __init__(self, signs=SIGNS):
        self.signs = signs

    def effective(self):
        return np.abs(W) * MASK * self.signs

    def oracle_recurrence(self):
        return oracle.Recurrence.leaky(np.abs(W) * MASK * SIGNS, M, b, alpha=0.2, sigma="inside")

    def oracle_run(self, h0, X):
        states = [h0]
        for x in X:
            h = states[-1]
            states.append(0.8 * h + 0.2 * (self.effective() @ np.tanh(h) + M @ x + b))
        return np.array(states)


def test_a_class_brings_its_equation_and_its_run():
    """It passes; and one that drops the sign of its inhibitory units fails."""
    assert oracle.check(Dale(), **SAMPLES).verdict == "pass"
    assert oracle.check(Dale(np.ones(N)), **SAMPLES).verdict == "fail"
    assert oracle.recurrence(Dale()) != oracle.Recurrence.leaky(W, M, b, alpha=0.2, sigma="inside")


def test_states_without_the_first_are_understood():
    class Short(Dale):
        def oracle_run(self, h0, X):
            return super().oracle_run(h0, X)[1:]

    assert oracle.check(Short(), **SAMPLES).verdict == "pass"


def test_a_class_that_states_no_recurrence_is_refused():
    class Wrong(Dale):
        def oracle_recurrence(self):
            return W

    with pytest.raises(BadInput, match="returned a ndarray"):
        oracle.check(Wrong(), **SAMPLES)


def test_a_class_that_nothing_can_run_is_refused():
    class Still:
        oracle_recurrence = Dale.oracle_recurrence

    assert oracle.recurrence(Still()) == oracle.recurrence(Dale())
    with pytest.raises(BadInput, match="oracle_run"):
        oracle.check(Still(), **SAMPLES)


def test_a_module_of_torch_with_masked_weights():
    """A subclass that masks its recurrent weights is judged by the masked ones; the mask forgotten is a failure."""
    torch = pytest.importorskip("torch")

    class Masked(torch.nn.RNNCell):
        mask = torch.tensor(MASK)

        def forward(self, x, h):
            weight = self.weight_hh * self.mask if self.masked else self.weight_hh
            return torch.tanh(h @ weight.T + x @ self.weight_ih.T + self.bias_ih + self.bias_hh)

        def oracle_recurrence(self):
            biases = (self.bias_ih, self.bias_hh)
            return oracle.Recurrence.elman(self.weight_hh * self.mask, self.weight_ih, biases)

    with torch.random.fork_rng():
        torch.manual_seed(2)
        module = Masked(INPUTS, N)
    module.masked = True
    assert oracle.check(module, **SAMPLES).verdict == "pass"
    module.masked = False
    assert oracle.check(module, **SAMPLES).verdict == "fail"

"""The shipped network does what is said of it, on pulses it was not trained on, in plain NumPy."""

import importlib.util
from fractions import Fraction
from pathlib import Path

import numpy as np

from oracle import Network, data

TRAINER = Path(__file__).parents[2] / "reports" / "train_flipflop.py"
STEPS, TRIALS, FRESH = 480, 16, 2 * 10**6


def trainer():
    spec = importlib.util.spec_from_file_location("train_flipflop", TRAINER)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def accuracy(net, X):
    """Share of the scored bits that sign(C h + d) gives after Euler steps at the training step."""
    C, d = data.readout()
    alpha = float(Fraction(data.STEP) / net.tau)
    W, M, b = net.W, net.M, net.b
    h, right, total = np.zeros((X.shape[1], net.N)), 0, 0
    bits, scored = data.remembered(X)
    for k, x in enumerate(X):
        h = (1 - alpha) * h + alpha * np.tanh(h @ W.T + x @ M.T + b)
        right += np.sum((np.sign(h @ C.T + d) == bits[k])[scored[k]])
        total += np.sum(scored[k])
    return right / total


def test_the_network_keeps_two_bits():
    """Observed: every scored bit of fresh trials, four times as long as those in training, is right."""
    assert accuracy(data.flipflop(), data.pulses(STEPS, 2, seed=FRESH, batch=TRIALS)) == 1.0


def test_the_accuracy_can_fail():
    """With transposed weights, without bias, or without recurrence, bits are lost: the measurement can see it."""
    net = data.flipflop()
    X = data.pulses(STEPS, 2, seed=FRESH, batch=TRIALS)
    tau = net.tau
    for wrong in (
        Network.rate(net.W.T, net.M, net.b, tau=tau),
        Network.rate(0 * net.W, net.M, net.b, tau=tau),
        Network.rate(net.W, net.M[:, ::-1], net.b, tau=tau),
    ):
        assert accuracy(wrong, X) < 0.9


def test_the_network_is_a_probe():
    """Nothing in it hides a bug: weights neither symmetric nor sparse nor constant, bias everywhere, tau not 1."""
    net = data.flipflop()
    assert (net.form, net.N, net.I, net.activation, net.dtype) == ("rate", 24, 2, "tanh", "float64")
    assert net.tau == Fraction(0.1)
    W = net.W
    assert np.all(W != 0)
    assert np.all(net.b != 0)
    assert np.linalg.norm(W - W.T) > np.linalg.norm(W) / 2
    assert len(np.unique(np.abs(np.concatenate([W.ravel(), net.M.ravel(), net.b])))) == 24 * 24 + 24 * 2 + 24


def test_pulses():
    """Signs -1, 0, 1 in pulses of one width; repeatable; one trial has no batch axis; the first pulse comes early."""
    X = data.pulses(400, 3, seed=5, batch=4)
    assert X.shape == (400, 4, 3)
    assert set(np.unique(X)) == {-1.0, 0.0, 1.0}
    assert np.all(data.pulses(400, 3, seed=5, batch=4) == X)
    assert np.any(data.pulses(400, 3, seed=6, batch=4) != X)
    assert data.pulses(50, 2, seed=1).shape == (50, 2)
    assert np.all(np.any(X[: data.task.GAP[0]] != 0, axis=0))
    edges = np.abs(np.diff(np.abs(X), axis=0)).sum(axis=0)
    pulses_seen = np.abs(X).sum(axis=0) / data.task.WIDTH
    assert np.all(np.abs(edges / 2 - pulses_seen) <= 1)


def test_remembered_bits():
    """By hand: nothing before the first pulse, the last sign after it, scored from `SETTLING` steps on."""
    X = np.zeros((40, 2))
    X[3:8, 0], X[20:25, 0] = 1, -1
    bits, scored = data.remembered(X)
    assert np.all(bits[:, 1] == 0)
    assert not np.any(scored[:, 1])
    assert bits[:, 0].tolist() == [0] * 3 + [1] * 17 + [-1] * 20
    settling = data.task.SETTLING
    expected = [3 + settling <= k < 20 or k >= 20 + settling for k in range(40)]
    assert scored[:, 0].tolist() == expected


def gradient_errors(loss_and_gradient, p, x, alpha):
    """Relative difference of the gradient and central differences, per parameter.

    A step of cbrt(eps) balances truncation (step^2) against rounding (eps/step): both are near 4e-11.
    """
    step = np.finfo(float).eps ** (1 / 3)
    gradient = loss_and_gradient(p, x, alpha)[1]
    errors = {}
    for name, value in p.items():
        numeric = np.zeros_like(value)
        for index in np.ndindex(value.shape):
            ends = []
            for sign in (1, -1):
                moved = {**p, name: value.copy()}
                moved[name][index] += sign * step
                ends.append(loss_and_gradient(moved, x, alpha)[0])
            numeric[index] = (ends[0] - ends[1]) / (2 * step)
        errors[name] = float(np.max(np.abs(numeric - gradient[name])) / np.max(np.abs(gradient[name])))
    return errors


# Both errors of the central difference are near 4e-11 relative to the loss's scale; losses and gradients here are of
# order 0.1 to 10, so a factor 1000 is room enough, and a wrong gradient is wrong in its first digits.
GRADIENT_TOLERANCE = 1000 * np.finfo(float).eps ** (2 / 3)


def test_the_gradient_of_the_trainer():
    """Backpropagation through time agrees with central differences in every parameter, on a tiny network."""
    train = trainer()
    p = {name: value + 0.1 for name, value in train.initial(4, 2, seed=3).items()}
    x = data.pulses(25, 2, seed=4, batch=3)
    errors = gradient_errors(train.loss_and_gradient, p, x, alpha=0.3)
    assert max(errors.values()) < GRADIENT_TOLERANCE

    def planted(p, x, alpha):
        loss, gradient = train.loss_and_gradient(p, x, alpha)
        return loss, {**gradient, "W": gradient["W"].T}

    assert gradient_errors(planted, p, x, alpha=0.3)["W"] > 0.01


def test_training_again_gives_a_network_that_works():
    """A tenth of the rounds already keeps 99 % of the bits (the shipped weights are not luck)."""
    train = trainer()
    share, entries = train.accuracy(train.train(rounds=150), STEPS, TRIALS, seed=FRESH)
    assert entries > 1000
    assert share > 0.99

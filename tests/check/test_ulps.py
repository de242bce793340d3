"""Residuals in ulps: every element in the bin it belongs to, in the promised format, of both ways to judge."""

import numpy as np

import oracle
from oracle.check import looked
from oracle.check.ulps import EDGES, in_ulps


def test_edges_belong_to_the_bin_below():
    """Residuals of known multiples of the spacing at 3, of both signs; the planted wrong format moves all of them."""
    after = np.full((1, len(EDGES) + 2), 3.0)
    ulp = np.spacing(3.0)
    residual = ulp * np.array([*EDGES, 16 * (1 + 2**-20), -0.2])[None]
    assert in_ulps(residual, after, 2.0**-53) == (2, 1, 1, 1, 1, 1, 1, 1)
    assert in_ulps(residual, after, 2.0**-24) == (len(EDGES) + 2, 0, 0, 0, 0, 0, 0, 0)


def test_what_has_no_ulps():
    """Unknown residuals and those of a state 0 are left out; 0 at 0 counts as none; infinity is beyond."""
    residual = np.array([[np.nan, 1e-300, 0.0, np.inf]])
    assert in_ulps(residual, np.array([[1.0, 0.0, 0.0, 1.0]]), 2.0**-53) == (1, 0, 0, 0, 0, 0, 0, 1)
    assert sum(in_ulps(np.zeros((3, 0)), np.zeros((3, 0)), 2.0**-53)) == 0


def test_short_and_long_runs_are_counted():
    """A plain loop of tanh of few terms stays within a few ulps; transposed weights are far beyond them."""
    rng = np.random.default_rng(6)
    W, b = rng.normal(0, 0.3, (6, 6)), rng.normal(size=6)
    rec = oracle.Recurrence.elman(W, None, b)
    for steps in (12, 900):
        given = {"inputs": np.zeros((steps, 0)), "h0": rng.normal(size=6)}
        right = oracle.check(lambda h, x: np.tanh(W @ h + b), rec, **given)
        wrong = oracle.check(lambda h, x: np.tanh(W.T @ h + b), rec, **given)
        assert sum(right.ulps) > 6
        assert right.ulps[-1] == 0
        assert wrong.ulps[-1] > sum(wrong.ulps) / 2
        assert right.to_dict()["ulps"] == list(right.ulps)


def test_what_a_long_run_shows_is_read_when_it_is_asked_for(monkeypatch):
    """Off some of its steps, which are kept: a run that is written over afterwards changes nothing."""
    rng = np.random.default_rng(8)
    W, b = rng.normal(0, 0.02, (64, 64)), rng.normal(0, 9, size=64)
    rec, h0 = oracle.Recurrence.elman(W, None, b), rng.normal(size=64)
    H = np.array([h0, *(np.zeros((300, 64)))])
    for k in range(300):
        H[k + 1] = np.tanh(W @ H[k] + b)
    asked = []
    real = looked.activation_seen
    monkeypatch.setattr(looked, "activation_seen", lambda *a: asked.append(a[1].shape) or real(*a))
    first, second = (oracle.check(H, rec, inputs=np.zeros((300, 0)), h0=h0) for _ in range(2))
    assert not asked
    shown = first.activation, first.ulps
    assert shown[0].step in range(1, 301)
    assert first.activation is shown[0]
    assert asked == [(64, 64)]
    H[...] = 0
    assert (second.activation, second.ulps) == shown

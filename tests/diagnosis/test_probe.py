"""A probe sees every named deviation that is another map, and says what the weights themselves hide."""

from __future__ import annotations

import numpy as np
import pytest
from grid.given import record_of
from test_findings import FORMS, given

import oracle
from oracle.diagnosis.probe import hidden, probe
from oracle.tolerance.exact_probe import exact_step


@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_hidden_from_a_probe(form: str) -> None:
    """Every deviation of the table that is another map differs on the probe by more than rounding."""
    rec = record_of(given(form, 6, 2, "float64"))
    assert hidden(rec) == ()


def test_what_weights_hide_is_listed() -> None:
    """Weights that are symmetric but for one last digit hide their transpose; a blind probe hides more."""
    rng = np.random.default_rng(2)
    W, M = rng.standard_normal((5, 5)), rng.standard_normal((5, 2))
    nearly = W + W.T
    nearly[1, 2] = np.nextafter(nearly[1, 2], 9)
    rec = oracle.Recurrence.leaky(nearly, M, rng.standard_normal(5), alpha=0.3)
    assert hidden(rec) == ("transposed-recurrent-weights",)
    seeing = probe(rec)
    blind = seeing._replace(h0=0 * seeing.h0)
    assert "negated-recurrent-weights" in hidden(rec, blind)


def test_the_exact_probe_is_of_the_same_size() -> None:
    """Its one step is exact in float32 in any order, and a rounded product is seen."""
    made = probe(oracle.Recurrence.elman(np.eye(7), np.ones((7, 2))))
    assert made.exact is not None
    expected = exact_step(made.exact)
    assert expected.shape == (7,)
    W, M = made.exact.rec.W.astype(np.float32), made.exact.rec.M.astype(np.float32)
    assert np.array_equal(W @ made.exact.h0 + M @ made.exact.X[0], expected)
    assert not np.array_equal(W @ made.exact.h0.astype(np.float16).astype(np.float32) + M @ made.exact.X[0], expected)

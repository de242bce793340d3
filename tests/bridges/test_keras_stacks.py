"""Keras' layers with lengths and masks, and Bidirectional: one result for each direction and length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import oracle
from oracle import BadInput

keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

N, INPUTS, STEPS, BATCH = 4, 3, 8, 5
KINDS = [keras.layers.SimpleRNN, keras.layers.GRU]
LENGTHS = [8, 3, 0, 3, 1]


def made(kind: Any, both: bool = False, **options: Any) -> Any:
    """A layer, or one in each direction, with weights of its default initialisation."""
    keras.utils.set_random_seed(3)
    layer = kind(N)
    layer = keras.layers.Bidirectional(layer, **options) if both else layer
    layer.build((BATCH, STEPS, INPUTS))
    return layer


def probe(places: int = 2) -> dict[str, Any]:
    """Inputs (batch, K, I) as Keras has them, and another start for every direction and trajectory."""
    rng = np.random.default_rng(8)
    X, h0 = rng.normal(size=(BATCH, STEPS, INPUTS)), rng.uniform(-0.9, 0.9, (places, BATCH, N))
    return {"inputs": X, "h0": h0 if places > 1 else h0[0]}


@pytest.mark.parametrize("kind", KINDS)
def test_lengths_and_masks_pass(kind: Any) -> None:
    """Sequences that end, and masks with holes, over which the state is kept; sequences of no step are left out."""
    layer = made(kind)
    result = oracle.check(layer, **probe(1), lengths=LENGTHS)
    assert result.verdict == "pass", result.summary()
    assert [(part.steps, part.batch) for part in result.parts.values()] == [(1, 1), (3, 2), (8, 1)]
    mask = np.random.default_rng(5).random((BATCH, STEPS)) < 0.6
    holes = oracle.check(layer, **probe(1), mask=mask)
    assert holes.verdict == "pass", holes.summary()
    assert sum(part.steps * part.batch for part in holes.parts.values()) == mask.sum()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("extra", [{}, {"lengths": [8, 3, 6, 3, 1]}])
def test_both_directions_pass(kind: Any, extra: dict[str, Any]) -> None:
    """Forward and backward, each from its own start."""
    layer = made(kind, both=True)
    result = oracle.check(layer, **probe(), **extra)
    assert result.verdict == "pass", result.summary()
    assert {name.partition(",")[0] for name in result.parts} == {"forward", "backward"}
    assert list(oracle.layers(layer)) == ["forward", "backward"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_forgotten_direction_is_found(kind: Any) -> None:
    """Planted: the backward layer runs forwards, and only its order is that of the other."""
    layer = made(kind, both=True)
    layer.backward_layer.go_backwards = False
    with pytest.raises(BadInput, match="go_backwards=True"):
        oracle.check(layer, **probe())
    layer.backward_layer.go_backwards = True

    class Forgot(keras.layers.Bidirectional):  # type: ignore[misc]
        def call(self, x: Any, **options: Any) -> Any:
            forward = super().call(x, **options)
            mirrored = super().call(keras.ops.flip(x, 1), **options)
            return keras.ops.concatenate([forward[..., :N], keras.ops.flip(mirrored[..., N:], 1)], -1)

    planted = Forgot(kind(N))
    planted.build((BATCH, STEPS, INPUTS))
    result = oracle.check(planted, **probe())
    assert result.parts["forward"].verdict == "pass"
    assert result.parts["backward"].explained_by == "direction-not-reversed"


def test_an_ignored_mask_is_found() -> None:
    """Planted: the layer steps over masked samples as if they counted."""

    class Ignores(keras.layers.SimpleRNN):  # type: ignore[misc]
        def call(self, x: Any, mask: Any = None, **options: Any) -> Any:
            return super().call(x, **options)

    layer = Ignores(N)
    layer.build((BATCH, STEPS, INPUTS))
    mask = np.ones((BATCH, STEPS), bool)
    mask[:, 3] = False
    assert oracle.check(layer, **probe(1)).verdict == "pass"
    assert oracle.check(layer, **probe(1), mask=mask).verdict == "fail"


def test_the_layer_keeps_its_settings() -> None:
    """What it returns is as before."""
    layer = made(keras.layers.SimpleRNN, both=True)
    before = [(part.return_sequences, part.return_state) for part in (layer, layer.forward_layer, layer.backward_layer)]
    oracle.check(layer, **probe())
    after = [(part.return_sequences, part.return_state) for part in (layer, layer.forward_layer, layer.backward_layer)]
    assert before == after


def test_what_shows_no_states_is_refused() -> None:
    """A sum of both directions, and a Bidirectional where one recurrence is asked for."""
    with pytest.raises(BadInput, match="merge_mode='sum'"):
        oracle.check(made(keras.layers.SimpleRNN, both=True, merge_mode="sum"), **probe())
    with pytest.raises(BadInput, match="two directions"):
        oracle.recurrence(made(keras.layers.SimpleRNN, both=True))

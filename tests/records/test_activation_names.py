"""Activations by the names and callables of the frameworks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oracle import BadInput, Network
from oracle.records.names import ACTIVATIONS, activation_name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (np.tanh, "tanh"),
        ("sigmoid", "logistic"),
        ("expit", "logistic"),
        ("linear", "identity"),
        ("ReLU", "relu"),
        *((name, name) for name in ACTIVATIONS),
    ],
)
def test_names_and_callables(given: Any, name: str) -> None:
    """Every alias is the one activation."""
    assert activation_name(given) == name
    assert Network.rate([[0.5]], activation=given) == Network.rate([[0.5]], activation=name)


def test_callables_of_torch() -> None:
    """Functions, functional forms and modules of torch."""
    torch: Any = pytest.importorskip("torch")
    functional = torch.nn.functional
    for given in (torch.tanh, functional.tanh, torch.nn.Tanh(), torch.nn.Tanh):
        assert activation_name(given) == "tanh"
    for given in (torch.sigmoid, functional.sigmoid, torch.nn.Sigmoid()):
        assert activation_name(given) == "logistic"
    for given in (torch.relu, functional.relu, torch.nn.ReLU()):
        assert activation_name(given) == "relu"
    assert activation_name(torch.nn.Identity()) == "identity"
    for other in (functional.gelu, functional.leaky_relu, torch.nn.LeakyReLU(), torch.nn.Hardtanh(), torch.relu_):
        with pytest.raises(BadInput, match="not known"):
            activation_name(other)


@pytest.mark.parametrize(("given", "near"), [("tahn", "tanh"), ("Relu", "relu"), ("sigmiod", "sigmoid")])
def test_misspellings_get_the_nearest_name(given: str, near: str) -> None:
    """The error says what may have been meant, and keeps it as data."""
    with pytest.raises(BadInput, match=near) as caught:
        activation_name(given)
    assert near in caught.value.data["nearest"]


def test_what_has_no_name_is_refused() -> None:
    """A lambda, None and an unknown name are not guessed."""
    for given in (lambda z: z, None, "xyzzy"):
        with pytest.raises(BadInput, match="not known"):
            activation_name(given)

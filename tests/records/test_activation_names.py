"""Activations by the names and callables of the frameworks."""

from __future__ import annotations

import pickle
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
import sympy

from oracle import BadInput, Network
from oracle.records.names import ACTIVATIONS, CATALOGUE, activation_name, parsed


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
    for other in (functional.relu6, torch.nn.Mish(), torch.relu_, torch.nn.PReLU()):
        with pytest.raises(BadInput, match="not known"):
            activation_name(other)


def test_parameters_of_torch() -> None:
    """What a module or a partial function says of itself, and torch's own values where it says nothing."""
    torch: Any = pytest.importorskip("torch")
    nn, functional = torch.nn, torch.nn.functional
    expected = {
        "leaky-relu(0.01)": (functional.leaky_relu, nn.LeakyReLU(), nn.LeakyReLU),
        "leaky-relu(0.2)": (nn.LeakyReLU(0.2), partial(functional.leaky_relu, negative_slope=0.2)),
        "softplus(20)": (functional.softplus, nn.Softplus()),
        "softplus(5,2)": (nn.Softplus(beta=2, threshold=5), partial(functional.softplus, beta=2, threshold=5)),
        "gelu": (functional.gelu, nn.GELU()),
        "gelu-tanh": (nn.GELU(approximate="tanh"), partial(functional.gelu, approximate="tanh")),
        "elu(0.5)": (nn.ELU(0.5),),
        "elu": (functional.elu, nn.ELU()),
        "hardtanh(-2,3)": (nn.Hardtanh(-2, 3),),
        "hardtanh": (functional.hardtanh, nn.Hardtanh()),
        "silu": (functional.silu, nn.SiLU()),
        "erf": (torch.erf, torch.special.erf),
        "arctan": (torch.atan, torch.arctan, np.arctan),
        "sin": (torch.sin, np.sin),
    }
    for name, callables in expected.items():
        for given in callables:
            assert activation_name(given) == name, given


def test_parameters_of_jax() -> None:
    """jax.nn.gelu is the tanh form, softplus has no threshold."""
    jax: Any = pytest.importorskip("jax")
    nn = jax.nn
    assert activation_name(nn.gelu) == "gelu-tanh"
    assert activation_name(partial(nn.gelu, approximate=False)) == "gelu"
    assert activation_name(nn.softplus) == "softplus"
    assert activation_name(nn.leaky_relu) == "leaky-relu(0.01)"
    assert [activation_name(f) for f in (nn.elu, nn.hard_tanh, nn.swish)] == ["elu", "hardtanh", "silu"]
    assert [activation_name(f) for f in (jax.lax.erf, jax.numpy.arctan, jax.numpy.sin)] == ["erf", "arctan", "sin"]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("leaky-relu", "leaky-relu(0.01)"),
        ("leaky-relu(1/5)", "leaky-relu(0.2)"),
        ("leaky_relu(slope=0.3)", "leaky-relu(0.3)"),
        ("leaky-relu(1/3)", "leaky-relu(1/3)"),
        ("softplus(inf)", "softplus"),
        ("softplus(beta=2)", "softplus(inf,2)"),
        ("elu(1)", "elu"),
        ("supralinear(0.04)", "square(0.04)"),
        ("square(0.04, 3)", "square(0.04,3)"),
        ("z/(1+exp(-z))", "z / (1 + exp(-z))"),
        ("tanh(z)", "tanh"),
        ("sin(z)+1", "sin(z) + 1"),
    ],
)
def test_parameters_have_one_spelling(given: str, name: str) -> None:
    """Fractions, decimals, named parameters and usual values: records compare by the name."""
    assert activation_name(given) == name
    assert activation_name(name) == name
    rec = Network.rate([[0.5]], activation=given)
    assert rec == Network.rate([[0.5]], activation=name)
    assert pickle.loads(pickle.dumps(rec)) == rec
    assert hash(rec) == hash(Network.rate([[0.5]], activation=name))


def test_every_catalogued_name_is_its_own_spelling() -> None:
    """Names of the catalogue, their families and parameters."""
    for name in CATALOGUE:
        assert activation_name(name) == name
    assert parsed("leaky-relu(0.2)") == ("leaky-relu", (Fraction(1, 5),))
    assert parsed("softplus(20)") == ("softplus", (Fraction(20), Fraction(1)))
    assert parsed("softplus") == ("softplus", (None, Fraction(1)))


@pytest.mark.parametrize(
    "given",
    ["leaky-relu(x)", "leaky-relu(1,2)", "silu(3)", "elu(-1)", "hardtanh(1,-1)", "square(1,1.5)", "elu(slope=1)"],
)
def test_parameters_that_do_not_fit_are_refused(given: str) -> None:
    """No number, too many, out of range, or of another name."""
    with pytest.raises(BadInput, match=given.partition("(")[0]):
        activation_name(given)


@pytest.mark.parametrize(
    "given", ["z*foo(z)", "__import__('os').system('z')", "z.real", "z**0.5", "relu(z*z)", "z if z else z"]
)
def test_what_is_no_expression_is_refused(given: str) -> None:
    """Nothing is evaluated as Python."""
    with pytest.raises(BadInput):
        activation_name(given)


def test_sympy_expressions() -> None:
    """One symbol of any name; two are refused."""
    x, y = sympy.symbols("x y")
    assert activation_name(x * sympy.tanh(x)) == "z * tanh(z)"
    assert activation_name(1 / (1 + sympy.exp(-y))) == "1 / (1 + exp(-z))"
    with pytest.raises(BadInput, match="one argument"):
        activation_name(x + y)


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

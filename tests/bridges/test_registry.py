"""Bridges are found by top-level module name, and loaded when a module of that framework is seen."""

import subprocess
import sys

import numpy as np
import pytest

from oracle.bridges import registry
from oracle.errors import BadInput


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_importing_the_registry_loads_no_framework():
    """Nothing is imported until a module of the framework is seen; the planted import shows that the test can see."""
    code = "import sys, oracle, oracle.bridges.registry{planted}; sys.exit('torch' in sys.modules)"
    assert run_python(code.format(planted="")).returncode == 0
    pytest.importorskip("torch")
    assert run_python(code.format(planted=", oracle.bridges.torch")).returncode == 1


def test_what_is_no_module_of_a_framework_has_no_bridge():
    """Arrays, functions and tensors are candidates of other kinds."""
    assert registry.bridge(np.zeros((3, 2))) is None
    assert registry.bridge(lambda h, x: h) is None
    torch = pytest.importorskip("torch")
    assert not registry.is_module(torch.zeros(3, 2))
    assert registry.is_module(torch.nn.RNNCell(2, 3))


def test_an_unknown_object_is_refused_with_what_is_known():
    """Three parts, and the known classes by name."""
    with pytest.raises(BadInput) as caught:
        registry.recurrence(object())
    assert "builtins.object" in caught.value.seen
    assert all(name in caught.value.remedy for name in registry.known())
    with pytest.raises(BadInput):
        registry.candidate(np.tanh)


def test_the_table_and_the_bridges_agree():
    """Every class the table names exists and its bridge takes it."""
    torch = pytest.importorskip("torch")
    for name in registry.BRIDGES["torch"].classes:
        module = getattr(torch.nn, name.rpartition(".")[2])(2, 3)
        assert registry.recurrence(module).outputs == 3
        assert registry.candidate(module).name == name

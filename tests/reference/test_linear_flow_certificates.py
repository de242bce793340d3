"""Certificates of flows of piecewise linear units: accepted by their own checker, refused when falsified.

The checker's proof is another one than that of the certified engine (no switching times, no balls): every certificate
that is accepted confirms that engine as well.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import subprocess
import sys
import textwrap
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.test_flow_certificates import FALSIFIED, FORMS, INPUTS, driven, inside, made, start

import oracle
from oracle.reference import flow_certificate, flow_chain, linear_pieces

SCRIPT = Path(__file__).parents[2] / "proofs" / "checker" / "check_linear_flow.py"
ACTIVATIONS = ("relu", "leaky-relu(0.2)", "leaky-relu(-0.5)", "hardtanh", "hardtanh(-0.25,2)", "identity")


def loaded(source: str = "") -> Any:
    """The checker as a module, with another source where one is given."""
    spec = importlib.util.spec_from_file_location("check_linear_flow", SCRIPT)
    assert spec is not None
    module: Any = importlib.util.module_from_spec(spec)
    exec(compile(source or SCRIPT.read_text(encoding="utf-8"), str(SCRIPT), "exec"), module.__dict__)
    return module


checker = loaded()


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_accepted(activation: str, inputs: str) -> None:
    """A certificate is accepted, meets its digits, and contains a finer reference by the certified engine."""
    net, times = made("rate", activation), ["1/3", 1]
    found = oracle.certificate(net, driven(inputs), start(2), 15, times)
    assert checker.check(checker.read(found.text())).startswith("2 states of 2 units to 15 digits")
    assert found.enclosure.status == "proved"
    assert found.enclosure.digits >= 15
    assert inside(found.enclosure, oracle.reference(net, driven(inputs), start(2), times, digits=40))


@settings(max_examples=8)
@given(
    st.sampled_from(FORMS),
    st.sampled_from(ACTIVATIONS),
    st.integers(1, 4),
    st.sampled_from([0.05, 1.0, 3.0]),
    st.sampled_from(INPUTS),
    st.integers(0, 99),
)
def test_accepted_whatever_is_drawn(form: str, activation: str, N: int, gain: float, inputs: str, seed: int) -> None:
    """Contracting to expanding, one unit to four, every form and input: accepted, and a finer reference is inside."""
    net, h0 = made(form, activation, N, gain, seed), start(N, seed)
    found = oracle.certificate(net, driven(inputs, seed), h0, 10, ["0.5"])
    checker.check(checker.read(found.text()))
    assert inside(found.enclosure, oracle.reference(net, driven(inputs, seed), h0, ["0.5"], digits=30))


def test_a_unit_that_touches_its_kink() -> None:
    """g' = 1, f' = 2 g, z = f + 1/4 = (t - 1/2)^2, h' = -h + relu(z): nothing has to be decided at t = 1/2."""
    A = [[0, 0, 0], [2, 0, 0], [0, 0, -1]]
    net = oracle.Network(A=A, B=[[0], [0], [1]], W=[[0, 1, 0]], M=[[0]], b=[0.25], E=[[1], [0], [0]], activation="relu")
    x = oracle.sampled([[1.0], [1.0]], 1)
    found = oracle.certificate(net, x, np.array([Fraction(-1, 2), 0, 0], dtype=object), 12, [1])
    checker.check(checker.read(found.text()))
    assert inside(found.enclosure, oracle.reference(net, x, [-0.5, 0, 0], times=[1], digits=30))


def test_the_checker_stands_alone(tmp_path: Path) -> None:
    """The script is short, imports nothing but the standard library, and runs isolated, from a folder of its own."""
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    imports = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imports <= sys.stdlib_module_names
    assert len(lines) < 300
    found = oracle.certificate(made("paper", "relu"), driven("held"), start(2), 12, [1])
    good, bad, alone = found.save(tmp_path / "good.json"), tmp_path / "bad.json", tmp_path / "alone.py"
    bad.write_text(found.text().replace('"digits": 12', '"digits": 13'), encoding="ascii")
    alone.write_bytes(SCRIPT.read_bytes())
    arguments = [sys.executable, "-I", "-S", str(alone), str(good)]
    passed = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (passed.returncode, passed.stderr) == (0, "")
    assert "accepted: 1 states of 2 units to 12 digits" in passed.stdout
    failed = subprocess.run([*arguments, str(bad)], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "refused: the content is not what was sealed" in failed.stdout


# ------------------------------------------------------------------------------------------------ falsified files


@pytest.fixture(scope="module", params=["relu", "leaky-relu(0.2)", "hardtanh(-0.25,2)"])
def document(request: pytest.FixtureRequest) -> Any:
    """A valid certificate: every coefficient present, an input that is linear between samples, a unit that switches."""
    rng = np.random.default_rng(11)
    parts = {name: rng.normal(size=(2, 2)) / 2 for name in "ABW"}
    parts |= {name: rng.normal(size=(2, 2)) for name in "ME"} | {"b": np.array([0.125, 0.375]), "c": rng.normal(size=2)}
    net = oracle.Network(**parts, activation=request.param)
    content = json.loads(oracle.certificate(net, driven("sampled"), start(2), 12, ["1/4", 1]).text())
    del content["sha256"]
    checker.check(deepcopy(content))
    assert len(content["steps"]) >= 3
    return content


OTHER = ("the activation", "an unknown activation")  # those of test_flow_certificates name activations of that checker


@pytest.mark.parametrize("name", [name for name in FALSIFIED if name not in OTHER])
def test_falsified_is_refused(name: str, document: Any) -> None:
    """Every field, altered by as little as one unit in its last place, is refused; a coefficient where it counts."""
    change, _ = FALSIFIED[name]
    content = deepcopy(document)
    change(content)
    with pytest.raises(checker.Refused):
        checker.check(content)


def test_another_activation_is_refused(document: Any) -> None:
    """The name, and parameters that move a slope, a kink that is reached, or the order of the ends."""
    for other in (*ACTIVATIONS, "leaky-relu(0.21)", "hardtanh(-0.26,2)", "hardtanh(2,-0.25)", "tanh", None):
        if other != document["field"]["activation"]:
            with pytest.raises(checker.Refused):
                checker.check({**document, "field": {**document["field"], "activation": other}})


# ---------------------------------------------------------------------------------------------- planted faults


@pytest.mark.parametrize(
    ("owner", "name", "old", "new"),
    [
        (linear_pieces.Pieces, "error", "off + self.spread *", "off + 0 * self.spread *"),
        (linear_pieces.Pieces, "error", "return off +", "return 0 * off +"),
        (flow_chain, "constant", "(high - low) / 2", "(high - low) / 4"),
        (flow_chain, "follow", "max(growth, fmpq(1)) * added", "growth * added / 2"),
    ],
)
def test_a_faulty_writer_is_refused(owner: Any, name: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer with a wrong branch, bound or constant writes what the checker refuses."""
    source = textwrap.dedent(inspect.getsource(getattr(owner, name)))
    assert source.count(old) == 1
    names: dict[str, Any] = dict(vars(sys.modules[getattr(owner, name).__module__]))
    exec(compile(source.replace(old, new), "planted", "exec"), names)
    for module in (owner, flow_certificate):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, names[name])
    found = oracle.certificate(made("rate", "hardtanh"), driven("sampled"), start(2), 8, [1])
    with pytest.raises(checker.Refused):
        checker.check(checker.read(found.text()))

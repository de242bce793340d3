"""`rnn-oracle doctor`: a sound installation passes, and each way to compute wrongly is noticed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import oracle
from oracle.cli import app, health


def doctor(*arguments: str) -> Any:
    """The code that `rnn-oracle doctor` exits with."""
    with pytest.raises(SystemExit) as stopped:
        app.main(["doctor", *arguments])
    return stopped.value.code


def test_a_sound_installation_passes(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, every look is good, and what is installed is named with its version."""
    assert doctor("--json", "-") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "pass"
    found = {finding["name"]: finding for finding in document["findings"]}
    assert [finding["status"] for finding in document["findings"]].count("good") == len(health.LOOKS)
    assert found["numpy"]["seen"] == np.__version__
    assert {"BLAS", "backends", "underflow", "float32 products", "gmpy2"} <= found.keys()


def narrow_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products that round their factors, as TF32 does."""
    monkeypatch.setattr(health, "float32_is_float32", lambda: False)


def flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Subnormals that are zero."""
    monkeypatch.setattr(health, "_keeps_subnormals", lambda dtype: dtype is np.float64)


def wrong_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is off in the eleventh digit."""
    reference = oracle.reference

    def shifted(*given: Any, **question: Any) -> Any:
        found = reference(*given, **question)
        if found.status == "proved":
            return found
        return type(found)(found.mid + 1e-11, found.rad.copy(), "observed")

    monkeypatch.setattr(oracle, "reference", shifted)


def wrong_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """An evaluation in mpmath with another leak."""
    advance = health.advance
    monkeypatch.setattr(health, "advance", lambda ops, rec, h, x: advance(ops, rec, h, x) * (1 + 2.0**-30))


def absent_flint(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that breaks when it is used."""
    monkeypatch.setattr(health, "LOOKS", (lambda: 1 / 0,))


@pytest.mark.parametrize("plant", [narrow_products, flushed, wrong_flow, wrong_step, absent_flint])
def test_what_computes_wrongly_is_noticed(
    plant: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Planted faults: exit code 1, and exactly one line is marked."""
    plant(monkeypatch)
    assert doctor() == 1
    out = capsys.readouterr().out
    assert sum(line.startswith("!!") for line in out.splitlines()) == 1
    assert "FAIL" in out


def test_directed_rounding_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums that round up are not to nearest."""
    plain = np.full

    def up(shape: Any, value: float) -> Any:
        return plain(shape, value * (1 + 2.0**-52))  # a tie becomes what a sum towards infinity would give

    assert health.nearest().status == "good"
    monkeypatch.setattr(health.np, "full", up)
    assert health.nearest().status == "bad"


def test_subnormals_are_seen_as_they_are() -> None:
    """NumPy keeps them here; a type whose least number is flushed would not."""
    assert health._keeps_subnormals(np.float32)
    assert health._keeps_subnormals(np.float64)

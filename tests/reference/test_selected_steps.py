"""Some states of a long run: the same numbers as among all of them, in memory that does not grow with the run."""

from __future__ import annotations

import tracemalloc
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracle
from oracle.cli import app
from oracle.reference.enclosure import exact

ENGINES = pytest.mark.parametrize(
    "engine",
    ["balls", pytest.param("limbs", marks=pytest.mark.skipif(find_spec("numba") is None, reason="numba is missing"))],
)


def made(gain: float, N: int = 5) -> Any:
    """A leaky recurrence with two inputs."""
    rng = np.random.default_rng(8)
    W, M, b = gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, 2)), rng.normal(size=N)
    return oracle.Recurrence.leaky(W, M, b, alpha=0.5)


@ENGINES
@pytest.mark.parametrize("gain", [0.4, 3.0])
@pytest.mark.parametrize("batch", [None, 3])
def test_the_same_numbers(engine: str, gain: float, batch: int | None) -> None:
    """Contracting and expanding, one trajectory and three: rows 0, 64, 65, 200 of the whole one, bit by bit."""
    rec, which = made(gain), [0, 64, 65, 200]
    X = np.random.default_rng(3).normal(size=(200, 2) if batch is None else (200, batch, 2))
    h0 = np.linspace(-0.4, 0.5, 5)
    some, all_ = (oracle.reference(rec, X, h0, steps=steps, engine=engine) for steps in (which, None))
    assert some.shape == (4, *all_.shape[1:])
    for part in ("mid", "rad"):
        assert [exact(v) for v in getattr(some, part).ravel()] == [exact(v) for v in getattr(all_, part)[which].ravel()]
    np.testing.assert_array_equal(some.float64(), all_.float64()[which])
    assert not some.contains(all_.mid[[1, 63, 66, 199]]).any(), "planted fault: a step off is outside"


def test_the_command_line_prints_the_states_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """`--at 0,3` prints two states, those that the whole run has at 0 and 3; fractions and text are bad input."""
    monkeypatch.chdir(tmp_path)
    oracle.save(made(0.4), "net.json")
    printed = []
    for options in ([], ["--at", "0,3"]):
        with pytest.raises(SystemExit, match="0"):
            app.main(["reference", "--network", "net.json", "--steps", "4", "--digits", "9", *options])
        printed.append([line.split("  ")[1] for line in capsys.readouterr().out.splitlines()[:-1]])
    assert printed[1] == printed[0][:5] + printed[0][15:20]
    for wrong in ("1.5", "a", "99"):
        with pytest.raises(SystemExit, match="2"):
            app.main(["reference", "--network", "net.json", "--steps", "4", "--at", wrong])


def peak(K: int, steps: Any) -> int:
    """Bytes that Python holds at most, the inputs apart."""
    X = np.random.default_rng(3).normal(size=(K, 2))
    rec = made(0.4)
    tracemalloc.start()
    oracle.reference(rec, X, steps=steps, engine="balls")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_memory_does_not_grow_with_the_run() -> None:
    """From 200 to 2,000 steps the last state alone takes 1 KB a step at most, what inputs take (three small arrays
    each); all states take five times that."""
    short, long, everything = peak(200, [200]), peak(2000, [2000]), peak(2000, None)
    assert (long - short) / 1800 < 1000
    assert everything > 5 * long


@pytest.mark.parametrize("steps", [[], [3, 2], [2, 2], [-1], [6], [1.5], "2", [[1]], [True]])
def test_steps_that_are_none(steps: Any) -> None:
    """Empty, unsorted, repeated, out of range, fractional, text, nested and true: refused, with the range."""
    with pytest.raises(oracle.BadInput, match="steps"):
        oracle.reference(made(0.4), np.zeros((5, 2)), steps=steps)


def test_steps_of_a_flow_are_refused() -> None:
    """A network in continuous time has times."""
    with pytest.raises(oracle.BadInput, match="no steps"):
        oracle.reference(oracle.Network.rate([[0.5]]), times=[1], steps=[1])

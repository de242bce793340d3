"""`rnn-oracle reference` on a terminal says how far it is; interrupted, it leaves no file behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import oracle
from oracle.cli import exits

pty = pytest.importorskip("pty")
PATIENCE = 60.0  # seconds, for a process that never says anything
COMMAND = (sys.executable, "-m", "oracle.cli", "reference", "--network", "net.json")


def started(folder: Path, *options: str) -> tuple[subprocess.Popen[bytes], int]:
    """The command in a folder, its stderr on a terminal."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(oracle.__file__).parents[1])}
    process = subprocess.Popen(
        [*COMMAND, *options],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests in the background may ignore it
    )
    os.close(theirs)
    return process, ours


def heard(terminal: int, pattern: bytes) -> bytes:
    """What is said until the pattern appears."""
    said, end = b"", time.monotonic() + PATIENCE
    while not re.search(pattern, said) and time.monotonic() < end:
        try:
            said += os.read(terminal, 4096)
        except OSError:  # the other end is closed
            break
    return said


LONG = {
    "steps": ("--step", "0.1", "--certificate", "c.json"),
    "a flow": ("--sample-step", "1", "--times", "100000"),
}


@pytest.mark.parametrize("options", LONG.values(), ids=LONG)
def test_an_interrupt_leaves_no_half_written_file(options: tuple[str, ...], tmp_path: Path) -> None:
    """A run that takes hours, interrupted once it has begun: exit code 130, "interrupted" on stderr, and neither the
    JSON file, nor the certificate, nor anything in the cache, nor a temporary file is there."""
    net = oracle.Network.rate(np.array([[0.25, -0.5], [0.5, 0.125]]), [[1.0], [0.5]], tau=0.5)
    oracle.save(net, tmp_path / "net.json")
    np.save(tmp_path / "X.npy", np.random.default_rng(1).normal(size=(200_000, 1)))
    process, terminal = started(tmp_path, *options, "--inputs", "X.npy", "--json", "out.json", "--cache", "kept")
    assert b"computing the reference" in heard(terminal, rb"reference")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    rest = heard(terminal, rb"interrupted")
    assert process.wait(PATIENCE) == exits.INTERRUPTED
    assert b"interrupted" in rest
    os.close(terminal)
    assert {path.name for path in tmp_path.rglob("*")} == {"net.json", "X.npy"}


def test_the_share_is_told(tmp_path: Path) -> None:
    """A flow of some seconds shows at least one percentage on the terminal, and clears its line."""
    net = oracle.Network.rate(np.array([[0.25, -0.5], [0.5, 0.125]]), [[1.0], [0.5]], tau=0.5)
    oracle.save(net, tmp_path / "net.json")
    process, terminal = started(tmp_path, "--times", "20,40", "--digits", "60")
    said = heard(terminal, rb"a pattern that never comes")
    assert process.wait(PATIENCE) == exits.PASS
    shares = [int(found) for found in re.findall(rb"reference: (\d+)%", said)]
    assert shares
    assert shares == sorted(shares)
    reset = b"\x1b[0m"  # of colorama at exit, where numba has loaded it
    assert said.removesuffix(reset).endswith(b"\r\x1b[K")


@pytest.mark.parametrize("kind", ["recurrence", "flow", "batch"])
def test_progress_of_the_library(kind: str) -> None:
    """`progress=` hears shares from 0 to 1 that rise, once for each of a batch; what it raises ends the run."""
    shares: list[float] = []
    net = oracle.Network.rate([[0.5, 0.25], [-0.25, 0.125]])
    if kind == "recurrence":
        oracle.reference(net.discretize(step=0.5), np.zeros((20, 0)), [1, 0.5], progress=shares.append)
    else:
        h0 = [1, 0.5] if kind == "flow" else [[1, 0.5], [0.5, 1]]
        oracle.reference(net, h0=h0, times=[1, 4], digits=10, progress=shares.append)
    falls = sum(later < earlier for earlier, later in pairwise(shares))
    assert falls == (kind == "batch")
    assert 0 <= min(shares) <= max(shares) == 1

    def stop(share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        oracle.reference(net, h0=[1, 0.5], times=[4], digits=10, progress=stop)

"""A framework's module, where one is installed: it brings its own equation, so one line is enough."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np

import oracle
from oracle.demo.part import HEADER, TONE, Outcome, Part, row, said
from oracle.report.model import Section, Table

UNITS, INPUTS, STEPS, BATCH = 100, 6, 50, 3


def frameworks(seed: int = 15) -> Part | None:
    """torch.nn.RNN as installed here; None without torch."""
    if find_spec("torch") is None:
        return None
    import torch

    torch.manual_seed(seed)
    module = torch.nn.RNN(INPUTS, UNITS)
    rng = np.random.default_rng(seed)
    X, h0 = rng.normal(size=(STEPS, BATCH, INPUTS)), rng.uniform(-0.9, 0.9, (BATCH, UNITS))
    result = oracle.check(module, inputs=X, h0=h0)
    line = row(f"oracle.check(torch.nn.RNN({INPUTS}, {UNITS}), inputs=X, h0=h0)", result)
    text = f"torch {torch.__version__}, {STEPS} steps, {BATCH} trajectories, {result.promised}."
    table = Table(HEADER, (line,), (TONE.get(line[1], ""),))
    return Part(Section("And a framework's module?", text, (table,)), (Outcome("torch.nn.RNN", "pass", said(result)),))

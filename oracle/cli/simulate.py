"""`rnn-oracle simulate`: run a recurrence in float64."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import click
import numpy as np

import oracle
from oracle.cli import exits, options, terminal
from oracle.cli.files import read_recurrence
from oracle.cli.probe import read_run
from oracle.errors import BadInput
from oracle.records.writing import write_bytes


@click.command("simulate")
@options.network()
@options.run
@click.option("--dtype", type=click.Choice(["float64", "float32", "float16"]), default="float64", show_default=True)
@click.option("--out", required=True, metavar="FILE.npy", help="The trajectory H (K+1, N) or (K+1, batch, N).")
def command(network: str, step: str | None, scheme: str | None, dtype: str, out: str, **given: Any) -> int:
    """Run the recurrence in --network and write its trajectory, H[0] = h0."""
    if Path(out).suffix.lower() != ".npy":
        raise BadInput(
            f"--out is {out}.", "trajectories are written as NumPy arrays.", "give a path that ends in .npy."
        )
    rec = read_recurrence(network, step, scheme)
    run = read_run(rec, *(given[name] for name in ("inputs", "h0", "steps", "batch", "seed")))
    with terminal.progress("simulating"):
        H = oracle.simulate(rec, inputs=run.inputs, h0=run.h0, dtype=np.dtype(dtype))
    buffer = io.BytesIO()
    np.save(buffer, H, allow_pickle=False)
    write_bytes(out, buffer.getvalue())
    click.echo(f"{out}: {' x '.join(map(str, H.shape))} {H.dtype}; {run.says}")
    return exits.PASS

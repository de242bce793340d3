"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from oracle.cli.probe import SEED, STEPS
from oracle.procedures.discretize import ALL

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def _all(*options: Decorator) -> Decorator:
    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            function = option(function)
        return function

    return apply


def network(required: bool = True) -> Decorator:
    """--network, and how a continuous one becomes a recurrence."""
    return _all(
        click.option("--network", required=required, metavar="FILE", help="Native file, written by oracle.save."),
        click.option("--step", metavar="DT", help="Step, where the file holds a continuous-time network."),
        click.option("--scheme", help=f"Scheme of the step: {', '.join(ALL)}; euler by default."),
    )


run = _all(
    click.option(
        "--inputs", metavar="FILE", help="X (K, I) or (K, batch, I): .npy, .npz or .csv. Generated if absent."
    ),
    click.option("--h0", metavar="FILE", help="Initial state (N,) or (batch, N): .npy, .npz or .csv."),
    click.option("--steps", type=click.IntRange(1), default=STEPS, show_default=True, help="Generated inputs: steps."),
    click.option("--batch", type=click.IntRange(1), help="Generated inputs: trajectories."),
    click.option("--seed", type=click.IntRange(0), default=SEED, show_default=True, help="Generated inputs: seed."),
)
judged = _all(
    click.option("--promised", metavar="FORMAT", help="float64, float32, tf32, float16, bfloat16; else the weights'."),
    click.option(
        "--recorded",
        metavar="FORMAT",
        help="How a trajectory was written down: float32, decimal-6, fixed-6, ...",
    ),
    click.option("--kind", type=click.Choice(["module", "run", "step", "trajectory"]), help="When it cannot be told."),
    click.option("--batch-first/--time-first", default=None, help="Order of the axes of a batch."),
    click.option("--time-limit", type=float, metavar="SECONDS", help="Interrupt a candidate that takes longer."),
)
json_to = click.option(
    "--json", "json_to", metavar="PATH|-", help="Write the result as JSON; - is stdout, and nothing else."
)
report_to = click.option(
    "--report", "report_to", metavar="PATH", help="Write a report: .html, .json, .md or .xml (JUnit)."
)

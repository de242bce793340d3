"""`rnn-oracle identify`: which equation does this program compute with these weights?"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import click

import oracle
from oracle.cli import exits, options, terminal
from oracle.cli.candidate import read_candidate
from oracle.cli.files import number, read_archive, read_record, write_json
from oracle.cli.probe import read_run
from oracle.errors import BadInput
from oracle.report import report
from oracle.report.write import renderer


class Weights(NamedTuple):
    """What the program computes with; N and I for making inputs."""

    W: Any
    M: Any
    b: Any
    N: int
    I: int


@click.command("identify")
@click.argument("candidate")
@click.option(
    "--weights", required=True, metavar="FILE", help="W (N, N), M (N, I), b (N,) in a .npz, or a native file."
)
@click.option("--tau", help="Time constant, if known.")
@click.option("--dt", help="Step, if known.")
@click.option("--alpha", help="dt / tau, if known; fitted otherwise.")
@click.option("--activation", help="tanh, gelu, leaky-relu(0.2), ..; the catalogue is tried otherwise.")
@options.run
@options.judged
@options.json_to
@options.report_to
def command(candidate: str, weights: str, json_to: str | None, report_to: str | None, **given: Any) -> int:
    """Which equation does CANDIDATE compute with these weights? All conventions are tried, the leak is fitted."""
    if report_to is not None:
        renderer(report_to)
    program = read_candidate(candidate)
    known = read_weights(weights)
    if not callable(program) and given["inputs"] is None and known.I:
        raise BadInput(
            f"{candidate} is a recorded trajectory, and no --inputs were given.",
            "it was driven by inputs that are needed to identify it.",
            "pass the inputs it was recorded with: --inputs X.npy.",
        )
    run = read_run(known, *(given[name] for name in ("inputs", "h0", "steps", "batch", "seed")))
    told = ("promised", "recorded", "kind", "batch_first", "activation", "time_limit")
    question = {name: given[name] for name in told}
    if given["inputs"] is None and given["batch"] is not None:
        question["batch_first"] = False  # generated inputs are (K, batch, I)
    for name, option in (("tau", "tau"), ("step", "dt"), ("alpha", "alpha")):
        question[name] = None if given[option] is None else number(given[option], f"--{option}")
    with terminal.progress("identifying"), terminal.candidates_output():
        result = oracle.identify(program, W=known.W, M=known.M, b=known.b, inputs=run.inputs, h0=run.h0, **question)
    if json_to is not None:
        write_json(json_to, {"format": "rnn-oracle identify", "version": 1, **result.to_dict(), "run": run.says})
    if json_to != "-":
        click.echo(f"this is {result.explained_by or 'none of the known equations'}")
        click.echo(terminal.verdict(result.summary(), result.verdict))
        click.echo(f"  {run.says}")
    if report_to is not None:
        context = {"title": "Which equation is this?", "reproduce": terminal.command_line()}
        terminal.say(f"report: {report(result, report_to, **context)}")
    return exits.of_check(result)


def read_weights(path: str) -> Weights:
    """Weights by name from a .npz file, or those of a native file.

    Raises
    ------
    oracle.BadInput
        No W in the file, a record that was stated without weights.
    """
    if Path(path).suffix.lower() == ".npz":
        arrays: Any = read_archive(path)
    else:
        arrays = read_record(path).origin.root().arguments
    if "W" not in arrays or getattr(arrays["W"], "ndim", 0) != 2:
        raise BadInput(
            f"{path} holds {', '.join(arrays) or 'nothing'}; W (N, N) is needed.",
            "the weights have other names, or the file holds something else.",
            "save them as numpy.savez(path, W=.., M=.., b=..), row = receiving unit.",
        )
    W, M, b = (arrays.get(name) for name in ("W", "M", "b"))
    return Weights(W, M, b, len(W), 0 if M is None else M.shape[1])

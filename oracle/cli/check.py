"""`rnn-oracle check`: does this program compute this recurrence, up to rounding?"""

from __future__ import annotations

from functools import partial
from typing import Any

import click

import oracle
from oracle.bridges.registry import is_module, recurrence
from oracle.check.result import CheckResult
from oracle.cli import exits, options, terminal
from oracle.cli.candidate import read_candidate
from oracle.cli.files import read_recurrence, write_json
from oracle.cli.pasted import pasted_check
from oracle.cli.probe import Run, read_run
from oracle.errors import BadInput
from oracle.records.recurrence import Recurrence
from oracle.report import report
from oracle.report.write import renderer


@click.command("check")
@click.argument("candidate")
@options.network(required=False)
@options.run
@options.judged
@click.option(
    "--noise", metavar="SIGMA:SCALE[:SITE]", help="Noise the candidate draws: 0.1:sqrt-2alpha, 1:alpha:inside."
)
@options.json_to
@options.report_to
def command(candidate: str, json_to: str | None, report_to: str | None, **given: Any) -> int:
    """Does CANDIDATE compute the recurrence in --network, up to rounding?

    CANDIDATE is module:function (the current directory is importable), file.py:function, or a recorded trajectory
    (.npy, .csv). A torch.nn.RNN object brings its own recurrence.
    """
    if report_to is not None:
        renderer(report_to)
    program = read_candidate(candidate)
    rec = stated(program, given)
    needs_inputs(candidate, program, rec, given)
    run = read_run(rec, *(given[name] for name in ("inputs", "h0", "steps", "batch", "seed")))
    result = _checked(program, rec, run, given)
    if json_to is not None:
        write_json(json_to, {"format": "rnn-oracle check", "version": 1, **result.to_dict(), "run": run.says})
    if json_to != "-":
        click.echo(terminal.verdict(result.summary(), result.verdict))
        click.echo(f"  {run.says}")
    test = partial(pasted_check, candidate, given | question(given))
    if report_to is not None:
        terminal.say(f"report: {report(result, report_to, reproduce=terminal.command_line(), test=test())}")
    terminal.step_summary(result, test)
    return exits.of_check(result)


def _checked(program: Any, rec: Recurrence, run: Run, given: dict[str, Any]) -> CheckResult:
    asked = question(given)
    if given["noise"] is not None:
        asked["noise"] = read_noise(given["noise"])
    with terminal.progress("checking"), terminal.candidates_output():
        return oracle.check(program, rec, inputs=run.inputs, h0=run.h0, **asked)


def question(given: dict[str, Any]) -> dict[str, Any]:
    """What the options of `options.judged` ask; generated inputs are (K, batch, I), whatever order a module prefers."""
    asked = {name: given[name] for name in ("promised", "recorded", "kind", "batch_first", "time_limit")}
    if given["inputs"] is None and asked["batch_first"] is None and given["batch"] is not None:
        asked["batch_first"] = False
    return asked


def read_noise(text: str) -> oracle.Noise:
    """SIGMA:SCALE[:SITE] as a promise of noise.

    Raises
    ------
    oracle.BadInput
        sigma is no positive number, an unknown scale or site.
    """
    sigma, _, named = text.partition(":")
    scale, _, site = named.partition(":")
    try:
        size = float(sigma)
    except ValueError:
        raise BadInput(
            f"--noise is {text!r}.",
            "it consists of a standard deviation, the name of a scale and, if it is not the usual one, the site.",
            "write 0.1:sqrt-2alpha, or 0.1:sqrt-2alpha:inside.",
        ) from None
    return oracle.Noise(size, scale, site or None)


def stated(program: Any, given: dict[str, Any]) -> Recurrence:
    """The recurrence in --network, or the one a module of a framework brings.

    Raises
    ------
    oracle.BadInput
        Neither is there.
    """
    if given["network"] is not None:
        return read_recurrence(given["network"], given["step"], given["scheme"])
    if is_module(program):
        return recurrence(program)
    raise BadInput(
        "no --network was given.",
        "the equation the candidate should follow has to be stated; only framework modules bring their own.",
        "save it with oracle.save(rec, 'net.json') and pass --network net.json.",
    )


def needs_inputs(name: str, program: Any, rec: Recurrence, given: dict[str, Any]) -> None:
    """Refuse to judge a recorded trajectory by inputs that were made afterwards."""
    if not callable(program) and given["inputs"] is None and rec.I:
        raise BadInput(
            f"{name} is a recorded trajectory, and no --inputs were given.",
            "it was driven by inputs that are needed to judge it.",
            "pass the inputs it was recorded with: --inputs X.npy.",
        )

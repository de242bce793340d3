"""`rnn-oracle compare`: two programs for one recurrence; is what lies between them rounding?"""

from __future__ import annotations

from functools import partial
from typing import Any

import click

import oracle
from oracle.cli import exits, options, terminal
from oracle.cli.candidate import read_candidate
from oracle.cli.check import needs_inputs, question, stated
from oracle.cli.files import write_json
from oracle.cli.pasted import pasted_comparison
from oracle.cli.probe import read_run
from oracle.errors import BadInput
from oracle.report import report
from oracle.report.write import renderer


@click.command("compare")
@click.argument("a")
@click.argument("b")
@options.network(required=False)
@options.run
@options.judged
@options.json_to
@options.report_to
def command(a: str, b: str, json_to: str | None, report_to: str | None, **given: Any) -> int:
    """Do A and B differ by no more than both may? Each is held to the recurrence, step by step from its own states.

    A and B are named as for `check`. Old and new, batched and single, recorded on one device and on another.
    """
    if report_to is not None:
        renderer(report_to)
    modules: dict[str, Any] = {}
    first, second = read_candidate(a, modules), read_candidate(b, modules)
    rec = stated(first, given)
    if given["network"] is None and stated(second, given) != rec:
        raise BadInput(
            f"{a} and {b} have different weights or equations.",
            "each was initialised by itself.",
            "give both the same parameters, or say with --network which equation they should follow.",
        )
    for name, program in ((a, first), (b, second)):
        needs_inputs(name, program, rec, given)
    run = read_run(rec, *(given[name] for name in ("inputs", "h0", "steps", "batch", "seed")))
    asked = question(given)
    with terminal.progress("comparing"), terminal.candidates_output():
        found = oracle.compare(first, second, rec, inputs=run.inputs, h0=run.h0, **asked)
    if json_to is not None:
        write_json(json_to, {"format": "rnn-oracle compare", "version": 1, **found.to_dict(), "run": run.says})
    if json_to != "-":
        click.echo(terminal.verdict(found.summary(), found.verdict))
        click.echo(f"  {run.says}")
    test = partial(pasted_comparison, a, b, given | asked)
    if report_to is not None:
        terminal.say(f"report: {report(found, report_to, reproduce=terminal.command_line(), test=test())}")
    terminal.step_summary(found, test)
    return exits.of_comparison(found)

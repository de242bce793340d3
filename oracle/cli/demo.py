"""`rnn-oracle demo`: what this is for, in half a minute."""

from __future__ import annotations

import click

from oracle.cli import exits, options, terminal
from oracle.cli.files import write_json
from oracle.report import report
from oracle.report.write import renderer


@click.command("demo")
@options.json_to
@options.report_to
def command(json_to: str | None, report_to: str | None) -> int:
    """Answer three questions with figures measured now: which equation, which tolerance, bug or rounding; and the cube.

    Needs no framework; uses torch where it is installed.
    """
    from oracle.demo.run import PARTS, Clock, demo_report
    from oracle.report.text import render_section

    if report_to is not None:
        renderer(report_to)
    aloud = json_to != "-"
    clock, done = Clock(), []
    for name, make in PARTS:
        with terminal.progress(name):
            part = make()
        if part is None:
            continue
        done.append(part)
        if aloud:
            click.echo(render_section(part.section) + "\n")
    made = demo_report(done, terminal.command_line(), clock())
    if json_to is not None:
        write_json(json_to, {"format": "rnn-oracle demo", "version": 1, "verdict": made.verdict, **made.data})
    if aloud:
        click.echo(terminal.verdict(f"{made.verdict.upper()}: {made.sentence} ({clock():.0f} s)", made.verdict))
    if report_to is not None:
        terminal.say(f"report: {report(made, report_to)}")
    return exits.of_verdict(made.verdict)

"""`rnn-oracle doctor`: what is installed, and whether this machine computes as the oracle takes for granted."""

from __future__ import annotations

from dataclasses import asdict

import click

from oracle.cli import exits, options, terminal
from oracle.cli.files import write_json


@click.command("doctor")
@options.json_to
def command(json_to: str | None) -> int:
    """Is this installation sound? Versions, libraries, float32, underflow, rounding, and a test of the references."""
    from oracle.cli.health import examine
    from oracle.report.model import Table
    from oracle.report.text import table_lines

    with terminal.progress("looking"):
        found = list(examine())
    verdict = "fail" if any(finding.status == "bad" for finding in found) else "pass"
    if json_to is not None:
        listed = [asdict(finding) for finding in found]
        write_json(json_to, {"format": "rnn-oracle doctor", "version": 1, "verdict": verdict, "findings": listed})
    if json_to != "-":
        rows = tuple((MARKS[f.status], f.name, f.seen, f.meaning) for f in found)
        click.echo("\n".join(table_lines(Table(("", "", "", ""), rows))))
        wrong = [finding.name for finding in found if finding.status == "bad"]
        says = f"FAIL: {', '.join(wrong)}." if wrong else "PASS: this installation computes as it should."
        click.echo(terminal.verdict(says, verdict))
    return exits.of_verdict(verdict)


MARKS = {"good": "ok", "bad": "!!", "quiet": ""}

"""`rnn-oracle claims`: what is true of this network."""

from __future__ import annotations

from typing import Any

import click

from oracle.claims.registry import CLAIMS
from oracle.cli import exits, options, terminal
from oracle.cli.files import number, read_record, write_json
from oracle.report import report
from oracle.report.of_claims import claims_verdict
from oracle.report.write import renderer


@click.command("claims")
@click.argument("ids", nargs=-1, metavar="[C1 C2 ...]")
@click.option("--network", required=True, metavar="FILE", help="Native file with a continuous-time network.")
@click.option("--r", "r", metavar="R", help="Rescaling factor of t = r s; 3 by default.")
@click.option(
    "--step", metavar="DT", help="Step of the discretisation; an eighth of the smallest time constant by default."
)
@click.option("--scheme", default="euler", show_default=True, help="Scheme of the discretisation.")
@options.json_to
@options.report_to
def command(
    ids: tuple[str, ...],
    network: str,
    r: str | None,
    step: str | None,
    scheme: str,
    json_to: str | None,
    report_to: str | None,
) -> int:
    """Verify claims about rescaling, discretisation and linearisation on the network in --network; all by default."""
    if report_to is not None:
        renderer(report_to)
    chosen = [CLAIMS[name.upper()] for name in ids or CLAIMS]
    net = read_record(network)
    options_: dict[str, Any] = {"scheme": scheme}
    options_ |= {name: number(text, f"--{name}") for name, text in (("r", r), ("step", step)) if text is not None}
    results = []
    for claim in chosen:
        with terminal.progress(f"verifying {claim.id}"):
            results.append(claim.verify(net, **options_))
    if json_to is not None:
        document = {"format": "rnn-oracle claims", "version": 1, "claims": [result.to_dict() for result in results]}
        write_json(json_to, document)
    if json_to != "-":
        for result in results:
            click.echo(terminal.verdict(result.summary(), result.verdict))
    if report_to is not None:
        terminal.say(f"report: {report(results, report_to, reproduce=terminal.command_line())}")
    terminal.step_summary(results)
    return exits.of_verdict(claims_verdict(results))

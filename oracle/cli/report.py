"""`rnn-oracle report`: many networks in one report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

import oracle
from oracle.claims.registry import CLAIMS
from oracle.claims.setting import Setting
from oracle.cli import exits, options, terminal
from oracle.cli.candidate import read_candidate
from oracle.cli.files import number, read_record, write_json
from oracle.cli.probe import read_run
from oracle.errors import BadInput
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence
from oracle.report.of_networks import Examined, of_networks
from oracle.report.write import renderer, report

USUAL = ("C1", "C2", "C3", "C4")
STEPS = 50


@click.command("report")
@click.argument("networks", nargs=-1, required=True, metavar="NETWORK...")
@click.option("--out", required=True, metavar="PATH", help="The report: .html, .json, .md or .xml (JUnit).")
@click.option(
    "--program", metavar="MODULE:FACTORY", help="factory(rec) -> candidate; by default the plain loop in float64."
)
@click.option("--claim", "claims", multiple=True, metavar="ID", help=f"Claims to verify; {', '.join(USUAL)}, or all.")
@click.option("--step", metavar="DT", help="Step of continuous-time networks; an eighth of the smallest time constant.")
@click.option("--scheme", default="euler", show_default=True, help="Scheme of continuous-time networks.")
@click.option("--promised", metavar="FORMAT", help="Precision of the program; else the weights'.")
@click.option("--steps", type=click.IntRange(1), default=STEPS, show_default=True, help="Generated inputs: steps.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Generated inputs: seed.")
@options.json_to
def command(networks: tuple[str, ...], out: str, json_to: str | None, **given: Any) -> int:
    """Check a program on every NETWORK, with the cube and claims of those in continuous time, and write one report.

    NETWORK is a file as for `oracle.load`: native, or of a framework.
    """
    renderer(out)
    chosen(given["claims"])
    factory = None if given["program"] is None else read_candidate(given["program"])
    records = [(path, read_record(path)) for path in networks]  # all of them, before anything expensive is run
    found = []
    for name, (path, record) in zip(titles(networks), records, strict=True):
        with terminal.progress(f"examining {path}"):
            found.append(examined(name, record, factory, given))
    program = given["program"] or "the plain float64 loop"
    made = of_networks(found, f"{program} against the recurrence", reproduce=terminal.command_line())
    if json_to is not None:
        write_json(json_to, {"format": "rnn-oracle report", "version": 1, "verdict": made.verdict, **made.data})
    report(made, out)
    if json_to != "-":
        for each in found:
            click.echo(f"{each.name:<28} {each.verdict:<10} worst residual / bound {each.check.worst:.3g}")
        click.echo(terminal.verdict(f"{made.verdict.upper()}: {made.sentence}", made.verdict))
    terminal.say(f"report: {out}")
    terminal.step_summary(made)
    return exits.of_verdict(made.verdict)


def titles(paths: tuple[str, ...]) -> list[str]:
    """A name for every network: of its file, the whole path where several are called alike."""
    stems = [Path(path).stem for path in paths]
    return [path if stems.count(stem) > 1 else stem for path, stem in zip(paths, stems, strict=True)]


def examined(name: str, record: Network | Recurrence, factory: Any, given: dict[str, Any]) -> Examined:
    """One network: its cube and claims where it is continuous, and a program."""
    if isinstance(record, Recurrence):
        return Examined(name, record, checked(record, factory, given))
    step = None if given["step"] is None else number(given["step"], "--step")
    setting = Setting.read(record, step=step, scheme=given["scheme"])
    claims = tuple(claim.verify(record, step=setting.step, scheme=given["scheme"]) for claim in chosen(given["claims"]))
    check = checked(record.discretize(setting.step, scheme=given["scheme"]), factory, given)
    return Examined(name, record, check, setting.cube, claims, setting.run)


def chosen(ids: tuple[str, ...]) -> list[Any]:
    """Claims by their names."""
    names = [name.upper() for name in ids or USUAL]
    return [CLAIMS[name] for name in (list(CLAIMS) if names == ["ALL"] else names)]


def checked(rec: Recurrence, factory: Any, given: dict[str, Any]) -> oracle.CheckResult:
    """The program on inputs that were made for this recurrence.

    Raises
    ------
    oracle.BadInput
        The factory raised.
    """
    run = read_run(rec, None, None, given["steps"], None, given["seed"])
    if factory is None:
        H = oracle.simulate(rec, inputs=run.inputs, h0=run.h0)
        return oracle.check(H, rec, inputs=run.inputs, h0=run.h0, promised=given["promised"] or "float64")
    with terminal.candidates_output():
        try:
            program = factory(rec)
        except Exception as error:
            raise BadInput(
                f"{given['program']} raised {type(error).__name__}: {error}.",
                "it is no factory: it is called with the recurrence and returns a step, a run or a module.",
                "write def factory(rec): return lambda h, x: ...",
            ) from error
        return oracle.check(program, rec, inputs=run.inputs, h0=run.h0, promised=given["promised"])

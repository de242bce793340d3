"""`rnn-oracle vectors`: certified states in a file, for programs in any language."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from oracle.bridges import vectors, vectors_verify
from oracle.cli import exits, options, terminal
from oracle.cli.candidate import read_candidate
from oracle.cli.files import TABLES, read_array, read_recurrence, write_json
from oracle.cli.probe import read_run

STEPS = 12


@click.group("vectors")
def command() -> None:
    """Test vectors: a network, inputs and certified states in one JSON file that any language can be held to."""


@command.command("export")
@options.network()
@click.option("--inputs", metavar="FILE", help="X (K, I): .npy, .npz or .csv. Generated if absent.")
@click.option("--h0", metavar="FILE", help="Initial state (N,): .npy, .npz or .csv.")
@click.option("--steps", type=click.IntRange(1), default=STEPS, show_default=True, help="Generated inputs: steps.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Generated inputs: seed.")
@click.option("--digits", type=click.IntRange(1), default=30, show_default=True)
@click.option(
    "--precision", "precisions", multiple=True, metavar="FORMAT", help="Formats that get a tolerance: float64, float32."
)
@click.option("--out", required=True, metavar="FILE.json")
def export(network: str, step: str | None, scheme: str | None, digits: int, out: str, **given: Any) -> int:
    """Write the vectors of --network: certified states to --digits, and one step from each of K states with the
    tolerance that every honest program keeps."""
    rec = read_recurrence(network, step, scheme)
    run = read_run(rec, given["inputs"], given["h0"], given["steps"], None, given["seed"])
    with terminal.progress("computing the vectors"):
        made = vectors.vectors(
            rec, run.inputs, run.h0, digits=digits, precisions=given["precisions"] or vectors.PRECISIONS
        )
    vectors.write(made, out)
    click.echo(f"{out}: {len(run.inputs)} steps of {rec.N} units to {digits} digits ({made['status']}); {run.says}")
    return exits.PASS


@command.command("verify")
@click.argument("file")
@click.argument("candidate", required=False)
@click.option("--promised", metavar="FORMAT", default="float64", show_default=True, help="Whose tolerance applies.")
@click.option("--recorded", metavar="FORMAT", help="How outputs were written down: float32, decimal-6, fixed-6, ...")
@options.json_to
def verify(file: str, candidate: str | None, promised: str, recorded: str | None, json_to: str | None) -> int:
    """Is FILE right; and with CANDIDATE: are these outputs inside?

    Without CANDIDATE all of FILE is computed anew with more digits. CANDIDATE is a step(h, x) -> h as module:function
    or file.py:function, or its outputs (K, N) in a .npy or .csv file, row k for row k of `steps.from` and of `inputs`.
    """
    document = vectors.read(file)
    if candidate is None:
        return _rechecked(document, json_to)
    if Path(candidate).suffix.lower() in TABLES and ":" not in Path(candidate).name:
        outputs: Any = read_array(candidate, ("H",))
    else:
        step = read_candidate(candidate)
        with terminal.candidates_output():
            outputs = vectors_verify.outputs_of(document, step, promised)
    found = vectors_verify.judge(document, outputs, promised, recorded)
    if json_to is not None:
        write_json(json_to, {"format": "rnn-oracle vectors verify", "version": 1, **asdict(found)})
    if json_to != "-":
        click.echo(terminal.verdict(_says(found, promised), found.verdict))
    return exits.of_verdict(found.verdict)


def _rechecked(document: dict[str, Any], json_to: str | None) -> int:
    with terminal.progress("computing the vectors anew"):
        wrong = vectors_verify.recheck(document)
    verdict = "fail" if wrong else "pass"
    if json_to is not None:
        answer = {"format": "rnn-oracle vectors verify", "version": 1, "verdict": verdict, "wrong": wrong}
        write_json(json_to, answer)
    if json_to != "-":
        says = "PASS: every state is within its radius, every tolerance is proved (computed anew with more digits)."
        click.echo(terminal.verdict(f"FAIL: {'; '.join(wrong)}." if wrong else says, verdict))
    return exits.of_verdict(verdict)


def _says(found: vectors_verify.Judged, promised: str) -> str:
    head = f"{found.verdict.upper()}: largest |output - to| / (tolerance + radius) {found.worst:.3g} in {promised}."
    if found.first is None:
        return head
    row, unit, output, to, allowed = found.first
    return f"{head}\n  first outside: row {row}, unit {unit}: {output:.17g}, exact {to:.17g}, allowed {allowed:.3g}"

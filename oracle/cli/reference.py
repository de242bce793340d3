"""`rnn-oracle reference`: the trajectory a correct implementation follows, to any number of digits."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import click
import mpmath
import numpy as np

import oracle
from oracle.cli import exits, options, terminal
from oracle.cli.cache import USER
from oracle.cli.files import number, read_array, read_record, read_recurrence, write_json
from oracle.cli.probe import read_run
from oracle.errors import BadInput
from oracle.records.network import Network
from oracle.reference.enclosure import Enclosure, exact, shown

GUARD = 2  # digits printed beyond the certified ones


@click.command("reference")
@options.network()
@options.run
@click.option("--digits", type=click.IntRange(1), default=30, show_default=True)
@click.option("--times", metavar="T1,T2,..", help="Follow the continuous-time network to these instants instead.")
@click.option("--at", metavar="K1,K2,..", help="Only these of the states 0 .. K of a recurrence.")
@click.option("--sample-step", metavar="DT", help="With --times: time between the samples of --inputs.")
@click.option("--between", type=click.Choice(["held", "linear"]), default="held", show_default=True)
@click.option("--certificate", metavar="FILE", help="Also write a file that proofs/checker verifies.")
@click.option("--cache", metavar="DIR", help="Keep the result there, or take it from there; user: the user's cache.")
@options.json_to
def command(digits: int, times: str | None, certificate: str | None, json_to: str | None, **given: Any) -> int:
    """The reference trajectory of --network: decimal digits, each row with its radius.

    Both a recurrence and a flow (--times) are proved, in ball arithmetic.
    """
    with terminal.progress("computing the reference") as told:
        given["progress"] = told
        found, says = (
            _flow(times, digits, certificate, given) if times is not None else _steps(digits, certificate, given)
        )
    if json_to is not None:
        write_json(json_to, {"format": "rnn-oracle reference", "version": 1, **_document(found, digits), "run": says})
    if json_to != "-":
        for index in np.ndindex(found.shape):
            value, radius = found.mid[index], found.rad[index]
            click.echo(f"{','.join(map(str, index))}  {decimal(value, digits)}  +- {shown(radius)}")
        click.echo(f"{found!r}; {says}")
    return exits.PASS if found.mid.size else exits.NOTHING


def _steps(digits: int, certificate: str | None, given: dict[str, Any]) -> tuple[Enclosure, str]:
    rec = read_recurrence(given["network"], given["step"], given["scheme"])
    run = read_run(rec, *(given[name] for name in ("inputs", "h0", "steps", "batch", "seed")))
    if certificate is None:
        how = {"steps": _states(given["at"]), "cache": _place(given["cache"]), "progress": given["progress"]}
        return oracle.reference(rec, inputs=run.inputs, h0=run.h0, digits=digits, **how), run.says
    found = oracle.certificate(rec, inputs=run.inputs, h0=run.h0, digits=digits)
    found.save(certificate)
    return found.enclosure, f"{run.says}; certificate in {certificate}"


def _states(given: str | None) -> list[int] | None:
    """The argument steps= that --at means."""
    texts = None if given is None else [text.strip() for text in given.split(",") if text.strip()]
    if texts is not None and not all(text.isdecimal() for text in texts):
        raise BadInput(f"--at is {given}.", "states are counted from 0.", "give whole numbers: --at 0,100.")
    return None if texts is None else [int(text) for text in texts]


def _place(named: str | None) -> Any:
    """The argument cache= that --cache means."""
    return True if named == USER else named


def _flow(times: str, digits: int, certificate: str | None, given: dict[str, Any]) -> tuple[Enclosure, str]:
    net = read_record(given["network"])
    if not isinstance(net, Network):
        raise BadInput(
            "--times was given for a recurrence.", "a recurrence has steps, not times.", "leave --times out."
        )
    h0 = None if given["h0"] is None else read_array(given["h0"], ("h0", "H")).ravel()
    instants = [text.strip() for text in times.split(",") if text.strip()]
    signal = _signal(given)
    says = f"inputs {'zero' if signal is None else signal!r}, h0 {given['h0'] or 'zero'}, times {', '.join(instants)}"
    if certificate is not None:
        made = oracle.certificate(net, inputs=signal, h0=h0, digits=digits, times=instants)
        made.save(certificate)
        return made.enclosure, f"{says}; certificate in {certificate}"
    how = {"cache": _place(given["cache"]), "progress": given["progress"]}
    return oracle.reference(net, inputs=signal, h0=h0, times=instants, digits=digits, **how), says


def _signal(given: dict[str, Any]) -> Any:
    if given["inputs"] is None:
        return None
    if given["sample_step"] is None:
        raise BadInput(
            "--inputs and --times were given without --sample-step.",
            "samples do not say how far apart they are in time.",
            "give --sample-step 0.01, and --between held or linear.",
        )
    made = oracle.held if given["between"] == "held" else oracle.sampled
    return made(read_array(given["inputs"]), number(given["sample_step"], "--sample-step"))


def decimal(value: Any, digits: int) -> str:
    """A middle to the digits that are certified and a few more, rounded from the exact number."""
    whole = len(str(int(abs(exact(value)))))
    with mpmath.workdps(digits + whole + GUARD):
        return str(mpmath.nstr(+value, digits + whole + GUARD, strip_zeros=False))


def _document(found: Enclosure, digits: int) -> dict[str, Any]:
    largest = max((exact(radius) for radius in found.rad.ravel()), default=Fraction(0))
    mid = np.array([decimal(value, digits) for value in found.mid.ravel()], dtype=object).reshape(found.shape)
    rad = np.array([shown(radius) for radius in found.rad.ravel()], dtype=object).reshape(found.shape)
    return {
        "status": found.status,
        "method": found.method,
        "digits": digits,
        "shape": list(found.shape),
        "values": mid.tolist(),
        "radii": rad.tolist(),
        "largest_radius": float(largest),
    }

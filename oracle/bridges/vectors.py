"""Test vectors: a recurrence, a run and certified states in one file that a program in any language can be held to.

    {"format": "rnn-oracle vectors", "version": 1, "about": [..], "digits": 30, "status": "proved",
     "network": [{"name": "leaky", "formula": "(1-a) h + ..", "arguments": {"W": [[..]], "alpha": 0.25}}],
     "inputs": [[..]], "h0": [..],
     "trajectory": {"states": [["0.123.."]], "radii": [["1.3e-33"]]},
     "steps": {"from": [[..]], "to": [["0.123.."]], "radii": [[..]], "tolerance": {"float64": [[..]], ..}},
     "assumptions": {"float64": [..]}, "record": {the native file}, "sha256": ".."}

Numbers are JSON numbers, in the shortest decimals that are read back as the same float64; what is no float64 is text:
"p/q" exactly, or decimal digits with a radius beside them, |exact value - digits| <= radius. `steps` needs no long run:
one step from each row of `from` with the input of that row is within `tolerance` + `radii` of the row of `to` for every
program that keeps the precision and the assumptions. Rows of `from` are float32 numbers.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from oracle.bridges import native
from oracle.errors import BadInput
from oracle.procedures.simulate import simulate
from oracle.records.exact import Array
from oracle.records.network import Network
from oracle.records.precision import precision_model
from oracle.records.record import Record
from oracle.records.recurrence import Recurrence
from oracle.records.sealing import opened, sealed
from oracle.records.writing import write_bytes
from oracle.reference.enclosure import Enclosure, exact
from oracle.reference.entry import reference
from oracle.tolerance.tolerance import tolerance

FORMAT, VERSION = "rnn-oracle vectors", 1
PRECISIONS = ("float64", "float32")
RADIUS_DIGITS = 3
ABOUT = (
    "Row k of inputs drives the step from row k to row k+1 of the states; row = receiving unit in every matrix.",
    "trajectory: the exact states from h0 on, to the digits, each within its radius.",
    "steps: one step from each row of `from` with the same row of inputs; an honest program in a precision is within"
    " tolerance + radius of `to`, in any order of summation, if the assumptions hold.",
)
MAX_BYTES = native.MAX_BYTES


def vectors(
    rec: Recurrence, inputs: Any, h0: Any = None, *, digits: int = 30, precisions: Sequence[str] = PRECISIONS
) -> dict[str, Any]:
    """The content of a file of test vectors.

    Parameters
    ----------
    rec : Recurrence
    inputs : array_like, (K, I)
        One trajectory.
    h0 : array_like, (N,), optional
    digits : int
        Every radius is at most about 10^-digits.
    precisions : sequence of str
        Formats that get a tolerance, as for `oracle.tolerance`.

    Returns
    -------
    dict
        Plain JSON values; `write` seals them.

    Raises
    ------
    oracle.BadInput
        Not a recurrence, a batch, an unknown precision.
    """
    if not isinstance(rec, Recurrence):
        raise BadInput(
            f"a {type(rec).__name__} was passed.", "vectors are of steps.", "discretize the network with a step first."
        )
    X = np.asarray(inputs, dtype=np.float64)
    if X.ndim != 2 or not len(X):
        raise BadInput(
            f"inputs have shape {X.shape}.", "vectors are of one trajectory of at least one step.", "pass X (K, I)."
        )
    run = reference(rec, inputs=X, h0=h0, digits=digits)
    starts = simulate(rec, inputs=X, h0=h0)[:-1].astype(np.float32).astype(np.float64)
    allowed = {precision_model(name).name: tolerances(rec, X, starts, name) for name in precisions}
    assumptions = {name: list(tolerance(rec, X, h0, precision=name).assumptions) for name in allowed}
    return {
        **{"format": FORMAT, "version": VERSION, "about": list(ABOUT), "digits": digits, "status": run.status},
        "network": stated(rec),
        **{"inputs": X.tolist(), "h0": np.zeros(rec.N).tolist() if h0 is None else plain(np.asarray(h0))},
        "trajectory": _written("states", run, digits),
        "steps": {"from": starts.tolist(), **_written("to", one_step(rec, X, starts, digits), digits)}
        | {"tolerance": {name: [[upward(entry) for entry in row] for row in rows] for name, rows in allowed.items()}},
        **{"assumptions": assumptions, "record": native.document(rec)},
    }


def one_step(rec: Recurrence, X: Array, starts: Array, digits: int, engine: str = "auto") -> Enclosure:
    """The states after one step from each row, (K, N)."""
    found = reference(rec, inputs=X[None], h0=starts, digits=digits, engine=engine)
    return Enclosure(found.mid[1], found.rad[1], found.status, bits=found.bits, method=found.method)


def tolerances(rec: Recurrence, X: Array, starts: Array, precision: str) -> Array:
    """The proven bound of one step from each row, (K, N)."""
    bound: Array = tolerance(rec, X[None], starts, precision=precision).elementwise[0]
    return bound


def stated(rec: Recurrence) -> list[dict[str, Any]]:
    """How the record was stated, as a person would write it: constructor, then verbs, with numbers."""
    chain, record = [rec.origin], rec.origin.parent
    root: Record = rec
    while record is not None:
        chain.insert(0, record.origin)
        root, record = record, record.origin.parent
    links = []
    for place, link in enumerate(chain):
        kind = type(root) if place == 0 else Network
        made = kind if link.name == "general" else getattr(kind, link.name, None)
        says = (inspect.getdoc(made) or "").partition("\n")[0]
        arguments = {name: plain(value) for name, value in link.arguments.items() if value is not None}
        links.append({"name": link.name, "formula": says, "arguments": arguments})
    return links


def plain(value: Any) -> Any:
    """A parameter as JSON: a number where float64 holds it, "p/q" or words where it does not."""
    if isinstance(value, np.ndarray | tuple | list):
        return [plain(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, str | bool):
        return value
    if isinstance(value, Fraction | int):
        number = Fraction(value)
        small = abs(number) < 2**1000
        return float(number) if small and Fraction(float(number)) == number else str(number)
    return repr(value)


def upward(value: Any) -> str:
    """A radius in three digits, never smaller than it is."""
    size = Fraction(exact(value))
    if not size:
        return "0"
    power = len(str(size.numerator)) - len(str(size.denominator)) - RADIUS_DIGITS
    lead = -(-size // Fraction(10) ** power)  # has three or four digits
    return f"{lead}e{power}"


def _written(name: str, found: Enclosure, digits: int) -> dict[str, Any]:
    """Decimal digits, and radii that count what the decimals left out."""
    places = digits + RADIUS_DIGITS
    rows, radii = [], []
    for mids, rads in zip(found.mid, found.rad, strict=True):
        texts = [_decimal(exact(m), places) for m in mids]
        rows.append(texts)
        lost = (abs(Fraction(text) - exact(m)) for text, m in zip(texts, mids, strict=True))
        radii.append([upward(exact(r) + gap) for r, gap in zip(rads, lost, strict=True)])
    return {name: rows, "radii": radii}


def _decimal(value: Fraction, places: int) -> str:
    """A rational to a number of digits after the point."""
    scaled = round(abs(value) * 10**places)
    whole, part = divmod(scaled, 10**places)
    return f"{'-' if value < 0 and scaled else ''}{whole}.{part:0{places}d}"


KEYS = {"network", "inputs", "h0", "digits", "trajectory", "steps", "record"}


def write(document: dict[str, Any], path: Any) -> Path:
    """Seal and write, whole or not at all."""
    if Path(path).suffix.lower() != ".json":
        raise BadInput(f"the file is to be {path}.", "test vectors are JSON.", "give a path that ends in .json.")
    return write_bytes(path, sealed(document).encode("ascii"))


def read(path: Any) -> dict[str, Any]:
    """A file of test vectors whose seal is intact.

    Raises
    ------
    oracle.BadInput
        Missing, too large, damaged, or not a file of vectors.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise ValueError(f"it has more than {MAX_BYTES} bytes")
        document = opened(data.decode("ascii"))
        if document.get("format") != FORMAT or document.get("version") != VERSION:
            raise ValueError(f"it says {json.dumps(document.get('format'))}, version {document.get('version')!r}")
        if missing := KEYS - set(document):
            raise ValueError(f"there is no {', '.join(sorted(missing))}")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}.", "the path is misspelt.", "give the path of the file.") from None
    except (ValueError, TypeError) as error:
        raise BadInput(
            f"{path} holds no test vectors of version {VERSION}: {error}.",
            "it is another file, was edited, or was cut short.",
            "write it again with rnn-oracle vectors export.",
        ) from None
    return document

"""The tables of references.md, from what references.py has measured."""

from __future__ import annotations

from typing import Any

HEAD = """# Certified references

Made by `python reports/references.py`; with names of parts, parts alone. Radii are proved, times (processor seconds,
one thread) and differences observed. Other programs are timed by `reports/references_speed.py`.
"""


def markdown(document: dict[str, Any]) -> str:
    """The report; parts that were not made are left out."""
    parts = {
        "containment": _containment,
        "closed": _closed,
        "peers": _peers,
        "trained": _trained,
        "trained-flow": _trained_flow,
        "long": _long,
        "growth": _growth,
        "certificates": _certificates,
    }
    return "\n".join([HEAD, *(write(document[name]) for name, write in parts.items() if name in document)])


def table(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def _containment(part: dict[str, Any]) -> str:
    text = """## Containment

N = 1, 2, 5, 16, 64; gains 0.3, 1 and 2 (contracting to chaotic); all forms. Recurrences: 20 steps (3 for N = 64) to 25
digits against mpmath at twice the digits at least. Flows: 12 digits, an input that jumps, N up to 16 (but for leaky
relu, hardtanh, elu and powers 64 at gain 2 as well), against the readable integrator at 24 digits, its own radius
included; it has no regions, so flows with kinks, four times as long, against mpmath.odefun from switch to switch
(tests/reference/by_regions.py), and softplus(20) below its threshold against softplus. Worst: the largest distance by
the proved radius; more than 1 would be a fault. Refused: said to be out of reach. Networks drawn by Hypothesis, of up
to 64 units, are tests.

"""
    rows = [
        (kind, activation, row["runs"], row["inside"], row.get("refused", 0), f"{row['worst']:.3g}")
        for kind in ("recurrences", "flows", "flows with kinks")
        for activation, row in part.get(kind, {}).items()
    ]
    return text + table(("", "activation", "runs", "inside", "refused", "worst"), rows)


def _closed(part: dict[str, Any]) -> str:
    rows = [(row["what"], row["said"]) for row in part["rows"]]
    return "## Closed forms\n\nTests, each of which plants a fault.\n\n" + table(("closed form", "tests"), rows)


def _peers(part: dict[str, Any]) -> str:
    text = f"""## Other integrators, at their own tolerances

h' = -h + tanh(W h + c), {part["units"]} units, gain {part["gain"]:g}, to t = {part["last"]}, against the certified
state to 50 digits. Differences grow {part["growth"]:.3g}-fold until then (two certified flows).
Inside: the error is at most tolerance x that growth x steps, which is what a bound of the local errors can promise.

"""
    rows = []
    for row in part["rows"]:
        name = f"{row['name']} {row['version'] or ''}".strip()
        if row["version"] is None:
            rows.append((name, "", "not installed", "", "", ""))
        else:
            figures = f"{row['tolerance']:.0e}", f"{row['error']:.2e}", row["steps"], f"{row['ratio']:.3g}"
            rows.append((name, *figures, "inside" if row["inside"] else "**off**"))
    off = [f"{row['name']} at {row['tolerance']:.0e}" for row in part["rows"] if row.get("inside") is False]
    verdict = f"Off: {', '.join(off)}." if off else "None of them is off."
    odd = part["odefun"]
    return (
        text
        + table(("integrator", "tolerance", "error", "steps", "error / tolerance", ""), rows)
        + f"\n{verdict} mpmath.odefun is: y' = 5 (1 - y^2) from 0 to t = 1/2 at tolerance 1e-40 with 50 digits, error "
        f"{odd['odefun']:.1e} without a word (every second Taylor coefficient is 0, its step is chosen from the last); "
        f"the integrator of this project: {odd['ours']:.1e}.\n"
    )


def _row(name: str, row: dict[str, Any]) -> tuple[Any, ...]:
    seconds, megabytes = f"{row['seconds']:.0f} s", f"{row['memory']} MB"
    figures = (
        row["length"],
        f"{row['digits']:g}",
        f"{row['radius']:.2e}",
        row["bits"],
        row["method"],
        seconds,
        megabytes,
    )
    return (name, *figures, f"{row['gap']:.1e}")


COLUMNS = ("", "length", "digits", "largest radius", "bits", "method", "time", "memory", "float64 is off by")


def _trained(part: dict[str, Any]) -> str:
    head = "## A trained network of 400 units\n\n"
    if "missing" in part:
        return f"{head}Not made: {part['missing']}.\n"
    words = """The 3-bit flip-flop network of arXiv 2010.07858: its recurrence to 50 digits, every hundredth state kept,
beside a float64 run.

"""
    return head + words + table(COLUMNS, [_row(name, row) for name, row in part["rows"].items()])


def _trained_flow(part: dict[str, Any]) -> str:
    if "missing" in part:
        return ""
    words = """The flow of the paper's form with tau = 1, to 30 digits at t = 10, 20, .., 50, under pulses held for 1/5,
beside the classical Runge-Kutta method in float64 at step 1/100.

"""
    return words + table(COLUMNS, [_row(name, row) for name, row in part["rows"].items()])


def _long(part: dict[str, Any]) -> str:
    words = """## Long recurrences

To 30 digits; the last state is kept, so memory is that of the inputs and of what is computed with. A float64 run of the
chaotic network has nothing to do with the trajectory any more.

"""
    rows = [_row(f"{name}, N = {row['units']}, gain {row['gain']:g}", row) for name, row in part["rows"].items()]
    return words + table(COLUMNS, rows)


def _growth(part: dict[str, Any]) -> str:
    words = (
        "## Growth\n\nBalls; seconds against one size at a time (leaky steps, `rate` flows, gain 1/2, 30 digits).\n\n"
    )
    rows = []
    for name, row in part["rows"].items():
        pairs = ", ".join(f"{v}: {s:.2g}" for v, s in zip(row["values"], row["seconds"], strict=True))
        rows.append((name, pairs, f"{row['exponent']:.2f}"))
    return words + table(("", "seconds", "exponent"), rows)


def _certificates(part: dict[str, Any]) -> str:
    rows = [
        (
            row["what"],
            f"{row['bytes'] / 1e6:.2f} MB",
            f"{row['writing']:.1f} s",
            f"{row['checking']:.1f} s",
            row["said"],
        )
        for row in part["rows"]
    ]
    words = "## Certificates\n\nWritten, and verified by `proofs/checker` with integers and fractions; 30 digits.\n\n"
    return words + table(("", "file", "writing", "checking", "what the checker says"), rows)

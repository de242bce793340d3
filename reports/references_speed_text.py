"""How `references_speed` is written down: its tables in Markdown, and the work-precision figure."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

COLOURS = {"limbs (proved)": "#1b6ca8", "balls (proved)": "#2a9d55", "heyoka (no bound)": "#b5542c"}


def shown(value: Any) -> str:
    """Seconds, or a dash."""
    return "-" if value is None else f"{value:.3g}"


def over(seconds: float | None, others: float) -> float | None:
    """A ratio, where there is one."""
    return None if seconds is None else seconds / others


def targets(data: dict[str, Any]) -> list[list[str]]:
    """What was aimed at, what was measured, and whether that is enough."""
    cells = {(row["N"], row["digits"]): row for part in ("small", "large", "wide") for row in data.get(part, ())}
    found: list[tuple[str, float | None, float, int]] = []
    for key in ((32, 50), (128, 50), (128, 100)):
        if key in cells and cells[key]["heyoka"]:
            ratio = cells[key]["heyoka"]["seconds"] / cells[key]["limbs"]
            found.append((f"flow, N = {key[0]}, {key[1]} digits: times faster than heyoka", ratio, 10, 1))
    if (8, 50) in cells:
        ratio = over(cells[8, 50]["odefun"], cells[8, 50]["limbs"])
        found.append(("flow, N = 8, 50 digits: times faster than odefun", ratio, 200, 1))
    if (1024, 50) in cells:
        found.append(("flow, N = 1024, 50 digits: MiB", cells[1024, 50]["MiB"], 1024, -1))
    if "recurrence" in data:
        seconds = {name: row["seconds"] for name, row in data["recurrence"].items()}
        ratio = seconds["Arb, all radii kept (proved)"] / seconds["limbs (proved)"]
        found.append(("recurrence: seconds in limbs", seconds["limbs (proved)"], 0.5, -1))
        found.append(("recurrence: times faster than Arb with all radii", ratio, 10, 1))
        found.append(("recurrence: seconds without numba", seconds["centres, python-flint alone (proved)"], 6, -1))
    return [
        [
            name,
            f"{'at most' if sign < 0 else 'at least'} {aim:g}",
            shown(got),
            "met" if sign * (got - aim) >= 0 else "missed",
        ]
        for name, got, aim, sign in found
        if got is not None
    ]


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return [*("| " + " | ".join(line) + " |" for line in lines), ""]


def markdown(data: dict[str, Any]) -> str:
    """The report."""
    lines = [
        "# What certified references cost",
        "",
        "Made by `python reports/references_speed.py`. Observed: processor seconds, one thread, compilation left out;",
        "ratios within a row are what to trust. Radii of limbs, balls, centres are proved, others prove nothing.",
        "",
    ]
    cells = [row for part in ("small", "large", "wide") for row in data.get(part, ())]
    if cells:
        lines += ["## h' = -h + tanh(W h + c), gain 1.2, to t = 5", ""]
        rows = []
        for row in cells:
            peer = row["heyoka"] or {"seconds": None, "compilation": None}
            times = [over(seconds, row["limbs"]) for seconds in (peer["seconds"], row["odefun"])]
            figures = [row["limbs"], row["balls"], row["integers"], peer["seconds"], row["odefun"], *times]
            rows.append([str(row["N"]), str(row["digits"]), *map(shown, [*figures, peer["compilation"]])])
        head = ["N", "digits", "limbs", "balls", "integers", "heyoka", "odefun", "heyoka / limbs", "odefun / limbs"]
        lines += table([*head, "heyoka compiles"], rows)
        lines += [f"N = {row['N']}: at most {row['MiB']:.0f} MiB in limbs." for row in cells if "MiB" in row]
        lines += [f"mpmath computes with {data['mpmath']} integers here.", ""] if "mpmath" in data else [""]
    if targets(data):
        lines += ["## Targets", "", *table(["", "target", "measured", ""], targets(data))]
    if "recurrence" in data:
        lines += ["## Leaky network, N = 256, K = 1000, 50 digits", ""]
        lines += ["Where fewer steps were timed, their seconds are multiplied. Off by: after those steps.", ""]
        limbs = data["recurrence"]["limbs (proved)"]["seconds"]
        rows = []
        for name, row in data["recurrence"].items():
            off = "at most 1e-50" if row["off"] is None else f"{row['off']:.1e}"
            rows.append([name, shown(row["seconds"]), shown(row["seconds"] / limbs), str(row["steps"]), off])
        lines += table(["", "seconds", "/ limbs", "steps timed", "off by"], rows)
    if "profile" in data:
        lines += ["## Where the time goes", ""]
        for name, found in data["profile"].items():
            lines += [f"{name[0].upper()}{name[1:]}; cProfile: {found['total']:.2f} s in all.", ""]
            rows = [[job, str(n), f"{own:.3f}", f"{own / found['total']:.0%}"] for job, n, own in found["rows"]]
            lines += table(["function", "calls", "own seconds", "share"], rows)
    if "precision" in data:
        lines += ["## Work and precision, N = 32", "", "![work and precision](references_speed.svg)", ""]
        lines += table(
            ["digits", *COLOURS], [[str(r["digits"]), *(shown(r[n]) for n in COLOURS)] for r in data["precision"]]
        )
    if "growth" in data:
        lines += ["## Growth", ""]
        rows = [
            [name, *(", ".join(map(show, g[n])) for n, show in (("sizes", str), ("seconds", shown))), *exponents(g)]
            for name, g in data["growth"].items()
        ]
        lines += table(["of", "at", "seconds", "exponent", "of the last two"], rows)
        lines += [
            "Errors may grow at this gain, so that longer runs take more bits as well: K and T count twice. T follows "
            "no power law: at T = 1 the time is mostly what a flow costs however short it is, which hides what the "
            "next ones add; later on steps and bits grow as T each. T = 640 would need 952 "
            "bits, more than bounds in float64 reach: balls take it.",
            "",
        ]
    return "\n".join(lines)


def exponents(growth: dict[str, Any]) -> tuple[str, str]:
    """Of all sizes, fitted, and of the last two."""
    (size, larger), (before, after) = growth["sizes"][-2:], growth["seconds"][-2:]
    return f"{growth['exponent']:.2f}", f"{log(after / before) / log(larger / size):.2f}"


def figure(rows: list[dict[str, Any]]) -> str:
    """Digits to the right, seconds upward by powers of ten."""
    values = [row[name] for row in rows for name in COLOURS if row[name]]
    low, high = np.floor(np.log10(min(values))), np.ceil(np.log10(max(values)))
    widest = max(row["digits"] for row in rows)

    def place(digits: float, seconds: float) -> str:
        return f"{60 + 420 * digits / widest:.1f},{300 - 270 * (np.log10(seconds) - low) / (high - low):.1f}"

    parts = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 350" font-family="sans-serif" font-size="12">']
    for power in range(int(low), int(high) + 1):
        y = place(0, 10.0**power).split(",")[1]
        parts.append(f'<path d="M60 {y}H480" stroke="#ddd"/><text x="8" y="{y}">1e{power} s</text>')
    parts += [f'<text x="{place(r["digits"], 1).split(",")[0]}" y="320">{r["digits"]}</text>' for r in rows]
    parts.append('<text x="230" y="340">digits</text>')
    for i, (name, colour) in enumerate(COLOURS.items()):
        points = " ".join(place(row["digits"], row[name]) for row in rows if row[name])
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="490" y="{60 + 20 * i}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])

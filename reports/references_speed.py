"""What certified references cost beside what one would use instead, in one run.

    OMP_NUM_THREADS=1 python reports/references_speed.py [PART ..]

writes reports/references_speed.json, .md and the work-precision figure .svg; with names of parts those alone are made
anew: flows, wide, recurrence, precision, growth. Processor seconds, one thread, the least of a few runs: machines are
shared, and ratios of one run are what to trust. Compilation is said apart. heyoka is timed where installed.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from math import ceil, log
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import mpmath  # noqa: E402
import numpy as np  # noqa: E402

import oracle  # noqa: E402
from oracle.arithmetic.mp import Mp  # noqa: E402
from oracle.equations.catalogue import advance  # noqa: E402
from oracle.reference.arguments import columns  # noqa: E402
from oracle.reference.outlook import outlook  # noqa: E402
from oracle.reference.problem import Problem  # noqa: E402
from oracle.reference.recurrences import attempt, follow_balls  # noqa: E402

LAST, GAIN = 5, 1.2
CELLS = ((2, 50), (32, 50), (128, 50), (128, 100))
PRECISIONS = (15, 30, 50, 75, 100)
FEW, RAW_BITS = 10, 960  # steps of what is slow; bits that balls with their radii need for 1,000 steps
COLOURS = {"limbs (proved)": "#1b6ca8", "balls (proved)": "#2a9d55", "heyoka (no bound)": "#b5542c"}


def network(N: int) -> tuple[oracle.Network, Any]:
    """h' = -h + tanh(W h + c) and where it starts."""
    rng = np.random.default_rng(0)
    W, c, h0 = GAIN * rng.standard_normal((N, N)) / np.sqrt(N), 0.3 * rng.standard_normal(N), rng.standard_normal(N) / 2
    return oracle.Network.rate(W, None, c), h0


def least(job: Callable[[], Any], rounds: int) -> float:
    """Processor seconds, the least of some runs."""
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        job()
        spent.append(time.process_time() - start)
    return min(spent)


def ours(N: int, digits: int, engine: str, rounds: int = 3, last: float = LAST) -> float:
    """A certified flow, its goal checked."""
    net, h0 = network(N)

    def job() -> None:
        found = oracle.reference(net, h0=h0, times=[last], digits=digits, engine=engine)
        assert found.status == "proved"
        assert found.digits >= digits

    return least(job, rounds)


def heyoka(N: int, digits: int, rounds: int = 2) -> dict[str, float] | None:
    """Its multiprecision Taylor integrator, tolerance 10^-(digits + 2), working precision 6 digits more than asked."""
    try:
        import heyoka as hy
    except ImportError:
        return None
    net, h0 = network(N)
    bits = ceil((digits + 6) * log(10, 2))
    W, c = net.field.W.terms[0].dense, net.field.b[0]
    h = [hy.make_vars(f"h{i}") for i in range(N)]

    def real(value: Any) -> Any:
        return hy.real(float(value), bits)

    field = [
        (h[i], -h[i] + hy.tanh(hy.sum([*(real(W[i, j]) * h[j] for j in range(N)), hy.expression(real(c[i]))])))
        for i in range(N)
    ]
    tolerance, begin = hy.real(f"1e-{digits + 2}", bits), time.process_time()
    flow = hy.taylor_adaptive(
        field, [real(x) for x in h0], fp_type=hy.real, prec=bits, tol=tolerance, compact_mode=True
    )
    compiled = time.process_time() - begin

    def job() -> None:
        flow.time = real(0)
        flow.state[:] = np.array([real(x) for x in h0])
        flow.propagate_until(real(LAST))

    return {"seconds": least(job, rounds), "compilation": compiled}


def odefun(N: int, digits: int) -> float:
    """mpmath's, at the digits asked for and ten more to work with."""
    net, h0 = network(N)
    ctx = mpmath.MPContext()
    ctx.dps = digits + 10
    W = [[ctx.mpf(w) for w in row] for row in net.field.W.terms[0].dense.tolist()]
    c, y = [ctx.mpf(float(v)) for v in net.field.b[0]], [ctx.mpf(float(v)) for v in h0]

    def field(_: Any, h: list[Any]) -> list[Any]:
        return [-h[i] + ctx.tanh(ctx.fdot(W[i], h) + c[i]) for i in range(N)]

    return least(lambda: ctx.odefun(field, 0, y, tol=ctx.mpf(10) ** -digits)(LAST), 1)


def flows() -> Any:
    """The first table: N = 2 beside odefun as well."""
    rows = []
    for N, digits in CELLS:
        found: dict[str, Any] = {"N": N, "digits": digits, "limbs": ours(N, digits, "limbs", 5)}
        found["balls"] = ours(N, digits, "balls", 1) if N <= 32 else None
        found["heyoka"] = heyoka(N, digits)
        found["odefun"] = odefun(N, digits) if N == 2 else None
        rows.append(found)
    return rows


def wide() -> Any:
    """N = 1024: time and the most memory the process ever held."""
    seconds = ours(1024, 50, "limbs", 1)
    return {"seconds": seconds, "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def steps(K: int, N: int = 256) -> Problem:
    """A leaky network with inputs."""
    rng = np.random.default_rng(0)
    W, M, b = GAIN * rng.standard_normal((N, N)) / np.sqrt(N), rng.standard_normal((N, 4)), rng.standard_normal(N)
    X, h0 = rng.standard_normal((1000, 4)), rng.standard_normal(N)
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.1)
    return Problem(rec, *columns(rec, X[:K], h0)[:2], 50)


def recurrence() -> Any:
    """N = 256, K = 1000, 50 digits; what is slow is timed for a few steps and multiplied."""
    from oracle.reference import engines

    p, few = steps(1000), steps(FEW)
    outlook(few)

    def in_mpmath() -> None:
        ops = Mp(50)
        h = ops.lift(few.h0)
        for x in few.inputs[:2]:
            h = advance(ops, few.rec, h, ops.lift(x))

    return {
        "limbs": least(lambda: engines.certify(p, "limbs"), 3),
        "centres (python-flint alone)": least(lambda: engines.certify(p, "balls"), 1),
        "balls with their radii": least(lambda: attempt(few, RAW_BITS, follow_balls), 1) * 1000 / FEW,
        "mpmath (no bound)": least(in_mpmath, 1) * 500,
    }


def precision() -> Any:
    """Work against precision at N = 32."""
    table = []
    for digits in PRECISIONS:
        peer = heyoka(32, digits)
        table.append(
            {
                "digits": digits,
                "limbs (proved)": ours(32, digits, "limbs"),
                "balls (proved)": ours(32, digits, "balls", 1),
                "heyoka (no bound)": None if peer is None else peer["seconds"],
            }
        )
    return table


def growth() -> Any:
    """Exponents fitted to the logarithms."""
    from oracle.reference import engines

    ways: dict[str, tuple[tuple[int, ...], Callable[[int], float]]] = {
        "flow, N": ((32, 64, 128, 256), lambda N: ours(N, 50, "limbs")),
        "flow, digits": ((25, 50, 100, 200), lambda d: ours(32, d, "limbs")),
        "flow, T": ((5, 10, 20, 40), lambda T: ours(8, 30, "limbs", last=T)),
        "recurrence, K": ((125, 250, 500, 1000), lambda K: least(lambda: engines.certify(steps(K), "limbs"), 2)),
        "recurrence, N": ((64, 128, 256, 512), lambda N: least(lambda: engines.certify(steps(200, N), "limbs"), 2)),
    }
    found = {}
    for name, (sizes, job) in ways.items():
        seconds = [job(size) for size in sizes]
        exponent = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
        found[name] = {"sizes": sizes, "seconds": seconds, "exponent": exponent}
    return found


def shown(value: Any) -> str:
    """Seconds, or a dash."""
    return "-" if value is None else f"{value:.3g}"


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
    if "flows" in data:
        lines += ["## h' = -h + tanh(W h + c), gain 1.2, to t = 5", ""]
        rows = []
        for row in data["flows"]:
            peer = row["heyoka"] or {"seconds": None, "compilation": None}
            ratio = None if peer["seconds"] is None else peer["seconds"] / row["limbs"]
            cells = (row["limbs"], row["balls"], peer["seconds"], ratio, peer["compilation"], row["odefun"])
            rows.append([str(row["N"]), str(row["digits"]), *map(shown, cells)])
        head = ["N", "digits", "limbs", "balls", "heyoka", "heyoka / limbs", "heyoka compiles", "odefun"]
        lines += table(head, rows)
    if "wide" in data:
        lines += [f"N = 1024, 50 digits: {data['wide']['seconds']:.1f} s, at most {data['wide']['MiB']:.0f} MiB.", ""]
    if "recurrence" in data:
        lines += ["## Leaky network, N = 256, K = 1000, 50 digits", ""]
        limbs = data["recurrence"]["limbs"]
        lines += table(
            ["", "seconds", "/ limbs"],
            [[name, shown(value), shown(value / limbs)] for name, value in data["recurrence"].items()],
        )
    if "precision" in data:
        lines += ["## Work and precision, N = 32", "", "![work and precision](references_speed.svg)", ""]
        lines += table(
            ["digits", *COLOURS], [[str(r["digits"]), *(shown(r[n]) for n in COLOURS)] for r in data["precision"]]
        )
    if "growth" in data:
        lines += ["## Growth", ""]
        rows = [
            [name, ", ".join(map(str, g["sizes"])), ", ".join(map(shown, g["seconds"])), f"{g['exponent']:.2f}"]
            for name, g in data["growth"].items()
        ]
        lines += table(["of", "at", "seconds", "exponent"], rows)
    return "\n".join(lines)


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


def main(parts: list[str]) -> None:
    """Make the parts anew and write everything."""
    path = ROOT / "reports" / "references_speed.json"
    data = json.loads(path.read_text()) if path.exists() else {}
    jobs: dict[str, Callable[[], Any]] = {job.__name__: job for job in (flows, wide, recurrence, precision, growth)}
    ours(2, 20, "limbs", 1)  # loads or compiles
    for name in parts or list(jobs):
        data[name] = jobs[name]()
        path.write_text(json.dumps(data, indent=1) + "\n")
        path.with_suffix(".md").write_text(markdown(data))
        print(name, flush=True)
    if "precision" in data:
        path.with_suffix(".svg").write_text(figure(data["precision"]))


if __name__ == "__main__":
    main(sys.argv[1:])

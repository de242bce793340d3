"""What certified references cost beside what one would use instead, in one run.

    OMP_NUM_THREADS=1 python reports/references_speed.py [PART ..]

writes reports/references_speed.json, .md and the work-precision figure .svg; with names of parts those alone are made
anew: wide, small, large, recurrence, precision, growth, profile. Processor seconds, one thread, the least of a few
runs: machines are shared, and ratios of one run are what to trust. Compilation is said apart. heyoka is timed where
installed.
"""

from __future__ import annotations

import cProfile
import json
import os
import pstats
import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

sys.path.insert(0, str(ROOT / "reports"))

import mpmath  # noqa: E402
import numpy as np  # noqa: E402
import references_speed_peers as peers  # noqa: E402
from references_speed_peers import LAST, least  # noqa: E402
from references_speed_text import figure, markdown  # noqa: E402

import oracle  # noqa: E402
from oracle.reference.arguments import columns  # noqa: E402
from oracle.reference.enclosure import exact  # noqa: E402
from oracle.reference.outlook import outlook  # noqa: E402
from oracle.reference.problem import Problem  # noqa: E402
from oracle.reference.recurrences import attempt, follow_balls  # noqa: E402

GAIN = 1.2
PRECISIONS = (15, 30, 50, 75, 100)
PROFILED = 100  # steps
FEW, RAW_BITS = 10, 960  # steps of what is slow; bits that balls with their radii need for 1,000 steps


def raw(N: int) -> tuple[Any, Any, Any]:
    """W, c and h0 of h' = -h + tanh(W h + c)."""
    rng = np.random.default_rng(0)
    return GAIN * rng.standard_normal((N, N)) / np.sqrt(N), 0.3 * rng.standard_normal(N), rng.standard_normal(N) / 2


def ours(N: int, digits: int, engine: str, rounds: int = 3, last: float = LAST) -> float:
    """A certified flow, its goal checked."""
    W, c, h0 = raw(N)
    net = oracle.Network.rate(W, None, c)

    def job() -> None:
        found = oracle.reference(net, h0=h0, times=[last], digits=digits, engine=engine)
        assert found.status == "proved"
        assert found.digits >= digits

    return least(job, rounds)


def cell(N: int, digits: int) -> dict[str, Any]:
    """One row of the first table; balls, integers and odefun where they take minutes at most."""
    problem = raw(N)
    found: dict[str, Any] = {"N": N, "digits": digits, "limbs": ours(N, digits, "limbs", 5 if N < 1024 else 1)}
    if N == 1024:
        found["MiB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["balls"] = ours(N, digits, "balls", 1) if N < 1024 else None
    found["integers"] = peers.integers_flow(*problem, digits)[0] if N < 1024 else None
    found["odefun"] = peers.odefun(*problem, digits) if N <= 8 else None
    found["heyoka"] = peers.heyoka(*problem, digits, 3 if N <= 32 else 1)
    if N < 1024:  # before and after the others: other programs come and go on a shared machine
        found["limbs"] = min(found["limbs"], ours(N, digits, "limbs", 5))
    print(f"  N = {N}, {digits} digits", flush=True)
    return found


def small() -> Any:
    """Flows of few units."""
    return [cell(2, 50), cell(8, 50), cell(32, 50)]


def large() -> Any:
    """Flows of 128 units."""
    return [cell(128, 50), cell(128, 100)]


def wide() -> Any:
    """1024 units, and the most memory the process held until its reference was there."""
    return [cell(1024, 50)]


def steps(K: int, N: int = 256) -> Problem:
    """A leaky network with inputs."""
    W, M, b, h0, X = leaky(N, K)
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.1)
    return Problem(rec, *columns(rec, X, h0)[:2], 50)


def leaky(N: int, K: int) -> tuple[Any, ...]:
    """W, M, b, h0, X."""
    rng = np.random.default_rng(0)
    W, M, b = GAIN * rng.standard_normal((N, N)) / np.sqrt(N), rng.standard_normal((N, 4)), rng.standard_normal(N)
    X, h0 = rng.standard_normal((1000, 4)), rng.standard_normal(N)
    return W, M, b, h0, np.tile(X, (-(-K // 1000), 1))[:K]


INSTEAD: dict[str, tuple[Callable[..., peers.Steps], int]] = {
    "Arb, re-centred (no bound)": (peers.recentred, 1000),
    "Python integers (no bound)": (peers.in_integers, 100),
    "mp.fdot (no bound)": (peers.in_dots, 20),
    "mp.matrix (no bound)": (peers.in_matrices, 20),
    "mpmath.iv (unsound)": (peers.in_intervals, 10),
    "longdouble (no bound)": (peers.in_numpy(np.longdouble), 1000),
    "float64 (no bound)": (peers.in_numpy(np.float64), 1000),
}
"""What does the same, and how many steps of it are timed; the seconds of fewer than 1,000 are multiplied."""


def recurrence() -> Any:
    """N = 256, K = 1000, 50 digits; beside its seconds, what each is off by after the steps that were timed."""
    from oracle.reference import engines

    problem, few = steps(1000), steps(FEW)
    outlook(few)
    W, M, b, h0, X = leaky(256, 1000)
    truth = oracle.reference(problem.rec, X, h0, digits=60, engine="limbs")
    rows: dict[str, Any] = {}
    for name, engine, rounds in (("limbs (proved)", "limbs", 5), ("centres, python-flint alone (proved)", "balls", 1)):
        seconds = least(partial(engines.certify, problem, engine), rounds)
        rows[name] = {"seconds": seconds, "steps": 1000, "off": None}
    seconds = least(lambda: attempt(few, RAW_BITS, follow_balls), 1) * 1000 / FEW
    rows["Arb, all radii kept (proved)"] = {"seconds": seconds, "steps": FEW, "off": None}
    for name, (made, K) in INSTEAD.items():
        run, found = made(W, M, b, h0), list[Any]()
        seconds = least(lambda run=run, K=K, found=found: found.append(run(X, K)), 1) * 1000 / K
        off = max(abs(a - exact(r)) for a, r in zip(found[-1], truth.mid[K], strict=True))
        rows[name] = {"seconds": seconds, "steps": K, "off": float(off)}
        print(f"  {name}", flush=True)
    return rows


def profile() -> Any:
    """Where the time goes of python-flint's engine (N = 256, 50 digits), and of a flow of 32 units in limbs."""
    from oracle.reference import engines

    problem = steps(PROFILED)
    jobs: dict[str, Callable[[], Any]] = {
        f"the leaky network by centres, {PROFILED} steps": partial(engines.certify, problem, "balls"),
        "the flow of 32 units in limbs, 50 digits, ten times": partial(ours, 32, 50, "limbs", 10),
    }
    return {name: profiled(job) for name, job in jobs.items()}


def profiled(job: Callable[[], Any]) -> dict[str, Any]:
    """Own seconds of the functions that take most."""
    job()  # what is evaluated once
    spent = cProfile.Profile()
    spent.runcall(job)
    stats = pstats.Stats(spent)
    entries = stats.stats.items()  # type: ignore[attr-defined]
    rows = [
        (f"{Path(file).name}:{name}".removeprefix("~:"), calls, own) for (file, _, name), (calls, _, own, *_) in entries
    ]
    return {"total": stats.total_tt, "rows": sorted(rows, key=lambda row: -row[2])[:10]}  # type: ignore[attr-defined]


def precision() -> Any:
    """Work against precision at N = 32."""
    table = []
    for digits in PRECISIONS:
        peer = peers.heyoka(*raw(32), digits)
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

    def followed(problem: Problem, rounds: int = 1) -> float:
        return least(partial(engines.certify, problem, "limbs"), rounds)

    ways: dict[str, tuple[tuple[int, ...], Callable[[int], float]]] = {
        "flow, N": ((128, 256, 512, 1024), lambda N: ours(N, 50, "limbs", 1)),
        "flow, digits": ((50, 100, 150, 200), lambda d: ours(32, d, "limbs", 1)),
        "flow, T": ((1, 10, 40, 80, 160, 320), lambda T: ours(32, 30, "limbs", 1, T)),
        "flow in balls, N": ((16, 32, 64, 128), lambda N: ours(N, 30, "balls", 1, 1)),
        "recurrence, K": ((1000, 2000, 4000, 8000), lambda K: followed(steps(K))),
        "recurrence, N": ((128, 256, 512, 1024), lambda N: followed(steps(200, N), 2)),
        "recurrence, digits": ((100, 200, 300, 400), lambda d: followed(replace(steps(200), digits=d), 2)),
    }
    found = {}
    for name, (sizes, job) in ways.items():
        seconds = [job(size) for size in sizes]
        exponent = float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])
        found[name] = {"sizes": sizes, "seconds": seconds, "exponent": exponent}
    return found


PARTS = (wide, small, large, recurrence, precision, growth, profile)


def main(parts: list[str]) -> None:
    """Make the parts anew and write everything."""
    path = ROOT / "reports" / "references_speed.json"
    data = json.loads(path.read_text()) if path.exists() else {}
    jobs: dict[str, Callable[[], Any]] = {job.__name__: job for job in PARTS}
    ours(2, 20, "limbs", 1)  # loads or compiles
    data["mpmath"] = mpmath.libmp.BACKEND
    for name in parts or list(jobs):
        data[name] = jobs[name]()
        path.write_text(json.dumps(data, indent=1) + "\n")
        path.with_suffix(".md").write_text(markdown(data))
        print(name, flush=True)
    if "precision" in data:
        path.with_suffix(".svg").write_text(figure(data["precision"]))


if __name__ == "__main__":
    main(sys.argv[1:])

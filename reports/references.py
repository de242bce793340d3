"""What certified references contain, how far they reach, and what they cost.

    OMP_NUM_THREADS=1 python reports/references.py [PART ..]

writes reports/references.json and reports/references.md; with names of parts, those alone are made anew: containment,
closed, peers, trained, trained-flow, long, growth, certificates. `trained` needs the network of
tests/real/keras_flipflop.py, `peers` says which of heyoka, diffrax and SciPy are not installed.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "reports"), str(ROOT / "proofs" / "checker")]

import numpy as np  # noqa: E402
import references_peers  # noqa: E402
from references_containment import containment, flowing, made  # noqa: E402
from references_text import markdown  # noqa: E402

import oracle  # noqa: E402

LONG = (("contracting", "leaky", 32, 0.5, 100_000, 3), ("chaotic", "elman", 64, 2.0, 2000, 1))
"""Name, form, N, gain, steps, seed of the weights."""
CLOSED = (
    ("test_flow.py", "tanh_in_closed_form", "one unit: sinh(w h) grows like e^(beta w t)"),
    ("test_flow.py", "logistic_in_closed_form", "one unit: h + e^h = h0 + e^h0 + t"),
    ("test_flow.py", "odd_lure_network", "one unit, even field: the implicit solution by quadrature"),
    ("test_flow.py", "matrix_exponential", "two linear units, every form: the matrix exponential in balls"),
    ("test_proved_flows.py", "thirty_two_linear_units", "32 linear units, a tau for each, both directions: the same"),
    ("test_flow.py", "held_and_sampled", "a linear unit under held and linear inputs"),
    ("test_proved_flows.py", "equilibrium_stays", "an unstable fixed point stays put"),
    ("test_relu_flows.py", "closed_form or short_excursion", "a ReLU unit that switches, and one that barely does"),
    ("test_relu_flows.py", "matrix_exponentials_region", "three ReLU units: matrix exponentials region by region"),
)


def timed(job: Callable[[], Any]) -> tuple[Any, float]:
    """A result and its processor time: others may be busy on the machine."""
    begin = time.process_time()
    found = job()
    return found, time.process_time() - begin


def memory() -> int:
    """MB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def closed() -> dict[str, Any]:
    """The tests against closed forms, each with its planted fault."""
    rows = []
    for file, name, words in CLOSED:
        command = [sys.executable, "-m", "pytest", "-q", f"tests/reference/{file}", "-k", name]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        said = run.stdout.strip().splitlines()[-1].split(" in ")[0]
        rows.append({"what": words, "said": said, "passed": run.returncode == 0})
    return {"rows": rows}


def trained() -> dict[str, Any]:
    """The trained network of 400 units: its recurrence to 50 digits over 2,000 steps, every hundredth state kept."""
    from real import keras_flipflop as flipflop

    if not _there(flipflop):
        return {"missing": f"{flipflop.NAME} is not there; RNN_ORACLE_DATA names its folder"}
    K, h0, rec = 2000, flipflop.initial(), oracle.Recurrence.elman(*flipflop.weights())
    X = flipflop.inputs(steps=K)
    found, seconds = timed(lambda: oracle.reference(rec, X, h0, digits=50, steps=range(0, K + 1, 100)))
    gap = float(np.abs(oracle.simulate(rec, X, h0)[::100] - found.float64()).max())
    return {"rows": {"recurrence": _row(found, seconds, gap, f"{K} steps")}}


def trained_flow() -> dict[str, Any]:
    """Its flow in the paper's form with tau = 1, to 30 digits over 50 time units, under pulses."""
    from real import keras_flipflop as flipflop

    if not _there(flipflop):
        return {"missing": f"{flipflop.NAME} is not there; RNN_ORACLE_DATA names its folder"}
    W, M = flipflop.weights()
    h0, step, last = flipflop.initial(), Fraction(1, 5), 50
    X = flipflop.inputs(steps=last * 5)
    net, pulses = oracle.Network.paper(W, M, tau=1), oracle.held(X, step)
    found, seconds = timed(lambda: oracle.reference(net, pulses, h0, [10, 20, 30, 40, last], digits=30))
    gap = float(np.abs(_runge_kutta(W, M, X, h0, step, last) - found.float64()).max())
    return {"rows": {"flow": _row(found, seconds, gap, f"{last} time units, pulses")}}


def _there(flipflop: Any) -> bool:
    return bool((flipflop.data_folder() / flipflop.NAME).is_file())


def _row(found: Any, seconds: float, gap: float, length: str) -> dict[str, Any]:
    radius = max(float(r) for r in found.rad.ravel())
    return {
        **{"length": length, "status": found.status, "digits": found.digits, "radius": radius, "bits": found.bits},
        **{"method": found.method, "seconds": seconds, "memory": memory(), "gap": gap},
    }


def _runge_kutta(W: Any, M: Any, X: Any, h0: Any, step: Fraction, last: int, parts: int = 20) -> Any:
    """h' = -h + tanh(W h + M x) in float64 at 10, 20, ..: the classical method at step / parts."""
    W, M, h, dt, found = W.astype(float), M.astype(float), h0.astype(float), float(step) / parts, []
    for k, x in enumerate(X[: last * 5].astype(float)):
        drive = M @ x

        def field(h: Any, drive: Any = drive) -> Any:
            return -h + np.tanh(W @ h + drive)

        for _ in range(parts):
            k1 = field(h)
            k2 = field(h + dt / 2 * k1)
            k3 = field(h + dt / 2 * k2)
            h = h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + field(h + dt * k3))
        if (k + 1) % 50 == 0:
            found.append(h)
    return np.array(found)


def long() -> dict[str, Any]:
    """K = 100,000 of a contracting network and K = 2,000 at gain 2, to 30 digits, the last state alone."""
    rows = {}
    for name, kind, N, gain, K, seed in LONG:
        rec = made(kind, "tanh", N, gain, seed)
        X, h0 = np.random.default_rng(4).normal(size=(K, 2)), np.random.default_rng(5).normal(size=N)
        X = X if gain < 1 else X / 10  # a strong drive would tame the chaos
        found, seconds = timed(partial(oracle.reference, rec, X, h0, digits=30, steps=[K]))
        seen = oracle.simulate(rec, X, h0)[-1]
        row = _row(found, seconds, float(np.abs(seen - found.float64()[0]).max()), f"{K} steps")
        rows[name] = {**row, "units": N, "gain": gain}
    return {"rows": rows}


def growth() -> dict[str, Any]:
    """Processor time against one size at a time, and the exponent fitted to it."""

    def steps(N: int = 64, K: int = 200, digits: int = 30) -> None:
        X = np.random.default_rng(4).normal(size=(K, 2))
        oracle.reference(made("leaky", "tanh", N, 0.5, 3), X, np.zeros(N), digits=digits, steps=[K], engine="balls")

    def flow(N: int = 16, T: int = 2, digits: int = 30) -> None:
        driven = oracle.held(np.random.default_rng(4).normal(size=(T, 2)), 1)  # at rest steps would become longer
        oracle.reference(flowing("tanh", N, 0.5, 3), driven, np.full(N, 0.5), [T], digits=digits, engine="balls")

    grids: dict[str, tuple[Callable[..., None], str, tuple[int, ...]]] = {
        "recurrence, K": (steps, "K", (400, 800, 1600)),
        "recurrence, N": (steps, "N", (128, 256, 512)),
        "recurrence, digits": (steps, "digits", (400, 1600, 6400)),
        "flow, T": (flow, "T", (4, 8, 16)),
        "flow, N": (flow, "N", (32, 64, 128)),
        "flow, digits": (flow, "digits", (50, 100, 200)),
    }
    rows = {}
    for name, (job, variable, values) in grids.items():
        job(**{variable: values[0]})  # what is loaded and evaluated once is not counted
        seconds = [timed(partial(job, **{variable: v}))[1] for v in values]
        exponent = float(np.polyfit(np.log(values), np.log(seconds), 1)[0])
        rows[name] = {"values": values, "seconds": seconds, "exponent": exponent}
    return {"rows": rows}


def certificates() -> dict[str, Any]:
    """Certificates of a recurrence and of flows: written, and verified by the checkers."""
    import check_certificate
    import check_flow
    import check_linear_flow

    jobs: list[tuple[str, Any, Callable[[], Any]]] = []
    for N, K, s in ((32, 50, "tanh"), (64, 100, "tanh"), (32, 50, "gelu"), (32, 50, "sin")):
        rec, X = made("leaky", s, N, 1.0, 3), np.random.default_rng(4).normal(size=(K, 2))
        jobs.append((f"{s}, {N} units, {K} steps", check_certificate, partial(oracle.certificate, rec, X, digits=30)))
    for N, s in ((2, "tanh"), (8, "tanh"), (32, "tanh"), (8, "silu"), (8, "relu"), (32, "relu")):
        net, x = flowing(s, N, 1.0, 3), oracle.held(np.random.default_rng(4).normal(size=(2, 2)), 1)
        checker = check_linear_flow if s == "relu" else check_flow
        jobs.append((f"{s}, {N} units, flow to t = 2", checker, partial(oracle.certificate, net, x, times=[2])))
    rows = []
    for name, checker, write in jobs:
        found, writing = timed(write)
        text = found.text()
        said, checking = timed(partial(checker.check, checker.read(text)))
        rows.append({"what": name, "bytes": len(text), "writing": writing, "checking": checking, "said": said})
    return {"rows": rows}


PARTS: dict[str, Callable[[], dict[str, Any]]] = {
    "containment": containment,
    "closed": closed,
    "peers": references_peers.compared,
    "trained": trained,
    "trained-flow": trained_flow,
    "long": long,
    "growth": growth,
    "certificates": certificates,
}


def main(names: list[str]) -> int:
    """Make the parts named, or all, each in a process of its own, whose memory it tells; write the files after each."""
    unknown = set(names) - set(PARTS)
    if unknown:
        print(f"no part is called {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    if len(names) != 1:
        return max(subprocess.run([sys.executable, __file__, name], check=False).returncode for name in names or PARTS)
    target = ROOT / "reports" / "references.json"
    for name in names:
        print(name, file=sys.stderr, flush=True)
        found = PARTS[name]()
        document = json.loads(target.read_text(encoding="utf-8")) if target.is_file() else {}
        made_with = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
        document[name] = {**found, "made with": made_with}
        target.write_text(json.dumps(document, indent=1, default=list) + "\n", encoding="utf-8")
        target.with_suffix(".md").write_text(markdown(document), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What other checks cost than those of `reports/costs.py`: gated cells, float32, failing runs; and memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.jobs import I, K, problem, simulated
from numpy.typing import NDArray

import oracle

Array = NDArray[Any]
ROUNDS = 3
LONG = 100_000  # steps
FAILING = 256  # units of the run that fails
MEMORY = (1024, 32, 1000)  # N, batch, steps
HEAD = ("job", "N", "batch", "steps", "simulation, ms", "check, ms", "ratio", "verdict", "explained by")
WHY = """float32: a check takes as long as that of a float64 run, because the exact product is formed in float64 either
way; the simulation is two to three times as fast. Gated cells have no kernel: bound and residuals are those of the
interpretations, in blocks, about 1 microsecond for each unit and step. A run that fails pays for its name."""
WEIGHTS = ("Wr", "Wz", "Wn", "Mr", "Mz", "Mn", "br", "bz", "bn")


def _gru_weights(N: int) -> dict[str, Array]:
    rng = np.random.default_rng(0)
    shapes = {"W": (N, N), "M": (N, I), "b": (N,)}
    scale = {"W": 1 / np.sqrt(N), "M": 1.0, "b": 1.0}
    return {name: scale[name[0]] * rng.standard_normal(shapes[name[0]]) for name in WEIGHTS}


def _gru_record(w: dict[str, Array]) -> oracle.Recurrence:
    joined = {part: np.concatenate([w[f"{part}{gate}"] for gate in "rzn"]) for part in "WMb"}
    return oracle.Recurrence.gru(joined["W"], joined["M"], joined["b"])


def _sigmoid(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


def _gru(w: dict[str, Array], X: Array, h0: Array) -> Array:
    """n = tanh(M x + b + r (W h)), h+ = (1 - z) n + z h: the products of all gates at once."""
    W = np.concatenate([w[f"W{gate}"] for gate in "rzn"]).T.copy()
    drive = X @ np.concatenate([w[f"M{gate}"] for gate in "rzn"]).T + np.concatenate([w[f"b{g}"] for g in "rzn"])
    N, H = h0.shape[-1], np.empty((len(X) + 1, *h0.shape))
    H[0] = h0
    for k in range(len(X)):
        h, sent = H[k], H[k] @ W
        gates = _sigmoid(sent[..., : 2 * N] + drive[k][..., : 2 * N])
        n = np.tanh(drive[k][..., 2 * N :] + gates[..., :N] * sent[..., 2 * N :])
        H[k + 1] = n + gates[..., N:] * (h - n)
    return H


def rows(seconds: Callable[[Callable[[], Any]], float]) -> list[dict[str, Any]]:
    """Every job: the simulation and the check of the run it recorded, in turns, the least of each."""
    found = []
    for N, batch in ((64, 1), (64, 32), (256, 1)):
        *_, X, h0 = problem(N, batch)
        w = _gru_weights(N)
        found.append(_row("GRU, float64", seconds, _gru_record(w), X, h0, lambda w=w, X=X, h0=h0: _gru(w, X, h0)))
    for N, batch in ((256, 1), (256, 32)):
        W, M, b, X, h0 = (part.astype(np.float32) for part in problem(N, batch, K if batch == 1 else 300))
        rec = oracle.Recurrence.elman(W, M, b)
        program = lambda W=W, M=M, b=b, X=X, h0=h0: _narrow(W, M, b, X, h0)  # noqa: E731
        found.append(_row("Elman, float32", seconds, rec, X, h0, program))
    W, M, b, X, h0 = problem(64, 1, LONG)
    rec, program = oracle.Recurrence.elman(W, M, b), lambda: simulated(W, M, b, X, h0)
    found.append(_row("Elman, a long run", seconds, rec, X, h0, program, rounds=1))
    W, M, b, X, h0 = problem(FAILING, 1)
    rec = oracle.Recurrence.elman(W, M, b)
    found.append(_row("Elman, W transposed", seconds, rec, X, h0, lambda: simulated(W.T, M, b, X, h0), rounds=1))
    off = W.copy()
    off[3, 5] += 1e-9
    found.append(_row("Elman, one weight off by 1e-9", seconds, rec, X, h0, lambda: simulated(off, M, b, X, h0), 1))
    return found


def _narrow(W: Array, M: Array, b: Array, X: Array, h0: Array) -> Array:
    """The plain loop in float32."""
    H, drive, transposed = np.empty((len(X) + 1, *h0.shape), np.float32), X @ M.T + b, W.T.copy()
    H[0] = h0
    for k in range(len(X)):
        np.matmul(H[k], transposed, out=H[k + 1])
        np.add(H[k + 1], drive[k], out=H[k + 1])
        np.tanh(H[k + 1], out=H[k + 1])
    return H


def _row(
    name: str, seconds: Any, rec: Any, X: Array, h0: Array, program: Callable[[], Array], rounds: int = ROUNDS
) -> dict[str, Any]:
    H = program()

    def check() -> Any:
        return oracle.check(H, rec, inputs=X, h0=h0, batch_first=False if X.ndim == 3 else None)

    result = check()
    least = [min(seconds(job) for _ in range(rounds)) for job in (program, check)]
    return {
        "job": name,
        "N": rec.N,
        "batch": 1 if X.ndim == 2 else X.shape[1],
        "steps": len(X),
        "simulation": 1e3 * least[0],
        "check": 1e3 * least[1],
        "verdict": result.verdict,
        "explained_by": result.explained_by,
    }


def memory() -> dict[str, Any] | None:
    """Resident memory that a check takes at most beyond the run it is given, in MiB; None where the system hides it."""
    N, batch, steps = MEMORY
    W, M, b, X, h0 = problem(N, batch, steps)
    rec, H = oracle.Recurrence.elman(W, M, b), simulated(W, M, b, X, h0)
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
        before = _resident("VmRSS")
        result = oracle.check(H, rec, inputs=X, h0=h0, batch_first=False)
        beyond = _resident("VmHWM") - before
    except OSError:
        return None
    return {"beyond": beyond, "data": (H.nbytes + X.nbytes) / 2**20, "verdict": result.verdict}


def _resident(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(name)) / 2**10


def lines(found: list[dict[str, Any]], spent: dict[str, Any] | None) -> list[str]:
    """The table, and a line on memory."""
    table = [HEAD, ("---",) * len(HEAD)]
    for r in found:
        ratio = r["check"] / r["simulation"]
        figures = (f"{r['simulation']:,.3g}", f"{r['check']:,.3g}", f"{ratio:,.3g}")
        named = r["explained_by"] if r["verdict"] == "fail" else ""
        table.append((r["job"], r["N"], r["batch"], r["steps"], *figures, r["verdict"], named))
    made = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in table]
    made += ["", WHY]
    if spent is not None:
        N, batch, steps = MEMORY
        made += [
            "",
            f"Memory: a check of N = {N}, batch {batch}, {steps} steps ({spent['data']:.0f} MiB of states and inputs) "
            f"takes {spent['beyond']:.0f} MiB more at its peak (resident; aimed at: 1024). It ends with "
            f"{spent['verdict']}.",
        ]
    return made

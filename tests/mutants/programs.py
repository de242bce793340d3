"""Honest programs, as their authors would write them, each with the record of the equation it documents.

A program is source text: mutants are edits of it (`faults`), and so are the honest variants (`variants`). The text is
run with float arrays for the check and with mpmath numbers to decide whether an edit changes the map at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

import oracle

N, I, K, BATCH = 7, 3, 12, 2  # all different, and batch is not K: nothing can be confused by shape
SEED = 20241101
EXACT_DIGITS = 40

LOOP = """
def run(h0, X):
    h, H = h0, [h0]
    for k in range(len(X)):
        x = X[k]
{body}
        H.append(h)
    return np.array(H)
"""


STEPS = {
    "elman": "h = tanh(W @ h + M @ x + b)",
    "elman relu": "h = relu(W @ h + M @ x + b)",
    "elman, rows": "h = tanh(x @ M.T + b + h @ W.T + c)",
    "elman, Keras kernels": "h = tanh(x @ kernel + h @ recurrent + b)",
    "leaky outside": "z = W @ h + M @ x + b\nh = (1 - alpha) * h + alpha * tanh(z)",
    "leaky outside, rows": "z = x @ M.T + h @ W.T + b\nh = (1 - alpha) * h + alpha * sigmoid(z)",
    "leaky inside": "h = (1 - alpha) * h + alpha * (W @ tanh(h) + M @ x + b)",
    "leak inside": "h = tanh((1 - alpha) * h + alpha * (W @ h + M @ x + b))",
    "rate, Euler": "z = W @ h + M @ x + b\nh = h + dt / tau * (-h + tanh(z))",
    "rate, Euler, tau per unit": "z = W @ h + M @ x + b\nh = h + dt / taus * (-h + tanh(z))",
    "paper, Euler": "z = W @ h + M @ x + b\nh = h + dt * (-h / tau + tanh(z))",
    "current, Euler": "r = tanh(h)\nh = h + dt / tau * (-h + W @ r + M @ x + b)",
    "rate, exponential Euler": "z = W @ h + M @ x + b\nkeep = exp(-dt / tau)\nh = keep * h + (1 - keep) * tanh(z)",
    "rate, midpoint": "F = lambda v: (-v + tanh(W @ v + M @ x + b)) / tau\nh = h + dt * F(h + dt / 2 * F(h))",
    "rate, Heun": (
        "F = lambda v: (-v + tanh(W @ v + M @ x + b)) / tau\nk1 = F(h)\nk2 = F(h + dt * k1)\nh = h + dt / 2 * (k1 + k2)"
    ),
    "rate, RK4": (
        "F = lambda v: (-v + tanh(W @ v + M @ x + b)) / tau\nk1 = F(h)\nk2 = F(h + dt / 2 * k1)\n"
        "k3 = F(h + dt / 2 * k2)\nk4 = F(h + dt * k3)\nh = h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)"
    ),
    "GRU, reset after": (
        "r = sigmoid(Mr @ x + br + Wr @ h + cr)\nu = sigmoid(Mu @ x + bu + Wu @ h + cu)\n"
        "n = tanh(Mn @ x + bn + r * (Wn @ h + cn))\nh = (1 - u) * n + u * h"
    ),
    "GRU, reset before": (
        "r = sigmoid(Mr @ x + br + Wr @ h)\nu = sigmoid(Mu @ x + bu + Wu @ h)\n"
        "n = tanh(Mn @ x + bn + Wn @ (r * h))\nh = (1 - u) * n + u * h"
    ),
}
"""One step of every program; h, x are columns, or rows of a batch where the name says rows."""

BATCHED = ("elman, rows", "elman, Keras kernels", "leaky outside, rows")


def source(name: str) -> str:
    """The program's text."""
    return LOOP.format(body="\n".join("        " + line for line in STEPS[name].split("\n")))


def parameters(name: str, dtype: str) -> dict[str, Any]:
    """What the program computes with: numbers of the dtype, in general position, gain 1.2."""
    rng = np.random.default_rng([SEED, list(STEPS).index(name)])
    draw = {"b": rng.normal(size=N) / 2, "c": rng.normal(size=N) / 3}
    draw |= {"W": rng.normal(size=(N, N)) * 1.2 / np.sqrt(N), "M": rng.normal(size=(N, I))}
    draw |= {"alpha": np.array(0.3), "dt": np.array(0.07), "tau": np.array(0.25), "taus": rng.uniform(0.1, 0.6, N)}
    for gate in "run":
        draw |= {f"W{gate}": rng.normal(size=(N, N)) / np.sqrt(N), f"M{gate}": rng.normal(size=(N, I))}
        draw |= {f"b{gate}": rng.normal(size=N) / 2, f"c{gate}": rng.normal(size=N) / 3}
    draw |= {"unit4": np.eye(N)[4], "pair25": np.outer(np.eye(N)[2], np.eye(N)[5]), "off": 1 - np.eye(N)}
    made = {key: np.asarray(value, dtype=dtype) for key, value in draw.items()}
    return made | {"kernel": np.ascontiguousarray(made["M"].T), "recurrent": np.ascontiguousarray(made["W"].T)}


def record(name: str, p: dict[str, Any]) -> oracle.Recurrence:
    """The documented equation with these parameters."""
    W, M, b, alpha, dt = p["W"], p["M"], p["b"], p["alpha"], p["dt"]
    if name.startswith("GRU"):
        stacked = [np.concatenate([p[f"{kind}{gate}"] for gate in "run"]) for kind in "WMbc"]
        after = name == "GRU, reset after"
        return oracle.Recurrence.gru(*stacked[:3], stacked[3] if after else None, reset="after" if after else "before")
    form, _, scheme = name.partition(", ")
    if form in ("rate", "paper", "current"):
        tau = p["taus"] if "per unit" in name else p["tau"]
        kinds = {"exponential Euler": "exponential-euler", "midpoint": "midpoint", "Heun": "heun", "RK4": "rk4"}
        return getattr(oracle.Network, form)(W, M, b, tau=tau).discretize(dt, scheme=kinds.get(scheme, "euler"))
    if form.startswith("elman"):
        biases = (b, p["c"]) if name == "elman, rows" else b
        return oracle.Recurrence.elman(W, M, biases, activation="relu" if "relu" in name else "tanh")
    if form == "leak inside":
        return oracle.Recurrence.leak_inside(W, M, b, alpha=alpha)
    sigma, s = form.split()[1], "logistic" if "rows" in name else "tanh"
    return oracle.Recurrence.leaky(W, M, b, alpha=alpha, sigma=sigma, activation=s)


def data(name: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """(h0, X): different at every step, unit and trajectory."""
    rng = np.random.default_rng([SEED, 1, list(STEPS).index(name)])
    batch = (BATCH,) if name in BATCHED else ()
    return rng.uniform(-0.9, 0.9, (*batch, N)).astype(dtype), rng.normal(size=(K, *batch, I)).astype(dtype)


def _float_names() -> dict[str, Any]:
    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    return {
        "tanh": np.tanh,
        "exp": np.exp,
        "expm1": np.expm1,
        "sigmoid": sigmoid,
        "relu": lambda z: np.maximum(z, 0),
        "sin": np.sin,
        "hard_keras2": lambda z: np.clip(0.2 * z + 0.5, 0, 1),
        "hard_torch": lambda z: np.clip(z + 3, 0, 6) / 6,
    }


def _exact_names() -> dict[str, Any]:
    one = {
        "tanh": mpmath.tanh,
        "exp": mpmath.exp,
        "expm1": mpmath.expm1,
        "sin": mpmath.sin,
        "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
        "relu": lambda z: z if z > 0 else mpmath.mpf(0),
        "hard_keras2": lambda z: min(max(z / 5 + mpmath.mpf(1) / 2, 0), 1),
        "hard_torch": lambda z: min(max(z + 3, 0), 6) / 6,
    }
    return {key: np.frompyfunc(function, 1, 1) for key, function in one.items()}


def compiled(text: str, p: dict[str, Any]) -> Callable[[Any, Any], Any]:
    """`run(h0, X)` of a text in floating point; overflow is the check's business, not NumPy's."""
    names: dict[str, Any] = {"np": np} | _float_names() | p
    exec(compile(text, "<program>", "exec"), names)

    def run(h0: Any, X: Any) -> Any:
        with np.errstate(all="ignore"):
            return names["run"](h0, X)

    return run


def exactly(text: str, p: dict[str, Any], h0: Any, X: Any) -> Any:
    """The run of a text in mpmath numbers of `EXACT_DIGITS` digits."""
    lift = np.frompyfunc(lambda value: mpmath.mpf(float(value)), 1, 1)
    with mpmath.workdps(EXACT_DIGITS):
        names: dict[str, Any] = {"np": np} | _exact_names() | {key: lift(value) for key, value in p.items()}
        exec(compile(text, "<program>", "exec"), names)
        return names["run"](lift(h0), lift(X))


def phrase(old: str) -> re.Pattern[str]:
    """The pattern of a phrase, whose first and last words are whole words: `+ b` is not found in `+ br`."""
    before = r"(?<!\w)" if re.match(r"\w", old) else ""
    after = r"(?!\w)" if re.search(r"\w$", old) else ""
    return re.compile(before + re.escape(old) + after)


@dataclass(frozen=True)
class Edit:
    """A change of a program's text: every `old` occurs, and is replaced by its `new`.

    Attributes
    ----------
    program : str
    title : str
        What it does, in words.
    changes : tuple of (old, new)
    names : tuple of str
        Findings that describe it rightly; none for an honest variant.
    everywhere : bool
        Whether all occurrences are replaced, or the first.
    """

    program: str
    title: str
    changes: tuple[tuple[str, str], ...]
    names: tuple[str, ...] = ()
    everywhere: bool = False

    @property
    def text(self) -> str:
        """The edited text."""
        text = source(self.program)
        for old, new in self.changes:
            text, count = phrase(old).subn(lambda _, new=new: new, text, count=0 if self.everywhere else 1)
            assert count, f"{self.program}: {old!r} is not in the text"
        return text

"""The trained network of 400 units as a Keras module, through the command line, on two backends, in two precisions.

    python reports/trained.py

runs `rnn-oracle check reports/flipflop_keras.py:DTYPE --network FILE` once for each, keeps the report of each run
(`trained-BACKEND-DTYPE.html`), and writes trained.md and trained.json. FILE is flipflop_3bit_keras_n400.hdf5, from the
folder that RNN_ORACLE_DATA names, or shared/data beside the repository. A run that fails is a finding about Keras.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NAME = "flipflop_3bit_keras_n400.hdf5"
BACKENDS, DTYPES = ("torch", "jax"), ("float32", "float64")
STEPS = "200"


def data_file() -> str:
    """Where the network is, from the root of the repository."""
    folder = os.environ.get("RNN_ORACLE_DATA", os.path.join("..", "shared", "data"))
    return os.path.join(folder, NAME)


def checked(backend: str, dtype: str) -> dict[str, Any]:
    """One run of the command."""
    environment = surroundings(backend)
    arguments = ["check", f"reports/flipflop_keras.py:{dtype}", "--network", data_file(), "--promised", dtype]
    arguments += ["--steps", STEPS, "--batch", "2", "--report", f"reports/trained-{backend}-{dtype}.html"]
    says = " ".join(f"{name}={value}" for name, value in environment.items())
    code, text = output(environment, "-m", "oracle.cli", *arguments, "--json", "-")
    found = json.loads(text)
    kept = ("verdict", "worst", "promised", "computed_in", "explained_by", "problem", "first", "run", "statistic")
    command = f"{says} {shlex.join(['rnn-oracle', *arguments])}"
    return {"backend": backend, "dtype": dtype, "code": code, "command": command} | {n: found.get(n) for n in kept}


def surroundings(backend: str) -> dict[str, str]:
    """What a process needs to use a backend, in float64, too."""
    return {"KERAS_BACKEND": backend} | ({"JAX_ENABLE_X64": "1"} if backend == "jax" else {})


def output(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Exit code and output of a Python of this environment, from the root of the repository."""
    paths = os.pathsep.join([str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")])
    everything = {**os.environ, **environment, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=everything, capture_output=True, text=True, check=False
    )
    if not done.stdout:
        raise RuntimeError(done.stderr)
    return done.returncode, done.stdout


def dtypes(backend: str) -> dict[str, str]:
    """Operation -> the dtype it gives for float64."""
    code = "import flipflop_keras, json; print(json.dumps(flipflop_keras.kept()))"
    found: dict[str, str] = json.loads(output(surroundings(backend), "-c", code)[1].splitlines()[-1])
    return found


def why(row: dict[str, Any]) -> str:
    """What is wrong with a run, as one line."""
    layer = f'- SimpleRNN of dtype "{row["dtype"]}" on the {row["backend"]} backend: '
    if row["problem"]:
        words = " ".join(str(row["problem"]["seen"] if isinstance(row["problem"], dict) else row["problem"]).split())
        return f"{layer}{words.partition(' Revise ')[0]}"
    return f"{layer}every residual is explained by {row['explained_by']}; promised is {row['promised']}."


def markdown(rows: list[dict[str, Any]], kept: dict[str, dict[str, str]]) -> str:
    """One line per run, and the commands."""
    lines = [
        "# The trained network of arXiv 2010.07858 as a Keras module",
        "",
        f"Made by `python reports/trained.py` with keras {version('keras')}, torch "
        f"{version('torch').partition('+')[0]} and jax {version('jax')}: SimpleRNN(400, tanh, no bias), trained "
        f"weights, {STEPS} steps, two trajectories.",
        "",
        "| backend | dtype of the layer | exit code | verdict | worst | computed in | finding | report |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        file = f"trained-{row['backend']}-{row['dtype']}.html"
        cells = (row["backend"], row["dtype"], row["code"], row["verdict"], f"{float(row['worst']):.3g}")
        lines.append(
            f"| {' | '.join(map(str, cells))} | {row['computed_in']} | {row['explained_by']} | [{file}]({file}) |"
        )
    lines += ["", *(why(row) for row in rows if row["verdict"] != "pass")]
    for backend, seen in kept.items():
        says = ", ".join(f"`keras.ops.{name}` gives {dtype}" for name, dtype in seen.items())
        lines.append(f"- For float64 tensors on the {backend} backend, {says}.")
    lines += ["", "Commands:", "", "```console", *(f"$ {row['command']}" for row in rows), "```"]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run and write."""
    rows = [checked(backend, dtype) for backend in BACKENDS for dtype in DTYPES]
    kept = {backend: dtypes(backend) for backend in BACKENDS}
    document = json.dumps({"runs": rows, "float64 operations": kept}, indent=1)
    (HERE / "trained.json").write_text(document + "\n", encoding="utf-8")
    (HERE / "trained.md").write_text(markdown(rows, kept), encoding="utf-8")
    print(markdown(rows, kept))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""How long it takes from `pip install` to the first verdict on a torch module, and how many lines have to be typed.

    python reports/first_verdict.py

makes a virtual environment in a temporary folder, installs this repository and torch there as pip is configured, runs
the lines below in it, and writes first_verdict.md. What is downloaded and what comes from a cache is up to the machine.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TORCH = "torch==2.13.0"
LINES = """\
import numpy as np, oracle, torch

module = torch.nn.RNN(2, 30)
X = np.random.default_rng(0).normal(size=(40, 5, 2))
print(oracle.check(module, inputs=X).summary())
"""


def timed(*command: str) -> tuple[float, str]:
    """Seconds and output of a command that has to succeed."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    return time.perf_counter() - start, done.stdout


def main() -> int:
    """Measure and write."""
    with tempfile.TemporaryDirectory() as folder:
        python = str(Path(folder) / ".venv" / "bin" / "python")
        made, _ = timed(sys.executable, "-m", "venv", str(Path(folder) / ".venv"))
        installed, _ = timed(python, "-m", "pip", "install", "--quiet", TORCH, str(HERE.parent))
        checked, says = timed(python, "-c", LINES)
    total, lines = made + installed + checked, sum(map(bool, LINES.splitlines()))
    text = f"""# From `pip install` to the first verdict on a torch module

Made by `python reports/first_verdict.py` with Python {platform.python_version()} and {TORCH}.

| | seconds |
|---|---|
| `python -m venv` | {made:.0f} |
| `pip install {TORCH} .` | {installed:.0f} |
| the {lines} lines below | {checked:.0f} |
| together | {total:.0f} |

```python
{LINES}```

```text
{says.rstrip()}
```
"""
    (HERE / "first_verdict.md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

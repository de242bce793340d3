"""The command line as a user meets it: another process, in another directory."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path


def run_command(line: str, where: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `rnn-oracle` with these arguments; `environment` is added to that of the tests."""
    command = [sys.executable, "-m", "oracle.cli", *shlex.split(line)]
    given = {**os.environ, **environment}
    return subprocess.run(command, cwd=where, env=given, capture_output=True, text=True, check=False)

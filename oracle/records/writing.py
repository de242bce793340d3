"""Files that appear whole or not at all: a temporary file beside the target, then a rename."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from oracle.errors import BadInput


def replace_file(target: Path, data: bytes) -> None:
    """Write a file; whatever happens before the rename, an interrupt included, leaves the target as it was."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Any, data: bytes) -> Path:
    """Write a file that the user has named.

    Raises
    ------
    oracle.BadInput
        The folder does not exist or cannot be written.
    """
    target = Path(path)
    try:
        replace_file(target, data)
    except OSError as error:
        raise BadInput(
            f"{target}: {error.strerror}.",
            "its folder does not exist, or is not yours to write in.",
            "create the folder, or give another path.",
        ) from error
    return target

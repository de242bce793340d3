"""The fenced blocks of a page, and running them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)\)")
FRAMEWORKS = ("torch",)


def blocks(language: str, text: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [code for name, code in FENCE.findall(text) if name == language]


def missing(code: str) -> bool:
    """Whether a block needs a framework that is not installed."""
    return any(re.search(rf"\b{name}\.|import {name}\b", code) and find_spec(name) is None for name in FRAMEWORKS)


def executed(codes: list[str]) -> dict[str, Any]:
    """Run blocks one after the other in one namespace."""
    names: dict[str, Any] = {"__name__": "examples"}
    for code in codes:
        if not missing(code):
            exec(compile(code, "examples", "exec"), names)
    return names


def shown(text: str) -> list[str]:
    """The lines that a page says are printed, without the dots."""
    return [line.strip() for block in blocks("text", text) for line in block.splitlines() if line.strip() != "..."]


def broken_links(page: Path) -> list[str]:
    """Relative links that name no file or folder."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    return [target for target in targets if not (page.parent / target).exists()]

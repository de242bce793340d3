"""The pytest fixture `rnn_oracle`: checks that fail the test, and one report of the whole session.

    def test_my_step(rnn_oracle):
        rnn_oracle.check(step, rec, inputs=X, h0=h0)

    pytest --rnn-oracle-report=report.html

Every session loads this file: it imports pytest, and everything else when a test asks for the fixture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from oracle.check.result import CheckResult
    from oracle.diagnosis.compare import Comparison

OPTION = "--rnn-oracle-report"
SUFFIXES = (".html", ".json", ".md", ".xml")
"""Of `oracle.report.write.RENDERERS`, which is not loaded by sessions without a report."""


@dataclass
class Session:
    """Checks of a session in the order in which they were made: (test, what, result)."""

    path: str | None
    checks: list[tuple[str, str, CheckResult]] = field(default_factory=list)


_SESSION = pytest.StashKey[Session]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option: where the report goes."""
    parser.getgroup("rnn-oracle").addoption(
        OPTION, metavar="PATH", default=None, help=f"write one report of all rnn_oracle checks: {', '.join(SUFFIXES)}"
    )


def pytest_configure(config: pytest.Config) -> None:
    """A record of the session; a suffix that is no report's is refused before anything is run."""
    path = config.getoption(OPTION)
    if path is None:
        path = _configured(config.rootpath)
    if path is not None and not path.lower().endswith(SUFFIXES):
        raise pytest.UsageError(f"{OPTION}={path}: the suffix decides the format; use {', '.join(SUFFIXES)}")
    config.stash[_SESSION] = Session(path)


def _configured(root: Path) -> str | None:
    """`pytest-report` in [tool.rnn-oracle] of the pyproject.toml of the tests, where there is one."""
    file = root / "pyproject.toml"
    if not file.is_file() or b"rnn-oracle" not in file.read_bytes():
        return None
    from oracle.cli.config import table
    from oracle.errors import BadInput

    try:
        found: str | None = table(root).get("pytest-report")
    except BadInput as error:
        raise pytest.UsageError(str(error)) from None
    return found


class Oracle:
    """`oracle.check` and `oracle.compare` for tests: they raise, and they are recorded."""

    def __init__(self, test: str, session: Session) -> None:
        self._test = test
        self._session = session

    def check(self, candidate: Any, rec: Any = None, **question: Any) -> CheckResult:
        """`oracle.check`; raises `oracle.CheckFailed` unless the verdict is "pass".

        Parameters
        ----------
        candidate, rec, **question
            As for `oracle.check`.
        """
        import oracle

        __tracebackhide__ = True
        result = oracle.check(candidate, rec, **question)
        self._record("check", result)
        if not result:
            raise oracle.CheckFailed(result)
        return result

    def compare(self, a: Any, b: Any, rec: Any = None, **question: Any) -> Comparison:
        """`oracle.compare`; raises `oracle.CheckFailed` with the first of the two that does not pass.

        Parameters
        ----------
        a, b, rec, **question
            As for `oracle.compare`.
        """
        import oracle

        __tracebackhide__ = True
        comparison = oracle.compare(a, b, rec, **question)
        self._record("compare, first", comparison.a)
        self._record("compare, second", comparison.b)
        for result in (comparison.a, comparison.b):
            if not result:
                raise oracle.CheckFailed(result)
        return comparison

    def _record(self, what: str, result: CheckResult) -> None:
        for name, part in (result.parts or {"": result}).items():
            self._session.checks.append((self._test, f"{what}, {name}" if name else what, part))


@pytest.fixture
def rnn_oracle(request: pytest.FixtureRequest) -> Oracle:
    """Check programs against their equations: `rnn_oracle.check(..)`, `rnn_oracle.compare(..)`."""
    return Oracle(request.node.nodeid, request.config.stash[_SESSION])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Write the report and the summary of a step of GitHub Actions; what cannot be written is said, not raised."""
    session = config.stash[_SESSION]
    if session.path is None and not session.checks:
        return
    from oracle.errors import BadInput
    from oracle.report.of_session import of_session
    from oracle.report.step_summary import append_summary
    from oracle.report.write import report

    if session.path is not None:
        try:
            written = report(of_session(session.checks), session.path)
            terminalreporter.write_line(f"rnn-oracle: {len(session.checks)} checks, report in {written}")
        except BadInput as error:
            terminalreporter.write_line(f"rnn-oracle: no report: {error}", red=True)
    if session.checks and (warning := append_summary(lambda: of_session(session.checks))):
        terminalreporter.write_line(f"rnn-oracle: {warning}", yellow=True)

"""Many networks as one report: a matrix of verdicts, and for each network its cube, its claims and its check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from oracle.check.result import CheckResult
from oracle.procedures.cube import Cube
from oracle.records.layout import Samples
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence
from oracle.report.environment import environment
from oracle.report.model import TONES, Case, Report, Section, Table, Tile, figure
from oracle.report.of_check import check_sections, sentence
from oracle.report.of_claims import claims_sections, claims_verdict
from oracle.report.of_cube import cube_section, face_views

ORDER = ("fail", "undecided", "pass")


@dataclass(frozen=True)
class Examined:
    """What was found out about one network.

    `check` is a program held to the network's recurrence; `cube` and `claims` need continuous time. `run` is what the
    faces of the cube were run on.
    """

    name: str
    record: Network | Recurrence
    check: CheckResult
    cube: Cube | None = None
    claims: tuple[Any, ...] = ()
    run: Samples | None = None

    @property
    def verdict(self) -> str:
        """The worst of the check, the cube and the claims."""
        words = {self.check.verdict, claims_verdict(self.claims), self.cube_verdict}
        return next((word for word in ORDER if word in words), "pass")

    @property
    def cube_verdict(self) -> str:
        """Whether all faces and paths of the cube commute; "not applicable" without one."""
        if self.cube is None:
            return "not applicable"
        words = {part.holds for part in (*self.cube.faces, *self.cube.paths)}
        return "fail" if "different" in words else "undecided" if "undecided" in words else "pass"


def of_networks(
    found: Sequence[Examined], program: str, *, title: str = "Networks", reproduce: str = "", test: str = ""
) -> Report:
    """The model of a report on many networks.

    Parameters
    ----------
    found : sequence of Examined
    program : str
        What was checked, as a person would say it.
    title, reproduce, test : str
        See `oracle.report.model.Report`.
    """
    words = [each.verdict for each in found]
    verdict = next((word for word in ORDER if word in words), "nothing was checked")
    return Report(
        title=title,
        verdict=verdict,
        sentence=f"{words.count('pass')} of {len(found)} networks pass: {program}{_more(found)}.",
        tiles=tuple(Tile(each.name, each.verdict, "", _note(each)) for each in found[:3]),
        sections=(_matrix(found), *(part for each in found for part in _sections(each))),
        environment=environment(),
        reproduce=reproduce,
        test=test,
        cases=tuple(_case(each) for each in found),
        data={"networks": [_plain(each) for each in found]},
    )


def _more(found: Sequence[Examined]) -> str:
    """What was examined besides a program: nothing, unless a network is of continuous time."""
    several = [each.cube is not None for each in found]
    which = "" if all(several) else " of those in continuous time"
    return f", the cube, and the claims{which}" if any(several) else ""


def _note(each: Examined) -> str:
    return f"{each.record.N} units, worst residual / bound {figure(each.check.worst)}"


def _matrix(found: Sequence[Examined]) -> Section:
    ids = tuple(dict.fromkeys(result.id for each in found for result in each.claims))
    header = ("network", "N", "I", "dtype", "check", "worst", "computed in", "explained by", "cube", *ids)
    rows = tuple(_row(each, ids) for each in found)
    table = Table(header, rows, tuple(TONES.get(each.verdict, "") for each in found))
    text = "A check is the largest residual / bound of a program; the cube and the claims are those of continuous time."
    return Section("All networks", text, (table,))


def _row(each: Examined, ids: tuple[str, ...]) -> tuple[str, ...]:
    check, claims = each.check, {result.id: result.verdict for result in each.claims}
    record = (each.name, str(each.record.N), str(each.record.I), each.record.dtype)
    judged = (check.verdict, figure(check.worst), check.computed_in or "-", check.explained_by or "-")
    return (*record, *judged, "-" if each.cube is None else each.cube_verdict, *(claims.get(id_, "-") for id_ in ids))


def _sections(each: Examined) -> list[Section]:
    """Cube and claims of every network; the details of a check where it does not pass."""
    found = [] if each.cube is None else [cube_section("The cube", each.cube, face_views(each.cube, each.run))]
    found += list(claims_sections(each.claims))[:1]
    if not each.check:
        found += [Section("The check", sentence(each.check)), *check_sections(each.check)]
    return [replace(part, title=f"{each.name}: {part.title}") for part in found]


def _case(each: Examined) -> Case:
    return Case(each.name, each.verdict, sentence(each.check), each.check.summary(), "networks")


def _plain(each: Examined) -> dict[str, Any]:
    return {
        "name": each.name,
        "N": each.record.N,
        "I": each.record.I,
        "dtype": each.record.dtype,
        "verdict": each.verdict,
        "check": each.check.to_dict(),
        "cube": None if each.cube is None else each.cube.to_dict(),
        "claims": [result.to_dict() for result in each.claims],
    }

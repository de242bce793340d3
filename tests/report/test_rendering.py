"""Reports: the structure of the HTML, escaping, infinities and empty runs, and that JSON says the same."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracle
from oracle.report import html, markdown, plot
from oracle.report import json as as_json
from oracle.report.cube_picture import cube_picture, place
from oracle.report.histogram import histogram
from oracle.report.model import (
    Bar,
    Code,
    CubePicture,
    FaceView,
    Histogram,
    Listing,
    Report,
    ResidualPlot,
    Section,
    Table,
    Tile,
    figure,
)
from oracle.report.of_check import of_check, sentence
from oracle.report.of_cube import of_cube
from oracle.report.text import render_section
from oracle.report.write import write_text

HOSTILE = "<script>alert('x')</script>\"&<b onmouseover=x>"
VOID = {"meta", "br", "hr", "img", "link"}


class Structure(HTMLParser):
    """Tags, classes, text and attributes; raises where tags do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.classes: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.classes += [word for name, value in attrs if name == "class" for word in (value or "").split()]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.words.append(data.strip())


def checked(wrong: bool = True) -> oracle.CheckResult:
    """A check of a small leaky network, with transposed weights or right."""
    rng = np.random.default_rng(3)
    W, M, b = rng.normal(size=(5, 5)), rng.normal(size=(5, 2)), rng.normal(size=5)
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.25)
    used = W.T if wrong else W

    def step(h: Any, x: Any) -> Any:
        return 0.75 * h + 0.25 * np.tanh(used @ h + M @ x + b)

    return oracle.check(step, rec, inputs=rng.normal(size=(9, 2)), h0=rng.normal(size=5))


def residual_report(residuals: tuple[float, ...], bounds: tuple[float, ...], violation: int | None = None) -> str:
    """HTML with one plot."""
    shown = ResidualPlot(residuals, bounds, violation, (("u", 1e-16),))
    return html.render(Report("t", "fail", "s", sections=(Section("p", "", (shown,)),)))


def test_a_structure_that_does_not_nest_is_caught() -> None:
    """The parser of these tests refuses crossing and unclosed tags."""
    for text in ("<p><b></p></b>", "<p>"):
        with pytest.raises(AssertionError):
            Structure(text)


def test_a_failed_check_shows_verdict_plot_violation_and_finding() -> None:
    """Verdict, worst ratio, one dot per step, the marked violation, the finding's name and the line to reproduce."""
    result = checked()
    page = Structure(html.render(of_check(result, reproduce="rnn-oracle check x:y")))
    assert "fail" in page.words
    assert page.tags.count("svg") == 3  # the plot, residuals in ulps, parts of the bound
    assert page.classes.count("dot") >= result.steps
    assert "first" in page.classes
    assert "transposed-recurrent-weights" in page.words
    assert figure(result.worst) in page.words
    assert "rnn-oracle check x:y" in page.words
    assert any("numpy" in words for words in page.words)


def test_the_sentence_of_a_failure_says_what_instead_and_since_when() -> None:
    """The name, the precision and the first step and unit; without a name, that the equation is not followed."""
    result = checked()
    said = sentence(result)
    assert said.startswith("The candidate computes transposed-recurrent-weights, not its equation (leaky")
    assert result.first is not None
    assert f"float64 throughout; the difference starts at step {result.first.step}, unit {result.first.unit}." in said
    unnamed = sentence(replace(result, diagnosis=()))
    assert "does not follow" in unnamed
    assert "starts at step" in unnamed


def test_the_histogram_counts_every_step_where_it_belongs() -> None:
    """Edges are inclusive above; zero and no number have their ends; all steps are counted, in Markdown too."""
    tiny = 2.0**-40
    parts = (0.0, tiny, 2.0**-6, 2.0**-6 * (1 + 2**-20), 0.5, 0.75, 1.0, 1.0 + 2.0**-50, np.inf, np.nan)
    result = replace(checked(), residuals=np.array(parts), bounds=np.ones(len(parts)))
    sections = [section for section in of_check(result).sections if "bound is used" in section.title]
    (shown,) = sections[0].blocks
    assert type(shown) is Histogram
    assert {bar.words: bar.count for bar in shown.bars} == {
        "under 1/64": 3,
        "to 1/32": 1,
        "to 1/16": 0,
        "to 1/8": 0,
        "to 1/4": 0,
        "to 1/2": 1,
        "to 1": 2,
        "outside": 3,
    }
    assert [bar.tone for bar in shown.bars if bar.words == "outside"] == ["bad"]
    assert "outside: 3" in Structure(histogram(shown)).words
    assert "| outside | 3 |" in markdown.render(Report("t", "fail", "s", sections=(Section("p", "", (shown,)),)))


def test_a_passed_check_marks_nothing_as_outside() -> None:
    """No violation is drawn, and the header is shown as good."""
    page = Structure(html.render(of_check(checked(wrong=False))))
    assert "first" not in page.classes
    assert "out" not in page.classes
    assert "good" in page.classes


@pytest.mark.parametrize("wrong", [True, False])
def test_the_first_screen_has_what_decides(wrong: bool) -> None:
    """Before any other section: one sentence, three tiles with both equations, and two columns with the plot, the lines
    to paste, what was hidden and what is assumed."""
    report = of_check(checked(wrong), reproduce="rnn-oracle check x:y")
    text = html.render(report)
    first = text[text.index("<header") : text.index("<h2>The equation</h2>")]
    assert first.count('class="tile"') == 3
    assert "documented" in first
    for title in ("Residual against bound", "To make this run again", "The test to paste", "takes for granted"):
        assert first.count(title) == text.count(title) == 1, title
    assert "could not see" in first
    assert 'class="opening"' in first
    assert any("def test_follows_its_equation(rnn_oracle):" in words for words in Structure(text).words)


def test_the_equation_found_stands_beside_the_documented_one() -> None:
    """A named form is typeset next to the documented one; the same form is shown once, and no form at all by name."""
    rng = np.random.default_rng(4)
    W, b = rng.normal(size=(4, 4)), rng.normal(size=4)
    rec = oracle.Recurrence.leaky(W, None, b, alpha=0.25)
    X, h0 = np.zeros((9, 0)), rng.normal(size=4)
    runs = {
        "leak-inside": lambda h, x: np.tanh(0.75 * h + 0.25 * (W @ h + b)),
        "form-rate": lambda h, x: 0.75 * h + 0.25 * np.tanh(W @ h + b),
        "transposed-recurrent-weights": lambda h, x: 0.75 * h + 0.25 * np.tanh(W.T @ h + b),
    }
    shown = {}
    for name, step in runs.items():
        tile = of_check(oracle.check(step, rec, inputs=X, h0=h0)).tiles[-1]
        assert tile.value == name
        shown[name] = [words for words, _ in tile.formulas]
    assert shown == {
        "leak-inside": ["documented", "found"],
        "form-rate": ["documented"],
        "transposed-recurrent-weights": ["documented"],
    }


def test_hostile_text_is_text_everywhere() -> None:
    """A name with markup adds no tag and no attribute, in no field of no block."""
    blocks = (
        Table((HOSTILE, "a"), ((HOSTILE, HOSTILE),), (HOSTILE,)),
        Listing((HOSTILE,)),
        Code(HOSTILE),
        ResidualPlot((1.0,), (2.0,), 1, ((HOSTILE, 1.0),)),
        Histogram((Bar(HOSTILE, 1),), HOSTILE),
        CubePicture((FaceView("R,D linear", HOSTILE, HOSTILE, HOSTILE, HOSTILE),), HOSTILE),
    )
    report = Report(
        HOSTILE,
        HOSTILE,
        HOSTILE,
        HOSTILE,
        (Tile(HOSTILE, HOSTILE, HOSTILE, HOSTILE),),
        (Section(HOSTILE, HOSTILE, blocks),),
        {HOSTILE: HOSTILE},
        HOSTILE,
    )
    page = Structure(html.render(report))
    assert "script" not in page.tags
    assert "b" not in [tag for tag, _ in zip(page.tags, page.tags, strict=True) if tag == "b"][1:]  # one tile, one <b>
    assert not any(name.startswith("on") for name, _ in page.attributes)
    assert sum(HOSTILE in words for words in page.words) >= 15


def test_nothing_comes_from_elsewhere() -> None:
    """No address but the name spaces of SVG and MathML, no import in the style sheet, and a policy against both."""
    text = html.render(of_check(checked()))
    page = Structure(text)
    addresses = {value for _, value in page.attributes if value and "//" in value}
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1998/Math/MathML"}
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "@import" not in text
    assert "url(" not in text
    assert ("content", html.POLICY) in page.attributes


@pytest.mark.parametrize(
    ("residuals", "bounds", "violation"),
    [
        ((), (), None),
        ((0.0,), (0.0,), None),
        ((float("inf"), 1e-300), (1e-16, float("inf")), 1),
        ((float("nan"), 5e-324), (float("nan"), 1e308), 2),
        ((1e-17,) * 3, (1e-16,) * 3, 7),
    ],
    ids=["empty", "zeros", "infinities", "extremes", "violation beyond the run"],
)
def test_plots_of_odd_runs_are_drawn(
    residuals: tuple[float, ...], bounds: tuple[float, ...], violation: int | None
) -> None:
    """Zero, infinity, NaN, subnormals and no steps at all give a picture with finite coordinates inside it."""
    page = Structure(residual_report(residuals, bounds, violation))
    assert page.tags.count("svg") == 1
    for name, value in page.attributes:
        if name in ("cx", "x", "x1", "x2"):
            assert 0 <= float(str(value)) <= plot.WIDTH
        if name in ("cy", "y", "y1", "y2"):
            assert 0 <= float(str(value)) <= plot.HEIGHT
    assert ("no steps were checked" in page.words) == (not residuals)


def test_long_runs_keep_the_worst_step() -> None:
    """One outlier in 100,000 steps is drawn, although far fewer dots are."""
    residuals = np.full(100_000, 1e-17)
    residuals[77_777] = 1e-3
    page = Structure(residual_report(tuple(residuals), (1e-15,) * 100_000, 77_778))
    assert "out" in page.classes
    assert page.classes.count("dot") < 2 * plot.COLUMNS
    assert any("77778" in words for words in page.words)


def test_the_cube_picture_has_its_parts_and_colours() -> None:
    """Eight vertices, twelve edges, six faces; what differs is bad, what agrees bit for bit has a solid badge."""
    rng = np.random.default_rng(5)
    net = oracle.Network.rate(rng.normal(size=(3, 3)), rng.normal(size=(3, 1)), rng.normal(size=3), tau=0.5)
    cube = oracle.Cube(net, r=2, step=0.125, at=([0.5, -0.25, 0.125], [0.75]), step_after=0.125)
    page = Structure(html.render(of_cube(cube)))
    assert page.classes.count("vertex") == 8
    assert page.classes.count("edge") == 12
    assert page.classes.count("face") == 6
    different = sum(face.holds == "different" for face in cube.faces)
    assert different > 0
    views = (FaceView("R,D nonlinear", "equal", "", "bitwise"), FaceView("D,L in t", "equal", "", "outside"))
    drawn = Structure(cube_picture(CubePicture(views)))
    assert drawn.classes.count("solid") == 4
    assert "bad" in drawn.classes


def test_the_middle_of_no_face_is_on_another_face_s_edge() -> None:
    """Every vertex and badge has its own place."""
    from oracle.procedures.cube_shape import FACES, VERTICES
    from oracle.report.cube_picture import _centre

    places = [place(key) for key in VERTICES] + [_centre(name) for name in FACES]
    for i, (x, y) in enumerate(places):
        for u, v in places[i + 1 :]:
            assert (x - u) ** 2 + (y - v) ** 2 > 26**2  # a badge's diameter


def test_json_says_what_the_result_says() -> None:
    """The JSON report parses strictly and holds the verdict, the finding, and the same residuals."""
    result = checked()
    document = json.loads(as_json.render(of_check(result)), parse_constant=lambda name: pytest.fail(name))
    assert (document["format"], document["version"]) == ("rnn-oracle report", 1)
    assert document["verdict"] == result.verdict
    assert document["data"]["explained_by"] == result.explained_by
    assert document["data"]["residuals"] == pytest.approx(list(np.asarray(result.residuals)), abs=0)


def test_json_has_words_for_infinities() -> None:
    """Infinite and undefined numbers become words; nothing else is changed."""
    assert as_json.plain([np.inf, -np.inf, np.nan, 0.5, None, True]) == ["inf", "-inf", "nan", 0.5, None, True]


def test_report_writes_by_suffix_and_refuses_others(tmp_path: Path) -> None:
    """.html and .json are written, any other suffix is bad input, and nothing is left behind."""
    result = checked()
    assert result.report(tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    json.loads(result.report(tmp_path / "a.json").read_text(encoding="utf-8"))
    with pytest.raises(oracle.BadInput, match="suffix"):
        result.report(tmp_path / "a.pdf")
    with pytest.raises(oracle.BadInput, match="folder"):
        result.report(tmp_path / "no" / "a.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the rename the old content stays, and the temporary file is removed."""
    target = write_text(tmp_path / "a.html", "old")
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(oracle.BadInput, match="No space left"):
        write_text(target, "new")
    assert target.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_candidate_that_raises_has_a_report() -> None:
    """No residuals, no plot, but the three parts of the problem."""

    def step(h: Any, x: Any) -> Any:
        raise RuntimeError(HOSTILE)

    rec = oracle.Recurrence.elman([[0.5, -1.0], [0.25, 0.75]])
    result = oracle.check(step, rec, inputs=np.zeros((4, 0)), h0=[0.5, -0.25], kind="step")
    page = Structure(html.render(of_check(result)))
    assert "svg" not in page.tags
    assert "script" not in page.tags
    assert any("raised RuntimeError" in words for words in page.words)


def test_text_tables_line_up() -> None:
    """Every column starts where its header does."""
    table = Table(("name", "value", "more"), (("a", "long value", "x"), ("longer name", "v", "y")))
    _, header, *rows = render_section(Section("T", "", (table,))).splitlines()
    for column, words in (("value", ("long value", "v")), ("more", ("x", "y"))):
        for row, word in zip(rows, words, strict=True):
            assert row[header.index(column) :].startswith(word)


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "-"), (0.0, "0"), (1234567.0, "1.23e+06"), (float("inf"), "infinite"), (float("nan"), "not a number")],
)
def test_figures(value: float | None, words: str) -> None:
    """Three digits, and words for what is no number."""
    assert figure(value) == words


def test_a_lower_precision_is_not_called_another_equation() -> None:
    """A float32 run that is promised as float64 follows its equation, and the sentence says in what."""
    rng = np.random.default_rng(4)
    rec = oracle.Recurrence.elman(rng.normal(size=(6, 6)), rng.normal(size=(6, 2)))
    X = rng.normal(size=(20, 2)).astype(np.float32)
    H = oracle.simulate(rec, inputs=X, dtype=np.float32).astype(np.float64)
    says = sentence(oracle.check(H, rec, inputs=X, promised="float64"))
    assert "follows its equation (elman), but computes in float32, not in float64" in says


def test_assumptions_have_labels_and_name_the_activations() -> None:
    """Each assumption is "assumed", what this run saw of one is "observed"; the activation is that of the equation."""
    rng = np.random.default_rng(4)
    rec = oracle.Recurrence.elman(rng.normal(size=(3, 3)), activation="gelu")
    given = {"inputs": np.zeros((6, 0)), "h0": rng.normal(size=3)}
    report = of_check(oracle.check(oracle.simulate(rec, **given), rec, **given))
    (listing,) = (s.blocks[0] for s in report.all_sections if "takes for granted" in s.title)
    assert isinstance(listing, Listing)
    assert any(item.startswith("gelu within 4 ulp") for item in listing.items)
    assert not any("tanh within" in item for item in listing.items)
    assert set(listing.labels) <= {"assumed", "observed"}
    page = Structure(html.render(report))
    assert page.words.count("assumed") == listing.labels.count("assumed") == len(report.data["assumptions"])
    assert "(assumed)" in render_section(Section("a", "", (listing,)))
    assert "(assumed)" in markdown.render(report)


def test_the_test_to_paste_says_what_is_missing() -> None:
    """Where no file is known, it is complete but for what is marked."""
    text = of_check(checked()).test
    compile(text, "pasted", "exec")
    assert text.count("TODO") == 2


def test_a_candidate_that_raises_has_a_short_headline_and_its_words_once() -> None:
    """Colours of a terminal are left out; what it said stands in a section of its own, not as a finding again."""

    def raises(h: Any, x: Any) -> Any:
        raise ValueError("\x1b[1m" + "no such luck, " * 30 + "\x1b[0m")

    rec = oracle.Recurrence.elman([[0.5]])
    report = of_check(oracle.check(raises, rec, inputs=np.zeros((3, 0)), h0=[0.5]))
    page = html.render(report)
    assert len(report.sentence) < 300
    assert "x1b" not in page
    titles = [section.title for section in report.all_sections]
    assert "The candidate itself" in titles
    assert "Findings" not in titles
    assert report.tiles[2].name == "equation documented"


def test_a_table_of_many_columns_has_a_wide_page() -> None:
    """So that it is not cut off on a screen."""
    for columns, wide in ((4, False), (14, True)):
        row = tuple(map(str, range(columns)))
        page = Structure(html.render(Report("t", "pass", "s", sections=(Section("p", "", (Table(row, (row,)),)),))))
        assert ("wide" in page.classes) == wide


def test_the_ulps_stand_below_the_first_screen() -> None:
    """One bar for every bin, with all that was counted."""
    result = checked(wrong=False)
    report = of_check(result)
    (section,) = (part for part in report.sections if part.title == "Residuals in ulps")
    (shown,) = section.blocks
    assert isinstance(shown, Histogram)
    assert tuple(bar.count for bar in shown.bars) == result.ulps
    assert shown.bars[-1].words == "beyond 16"
    page = html.render(report)
    assert page.index('class="opening"') < page.index("Residuals in ulps")

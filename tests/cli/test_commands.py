"""The commands: exit codes, clean stdout, three-part messages, atomic outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import run_command

import oracle
from oracle.cli import app, exits
from oracle.report.of_claims import claims_verdict

CODE = """
import numpy as np
print("imported")
W = np.array({W}); M = np.array({M}); b = np.array({b})
state = np.random.default_rng(0)
buffer = np.zeros(4)

def step(h, x): print("called"); return 0.75 * h + 0.25 * np.tanh(W @ h + M @ x + b)
def transposed(h, x): return 0.75 * h + 0.25 * np.tanh(W.T @ h + M @ x + b)
def cubic(h, x): return step(h, x) - 0.01 * h**3
def inside(h, x): return np.tanh(0.75 * h + 0.25 * (W @ h + M @ x + b))
def raises(h, x): raise ZeroDivisionError("no")
def leaves(h, x): raise SystemExit(7)
def random(h, x): return step(h, x) + state.normal(size=4)
def narrow(h, x): return step(h, x).astype(np.float32)
def shape(h, x): return step(h, x)[:3]
def mutates(h, x):
    h *= 0.75
    h += 0.25 * np.tanh(W @ (h / 0.75) + M @ x + b)
    return h
def views(h, x):
    buffer[:] = step(h, x)
    return buffer
number = 5
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with code, networks, weights and inputs; 4 units, 2 inputs."""
    rng = np.random.default_rng(8)
    W, M, b = rng.normal(size=(4, 4)), rng.normal(size=(4, 2)), rng.normal(size=4)
    arrays = {name: value.tolist() for name, value in (("W", W), ("M", M), ("b", b))}
    (tmp_path / "mine.py").write_text(CODE.format(**arrays), encoding="utf-8")
    rec = oracle.Recurrence.leaky(W, M, b, alpha=0.25)
    oracle.save(rec, tmp_path / "net.json")
    oracle.save(oracle.Network.rate(W, M, b, tau=0.5), tmp_path / "flow.json")
    np.savez(tmp_path / "w.npz", W=W, M=M, b=b)
    X = rng.normal(size=(9, 2))
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "X0.npy", X[:0])
    np.savetxt(tmp_path / "X.csv", X, delimiter=",", header="a,b", comments="")
    np.save(tmp_path / "H.npy", oracle.simulate(rec, inputs=X))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    """A command in this process; the code it would exit with."""
    with pytest.raises(SystemExit) as stopped:
        app.main(arguments)
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


NET = ("--network", "net.json")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("check", "mine.py:step", *NET), exits.PASS),
        (("check", "mine.py:step", *NET, "--batch", "3", "--kind", "step"), exits.USAGE),  # this step takes no batch
        (("check", "mine.py:step", *NET, "--inputs", "X.csv"), exits.PASS),
        (("check", "mine.py:transposed", *NET), exits.FAIL),
        (("check", "mine.py:step", "--network", "flow.json", "--step", "1/8"), exits.PASS),
        (("check", "mine.py:step", "--network", "flow.json", "--step", "0.25"), exits.FAIL),
        (("check", "H.npy", *NET, "--inputs", "X.npy"), exits.PASS),
        (("check", "mine.py:step", *NET, "--inputs", "X0.npy", "--kind", "step"), exits.NOTHING),
        (("identify", "mine.py:inside", "--weights", "w.npz"), exits.PASS),
        (("identify", "mine.py:transposed", "--weights", "net.json", "--activation", "tanh"), exits.PASS),
        (("identify", "mine.py:cubic", "--weights", "net.json", "--activation", "tanh"), exits.FAIL),
        (("claims", "--network", "flow.json", "c1", "C13"), exits.PASS),
        (("simulate", *NET, "--inputs", "X.npy", "--out", "out.npy"), exits.PASS),
        (("reference", *NET, "--inputs", "X.npy", "--digits", "20"), exits.PASS),
        (("reference", "--network", "flow.json", "--times", "0.5,1", "--digits", "12"), exits.PASS),
        (("reference", "--network", "flow.json", "--times", "1", "--certificate", "c.json"), exits.PASS),
        (("reference", *NET, "--inputs", "X.npy", "--certificate", "no/c.json"), exits.USAGE),
        (("--help",), exits.PASS),
        (("check", "--help"), exits.PASS),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_exit_codes(here: Path, arguments: tuple[str, ...], code: int) -> None:
    """Each outcome has its own code."""
    assert run(*arguments) == code


BAD = [
    ("nonsense",),
    ("check",),
    ("check", "mine.py:step", "--nonsense"),
    ("check", "mine.py", *NET),
    ("check", "mine.py:absent", *NET),
    ("check", "mine.py:number", *NET),
    ("check", "nowhere.py:step", *NET),
    ("check", "no_such_module:step", *NET),
    ("check", "mine.py:step"),
    ("check", "mine.py:step", "--network", "absent.json"),
    ("check", "mine.py:step", "--network", "w.npz"),
    ("check", "mine.py:step", "--network", "flow.json"),
    ("check", "mine.py:step", "--network", "flow.json", "--step", "fast"),
    ("check", "mine.py:step", "--network", "flow.json", "--step", "-1"),
    ("check", "mine.py:step", *NET, "--step", "0.1"),
    ("check", "mine.py:step", *NET, "--inputs", "absent.npy"),
    ("check", "mine.py:step", *NET, "--inputs", "mine.py"),
    ("check", "mine.py:step", *NET, "--inputs", "H.npy"),
    ("check", "mine.py:step", *NET, "--promised", "float99"),
    ("check", "mine.py:step", *NET, "--report", "r.pdf"),
    ("check", "mine.py:step", *NET, "--report", "no/r.html"),
    ("check", "mine.py:raises", *NET),
    ("check", "mine.py:raises", *NET, "--kind", "step"),
    ("check", "mine.py:leaves", *NET, "--kind", "step"),
    ("check", "mine.py:random", *NET),
    ("check", "mine.py:narrow", *NET),
    ("check", "mine.py:shape", *NET, "--kind", "step"),
    ("check", "mine.py:mutates", *NET, "--kind", "step"),
    ("check", "mine.py:views", *NET, "--kind", "step"),
    ("check", "H.npy", *NET),
    ("identify", "mine.py:step", "--weights", "X.npy"),
    ("identify", "H.npy", "--weights", "w.npz"),
    ("claims", "--network", "net.json"),
    ("claims", "--network", "flow.json", "C99"),
    ("simulate", *NET, "--out", "H.txt"),
    ("reference", *NET, "--times", "1"),
    ("reference", "--network", "flow.json", "--times", "1", "--inputs", "X.npy"),
]


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_bad_input_is_two_and_says_what_to_do(
    here: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Usage errors and bad input exit with 2, without a traceback, and with a remedy unless click spoke."""
    assert run(*arguments) == exits.USAGE
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert "What to do:" in out + err or err.startswith("Usage:")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("truncated.json", b'{"format": "rnn-oracle rec'),
        ("pickle.json", b"\x80\x04\x95"),
        ("truncated.npy", b"\x93NUMPY\x01\x00v\x00{'descr"),
        ("zip.npz", b"PK\x03\x04 not much"),
        ("text.csv", b"a,b\n1,two\n"),
    ],
)
def test_broken_files_are_bad_input(here: Path, name: str, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """Truncated files, pickles and text where numbers belong: code 2, and the file's name in the message."""
    (here / name).write_bytes(content)
    as_network = name.endswith(".json")
    options = ("--network", name) if as_network else (*NET, "--inputs", name)
    assert run("check", "mine.py:step", *options) == exits.USAGE
    assert name in capsys.readouterr().err


def test_pickles_in_arrays_are_refused(here: Path) -> None:
    """An object array would have to be unpickled, which could run anything."""
    np.save("objects.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert run("check", "mine.py:step", *NET, "--inputs", "objects.npy") == exits.USAGE


def test_json_on_stdout_is_all_there_is(here: Path) -> None:
    """A candidate that prints when imported and called does not spoil `--json -`; no escape codes either."""
    for line in ("check mine.py:step --network net.json --json -", "check mine:transposed --network net.json --json -"):
        done = run_command(line, here)
        document = json.loads(done.stdout)
        assert document["format"] == "rnn-oracle check"
        assert done.returncode == (0 if document["verdict"] == "pass" else 1)
    assert document["explained_by"] == "transposed-recurrent-weights"
    assert "imported" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_json_of_the_other_commands(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """identify, claims and reference write one JSON document each."""
    capsys.readouterr()
    documents: dict[str, Any] = {}
    for name, arguments in {
        "identify": ("identify", "mine.py:inside", "--weights", "w.npz", "--activation", "tanh"),
        "claims": ("claims", "C1", "--network", "flow.json"),
        "reference": ("reference", *NET, "--inputs", "X.npy", "--digits", "25"),
    }.items():
        run(*arguments, "--json", "-")
        documents[name] = json.loads(capsys.readouterr().out)
    assert documents["identify"]["explained_by"] == "leak-inside"
    assert documents["claims"]["claims"][0]["verdict"] == "holds"
    assert documents["reference"]["status"] == "proved"
    assert documents["reference"]["largest_radius"] <= 1e-25


def test_the_reference_prints_the_digits_it_promises(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The printed decimals agree with a reference of twice the digits to the digits asked for."""
    from fractions import Fraction

    capsys.readouterr()
    run("reference", *NET, "--inputs", "X.npy", "--digits", "22", "--json", "-")
    printed = json.loads(capsys.readouterr().out)["values"]
    finer = oracle.reference(oracle.load("net.json"), inputs=np.load("X.npy"), digits=44)
    for row, values in enumerate(printed):
        for unit, text in enumerate(values):
            from oracle.reference.enclosure import exact

            assert abs(Fraction(text) - exact(finer.mid[row, unit])) <= Fraction(1, 10**22)


def test_simulate_writes_what_simulate_returns(here: Path) -> None:
    """The file holds the very bits of oracle.simulate, and a refused run leaves no file."""
    assert run("simulate", *NET, "--inputs", "X.npy", "--out", "out.npy") == exits.PASS
    expected = oracle.simulate(oracle.load("net.json"), inputs=np.load("X.npy"))
    np.testing.assert_array_equal(np.load("out.npy"), expected)
    assert run("simulate", *NET, "--inputs", "H.npy", "--out", "bad.npy") == exits.USAGE
    assert not (here / "bad.npy").exists()


def test_reports_say_how_to_make_them_again(here: Path) -> None:
    """check and claims write reports with the command line in them."""
    assert run("check", "mine.py:transposed", *NET, "--report", "r.html") == exits.FAIL
    assert "rnn-oracle check mine.py:transposed" in (here / "r.html").read_text(encoding="utf-8")
    assert run("claims", "C1", "--network", "flow.json", "--report", "c.json") == exits.PASS
    assert json.loads((here / "c.json").read_text(encoding="utf-8"))["verdict"] == "pass"


def test_generated_inputs_show_their_seed_and_are_never_degenerate(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The seed is printed; samples differ at every step, and no entry is zero."""
    from oracle.cli.probe import read_run

    capsys.readouterr()
    run("check", "mine.py:step", *NET, "--seed", "41")
    assert "seed 41" in capsys.readouterr().out
    made = read_run(oracle.load("net.json"), None, None, 20, None, 41)
    assert made.h0 is not None
    assert np.all(made.inputs != 0)
    assert np.all(made.h0 != 0)
    assert len(np.unique(made.inputs, axis=0)) == len(made.inputs)


def test_internal_errors_are_three_and_hint_at_the_traceback(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault of the oracle exits with 3; the traceback is shown when asked for."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("planted")

    monkeypatch.setattr(oracle, "check", broken)
    assert run("check", "mine.py:step", *NET) == exits.INTERNAL
    err = capsys.readouterr().err
    assert "planted" in err
    assert app.TRACEBACK in err
    assert "Traceback (most" not in err
    monkeypatch.setenv(app.TRACEBACK, "1")
    assert run("check", "mine.py:step", *NET) == exits.INTERNAL
    assert "Traceback (most" in capsys.readouterr().err


def test_undecided_is_four(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An undecided verdict has its own code, for checks and for claims."""
    from dataclasses import replace

    decided = oracle.check(
        oracle.simulate(oracle.load("net.json"), inputs=np.load("X.npy")),
        oracle.load("net.json"),
        inputs=np.load("X.npy"),
    )
    assert exits.of_check(decided) == exits.PASS
    assert exits.of_check(replace(decided, verdict="undecided")) == exits.UNDECIDED
    for words, code in (
        (("holds", "undecided"), exits.UNDECIDED),
        (("undecided", "violated"), exits.FAIL),
        ((), exits.NOTHING),
        (("not applicable",), exits.NOTHING),
    ):
        results = [type("Claimed", (), {"verdict": word}) for word in words]
        assert exits.of_verdict(claims_verdict(results)) == code


def test_colour_only_where_it_is_wanted(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR switches styles off before a terminal is even looked for."""
    from oracle.cli import terminal

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in terminal.verdict("PASS: x", "pass")
    monkeypatch.setenv("NO_COLOR", "1")
    assert terminal.verdict("PASS: x", "pass") == "PASS: x"


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        (("check", "mine.py:transposed", *NET), "Does it follow its equation?"),
        (("claims", "C1", "--network", "flow.json"), "Claims"),
    ],
    ids=["check", "claims"],
)
def test_a_step_of_github_actions_gets_a_summary(
    here: Path,
    arguments: tuple[str, ...],
    title: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The report is appended as Markdown with the command; a path that cannot be written is a line and no code."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    code = run(*arguments)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "summary.md"))
    assert run(*arguments) == run(*arguments) == code
    text = (here / "summary.md").read_text(encoding="utf-8")
    assert f"\n{text}".count(f"\n## {title}\n") == 2
    assert f"rnn-oracle {' '.join(arguments)}" in text
    capsys.readouterr()
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here))
    assert run(*arguments) == code
    assert capsys.readouterr().err.count("no step summary") == 1

"""The cache never changes an answer: hits are equal bit by bit, and what is damaged is dropped and computed again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest

import oracle
from oracle.cli import app
from oracle.records.sealing import opened, sealed
from oracle.reference import cache, entry, question

RNG = np.random.default_rng(4)
W, M, B = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=3)
X, H0 = RNG.normal(size=(5, 2)), RNG.normal(size=3)
REC, NET = oracle.Recurrence.elman(W, M, B), oracle.Network.rate(W, M, B, tau=0.7)


def flow(x: Any, h0: Any, **given: Any) -> Any:
    """The flow of the network to 8 digits: what it costs does not matter here."""
    return oracle.reference(NET, x, h0, digits=8, **given)


QUESTIONS: dict[str, Callable[..., Any]] = {
    "recurrence": lambda **kw: oracle.reference(REC, X, H0, **kw),
    "batch": lambda **kw: oracle.reference(REC, np.stack([X, -2 * X], axis=1), H0, **kw),
    "flow": lambda **kw: flow(X[0], H0, times=[1, 2], **kw),
    "flow, held input": lambda **kw: flow(oracle.held(X, 0.5), H0, times=["0.3", 2], **kw),
    "flow, analytic input": lambda **kw: flow(oracle.analytic(lambda t: [t, t**2]), None, times=[1], **kw),
    "flow, initial set": lambda **kw: flow(None, [H0], times=[-1, 1], radius="1e-9", **kw),
    "flow, observed": lambda **kw: flow(None, H0, times=[1], engine="mpmath", **kw),
    "constants": lambda **kw: oracle.reference(NET.discretize(step=0.1, scheme="exponential-euler"), X, **kw),
    "some states": lambda **kw: oracle.reference(REC, X, H0, steps=[0, 3], **kw),
    "rk4": lambda **kw: oracle.reference(NET.discretize(step=0.1, scheme="rk4"), X, **kw),
}


def same(a: Any, b: Any) -> bool:
    """Whether two enclosures are the same, bit by bit, types and all."""
    numbers = zip([*a.mid.ravel(), *a.rad.ravel()], [*b.mid.ravel(), *b.rad.ravel()], strict=True)
    bits = all(repr(p._mpf_) == repr(q._mpf_) and type(p) is type(q) for p, q in numbers)
    rest = [(e.shape, e.status, e.agreement, e.bits, e.method) for e in (a, b)]
    return bits and rest[0] == rest[1]


def no_computing(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, whoever computes a reference fails."""

    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was computed")

    monkeypatch.setattr(entry, "certify", fail)
    monkeypatch.setattr(entry.flows, "follow_all", fail)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_hit_is_the_same(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer comes from the file, and is what the first was, and what no cache gives."""
    ask = QUESTIONS[name]
    first, plain = ask(cache=tmp_path), ask()
    no_computing(monkeypatch)
    assert same(ask(cache=tmp_path), first)
    assert same(first, plain)
    with pytest.raises(AssertionError, match="it was computed"):
        ask()


OTHER = {
    "another weight": lambda **kw: oracle.reference(oracle.Recurrence.elman(np.nextafter(W, 2), M, B), X, H0, **kw),
    "another activation": lambda **kw: oracle.reference(
        oracle.Recurrence.elman(W, M, B, activation="relu"), X, H0, **kw
    ),
    "another bias": lambda **kw: oracle.reference(oracle.Recurrence.elman(W, M, 2 * B), X, H0, **kw),
    "two biases": lambda **kw: oracle.reference(oracle.Recurrence.elman(W, M, (B, B)), X, H0, **kw),
    "another input": lambda **kw: oracle.reference(REC, X + np.eye(5, 2) / 2**40, H0, **kw),
    "another start": lambda **kw: oracle.reference(REC, X, H0[::-1], **kw),
    "the last state": lambda **kw: oracle.reference(REC, X, H0, steps=[5], **kw),
    "fewer steps": lambda **kw: oracle.reference(REC, X[:4], H0, **kw),
    "a batch of one": lambda **kw: oracle.reference(REC, X[:, None], H0, **kw),
    "more digits": lambda **kw: oracle.reference(REC, X, H0, digits=31, **kw),
    "a leak": lambda **kw: oracle.reference(oracle.Recurrence.leaky(W, M, B, alpha=0.5), X, H0, **kw),
    "inside": lambda **kw: oracle.reference(oracle.Recurrence.leaky(W, M, B, alpha=0.5, sigma="inside"), X, H0, **kw),
    **{name: ask for name, ask in QUESTIONS.items() if name != "recurrence"},
    "another engine": lambda **kw: flow(X[0], H0, times=[1, 2], engine="mpmath", **kw),
    "other times": lambda **kw: flow(X[0], H0, times=[1, "2.5"], **kw),
    "another beginning": lambda **kw: flow(X[0], H0, times=[1, 2], start="0.5", **kw),
    "a linear input": lambda **kw: flow(oracle.sampled(X, 0.5), H0, times=["0.3", 2], **kw),
    "another rate": lambda **kw: flow(oracle.held(X, 0.625), H0, times=["0.3", 2], **kw),
    "another formula": lambda **kw: flow(oracle.analytic(lambda t: [t, t**3]), None, times=[1], **kw),
}


def test_questions_that_differ_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is changed in a question, its digest is another one; asked again, it is the same."""
    asked: list[Any] = []
    monkeypatch.setattr(entry, "cached", lambda _, arguments, compute: asked.append(question.question(*arguments)))
    everything = {"recurrence": QUESTIONS["recurrence"], **OTHER}
    for _ in range(2):
        for ask in everything.values():
            ask(cache=True)
    keys = [q.key for q in asked]
    assert len(set(keys)) == len(everything)
    assert keys[: len(everything)] == keys[len(everything) :]


def test_other_code_does_not_find_the_answers_of_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With another source file or library the cache is empty, and `prune` removes what the old one left."""
    ask = QUESTIONS["recurrence"]
    ask(cache=tmp_path)
    monkeypatch.setattr(question.flint, "__version__", "999")
    question.algorithm.cache_clear()
    try:
        ask(cache=tmp_path)
        assert len(list(cache.Store(tmp_path).entries())) == 2
        assert command("prune", tmp_path) == 0
        assert len(list(cache.Store(tmp_path).entries())) == 1
    finally:
        question.algorithm.cache_clear()


def test_bad_input_is_refused_as_without_a_cache(tmp_path: Path) -> None:
    """Times for a recurrence, an unknown engine and a wrong shape are refused before and after there is an answer."""
    for _ in range(2):
        with pytest.raises(oracle.BadInput, match="times were given"):
            oracle.reference(REC, X, H0, times=[1], cache=tmp_path)
        with pytest.raises(oracle.BadInput, match="h0 has shape"):
            oracle.reference(REC, X, H0[:2], cache=tmp_path)
        with pytest.raises(oracle.BadInput, match="engine"):
            oracle.reference(NET, None, H0, times=[1], engine="magic", cache=tmp_path)
        QUESTIONS["recurrence"](cache=tmp_path)
    with pytest.raises(oracle.BadInput, match="cache is 7"):
        oracle.reference(REC, X, H0, cache=7)


# ------------------------------------------------------------------------------------------------------- damage


def rewritten(**changes: Any) -> Callable[[str], str]:
    """An entry with other content, sealed again."""
    return lambda text: sealed({**opened(text), **changes})


def entry_of(index: int, number: Any) -> Callable[[str], str]:
    """An entry with another middle, sealed again."""

    def change(text: str) -> str:
        content = opened(text)
        content["mid"][index] = number
        return sealed(content)

    return change


DAMAGE: dict[str, Callable[[str], str]] = {
    "a digit": lambda text: text.replace("0x1", "0x2", 1),
    "cut off": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "a list": lambda text: "[]",
    "nested": lambda text: "[" * 200_000,
    "not ASCII": lambda text: text.replace("proved", "prövéd"),
    "transposed": rewritten(shape=[3, 6]),
    "a negative extent": rewritten(shape=[-6, -3]),
    "a shape of words": rewritten(shape=["6", "3"]),
    "no shape": rewritten(shape=None),
    "too few": rewritten(mid=["0x1p0"]),
    "another question": rewritten(key="0" * 64),
    "another format": rewritten(format="pickle"),
    "a negative radius": rewritten(rad=["-0x1p-200"] * 18),
    "a better status": rewritten(status="certain"),
    "infinite": entry_of(4, "inf"),
    "not a number": entry_of(4, "nan"),
    "a float": entry_of(4, 0.5),
    "words": entry_of(4, "__import__('os')"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_never_believed(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged entry is dropped with a note, the answer computed again and kept; seals alone are not trusted."""
    ask = QUESTIONS["recurrence"]
    right = ask(cache=tmp_path)
    (path,) = cache.Store(tmp_path).entries()
    good = path.read_bytes()
    path.write_text(DAMAGE[name](good.decode("ascii")), encoding="utf-8")
    assert path.read_bytes() != good
    assert command("verify", tmp_path) == (0 if name == "transposed" else 1)  # 3 x 6 is a shape, but not of this one
    with caplog.at_level(logging.WARNING, "oracle.cache"):
        assert same(ask(cache=tmp_path), right)
    assert "is dropped" in caplog.text
    assert path.read_bytes() == good
    assert command("verify", tmp_path) == 0


def test_the_probe_sees_a_wrong_answer(tmp_path: Path) -> None:
    """A sealed entry with another middle, which nobody can tell, is seen by `same`: the tests above can fail."""
    ask = QUESTIONS["recurrence"]
    right = ask(cache=tmp_path)
    (path,) = cache.Store(tmp_path).entries()
    path.write_text(entry_of(4, "0x1p-3")(path.read_text("ascii")), encoding="ascii")
    assert not same(ask(cache=tmp_path), right)


def test_a_folder_that_cannot_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file in place of the folder costs a note, not the answer; neither does an infinite radius get kept."""
    file = tmp_path / "file"
    file.write_text("mine", encoding="ascii")
    right = QUESTIONS["recurrence"]()
    with caplog.at_level(logging.WARNING, "oracle.cache"):
        assert same(QUESTIONS["recurrence"](cache=file), right)
    assert "not kept" in caplog.text
    assert file.read_text(encoding="ascii") == "mine"
    caplog.clear()
    asked = question.question(REC, X, H0, None, None, 0, 0, 30, "balls")
    assert asked is not None
    rad = np.full(right.shape, mpmath.inf, dtype=object)
    cache.Store(tmp_path / "c").put(asked, replace(right, rad=rad))
    assert "not kept" in caplog.text
    assert not list(tmp_path.glob("c/*"))


def test_an_interrupt_leaves_no_half_written_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted before the rename there is no entry and no temporary file."""
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        QUESTIONS["recurrence"](cache=tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


# ------------------------------------------------------------------------------------------------- user, commands


def command(name: str, folder: Path, *more: str) -> int:
    """The exit code of `rnn-oracle cache NAME`."""
    with pytest.raises(SystemExit) as stopped:
        app.main(["cache", name, "--cache", str(folder), *more])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """True means XDG_CACHE_HOME, where that is absolute; off is the default, and writes nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    QUESTIONS["recurrence"]()
    QUESTIONS["recurrence"](cache=False)
    assert not list(tmp_path.iterdir())
    QUESTIONS["recurrence"](cache=True)
    assert len(list(cache.Store(tmp_path / "rnn-oracle" / "references").entries())) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache.user_folder().is_absolute()


def test_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """info counts, verify says what is damaged, prune removes that, old temporary files and nothing else."""
    assert command("verify", tmp_path) == 5
    for name in ("recurrence", "flow", "batch"):
        QUESTIONS[name](cache=tmp_path)
    first, *_ = cache.Store(tmp_path).entries()
    first.write_text(first.read_text("ascii").replace("0x1", "0x3", 1), encoding="ascii")
    (first.parent / "mine.json").write_text("{}", encoding="ascii")
    killed, writing = (first.parent / f".{first.name}.{digit * 16}" for digit in "ab")
    for path in (killed, writing):
        path.write_text("half", encoding="ascii")
    os.utime(killed, (0, 0))
    capsys.readouterr()
    assert command("info", tmp_path) == 0
    shown = capsys.readouterr().out
    assert "entries   3," in shown
    assert "damaged   1 damaged" in shown
    assert "current   2 answers" in shown
    assert command("verify", tmp_path) == 1
    assert "checksum is wrong\n2 intact, 1 damaged" in capsys.readouterr().out
    assert command("prune", tmp_path) == 0
    assert capsys.readouterr().out == "2 removed, 2 kept\n"
    assert (first.exists(), killed.exists(), writing.exists()) == (False, False, True)
    assert command("prune", tmp_path, "--all") == 0
    assert capsys.readouterr().out == "2 removed, 0 kept\n"
    assert sorted(path.name for path in first.parent.iterdir()) == sorted([writing.name, "mine.json"])


def test_reference_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """`reference --cache DIR` prints the same twice, the second time from the file."""
    monkeypatch.chdir(tmp_path)
    oracle.save(REC, "net.json")
    outputs = []
    for _ in range(2):
        with pytest.raises(SystemExit, match="0"):
            app.main(["reference", "--network", "net.json", "--cache", "kept"])
        outputs.append(capsys.readouterr().out)
        no_computing(monkeypatch)
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("pair", [((1,), ("1",)), ((1, 2), (12,)), (((1,), 2), ((1, 2),)), (("a", "b"), ("ab",))])
def test_digests_tell_values_apart(pair: tuple[Any, Any]) -> None:
    """Kinds and boundaries are part of the digest."""
    assert question.digest(pair[0]) != question.digest(pair[1])
    assert question.digest(Fraction(1, 3)) != question.digest(1 / 3)
    with pytest.raises(TypeError, match="no exact name"):
        question.digest((1, object()))

"""Certificates: accepted as written by a checker that shares nothing with the library, refused when falsified.

Falsified files are sealed again, so that it is the mathematics that refuses them and not the checksum.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from copy import deepcopy
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oracle
from oracle.arithmetic.suprema import bounded_slopes
from oracle.cli import app
from oracle.reference import certificate, chain
from oracle.reference.enclosure import exact
from oracle.reference.limits import NotReached

SCRIPT = Path(__file__).parents[2] / "proofs" / "checker" / "check_certificate.py"
FORMS = ("elman", "leaky", "inside", "leak-inside", "rate", "paper", "current")
EXACT = ("relu", "identity", "leaky-relu(0.2)", "leaky-relu(-0.5)", "hardtanh", "hardtanh(-0.25,2)")
ENCLOSED = (
    "tanh",
    "logistic",
    "elu(2.5)",
    "softplus",
    "softplus(inf,2.5)",
    "silu",
    "gelu",
    "gelu-tanh",
    "erf",
    "arctan",
)
ACTIVATIONS = (*ENCLOSED, "elu", "sin", *EXACT)


def loaded(source: str = "") -> Any:
    """The checker as a module, with another source where one is given."""
    spec = importlib.util.spec_from_file_location("check_certificate", SCRIPT)
    assert spec is not None
    module: Any = importlib.util.module_from_spec(spec)
    exec(compile(source or SCRIPT.read_text(encoding="utf-8"), str(SCRIPT), "exec"), module.__dict__)
    return module


checker = loaded()


def made(form: str, activation: str = "tanh", N: int = 3, gain: float = 1.2, seed: int = 5) -> Any:
    """A recurrence with random weights, 2 inputs."""
    rng = np.random.default_rng(seed)
    W, M, b = gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, 2)), rng.normal(size=N)
    alpha = rng.uniform(0.05, 0.95, size=N)
    if form == "elman":
        return oracle.Recurrence.elman(W, M, b, activation=activation)
    if form == "leak-inside":
        return oracle.Recurrence.leak_inside(W, M, b, alpha=alpha, activation=activation)
    if form in ("leaky", "inside"):
        sigma = "inside" if form == "inside" else "outside"
        return oracle.Recurrence.leaky(W, M, b, alpha=Fraction(1, 3), sigma=sigma, activation=activation)
    net = getattr(oracle.Network, form)(W, M, b, tau=0.7, activation=activation)
    return net.discretize(step=Fraction(1, 10))


def run(N: int, K: int, seed: int = 6) -> tuple[Any, Any]:
    """Inputs (K, 2) and h0, whose thirds are no multiples of any 2^-bits."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(K, 2)), np.array([Fraction(value) / 3 for value in rng.normal(size=N)], dtype=object)


def inside(outer: Any, inner: Any) -> bool:
    """Whether one enclosure contains another, entry by entry."""
    rows = zip(*(a.ravel() for a in (outer.mid, outer.rad, inner.mid, inner.rad)), strict=True)
    return all(abs(exact(m) - exact(n)) + exact(s) <= exact(r) for m, r, n, s in rows)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("form", FORMS)
def test_accepted(form: str, activation: str) -> None:
    """A certificate is accepted, meets its digits, and contains a finer reference computed in balls."""
    rec, (X, h0) = made(form, activation), run(3, 8)
    found = oracle.certificate(rec, X, h0, digits=25)
    assert checker.check(checker.read(found.text())).startswith("9 states of 3 units to 25 digits")
    assert found.enclosure.status == "proved"
    assert found.enclosure.digits >= 25
    assert inside(found.enclosure, oracle.reference(rec, X, h0, digits=60))


@settings(max_examples=15, deadline=None)
@given(
    form=st.sampled_from(FORMS),
    activation=st.sampled_from(ACTIVATIONS),
    N=st.integers(1, 12),
    K=st.integers(0, 12),
    gain=st.sampled_from([0.05, 1.0, 4.0]),
    seed=st.integers(0, 99),
)
def test_accepted_whatever_is_drawn(form: str, activation: str, N: int, K: int, gain: float, seed: int) -> None:
    """Contracting to expanding, one unit to twelve, no steps to twelve: accepted, and a finer reference is inside."""
    rec, (X, h0) = made(form, activation, N, gain, seed), run(N, K, seed)
    found = oracle.certificate(rec, X, h0, digits=15)
    checker.check(checker.read(found.text()))
    assert inside(found.enclosure, oracle.reference(rec, X, h0, digits=80))


@pytest.mark.parametrize("form", FORMS)
def test_the_file_states_the_record(form: str) -> None:
    """A recurrence made of the file's coefficients equals the one that was certified, exactly."""
    rec, (X, h0) = made(form), run(3, 2)
    stated = json.loads(oracle.certificate(rec, X, h0).text())["map"]
    activation = stated.pop("activation")
    read = {name: np.vectorize(Fraction, otypes=[object])(np.array(rows)) for name, rows in stated.items()}
    assert oracle.Recurrence(**read, activation=activation, step=rec.step) == rec


def test_the_checker_stands_alone(tmp_path: Path) -> None:
    """The script is short, imports the standard library only, and runs isolated, without site packages."""
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    names = {n.name for node in ast.walk(tree) if isinstance(node, ast.Import) for n in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 300
    rec, (X, h0) = made("rate"), run(3, 8)
    found = oracle.certificate(rec, X, h0)
    good, bad = found.save(tmp_path / "good.json"), tmp_path / "bad.json"
    text = found.text()
    bad.write_text(text.replace('"digits": 30', '"digits": 31'), encoding="ascii")
    arguments = [sys.executable, "-I", "-S", str(SCRIPT), str(good)]
    passed = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (passed.returncode, passed.stderr) == (0, "")
    assert "accepted: 9 states of 3 units to 30 digits" in passed.stdout
    failed = subprocess.run([*arguments, str(bad)], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "refused: the content is not what was sealed" in failed.stdout
    missing = subprocess.run([*arguments[:-1], "no.json"], capture_output=True, text=True, check=False)
    assert missing.returncode == 2


# ------------------------------------------------------------------------------------------------ falsified files


def moved(text: str, by: int = 1) -> str:
    """A dyadic number, off by units in its last place."""
    sign = -1 if text.startswith("-") else 1
    digits, exponent = text.lstrip("-").split("p")
    value = sign * int(digits, 16) + by
    return f"{'-' if value < 0 else ''}{abs(value):#x}p{exponent}"


def nudged(text: str) -> str:
    """A ratio, off by one in 2^60."""
    value = Fraction(text) + Fraction(1, 2**60)
    return f"{value.numerator}/{value.denominator}"


def at(*path: Any, by: Callable[[Any], Any]) -> Callable[[Any], None]:
    """The change of one entry of a document."""

    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        document[path[-1]] = by(document[path[-1]])

    return change


def rounding_understated(document: Any) -> None:
    """Less rounding, and the errors that then follow."""
    document["rounding"] = [moved(r, -(1 << 20)) for r in document["rounding"]]
    recursion(document)


def constant_understated(document: Any) -> None:
    """Half of q, and the errors that then follow."""
    document["q"] = moved(document["q"], -(number(document["q"]) // 2))
    recursion(document)


def weights_understated(document: Any) -> None:
    """One unit's radius divided by two, q as its own row would have it."""
    document["weights"][1] = moved(document["weights"][1], -(number(document["weights"][1]) // 2))


def number(text: str) -> int:
    """The whole number before the exponent."""
    return int(text.split("p")[0], 16)


def recursion(document: Any) -> None:
    """Errors again, from the q and the rounding that a document states."""
    q, e = Fraction(number(document["q"]), 1 << 64), number(document["errors"][0])
    for k, r in enumerate(document["rounding"]):
        e = -(-(q.numerator * e) // q.denominator) + number(r)
        document["errors"][k + 1] = moved(document["errors"][k + 1], e - number(document["errors"][k + 1]))


def last_dropped(rows: list[Any]) -> list[Any]:
    """All but the last entry."""
    return rows[:-1]


FALSIFIED: dict[str, tuple[Callable[[Any], None], str]] = {
    "a digit of a centre": (at("centres", 3, 1, by=moved), "not the nearest"),
    "a digit of a centre, down": (at("centres", 3, 2, by=lambda y: moved(y, -1)), "not the nearest"),
    "a leading digit": (at("centres", 7, 0, by=lambda y: moved(y, 1 << 90)), "not the nearest"),
    "the sign of a centre": (at("centres", 5, 0, by=lambda y: y[1:] if y[0] == "-" else f"-{y}"), "not the nearest"),
    "the first centre": (at("centres", 0, 1, by=lambda y: moved(y, 1 << 40)), "first error"),
    "an error, down": (at("errors", 4, by=lambda e: moved(e, -1)), "next error"),
    "an error, up": (at("errors", 4, by=moved), "next error"),
    "the last error": (at("errors", 8, by=lambda e: moved(e, -1)), "next error"),
    "the first error": (at("errors", 0, by=moved), "first error"),
    "a rounding bound": (at("rounding", 2, by=lambda r: moved(r, -1)), "next error"),
    "rounding and errors": (rounding_understated, "off by more than stated"),
    "q, down": (at("q", by=lambda q: moved(q, -1)), "q is not the constant"),
    "q, up": (at("q", by=moved), "q is not the constant"),
    "q and errors": (constant_understated, "q is not the constant"),
    "a weight, up": (at("weights", 0, by=moved), "q is not the constant"),
    "a weight, down": (at("weights", 2, by=lambda w: moved(w, -1)), "q is not the constant"),
    "a weight, halved": (weights_understated, "q is not the constant"),
    "a weight of zero": (at("weights", 0, by=lambda _: "0x0p-0"), "not positive"),
    "bits, up": (at("bits", by=lambda n: n + 1), "not the nearest"),
    "bits, down": (at("bits", by=lambda n: n - 1), "no multiple"),
    "digits": (at("digits", by=lambda n: n + 10), "exceeds 10"),
    "A": (at("map", "A", 1, 1, by=nudged), "not the nearest"),
    "B": (at("map", "B", 1, 1, by=nudged), "not the nearest"),
    "W": (at("map", "W", 2, 1, by=nudged), "q is not"),
    "M": (at("map", "M", 2, 1, by=nudged), "not the nearest"),
    "E": (at("map", "E", 2, 1, by=nudged), "not the nearest"),
    "b": (at("map", "b", 1, by=nudged), "not the nearest"),
    "c": (at("map", "c", 1, by=nudged), "not the nearest"),
    "the activation": (at("map", "activation", by=lambda _: "relu"), "not the nearest"),
    "an unknown activation": (at("map", "activation", by=lambda _: "sine"), "not known"),
    "an input": (at("inputs", 6, 1, by=nudged), "not the nearest"),
    "h0": (at("h0", 2, by=nudged), "first error"),
    "a step dropped": (at("centres", by=last_dropped), "no list of 9"),
    "a unit dropped": (at("centres", 4, by=last_dropped), "no list of 3"),
    "no rounding of the last step": (at("rounding", by=last_dropped), "no list of 8"),
    "a row of W dropped": (at("map", "W", by=last_dropped), "no list of 3"),
    "a decimal": (at("centres", 1, 1, by=lambda _: "0.25"), "no number like"),
    "not a number": (at("centres", 1, 1, by=lambda _: float("nan")), "no number like"),
    "a huge exponent": (at("centres", 1, 1, by=lambda _: "0x1p-9999999"), "absurd"),
    "a true digit count": (at("digits", by=lambda _: True), "digits is True"),
    "version": (at("version", by=lambda _: 2), "another format"),
    "format": (at("format", by=lambda _: "certificate"), "another format"),
    "an entry missing": (lambda document: document.pop("q"), "entries"),
    "an entry added": (lambda document: document.update(note="trust me"), "entries"),
}


def valid(activation: str) -> Any:
    """A valid certificate: every coefficient present and none zero on the way, 8 steps of 3 units."""
    rng = np.random.default_rng(11)
    parts = {name: rng.normal(size=(3, 3)) / 2 for name in "ABW"}
    parts |= {name: rng.normal(size=(3, 2)) for name in "ME"} | {name: rng.normal(size=3) for name in "bc"}
    found = oracle.certificate(oracle.Recurrence(**parts, activation=activation), *run(3, 8), digits=30)
    content = json.loads(found.text())
    del content["sha256"]
    checker.check(deepcopy(content))
    return content


@pytest.fixture(scope="module")
def document() -> Any:
    """The one of tanh."""
    return valid("tanh")


def sealed(content: Any) -> str:
    """A document as a file, sealed."""
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return json.dumps({**content, "sha256": hashlib.sha256(plain.encode()).hexdigest()})


@pytest.mark.parametrize("name", FALSIFIED)
def test_falsified_is_refused(name: str, document: Any) -> None:
    """Every field, altered by as little as one unit in its last place and sealed again, is refused for its reason."""
    change, reason = FALSIFIED[name]
    content = deepcopy(document)
    change(content)
    with pytest.raises(checker.Refused, match=reason):
        checker.check(checker.read(sealed(content)))


FIRST = (
    *("a digit of a centre", "a digit of a centre, down", "an error, down", "the first error", "rounding and errors"),
    *("q, down", "q, up", "q and errors", "a weight, halved", "W", "b", "an input", "h0"),
)


@pytest.mark.parametrize("activation", ACTIVATIONS[1:])
def test_falsified_is_refused_whatever_the_activation(activation: str) -> None:
    """A digit, a radius, a constant, a coefficient, an input, h0, the name: refused for every activation."""
    content = valid(activation)
    for name in FIRST:
        change, reason = FALSIFIED[name]
        false = deepcopy(content)
        change(false)
        with pytest.raises(checker.Refused, match=f"{reason}|q is not|not the nearest"):
            checker.check(false)
    for other in ACTIVATIONS:
        if other != activation:
            with pytest.raises(checker.Refused, match=r"q is not|not the nearest"):
                checker.check({**content, "map": {**content["map"], "activation": other}})


def test_damage_is_refused(document: Any) -> None:
    """Any one digit changed in the file, or its end cut off, breaks the seal."""
    text = sealed(document)
    places = [i for i, letter in enumerate(text) if letter.isdigit()]
    for i in np.random.default_rng(2).choice(places, 80, replace=False):
        other = "1" if text[i] == "7" else "7"
        with pytest.raises((checker.Refused, ValueError)):
            checker.read(text[:i] + other + text[i + 1 :])
    for cut in (text[:-1], text[: len(text) // 2], "", "[]", "null"):
        with pytest.raises((checker.Refused, ValueError)):
            checker.read(cut)


# ---------------------------------------------------------------------------------------------- planted faults


def planted(function: Any, old: str, new: str) -> Any:
    """A function with one piece of its source replaced."""
    source = inspect.getsource(function)
    assert source.count(old) == 1, old
    names: dict[str, Any] = dict(function.__globals__)
    exec(compile(source.replace(old, new), "planted", "exec"), names)
    return names[function.__name__]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("norm", "Fraction(max(", "Fraction(min("),
        (
            "_sizes",
            "np.abs(A + _share(through, centre)) + _share(sizes, radius)",
            "np.abs(A + _share(through, centre))",
        ),
        ("_sizes", "(high - low) / 2", "(high - low) / 4"),
        ("slopes", "max(ends)", "max(ends) / 2"),
        ("follow", "ceil(q * errors[-1])", "ceil(q * errors[-2] if len(errors) > 1 else 0)"),
        ("follow", "ceil(worst * fine)", "ceil(worst * fine / 2)"),
        ("follow", "centre = [round(", "centre = [ceil("),
        ("follow", "errors, rounding = [ceil(", "errors, rounding = [0 * ceil("),
    ],
)
def test_a_faulty_writer_is_refused(name: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer with a wrong constant, recursion or rounding writes what the checker refuses."""
    fault = planted(getattr(chain, name), old, new)
    for module in (chain, certificate):
        if hasattr(module, name):
            monkeypatch.setattr(module, name, fault)
    found = oracle.certificate(made("current"), *run(3, 8))
    with pytest.raises(checker.Refused):
        checker.check(checker.read(found.text()))


ARGUMENTS = [0.0, 1e-40, 0.3, 1.0, 3.14159265358979, 7.5, 19.0, 80.0, 130.0, 1e9, 1e45]
CUBIC = Fraction(44715, 10**6)


def values(ctx: Any) -> dict[str, Callable[[Any], Any]]:
    """The activations in mpmath, each from its own definition."""

    def softplus(z: Any) -> Any:
        return max(z, 0) + ctx.log1p(ctx.exp(-abs(z)))

    def gelu_tanh(z: Any) -> Any:
        cubic = ctx.mpf(CUBIC.numerator) / CUBIC.denominator * z**3
        return z * (1 + ctx.tanh(ctx.sqrt(2 / ctx.pi) * (z + cubic))) / 2

    return {
        "tanh": ctx.tanh,
        "logistic": lambda z: 1 / (1 + ctx.exp(-z)),
        "elu(2.5)": lambda z: z if z > 0 else 5 * ctx.expm1(z) / 2,
        "leaky-relu(0.25)": lambda z: max(z, z / 4),
        "hardtanh(-0.25,2)": lambda z: min(max(z, -ctx.one / 4), ctx.mpf(2)),
        "softplus": softplus,
        "softplus(inf,2.5)": lambda z: softplus(z * 5 / 2) * 2 / 5,
        "silu": lambda z: z / (1 + ctx.exp(-z)),
        "gelu": lambda z: z * ctx.ncdf(z),
        "gelu-tanh": gelu_tanh,
        "erf": ctx.erf,
        "arctan": ctx.atan,
        "sin": ctx.sin,
    }


NAMES = tuple(values(mpmath.mp))


def encloses(module: Any, name: str, bits: int) -> bool:
    """Whether the checker's bounds of s contain mpmath's value, and are a few units apart."""
    ctx = mpmath.MPContext()
    ctx.prec = 4 * bits + 200
    family, given, *_ = module.parsed(name)
    for z in [*ARGUMENTS, *(-z for z in ARGUMENTS)]:
        true = values(ctx)[name](ctx.mpf(z))
        down, up = module.activation(family, given, Fraction(z), bits)
        if not (down <= true * ctx.mpf(2) ** bits <= up and up - down <= 4):
            return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_the_checkers_own_activations(name: str) -> None:
    """Bounds of the activations contain the value and are at most 4 units of 2^-bits apart."""
    assert all(encloses(checker, name, bits) for bits in (20, 100, 333))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lambda k: (1, k), 2 * z", "lambda k: (1, k + 1), 2 * z"),
        ("max(-term[0], term[1]) > 1", "max(-term[0], term[1]) > 1 << 40"),
        ("z <= self.bits else", "z <= self.bits / 8 else"),
        ("(one - high, one - low)", "(low, high)"),
        ("else (-high, -low)", "else (low, high)"),
        ("(-most, -least))  # t", "(least, most))  # t"),
        ("range(3)", "range(2)"),
        ("a - 8 * n * high, b - 8 * n * low", "a - 4 * n * high, b - 4 * n * low"),
        ("y > self.bits", "y > self.bits / 8"),
        ("root((d * low, d * high))", "root((low, high))"),
        ("low, high = self.erf(size, 2)", "low, high = self.erf(size, 1)"),
        ("int(min(2 * z * z, 4 * bits))", "0"),
        ("44715", "44714"),
        ("least + 2 * logs[0], most", "least + logs[0], most"),
        ("self.times(t, t))  # t +", "self.times(t, (-t[1], -t[0])))  # t +"),
        ("z / factor if", "z * factor if"),
        ("(e[0] - one, e[1] - one)", "(e[0] - 2 * one, e[1] - 2 * one)"),
        ("(2 * low - one, 2 * high - one)", "(2 * low, 2 * high)"),
        ("4 * int(z).bit_length()", "0 * int(z).bit_length()"),
    ],
)
def test_a_faulty_enclosure_is_seen(old: str, new: str) -> None:
    """Planted faults of the checker's series, their tails, saturation, symmetries and scalings miss mpmath's values."""
    source = SCRIPT.read_text(encoding="utf-8")
    assert source.count(old) == 1
    faulty = loaded(source.replace(old, new))
    assert not all(encloses(faulty, name, bits) for name in NAMES for bits in (20, 100, 333))


def holds(module: Any, name: str) -> bool:
    """Whether all slopes are within r of m in the checker: the suprema are certified by balls."""
    *_, m, r = module.parsed(name)
    low, high = bounded_slopes(name)
    return bool(m - r <= low and high <= m + r)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_checkers_slopes(name: str) -> None:
    """The range of slopes is that of the writer, and contains the certified one."""
    *_, m, r = checker.parsed(name)
    assert (m - r, m + r) == chain.slopes(name)
    assert holds(checker, name)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("silu", "-1/10 11/10", "-9/100 11/10"),
        ("silu", "-1/10 11/10", "-1/10 109/100"),
        ("gelu", '"gelu": "-13/100 113/100"', '"gelu": "-12/100 113/100"'),
        ("gelu-tanh", '"gelu-tanh": "-13/100 113/100"', '"gelu-tanh": "-13/100 112/100"'),
        ("erf", "0 113/100", "0 112/100"),
        ("sin", "-1 1", "0 1"),
        ("leaky-relu(-0.5)", '("leaky-relu", "elu")', '("elu",)'),
        ("elu(2.5)", '("leaky-relu", "elu")', '("leaky-relu",)'),
    ],
)
def test_slopes_that_are_too_narrow_are_seen(name: str, old: str, new: str) -> None:
    """Each end of a range is needed: the next hundredth is too little."""
    source = SCRIPT.read_text(encoding="utf-8")
    assert old in source
    assert not holds(loaded(source.replace(old, new)), name)


# ---------------------------------------------------------------------------------------------------- what is refused


def test_what_has_no_certificate() -> None:
    """Batches, steps of other equations, irrational coefficients and hopeless growth are refused with reasons."""
    X, h0 = run(3, 8)
    net = oracle.Network.rate([[0.3, 1.0], [-0.7, 0.2]], tau=0.5)
    with pytest.raises(oracle.BadInput, match="batch"):
        oracle.certificate(made("elman"), np.stack([X, -X], axis=1), h0)
    with pytest.raises(oracle.BadInput, match="rk4 step"):
        oracle.certificate(net.discretize(step=0.1, scheme="rk4"), np.zeros((4, 0)))
    with pytest.raises(oracle.BadInput, match="its slope is unbounded"):
        oracle.certificate(made("elman", "square"), X, h0)
    with pytest.raises(oracle.BadInput, match="it jumps"):
        oracle.certificate(made("elman", "softplus(20)"), X, h0)
    with pytest.raises(oracle.BadInput, match="the independent checker knows nothing of it"):
        oracle.certificate(made("elman", "z / (1 + exp(-z))"), X, h0)
    with pytest.raises(oracle.BadInput, match="not rational"):
        oracle.certificate(net.discretize(step=0.1, scheme="exponential-euler"), np.zeros((4, 0)))
    with pytest.raises(oracle.BadInput, match="certificates are of recurrences and flows"):
        oracle.certificate(X, np.zeros((4, 0)))  # type: ignore[arg-type]
    with pytest.raises(NotReached, match="the limit is"):
        oracle.certificate(made("elman", "identity", gain=1e4), np.zeros((20_000, 2)), h0)


def test_a_certificate_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt before the rename leaves the old file and no other; an unusable folder is named."""
    found = oracle.certificate(made("elman"), *run(3, 2))
    path = tmp_path / "c.json"
    path.write_text("old", encoding="ascii")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        found.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["c.json"]
    assert path.read_text(encoding="ascii") == "old"
    monkeypatch.undo()
    with pytest.raises(oracle.BadInput, match="No such file"):
        found.save(tmp_path / "no" / "c.json")


def test_the_command_line_writes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rnn-oracle reference --certificate FILE` writes what the checker accepts, for the digits asked for."""
    monkeypatch.chdir(tmp_path)
    oracle.save(made("rate"), "net.json")
    np.save("X.npy", run(3, 6)[0])
    arguments = ["reference", "--network", "net.json", "--inputs", "X.npy", "--digits", "20", "--certificate", "c.json"]
    with pytest.raises(SystemExit, match="0"):
        app.main(arguments)
    assert "7 states of 3 units to 20 digits" in checker.check(checker.read(Path("c.json").read_text("ascii")))

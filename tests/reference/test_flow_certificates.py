"""Certificates of flows: accepted as written by a checker that shares nothing with the library, refused when falsified.

The checker's proof is another one than that of the certified engine (no Cauchy bound, no balls), so every certificate
that is accepted confirms that engine as well.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import re
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
from oracle.cli import app
from oracle.reference import flow_certificate, flow_chain
from oracle.reference.enclosure import exact
from oracle.reference.limits import NotReached

SCRIPT = Path(__file__).parents[2] / "proofs" / "checker" / "check_flow.py"
FORMS, INPUTS = ("paper", "rate", "current"), ("none", "held", "sampled")
ACTIVATIONS = ("tanh", "logistic", "silu", "identity")


def loaded(source: str = "") -> Any:
    """The checker as a module, with another source where one is given."""
    spec = importlib.util.spec_from_file_location("check_flow", SCRIPT)
    assert spec is not None
    module: Any = importlib.util.module_from_spec(spec)
    exec(compile(source or SCRIPT.read_text(encoding="utf-8"), str(SCRIPT), "exec"), module.__dict__)
    return module


checker = loaded()


def made(form: str, activation: str, N: int = 2, gain: float = 1.2, seed: int = 5) -> oracle.Network:
    """A network with random weights, two inputs, a time constant for every unit."""
    rng = np.random.default_rng(seed)
    W, M, b = gain * rng.normal(size=(N, N)) / N**0.5, rng.normal(size=(N, 2)), rng.normal(size=N)
    net: oracle.Network = getattr(oracle.Network, form)(W, M, b, tau=rng.uniform(0.5, 2, N), activation=activation)
    return net


def driven(inputs: str, seed: int = 6) -> Any:
    """An input of a kind, known until t = 3/2."""
    values = np.random.default_rng(seed).normal(size=(4, 2))
    return {
        "none": None,
        "held": oracle.held(values, Fraction(3, 8)),
        "sampled": oracle.sampled(values, Fraction(1, 2)),
    }[inputs]


def start(N: int, seed: int = 7) -> Any:
    """h0, whose thirds are no multiples of any 2^-bits."""
    return np.array([Fraction(v) / 3 for v in np.random.default_rng(seed).normal(size=N)], dtype=object)


def accepted(found: oracle.Certificate) -> str:
    """What the checker says."""
    said: str = checker.check(checker.read(found.text()))
    return said


def inside(outer: Any, inner: Any) -> bool:
    """Whether one enclosure contains another, entry by entry."""
    rows = zip(*(a.ravel() for a in (outer.mid, outer.rad, inner.mid, inner.rad)), strict=True)
    return all(abs(exact(m) - exact(n)) + exact(s) <= exact(r) for m, r, n, s in rows)


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_accepted(activation: str, inputs: str) -> None:
    """A certificate is accepted, meets its digits, and contains a finer reference by the certified engine."""
    net, times = made("rate", activation), ["1/3", 1]
    found = oracle.certificate(net, driven(inputs), start(2), 15, times)
    assert accepted(found).startswith("2 states of 2 units to 15 digits")
    assert found.enclosure.status == "proved"
    assert found.enclosure.digits >= 15
    assert inside(found.enclosure, oracle.reference(net, driven(inputs), start(2), times, digits=40))


@settings(max_examples=8)
@given(
    st.sampled_from(FORMS),
    st.sampled_from(ACTIVATIONS),
    st.integers(1, 4),
    st.sampled_from([0.05, 1.0, 3.0]),
    st.sampled_from(INPUTS),
    st.integers(0, 99),
)
def test_accepted_whatever_is_drawn(form: str, activation: str, N: int, gain: float, inputs: str, seed: int) -> None:
    """Contracting to expanding, one unit to four, every form and input: accepted, and a finer reference is inside."""
    net, h0 = made(form, activation, N, gain, seed), start(N, seed)
    found = oracle.certificate(net, driven(inputs, seed), h0, 10, ["0.5"])
    accepted(found)
    assert inside(found.enclosure, oracle.reference(net, driven(inputs, seed), h0, ["0.5"], digits=30))


def test_the_file_states_the_network() -> None:
    """A network made of the file's coefficients is the one that was certified; so are the samples."""
    net = made("current", "tanh")
    stated = json.loads(oracle.certificate(net, driven("held"), start(2), 8, [1]).text())
    field = stated["field"]
    activation = field.pop("activation")
    read = {name: np.vectorize(Fraction, otypes=[object])(np.array(rows)) for name, rows in field.items()}
    assert oracle.Network(**read, activation=activation) == net
    assert [Fraction(p["from"]) for p in stated["inputs"]] == [0, Fraction(3, 8), Fraction(3, 4)]
    assert [float(Fraction(p["value"][1])) for p in stated["inputs"]] == driven("held").values[:3, 1].tolist()


def test_the_checker_stands_alone(tmp_path: Path) -> None:
    """The script is short, imports nothing but the standard library, and runs isolated, from a folder of its own."""
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    imports = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imports <= sys.stdlib_module_names
    assert len(lines) < 300
    found = oracle.certificate(made("paper", "tanh"), driven("held"), start(2), 12, [1])
    good, bad = found.save(tmp_path / "good.json"), tmp_path / "bad.json"
    bad.write_text(found.text().replace('"digits": 12', '"digits": 13'), encoding="ascii")
    alone = tmp_path / "alone.py"
    alone.write_bytes(SCRIPT.read_bytes())
    arguments = [sys.executable, "-I", "-S", str(alone), str(good)]
    passed = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (passed.returncode, passed.stderr) == (0, "")
    assert "accepted: 1 states of 2 units to 12 digits" in passed.stdout
    failed = subprocess.run([*arguments, str(bad)], capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "refused: the content is not what was sealed" in failed.stdout


# ------------------------------------------------------------------------------------------------ falsified files


def moved(text: str, by: int = 1) -> str:
    """A dyadic number, off by units in its last place."""
    sign = -1 if text.startswith("-") else 1
    digits, exponent = text.lstrip("-").split("p")
    value = sign * int(digits, 16) + by
    return f"{'-' if value < 0 else ''}{abs(value):#x}p{exponent}"


def down(text: str) -> str:
    """Off by one unit the other way."""
    return moved(text, -1)


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


def shortened(rows: list[Any]) -> list[Any]:
    """All but the last entry."""
    return rows[:-1]


def defects_understated(document: Any) -> None:
    """Half of every defect, and the errors that then follow."""
    bits = document["bits"]
    mu = Fraction(int(document["mu"].split("p")[0], 16), 1 << 64)
    weights = [int(w.split("p")[0], 16) for w in document["weights"]]
    steps = []
    for step in document["steps"]:
        halves = [int(d.split("p")[0], 16) // 2 for d in step["defects"]]
        step["defects"] = [f"{d:#x}p-{bits + 32}" for d in halves]
        steps.append(flow_chain.Segment(Fraction(step["length"]), [], [], halves))
    first = int(document["errors"][0].split("p")[0], 16)
    document["errors"] = [f"{e:#x}p-{bits + 32}" for e in flow_chain.follow(weights, mu, first, steps)]


DEFECT = "the defect is another one"
FALSIFIED: dict[str, tuple[Callable[[Any], None], str]] = {
    **{
        f"coefficient {k} of p, unit {i}": (at("steps", 1, "p", i, k, by=moved), f"{DEFECT}|does not begin")
        for i in (0, 1)
        for k in (0, 1, 2, -1)
    },
    **{
        f"coefficient {k} of s, unit {j}": (at("steps", 1, "s", j, k, by=down), DEFECT)
        for j in (0, 1)
        for k in (0, 1, 2, -1)
    },
    "the last step's p": (at("steps", -1, "p", 1, 3, by=moved), DEFECT),
    "a leading digit": (at("steps", 0, "p", 0, 1, by=lambda c: moved(c, 1 << 60)), DEFECT),
    "the first centre": (at("steps", 0, "p", 0, 0, by=moved), "not the nearest"),
    "a defect, up": (at("steps", 1, "defects", 0, by=moved), DEFECT),
    "a defect, down": (at("steps", 1, "defects", 1, by=down), DEFECT),
    "defects and errors": (defects_understated, DEFECT),
    "an error, down": (at("errors", 2, by=down), "not what follows"),
    "an error, up": (at("errors", 2, by=moved), "not what follows"),
    "the last error": (at("errors", -1, by=down), "not what follows"),
    "the first error": (at("errors", 0, by=moved), "first error"),
    "mu, down": (at("mu", by=down), "mu is not"),
    "mu, up": (at("mu", by=moved), "mu is not"),
    "a weight, up": (at("weights", 0, by=moved), "mu is not"),
    "a weight, down": (at("weights", 1, by=down), "mu is not"),
    "a weight of zero": (at("weights", 0, by=lambda _: "0x0p-0"), "not positive"),
    "a length": (at("steps", 1, "length", by=nudged), DEFECT),
    "the last length": (at("steps", -1, "length", by=nudged), DEFECT),
    "a length of zero": (at("steps", 1, "length", by=lambda _: "0/1"), "not forward"),
    "a time": (at("times", 0, by=nudged), "no step ends"),
    "the last time": (at("times", -1, by=nudged), "do not end"),
    "digits": (at("digits", by=lambda n: n + 10), "exceeds 10"),
    "bits, up": (at("bits", by=lambda n: n + 1), "mu is not|not the nearest|no multiple"),
    "bits, down": (at("bits", by=lambda n: n - 1), "no multiple|not the nearest"),
    "A": (at("field", "A", 1, 1, by=nudged), "mu is not"),
    "B": (at("field", "B", 1, 1, by=nudged), "mu is not|defect"),
    "W": (at("field", "W", 1, 0, by=nudged), "mu is not|defect"),
    "M": (at("field", "M", 1, 1, by=nudged), DEFECT),
    "E": (at("field", "E", 1, 1, by=nudged), DEFECT),
    "b": (at("field", "b", 1, by=nudged), DEFECT),
    "c": (at("field", "c", 1, by=nudged), DEFECT),
    "the activation": (at("field", "activation", by=lambda _: "logistic"), "mu is not"),
    "an unknown activation": (at("field", "activation", by=lambda _: "relu"), "not known"),
    "an input": (at("inputs", 0, "value", 1, by=nudged), DEFECT),
    "a slope": (at("inputs", 1, "slope", 0, by=nudged), DEFECT),
    "a break": (at("inputs", 1, "from", by=nudged), "crosses"),
    "an earlier break": (at("inputs", 1, "from", by=lambda t: str(Fraction(t) * Fraction(1023, 1024))), "crosses"),
    "no input": (at("inputs", by=lambda _: []), "or empty"),
    "h0": (at("h0", 1, by=nudged), "not the nearest|first error"),
    "a step dropped": (at("steps", by=shortened), "errors is no list"),
    "a unit dropped": (at("steps", 1, "p", by=shortened), "no list of 2"),
    "a row of W dropped": (at("field", "W", by=shortened), "no list of 2"),
    "a decimal": (at("steps", 1, "p", 1, 1, by=lambda _: "0.25"), "no number like"),
    "not a number": (at("steps", 1, "s", 1, 1, by=lambda _: float("nan")), "no number like"),
    "version": (at("version", by=lambda _: 2), "another format"),
    "an entry added": (lambda document: document.update(note="trust me"), "are others"),
}


@pytest.fixture(scope="module", params=["tanh", "silu"])
def document(request: pytest.FixtureRequest) -> Any:
    """A valid certificate: every coefficient present, an input that is linear between samples."""
    rng = np.random.default_rng(11)
    parts = {name: rng.normal(size=(2, 2)) / 2 for name in "ABW"}
    parts |= {name: rng.normal(size=(2, 2)) for name in "ME"} | {name: rng.normal(size=2) for name in "bc"}
    found = oracle.certificate(
        oracle.Network(**parts, activation=request.param), driven("sampled"), start(2), 12, ["1/4", 1]
    )
    content = json.loads(found.text())
    del content["sha256"]
    checker.check(deepcopy(content))
    assert len(content["steps"]) >= 3
    return content


@pytest.mark.parametrize("name", FALSIFIED)
def test_falsified_is_refused(name: str, document: Any) -> None:
    """Every field, altered by as little as one unit in its last place and sealed again, is refused for its reason."""
    change, reason = FALSIFIED[name]
    content = deepcopy(document)
    change(content)
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"))
    sealed = json.dumps({**content, "sha256": hashlib.sha256(plain.encode()).hexdigest()})
    with pytest.raises(checker.Refused, match=reason):
        checker.check(checker.read(sealed))


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
        ("constant", "np.diagonal(C) + np.diagonal(R)", "np.diagonal(C) - np.diagonal(R)"),
        ("constant", "(high - low) / 2", "(high - low) / 4"),
        ("activation_error", "exponential(exponent, GROWTH_BITS) *", "1 *"),
        ("activation_error", "+ r)", "+ r / 2)"),
        ("integral", "(k + 1)", "(k + 2)"),
        ("follow", "max(growth, fmpq(1)) * added", "growth * added / 2"),
        ("_concluded", "+ L * unseen", "+ 0 * unseen"),
    ],
)
def test_a_faulty_writer_is_refused(name: str, old: str, new: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer with a wrong constant, bound or recursion writes what the checker refuses."""
    fault = planted(getattr(flow_chain, name), old, new)
    monkeypatch.setattr(flow_chain, name, fault)
    if hasattr(flow_certificate, name):
        monkeypatch.setattr(flow_certificate, name, fault)
    found = oracle.certificate(made("rate", "tanh"), driven("held"), start(2), 8, ["1/2"])
    with pytest.raises(checker.Refused):
        accepted(found)


@pytest.mark.parametrize("name", ["tanh", "logistic"])
@pytest.mark.parametrize("at_zero", [0, Fraction(1, 3), Fraction(-7, 2), 90, -300])
def test_the_checkers_bound_of_an_activation_holds(name: str, at_zero: Any) -> None:
    """|s(z(theta)) - S(theta)| at fifty points, by mpmath to 120 digits, is at most eps, for an S that is off by 2^-70
    in some coefficients; planted fault: without its exponential and its residual the bound is exceeded."""
    ctx = mpmath.MPContext()
    ctx.dps = 120
    z = [Fraction(at_zero), Fraction(3, 4), Fraction(-2, 3), Fraction(1, 5)]
    bits = 100

    def s(value: Any) -> Any:
        return ctx.tanh(value) if name == "tanh" else 1 / (1 + ctx.exp(-value))

    def of(coefficients: list[Any], theta: Any) -> Any:
        return ctx.polyval(
            [ctx.mpf(Fraction(c).numerator) / Fraction(c).denominator for c in coefficients[::-1]], theta
        )

    taylor = ctx.taylor(lambda theta: s(of(z, theta)), 0, 12)
    S = [int(ctx.nint(c * 2**bits)) + (1 << 30 if k in (1, 5) else 0) for k, c in enumerate(taylor)]
    eps = checker.squash_error(name, z, S, bits)
    points = [ctx.mpf(k) / 49 for k in range(50)]
    worst = max(abs(s(of(z, theta)) - of([Fraction(c, 1 << bits) for c in S], theta)) for theta in points)
    assert worst <= ctx.mpf(eps.numerator) / eps.denominator
    faulty = planted(checker.squash_error, "* (first + r)", "* first")(name, z, S, bits)
    assert worst > ctx.mpf(faulty.numerator) / faulty.denominator


# ---------------------------------------------------------------------------------------------------- what is refused


def test_what_has_no_certificate() -> None:
    """Other activations, closed-form inputs, batches, time 0, irrational coefficients, hopeless growth: refused."""
    net = made("rate", "tanh")
    for name in ("gelu", "elu", "square", "softplus(20)"):
        with pytest.raises(oracle.BadInput, match=f"activation is {re.escape(name)}"):
            oracle.certificate(made("rate", name), None, start(2), times=[1])
    with pytest.raises(oracle.BadInput, match="certificates are of flows with"):
        oracle.certificate(net, oracle.analytic(lambda t: [t, t]), start(2), times=[1])
    with pytest.raises(oracle.BadInput, match="a batch"):
        oracle.certificate(net, None, [start(2), start(2)], times=[1])
    with pytest.raises(oracle.BadInput, match="begins with h0 at 0"):
        oracle.certificate(net, None, start(2), times=[0, 1])
    with pytest.raises(oracle.BadInput, match="not rational"):
        oracle.certificate(net.linearize(at=(np.ones(2), np.ones(2))), None, start(2), times=[1])
    with pytest.raises(NotReached, match="would need about"):
        oracle.certificate(net.rescale(10**6), None, start(2), times=[1])
    with pytest.raises(oracle.BadInput, match="a recurrence has steps"):
        oracle.certificate(net.discretize(step=0.5), np.zeros((2, 2)), start(2), times=[1])


def test_the_command_line_writes_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`rnn-oracle reference --times 1 --certificate FILE` writes what the checker accepts."""
    monkeypatch.chdir(tmp_path)
    oracle.save(made("rate", "tanh"), "net.json")
    arguments = ["reference", "--network", "net.json", "--times", "0.5,1", "--digits", "10", "--certificate", "c.json"]
    with pytest.raises(SystemExit, match="0"):
        app.main(arguments)
    assert "2 states of 2 units to 10 digits" in checker.check(checker.read(Path("c.json").read_text("ascii")))

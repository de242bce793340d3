"""Every named deviation is planted in plain NumPy and named; nothing is claimed that is not certified on every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import planted
import pytest
from planted import Code, Net, Run, runs

import oracle
from oracle.diagnosis.deviations import DEVIATIONS
from oracle.diagnosis.meanings import BOOKKEEPING_MEANINGS
from oracle.errors import BadInput

NETS = {
    "tanh 5": Net(5, 5, "tanh"),
    "relu 8 per unit": Net(8, 8, "relu", per_unit=True),
    "logistic 16 float32": Net(16, 16, "logistic", "float32", seed=3),
    "tanh 64 float32 per unit": Net(64, 64, "tanh", "float32", per_unit=True, two_biases=True, seed=4),
}
Plant = Callable[[Net], tuple[Any, Run]]


def _tanh_for(net: Net) -> str:
    return "logistic" if net.activation == "tanh" else "tanh"


def _field(net: Net) -> Callable[[Code, Any, Any], Any]:
    return lambda c, h, x: (-h + c.drive(h, x)) / net.tau


def _exponential(net: Net) -> Code:
    return Code.of(net, -np.expm1(-net.dt / net.tau))


def _read(shift: int, edge: str) -> Callable[[Any, int], Any]:
    def read(X: Any, k: int) -> Any:
        if 0 <= k + shift < len(X):
            return X[k + shift]
        return np.zeros_like(X[0]) if edge == "zero" else X[min(max(k + shift, 0), len(X) - 1)]

    return read


def _not_carried(code: Code) -> Run:
    return lambda h0, X: np.stack([h0, *(planted.rate(code, h0, x) for x in X)])


def _before_stepping(code: Code) -> Run:
    return lambda h0, X: runs(code)(h0, X)[:-1]


def _ignored(code: Code, first: str) -> Run:
    """Started from zero; the first row is left out, the zero, or h0 all the same."""

    def run(h0: Any, X: Any) -> Any:
        H = runs(code)(np.zeros_like(h0), X)
        return {"left out": H[1:], "zero": H, "h0": np.concatenate([h0[None], H[1:]])}[first]

    return run


def _driven_outside(gain: Callable[[Code], Any]) -> Callable[[Code, Any, Any], Any]:
    """(1-a) h + a s(W h + b), and the input added with a gain."""
    return lambda c, h, x: (1 - c.a) * h + c.a * c.s(c.W @ h + c.b) + gain(c) * (c.M @ x)


def _two_back(net: Net, step: Callable[[Code, Any, Any, Any], Any], first: int = 1) -> Run:
    """h[k+1] = step(h[k], h[k-1], x[k]); before the first state is h0 or zero."""
    code = Code.of(net)

    def run(h0: Any, X: Any) -> Any:
        states = [first * h0, h0]
        for x in X:
            states.append(step(code, states[-1], states[-2], x))
        return np.stack(states[1:])

    return run


def _swapped(net: Net) -> Code:
    """exp(-dt/tau) in place of 1 - exp(-dt/tau)."""
    return Code.of(net, np.exp(-net.dt / net.tau))


def _cut(values: Any, bits: int) -> Any:
    """Rounded to nearest, to so many significant bits."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    return np.ldexp(np.rint(np.ldexp(mantissa, bits)), exponent - bits).astype(values.dtype)


def _through(n: Net, bits: int, parts: str) -> Code:
    """Weights, biases and alpha that went through a narrower format: those that `parts` names."""
    W, M = (_cut(v, bits) if name in parts else v for name, v in (("W", n.W), ("M", n.M)))
    b = sum(_cut(part, bits) if "b" in parts else part for part in n.b)
    a = n.dt / n.tau
    return Code.of(n, _cut(a, bits) if "a" in parts else a).but(W=W, M=M, b=np.asarray(b))


PLANTED: dict[str, Plant] = {
    "transposed-recurrent-weights": lambda n: (n.record(), runs(Code.of(n).but(W=n.W.T))),
    "transposed-input-weights": lambda n: (n.record(), runs(Code.of(n).but(M=n.M.T))),
    "negated-recurrent-weights": lambda n: (n.record(), runs(Code.of(n).but(W=-n.W))),
    "masked-recurrent-weights": lambda n: (
        n.record(),
        runs(Code.of(n).but(W=n.W * (1 - np.eye(len(n.W), dtype=n.dtype)))),
    ),
    "bias-missing": lambda n: (n.record(), runs(Code.of(n).but(b=0 * n.b[0]))),
    "bias-missing: the last": lambda n: (n.record(), runs(Code.of(n).but(b=n.b[0] * (len(n.b) - 1)))),
    "bias-doubled": lambda n: (n.record(), runs(Code.of(n).but(b=2 * sum(n.b)))),
    "bias-doubled: the first": lambda n: (n.record(), runs(Code.of(n).but(b=sum(n.b) + n.b[0]))),
    "negated-input-weights": lambda n: (n.record(), runs(Code.of(n).but(M=-n.M))),
    "recurrent-weights-missing": lambda n: (n.record(), runs(Code.of(n).but(W=0 * n.W))),
    "bias-negated": lambda n: (n.record(), runs(Code.of(n).but(b=-np.asarray(sum(n.b))))),
    "bias-repeated": lambda n: (n.record(), runs(Code.of(n).but(b=2 * n.b[0]))),
    "bias-outside": lambda n: (n.record(), runs(Code.of(n).but(b=0 * n.b[0], outside=np.asarray(sum(n.b))))),
    "bias-outside: elman": lambda n: (
        n.record("elman"),
        runs(Code.of(n).but(b=0 * n.b[0], outside=np.asarray(sum(n.b))), planted.elman),
    ),
    "alpha-swapped": lambda n: (n.record(), runs(Code.of(n).but(a=1 - n.dt / n.tau))),
    "alpha-swapped: stated as alpha": lambda n: (n.record("outside"), runs(Code.of(n, 1 - n.tau))),
    "leak-missing": lambda n: (n.record(), runs(Code.of(n), planted.gained(n.dt / n.tau, 0 * n.dt))),
    "leak-negated": lambda n: (n.record(), runs(Code.of(n), planted.gained(n.dt / n.tau, -n.dt / n.tau))),
    "forward-euler": lambda n: (n.record("rate", "exponential-euler"), runs(Code.of(n))),
    "exponential-euler": lambda n: (n.record(), runs(_exponential(n))),
    "heun": lambda n: (n.record(), runs(Code.of(n), planted.staged("heun", _field(n), n.dt))),
    "midpoint": lambda n: (n.record("rate", "rk4"), runs(Code.of(n), planted.staged("midpoint", _field(n), n.dt))),
    "rk4": lambda n: (n.record(), runs(Code.of(n), planted.staged("rk4", _field(n), n.dt))),
    "forward-euler: for rk4": lambda n: (n.record("rate", "rk4"), runs(Code.of(n))),
    "form-rate": lambda n: (n.record("paper"), runs(Code.of(n))),
    "form-rate: for current": lambda n: (n.record("current"), runs(Code.of(n))),
    "form-rate: for leak-inside": lambda n: (n.record("leak-inside"), runs(Code.of(n, n.tau))),
    "form-paper": lambda n: (n.record(), runs(Code.of(n), planted.gained(n.dt))),
    "form-current": lambda n: (n.record(), runs(Code.of(n), planted.current)),
    "form-current: stated as alpha": lambda n: (n.record("outside"), runs(Code.of(n, n.tau), planted.current)),
    "leak-inside": lambda n: (n.record(), runs(Code.of(n), planted.leak_inside)),
    "elman": lambda n: (n.record(), runs(Code.of(n), planted.elman)),
    "drive-gain-tau": lambda n: (n.record(), runs(Code.of(n), planted.gained(n.tau))),
    "drive-gain-step": lambda n: (n.record(), runs(Code.of(n), planted.gained(n.dt))),
    "drive-gain-one": lambda n: (n.record(), runs(Code.of(n), planted.gained(np.ones_like(n.dt)))),
    "tau-inverted": lambda n: (n.record(), runs(Code.of(n).but(a=n.dt * n.tau))),
    **{
        f"activation:{name}": lambda n, name=name: (n.record(), runs(Code.of(n).but(activation=name)))
        for name in planted.SQUASH
    },
    **{
        f"rounded-weights:{name}: {parts}": lambda n, bits=bits, parts=parts: (
            n.record(),
            runs(_through(n, bits, parts)),
        )
        for name, bits in (("float32", 24), ("float16", 11), ("bfloat16", 8))
        for parts in ("W", "WM", "WMb", "WMba")
    },
    "input-missing": lambda n: (n.record(), runs(Code.of(n), read=lambda X, k: 0 * X[0])),
    "input-late": lambda n: (n.record(), runs(Code.of(n), read=_read(-1, "zero"))),
    "input-late: first held": lambda n: (n.record(), runs(Code.of(n), read=_read(-1, "held"))),
    "input-early": lambda n: (n.record(), runs(Code.of(n), read=_read(1, "zero"))),
    "input-early: last held": lambda n: (n.record(), runs(Code.of(n), read=_read(1, "held"))),
    "initial-state-ignored": lambda n: (n.record(), _ignored(Code.of(n), "left out")),
    "initial-state-ignored: shown": lambda n: (n.record(), _ignored(Code.of(n), "zero")),
    "initial-state-ignored: denied": lambda n: (n.record(), _ignored(Code.of(n), "h0")),
    "state-not-carried": lambda n: (n.record(), _not_carried(Code.of(n))),
    "records-before-stepping": lambda n: (n.record(), _before_stepping(Code.of(n))),
    "activity-recorded": lambda n: (n.record(), lambda h0, X: np.tanh(runs(Code.of(n))(h0, X))),
    "input-shifted": lambda n: (n.record(), runs(Code.of(n), read=_read(-3, "zero"))),
    "input-held": lambda n: (n.record(), runs(Code.of(n), read=lambda X, k: X[k // 3 * 3])),
    "input-reversed": lambda n: (n.record(), runs(Code.of(n), read=lambda X, k: X[len(X) - 1 - k])),
    "input-outside": lambda n: (n.record(), runs(Code.of(n), _driven_outside(lambda c: c.a))),
    "input-outside: without its gain": lambda n: (n.record(), runs(Code.of(n), _driven_outside(lambda c: 1))),
    "input-outside: inside the nonlinearity": lambda n: (
        n.record("current"),
        runs(Code.of(n), lambda c, h, x: (1 - c.a) * h + c.a * (c.W @ c.s(h + c.M @ x) + c.b)),
    ),
    "input-outside: leak-inside": lambda n: (
        n.record("leak-inside"),
        runs(Code.of(n, n.tau), lambda c, h, x: c.s((1 - c.a) * h + c.a * (c.W @ h + c.b)) + c.M @ x),
    ),
    "state-late": lambda n: (n.record(), _two_back(n, lambda c, h, g, x: planted.rate(c, g, x))),
    "leak-late": lambda n: (
        n.record(),
        _two_back(n, lambda c, h, g, x: (1 - c.a) * g + c.a * c.drive(h, x)),
    ),
    "leak-late: from zero": lambda n: (
        n.record("current"),
        _two_back(n, lambda c, h, g, x: (1 - c.a) * g + c.a * c.z(c.s(h), x), 0),
    ),
    "recurrent-late": lambda n: (
        n.record(),
        _two_back(n, lambda c, h, g, x: (1 - c.a) * h + c.a * c.drive(g, x)),
    ),
    "recurrent-late: current": lambda n: (
        n.record("current"),
        _two_back(n, lambda c, h, g, x: (1 - c.a) * h + c.a * c.z(c.s(g), x)),
    ),
    "output-reversed": lambda n: (n.record(), lambda h0, X: np.concatenate([h0[None], runs(Code.of(n))(h0, X)[:0:-1]])),
    "output-reversed: h0 too": lambda n: (n.record(), lambda h0, X: runs(Code.of(n))(h0, X)[::-1]),
    "alpha-swapped: exponential": lambda n: (n.record("rate", "exponential-euler"), runs(_swapped(n))),
    "alpha-swapped: exponential, paper": lambda n: (
        n.record("paper", "exponential-euler"),
        runs(_swapped(n), lambda c, h, x: (1 - c.a) * h + n.tau * c.a * c.drive(h, x)),
    ),
    "step-repeated": lambda n: (
        n.record(),
        runs(Code.of(n), lambda c, h, x: planted.rate(c, planted.rate(c, h, x), x)),
    ),
    "step-divided": lambda n: (
        n.record(),
        runs(
            Code.of(n, n.dt / n.tau / np.asarray(2, dtype=n.dtype)),
            lambda c, h, x: planted.rate(c, planted.rate(c, h, x), x),
        ),
    ),
    "wrong-step: far off": lambda n: (
        n.record(),
        runs(Code.of(n, np.asarray(8 if n.activation == "logistic" else 1000, dtype=n.dtype) * n.dt / n.tau)),
    ),
    "wrong-leak": lambda n: (
        n.record("elman"),
        runs(Code.of(n), lambda c, h, x: np.asarray(0.25, dtype=n.dtype) * h + c.drive(h, x)),
    ),
    "input-frozen": lambda n: (n.record(), runs(Code.of(n), read=lambda X, k: X[0])),
    "wrong-initial-state": lambda n: (n.record(), lambda h0, X: runs(Code.of(n))(h0 / 2, X)),
    "wrong-step": lambda n: (n.record(), runs(Code.of(n, np.asarray(1.3, dtype=n.dtype) * n.dt / n.tau))),
    "wrong-tau": lambda n: (n.record(), runs(Code.of(n, np.asarray(0.45, dtype=n.dtype)))),
}

ELSEWHERE = {
    "gru",
    "gru-reset-before",
    "reset-missing",
    "gates-swapped",
    "update-gate-complemented",  # planted in test_findings.py
    "forget-bias-added",
    "forget-bias-subtracted",
    "gates-coupled",  # planted in tests/equations/test_lstm.py
    "backward-euler",
    "trapezoidal",  # planted in tests/equations/test_implicit.py
    "zoh",  # planted in tests/equations/test_zero_order_hold.py
    "gate-repeated",
    "reset-without-bias",
    "stage-repeated",  # planted in test_unusual.py
    *(name for name in DEVIATIONS if name.startswith("gate-activation:")),  # planted in test_gate_activations.py
}


def judged(net: Net, plant: Plant, K: int = 9) -> oracle.CheckResult:
    """The check of a planted program."""
    rec, program = plant(net)
    h0, X = net.run_data(K)
    return oracle.check(program, rec, inputs=X, h0=h0, kind="run", promised=net.dtype)


def test_the_table_is_covered() -> None:
    """Every deviation of the library has a planted program here."""
    assert set(DEVIATIONS) | set(BOOKKEEPING_MEANINGS) - {"last-step-dropped", "batch-mixed"} <= ELSEWHERE | {
        name.partition(": ")[0] for name in PLANTED
    }


@pytest.mark.parametrize("which", NETS)
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_deviation_is_named(name: str, which: str) -> None:
    """It fails, its name is among the first finding's, and every finding that explains is certified on every step."""
    net = NETS[which]
    finding = name.partition(": ")[0]
    if finding == f"activation:{net.activation}":
        pytest.skip("that is the documented activation")
    if finding == "activation:square" and net.dtype == "float32":
        pytest.skip("squares of squares overflow")
    if finding == f"rounded-weights:{net.dtype}":
        pytest.skip("they are numbers of that format")
    if finding == "bias-repeated" and not net.two_biases:
        pytest.skip("there is one bias")
    result = judged(net, PLANTED[name])
    assert result.verdict == "fail"
    assert result.diagnosis, "no finding at all"
    assert finding in result.diagnosis[0].name.split("|"), result.summary()
    assert all(f.worst <= 1 for f in result.diagnosis if f.explains)
    assert result.computed_in == net.dtype


@pytest.mark.parametrize("which", NETS)
def test_what_is_documented_passes(which: str) -> None:
    """The same programs without a deviation, against every form: nothing above fails for another reason."""
    net = NETS[which]
    h0, X = net.run_data()
    programs = {
        net.record(): runs(Code.of(net)),
        net.record("paper"): runs(Code.of(net), planted.gained(net.dt)),
        net.record("current"): runs(Code.of(net), planted.current),
        net.record("elman"): runs(Code.of(net), planted.elman),
        net.record("leak-inside"): runs(Code.of(net, net.tau), planted.leak_inside),
        net.record("rate", "rk4"): runs(Code.of(net), planted.staged("rk4", _field(net), net.dt)),
        net.record("rate", "exponential-euler"): runs(_exponential(net)),
    }
    for rec, program in programs.items():
        result = oracle.check(program, rec, inputs=X, h0=h0, kind="run")
        assert result, result.summary()


PAIRS: dict[str, Plant] = {
    "transposed-recurrent-weights+bias-missing": lambda n: (
        n.record(),
        runs(Code.of(n).but(W=n.W.T, b=0 * n.b[0])),
    ),
    "activation:logistic+input-late": lambda n: (
        n.record(),
        runs(Code.of(n).but(activation=_tanh_for(n)), read=_read(-1, "zero")),
    ),
    "negated-recurrent-weights+wrong-tau": lambda n: (
        n.record(),
        runs(Code.of(n, np.asarray(0.4, dtype=n.dtype)).but(W=-n.W)),
    ),
    "wrong-weights": lambda n: (n.record(), runs(Code.of(n).but(W=_nudged(n, 1.01)))),
}


def _nudged(net: Net, factor: float) -> Any:
    W = net.W.copy()
    i, j = np.unravel_index(np.argmax(np.abs(W)), W.shape)
    W[i, j] *= np.asarray(factor, dtype=net.dtype)
    return W


@pytest.mark.parametrize("which", list(NETS)[:3])
@pytest.mark.parametrize("name", PAIRS)
def test_pairs_and_single_weights_are_named(name: str, which: str) -> None:
    """Two deviations at once, or one weight of one row: both names, and every residual inside."""
    net = NETS[which]
    result = judged(net, PAIRS[name], K=40)
    expected = name.replace("activation:logistic", f"activation:{_tanh_for(net)}")
    assert result.verdict == "fail"
    assert set(expected.split("+")) <= set((result.explained_by or "").replace("|", "+").split("+")), result.summary()
    assert all(f.worst <= 1 for f in result.diagnosis if f.explains)


def test_a_wrong_weight_is_given_with_its_place_and_size() -> None:
    """W[i, j] is named by index, with the documented and the fitted value, the change to a part in 10^10."""
    net = NETS["tanh 5"]
    result = judged(net, PAIRS["wrong-weights"], K=14)
    i, j = (int(k) for k in np.unravel_index(np.argmax(np.abs(net.W)), net.W.shape))
    entries = result.diagnosis[0].parameters["entries"]
    assert list(entries) == [f"W[{i}, {j}]"]
    own, fitted, delta = entries[f"W[{i}, {j}]"]
    assert own == net.W[i, j]
    assert delta == pytest.approx(0.01 * own, rel=1e-10)
    assert fitted == pytest.approx(1.01 * own, rel=1e-12)


def test_too_few_steps_do_not_name_a_weight() -> None:
    """With as many unknowns as steps any row can be fitted, so none is claimed."""
    result = judged(NETS["tanh 5"], PAIRS["wrong-weights"], K=4)
    assert result.verdict == "fail"
    assert result.explained_by is None, result.summary()


GARBAGE: dict[str, Callable[[Net, Code, Any, Any], Any]] = {
    "a cubic decay": lambda n, c, h, x: planted.rate(c, h, x) - np.asarray(0.01, dtype=n.dtype) * h**3,
    "a wave added": lambda n, c, h, x: planted.rate(c, h, x) + np.sin(np.arange(n.N, dtype=n.dtype) * h.sum()) / 50,
    "three at once": lambda n, c, h, x: planted.rate(c.but(W=-c.W.T, b=2 * c.b, M=-c.M, activation="identity"), h, x),
    "clipped softly": lambda n, c, h, x: (3 * np.tanh(planted.rate(c, h, x) / 3)).astype(n.dtype),
}


@pytest.mark.parametrize("which", ["tanh 5", "logistic 16 float32"])
@pytest.mark.parametrize("name", GARBAGE)
def test_what_has_no_name_is_unexplained(name: str, which: str) -> None:
    """Nothing in the table brings every residual inside, so nothing is claimed."""
    net, step = NETS[which], GARBAGE[name]
    result = judged(net, lambda n: (n.record(), runs(Code.of(n), lambda c, h, x: step(n, c, h, x))), K=20)
    assert result.verdict == "fail"
    assert result.explained_by is None, result.summary()
    assert [f.name for f in result.diagnosis] == ["unexplained"]


def _rounded(bits: int) -> Callable[[Any], Any]:
    """float32 numbers rounded to nearest with fewer bits of significand."""

    def rounding(v: Any) -> Any:
        mantissa, exponent = np.frexp(v)
        return np.ldexp(np.rint(mantissa * 2.0**bits) / 2.0**bits, exponent).astype(np.float32)

    return rounding


@pytest.mark.parametrize(("bits", "finding"), [(11, "precision:tf32"), (8, "precision:bfloat16")])
@pytest.mark.parametrize("N", [16, 64, 200])
@pytest.mark.parametrize("activation", ["tanh", "relu", "logistic"])
def test_narrow_products_are_named(bits: int, finding: str, N: int, activation: str) -> None:
    """Factors of every product rounded to 11 or 8 bits in a float32 program."""
    net, cut = Net(N, 3, activation, "float32", seed=N), _rounded(bits)

    def step(c: Code, h: Any, x: Any) -> Any:
        return c.s(cut(c.W) @ cut(h) + cut(c.M) @ cut(x) + c.b)

    result = judged(net, lambda n: (n.record("elman"), runs(Code.of(n), step)), K=12)
    assert result.verdict == "fail"
    assert result.explained_by == finding, result.summary()


@pytest.mark.parametrize("N", [8, 64])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("size", [1e-5, 1e-4, 1e-3])
def test_scaled_weights_are_not_called_a_precision(N: int, activation: str, size: float) -> None:
    """All weights times 1 + 1e-5 in float32 leave residuals of the size of a lower precision, but no noise."""
    net = Net(N, 3, activation, "float32", seed=N)
    scaled = (net.W.astype(np.float64) * (1 + size)).astype(np.float32)
    result = judged(net, lambda n: (n.record("elman"), runs(Code.of(n).but(W=scaled), planted.elman)), K=12)
    assert result.verdict == "fail" or size == 1e-5, "1e-5 may hide below the middle between float32 and TF32"
    assert not (result.explained_by or "").startswith("precision"), result.summary()


def test_a_float32_program_where_float64_was_promised() -> None:
    """By its dtype, and by its residuals where the states were widened afterwards."""
    net = Net(12, 3, "tanh")
    h0, X = net.run_data()
    narrow = runs(Code.of(Net(12, 3, "tanh", "float32")).but(**_cast(Code.of(net))), planted.elman)

    def widened(h0: Any, X: Any) -> Any:
        return narrow(h0.astype(np.float32), X.astype(np.float32)).astype(np.float64)

    for program, problem in ((narrow_states(narrow), True), (widened, False)):
        result = oracle.check(program, net.record("elman"), inputs=X, h0=h0, kind="run", promised="float64")
        assert result.verdict == "fail"
        assert result.explained_by == "precision:float32", result.summary()
        assert (result.problem is not None) is problem
        assert problem is False or isinstance(result.problem, BadInput)


def narrow_states(program: Run) -> Run:
    """A program that returns float32 whatever it is given."""
    return lambda h0, X: program(h0.astype(np.float32), X.astype(np.float32))


def _cast(code: Code) -> dict[str, Any]:
    return {name: getattr(code, name).astype(np.float32) for name in ("W", "M", "b", "a", "outside")}


@pytest.mark.parametrize("reset", ["after", "before"])
def test_the_other_reset_of_a_gated_unit_is_named(reset: str) -> None:
    """r (W h + c) against W (r h) + c."""
    rng = np.random.default_rng(6)
    N, I = 7, 3
    W, M, b, c = (rng.standard_normal(shape) for shape in ((3 * N, N), (3 * N, I), (3 * N,), (3 * N,)))
    rec = oracle.Recurrence.gru(W, M, b, c, reset="before" if reset == "after" else "after")
    gate = [slice(i * N, (i + 1) * N) for i in range(3)]

    def step(h: Any, x: Any) -> Any:
        r, z = (planted.logistic(M[g] @ x + b[g] + W[g] @ h + c[g]) for g in gate[:2])
        g = gate[2]
        inner = r * (W[g] @ h + c[g]) if reset == "after" else W[g] @ (r * h) + c[g]
        n = np.tanh(M[g] @ x + b[g] + inner)
        return (1 - z) * n + z * h

    result = oracle.check(step, rec, inputs=rng.standard_normal((6, I)), h0=rng.standard_normal(N), kind="step")
    assert result.explained_by == ("gru" if reset == "after" else "gru-reset-before")


def test_records_that_are_one_and_the_same_are_joined() -> None:
    """With tau = 1 the step is alpha: a drive without gain is the same record under two names."""
    net = Net(6, 6, "tanh")
    rec = oracle.Network.rate(net.W, net.M, net.b, tau=1).discretize(step=0.11)
    code = Code.of(net, np.asarray(0.11))
    h0, X = net.run_data()
    result = oracle.check(runs(code, planted.gained(np.asarray(1.0))), rec, inputs=X, h0=h0, kind="run")
    assert set(result.diagnosis[0].name.split("|")) == {"drive-gain-tau", "drive-gain-one"}

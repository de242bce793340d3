"""`oracle.check_gradient`: does this backward pass compute the gradient of the discrete loss?

The certified gradient (`oracle.reference.gradients`, in balls) against what the candidate returned, entry by entry. An
entry is inside if it is within the proven rounding bound and the observed tolerance (`oracle.tolerance.gradient`). A
backward pass that is outside is compared with every named deviation, each certified and bounded in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from oracle.check.backward import Gradients, Objective, called, names, read
from oracle.check.breach import Breach
from oracle.check.deadline import limited, seconds
from oracle.check.result import Finding
from oracle.check.surroundings import preserved
from oracle.diagnosis.gradient_deviations import NONE
from oracle.diagnosis.gradient_findings import findings
from oracle.diagnosis.gradient_question import asked, rounder
from oracle.diagnosis.gradient_result import GradientResult, Judged
from oracle.diagnosis.gradient_verdict import DIGITS, judged_all
from oracle.errors import BadInput, KinkError
from oracle.records.exact import Array
from oracle.records.layout import Samples
from oracle.records.precision import Precision, precision_model
from oracle.records.recurrence import Recurrence
from oracle.records.verbs import verb
from oracle.reference.gradients import INPUT, STATE, Asked, certified
from oracle.reference.layered_gradients import Layers
from oracle.reference.limits import NotReached
from oracle.reference.loss import Loss
from oracle.tolerance.gradient import tolerance_of


def check_gradient(
    candidate: Any,
    rec: Any = None,
    *,
    inputs: Any,
    h0: Any = None,
    loss: Any = "functional",
    weights: Any = None,
    promised: Any = None,
    batch_first: bool | None = None,
    time_limit: float | None = None,
) -> GradientResult:
    """Whether a backward pass computes the gradient of the discrete loss, to rounding, and what it computes otherwise.

    Parameters
    ----------
    candidate : module, callable or mapping
        A module of a known class (its autograd is run), backward(h0, X, objective) -> gradients by name (see
        `oracle.check.backward.Objective`), or such a mapping itself.
    rec : Recurrence, or dict of them, optional
        The equation; modules bring their own. Of several layers or directions a dict as `oracle.layers` makes it.
    inputs : array_like, (K, I) or (K, batch, I)
    h0 : array_like, (N,) or (batch, N), optional
        Of several layers one for all, or with one more axis in front as torch has it, or a dict by place.
    loss : {"functional", "squares", "final"}
        sum_k <w_k, h_k> or sum_k |h_k - y_k|^2 over the states H[1] to H[K], or <w, h_K>: sums, over the batch too.
    weights : array_like, optional
        w or y; drawn in general position for functionals, where none are given.
    promised : str, dtype or Precision, optional
        The dtype of the parameters by default.
    batch_first : bool, optional
        Whether inputs, weights and gradients are (batch, K, ..).
    time_limit : float, optional
        Seconds the candidate may take, as for `oracle.check`.

    Returns
    -------
    GradientResult

    Raises
    ------
    oracle.BadInput
        The question is unclear: shapes, an unknown loss or parameter, K equal to the batch and nothing said.

    Notes
    -----
    Gradients are by the parameters as the recurrence was stated with them: W, M, b (or b[0], b[1]), alpha, tau, and by
    h0 and inputs; of several layers by "l0.W", "l0.h0", .., and inputs. Parameter gradients are sums over the batch. A
    loss of a torch.nn.LSTM sees its outputs, one of several layers those of the last. The slope of max(0, z) at z = 0
    is 0. The proven bound is of any order of operations; where it is too large to say anything, and of implicit steps,
    whose solvers it knows nothing of, the observed tolerance decides. Where both are as large as the gradient itself,
    nothing inside them is passed: the verdict is "undecided".
    """
    bridge = _bridge(candidate)
    if bridge is not None:
        rec = _documented(candidate, bridge) if rec is None else rec
        promised = bridge.dtype if promised is None else promised
        batch_first = bool(bridge.batch_first) if batch_first is None else batch_first
    recs = list(rec.values()) if isinstance(rec, Mapping) else [rec]
    if not recs or not all(isinstance(each, Recurrence) for each in recs):
        raise BadInput(
            f"rec is {type(rec).__name__}.",
            "the equation whose loss is differentiated is missing.",
            "pass a Recurrence: oracle.Recurrence.elman(W, M, b), net.discretize(step=dt), oracle.recurrence(module).",
        )
    model = precision_model(recs[0].dtype if promised is None else promised)
    seen = rounder(model) if bridge is None else bridge.received
    outputs = bool(getattr(bridge, "outputs_only", False))
    question, batched = asked(rec, inputs, h0, (loss, weights), seen, batch_first, outputs)
    first = bool(batch_first)
    limit = seconds(time_limit)
    try:
        with preserved(), limited(limit):
            given = read(_run(candidate, bridge, question, batched, first, model), question, batched, first)
    except Breach as breach:
        return _broken(question, model, breach.name, breach.problem)
    with np.errstate(all="ignore"):  # the caller's error handling is for the candidate
        return judge(question, given, model)


def _run(candidate: Any, bridge: Any, question: Asked, batched: bool, batch_first: bool, model: Precision) -> Any:
    """What the candidate returns for the question."""
    if isinstance(candidate, Mapping):
        return candidate
    run: Samples = question.run
    X = run.given(run.X).astype(model.dtype)
    if isinstance(question, Layers):
        batched = batched or bridge is not None  # modules of several layers are given a batch, of one
        X = run.X.astype(model.dtype) if bridge is not None else X
        h0: Any = {p: (h if batched else h[0]).astype(model.dtype) for p, h in question.starts.items()}
    else:
        h0 = run.given(run.h0[None])[0].astype(model.dtype)
    if bridge is not None:
        if not hasattr(bridge, "gradients"):
            raise BadInput(
                f"the bridge of {bridge.name} computes no gradients.",
                "only PyTorch modules are differentiated by their own autograd here.",
                "pass backward(h0, X, objective) -> gradients by name.",
            )
        made = bridge.gradients(h0, X, Objective.of(question.loss, batched, False))
        alone = isinstance(question, Layers) and not run.batched
        return _unbatched(made) if alone else _oriented(made, run.batched and batch_first)
    X = np.ascontiguousarray(X.swapaxes(0, 1)) if batched and batch_first else X
    return called(candidate, h0, X, Objective.of(question.loss, batched, batch_first))


def _oriented(made: dict[str, Array], swap: bool) -> dict[str, Array]:
    """Gradients by inputs in the layout the caller speaks of."""
    return {name: part.swapaxes(0, 1) if swap and name == "inputs" else part for name, part in made.items()}


def _unbatched(made: dict[str, Array]) -> dict[str, Array]:
    """Gradients of a batch of one by the run, without the axis of the batch."""
    own = {n: v[0] for n, v in made.items() if n.rpartition(".")[2] == STATE}
    return made | own | {n: v[:, 0] for n, v in made.items() if n == INPUT}


def _bridge(candidate: Any) -> Any:
    """A module as something that is differentiated: as a stack where it has several layers or directions."""
    if not verb("is_module")(candidate):
        return None
    stack = verb("stack")(candidate)
    return verb("candidate")(candidate) if stack is None or len(stack.records) == 1 else stack


def _documented(candidate: Any, bridge: Any) -> Any:
    """The equation of a module; of a stack, that of every layer and direction."""
    several = getattr(bridge, "records", None)
    return verb("recurrence")(candidate) if several is None else several


def _broken(question: Asked, model: Precision, name: str, problem: BadInput) -> GradientResult:
    known = name != "time-limit"  # of a pass that was interrupted nothing is known
    finding = Finding(name, known, float("inf"), problem.seen)
    verdict, loss = "fail" if known else "undecided", described(question.loss)
    return GradientResult(verdict, "observed", float("inf"), {}, model.name, loss, (finding,), problem)


def described(loss: Loss) -> str:
    """The loss in a few words."""
    what = {"functional": "a linear functional", "squares": "the sum of squares"}[loss.kind]
    return f"{what} of {'the last state' if len(loss.array) == 1 else f'{len(loss.array)} states'}"


def judge(question: Asked, given: Gradients, model: Precision) -> GradientResult:
    """Verdict and findings for gradients that were read."""
    try:
        reference = certified(question, DIGITS, kink=NONE)
    except (KinkError, NotReached) as error:
        problem = error if isinstance(error, BadInput) else _no_gradient(error)
        loss = described(question.loss)
        return GradientResult("undecided", "observed", float("inf"), {}, model.name, loss, (), problem)
    tolerance = tolerance_of(question, model, {name: part.float64() for name, part in reference.items()})
    parts = judged_all(given.values, reference, tolerance)
    worst = max((part.worst for part in parts.values()), default=0.0)
    blind = [name for name, part in parts.items() if part.blind]
    inside = "undecided" if blind or not parts else "pass"
    result = GradientResult(
        verdict=inside if worst <= 1 and not given.turned else "fail",
        label=_label(parts, worst, given),
        worst=worst,
        parameters=parts,
        promised=model.name,
        loss=described(question.loss),
        missing=tuple(n for n in names(question) if n in reference and n not in given.values and reference[n].mid.size),
    )
    if result.verdict == "undecided":
        return replace(result, problem=_too_coarse(blind, model))
    return result if result else replace(result, diagnosis=findings(question, given, model, worst))


def _label(parts: Mapping[str, Judged], worst: float, given: Gradients) -> str:
    if given.turned and worst <= 1:
        return "proved"  # a shape is what it is
    deciding = [part for part in parts.values() if part.worst > 1] if worst > 1 else list(parts.values())
    proved = any if worst > 1 else all
    return "proved" if proved(part.label == "proved" for part in deciding) else "observed"


def _too_coarse(blind: list[str], model: Precision) -> BadInput:
    if not blind:
        return BadInput("no gradient with an entry was returned.", "there is nothing to compare.", "return some.")
    return BadInput(
        f"the tolerance is as large as the gradient by {', '.join(blind)}.",
        f"rounding errors of {model.name} grow too much over these steps to tell the gradient from zero.",
        "use fewer steps, or promise a finer precision.",
    )


def _no_gradient(error: Exception) -> BadInput:
    return BadInput(
        f"the run has no certified gradient: {error}",
        "an argument of max(0, z) cannot be told from zero, where it has no derivative.",
        "use another h0 or other inputs.",
    )

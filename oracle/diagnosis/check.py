"""The public check: judge a candidate, and if it fails, name what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from oracle.check.again import second_run
from oracle.check.breach import Breach
from oracle.check.deadline import limited, seconds
from oracle.check.draws import drawn_verdict
from oracle.check.evidence import Evidence, gather
from oracle.check.final import with_final
from oracle.check.judge import breached, judge
from oracle.check.memory import OutputEvidence, completed
from oracle.check.result import CheckFailed, CheckResult, Finding
from oracle.check.surroundings import preserved
from oracle.diagnosis.diagnose import diagnosed
from oracle.diagnosis.layered import check_layers
from oracle.diagnosis.noise import noise_diagnosed
from oracle.diagnosis.observed import Readout, read_out, with_activity
from oracle.diagnosis.outputs import outputs_diagnosed
from oracle.errors import BadInput
from oracle.records.network import Network
from oracle.records.noise import Noise
from oracle.records.precision import precision_model
from oracle.records.recurrence import Recurrence
from oracle.records.verbs import verb


def check(
    candidate: Any,
    rec: Recurrence | Mapping[str, Recurrence] | None = None,
    *,
    inputs: Any,
    h0: Any = None,
    promised: Any = None,
    recorded: str | None = None,
    batch_first: bool | None = None,
    lengths: Any = None,
    mask: Any = None,
    observe: Any = "state",
    noise: Any = None,
    kind: str | None = None,
    time_limit: float | None = None,
) -> CheckResult:
    """Does this program compute this recurrence, up to rounding?

    Parameters
    ----------
    candidate : module, callable or array_like
        A framework's module (brings its own recurrence), run(h0, X) -> H, step(h, x) -> h, or a recorded trajectory
        (K+1, N) or (K, N), with a batch axis after the first if the inputs have one.
    rec : Recurrence
        The documented equation; may be left out for modules. For a module of several layers or directions, which is
        judged part by part, one per part, as `oracle.layers` gives them.
    inputs : array_like, (K, I) or (K, batch, I)
        Or a PackedSequence of torch, for a module.
    h0 : array_like, (N,) or (batch, N), optional
        By default that of the module, where it has a parameter `h0`, `initial_state` or `init_state`, and zero
        elsewhere. For several layers also (layers directions, N) or (layers directions, batch, N).
    promised : str or dtype, optional
        Precision promised; the dtype of the parameters by default.
    recorded : str, optional
        Format in which a trajectory was written down, if narrower: "float32", "decimal-6" (%.6g), "fixed-6" (%.6f,
        np.round(H, 6)).
    batch_first : bool, optional
        Whether arrays are (batch, K, ..); has to be said where K equals the batch. A module knows its own.
    lengths : array_like of int, (batch,), optional
        Number of samples of each trajectory that are no padding; for layers of torch and Keras, which are given it.
    mask : array_like of bool, as the inputs without their last axis, optional
        The same as true and false; Keras' masks may have holes, over which the state is kept.
    observe : "state", "activity" or (C, d)
        What the candidate returns: its states; s(h) of them, from run(h0, X) or recorded, where s has an inverse; or
        the pair (H, Y) of states and readout Y = C H + d, from run(h0, X); `oracle.readout(layer)` reads C and d.
    noise : Noise, optional
        The noise the candidate promises, `oracle.Noise(sigma=0.1, scale="sqrt-2alpha")`. Its residuals are then tested
        as draws of that noise (observed; honest noise fails with a probability of at most 1e-6), and named
        "noise:<scale>"; where the draws are given, `Noise(.., draws=xi)`, the run is judged exactly (proved).
    kind : {"module", "run", "step", "trajectory"}, optional
        When it cannot be told.
    time_limit : float, optional
        Seconds all calls of the candidate may take together; none by default. A candidate that takes longer is
        interrupted, and the verdict is "undecided". Needs the main thread of a POSIX system.

    Returns
    -------
    CheckResult
        True if and only if the verdict is "pass". A candidate that breaks the contract (raises, changes its arguments,
        returns views of one buffer, is random) fails with `.problem` set.

    Raises
    ------
    oracle.BadInput
        The question is unclear: shapes, batch order, kind, precision.

    Notes
    -----
    State of the process that the candidate changes (NumPy's error handling, global generators, the folder, warning
    filters, ..) is put back. KeyboardInterrupt passes through; every other way to fail is a finding.

    Every step is compared with the exact step from the candidate's own state (teacher forcing), in balls, against a
    bound that holds for every order of operations. The precision statistic is observed.
    """
    _supported(observe, noise, kind)
    module = kind in (None, "module") and verb("is_module")(candidate)
    told = h0 is not None or not module
    h0 = h0 if told else verb("initial_state")(candidate)
    question: dict[str, Any] = {"inputs": inputs, "h0": h0, "promised": promised, "recorded": recorded}
    stack = _stack(candidate, module, inputs, lengths, mask)
    if stack is not None:
        _refuse_with_layers(observe, noise)
        question |= {"batch_first": batch_first, "lengths": lengths, "mask": mask, "time_limit": time_limit}
        return _started(check_layers(stack, _of_parts(stack, rec), check, question), told, h0)
    readout = read_out(candidate, observe, batch_first, module)
    candidate, kind = (candidate, kind) if readout is None else (readout, "run")
    stochastic = noise is not None and noise.draws is None
    bridge = verb("candidate")(candidate) if module else None
    if bridge is not None:
        rec = verb("recurrence")(candidate) if rec is None else rec
        promised = bridge.dtype if promised is None else promised
        batch_first = bool(bridge.batch_first) if batch_first is None else batch_first
    if observe == "activity" and isinstance(observe, str) and kind is None and bridge is None and callable(candidate):
        kind = "run"  # a step would be called with the activity it has returned
    record = _recurrence(rec)
    if readout is not None:
        readout.fits(record.N)
    question["promised"] = promised
    limit, changed = seconds(time_limit), []
    try:
        with preserved(candidate) as changed, limited(limit):
            evidence = gather(candidate, record, **question, batch_first=batch_first, kind=kind, bridge=bridge)
            evidence = completed(evidence)
    except Breach as breach:
        name = precision_model(record.dtype if promised is None else promised).name
        return _noted(breached(breach.name, breach.problem, record, name, 0, 0), changed)
    with np.errstate(all="ignore"):  # the caller's error handling is for the candidate
        if observe == "activity" and isinstance(observe, str):
            evidence = with_activity(evidence)
        result = _with_noise(evidence, noise) if stochastic else _verdict(evidence, noise, readout)
        final = getattr(bridge, "final", None)  # of the last run, which is the second one where runs differ
        result = with_final(result, second_run(evidence) or evidence, final)
        return _started(_noted(result, changed), told, h0)


def _started(result: CheckResult, told: bool, h0: Any) -> CheckResult:
    """The result with a word on the initial state, where it is the module's own."""
    if told or h0 is None:
        return result
    return replace(result, assumptions=(*result.assumptions, "the run starts from the module's own initial state"))


def _stack(candidate: Any, module: bool, inputs: Any, lengths: Any, mask: Any) -> Any:
    """The candidate as a stack of layers, where it has several or sequences have ends; None for one recurrence."""
    several = lengths is not None or mask is not None or hasattr(inputs, "batch_sizes")
    stack = verb("stack")(candidate) if module else None
    if stack is None and several:
        raise BadInput(
            "lengths, a mask or a PackedSequence were given.",
            "only a layer of torch or Keras is told where its sequences end.",
            "pass trajectories of one length each, cut where they end.",
        )
    return stack if several or (stack is not None and len(stack.records) > 1) else None


def _of_parts(stack: Any, rec: Any) -> dict[str, Recurrence]:
    """What every part of a stack should follow."""
    if rec is None:
        return dict(stack.records)
    if isinstance(rec, Recurrence) and len(stack.records) == 1:
        return dict.fromkeys(stack.records, rec)
    if isinstance(rec, Mapping) and list(rec) == list(stack.records):
        return {name: _recurrence(part) for name, part in rec.items()}
    raise BadInput(
        f"rec is {type(rec).__name__}{f' of {list(rec)}' if isinstance(rec, Mapping) else ''}.",
        f"the module consists of {', '.join(stack.records)}, each of which is a recurrence.",
        "pass one for each, as oracle.layers(module) has them, or leave rec out.",
    )


def _refuse_with_layers(observe: Any, noise: Any) -> None:
    if noise is not None or not isinstance(observe, str) or observe != "state":
        raise BadInput(
            "observe or noise was given for a module of several parts.",
            "its layers are judged by the states they put out.",
            "leave both out, or check one layer at a time.",
        )


def _noted(result: CheckResult, changed: list[str]) -> CheckResult:
    """The result with a note of what the candidate changed around it."""
    if not changed:
        return result
    text = f"the candidate changed {', '.join(changed)}, which was put back"
    return replace(result, diagnosis=(*result.diagnosis, Finding("changes-global-state", False, 0.0, text)))


def _verdict(evidence: Evidence, noise: Noise | None, readout: Readout | None) -> CheckResult:
    """Verdict, breaches and diagnosis of a run without noise, or with draws that are known."""
    if noise is None:
        result, found = judge(evidence)
    else:
        result, found = drawn_verdict(evidence, noise), None
    breaches = evidence.recording.breaches
    if breaches and not (result and _both_runs_follow(evidence, noise)):
        run = evidence.run
        refused = breached(*breaches[0], evidence.rec, result.promised, run.steps, run.batch)
        more = tuple(Finding(name, True, float("inf"), problem.seen) for name, problem in breaches[1:])
        return replace(refused, diagnosis=refused.diagnosis + more, unseen=result.unseen)
    if found is None:
        return result
    if isinstance(evidence, OutputEvidence):
        return outputs_diagnosed(evidence, result)
    result = diagnosed(evidence, result, found)
    result = result if readout is None else readout.judged(result, evidence)
    narrow = [f for f in result.diagnosis if f.name == f"precision:{evidence.recording.dtype}"]
    return replace(result, problem=_narrower(narrow[0])) if narrow else result


def _with_noise(evidence: Evidence, noise: Noise) -> CheckResult:
    """A candidate that draws its own noise may differ from run to run, and break no other rule."""
    broken = [breach for breach in evidence.recording.breaches if breach[0] != "not-deterministic"]
    if broken:
        return breached(*broken[0], evidence.rec, evidence.model.name, evidence.run.steps, evidence.run.batch)
    return noise_diagnosed(evidence, noise)


def _both_runs_follow(evidence: Evidence, noise: Noise | None) -> bool:
    """Runs that differ are harmless where the second one follows as well: another order of summation, say."""
    second = second_run(evidence)
    if second is None:
        return False
    return bool(judge(second)[0] if noise is None else drawn_verdict(second, noise))


def _narrower(finding: Finding) -> BadInput:
    return BadInput(
        f"{finding.text}.",
        "an array, a constant or a framework's default is of the narrower type, and the rest followed it.",
        "make every parameter and the state of the promised type, or promise what is computed.",
    )


def _supported(observe: Any, noise: Any, kind: str | None) -> None:
    pair = isinstance(observe, tuple) and len(observe) == 2
    if not pair and not (isinstance(observe, str) and observe in ("state", "activity")):
        raise BadInput(
            f"observe is {observe!r}.",
            "it says what the candidate returns.",
            "use 'state', 'activity', or (C, d) for states and a readout C h + d.",
        )
    if kind == "step" and (pair or observe == "activity"):
        raise BadInput(
            "kind is 'step' and observe is not 'state'.",
            "a step is called with the state it has returned, so that has to be a state.",
            "pass run(h0, X), or a recorded trajectory.",
        )
    if noise is not None and not isinstance(noise, Noise):
        raise BadInput(
            f"noise is {noise!r}.",
            "a standard deviation and the rule by which it depends on the step have to be stated.",
            'pass noise=oracle.Noise(sigma=0.1, scale="sqrt-2alpha"), with draws= if they are known.',
        )


def _recurrence(rec: Any) -> Recurrence:
    if isinstance(rec, Recurrence):
        return rec
    if isinstance(rec, Network):
        raise BadInput(
            "the equation is a continuous-time network.",
            "a program computes steps; which scheme and which step it uses is part of the question.",
            'pass net.discretize(step=dt, scheme="euler").',
        )
    raise BadInput(
        f"rec is {type(rec).__name__}.",
        "the equation the candidate should follow is missing.",
        "pass a Recurrence: oracle.Recurrence.elman(W, M, b), .leaky(..), or oracle.recurrence(module).",
    )


def assert_follows(candidate: Any, rec: Recurrence | None = None, **question: Any) -> CheckResult:
    """`check`, raising `CheckFailed` (an AssertionError with `.result`) unless the verdict is "pass".

    Parameters
    ----------
    candidate, rec, **question
        As for `check`.

    Returns
    -------
    CheckResult
        The passing result.
    """
    result = check(candidate, rec, **question)
    if not result:
        raise CheckFailed(result)
    return result

"""Names of findings in words, and the sub-expressions of the step that they are about.

Deviations of the equation have theirs in the table (`oracle.diagnosis.deviations`); here are those of the bookkeeping,
and those with unknowns that are fitted.
"""

from __future__ import annotations

from oracle.diagnosis.deviations import (
    ACTIVATION,
    BOOKKEEPING,
    DEVIATIONS,
    DRIVE,
    LEAK,
    PRE_ACTIVATION,
    SCHEME,
)

BOOKKEEPING_MEANINGS = {
    "input-late": "step k uses the sample of step k - 1",
    "input-early": "step k uses the sample of step k + 1",
    "input-shifted": "step k uses a sample several steps away",
    "input-missing": "the input does not reach the state",
    "input-frozen": "every step uses the first sample",
    "input-held": "a sample is held for several steps",
    "input-reversed": "the samples are used in reverse order",
    "initial-state-ignored": "the run starts from zero instead of h0",
    "wrong-initial-state": "the run starts from another state than h0, and follows from there",
    "state-not-carried": "every step starts from h0",
    "state-late": "step k starts from the state before step k - 1",
    "leak-late": "the leak is taken from the state one step earlier, as in a pair of buffers that are exchanged",
    "recurrent-late": "the recurrent weights see the state one step earlier",
    "records-before-stepping": "the state is written down before the step, so the run is one step late",
    "last-step-dropped": "the last step is not taken",
    "step-repeated": "several steps are taken with each sample",
    "step-divided": "several shorter steps are taken in the place of one, with one sample",
    "output-reversed": "the states are written down in reverse order",
    "activity-recorded": "what is written down is the activity s(h), not the state h",
    "batch-mixed": "trajectories use each other's inputs or states",
}
FITTED_MEANINGS = {
    "wrong-step": "the equation with another alpha = dt/tau",
    "wrong-tau": "the equation with another time constant",
    "wrong-leak": "another share of the state is kept from step to step",
    "wrong-stage": "a coefficient of the Runge-Kutta method is another one",
    "drive-gain": "the drive has another gain",
    "scaled-recurrent-weights": "the recurrent weights are multiplied by a factor",
    "scaled-input-weights": "the input weights are multiplied by a factor",
    "scaled-bias": "the bias is multiplied by a factor",
    "scaled-pre-activation": "the argument of the nonlinearity is multiplied by a factor",
    "state-scaled": "the next state is multiplied by a factor, and goes on from there",
    "state-clipped": "the states are cut off at a largest or a smallest value, and go on from there",
    "output-scaled": "the states are multiplied by a factor when they are written down",
    "wrong-bias": "the bias is another one",
    "wrong-weights": "some weights are other ones",
    "permuted-units": "units are in another order in the recurrent weights than in the state",
    "permuted-rows": "rows of the weights (receiving units) are in another order",
    "permuted-columns": "columns of the recurrent weights (sending units) are in another order",
    "permuted-inputs": "the input channels are in another order",
    "masked-recurrent-weights": "some recurrent weights are zero",
}
MEANINGS = {
    "lstm": "the long short-term memory without peepholes",
    **{name: row.meaning for name, row in DEVIATIONS.items()},
    **BOOKKEEPING_MEANINGS,
    **FITTED_MEANINGS,
}
SITES = {
    **{name: row.site for name, row in DEVIATIONS.items()},
    **dict.fromkeys(BOOKKEEPING_MEANINGS, BOOKKEEPING),
    **dict.fromkeys(FITTED_MEANINGS, PRE_ACTIVATION),
    **dict.fromkeys(("wrong-step", "wrong-tau", "wrong-leak"), LEAK),
    **dict.fromkeys(("drive-gain", "output-scaled", "state-scaled"), DRIVE),
    "state-clipped": ACTIVATION,
    "wrong-stage": SCHEME,
    "leak-late": LEAK,
    "recurrent-late": PRE_ACTIVATION,
}


def meaning(name: str) -> str:
    """A finding in words: alternatives joined by |, deviations at once by +."""
    if "|" in name:
        return "; or ".join(dict.fromkeys(meaning(part) for part in name.split("|")))
    return ", and ".join(_meaning(part) for part in name.split("+"))


def _meaning(name: str) -> str:
    kind, _, which = name.partition(":")
    return f"the states are numbers of {which}" if kind == "precision" else MEANINGS.get(name, name)


def site(name: str) -> str:
    """The sub-expressions of the step where the deviations of a finding are."""
    first = name.partition("|")[0].split("+")
    return " and ".join(dict.fromkeys(SITES[part] for part in first if part in SITES))

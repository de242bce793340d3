"""rnn-oracle: a test oracle for recurrent neural networks."""

from importlib import import_module as _import_module
from typing import Any as _Any

from oracle import procedures as _procedures  # gives records their verbs
from oracle import report as _report  # and results theirs
from oracle.bridges.native import load, save
from oracle.bridges.readouts import readout
from oracle.bridges.registry import layers, recurrence
from oracle.check.candidates import as_step
from oracle.check.result import CheckFailed, CheckResult
from oracle.diagnosis.check import assert_follows, check
from oracle.diagnosis.compare import compare
from oracle.diagnosis.identify import identify
from oracle.diagnosis.probe import probe
from oracle.equations.activations_user import activation
from oracle.errors import BadInput
from oracle.procedures.simulate import simulate
from oracle.records.network import Network
from oracle.records.noise import Noise
from oracle.records.recurrence import Recurrence
from oracle.reference.analytic import analytic
from oracle.reference.certificate import Certificate, certificate
from oracle.reference.enclosure import Enclosure
from oracle.reference.entry import reference
from oracle.reference.signals import held, sampled
from oracle.tolerance.tolerance import tolerance

__all__ = [
    "BadInput",
    "Certificate",
    "CheckFailed",
    "CheckResult",
    "Cube",
    "Enclosure",
    "Network",
    "Noise",
    "Recurrence",
    "Switch",
    "activation",
    "analytic",
    "as_step",
    "assert_follows",
    "certificate",
    "check",
    "check_gradient",
    "check_precision",
    "claims",
    "compare",
    "gradient",
    "held",
    "identify",
    "layers",
    "load",
    "probe",
    "readout",
    "recurrence",
    "reference",
    "relate",
    "sampled",
    "save",
    "simulate",
    "switches",
    "tolerance",
    "verify_all",
]
__version__ = "0.1.0"
del _procedures, _report

_LATER = {
    "Cube": "oracle.procedures.cube",
    "check_gradient": "oracle.diagnosis.gradient",
    "check_precision": "oracle.diagnosis.precision",
    "claims": "oracle.claims",
    "gradient": "oracle.reference.gradients",
    "relate": "oracle.procedures.relate",
    "Switch": "oracle.reference.switching",
    "switches": "oracle.reference.switching",
    "verify_all": "oracle.claims",
}


def __getattr__(name: str) -> _Any:
    """The cube, the claims and relate, loaded when they are first asked for."""
    if name not in _LATER:
        raise AttributeError(f"module 'oracle' has no attribute {name!r}")
    module = _import_module(_LATER[name])
    return module if name == "claims" else getattr(module, name)

"""rnn-oracle: a test oracle for recurrent neural networks."""

from oracle import procedures as _procedures  # gives records their verbs
from oracle.bridges.native import load, save
from oracle.bridges.registry import recurrence
from oracle.check.candidates import as_step
from oracle.check.result import CheckFailed, CheckResult
from oracle.diagnosis.check import assert_follows, check
from oracle.errors import BadInput
from oracle.procedures.simulate import simulate
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence
from oracle.reference.enclosure import Enclosure
from oracle.reference.entry import reference
from oracle.reference.signals import held, sampled

__all__ = [
    "BadInput",
    "CheckFailed",
    "CheckResult",
    "Enclosure",
    "Network",
    "Recurrence",
    "as_step",
    "assert_follows",
    "check",
    "held",
    "load",
    "recurrence",
    "reference",
    "sampled",
    "save",
    "simulate",
]
__version__ = "0.1.0"
del _procedures

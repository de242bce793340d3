"""rnn-oracle: a test oracle for recurrent neural networks."""

from oracle import procedures as _procedures  # gives records their verbs
from oracle.bridges.native import load, save
from oracle.errors import BadInput
from oracle.records.network import Network
from oracle.records.recurrence import Recurrence

__all__ = ["BadInput", "Network", "Recurrence", "load", "save"]
__version__ = "0.1.0"
del _procedures

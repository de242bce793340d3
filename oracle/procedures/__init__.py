"""R, D, L and the cube: record to record, exactly. Importing this room gives records their verbs."""

from oracle.procedures import collapse, discretize, linearize, rescale, view

__all__ = ["collapse", "discretize", "linearize", "rescale", "view"]

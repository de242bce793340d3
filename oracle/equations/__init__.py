"""Cells, activations and schemes, each written once as a function of the arithmetic."""

"""Checks on networks other people use, and emulations of what their hardware does."""

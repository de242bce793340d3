"""Naming what a candidate computes: the table of named deviations, fitted and then certified."""

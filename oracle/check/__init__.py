"""Judging a candidate: its recorded run, certified residuals, the verdict."""

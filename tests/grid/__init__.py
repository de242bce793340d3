"""The committed grid: recurrences, honest implementations of them, and planted mutants."""

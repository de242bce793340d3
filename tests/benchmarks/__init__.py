"""Benchmarks: no time is asserted."""

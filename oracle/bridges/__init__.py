"""Frameworks, files and test vectors, in and out; found by top-level module name and loaded when needed."""

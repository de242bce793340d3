"""The mutant zoo: honest programs as source text, one planted edit at a time."""

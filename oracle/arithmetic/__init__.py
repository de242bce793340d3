"""The arithmetics: one interface, and one file per interpretation of the equations."""

"""The precision matrix: every promised format against every format computed in."""

"""Published packages whose leaky or vanilla networks are judged: one file per package, found by the name it imports."""

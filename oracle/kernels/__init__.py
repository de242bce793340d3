"""Fast restatements of one named equation each, tested against its interpretation."""

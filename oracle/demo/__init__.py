"""The demonstration: three questions and the cube, every figure measured in the run that prints it."""

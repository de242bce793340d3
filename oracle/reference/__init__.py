"""Reference solutions: recurrences certified in balls, flows by Taylor series in mpmath, and Euler's distance."""

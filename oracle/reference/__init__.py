"""Reference solutions: recurrences and flows certified in balls, a readable integrator in mpmath, Euler's distance."""

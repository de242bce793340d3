"""What a floating-point candidate may do: proven one-step and trajectory bounds, and the observed precision."""

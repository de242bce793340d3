"""Honest variants: the same equation computed otherwise. None of them may fail.

Summation orders, split and fused biases, rearranged steps, activations through others, narrower and wider storage,
layouts, and in-place updates; frameworks are added where they are installed (`frameworks`).
"""

from __future__ import annotations

from .programs import STEPS, Edit, phrase, source

RULES: tuple[tuple[str, str, str], ...] = (
    ("bias first", "W @ h + M @ x + b", "b + (M @ x + W @ h)"),
    ("input first", "W @ h + M @ x + b", "M @ x + (W @ h + b)"),
    ("units summed one by one", "W @ h", "sum(W[:, j] * h[j] for j in range(7))"),
    ("units summed backwards", "W @ h", "sum(W[:, j] * h[j] for j in reversed(range(7)))"),
    ("row by row", "W @ h", "np.array([np.dot(row, h) for row in W])"),
    ("einsum", "W @ h", 'np.einsum("ij,j->i", W, h)'),
    ("two halves", "W @ h", "(W[:, :3] @ h[:3] + W[:, 3:] @ h[3:])"),
    ("one product of stacked weights", "W @ h + M @ x", "np.hstack([W, M]) @ np.concatenate([h, x])"),
    ("bias as a weight", "W @ h + M @ x + b", "np.column_stack([W, M, b]) @ np.concatenate([h, x, unit4[4:5]])"),
    ("bias split", "+ b", "+ b / 2 + b / 2"),
    ("h plus alpha times the difference", "(1 - alpha) * h + alpha * tanh(z)", "h + alpha * (tanh(z) - h)"),
    ("difference from the state", "(1 - alpha) * h + alpha * tanh(z)", "h - alpha * (h - tanh(z))"),
    ("h, leak and drive apart", "(1 - alpha) * h + alpha * tanh(z)", "h - alpha * h + alpha * tanh(z)"),
    ("lerp from the activation", "(1 - alpha) * h + alpha * tanh(z)", "tanh(z) + (1 - alpha) * (h - tanh(z))"),
    ("tanh by the logistic", "tanh(z)", "(2 * sigmoid(2 * z) - 1)"),
    ("tanh by exponentials", "tanh(z)", "((exp(z) - exp(-z)) / (exp(z) + exp(-z)))"),
    ("logistic by tanh", "sigmoid(z)", "(0.5 + 0.5 * tanh(0.5 * z))"),
    ("alpha formed first", "dt / tau * (-h + tanh(z))", "(dt / tau) * (tanh(z) - h)"),
    ("divided last", "dt / tau * (-h + tanh(z))", "dt * (tanh(z) - h) / tau"),
    ("by the reciprocal of tau", "dt / tau * (-h + tanh(z))", "dt * (1 / tau) * (tanh(z) - h)"),
    ("over a common denominator", "h + dt / tau * (-h + tanh(z))", "((tau - dt) * h + dt * tanh(z)) / tau"),
    ("alpha and 1 - alpha", "h + dt / tau * (-h + tanh(z))", "(1 - dt / tau) * h + dt / tau * tanh(z)"),
    ("per unit alpha", "dt / taus * (-h + tanh(z))", "(dt / taus) * tanh(z) - (dt / taus) * h"),
    ("leak of the paper apart", "h + dt * (-h / tau + tanh(z))", "h - dt * h / tau + dt * tanh(z)"),
    ("1 - keep by expm1", "(1 - keep)", "(-expm1(-dt / tau))"),
    ("anchored at the state", "keep * h + (1 - keep) * tanh(z)", "h + (1 - keep) * (tanh(z) - h)"),
    ("in place", "H.append(h)", "h = np.array(h); H.append(h)"),
    ("written into one array", "H.append(h)", "H[-1:] = [H[-1], h]"),
    ("masked weights", "W @ h", "(W * (unit4[4] + 0 * W)) @ h"),
    ("kernels as given", "x @ kernel + h @ recurrent + b", "b + h @ recurrent + x @ kernel"),
    ("recurrent bias with the input", "x @ M.T + b + h @ W.T + c", "(x @ M.T + (b + c)) + h @ W.T"),
    ("columns for rows", "h @ W.T", "(W @ h.T).T"),
    ("relu by a product", "relu(W @ h + M @ x + b)", "(W @ h + M @ x + b) * (W @ h + M @ x + b > 0)"),
    ("half the slope", "dt / 2 * F(h)", "F(h) * dt * 0.5"),
    ("mean of the slopes", "dt / 2 * (k1 + k2)", "dt * (0.5 * k1 + 0.5 * k2)"),
    ("stages summed backwards", "k1 + 2 * k2 + 2 * k3 + k4", "k4 + 2 * (k3 + k2) + k1"),
    (
        "weights of the stages",
        "dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)",
        "(dt * k1 / 6 + dt * k2 / 3 + dt * k3 / 3 + dt * k4 / 6)",
    ),
    ("gate anchored at the candidate", "(1 - u) * n + u * h", "n + u * (h - n)"),
    ("gate anchored at the state", "(1 - u) * n + u * h", "h + (1 - u) * (n - h)"),
    ("gate, candidate, state", "(1 - u) * n + u * h", "u * h + n - u * n"),
    ("biases of a gate together", "br + Wr @ h + cr", "Wr @ h + (br + cr)"),
    ("leak inside, distributed", "alpha * (W @ h + M @ x + b)", "(alpha * W) @ h + (alpha * M) @ x + alpha * b"),
)


def variants() -> list[Edit]:
    """Every rule on every program in which it can be applied, and every program as it is."""
    found = [Edit(program, "as written", ()) for program in STEPS]
    for program in STEPS:
        text = source(program)
        for title, old, new in RULES:
            if phrase(old).search(text):
                found.append(Edit(program, title, ((old, new),)))
    return found

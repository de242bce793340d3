"""Hand-written backpropagation through time in NumPy, honest and with one thing wrong. Imports nothing of the oracle.

leaky          h+ = (1-a) h + a s(W h + M x + b)
leak inside    h+ = s((1-a) h + a (W h + M x + b))
"""

from __future__ import annotations

import math

import numpy as np

VALUE = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "erf": lambda z: np.vectorize(math.erf, otypes=[z.dtype])(z),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "algebraic": lambda z: z / np.sqrt(1 + z * z),
}


def slope(name, z, s, at_zero):
    """s' by z and s."""
    if name == "relu":
        return np.where(z == 0, at_zero, z > 0).astype(z.dtype)
    if name == "erf":
        return (2 / np.sqrt(np.pi) * np.exp(-z * z)).astype(z.dtype)
    if name == "algebraic":
        return (1 + z * z) ** np.asarray(-1.5, dtype=z.dtype)
    if name == "softsign":
        return (1 - np.abs(s)) ** 2
    return 1 - s * s if name == "tanh" else s * (1 - s)


class Leaky:
    """A leaky recurrence with its own backward pass; the keywords are the faults.

    carried(k, K) says whether the cotangent of h_k goes on; at is the state a step is differentiated at.
    """

    def __init__(
        self, W, M, b, alpha, activation="tanh", dtype=np.float64, *,
        inside=False, leak=True, later=False, carried=None, transpose=True, at_zero=0.0, scale=1.0, turned=(),
    ):  # fmt: skip
        self.W, self.M, self.b, self.a = (np.asarray(p, dtype=dtype) for p in (W, M, b, alpha))
        self.activation, self.dtype = activation, dtype
        self.inside, self.leak, self.later = inside, leak, later
        self.carried, self.transpose, self.at_zero = carried, transpose, at_zero
        self.scale, self.turned = scale, turned

    def parts(self, h, x):
        """z, s and the next state."""
        u = h @ self.W.T + x @ self.M.T + self.b
        z = (1 - self.a) * h + self.a * u if self.inside else u
        s = VALUE[self.activation](z)
        return u, z, s, s if self.inside else (1 - self.a) * h + self.a * s

    def __call__(self, h0, X, objective):
        """Gradients by name; X (K, batch, I)."""
        H = [h0]
        for x in X:
            H.append(self.parts(H[-1], x)[3])
        K, bars = len(X), objective.cotangent(np.stack(H[1:])) * np.asarray(self.scale, self.dtype)
        g = {"W": 0, "M": 0, "b": 0, "alpha": 0, "inputs": np.zeros_like(X)}
        bar = np.zeros_like(h0)
        for k in reversed(range(K)):
            bar = bar + bars[k]
            bar = self.step_back(g, H[k + 1] if self.later else H[k], X[k], k, bar)
            if self.carried is not None and k and not self.carried(k, K):
                bar = np.zeros_like(bar)
        made = {**g, "h0": bar}
        return {name: value.T if name in self.turned else value for name, value in made.items()}

    def step_back(self, g, h, x, k, bar):
        """Accumulate the parameters' gradients of one step; the cotangent of its state."""
        u, z, s, _ = self.parts(h, x)
        d = slope(self.activation, z, s, self.at_zero)
        inner = d * bar if self.inside else d * self.a * bar
        weighted = self.a * inner if self.inside else inner
        g["W"] = g["W"] + np.einsum("bi,bj->ij", weighted, h)
        g["M"] = g["M"] + weighted.T @ x
        g["b"] = g["b"] + weighted.sum(axis=0)
        g["alpha"] = g["alpha"] + (inner * (u - h) if self.inside else bar * (s - h)).sum()
        g["inputs"][k] = weighted @ self.M
        back = weighted @ (self.W if self.transpose else self.W.T)
        if self.leak:
            back = back + (1 - self.a) * (inner if self.inside else bar)
        return back


class Solved:
    """y = h + step theta F(y, x) + step (1 - theta) F(h, x), tau F = -h + tanh(W h + M x + b), and its gradient.

    Newton's method forward, one linear solve per step backward; without it the gradient is that of one evaluation.
    """

    def __init__(self, W, M, b, tau, step, theta, dtype=np.float64, solving=True):
        self.W, self.M, self.b, self.tau = (np.asarray(p, dtype=dtype) for p in (W, M, b, tau))
        self.step, self.theta, self.solving = dtype(step), dtype(theta), solving
        self.eye = np.eye(len(b), dtype=dtype)

    def field(self, h, x):
        """F and its slopes s'."""
        s = np.tanh(h @ self.W.T + x @ self.M.T + self.b)
        return (-h + s) / self.tau, 1 - s * s

    def jacobian(self, d):
        """dF/dh of every trajectory."""
        return (-self.eye + d[:, :, None] * self.W) / self.tau[:, None]

    def forward(self, h, x):
        """The solution, by Newton's method."""
        kept, y = h + self.step * (1 - self.theta) * self.field(h, x)[0], h
        for _ in range(12):
            F, d = self.field(y, x)
            A = self.eye - self.step * self.theta * self.jacobian(d)
            y = y - np.linalg.solve(A, (y - kept - self.step * self.theta * F)[:, :, None])[:, :, 0]
        return y

    def __call__(self, h0, X, objective):
        """Gradients by W, M, b, h0 and inputs."""
        H = [h0]
        for x in X:
            H.append(self.forward(H[-1], x))
        bars, bar = objective.cotangent(np.stack(H[1:])), np.zeros_like(h0)
        g = {"W": 0, "M": 0, "b": 0, "inputs": np.zeros_like(X)}
        for k in reversed(range(len(X))):
            bar = bar + bars[k]
            if self.solving:
                A = self.eye - self.step * self.theta * self.jacobian(self.field(H[k + 1], X[k])[1])
                bar = np.linalg.solve(A.swapaxes(1, 2), bar[:, :, None])[:, :, 0]
            back = bar
            for share, h in ((self.theta, H[k + 1]), (1 - self.theta, H[k])):
                d = self.field(h, X[k])[1]
                inner = self.step * share * d * bar / self.tau
                g["W"], g["M"], g["b"] = g["W"] + inner.T @ h, g["M"] + inner.T @ X[k], g["b"] + inner.sum(axis=0)
                g["inputs"][k] += inner @ self.M
                if h is H[k]:
                    back = back + inner @ self.W - self.step * share * bar / self.tau
            bar = back
        return {**g, "h0": bar}

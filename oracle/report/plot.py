"""The residual-against-bound plot: steps across, sizes up on a logarithmic axis.

Zero has no logarithm and infinity no place: they are drawn on the lower and upper edge. Long runs are drawn by
columns, each showing the step whose residual is the largest part of its bound, so that no violation is thinned away.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor, inf, isfinite, log10

from oracle.report import svg
from oracle.report.model import ResidualPlot, figure

WIDTH, HEIGHT = 880.0, 340.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 190.0, 52.0, 44.0
LINE = 15.0  # height of a line of small text
COLUMNS = 400  # about two units of the picture each; a screen shows no more


class _Axes:
    """From steps and sizes to the picture."""

    def __init__(self, steps: int, low: int, high: int) -> None:
        self.steps, self.low, self.high = max(steps, 2), low, high

    def x(self, step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - 1) / (self.steps - 1)

    def y(self, size: float) -> float:
        if size != size or size == inf:
            return TOP
        return self.at(self.low if size <= 0 else min(max(log10(size), self.low), self.high))

    def at(self, level: float) -> float:
        """Height of 10^level."""
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - level) / (self.high - self.low)


def residual_plot(plot: ResidualPlot) -> str:
    """The plot as SVG; an empty run is an empty plot that says so."""
    steps = len(plot.residuals)
    axes = _Axes(steps, *_decades(plot))
    if not steps:
        middle = svg.text(WIDTH / 2, HEIGHT / 2, "no steps were checked", text_anchor="middle", class_="mute")
        return svg.picture(WIDTH, HEIGHT, "An empty run: no steps were checked", middle)
    kept = _kept(plot)
    parts = [
        *_grid(axes, steps),
        *_levels(axes, plot),
        svg.polyline([(axes.x(k), axes.y(plot.bounds[k - 1])) for k in kept], class_="bound"),
        *(_dot(axes, plot, k) for k in kept),
        *_violation(axes, plot),
        *_key(plot),
    ]
    worst = max(_part(plot, k) for k in kept)
    says = f"Residual against proven bound over {steps} steps; largest ratio {figure(worst)}"
    return svg.picture(WIDTH, HEIGHT, says, *parts)


def _part(plot: ResidualPlot, k: int) -> float:
    residual, bound = plot.residuals[k - 1], plot.bounds[k - 1]
    if residual == 0:
        return 0.0
    ratio = residual / bound if bound else inf
    return inf if ratio != ratio else ratio


def deciding_steps(plot: ResidualPlot) -> tuple[tuple[str, int], ...]:
    """The steps that decide a verdict, where a plot cannot be shown: the first violation, and the worst one."""
    steps = range(1, len(plot.residuals) + 1)
    first = (("first violation", plot.violation),) if plot.violation in steps else ()
    worst = (("largest part of its bound", max(steps, key=lambda k: _part(plot, k))),) if steps else ()
    return (*((words, k) for words, k in first if k is not None), *worst)


def _kept(plot: ResidualPlot) -> list[int]:
    """Steps that are drawn: of every column the worst, and the first violation."""
    steps = len(plot.residuals)
    edges = sorted({1 + steps * i // min(steps, COLUMNS) for i in range(min(steps, COLUMNS) + 1)})
    kept = {max(range(a, b), key=lambda k: _part(plot, k)) for a, b in pairwise(edges)}
    return sorted(kept | {k for k in (plot.violation or 0,) if 1 <= k <= steps})


def _decades(plot: ResidualPlot) -> tuple[int, int]:
    sizes = [*plot.residuals, *plot.bounds, *(size for _, size in plot.levels)]
    logs = [log10(size) for size in sizes if isfinite(size) and size > 0]
    low, high = (floor(min(logs)), ceil(max(logs))) if logs else (-17, 0)
    return (low, high) if high - low >= 2 else (low - 1, high + 1)


def _grid(axes: _Axes, steps: int) -> list[str]:
    every = max(1, ceil((axes.high - axes.low) / 7))
    parts = []
    for decade in range(axes.low, axes.high + 1, every):
        y = axes.at(decade)
        parts += [
            svg.line(LEFT, y, WIDTH - RIGHT, y, class_="grid"),
            svg.text(LEFT - 8, y + 4, f"1e{decade}", text_anchor="end", class_="mute"),
        ]
    for step in sorted({1, *(1 + round((steps - 1) * i / 4) for i in range(5))}):
        parts.append(svg.text(axes.x(step), HEIGHT - BOTTOM + 18, str(step), text_anchor="middle", class_="mute"))
    parts.append(svg.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "step", text_anchor="middle", class_="mute"))
    return parts


def _levels(axes: _Axes, plot: ResidualPlot) -> list[str]:
    """Horizontal lines with their words in the right margin, moved down where two would overlap."""
    parts, lowest = [], 0.0
    for words, size in sorted(plot.levels, key=lambda level: -level[1]):
        y = axes.y(size)
        label = max(y + 4, lowest + LINE)
        lowest = label
        parts += [
            svg.line(LEFT, y, WIDTH - RIGHT, y, class_="level"),
            svg.text(WIDTH - RIGHT + 8, label, words, class_="mute"),
        ]
    return parts


def _dot(axes: _Axes, plot: ResidualPlot, k: int) -> str:
    residual, bound = plot.residuals[k - 1], plot.bounds[k - 1]
    outside = _part(plot, k) > 1
    words = f"step {k}: residual {figure(residual)}, bound {figure(bound)}, ratio {figure(_part(plot, k))}"
    kind = "dot out" if outside else "dot"
    return svg.element("circle", svg.title(words), cx=axes.x(k), cy=axes.y(residual), r=2.6, class_=kind)


def _violation(axes: _Axes, plot: ResidualPlot) -> list[str]:
    k = plot.violation
    if not k or k > len(plot.residuals):
        return []
    x = axes.x(k)
    side = "start" if x < WIDTH / 2 else "end"
    return [
        svg.line(x, TOP, x, HEIGHT - BOTTOM, class_="first"),
        svg.text(x, TOP - 8, f"first violation, step {k}", text_anchor=side, class_="bad small"),
    ]


def _key(plot: ResidualPlot) -> list[str]:
    outside = any(_part(plot, k) > 1 for k in range(1, len(plot.residuals) + 1))
    entries = [("dot", "residual, largest part of its bound in the step"), ("bound", "its proven bound")]
    entries += [("dot out", "outside")] * outside
    parts, x = [], LEFT
    for kind, words in entries:
        mark = (
            svg.element("circle", cx=x + 8, cy=12.0, r=3.5, class_=kind)
            if kind != "bound"
            else svg.line(x, 12, x + 18, 12, class_="bound")
        )
        parts += [mark, svg.text(x + 24, 16, words, class_="mute")]
        x += 22 + 6.6 * len(words) + 24  # 6.6: a generous mean width of a small letter
    return parts

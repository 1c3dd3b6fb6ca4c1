"""Draws a report: a panel for each group with a bar for each way, and one for each curve of growth.

The rules of this file: it shows what a report holds; floats are for the paper only. Both axes of a curve are
logarithmic, so that a straight line has a slope of one; the line that it should not cross is drawn beside it. The
colours are those of Okabe and Ito, and the kernel's bars are hatched, so that no colour alone says which they are.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from pumpcore.report.drawing import write

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from pumpcore.bench.growth import Curve
    from pumpcore.bench.report import GroupResult, Report

__all__ = ["draw"]

_WIDTH_IN: Final = 12.0
_COLUMNS: Final = 3
_BARS_IN: Final = 2.3
_CURVE_IN: Final = 2.9
_HEAD_IN: Final = 0.5
_DPI: Final = 90
_OURS: Final = "#0072B2"
_OTHERS: Final = "#BBBBBB"
_SHOULD: Final = "#E69F00"
_TOO_STEEP: Final = "#D55E00"


def draw(report: Report, path: str | os.PathLike[str]) -> None:
    """Draw a report into a file.

    Args:
        report: the report.
        path: the file, ending in .svg or .png; replaced where it exists.

    Raises:
        RequestError: the file's kind is not known, or matplotlib is not installed.
        RecordError: the file cannot be written.
    """
    write(partial(_figure, report), path, dpi=_DPI)


def _figure(report: Report) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to load

    bars, lines = -(-len(report.groups) // _COLUMNS), -(-len(report.growth) // _COLUMNS)
    height_in = _HEAD_IN + bars * _BARS_IN + lines * _CURVE_IN
    figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained")
    heights = [_BARS_IN] * bars + [_CURVE_IN] * lines
    grid = figure.add_gridspec(len(heights), _COLUMNS, height_ratios=heights)
    for place, group in enumerate(report.groups):
        _bars(figure.add_subplot(grid[place // _COLUMNS, place % _COLUMNS]), group)
    for place, curve in enumerate(report.growth):
        _curve(figure.add_subplot(grid[bars + place // _COLUMNS, place % _COLUMNS]), curve)
    machine = report.machine
    figure.suptitle(
        f"pumpcore on {machine['processor']}, {machine['processors']} processors, {report.date}", fontsize=9
    )
    return figure


def _bars(axes: Axes, group: GroupResult) -> None:
    timed = [way for way in group.ways if way.timed is not None]
    times = [(group.unit_ps(way) or 0) / 1_000 for way in timed]
    for row, (way, unit_ns) in enumerate(zip(timed, times, strict=True)):
        hatch = "///" if way.ours else None
        axes.barh(row, unit_ns, color=_OURS if way.ours else _OTHERS, hatch=hatch, edgecolor="white")
        axes.annotate(_written(unit_ns), (unit_ns, row), (3, 0), textcoords="offset points", va="center", fontsize=6.5)
    axes.set_xscale("log")
    # Room for the figures beside the bars.
    low, high = min(times) / 3, max(times)
    axes.set_xlim(low, high * (high / low) ** 0.3)
    axes.set_yticks(range(len(timed)), [way.name.replace(", ", ",\n") for way in timed], fontsize=6.5)
    axes.invert_yaxis()
    _decades(axes.xaxis, low, high)
    axes.tick_params(axis="x", labelsize=6.5)
    axes.set_title(group.name, fontsize=8)
    axes.set_xlabel(f"time a {group.unit}, ns", fontsize=6.5)
    axes.spines[["top", "right"]].set_visible(False)


def _decades(axis: Axis, low: float, high: float) -> None:
    """Write few figures on a logarithmic axis: powers of ten, and 2 and 5 between them where these are few."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - as in `_figure`

    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
    axis.set_major_formatter(EngFormatter(sep=""))
    axis.set_minor_formatter(NullFormatter())


def _written(nanoseconds: float) -> str:
    return f"{nanoseconds:.2f}" if nanoseconds < 100 else f"{nanoseconds:.0f}"  # noqa: PLR2004 - three digits


def _curve(axes: Axes, curve: Curve) -> None:
    along, raw = zip(*curve.points, strict=True)
    scale, unit = _UNITS[curve.unit]
    values = [value / scale for value in raw]
    # Through the last point: at the first ones a call itself still counts.
    should = [values[-1] * (each / along[-1]) ** curve.should for each in along]
    axes.plot(along, should, color=_SHOULD, linestyle="--", linewidth=1, label=_SLOPES[curve.should])
    axes.plot(along, values, color=_TOO_STEEP if curve.too_steep else _OURS, marker="o", markersize=3, label="measured")
    axes.set_xscale("log")
    axes.set_yscale("log")
    low, high = min(values + should), max(values + should)
    middle = (low * high) ** 0.5
    low, high = min(low / 1.5, middle / 4), max(high * 1.5, middle * 4)
    axes.set_ylim(low, high)
    _decades(axes.xaxis, min(along), max(along))
    _decades(axes.yaxis, low, high)
    axes.tick_params(labelsize=6.5)
    axes.set_title(f"{curve.name}: exponent {curve.exponent:.2f}", fontsize=8)
    axes.set_xlabel(curve.along, fontsize=6.5)
    axes.set_ylabel(unit, fontsize=6.5)
    axes.legend(fontsize=6, frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


_UNITS: Final = {"ps": (1e6, "us"), "bytes": (2**20, "MiB"), "thousandths": (1_000, "times as long")}
_SLOPES: Final = {1: "a straight line", 0: "flat"}

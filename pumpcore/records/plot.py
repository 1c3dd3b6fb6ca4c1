"""Draws a replay: a row per day with glucose, boluses and basal rate above each other, and the modes behind all three.

The rule of this file: it shows what `result` holds and reckons nothing; floats are for the paper only. A drawing is
written whole or not at all. No colour alone carries a meaning: modes differ in hatching too, and the colours are those
of Okabe and Ito, which stay apart in every kind of colour vision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pumpcore.errors import RequestError
from pumpcore.report.drawing import write
from pumpcore.units import US_PER_DAY, US_PER_HOUR, UU_PER_U, format_u

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.gridspec import SubplotSpec

    from pumpcore.records.result import DayResult, Replay

__all__ = ["DAYS_MAX", "draw"]

DAYS_MAX: Final = 31
"""So many days are drawn at most, the last ones: a longer drawing is read by nobody."""

_WIDTH_IN: Final = 11.0
_DAY_IN: Final = 2.1
_HEAD_IN: Final = 1.0
_FOOT_IN: Final = 0.6
_DPI: Final = 110

_BASAL: Final = "#56B4E9"
_BOLUS: Final = "#0072B2"
_GLUCOSE: Final = "#000000"
_MODES: Final = {
    "suspended": ("#E69F00", "///", "suspended"),
    "reservoir_change": ("#CC79A7", "...", "reservoir change"),
    "alarm": ("#D55E00", "xxx", "alarm"),
    "standby": ("#999999", "---", "no battery"),
}


def draw(replay: Replay, path: str | os.PathLike[str]) -> None:
    """Draw a replay into a file.

    Args:
        replay: what to draw; of more than `DAYS_MAX` days the last ones.
        path: the file, ending in one of `drawing.SUFFIXES`; replaced where it exists.

    Raises:
        RequestError: another ending, nothing to draw, or matplotlib is not installed. Nothing is written.
        RecordError: the file cannot be written. Nothing is left of it.
    """
    if not replay.days:
        raise RequestError("plot: there are no days to draw")
    write(lambda: _figure(replay), path, dpi=_DPI)


def _figure(replay: Replay) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to load

    days = replay.days[-DAYS_MAX:]
    height_in = _HEAD_IN + _FOOT_IN + _DAY_IN * len(days)
    figure = Figure(figsize=(_WIDTH_IN, height_in))
    grid = figure.add_gridspec(
        nrows=len(days),
        left=0.085,
        right=0.97,
        top=1 - _HEAD_IN / height_in,
        bottom=_FOOT_IN / height_in,
        hspace=0.45,
    )
    tops = _Tops(
        rate_u=1.15 * max((span.rate_uu_per_h for day in days for span in day.rates), default=UU_PER_U) / UU_PER_U,
        bolus_u=1.35 * max((mark.amount_uu for day in days for mark in day.boluses), default=UU_PER_U) / UU_PER_U,
        mg_per_dl=1.1 * max((mark.mg_per_dl for day in days for mark in day.glucose), default=0),
    )
    for row, day in enumerate(days):
        _row(figure, grid[row], day, tops)
    figure.supxlabel("time of day, pump's clock", y=0.1 / height_in, va="bottom", fontsize=8)
    shown = f", the last {len(days)} of {len(replay.days)} days" if len(days) < len(replay.days) else ""
    figure.suptitle(f"{replay.device}{shown}", x=0.085, y=1 - 0.2 / height_in, ha="left", va="top", fontsize=11)
    _legend(figure, days, 1 - 0.42 / height_in, glucose=tops.mg_per_dl > 0)
    return figure


def _title(day: DayResult) -> str:
    parts = [
        f"{day.date:%a %Y-%m-%d}",
        f"basal {format_u(day.basal_uu)} + bolus {format_u(day.bolus_uu)} = {format_u(day.total_uu)} U",
    ]
    if day.recorded_uu is not None and day.difference_uu is not None:
        parts.append(f"pump {format_u(day.recorded_uu)} U, difference {format_u(day.difference_uu)}")
    return "   ".join([*parts, *(f"[{flag}]" for flag in day.flags)])


def _hours(day_us: int) -> float:
    return day_us / US_PER_HOUR


class _Tops(NamedTuple):
    """Where the axes end, the same on all days so that days compare."""

    rate_u: float
    bolus_u: float
    mg_per_dl: float


def _row(figure: Figure, place: SubplotSpec, day: DayResult, tops: _Tops) -> None:
    panels = [_basal, _boluses] if not tops.mg_per_dl else [_basal, _boluses, _glucose]
    inner = place.subgridspec(len(panels), 1, height_ratios=(4, 4, 3)[-len(panels) :], hspace=0.15)
    drawn = [figure.add_subplot(inner[len(panels) - 1 - index]) for index in range(len(panels))]
    for axes, panel in zip(drawn, panels, strict=True):
        panel(axes, day, tops)
        axes.set_xlim(0, 24)
        axes.set_xticks(range(0, 25, 3), [])
        axes.tick_params(labelsize=7, bottom=axes is drawn[0])
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    drawn[0].set_xticks(range(0, 25, 3), [f"{hour:02d}:00" for hour in range(0, 25, 3)])
    drawn[-1].set_title(_title(day), loc="left", fontsize=8, pad=3)
    _modes(drawn, day)


def _label(axes: Axes, text: str) -> None:
    axes.set_ylabel(text, fontsize=7, rotation=0, ha="right", va="center")
    axes.yaxis.set_label_coords(-0.034, 0.5)


def _boluses(axes: Axes, day: DayResult, tops: _Tops) -> None:
    axes.set_ylim(0, max(tops.bolus_u, 1.0))
    _label(axes, "bolus\nU")
    for mark in day.boluses:
        at, amount_u = _hours(mark.start_us), mark.amount_uu / UU_PER_U
        until = min(_hours(mark.start_us + mark.duration_us), _hours(US_PER_DAY))
        axes.plot([at, at], [0, amount_u], color=_BOLUS, linewidth=2.2, solid_capstyle="butt")
        axes.plot([at, until], [amount_u, amount_u], color=_BOLUS, linewidth=1.4, linestyle=(0, (3, 1)))
        # The amount stands above a normal bolus and behind the end of a square one.
        square = mark.duration_us > 0
        axes.annotate(
            format_u(mark.amount_uu, places=1), (until, amount_u), (3, 0) if square else (0, 1.5),
            textcoords="offset points", ha="left" if square else "center", va="center" if square else "bottom",
            fontsize=6.5, color=_BOLUS,
        )  # fmt: skip


_SENSOR: Final = {"marker": ".", "markersize": 1.8}
_FINGER: Final = {"marker": "D", "markersize": 3.5, "markerfacecolor": "white", "markeredgewidth": 0.8}


def _glucose(axes: Axes, day: DayResult, tops: _Tops) -> None:
    axes.set_ylim(0, max(tops.mg_per_dl, 200.0))
    _label(axes, "glucose\nmg/dL")
    for sensor, style in ((True, _SENSOR), (False, _FINGER)):
        marks = [mark for mark in day.glucose if mark.sensor is sensor]
        given: dict[str, Any] = {"color": _GLUCOSE, "linestyle": "none", **style}
        axes.plot([_hours(mark.at_us) for mark in marks], [mark.mg_per_dl for mark in marks], **given)


def _basal(axes: Axes, day: DayResult, tops: _Tops) -> None:
    axes.set_ylim(0, max(tops.rate_u, 0.1))
    _label(axes, "basal\nU/h")
    for span in day.rates:
        a, b, rate_u = _hours(span.start_us), _hours(span.end_us), span.rate_uu_per_h / UU_PER_U
        axes.fill_between([a, b], 0, rate_u, color=_BASAL, alpha=0.55, linewidth=0)
        axes.plot([a, b], [rate_u, rate_u], color=_BOLUS, linewidth=0.9, solid_capstyle="butt")


def _modes(panels: Sequence[Axes], day: DayResult) -> None:
    for span in day.modes:
        if span.mode in _MODES:
            colour, hatch, _ = _MODES[span.mode]
            for axes in panels:
                axes.axvspan(
                    _hours(span.start_us), _hours(span.end_us), facecolor=colour, alpha=0.35,
                    edgecolor=colour, hatch=hatch, linewidth=0.8, zorder=0,
                )  # fmt: skip


def _legend(figure: Figure, days: Sequence[DayResult], top: float, *, glucose: bool) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - an extra, and slow to load
    from matplotlib.patches import Patch  # noqa: PLC0415 - as above

    handles: list[Line2D | Patch] = [
        Patch(facecolor=_BASAL, alpha=0.55, label="basal rate"),
        Line2D([], [], color=_BOLUS, linewidth=2.2, label="bolus"),
        Line2D([], [], color=_BOLUS, linewidth=1.4, linestyle=(0, (3, 1)), label="square bolus, its duration"),
    ]
    if glucose:
        handles += [
            Line2D([], [], color=_GLUCOSE, marker=".", linestyle="none", ms=4, label="sensor glucose"),
            Line2D([], [], color=_GLUCOSE, marker="D", linestyle="none", ms=3.5, mfc="white", label="finger-stick"),
        ]
    used = {span.mode for day in days for span in day.modes}
    handles += [
        Patch(facecolor=colour, alpha=0.5, edgecolor=colour, hatch=hatch, label=label)
        for mode, (colour, hatch, label) in _MODES.items()
        if mode in used
    ]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.077, top), ncols=len(handles), frameon=False, fontsize=8,
        handlelength=1.8, columnspacing=1.4,
    )  # fmt: skip

"""Draws a run on one picture: glucose, boluses, basal and alarms above each other, and the modes behind all four.

The rules of this file: it shows what a run holds and reckons nothing; floats are for the paper only. A drawing is
written whole or not at all. No colour alone carries a meaning: modes differ in hatching and alarms in their marks too,
and the colours are those of Okabe and Ito, which stay apart in every kind of colour vision.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pumpcore.alarms import Priority, What, text
from pumpcore.pump.modes import Mode
from pumpcore.report.drawing import write
from pumpcore.therapy.glucose import Beyond, MgDl
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, UU_PER_U, format_u

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pumpcore.scenario.runner import Run
    from pumpcore.scenario.timeline import AlarmSpan

__all__ = ["draw"]


_WIDTH_IN: Final = 12.0
_HEAD_IN: Final = 0.85
_FOOT_IN: Final = 0.75
_PANELS_IN: Final = (1.9, 1.5, 1.3)
_ALARM_IN: Final = 0.19
_GAP_IN: Final = 0.14
_LEFT_IN: Final = 2.05
_RIGHT_IN: Final = 0.35
_DPI: Final = 120

_BASAL: Final = "#56B4E9"
_BOLUS: Final = "#0072B2"
_EXTENDED: Final = "#009E73"
_GLUCOSE: Final = "#000000"
_RED: Final = "#D55E00"
_MODES: Final = {
    Mode.SUSPENDED: ("#E69F00", "///", "suspended"),
    Mode.RESERVOIR_CHANGE: ("#CC79A7", "...", "reservoir change"),
    Mode.ALARM: (_RED, "xxx", "stopped by an alarm"),
    Mode.STANDBY: ("#999999", "---", "standby"),
}
_PRIORITIES: Final = {
    Priority.HIGH: (_RED, "^", 3.4, "high"),
    Priority.MEDIUM: ("#E69F00", "s", 2.2, "medium"),
    Priority.LOW: ("#56B4E9", "o", 1.4, "low"),
    Priority.INFORMATION: ("#999999", "|", 1.0, "information"),
}
_CHANGE_US_SHOWN: Final = 5 * US_PER_MINUTE  # what lasts for less is drawn so wide, so that it is seen


def draw(run: Run, path: str | os.PathLike[str], *, language: str = "en") -> None:
    """Draw a run into a file.

    Args:
        run: what to draw.
        path: the file, ending in one of `drawing.SUFFIXES`; replaced where it exists.
        language: of the names of alarms.

    Raises:
        RequestError: another ending, or matplotlib is not installed. Nothing is written.
        RecordError: the file cannot be written. Nothing is left of it.
    """
    write(lambda: _figure(run, language), path, dpi=_DPI)


def _figure(run: Run, language: str) -> Figure:
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra, and slow to load

    rows = _alarm_rows(run)
    heights = [*_PANELS_IN, max(len(rows), 1) * _ALARM_IN + 0.1]
    if not _values(run):
        heights[0] = 0.0
    panels: list[Callable[[Axes, Run], None]] = [
        _glucose,
        _boluses,
        _basal,
        partial(_alarms, rows=rows, language=language),
    ]
    drawn = [(panel, height) for panel, height in zip(panels, heights, strict=True) if height]
    height_in = _HEAD_IN + _FOOT_IN + sum(height + _GAP_IN for _, height in drawn) - _GAP_IN
    figure = Figure(figsize=(_WIDTH_IN, height_in))
    top_in, axes_of = height_in - _HEAD_IN, []
    for panel, height in drawn:
        box = (
            _LEFT_IN / _WIDTH_IN,
            (top_in - height) / height_in,
            (_WIDTH_IN - _LEFT_IN - _RIGHT_IN) / _WIDTH_IN,
            height / height_in,
        )
        axes = figure.add_axes(box)
        panel(axes, run)
        axes.set_xlim(0, _hours(run.scenario.end_us))
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
        axes_of.append(axes)
        top_in -= height + _GAP_IN
    _modes(axes_of, run)
    _ticks(axes_of, run)
    zone = run.scenario.calendar.zone
    left = _LEFT_IN / _WIDTH_IN
    figure.text(left, 0.12 / height_in, f"local time, {zone}", va="bottom", fontsize=8)
    totals = run.totals
    title = (
        f"{run.scenario.title}: {run.scenario.config.device.name}, basal {format_u(totals.basal_uu)}"
        f" + bolus {format_u(totals.bolus_uu + totals.extended_uu)} = {format_u(totals.total_uu)} U"
    )
    figure.suptitle(title, x=0.02, y=1 - 0.12 / height_in, ha="left", va="top", fontsize=11)
    _legend(figure, run, 1 - 0.4 / height_in)
    return figure


def _hours(at_us: int) -> float:
    return at_us / US_PER_HOUR


def _units(amount_uu: int) -> float:
    return amount_uu / UU_PER_U


def _label(axes: Axes, words: str) -> None:
    axes.set_ylabel(words, fontsize=8, rotation=0, ha="right", va="center")
    axes.yaxis.set_label_coords(-0.045, 0.5)


# The panels -----------------------------------------------------------------------------------------------------------


def _values(run: Run) -> list[tuple[int, float, bool]]:
    """Return instant, value in the unit of the readings, and whether it is of a finger-stick."""
    given = [(reading.at_us, reading.value, False) for reading in run.readings]
    given += [(reading.at_us, reading.value, True) for reading in run.fingers]
    in_mg = _in_mg(run)
    ends = {Beyond.LO: 40 if in_mg else 2.2, Beyond.HI: 400 if in_mg else 22.2}
    return [
        (at_us, ends[value] if isinstance(value, Beyond) else _paper(value, in_mg=in_mg), finger)
        for at_us, value, finger in given
    ]


def _in_mg(run: Run) -> bool:
    """Return whether the drawing is in mg/dL: as soon as one reading is."""
    return any(isinstance(reading.value, MgDl) for reading in (*run.readings, *run.fingers))


def _glucose(axes: Axes, run: Run) -> None:
    values = _values(run)
    calculator, low = run.scenario.config.settings.calculator, run.scenario.config.settings.low_suspend
    in_mg = _in_mg(run)
    _label(axes, "glucose\nmg/dL" if in_mg else "glucose\nmmol/L")
    least, most = min(value for _, value, _ in values), max(value for _, value, _ in values)
    axes.set_ylim(min(least * 0.9, 54 if in_mg else 3.0), max(most * 1.12, 180 if in_mg else 10.0))
    if calculator is not None:
        low_end, high_end = (_paper(end, in_mg=in_mg) for end in (calculator.target_low, calculator.target_high))
        axes.axhspan(low_end, high_end, facecolor=_EXTENDED, alpha=0.18, linewidth=0, label="target")
    if low is not None:
        axes.axhline(_paper(low.limit, in_mg=in_mg), color=_RED, linewidth=1.0, linestyle=(0, (4, 2)))
    for finger, style in ((False, {"marker": ".", "markersize": 2.6}), (True, _FINGER)):
        marks = [(at_us, value) for at_us, value, is_finger in values if is_finger is finger]
        given: dict[str, Any] = {"color": _GLUCOSE, "linestyle": "none", **style}
        axes.plot([_hours(at_us) for at_us, _ in marks], [value for _, value in marks], **given)


_FINGER: Final = {"marker": "D", "markersize": 4.5, "markerfacecolor": "white", "markeredgewidth": 1.0}


def _paper(value: Any, *, in_mg: bool) -> float:  # noqa: ANN401 - either of two types, drawn in one unit
    if in_mg:
        return float(value.exact_mg_dl)
    return float(value.tenths / 10) if not isinstance(value, MgDl) else value.to_mmol_l().tenths / 10


def _boluses(axes: Axes, run: Run) -> None:
    """Draw fast parts as bars at their start, extended parts as boxes over their time, each with its amount."""
    _label(axes, "bolus\nU")
    ended = {each.id: each for each in (*run.log.boluses.values(), *run.status.boluses)}
    top = 0.0
    for begun in run.log.begun.values():
        at, now = _hours(begun.at_us), ended[begun.id]
        fast, extended = _units(begun.fast_uu), _units(begun.extended_uu)
        top = max(top, fast, extended)
        if begun.fast_uu:
            axes.plot([at, at], [0, fast], color=_BOLUS, linewidth=3, solid_capstyle="butt", zorder=4)
            _amount(axes, (at, fast), begun.fast_uu, _BOLUS, ha="right" if begun.extended_uu else "center")
        planned = at + _hours(begun.extended_us)
        until = min(planned, _hours(run.log.ended.get(begun.id, run.scenario.end_us)))
        if begun.extended_uu:
            axes.fill_between([at, until], 0, extended, color=_EXTENDED, alpha=0.3, linewidth=0, zorder=3)
            axes.plot([at, until, until], [extended, extended, 0], color=_EXTENDED, linewidth=1.4, zorder=3)
            corners = ([until, planned, planned], [extended, extended, 0])
            axes.plot(*corners, color=_EXTENDED, linewidth=1.0, linestyle=(0, (3, 2)), zorder=3)
            _amount(axes, (planned, extended), begun.extended_uu, _EXTENDED, ha="left")
        if now.not_delivered_uu:
            axes.plot([until], [0], **_NOT)
            words = f"{format_u(now.not_delivered_uu, places=1)} not"
            axes.annotate(words, (until, 0), (5, 3), textcoords="offset points", fontsize=7, color=_RED, zorder=5)
    axes.set_ylim(0, max(1.3 * top, 1.0))


_NOT: Final[dict[str, Any]] = {
    "marker": "x",
    "color": _RED,
    "markersize": 6,
    "markeredgewidth": 1.6,
    "zorder": 5,
    "clip_on": False,
}


def _amount(axes: Axes, place: tuple[float, float], amount_uu: int, colour: str, *, ha: str) -> None:
    """Write an amount above a place, or beside it."""
    aside = {"center": 0, "right": -3, "left": 3}[ha]
    words = format_u(amount_uu, places=1)
    given: dict[str, Any] = {"ha": ha, "va": "bottom", "fontsize": 7, "color": colour, "zorder": 5}
    axes.annotate(words, place, (aside, 1), textcoords="offset points", **given)


def _basal(axes: Axes, run: Run) -> None:
    _label(axes, "basal\nU/h")
    ends = [at_us for at_us, _ in run.log.rates[1:]] + [run.scenario.end_us]
    top = 0.0
    for (at_us, rate), end_us in zip(run.log.rates, ends, strict=True):
        a, b, rate_u = _hours(at_us), _hours(end_us), _units(rate)
        top = max(top, rate_u)
        axes.fill_between([a, b], 0, rate_u, color=_BASAL, alpha=0.55, linewidth=0)
    corners = [(at_us, rate) for at_us, rate in run.log.rates] + [(run.scenario.end_us, 0)]
    axes.step(
        [_hours(at) for at, _ in corners], [_units(rate) for _, rate in corners], where="post", color=_BOLUS, lw=1
    )
    axes.set_ylim(0, max(1.2 * top, 0.1))


def _alarm_rows(run: Run) -> list[list[AlarmSpan]]:
    """Put the annunciations of one kind into one row, the kinds in the order in which they came up."""
    rows: dict[object, list[AlarmSpan]] = {}
    for span in run.log.alarms.values():
        rows.setdefault(span.kind, []).append(span)
    return list(rows.values())


def _alarms(axes: Axes, run: Run, *, rows: Sequence[Sequence[AlarmSpan]], language: str) -> None:
    """Draw a line while an annunciation is active, as thick as it is urgent, and a mark where it comes up or climbs."""
    for row, spans in enumerate(rows):
        for span in spans:
            for at_us, end_us, priority in _stretches(span, run.scenario.end_us):
                colour, _, width, _ = _PRIORITIES[priority]
                axes.plot([_hours(at_us), _hours(end_us)], [row, row], color=colour, lw=width, solid_capstyle="butt")
            for at_us, what, priority in span.changes:
                if what in {What.RAISED, What.AGAIN, What.ESCALATED}:
                    colour, mark, _, _ = _PRIORITIES[priority]
                    axes.plot([_hours(at_us)], [row], marker=mark, color=colour, markersize=5, clip_on=False)
    axes.set_ylim(max(len(rows), 1) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [text(spans[0].kind, language).title for spans in rows])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.6)
    if not rows:
        axes.set_yticks([0], ["no alarms"])


def _stretches(span: AlarmSpan, end_us: int) -> Iterator[tuple[int, int, Priority]]:
    ends = [at_us for at_us, _, _ in span.changes[1:]] + [end_us if span.cleared_us is None else span.cleared_us]
    for (at_us, _, priority), until_us in zip(span.changes, ends, strict=True):
        yield at_us, until_us, priority


def _modes(panels: Sequence[Axes], run: Run) -> None:
    for at_us, end_us, mode in _spans(run):
        if mode in _MODES:
            colour, hatch, _ = _MODES[mode]
            for axes in panels:
                axes.axvspan(
                    _hours(at_us), _hours(max(end_us, min(at_us + _CHANGE_US_SHOWN, run.scenario.end_us))),
                    facecolor=colour, alpha=0.3, edgecolor=colour, hatch=hatch, linewidth=0.6, zorder=0,
                )  # fmt: skip


def _ticks(panels: Sequence[Axes], run: Run) -> None:
    """Mark round hours of the local clock, and each midnight with its date."""
    calendar, end_us = run.scenario.calendar, run.scenario.end_us
    every = next((hours for hours in (1, 2, 3, 6, 12) if end_us <= hours * 14 * US_PER_HOUR), 24)
    places, names = [], []
    at_us = 0
    seen = None
    while at_us <= end_us:
        local = calendar.local(at_us)
        if not local.minute and not local.second and not local.hour % every and (local.hour, local.date()) != seen:
            seen = (local.hour, local.date())
            places.append(_hours(at_us))
            dated = not local.hour or len(places) == 1
            names.append(f"{local:%H:%M}\n{local:%a %d %b}" if dated else f"{local:%H:%M}")
        at_us += _to_next_minutes(local)
    for axes in panels:
        axes.set_xticks(places, [])
        axes.grid(axis="x", color="#DDDDDD", linewidth=0.6)
        axes.set_axisbelow(True)
        for midnight_us in calendar.midnights(end_us):
            axes.axvline(_hours(midnight_us), color="#888888", linewidth=0.8, zorder=1)
    panels[-1].set_xticks(places, names)


def _to_next_minutes(local: datetime) -> int:
    """Return how far it is to the next quarter of an hour by the local clock; no zone's offset has another grain."""
    begun = timedelta(minutes=local.minute % 15, seconds=local.second, microseconds=local.microsecond)
    return (timedelta(minutes=15) - begun) // timedelta(microseconds=1)


def _legend(figure: Figure, run: Run, top: float) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - an extra, and slow to load
    from matplotlib.patches import Patch  # noqa: PLC0415 - as above

    handles: list[Line2D | Patch] = []
    if run.readings:
        handles.append(Line2D([], [], color=_GLUCOSE, marker=".", linestyle="none", ms=4, label="sensor"))
    if run.fingers:
        handles.append(Line2D([], [], color=_GLUCOSE, marker="D", linestyle="none", ms=4, mfc="white", label="finger"))
    if run.scenario.config.settings.calculator is not None and _values(run):
        handles.append(Patch(facecolor=_EXTENDED, alpha=0.18, label="target"))
    if run.scenario.config.settings.low_suspend is not None:
        handles.append(Line2D([], [], color=_RED, linestyle=(0, (4, 2)), lw=1, label="low limit"))
    begun = run.log.begun.values()
    if any(bolus.fast_uu for bolus in begun):
        handles.append(Line2D([], [], color=_BOLUS, linewidth=3, label="bolus"))
    if any(bolus.extended_uu for bolus in begun):
        handles.append(Patch(facecolor=_EXTENDED, alpha=0.3, edgecolor=_EXTENDED, label="extended"))
    if any(bolus.not_delivered_uu for bolus in run.log.boluses.values()):
        handles.append(Line2D([], [], color=_RED, marker="x", linestyle="none", ms=5, label="not delivered"))
    handles.append(Patch(facecolor=_BASAL, alpha=0.55, edgecolor=_BOLUS, label="basal rate"))
    used = {mode for _, _, mode in _spans(run)}
    handles += [
        Patch(facecolor=colour, alpha=0.5, edgecolor=colour, hatch=hatch, label=label)
        for mode, (colour, hatch, label) in _MODES.items()
        if mode in used
    ]
    seen = {priority for span in run.log.alarms.values() for _, _, priority in span.changes}
    handles += [
        Line2D([], [], color=colour, marker=mark, lw=width, ms=5, label=f"alarm: {label}")
        for priority, (colour, mark, width, label) in _PRIORITIES.items()
        if priority in seen
    ]
    figure.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0.015, top), ncols=len(handles), frameon=False, fontsize=7.5,
        handlelength=1.6, columnspacing=1.1, handletextpad=0.5,
    )  # fmt: skip


def _spans(run: Run) -> list[tuple[int, int, Mode]]:
    """Return begin, end and mode of each stretch in one mode, but for those that were over at once."""
    spans: list[tuple[int, int, Mode]] = []
    ends = [at_us for at_us, _ in run.log.states[1:]] + [run.scenario.end_us]
    for (at_us, state), end_us in zip(run.log.states, ends, strict=True):
        if end_us == at_us:
            continue
        if spans and spans[-1][2] is state.mode:
            at_us = spans.pop()[0]  # noqa: PLW2901 - the stretch before goes on
        spans.append((at_us, end_us, state.mode))
    return spans

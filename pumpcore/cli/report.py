"""Replay an export for a reader: progress on the way, a table by day, and what it comes to.

The rule of this file: figures come from `Replay` and stay exact decimals; the only reckoning here is an average. The
table goes to standard output, progress to standard error and only where that is a terminal. What is wrong with the
arguments is said before a long file is read.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from pumpcore.cli.console import new_console
from pumpcore.records.plot import draw
from pumpcore.records.replay import read
from pumpcore.records.replay import replay as replay_export
from pumpcore.report.drawing import check_path
from pumpcore.units import format_u

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pumpcore.records.result import DayResult, Replay

_NEAR_UU: Final = 50_000
_FAR_UU: Final = 100_000


def run(export: str, plot: str | None) -> Replay:
    """Read an export, replay it, and draw it where that is asked for.

    Args:
        export: the name of the CareLink file.
        plot: the name of the drawing, ending in .svg or .png, or None.

    Returns:
        The replay.

    Raises:
        RecordError: the export cannot be read, or the drawing not written.
        RequestError: the drawing's kind is not known, or what draws is not installed.
    """
    if plot is not None:
        check_path(plot)
    with _progress(export) as progress:
        read_export = read(export, progress=progress)
        replayed = replay_export(read_export)
        if plot is not None:
            draw(replayed, plot)
    return replayed


def show(replayed: Replay) -> None:
    """Print the table by day, and under it what it comes to."""
    console = new_console()
    console.print(_table(replayed))
    for line in _summary(replayed):
        console.print(Text(line))


def _table(replayed: Replay) -> Table:
    title = Text(f"{replayed.device}: units of insulin by day", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("day", no_wrap=True)
    # Headings in two lines, so that a row fits a terminal of 80 columns.
    for name in ("basal", "bolus", "total", "pump's\nown", "differ-\nence", "inter-\nruptions"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("flags")
    for day in replayed.days:
        table.add_row(
            day.date.isoformat(),
            format_u(day.basal_uu),
            format_u(day.bolus_uu),
            format_u(day.total_uu),
            "" if day.recorded_uu is None else format_u(day.recorded_uu),
            _difference(day),
            str(day.interruptions or ""),
            Text(", ".join(day.flags)),
            style="dim" if day.flags else None,
        )
    return table


def _difference(day: DayResult) -> Text:
    if day.difference_uu is None:
        return Text()
    size_uu = abs(day.difference_uu)
    colour = "green" if size_uu <= _NEAR_UU else "yellow" if size_uu <= _FAR_UU else "red"
    return Text(format_u(day.difference_uu), style="" if day.flags else colour)


def _summary(replayed: Replay) -> Iterator[str]:
    summary = replayed.summary
    days = "1 day" if summary.days == 1 else f"{summary.days} days"
    flagged = f", {summary.flagged} of them flagged and not compared" if summary.flagged else ""
    yield f"{days}{flagged}."
    if summary.median_uu is None or summary.largest_uu is None:
        yield "The pump recorded no total to compare with."
    elif summary.exact == summary.compared:
        yield f"Of {summary.compared} compared with the pump's own total, all agree exactly."
    else:
        yield (
            f"Of {summary.compared} compared with the pump's own total, {summary.exact} agree exactly,"
            f" {summary.within_0_05} within 0.05 U, {summary.within_0_10} within 0.10 U;"
            f" median difference {format_u(summary.median_uu)} U, largest {format_u(summary.largest_uu)} U."
        )
    whole = [day for day in replayed.days if not day.flags]
    if total_uu := sum(day.total_uu for day in whole):
        share = 100 * sum(day.basal_uu for day in whole) // total_uu
        # Down to whole steps of a thousandth, as amounts are rounded everywhere.
        average_uu = total_uu // len(whole) // 1_000 * 1_000
        yield f"On average {format_u(average_uu)} U a day, {share} % of it basal."
    advice = replayed.advice
    if advice.records:
        yield f"Of {advice.records} bolus suggestions of the pump, {advice.equal} match the policy {advice.policy}."


@contextmanager
def _progress(export: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far the file is read, and then that it is replayed, where somebody watches."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        name = Path(export).name
        task = progress.add_task(f"reading {escape(name)}", total=None)

        def update(done: int, total: int) -> None:
            what = "reading" if done < total else "replaying"
            progress.update(task, completed=done, total=total, description=f"{what} {escape(name)}")

        yield update

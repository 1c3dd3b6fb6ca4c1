"""`pumpcore bench`: how fast the kernel is here, beside other ways to the same answer.

The rule of this file: figures come from the report; here they are only laid out. What is missing is said before
anything is timed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pumpcore.errors import RecordError

if TYPE_CHECKING:
    from rich.table import Table

    from pumpcore.bench.report import GroupResult, Report, WayResult
    from pumpcore.bench.timing import Timed

__all__ = ["command"]

_EXAMPLES: Final = """\b
Examples:
  pumpcore bench
  pumpcore bench --growth --plot growth.svg --save results.json
Install more to compare with: pip install numba simglucose iints-sdk-python35
"""


@click.command("bench", epilog=_EXAMPLES)
@click.option("--quick", is_flag=True, help="Run everything once, briefly: a smoke test, not a measurement.")
@click.option("--growth", is_flag=True, help="Also measure how time and memory grow; takes a minute or more.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON instead of tables.")
@click.option("--plot", type=click.Path(), metavar="FILE.svg|png", help="Also draw the figures into FILE.")
@click.option("--save", type=click.Path(), metavar="FILE.json", help="Also write the figures to FILE.")
def command(plot: str | None, save: str | None, *, quick: bool, growth: bool, as_json: bool) -> None:
    """Time the kernel beside pure Python, NumPy, Numba, simulators' pumps and memory fill.

    All run on the same plans, and each answer is checked first. Compare the ratios, not the times, between machines.
    """
    from pumpcore.bench import check_ready  # noqa: PLC0415 - only this command measures
    from pumpcore.report.drawing import check_path  # noqa: PLC0415

    check_ready()
    if save is not None and not Path(save).parent.is_dir():
        raise RecordError(save, "the folder does not exist")
    if plot is not None:
        check_path(plot)
    from pumpcore.bench.report import measure  # noqa: PLC0415 - it loads NumPy

    report = measure(quick=quick, growth=growth)
    if plot is not None:
        from pumpcore.bench.plot import draw  # noqa: PLC0415 - it loads matplotlib

        draw(report, plot)
    if save is not None:
        _save(report, save)
    if as_json:
        click.echo(json.dumps(report.as_json(), separators=(",", ":")))
    else:
        _show(report)


def _save(report: Report, path: str) -> None:
    try:
        Path(path).write_text(json.dumps(report.as_json(), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise RecordError(path, error.strerror or "cannot be written") from error


def _show(report: Report) -> None:
    from rich.text import Text  # noqa: PLC0415 - slow to load

    from pumpcore.cli.console import new_console  # noqa: PLC0415

    console = new_console()
    machine = report.machine
    console.print(
        Text(f"{machine['processor']}, {machine['processors']} processors, {machine['system']}; {report.date}")
    )
    shown = (f"{name} {version}" for name, version in report.versions.items() if version is not None)
    console.print(Text(", ".join(shown)))
    for group in report.groups:
        console.print()
        console.print(_table(group))
        for way in group.ways:
            if way.why_not is not None:
                console.print(Text(f" {way.name}: {way.why_not}", style="dim"))
    if report.growth:
        console.print()
        console.print(_growth(report))


def _table(group: GroupResult) -> Table:
    from rich import box  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    units = "" if group.units == 1 else f": {group.units} {group.unit}s"
    title = Text(f"{group.name}{units}", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("way", no_wrap=True)
    for name in ("median", "fastest", f"per {group.unit}", "ratio", "error"):
        table.add_column(name, justify="right", no_wrap=True)
    for way in group.ways:
        if way.timed is not None:
            table.add_row(way.name, *_cells(group, way, way.timed), style="bold" if way.ours else "")
    return table


def _cells(group: GroupResult, way: WayResult, timed: Timed) -> tuple[str, ...]:
    from pumpcore.units import format_u  # noqa: PLC0415 - as in `command`

    error = "" if way.error_uu is None else "none" if way.error_uu == 0 else f"{format_u(way.error_uu)} U"
    return (
        _time(timed.median_ps),
        _time(timed.least_ps),
        _time(round(group.unit_ps(way) or 0)),
        f"{group.times_base(way) or 0:.2f} x",
        error,
    )


def _time(picoseconds: int) -> str:
    """Write a time with three places.

    Example:
        >>> _time(1_600_000), _time(250)
        ('1.600 us', '0.250 ns')
    """
    units = ((10**12, "s"), (10**9, "ms"), (10**6, "us"), (10**3, "ns"))
    size, name = next((unit for unit in units if picoseconds >= unit[0]), units[-1])
    whole, thousandths = divmod(picoseconds * 1_000 // size, 1_000)
    return f"{whole}.{thousandths:03} {name}"


def _growth(report: Report) -> Table:
    from rich import box  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    title = Text("Growth: the exponent at the end of each curve", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("what", "along", "from", "to", "exponent", "expected"):
        table.add_column(name, justify="left" if name in {"what", "along"} else "right", no_wrap=True)
    for curve in report.growth:
        ends = (str(curve.points[0][0]), str(curve.points[-1][0]))
        shown = Text(f"{curve.exponent:.2f}", style="red" if curve.too_steep else "")
        table.add_row(curve.name, curve.along, *ends, shown, f"{curve.should} or less")
    return table

"""`pumpcore run`: a scenario through the pump, as a timeline for a person or as JSON.

The rule of this file: figures come from the run and stay exact decimals. All is known before the first line is printed,
and what is wrong with the options is said before a scenario is run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.table import Table

    from pumpcore.scenario import Run, Totals

__all__ = ["command"]

_EXAMPLES: Final = """\b
Examples:
  pumpcore run --list
  pumpcore run failed_pump_night --language da
  pumpcore run my_day.toml --plot my_day.svg
The format is described in docs/scenarios.md.
"""


@click.command("run", epilog=_EXAMPLES)
@click.argument("scenario", required=False)
@click.option("--list", "listed", is_flag=True, help="List the scenarios that come with pumpcore.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON instead of tables.")
@click.option("--plot", type=click.Path(), metavar="FILE.svg|png", help="Also draw the run into FILE.")
@click.option("--language", type=click.Choice(["en", "da"]), default="en", help="Language of the alarm texts.")
def command(scenario: str | None, plot: str | None, language: str, *, listed: bool, as_json: bool) -> None:
    """Run SCENARIO, a TOML file or the name of a shipped one, through the pump.

    Prints what happened: modes, requests and refusals, boluses, alarms with their instructions, insulin by day, and the
    state of the pump at the end.
    """
    from pumpcore.report.drawing import check_path  # noqa: PLC0415
    from pumpcore.scenario import examples, read, run  # noqa: PLC0415 - it loads the pump, which `schedule` does not need
    from pumpcore.scenario.as_json import as_json as answer  # noqa: PLC0415
    from pumpcore.scenario.plot import draw  # noqa: PLC0415

    if listed:
        for name, title in examples().items():
            click.echo(f"{name:<22} {title}")
        return
    if scenario is None:
        message = "Missing argument 'SCENARIO': a file, or a name from --list"
        raise click.UsageError(message)
    if plot is not None:
        check_path(plot)
    done = run(read(scenario))
    if plot is not None:
        draw(done, plot, language=language)
    if as_json:
        click.echo(json.dumps(answer(done, language=language), separators=(",", ":"), ensure_ascii=False))
    else:
        _show(done, language)


def _show(run: Run, language: str) -> None:
    from rich.text import Text  # noqa: PLC0415 - slow to load

    from pumpcore.cli.console import new_console  # noqa: PLC0415

    console = new_console()
    scenario = run.scenario
    console.print(Text(f"{scenario.title}: {scenario.config.device.name}", style="bold"))
    if scenario.about:
        console.print(Text(scenario.about))
    console.print()
    console.print(_timeline(run, language))
    console.print(_insulin(run))
    _refused(console, run)
    for line in _status(run, language):
        console.print(Text(line))


_STYLES: Final = {
    "refused": "red",
    "alarm": "bold",
    "missed": "yellow",
    "entry": "cyan",
}


def _timeline(run: Run, language: str) -> Table:
    from rich import box  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from pumpcore.scenario.timeline import alarm_text  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("local time", no_wrap=True)
    table.add_column("about", no_wrap=True)
    table.add_column("what happened")
    day = None
    for line in run.log.lines:
        local = run.scenario.calendar.local(line.at_us)
        if local.date() != day:
            day = local.date()
            table.add_row(Text(f"{local:%a %Y-%m-%d}", style="bold"), "", "")
        text = Text(alarm_text(line, language), style=_STYLES.get(line.topic, ""))
        table.add_row(f"{local:%H:%M:%S}", line.topic, text)
    return table


def _insulin(run: Run) -> Table:
    from rich import box  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    title = Text("Units of insulin by local day", style="bold")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("day", no_wrap=True)
    for name in ("basal", "bolus", "extended", "total", "uncertain", "not\ndelivered", "priming"):
        table.add_column(name, justify="right", no_wrap=True)
    for day, totals in run.days.items():
        table.add_row(day.isoformat(), *_amounts(totals))
    if len(run.days) > 1:
        table.add_section()
        table.add_row("in all", *_amounts(run.totals), style="bold")
    return table


def _amounts(totals: Totals) -> Iterator[str]:
    from pumpcore.units import format_u  # noqa: PLC0415 - as in `command`

    yield from (format_u(each) for each in (totals.basal_uu, totals.bolus_uu, totals.extended_uu, totals.total_uu))
    # What is nothing, mostly, is left out.
    yield from (format_u(each) if each else "" for each in (totals.uncertain_uu, totals.missed_uu, totals.priming_uu))


def _refused(console: Console, run: Run) -> None:
    from rich.text import Text  # noqa: PLC0415 - slow to load

    if not run.refusals:
        console.print(Text("Nothing was refused."))
        return
    console.print(Text("Refused:", style="bold"))
    for each in run.refusals:
        local = run.scenario.calendar.local(each.at_us)
        console.print(Text(f"  {local:%Y-%m-%d %H:%M:%S}  {each.where}: {each.asked}\n      {each.why}"))


def _status(run: Run, language: str) -> Iterator[str]:
    """Yield a few lines on the state of the pump at the end."""
    from pumpcore.alarms import text  # noqa: PLC0415 - as in `command`
    from pumpcore.scenario.timeline import minutes  # noqa: PLC0415
    from pumpcore.units import format_u, format_u_per_h  # noqa: PLC0415

    now, local = run.status, run.scenario.calendar.local
    yield ""
    cause = f", because of {now.cause.value.replace('_', ' ')}" if now.cause else ""
    yield f"At the end, {local(now.at_us):%Y-%m-%d %H:%M}: {now.state.value}{cause}"
    temp = "" if now.temp_until_us is None else f", temp basal until {local(now.temp_until_us):%H:%M}"
    yield f"  basal      {format_u_per_h(now.rate_uu_per_h)} U/h ({now.rate_reason}), profile {now.profile}{temp}"
    for bolus in now.boluses:
        yield (
            f"  bolus {bolus.id:<4} {format_u(bolus.delivered_uu)} U of {format_u(bolus.programmed_uu)} U delivered,"
            f" {format_u(bolus.remaining_uu)} U to come"
        )
    yield f"  on board   {format_u(now.on_board.counted_uu)} U"
    left = "not in place" if now.reservoir_uu is None else f"{format_u(now.reservoir_uu)} U left"
    ages = ((now.reservoir_age_us, "reservoir"), (now.set_age_us, "set"))
    old = "".join(f", {name} in for {minutes(age_us)}" for age_us, name in ages if age_us is not None)
    yield f"  reservoir  {left}{old}"
    battery = "not measured" if now.battery_percent is None else f"{now.battery_percent} %"
    yield f"  battery    {battery}"
    latest = now.glucose.reading or now.glucose.too_old
    readings = len(now.last_24h.readings) + len(now.meter_24h.readings)
    seen = "" if latest is None else f"; latest {latest.value}, {readings} readings in 24 h"
    yield f"  sensor     {now.sensor_link.name.lower()}{seen}"
    yield f"  insulin    last confirmed {minutes(now.without_insulin_us)} ago"
    if not now.annunciations:
        yield "  alarms     none"
    for each in now.annunciations:
        shown = text(each.kind, language)
        yield f"  alarm      {each.priority.value}, {each.status.name.lower()}: {shown.title}. {shown.instruction}"

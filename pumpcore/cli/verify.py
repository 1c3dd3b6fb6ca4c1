"""`pumpcore verify`: a campaign of virtual worlds with faults, held against the requirements.

The rule of this file: what is printed comes from the campaign's summary and from the cuts, and every way of telling it
gives one verdict. A requirement that does not hold gives exit status 1 and the command that runs just that world again.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Final

import click

from pumpcore.errors import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console
    from rich.progress import Progress

    from pumpcore.sim.campaign import Chosen, Summary, Task
    from pumpcore.sim.cuts import Cuts
    from pumpcore.sim.outcome import Outcome

__all__ = ["command"]

_BROKEN: Final = 1
_SEED_MOST: Final = (1 << 31) - 1
_SHOWN: Final = 10

_EXAMPLES: Final = """\b
Examples:
  pumpcore verify
  pumpcore verify --runs 2000 --jobs 8 --html verify.html
  pumpcore verify --seed 42 --runs 1 --mode safety
  pumpcore verify --cuts --runs 1
docs/verify.md describes what is tried and what must hold.
"""


@click.command("verify", epilog=_EXAMPLES)
@click.option("--runs", default=100, show_default=True, help="Number of worlds.")
@click.option("--hours", default=24, show_default=True, help="Duration of each world, in virtual hours.")
@click.option("--seed", type=click.IntRange(0), help="Seed of the first world; random, and printed, by default.")
@click.option("--jobs", default=1, show_default=True, help="Number of processes.")
@click.option(
    "--mode",
    type=click.Choice(["both", "safety", "liveness"]),
    default="both",
    show_default=True,
    help="safety: faults until the end. liveness: the faults stop, and the pump must recover.",
)
@click.option("--cuts", is_flag=True, help="Also cut the power at every write and every effect of some short runs.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Run on a Dask cluster (needs the extra `cluster`).")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON instead of tables.")
@click.option("--html", "page", type=click.Path(), metavar="FILE", help="Also write a report to FILE.")
def command(  # noqa: PLR0913, PLR0917  # one for each option
    runs: int,
    hours: int,
    seed: int | None,
    jobs: int,
    mode: Chosen,
    scheduler: str | None,
    page: str | None,
    *,
    cuts: bool,
    as_json: bool,
) -> int:
    """Run pumps through virtual days full of faults, and check the requirements.

    Each world comes from a seed. In it clocks, motors, reservoirs, sensors, links, stores and the power fail, and
    people make mistakes. The same seed always gives the same world.
    """
    from rich.console import Console  # noqa: PLC0415  # slow to load

    from pumpcore.sim.campaign import Summary, tasks  # noqa: PLC0415  # it loads the pump
    from pumpcore.sim.cuts import cut_everywhere  # noqa: PLC0415

    first = SystemRandom().randrange(_SEED_MOST) if seed is None else seed
    todo = tasks(seed=first, runs=runs, hours=hours, mode=mode)
    console, heard = Console(highlight=False), Console(stderr=True)
    summary = Summary(hours)
    for outcome in _shown(heard, todo, _outcomes(todo, jobs, scheduler), quiet=as_json):
        summary.add(outcome)
    cut = cut_everywhere() if cuts else None
    title = f"pumpcore verify --seed {first} --runs {runs} --hours {hours} --mode {mode}" + " --cuts" * cuts
    good = summary.good and (cut is None or not cut.broken)
    if page is not None:
        _write(page, summary, title, cut)
    if as_json:
        answer = {"seed": first, **summary.as_json(), "good": good}
        click.echo(json.dumps(answer if cut is None else {**answer, "cuts": cut.as_json()}, separators=(",", ":")))
    else:
        _show(console, summary, title, cut, good=good)
    return 0 if good else _BROKEN


def _outcomes(todo: list[Task], jobs: int, scheduler: str | None) -> Iterable[Outcome]:
    from pumpcore.sim.campaign import run_all  # noqa: PLC0415  # as in `command`

    if scheduler is None:
        return run_all(todo, jobs=jobs)
    from pumpcore.sim.cluster import run_on  # noqa: PLC0415  # it loads an extra

    return run_on(scheduler, todo)


def _shown(heard: Console, todo: list[Task], outcomes: Iterable[Outcome], *, quiet: bool) -> Iterator[Outcome]:
    """Pass outcomes on, and show how far it is where somebody looks."""
    if quiet or not heard.is_terminal:
        yield from outcomes
        return
    with _progress(heard) as progress:
        bar = progress.add_task("worlds", total=sum(task.hours for task in todo), faults=0, broken=0)
        faults = broken = 0
        for outcome in outcomes:
            faults += sum(outcome.faults.values())
            broken += outcome.broken is not None
            progress.update(bar, advance=todo[0].hours, faults=faults, broken=broken)
            yield outcome


def _progress(heard: Console) -> Progress:
    from rich import progress as rich_progress  # noqa: PLC0415  # slow to load
    from rich.text import Text  # noqa: PLC0415

    class VirtualTime(rich_progress.ProgressColumn):
        """Virtual time that passes in one second."""

        def render(self, task: rich_progress.Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text("" if speed is None else f"{int(speed)} virtual h/s", style="cyan")

    return rich_progress.Progress(
        rich_progress.TextColumn("{task.completed:.0f} of {task.total:.0f} virtual hours"),
        rich_progress.BarColumn(),
        rich_progress.TimeElapsedColumn(),
        VirtualTime(),
        rich_progress.TextColumn("{task.fields[faults]} faults, {task.fields[broken]} broken"),
        console=heard,
        transient=True,
    )


def _write(page: str, summary: Summary, title: str, cut: Cuts | None) -> None:
    from pumpcore.sim.html import page as as_page  # noqa: PLC0415  # as in `command`

    try:
        Path(page).write_text(as_page(summary, title=title, cuts=cut), encoding="utf-8")
    except OSError as error:
        raise RecordError(page, f"cannot be written: {error.strerror or error}") from error


def _show(console: Console, summary: Summary, title: str, cut: Cuts | None, *, good: bool) -> None:
    from pumpcore.units import US_PER_HOUR  # noqa: PLC0415  # as in `command`

    console.print(title, style="bold", soft_wrap=True)
    hours = summary.span_us // US_PER_HOUR
    console.print(
        f"{len(summary.outcomes)} worlds, {hours // 24} virtual days {hours % 24} h, {summary.count('steps')} events,"
        f" {summary.count('pulses')} pulses moved, {summary.count('restarts')} restarts"
    )
    _tables(console, summary)
    if cut is not None:
        console.print(f"power cut at {cut.points} points of {cut.scenarios} short runs")
        for line in cut.broken[:_SHOWN]:
            console.print(line, style="red", soft_wrap=True, markup=False)
    console.print(f"digest {summary.digest}")
    for each in summary.broken[:_SHOWN]:
        if each.broken is not None:
            console.print(f"{each.broken.requirement}: {each.broken.what}", style="red", soft_wrap=True, markup=False)
            console.print(f"  reproduce with: {summary.replay(each)}", soft_wrap=True)
    if len(summary.broken) > _SHOWN:
        console.print(f"and {len(summary.broken) - _SHOWN} more")
    for kind in summary.untried:
        console.print(f"fault never injected: {kind.value}", style="red")
    if good:
        console.print("Every requirement held.", style="green")


def _tables(console: Console, summary: Summary) -> None:
    from rich import box  # noqa: PLC0415  # slow to load
    from rich.columns import Columns  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    faults = Table("fault", box=box.SIMPLE_HEAD)
    faults.add_column("injected", justify="right")
    for kind, count in summary.faults.items():
        faults.add_row(kind.value, str(count))
    checks = Table("requirement", box=box.SIMPLE_HEAD)
    checks.add_column("checks", justify="right")
    for requirement, count in summary.checks.items():
        checks.add_row(requirement, str(count))
    console.print(Columns([faults, checks]))

"""The commands, their options, and what each way of ending means to the shell.

The rule of this file: every way of ending is a row of the table below; a user sees one line and never a stack trace,
unless it is asked for (`--debug`, or PUMPCORE_DEBUG=1 in the environment).

| status | when |
|---|---|
| 0 | the answer was printed |
| 1 | the reader of the output went away (`| head`), and nothing is said; or a requirement did not hold (`verify`) |
| 2 | the input is at fault: a wrong option, an unreadable file, a plan that is refused |
| 70 | pumpcore is at fault |
| 71 | the machine is at fault: no memory, no room for the output |
| 130 | interrupted (Ctrl-C) |
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from typing import TYPE_CHECKING, Final

import click

from pumpcore.cli import advise, bench, journal, run, verify
from pumpcore.errors import InvariantError, PumpcoreError
from pumpcore.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pumpcore import Schedule

OK: Final = 0
READER_GONE: Final = 1
BAD_INPUT: Final = 2
OUR_FAULT: Final = 70
MACHINE_FAULT: Final = 71
INTERRUPTED: Final = 130

_PULSES_PER_WRITE: Final = 20_000

_HELP: Final = """The exact core of an insulin pump, as a command line.

Not a medical device: never connect it to a person."""

_COMPLETION: Final = """\b
Completion of commands, options and files in the shell:
  bash   eval "$(_PUMPCORE_COMPLETE=bash_source pumpcore)"
  zsh    eval "$(_PUMPCORE_COMPLETE=zsh_source pumpcore)"
  fish   _PUMPCORE_COMPLETE=fish_source pumpcore | source
"""

_SCHEDULE_EXAMPLE: Final = """\b
Example, one hour at 0.8 U/h and a bolus of 0.1 U, on steps of 0.05 U:
  pumpcore schedule - <<'END'
  {"actuator": {"step_uu": 50000, "gap_us": 0, "grid_us": 0},
   "from_us": 0, "to_us": 3600000000,
   "basal": [[0, 800000]],
   "trains": [{"channel": "bolus", "start_us": 60000000,
               "duration_us": 4000000, "amount_uu": 100000}]}
  END
prints
  {"pulses":[[62000000,"bolus",1],[64000000,"bolus",1],[225000000,"basal",1],...
"""


@dataclass
class Run:
    """What the options before the command say."""

    debug: bool = False


@click.group(help=_HELP, epilog=_COMPLETION, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pumpcore", prog_name="pumpcore", message="%(prog)s %(version)s")
@click.option("--debug", is_flag=True, envvar="PUMPCORE_DEBUG", help="Show a stack trace when an error occurs.")
@click.pass_obj
def cli(run: Run, *, debug: bool) -> None:
    """Hold the commands, and keep what the options before them say."""
    run.debug = debug


@cli.command(epilog=_SCHEDULE_EXAMPLE)
@click.argument("plan", type=click.Path(allow_dash=True))
def schedule(plan: str) -> None:
    """Print every pulse of PLAN, a JSON file (or - for standard input).

    The answer is one line of JSON, {"pulses": [[at_us, channel, steps], ...]}, in the order in which the pulses leave.
    Times are microseconds, amounts micro-units (1 U = 1000000), rates micro-units per hour.
    """
    from pumpcore import schedule as schedule_plan  # noqa: PLC0415 - only this command needs the kernel
    from pumpcore.cli.strict_json import read_plan  # noqa: PLC0415

    _print_pulses(schedule_plan(read_plan(plan)))


@cli.command()
@click.argument("export", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON instead of a table.")
@click.option("--plot", type=click.Path(), metavar="FILE.svg|png", help="Also draw the days into FILE.")
def replay(export: str, plot: str | None, *, as_json: bool) -> None:
    """Replay EXPORT, a CareLink CSV file, through the kernel.

    Rebuilds what was programmed, delivers it in steps of that pump, and compares each day with the total that the pump
    recorded.
    """
    from pumpcore.cli import report  # noqa: PLC0415 - it loads rich and the readers, which `schedule` does not need

    replayed = report.run(export, plot)
    if as_json:
        click.echo(json.dumps(replayed.as_json(), separators=(",", ":")))
    else:
        report.show(replayed)


cli.add_command(run.command)
cli.add_command(advise.command)
cli.add_command(bench.command)
cli.add_command(journal.command)
cli.add_command(verify.command)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        args: the arguments after the program's name; those of the process when None.

    Returns:
        The exit status, a row of the table at the top of this file.
    """
    run = Run()
    try:
        if sys.stdout is None:  # closed by the caller
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # noqa: TRY301 - told as any other fault of the output
        status = cli.main(args=args, prog_name="pumpcore", standalone_mode=False, obj=run)
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence: `_ending` says whose fault
        status, message = _ending(error)
        if message:
            _complain(message, error if run.debug else None)
    return status if isinstance(status, int) else OK


def _ending(error: Exception | KeyboardInterrupt) -> tuple[int, str]:
    """Choose the row of the table: the exit status, and the line to print, if any."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            error.show()
            ending = BAD_INPUT, ""
        case click.UsageError():
            path = error.ctx.command_path if error.ctx else "pumpcore"
            ending = BAD_INPUT, f"{error.format_message().rstrip('.')} (see {path} --help)"
        case click.Abort() | KeyboardInterrupt():  # click's word for Ctrl-C, and Python's before and after click
            ending = INTERRUPTED, ""
        case BrokenPipeError():  # at the last flush; one before that ends in click, with the same status
            _abandon_output()
            ending = READER_GONE, ""
        case OSError():  # inputs are read elsewhere, with errors of their own: this is the output
            _abandon_output()
            ending = MACHINE_FAULT, f"cannot write the output: {error.strerror or error}"
        case MemoryError():
            ending = MACHINE_FAULT, "out of memory: ask for a shorter time"
        case PumpcoreError() if not isinstance(error, InvariantError):
            ending = BAD_INPUT, str(error)
        case _:
            what = f"a bug in pumpcore ({type(error).__name__}: {error})"
            ending = OUR_FAULT, f"{what}: please report it, with what PUMPCORE_DEBUG=1 shows"
    return ending


def _print_pulses(pulses: Schedule) -> None:
    """Write the pulses in pieces: a year of them is hundreds of megabytes as Python objects."""
    from pumpcore import CHANNELS  # noqa: PLC0415 - as in `schedule`

    quoted = [json.dumps(name) for name in CHANNELS]
    write = sys.stdout.write
    write('{"pulses":[')
    for begin in range(0, len(pulses), _PULSES_PER_WRITE):
        piece = slice(begin, begin + _PULSES_PER_WRITE)
        columns = zip(pulses.at_us[piece], pulses.channel[piece], pulses.steps[piece], strict=True)
        write("," * bool(begin) + ",".join(f"[{at_us},{quoted[code]},{steps}]" for at_us, code, steps in columns))
    write("]}\n")


def _complain(message: str, traced: BaseException | None) -> None:
    """Print one line on standard error, after the stack trace of `traced` where one was asked for."""
    if traced is not None:
        traceback.print_exception(traced)
    # A file name or a key can hold anything, a line break included.
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in message)
    click.echo(f"pumpcore: {line}", err=True)


def _abandon_output() -> None:
    """Send what is still buffered nowhere, or Python would fail on it once more on its way out."""
    if sys.stdout is None:
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

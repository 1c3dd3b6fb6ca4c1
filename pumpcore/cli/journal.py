"""`pumpcore journal`: look at a pump's journal, check it, and take it elsewhere.

The rule of this file: a journal is only read; nothing here can change one. Amounts are exact decimals. What is damaged
is said in one line that names the row, with status 2; what stands before the damage is still shown.
"""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pumpcore.journal import Damage, Record, Row
    from pumpcore.journal.sqlite import SqliteStore

__all__ = ["command"]

_EXAMPLES: Final = """\b
Examples:
  pumpcore journal show pump.journal --last 20
  pumpcore journal verify pump.journal --replay
  pumpcore journal export pump.journal --format nightscout >treatments.jsonl
  pumpcore journal restore rows.jsonl new.journal
"""


@click.group("journal", epilog=_EXAMPLES)
def command() -> None:
    """Show, check and export the journal of a pump: a file that pumpcore.journal wrote."""


@command.command()
@click.argument("file", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each row instead of a table.")
@click.option("--first", "first", type=click.IntRange(min=1), help="Start at this row number.")
@click.option("--last", "last", type=click.IntRange(min=1), help="Show only the last N rows.")
def show(file: str, first: int | None, last: int | None, *, as_json: bool) -> None:
    """Print the rows of FILE: time, kind, event and effects."""
    from pumpcore.journal import Walk  # noqa: PLC0415 - it loads the pump, which `schedule` does not need

    with closing(_opened(file)) as store:
        walk = Walk(store.rows())
        records = _read(file, _chosen(walk, first, last))
        if as_json:
            for record in records:
                click.echo(_as_json(record))
        else:
            _table(records)
        _whole(file, walk.damage)


@command.command()
@click.argument("file", type=click.Path())
@click.option("--replay", "replayed", is_flag=True, help="Replay every segment too, not only the last.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON instead.")
def verify(file: str, *, replayed: bool, as_json: bool) -> None:
    """Check every row of FILE: checksum, chain, content, and that a replay gives the recorded effects.

    Prints the number of rows and segments, and the head of the chain. Keep the chain head elsewhere to check later
    that the journal is still the same.
    """
    from pumpcore.journal import verify as verified  # noqa: PLC0415 - as in `show`

    with closing(_opened(file)) as store:
        walk, damage = verified(store.rows(), replayed=replayed)
        vouched = store.vouched
    _whole(file, damage)
    found = {
        "rows": walk.seq - walk.segments[0] + 1,
        "first": walk.segments[0],
        "last": walk.seq,
        "segments": len(walk.segments),
        "chain": walk.chain.hex(),
        "end_vouched_for": vouched,
    }
    if as_json:
        click.echo(json.dumps(found, separators=(",", ":")))
        return
    click.echo(f"{found['rows']} rows, {walk.segments[0]} to {walk.seq}, in {len(walk.segments)} segments: all good")
    click.echo(f"chain head {walk.chain.hex()}")
    if not vouched:
        click.echo("the head file is missing, so the last rows cannot be confirmed")


@command.command()
@click.argument("file", type=click.Path())
@click.option(
    "--format",
    "kind",
    type=click.Choice(["jsonl", "nightscout", "tidepool"]),
    default="jsonl",
    show_default=True,
    help="Kind of output lines: journal rows, Nightscout treatments or Tidepool data.",
)
def export(file: str, kind: str) -> None:
    """Print FILE as lines of JSON: every row, or what was delivered in the format of another system."""
    from pumpcore.journal import Walk  # noqa: PLC0415 - as in `show`
    from pumpcore.journal.delivered import Deliveries  # noqa: PLC0415
    from pumpcore.journal.export import FORMATS, line, lines_of  # noqa: PLC0415

    with closing(_opened(file)) as store:
        walk = Walk(store.rows())
        if kind == "jsonl":
            for each in lines_of(walk):
                click.echo(each)
            _whole(file, walk.damage)
            return
        deliveries = Deliveries(_read(file, walk))
        # Half of what was delivered would look like all of it.
        _whole(file, walk.damage)
    for each in map(line, FORMATS[kind](deliveries)):
        click.echo(each)


@command.command()
@click.argument("lines", type=click.Path(allow_dash=True))
@click.argument("file", type=click.Path())
def restore(lines: str, file: str) -> None:
    """Restore the journal FILE from LINES, an export in the format jsonl (or - for standard input).

    The restored journal is the same, row for row. FILE must not exist; it is not created if any line is invalid.
    """
    from pumpcore.errors import RecordError  # noqa: PLC0415 - as in `show`
    from pumpcore.journal import verify as verified  # noqa: PLC0415
    from pumpcore.journal.export import rows_in  # noqa: PLC0415
    from pumpcore.journal.sqlite import SqliteStore  # noqa: PLC0415

    try:
        with click.open_file(lines, encoding="utf-8") as opened:
            rows = list(rows_in(opened))
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(lines, f"cannot be read: {error}") from error
    _whole(lines, verified(rows)[1])
    with closing(SqliteStore.create(file)) as store:
        store.append(rows)
    click.echo(f"{len(rows)} rows, {rows[0].seq} to {rows[-1].seq}")


def _opened(file: str) -> SqliteStore:
    from pumpcore.journal.sqlite import SqliteStore  # noqa: PLC0415 - as in `show`

    return SqliteStore.open(file, writes=False)


def _whole(file: str, damage: Damage | None) -> None:
    from pumpcore.errors import JournalError  # noqa: PLC0415 - as in `show`

    if damage is not None:
        raise JournalError(f"{file}: {damage}")


def _read(file: str, rows: Iterable[Row]) -> Iterator[Record]:
    """Read rows; where one says nothing, the file is named with it."""
    from pumpcore.errors import JournalError  # noqa: PLC0415 - as in `show`
    from pumpcore.journal import read_row  # noqa: PLC0415

    for row in rows:
        try:
            record = read_row(row)
        except JournalError as error:
            raise JournalError(f"{file}: {error}") from error
        yield record


def _chosen(rows: Iterable[Row], first: int | None, last: int | None) -> Iterable[Row]:
    from collections import deque  # noqa: PLC0415 - only for this

    begun = (row for row in rows if first is None or row.seq >= first)
    return begun if last is None else deque(begun, maxlen=last)


def _as_json(record: Record) -> str:
    from pumpcore.journal.export import line, words  # noqa: PLC0415 - as in `show`

    row = record.row
    shown: dict[str, Any] = {"seq": row.seq, "at_us": row.at_us, "entries": words(row.entries)}
    if record.event is not None:
        shown |= {"event": _fields(record.event), "effects": [_fields(each) for each in record.effects]}
    return line(shown)


def _fields(value: object) -> Any:  # noqa: ANN401  # of JSON's kinds
    """Show a value by its fields; amounts and rates as exact decimals of units."""
    from enum import Enum  # noqa: PLC0415

    from pumpcore.frozen import fields, is_dataclass  # noqa: PLC0415 - as in `show`

    if is_dataclass(value):
        shown = {field.name: _field(field.name, getattr(value, field.name)) for field in fields(value)}
        return {"is": type(value).__name__} | dict(shown.values())
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, tuple):
        return [_fields(each) for each in value]
    return value if value is None or isinstance(value, (int, str)) else str(value)


def _field(name: str, value: object) -> tuple[str, Any]:
    from pumpcore.journal.export import amount, rate  # noqa: PLC0415 - as in `show`

    if type(value) is int and name.endswith("_uu_per_h"):
        return name.removesuffix("uu_per_h") + "u_per_h", rate(value)
    if type(value) is int and name.endswith("_uu"):
        return name.removesuffix("uu") + "u", amount(value)
    return name, _fields(value)


def _table(records: Iterator[Record]) -> None:
    from rich import box  # noqa: PLC0415 - slow to load
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from pumpcore.cli.console import new_console  # noqa: PLC0415
    from pumpcore.journal.export import words  # noqa: PLC0415

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name, right in (("row", True), ("time, s", True), ("kind", False), ("event and effects", False)):
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "event and effects")
    try:
        for record in records:
            row = record.row
            told = [_said(each) for each in (record.event, *record.effects) if each is not None] or [
                "checkpoint: the whole pump"
            ]
            tells = "\n".join(word for word in words(row.entries) if word not in {"fact", "request"})
            table.add_row(f"{row.seq}", _seconds(row.at_us), Text(tells), Text("\n".join(told)))
    finally:  # what stands before a row that cannot be read
        new_console().print(table)


def _seconds(at_us: int) -> str:
    from pumpcore.units import format_u  # noqa: PLC0415 - as in `show`

    return format_u(at_us, places=6)


def _said(value: object) -> str:
    """Return an event or an effect as one line, without its instant, which is the row's."""
    shown = _fields(value)
    name = shown.pop("is")
    shown.pop("at_us")
    return f"{name} " + " ".join(f"{key}={_short(each)}" for key, each in shown.items())


def _short(value: object) -> str:
    if isinstance(value, dict):
        return f"{value.get('is', '')}({' '.join(f'{k}={_short(v)}' for k, v in value.items() if k != 'is')})"
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return "-" if value is None else f"{value}"

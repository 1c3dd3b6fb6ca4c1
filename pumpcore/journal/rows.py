"""Rows: what stands in a journal, and how one tells that it still stands there as it was written.

The rule of this file: bytes and figures only; what a row means is `book`'s business. A row is sealed with two checks
over its number, instant, entries and body: a CRC-32, which finds every burst of up to 32 bits, and a BLAKE2b hash,
shortened to 128 bits, over the hash of the row before and the same bytes, which finds a row that was taken out, put in,
moved or exchanged. Neither is a signature: who can write the file can seal it anew. Row numbers grow by one from 1; no
clock has a part in them.
"""

from __future__ import annotations

from enum import IntFlag
from hashlib import blake2b
from struct import Struct
from struct import error as StructError  # noqa: N812  # it is a class
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from zlib import crc32

from pumpcore.errors import JournalError
from pumpcore.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "CHAIN_BYTES",
    "CHAIN_START",
    "CHECKPOINT",
    "ROWS_MOST",
    "Check",
    "Damage",
    "Entry",
    "Row",
    "Walk",
    "begins",
    "is_whole",
    "seal",
    "snapshot_in",
]

CHAIN_BYTES: Final = 16
CHAIN_START: Final = bytes(CHAIN_BYTES)
"""What the first row of all is chained to."""

ROWS_MOST: Final = 3_000_000
"""No journal keeps more rows than these, checkpoints not counted."""

_HEAD: Final = Struct(">QQI")
_BEGIN: Final = b"pumpcore journal 1 "
"""How the body of a checkpoint begins; then the chain before it, in hexadecimal digits, and a line break."""


class Entry(IntFlag):
    """What a row tells of, in the words of the Insulin Delivery Service's history; several may stand in one row."""

    CHECKPOINT = 1
    """The whole pump; a segment begins here."""
    PROGRAMMED = 2
    """Something that delivers was programmed, changed or ended: a bolus, a temp basal, a rate, a profile."""
    COMMANDED = 4
    """Pulses of therapy insulin were commanded."""
    CONFIRMED = 8
    """A pulse was confirmed."""
    UNCERTAIN = 16
    """Pulses became uncertain."""
    FAILED = 32
    """A pulse was certainly not delivered."""
    MISSED = 64
    """Steps fell due and will not be commanded."""
    PRIMED = 128
    """Priming insulin was commanded."""
    ANNUNCIATION = 256
    """An annunciation changed or sounded."""
    MODE = 512
    """The operational or therapy control state changed."""
    TIME = 1024
    """The reference time was set."""
    RESERVOIR = 2048
    """The reservoir was measured or taken out."""
    CALCULATED = 4096
    """The bolus calculator answered."""
    FACT = 8192
    """A fact about the world was told."""
    REQUEST = 16384
    """Somebody asked for something."""


CHECKPOINT: Final = Entry.CHECKPOINT.value
"""The same as a plain number: an `IntFlag` takes longer than all other checks of a row."""


class Row(NamedTuple):
    """One row.

    Attributes:
        seq: its number, from 1.
        at_us: when, monotonic.
        entries: what it tells of, bits of `Entry`.
        body: ASCII text: event and effects, or a checkpoint.
        crc: the CRC-32.
        chain: the hash over this row and, by the one before, over all before.
    """

    seq: int
    at_us: int
    entries: int
    body: bytes
    crc: int
    chain: bytes


def seal(seq: int, at_us: int, entries: int, body: bytes, before: bytes) -> Row:
    """Make a row, with its checks.

    Args:
        seq: its number.
        at_us: when, monotonic.
        entries: bits of `Entry`.
        body: what it holds.
        before: the chain of the row before.
    """
    sealed = _HEAD.pack(seq, at_us, entries) + body
    return Row(seq, at_us, entries, body, crc32(sealed), blake2b(before + sealed, digest_size=CHAIN_BYTES).digest())


def begins(chain: bytes) -> bytes:
    """Write how a checkpoint begins: its version, and the chain before it, which outlives the rows before it."""
    return _BEGIN + chain.hex().encode("ascii") + b"\n"


def snapshot_in(row: Row) -> tuple[bytes, bytes]:
    """Take the chain before it and the pump's snapshot out of a checkpoint.

    Raises:
        JournalError: it is none of this version.
    """
    head, _, snapshot = row.body.partition(b"\n")
    digits = head.removeprefix(_BEGIN)
    if not head.startswith(_BEGIN) or len(digits) != 2 * CHAIN_BYTES:
        raise JournalError("is not a checkpoint of this version")
    try:
        return bytes.fromhex(digits.decode("ascii")), snapshot
    except ValueError as error:
        raise JournalError("is not a checkpoint of this version") from error


Check = Literal["file", "order", "checksum", "chain", "checkpoint", "content", "replay", "end"]
"""Which check found damage: the store cannot read on; a number is not the next; CRC-32; hash chain; a checkpoint that
is none; a body that is none; the pump does not answer what is recorded; rows are missing at the end."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Where a journal is damaged.

    Attributes:
        row: the number of the first row that is not good.
        check: what found it.
        reason: what is wrong there.
    """

    row: int
    check: Check
    reason: str

    def __str__(self) -> str:
        """One line: row, check, reason."""
        return f"row {self.row}: {self.check}: {self.reason}"


class Walk:
    """Goes through rows as long as they are good.

    Attributes:
        damage: what it stopped at; None where all were good.
        seq: the number of the last good row, 0 before the first.
        chain: the chain of the last good row.
        segments: the numbers of the checkpoints that it came through; the first is that of the first row.
    """

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        """Begin before the first of `rows`."""
        self._rows = rows
        self.damage: Damage | None = None
        self.seq = 0
        self.chain = CHAIN_START
        self.segments: list[int] = []

    def __iter__(self) -> Iterator[Row]:
        """Yield good rows; end at the last, or before the first that is not good."""
        try:
            for row in self._rows:
                if not self.take(row):
                    return
                yield row
        except JournalError as error:
            self.damage = Damage(self.seq + 1, "file", str(error))
        if self.damage is None and not self.seq:
            self.damage = Damage(1, "end", "the journal has no rows")

    def take(self, row: Row) -> bool:
        """Go on to a row; say whether it is good. Where it is not, `damage` says why, and nothing else has changed."""
        self.damage = self._damage(row)
        if self.damage is not None:
            return False
        self.seq, self.chain = row.seq, row.chain
        if row.entries & CHECKPOINT:
            self.segments.append(row.seq)
        return True

    def _damage(self, row: Row) -> Damage | None:  # noqa: PLR0911  # one for each check
        if self.seq and row.seq != self.seq + 1:
            return Damage(self.seq + 1, "order", f"the next row has the number {row.seq}")
        try:
            sealed = _HEAD.pack(row.seq, row.at_us, row.entries) + row.body
        except StructError as error:
            return Damage(row.seq, "content", str(error))
        if crc32(sealed) != row.crc:
            return Damage(row.seq, "checksum", "the CRC-32 does not match")
        before = self.chain
        if row.entries & CHECKPOINT:
            try:
                named, _ = snapshot_in(row)
            except JournalError as error:
                return Damage(row.seq, "checkpoint", str(error))
            before = self.chain if self.seq else named
        elif not self.seq:
            return Damage(row.seq, "checkpoint", "the first row is not a checkpoint")
        if blake2b(before + sealed, digest_size=CHAIN_BYTES).digest() != row.chain:
            return Damage(row.seq, "chain", "the hash chain does not continue from the row before")
        return None


def is_whole(row: Row) -> bool:
    """Return whether a row by itself is intact, whatever is before it."""
    try:
        return crc32(_HEAD.pack(row.seq, row.at_us, row.entries) + row.body) == row.crc
    except StructError:
        return False

"""One annunciation: what a person is told, whether its cause is there, and where the person's answer stands.

The rules of this file: an annunciation is a frozen value, and its priority is never stored but read off the ladder of
its row. Pending, it climbs the ladder; snoozed, it is pending again at the end of the snooze; confirmed, it stays as
long as its cause does and is pending again after the row's time. An answer takes it back to the first rung.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from pumpcore.alarms.kinds import Kind, Priority, Status
from pumpcore.alarms.table import DETAIL_CHARACTERS_LARGEST, TABLE, Clears
from pumpcore.errors import JournalError
from pumpcore.frozen import dataclass, field_names, replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pumpcore.alarms.table import Row, Rung

__all__ = ["Annunciation", "AnnunciationChanged", "Change", "Sound", "What", "int_or_none"]


@unique
class What(Enum):
    """What became of an annunciation."""

    RAISED = "raised"
    AGAIN = "again"
    CONFIRMED = "confirmed"
    SNOOZED = "snoozed"
    ESCALATED = "escalated"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Annunciation:
    """What a person is told.

    Attributes:
        id: its number, never used again.
        kind: what it is about; everything that follows from that is in `row`.
        since_us: when it was raised, monotonic.
        cause_present: whether its cause is there; never for what has no cause that could last.
        status: what the person has answered.
        status_since_us: since when: what is pending has been unanswered since then.
        level: the rung of its ladder that it has climbed to.
        snoozed_until_us: when the snooze ends; None where it is not snoozed.
        next_sound_us: when it is to sound next; None where it is not pending, or has sounded its only time.
        detail: what is particular to this case, one line; may be empty.
    """

    id: int
    kind: Kind
    since_us: int
    cause_present: bool
    status: Status
    status_since_us: int
    level: int = 0
    snoozed_until_us: int | None = None
    next_sound_us: int | None = None
    detail: str = ""

    @property
    def row(self) -> Row:
        """The row of its kind."""
        return TABLE[self.kind]

    @property
    def rung(self) -> Rung:
        """The rung it has climbed to."""
        return self.row.ladder[self.level]

    @property
    def priority(self) -> Priority:
        """Its priority now, escalation included."""
        return self.rung.priority

    @property
    def confirmed(self) -> bool:
        """Whether the person has confirmed it since it last came up."""
        return self.status is Status.CONFIRMED

    @property
    def urgency(self) -> tuple[int, int, int]:
        """The order of annunciations: by priority, then the oldest first."""
        return self.priority.rank, self.since_us, self.id

    @property
    def turn_us(self) -> int | None:
        """When it changes by itself if nobody answers; None: never."""
        if self.status is Status.SNOOZED:
            return self.snoozed_until_us
        if self.status is Status.CONFIRMED:
            wait = self.row.again_after_us
            return None if wait is None else self.status_since_us + wait
        above = self.row.ladder[self.level + 1 :]
        return self.status_since_us + above[0].after_us if above else None

    def turns(self, now_us: int) -> Iterator[tuple[Annunciation, What]]:
        """Let time pass, one turn after the other; at most one return to pending and one turn for each rung.

        A turn counts from the instant at which it was due, not from the call, so that a late host delays no escalation
        but the one it missed.

        Args:
            now_us: monotonic.

        Yields:
            The annunciation after each turn, and what became of it.
        """
        turned, due_us = self, self.turn_us
        while due_us is not None and due_us <= now_us:
            if turned.status is Status.PENDING:
                turned = replace(turned, level=turned.level + 1, next_sound_us=due_us)
                yield turned, What.ESCALATED
            else:
                turned = turned.as_pending(due_us)
                yield turned, What.AGAIN
            due_us = turned.turn_us

    def as_pending(self, at_us: int) -> Annunciation:
        """Give the same, unanswered since `at_us` and due to sound."""
        return replace(
            self, status=Status.PENDING, status_since_us=at_us, level=0, snoozed_until_us=None, next_sound_us=at_us
        )

    def as_snoozed(self, at_us: int, duration_us: int) -> Annunciation:
        """Give the same, snoozed at `at_us`."""
        return replace(
            self,
            status=Status.SNOOZED,
            status_since_us=at_us,
            level=0,
            snoozed_until_us=at_us + duration_us,
            next_sound_us=None,
        )

    def as_confirmed(self, at_us: int) -> Annunciation:
        """Give the same, confirmed at `at_us`."""
        return replace(
            self, status=Status.CONFIRMED, status_since_us=at_us, level=0, snoozed_until_us=None, next_sound_us=None
        )

    def as_sounded(self, now_us: int) -> Annunciation:
        """Give the same, having sounded at `now_us`: sounds that were missed are not made up."""
        every_us = self.rung.sound_every_us
        return replace(self, next_sound_us=None if every_us is None else now_us + every_us)

    def as_plain(self) -> dict[str, int | str | bool | None]:
        """Give the same as plain data of JSON's kinds; `from_plain` undoes it."""
        return {
            "id": self.id,
            "kind": self.kind.value,
            "since_us": self.since_us,
            "cause_present": self.cause_present,
            "status": int(self.status),
            "status_since_us": self.status_since_us,
            "level": self.level,
            "snoozed_until_us": self.snoozed_until_us,
            "next_sound_us": self.next_sound_us,
            "detail": self.detail,
        }

    @classmethod
    def from_plain(cls, plain: object) -> Annunciation:
        """Undo `as_plain`.

        Args:
            plain: what `as_plain` gave.

        Raises:
            JournalError: `plain` is nothing that `as_plain` gives.
        """
        if not isinstance(plain, dict) or plain.keys() != _FIELDS:
            text = f"an annunciation has the fields {', '.join(sorted(_FIELDS))}"
            raise JournalError(text)
        trouble = _trouble(plain)
        if trouble:
            text = f"the annunciation {plain['id']!r:.20} is damaged: {trouble}"
            raise JournalError(text)
        return cls(**{**plain, "kind": Kind(plain["kind"]), "status": Status(plain["status"])})


_FIELDS: Final = frozenset(field_names(Annunciation))
_INSTANTS: Final = ("since_us", "status_since_us")
_OPTIONAL_INSTANTS: Final = ("snoozed_until_us", "next_sound_us")


def int_or_none(value: object) -> bool:
    """Say whether a value is an instant or None."""
    return value is None or (type(value) is int and value >= 0)


def _trouble(plain: Mapping[str, object]) -> str | None:  # noqa: PLR0911  # one reason each, the first one found
    """Say what makes no annunciation of plain data with the right fields; None: nothing does."""
    if type(plain["kind"]) is not str or plain["kind"] not in _KINDS:
        return "its kind is unknown"
    if type(plain["status"]) is not int or plain["status"] not in _STATUSES:
        return "its status is no code word"
    row, status, level = TABLE[Kind(plain["kind"])], Status(plain["status"]), plain["level"]
    if type(plain["id"]) is not int or plain["id"] < 1:
        return "its id is no number from 1 on"
    if not all(type(plain[name]) is int and int_or_none(plain[name]) for name in _INSTANTS):
        return "it lacks an instant"
    if not all(int_or_none(plain[name]) for name in _OPTIONAL_INSTANTS):
        return "an instant is no number from 0 on"
    if type(level) is not int or not 0 <= level < len(row.ladder):
        return "its level is none of its ladder"
    if type(plain["detail"]) is not str or len(plain["detail"]) > DETAIL_CHARACTERS_LARGEST:
        return f"its detail is no text of at most {DETAIL_CHARACTERS_LARGEST} characters"
    return _contradiction(plain, row, status)


def _contradiction(plain: Mapping[str, object], row: Row, status: Status) -> str | None:
    """Say which two fields of plain data cannot both be so; None: none."""
    present = plain["cause_present"]
    if type(present) is not bool or (present and row.clears is Clears.CONFIRMED):
        return "its cause cannot be so"
    if not present and (row.clears is Clears.GONE or status is Status.CONFIRMED):
        return "it should have been cleared"
    if (status is Status.SNOOZED) != (plain["snoozed_until_us"] is not None):
        return "its status and the end of its snooze contradict each other"
    if status is not Status.PENDING and (plain["level"] or plain["next_sound_us"] is not None):
        return "it was answered and yet sounds or escalates"
    return None


_KINDS: Final = frozenset(kind.value for kind in Kind)
_STATUSES: Final = frozenset(int(status) for status in Status)


@dataclass(frozen=True, slots=True)
class AnnunciationChanged:
    """Something became of an annunciation.

    Attributes:
        at_us: when it was noticed, monotonic.
        annunciation: as it is after that; as it was, where it is cleared.
        what: what became of it.
    """

    at_us: int
    annunciation: Annunciation
    what: What


@dataclass(frozen=True, slots=True)
class Sound:
    """Sound once, with the signal of a priority.

    Attributes:
        at_us: when, monotonic.
        priority: how urgent it is to sound.
        level: the level of escalation of what sounds.
        annunciation_id: what sounds.
        siren: whether to sound as loud as the pump can.
    """

    at_us: int
    priority: Priority
    level: int
    annunciation_id: int
    siren: bool


Change = AnnunciationChanged | Sound
"""What an operation on the board answers with."""

"""One annunciation: what a person is told, whether its cause is there, and where the person's answer stands.

The rules of this file: an annunciation is a frozen value, and its priority is never stored but read off the ladder of
its row. Pending, it climbs the ladder; snoozed, it is pending again at the end of the snooze; confirmed, it stays as
long as its cause does and is pending again after the row's time. An answer takes it back to the first rung.
"""

from __future__ import annotations

from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from pumpcore.alarms.kinds import AnnunciationStatus, Kind, Priority
from pumpcore.alarms.table import ANNUNCIATIONS, DETAIL_CHARACTERS_LARGEST, Clears
from pumpcore.bounds import within
from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass, field_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pumpcore.alarms.table import AnnunciationRow, Rung

__all__ = ["Annunciation", "AnnunciationChanged", "Change", "Sound", "What", "check_detail"]


@unique
class What(Enum):
    """What became of an annunciation."""

    RAISED = "raised"
    AGAIN = "again"
    CONFIRMED = "confirmed"
    SNOOZED = "snoozed"
    ESCALATED = "escalated"
    CLEARED = "cleared"


def check_detail(detail: str) -> None:
    """Reject a detail that is not text, or too long.

    Raises:
        QuantityError: as said.
    """
    if type(detail) is not str or len(detail) > DETAIL_CHARACTERS_LARGEST:
        raise QuantityError("detail", detail, f"must be text of at most {DETAIL_CHARACTERS_LARGEST} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annunciation:
    """What a person is told.

    Attributes:
        id: its number, never used again.
        kind: what it is about; everything that follows from that is in `row`.
        since_us: when it was raised, monotonic.
        cause_present: whether its cause is there; never for a kind whose cause does not last.
        status: what the person has answered.
        status_since_us: when the current status began; if pending, it has been unanswered since then.
        level: the rung of its ladder that it has climbed to.
        snoozed_until_us: when the snooze ends; None where it is not snoozed.
        next_sound_us: when it is to sound next; None where it is not pending, or has sounded its only time.
        detail: what is particular to this case, one line; may be empty.

    Raises:
        QuantityError: a field is of another type, or two fields contradict each other.
        LimitError: a number is below its least, or `level` is not on the ladder.
    """

    id: int
    kind: Kind
    since_us: int
    cause_present: bool
    status: AnnunciationStatus
    status_since_us: int
    level: int = 0
    snoozed_until_us: int | None = None
    next_sound_us: int | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        """Reject an annunciation that cannot be."""
        if type(self.kind) is not Kind:
            raise QuantityError("kind", self.kind, "must be a Kind")
        if type(self.status) is not AnnunciationStatus:
            raise QuantityError("status", self.status, "must be a Status")
        within(self.id, 1, None, name="id", unit="")
        for name in ("since_us", "status_since_us"):
            within(getattr(self, name), 0, None, name=name, unit="us")
        for name in ("snoozed_until_us", "next_sound_us"):
            if getattr(self, name) is not None:
                within(getattr(self, name), 0, None, name=name, unit="us")
        within(self.level, 0, len(self.row.ladder) - 1, name="level", unit="")
        check_detail(self.detail)
        if type(self.cause_present) is not bool:
            raise QuantityError("cause_present", self.cause_present, "must be true or false")
        if self.cause_present and self.row.clears is Clears.CONFIRMED:
            raise QuantityError("cause_present", self.cause_present, f"is not possible for {self.kind.value}")
        if (self.status is AnnunciationStatus.SNOOZED) != (self.snoozed_until_us is not None):
            raise QuantityError("snoozed_until_us", self.snoozed_until_us, f"contradicts status {self.status.name}")
        if self.status is not AnnunciationStatus.PENDING and (self.level or self.next_sound_us is not None):
            raise QuantityError("level", self.level, f"and next_sound_us contradict status {self.status.name}")

    @property
    def row(self) -> AnnunciationRow:
        """The row of its kind."""
        return ANNUNCIATIONS[self.kind]

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
        return self.status is AnnunciationStatus.CONFIRMED

    @property
    def urgency(self) -> tuple[int, int, int]:
        """The order of annunciations: by priority, then the oldest first."""
        return self.priority.rank, self.since_us, self.id

    @property
    def over(self) -> bool:
        """Whether it has to leave the board: nothing is left of it that a person could answer or wait for."""
        return not self.cause_present and (self.row.clears is Clears.GONE or self.confirmed)

    @property
    def turn_us(self) -> int | None:
        """When it changes by itself if nobody answers; None: never."""
        if self.status is AnnunciationStatus.SNOOZED:
            return self.snoozed_until_us
        if self.status is AnnunciationStatus.CONFIRMED:
            wait = self.row.again_after_us
            return None if wait is None else self.status_since_us + wait
        above = self.row.ladder[self.level + 1 :]
        return self.status_since_us + above[0].after_us if above else None

    def turns(self, now_us: int) -> Iterator[tuple[Annunciation, What]]:
        """Advance time, one turn after the other; at most one return to pending and one turn for each rung.

        A turn counts from the instant at which it was due, not from the call, so that a late host delays no escalation
        but the one it missed.

        Args:
            now_us: monotonic.

        Yields:
            The annunciation after each turn, and what became of it.
        """
        turned, due_us = self, self.turn_us
        while due_us is not None and due_us <= now_us:
            if turned.status is AnnunciationStatus.PENDING:
                turned = turned._with(level=turned.level + 1, next_sound_us=due_us)
                yield turned, What.ESCALATED
            else:
                turned = turned.as_pending(due_us)
                yield turned, What.AGAIN
            due_us = turned.turn_us

    def as_pending(self, at_us: int) -> Annunciation:
        """Return the same, unanswered since `at_us` and due to sound."""
        return self._with(
            status=AnnunciationStatus.PENDING,
            status_since_us=at_us,
            level=0,
            snoozed_until_us=None,
            next_sound_us=at_us,
        )

    def as_snoozed(self, at_us: int, duration_us: int) -> Annunciation:
        """Return the same, snoozed at `at_us`."""
        return self._with(
            status=AnnunciationStatus.SNOOZED,
            status_since_us=at_us,
            level=0,
            snoozed_until_us=at_us + duration_us,
            next_sound_us=None,
        )

    def as_confirmed(self, at_us: int) -> Annunciation:
        """Return the same, confirmed at `at_us`."""
        return self._with(
            status=AnnunciationStatus.CONFIRMED,
            status_since_us=at_us,
            level=0,
            snoozed_until_us=None,
            next_sound_us=None,
        )

    def as_sounded(self, now_us: int) -> Annunciation:
        """Return the same, having sounded at `now_us`: sounds that were missed are not made up."""
        every_us = self.rung.sound_every_us
        return self._with(next_sound_us=None if every_us is None else now_us + every_us)

    def as_caused(self, *, present: bool, detail: str) -> Annunciation:
        """Return the same, with its cause there or not."""
        return self._with(cause_present=present, detail=detail)

    @classmethod
    def fresh(cls, number: int, kind: Kind, at_us: int, *, cause_present: bool, detail: str) -> Annunciation:
        """Return a new one, pending and due to sound; what is given is checked by the caller, once for an operation."""
        made = object.__new__(cls)
        for name, value in zip(
            _NAMES,
            (number, kind, at_us, cause_present, AnnunciationStatus.PENDING, at_us, 0, None, at_us, detail),
            strict=True,
        ):
            _SET(made, name, value)
        return made

    def _with(self, **changes: object) -> Annunciation:
        """Return the same with some fields changed: as `replace`, without checking again what the methods here keep."""
        made = object.__new__(Annunciation)
        for name in _NAMES:
            _SET(made, name, changes[name] if name in changes else getattr(self, name))
        return made


_SET: Final = object.__setattr__
_NAMES: Final = field_names(Annunciation)


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

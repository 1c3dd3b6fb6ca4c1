"""The board: all that a person is to know now, at most one annunciation of each kind.

The rules of this file: a board is an immutable value. Each operation lets time pass up to its own `now_us` first, and
gives the next board with what changed, in order; who keeps the old board has changed nothing. After any operation the
next deadline lies in the future. Of all that is pending only the most urgent priority sounds; the rest is kept, and
sounds once that is answered. Instants never go back; who calls has to see to that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms.annunciation import Annunciation, AnnunciationChanged, Sound, What, int_or_none
from pumpcore.alarms.kinds import Kind, Priority, Status
from pumpcore.alarms.table import AUDIO_PAUSE_US_LARGEST, DETAIL_CHARACTERS_LARGEST, TABLE, Clears
from pumpcore.errors import JournalError, LimitError, QuantityError
from pumpcore.frozen import dataclass, field, replace
from pumpcore.limits import check
from pumpcore.units import exact_int

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pumpcore.alarms.annunciation import Change
    from pumpcore.alarms.table import Row

__all__ = ["Board"]

_PLACES: Final = {kind: place for place, kind in enumerate(Kind)}
_LASTING: Final = frozenset(kind for kind, row in TABLE.items() if row.clears is not Clears.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Board:
    """All active annunciations.

    Attributes:
        next_id: the id that the next new annunciation gets.
        active: the annunciations, the most urgent first.
        audio_paused_until_us: until when nothing sounds; None where sounds are not paused.

    Example:
        >>> board, changes = Board().raised(Kind.OCCLUSION_DETECTED, 5_000_000)
        >>> [type(change).__name__ for change in changes], board.stopping
        (['AnnunciationChanged', 'Sound'], True)
        >>> board, _ = board.confirmed(1, 6_000_000)
        >>> board.has(Kind.OCCLUSION_DETECTED)  # its cause is still there
        True
        >>> board, changes = board.gone(Kind.OCCLUSION_DETECTED, 7_000_000)
        >>> changes[0].what, board.active
        (<What.CLEARED: 'cleared'>, ())
    """

    next_id: int = 1
    active: tuple[Annunciation, ...] = ()
    audio_paused_until_us: int | None = None
    # Asked for after every step and by every operation, and the same for as long as the board is.
    _deadline_us: int | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Look when it changes by itself."""
        object.__setattr__(self, "_deadline_us", self._deadline())

    @property
    def stopping(self) -> bool:
        """Whether something is active that stops delivery."""
        return any(each.row.stops_delivery for each in self.active)

    @property
    def most_urgent(self) -> Annunciation | None:
        """What to show first; None where nothing is active."""
        return self.active[0] if self.active else None

    def has(self, kind: Kind) -> bool:
        """Say whether an annunciation of this kind is active."""
        return self.find(kind) is not None

    def find(self, kind: Kind) -> Annunciation | None:
        """Give the active annunciation of this kind, or None."""
        return next((each for each in self.active if each.kind is kind), None)

    def next_deadline_us(self) -> int | None:
        """Say when to call `at` next.

        Returns:
            The least instant, monotonic, at which something sounds, escalates or ends by itself, later than the last
            operation; None where nothing ever does.
        """
        return self._deadline_us

    def _deadline(self) -> int | None:
        turns = [each.turn_us for each in self.active]
        loud = [each.next_sound_us for each in _loudest(self.active)]
        quiet_us = self.audio_paused_until_us
        if quiet_us is not None:
            loud = [None if each is None else max(each, quiet_us) for each in loud]
        return min((each for each in (*turns, *loud, quiet_us) if each is not None), default=None)

    def _stays(self, now_us: int) -> bool:
        """Say whether nothing changes by itself up to `now_us`."""
        at_us = check("time_us", now_us, field="now_us")
        return self._deadline_us is None or at_us < self._deadline_us

    def at(self, now_us: int) -> tuple[Board, tuple[Change, ...]]:
        """Let time pass: sounds come, snoozes and the audio pause end, what nobody answers escalates.

        Args:
            now_us: monotonic. Called late, it takes each step of escalation that was due, and makes up no sound.

        Returns:
            The next board, and what changed.

        Raises:
            QuantityError: `now_us` is no int. Nothing is changed.
            LimitError: it is outside the range of times. Nothing is changed.

        Example:
            >>> board, _ = Board().raised(Kind.NO_DELIVERY_MEDIUM, 0)
            >>> board, changes = board.at(30 * 60_000_000)
            >>> changes[0].what, board.most_urgent.priority
            (<What.ESCALATED: 'escalated'>, <Priority.HIGH: 'high'>)
        """
        if self._stays(now_us):
            return self, ()
        return _Draft(self, now_us).done()

    def raised(self, kind: Kind, now_us: int, detail: str = "") -> tuple[Board, tuple[Change, ...]]:
        """Note that the cause of an annunciation is there, or that what it tells of has happened.

        What is active is not doubled. It is pending again if it was confirmed, if it tells of something that happens
        (so it has happened once more), or if `detail` is another one; otherwise a snooze stays.

        Args:
            kind: what to annunciate.
            now_us: monotonic.
            detail: what is particular to this case, at most `DETAIL_CHARACTERS_LARGEST` characters.

        Returns:
            The next board, and what changed.

        Raises:
            QuantityError: an argument is of a wrong type, or `detail` is too long. Nothing is changed.
            LimitError: `now_us` is outside the range of times. Nothing is changed.
        """
        draft = _Draft(self, now_us)
        draft.rise(kind, detail)
        return draft.done()

    def gone(self, kind: Kind, now_us: int) -> tuple[Board, tuple[Change, ...]]:
        """Note that the cause of an annunciation is no longer there; no change where it was not.

        Args:
            kind: what was annunciated.
            now_us: monotonic.

        Returns:
            The next board, and what changed: it is cleared if it was confirmed, or needs no confirmation.

        Raises:
            QuantityError: an argument is of a wrong type. Nothing is changed.
            LimitError: `now_us` is outside the range of times. Nothing is changed.
        """
        _row(kind)
        before = self.find(kind)
        if (before is None or not before.cause_present) and self._stays(now_us):
            return self, ()
        draft = _Draft(self, now_us)
        draft.go(kind)
        return draft.done()

    def observed(
        self, causes: Mapping[Kind, str], among: Collection[Kind], now_us: int
    ) -> tuple[Board, tuple[Change, ...]]:
        """Note which causes are there now, of all that were looked at: as `raised` and `gone`, but only on a change.

        Told the same causes again, the board does nothing; with another detail a cause is told again.

        Args:
            causes: the kinds whose cause is there, with its detail.
            among: all kinds that were looked at; each has a cause that lasts.
            now_us: monotonic.

        Returns:
            The next board, and what changed.

        Raises:
            QuantityError: `causes` names what was not looked at, or `among` what has no lasting cause. Nothing is
                changed.
            LimitError: `now_us` is outside the range of times. Nothing is changed.

        Example:
            >>> board, _ = Board().observed({Kind.SET_AGE: ""}, {Kind.SET_AGE}, 0)
            >>> board, changes = board.observed({Kind.SET_AGE: ""}, {Kind.SET_AGE}, 1)
            >>> changes
            ()
        """
        for kind in causes:
            if kind not in among:
                raise QuantityError("causes", kind, "was not looked at")
        if not _LASTING.issuperset(among):
            for kind in among:
                if _row(kind).clears is Clears.CONFIRMED:
                    raise QuantityError("among", kind, "has no lasting cause")
        there = {each.kind: each.detail for each in self.active if each.cause_present and each.kind in among}
        if there == causes and self._stays(now_us):
            return self, ()
        draft = _Draft(self, now_us)
        # In the order of `Kind`, because a set has none, and the same facts must always give the same ids.
        for kind in sorted({*there, *causes}, key=_PLACES.__getitem__):
            if kind in causes:
                draft.rise(kind, causes[kind], only_changed=True)
            else:
                draft.go(kind)
        return draft.done()

    def confirmed(self, alarm_id: int, now_us: int) -> tuple[Board, tuple[Change, ...]]:
        """Note that the person has read an annunciation; no change where that was so, or where it is no longer active.

        Args:
            alarm_id: its id.
            now_us: monotonic.

        Returns:
            The next board, and what changed: it is cleared unless its cause is still there.

        Raises:
            QuantityError: no annunciation has ever had this id, or an argument is of a wrong type. Nothing is changed.
            LimitError: `now_us` is outside the range of times. Nothing is changed.
        """
        draft = _Draft(self, now_us)
        if not 1 <= exact_int(alarm_id, field="alarm_id") < self.next_id:
            raise QuantityError("alarm_id", alarm_id, "is the id of no annunciation")
        draft.confirm(alarm_id)
        return draft.done()

    def snoozed(self, alarm_id: int, now_us: int, duration_us: int) -> tuple[Board, tuple[Change, ...]]:
        """Put off an annunciation: it does not sound or escalate, and is pending again after `duration_us`.

        Args:
            alarm_id: its id.
            now_us: monotonic.
            duration_us: from 1 us to what the row and its priority now allow.

        Returns:
            The next board, and what changed.

        Raises:
            QuantityError: no pending or snoozed annunciation has this id, or an argument is of a wrong type. Nothing
                is changed.
            LimitError: `duration_us` is out of its bounds, or `now_us` outside the range of times. Nothing is changed.
        """
        draft = _Draft(self, now_us)
        found = draft.by_id(exact_int(alarm_id, field="alarm_id"))
        if found is None or found.confirmed:
            raise QuantityError("alarm_id", alarm_id, "is the id of nothing that could be snoozed")
        _within("snooze_us", duration_us, found.row.snooze_bound_us(found.level))
        draft.put(found.as_snoozed(now_us, duration_us), What.SNOOZED)
        return draft.done()

    def audio_paused(self, now_us: int, duration_us: int) -> tuple[Board, tuple[Change, ...]]:
        """Silence all sounds for a while; nothing is hidden, and escalation goes on.

        The pause is for what the person knows of: what is raised with high priority meanwhile ends it.

        Args:
            now_us: monotonic.
            duration_us: from 1 us to `AUDIO_PAUSE_US_LARGEST`.

        Returns:
            The next board, and what changed.

        Raises:
            QuantityError: an argument is no int. Nothing is changed.
            LimitError: an argument is out of its bounds. Nothing is changed.
        """
        draft = _Draft(self, now_us)
        _within("audio_pause_us", duration_us, AUDIO_PAUSE_US_LARGEST)
        draft.audio_paused_until_us = now_us + duration_us
        return draft.done()

    def as_plain(self) -> dict[str, object]:
        """Give the same as plain data of JSON's kinds; `from_plain` undoes it.

        Example:
            >>> Board().as_plain()
            {'next_id': 1, 'active': [], 'audio_paused_until_us': None}
        """
        return {
            "next_id": self.next_id,
            "active": [each.as_plain() for each in self.active],
            "audio_paused_until_us": self.audio_paused_until_us,
        }

    @classmethod
    def from_plain(cls, plain: object) -> Board:
        """Undo `as_plain`.

        Args:
            plain: what `as_plain` gave, as it came back from JSON.

        Raises:
            JournalError: `plain` is nothing that `as_plain` gives.

        Example:
            >>> Board.from_plain({"next_id": 0, "active": [], "audio_paused_until_us": None})
            Traceback (most recent call last):
            ...
            pumpcore.errors.JournalError: the board is damaged: its next id is no number from 1 on
        """
        if not isinstance(plain, dict) or plain.keys() != {"next_id", "active", "audio_paused_until_us"}:
            text = "a board has the fields active, audio_paused_until_us, next_id"
            raise JournalError(text)
        next_id, active, paused = plain["next_id"], plain["active"], plain["audio_paused_until_us"]
        trouble = None
        if type(next_id) is not int or next_id < 1:
            trouble = "its next id is no number from 1 on"
        elif not int_or_none(paused):
            trouble = "the end of the audio pause is no instant"
        elif not isinstance(active, list):
            trouble = "its annunciations are no list"
        else:
            board = cls(next_id, tuple(Annunciation.from_plain(each) for each in active), paused)
            trouble = _disorder(board)
            if trouble is None:
                return board
        text = f"the board is damaged: {trouble}"
        raise JournalError(text)


class _Draft:
    """A board under way, from one value to the next: used for one operation, and seen by nobody else."""

    __slots__ = ("_active", "_changes", "_next_id", "_now_us", "audio_paused_until_us")

    def __init__(self, board: Board, now_us: int) -> None:
        """Let time pass up to now."""
        self._now_us = check("time_us", now_us, field="now_us")
        self._next_id = board.next_id
        self._active = {each.kind: each for each in board.active}
        self._changes: list[Change] = []
        paused = board.audio_paused_until_us
        self.audio_paused_until_us = None if paused is not None and paused <= now_us else paused
        for each in board.active:
            for turned, what in each.turns(now_us):
                self.put(turned, what)

    def by_id(self, alarm_id: int) -> Annunciation | None:
        """Find an annunciation by its id."""
        return next((each for each in self._active.values() if each.id == alarm_id), None)

    def put(self, annunciation: Annunciation, what: What) -> None:
        """Take over what became of an annunciation."""
        self._active[annunciation.kind] = annunciation
        self._changes.append(AnnunciationChanged(self._now_us, annunciation, what))

    def _clear(self, annunciation: Annunciation) -> None:
        del self._active[annunciation.kind]
        self._changes.append(AnnunciationChanged(self._now_us, annunciation, What.CLEARED))

    def rise(self, kind: Kind, detail: str, *, only_changed: bool = False) -> None:
        """Do the part of `Board.raised`; with `only_changed`, leave alone what has the same cause as before."""
        row = _row(kind)
        if type(detail) is not str or len(detail) > DETAIL_CHARACTERS_LARGEST:
            raise QuantityError("detail", detail, f"is no text of at most {DETAIL_CHARACTERS_LARGEST} characters")
        lasts = row.clears is not Clears.CONFIRMED
        before = self._active.get(kind)
        if before is None:
            fresh = Annunciation(
                id=self._next_id,
                kind=kind,
                since_us=self._now_us,
                cause_present=lasts,
                status=Status.PENDING,
                status_since_us=self._now_us,
                next_sound_us=self._now_us,
                detail=detail,
            )
            self._next_id += 1
            what = What.RAISED
        else:
            same = before.cause_present and before.detail == detail
            if same and (only_changed or not before.confirmed):
                return
            news = before.confirmed or not lasts or before.detail != detail
            wake = news and before.status is not Status.PENDING
            fresh = replace(before.as_pending(self._now_us) if wake else before, cause_present=lasts, detail=detail)
            what = What.AGAIN
        self.put(fresh, what)
        if fresh.priority is Priority.HIGH and fresh.next_sound_us == self._now_us:
            self.audio_paused_until_us = None

    def go(self, kind: Kind) -> None:
        """Do the part of `Board.gone`."""
        clears, before = _row(kind).clears, self._active.get(kind)
        if before is None or not before.cause_present:
            return
        after = replace(before, cause_present=False)
        if clears is Clears.GONE or before.confirmed:
            self._clear(after)
        else:
            self._active[kind] = after

    def confirm(self, alarm_id: int) -> None:
        """Do the part of `Board.confirmed`."""
        found = self.by_id(alarm_id)
        if found is None or found.confirmed:
            return
        after = found.as_confirmed(self._now_us)
        self.put(after, What.CONFIRMED)
        if not after.cause_present:
            self._clear(after)

    def done(self) -> tuple[Board, tuple[Change, ...]]:
        """Sound what is due, and give the next board with what changed."""
        if self.audio_paused_until_us is None:
            due = [
                each
                for each in _loudest(self._active.values())
                if each.next_sound_us is not None and each.next_sound_us <= self._now_us
            ]
            if due:
                # One sound is for all of its priority that are due; the one that has waited longest gives its level.
                first = min(due, key=lambda each: (-each.level, each.urgency))
                self._changes.append(Sound(self._now_us, first.priority, first.level, first.id, siren=first.rung.siren))
                self._active |= {each.kind: each.as_sounded(self._now_us) for each in due}
        active = tuple(sorted(self._active.values(), key=lambda each: each.urgency))
        return Board(self._next_id, active, self.audio_paused_until_us), tuple(self._changes)


def _row(kind: object) -> Row:
    if not isinstance(kind, Kind):
        raise QuantityError("kind", kind, "is no kind of annunciation")
    return TABLE[kind]


def _within(limit: str, value_us: int, largest_us: int) -> None:
    if exact_int(value_us, field=limit) < 1:
        raise LimitError(limit, value_us, 1, "us")
    if value_us > largest_us:
        raise LimitError(limit, value_us, largest_us, "us")


def _loudest(active: Collection[Annunciation]) -> list[Annunciation]:
    """Give what is pending with the most urgent priority of all that is: only that may sound."""
    pending = [each for each in active if each.status is Status.PENDING]
    rank = min((each.priority.rank for each in pending), default=None)
    return [each for each in pending if each.priority.rank == rank]


def _disorder(board: Board) -> str | None:
    """Say in what a board's annunciations contradict each other; None: in nothing."""
    if len({each.kind for each in board.active}) != len(board.active):
        return "two annunciations are of one kind"
    ids = {each.id for each in board.active}
    if len(ids) != len(board.active) or max(ids, default=0) >= board.next_id:
        return "two annunciations have one id, or one has an id that is not given yet"
    if list(board.active) != sorted(board.active, key=lambda each: each.urgency):
        return "its annunciations are not in their order"
    return None

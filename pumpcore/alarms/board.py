"""The board: all that a person is to know now, at most one annunciation of each kind.

The rules of this file: a board is an immutable value. Each operation lets time pass up to its own `now_us` first, and
returns the next board with what changed, in order; the old board is not modified. After any operation the next
deadline is in the future. Of all that is pending only the most urgent priority sounds; the rest is kept, and
sounds once that is answered. Instants never go back; that is up to the caller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms.annunciation import Annunciation, AnnunciationChanged, Sound, What, check_detail
from pumpcore.alarms.kinds import AnnunciationStatus, Kind, Priority
from pumpcore.alarms.table import ANNUNCIATIONS, AUDIO_PAUSE_US_LARGEST, Clears
from pumpcore.bounds import within
from pumpcore.errors import QuantityError
from pumpcore.frozen import dataclass, field
from pumpcore.limits import check
from pumpcore.units import exact_int

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pumpcore.alarms.annunciation import Change
    from pumpcore.alarms.table import AnnunciationRow

__all__ = ["Board"]

_NONE: Final[frozenset[int]] = frozenset()
_PLACES: Final = {kind: place for place, kind in enumerate(Kind)}
_LASTING: Final = frozenset(kind for kind, row in ANNUNCIATIONS.items() if row.clears is not Clears.CONFIRMED)


@dataclass(frozen=True, slots=True)
class Board:
    """All active annunciations.

    Attributes:
        next_id: the id that the next new annunciation gets.
        active: the annunciations, the most urgent first.
        audio_paused_until_us: until when nothing sounds; None where sounds are not paused.

    Raises:
        QuantityError: a field is of another type, or the annunciations are not in their order or contradict each other.
        LimitError: `next_id` is below 1, or the end of the pause below 0.

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
        """Reject a board that cannot be; `_board` makes one that is right without asking again."""
        within(self.next_id, 1, None, name="next_id", unit="")
        if self.audio_paused_until_us is not None:
            within(self.audio_paused_until_us, 0, None, name="audio_paused_until_us", unit="us")
        if type(self.active) is not tuple or any(type(each) is not Annunciation for each in self.active):
            raise QuantityError("active", self.active, "must be a tuple of annunciations")
        if self.active:
            _check_order(self)
        object.__setattr__(self, "_deadline_us", self._deadline())

    @property
    def stopping_ids(self) -> frozenset[int]:
        """The ids of what is active and stops delivery."""
        if not self.active:
            return _NONE
        return frozenset(each.id for each in self.active if each.row.stops_delivery)

    @property
    def stopping(self) -> bool:
        """Whether something is active that stops delivery."""
        return any(each.row.stops_delivery for each in self.active)

    @property
    def most_urgent(self) -> Annunciation | None:
        """What to show first; None where nothing is active."""
        return self.active[0] if self.active else None

    def has(self, kind: Kind) -> bool:
        """Return whether an annunciation of this kind is active."""
        return self.find(kind) is not None

    def find(self, kind: Kind) -> Annunciation | None:
        """Return the active annunciation of this kind, or None."""
        return next((each for each in self.active if each.kind is kind), None)

    def next_deadline_us(self) -> int | None:
        """Return when to call `at` next.

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
        """Return whether nothing changes by itself up to `now_us`."""
        at_us = check("time_us", now_us, field="now_us")
        return self._deadline_us is None or at_us < self._deadline_us

    def at(self, now_us: int) -> tuple[Board, tuple[Change, ...]]:
        """Advance time: sounds come, snoozes and the audio pause end, what nobody answers escalates.

        Args:
            now_us: monotonic. Called late, it takes each step of escalation that was due, and makes up no sound.

        Returns:
            The next board, and what changed.

        Raises:
            QuantityError: `now_us` is not an integer. Nothing is changed.
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
        """Record that the cause of an annunciation is there, or that what it tells of has happened.

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
        """Record that the cause of an annunciation is gone; no change if it was not there.

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
        """Record which causes are there now, of all that were looked at: as `raised` and `gone`, but only on a change.

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
                raise QuantityError("causes", kind, "must be among the kinds that were looked at")
        if not _LASTING.issuperset(among):
            for kind in among:
                if _row(kind).clears is Clears.CONFIRMED:
                    raise QuantityError("among", kind, "must be a kind whose cause lasts")
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
        """Record that the person has read an annunciation; no change if that was so, or if it is no longer active.

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
            raise QuantityError("alarm_id", alarm_id, "is not the id of an annunciation")
        draft.confirm(alarm_id)
        return draft.done()

    def snoozed(self, alarm_id: int, now_us: int, duration_us: int) -> tuple[Board, tuple[Change, ...]]:
        """Snooze an annunciation: it does not sound or escalate, and is pending again after `duration_us`.

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
            raise QuantityError("alarm_id", alarm_id, "is not the id of an annunciation that can be snoozed")
        within(duration_us, 1, found.row.snooze_bound_us(found.level), name="snooze_us", unit="us")
        draft.put(found.as_snoozed(now_us, duration_us), What.SNOOZED)
        return draft.done()

    def audio_paused(self, now_us: int, duration_us: int) -> tuple[Board, tuple[Change, ...]]:
        """Silence all sounds for a while; nothing is hidden, and escalation goes on.

        A new annunciation of high priority ends the pause.

        Args:
            now_us: monotonic.
            duration_us: from 1 us to `AUDIO_PAUSE_US_LARGEST`.

        Returns:
            The next board, and what changed.

        Raises:
            QuantityError: an argument is not an integer. Nothing is changed.
            LimitError: an argument is out of its bounds. Nothing is changed.
        """
        draft = _Draft(self, now_us)
        within(duration_us, 1, AUDIO_PAUSE_US_LARGEST, name="audio_pause_us", unit="us")
        draft.audio_paused_until_us = now_us + duration_us
        return draft.done()


class _Draft:
    """A board during one operation, never seen outside it."""

    __slots__ = ("_active", "_changes", "_next_id", "_now_us", "audio_paused_until_us")

    def __init__(self, board: Board, now_us: int) -> None:
        """Start from a board, and advance time to now."""
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
        """Store a changed annunciation, and record the change."""
        self._active[annunciation.kind] = annunciation
        self._changes.append(AnnunciationChanged(self._now_us, annunciation, what))

    def _clear(self, annunciation: Annunciation) -> None:
        del self._active[annunciation.kind]
        self._changes.append(AnnunciationChanged(self._now_us, annunciation, What.CLEARED))

    def rise(self, kind: Kind, detail: str, *, only_changed: bool = False) -> None:
        """Apply `Board.raised`; with `only_changed`, leave alone what has the same cause as before."""
        row = _row(kind)
        check_detail(detail)
        lasts = row.clears is not Clears.CONFIRMED
        before = self._active.get(kind)
        if before is None:
            fresh = Annunciation.fresh(self._next_id, kind, self._now_us, cause_present=lasts, detail=detail)
            self._next_id += 1
            what = What.RAISED
        else:
            same = before.cause_present and before.detail == detail
            if same and (only_changed or not before.confirmed):
                return
            news = before.confirmed or not lasts or before.detail != detail
            wake = news and before.status is not AnnunciationStatus.PENDING
            fresh = (before.as_pending(self._now_us) if wake else before).as_caused(present=lasts, detail=detail)
            what = What.AGAIN
        self.put(fresh, what)
        if fresh.priority is Priority.HIGH and fresh.next_sound_us == self._now_us:
            self.audio_paused_until_us = None

    def go(self, kind: Kind) -> None:
        """Apply `Board.gone`."""
        _row(kind)
        before = self._active.get(kind)
        if before is None or not before.cause_present:
            return
        after = before.as_caused(present=False, detail=before.detail)
        if after.over:
            self._clear(after)
        else:
            self._active[kind] = after

    def confirm(self, alarm_id: int) -> None:
        """Apply `Board.confirmed`."""
        found = self.by_id(alarm_id)
        if found is None or found.confirmed:
            return
        after = found.as_confirmed(self._now_us)
        self.put(after, What.CONFIRMED)
        if after.over:
            self._clear(after)

    def done(self) -> tuple[Board, tuple[Change, ...]]:
        """Sound what is due, and return the next board with what changed."""
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
        return _board(self._next_id, active, self.audio_paused_until_us), tuple(self._changes)


def _row(kind: object) -> AnnunciationRow:
    if not isinstance(kind, Kind):
        raise QuantityError("kind", kind, "must be a Kind")
    return ANNUNCIATIONS[kind]


def _loudest(active: Collection[Annunciation]) -> list[Annunciation]:
    """Return what is pending with the most urgent priority of all that is: only that may sound."""
    pending = [each for each in active if each.status is AnnunciationStatus.PENDING]
    rank = min((each.priority.rank for each in pending), default=None)
    return [each for each in pending if each.priority.rank == rank]


def _board(next_id: int, active: tuple[Annunciation, ...], audio_paused_until_us: int | None) -> Board:
    """Return the board of a draft: as the constructor, without its checks, which a draft cannot fail."""
    board = object.__new__(Board)
    object.__setattr__(board, "next_id", next_id)
    object.__setattr__(board, "active", active)
    object.__setattr__(board, "audio_paused_until_us", audio_paused_until_us)
    object.__setattr__(board, "_deadline_us", board._deadline())  # its own constructor
    return board


def _check_order(board: Board) -> None:
    """Reject annunciations that contradict each other or are not in their order."""
    kinds, ids = {each.kind for each in board.active}, {each.id for each in board.active}
    if len(kinds) < len(board.active):
        raise QuantityError("active", board.active, "must have one annunciation of each kind at most")
    if len(ids) < len(board.active) or max(ids, default=0) >= board.next_id:
        raise QuantityError("active", sorted(ids), f"must be different ids below next_id, {board.next_id}")
    if any(each.over for each in board.active):
        raise QuantityError("active", board.active, "must not have an annunciation that is over")
    if list(board.active) != sorted(board.active, key=lambda each: each.urgency):
        raise QuantityError("active", board.active, "must be in order, the most urgent first")

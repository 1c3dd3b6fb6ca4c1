"""What holds for every history of the board, and the theorem of the no-delivery watch.

Goal: nothing is lost, hidden or cleared too early, whatever comes in whatever order. Method: random operations at
random instants, many of them equal and many at thresholds, are run on the board, and what it says is compared with a
few facts that are kept beside it: which causes are there, and which kinds were confirmed since they last came up.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st

from pumpcore.alarms import (
    ANNUNCIATIONS,
    AUDIO_PAUSE_US_LARGEST,
    WATCHED,
    AlarmFacts,
    AlarmSettings,
    Annunciation,
    AnnunciationChanged,
    AnnunciationStatus,
    Board,
    Change,
    Clears,
    Kind,
    Priority,
    Sound,
    Watch,
    What,
    battery,
    derived,
    reservoir,
    watch,
    watch_deadline_us,
)
from pumpcore.pump.codec import Codec

MIN: Final = 60_000_000
H: Final = 60 * MIN

# Spans at which the tables do something, and one microsecond to either side.
EDGES: Final = sorted(
    {
        edge + off
        for row in ANNUNCIATIONS.values()
        for edge in (
            0,
            row.again_after_us or 0,
            row.snooze_us_largest,
            *(rung.after_us for rung in row.ladder),
            *(rung.sound_every_us or 0 for rung in row.ladder),
        )
        for off in (-1, 0, 1)
        if edge + off >= 0
    }
)
SPANS: Final = st.sampled_from(EDGES) | st.integers(0, 3 * H)
# Few kinds, so that they meet: each way to clear, each priority, stopping or not.
KINDS: Final = (
    Kind.OCCLUSION_DETECTED,
    Kind.BATTERY_EMPTY,
    Kind.NO_DELIVERY_HIGH,
    Kind.STEPS_MISSED,
    Kind.NO_DELIVERY_MEDIUM,
    Kind.RESERVOIR_LOW,
    Kind.TBR_OVER,
    Kind.NO_DELIVERY_REMINDER,
)


@dataclass(frozen=True)
class Op:
    """One operation, `after_us` later than the one before."""

    name: str
    after_us: int
    kind: Kind = Kind.OCCLUSION_DETECTED
    pick: int = 0
    duration_us: int = 1
    detail: str = ""

    def on(self, board: Board, now_us: int) -> tuple[Board, tuple[Change, ...]]:
        if self.name == "raised":
            return board.raised(self.kind, now_us, self.detail)
        if self.name == "gone":
            return board.gone(self.kind, now_us)
        if self.name == "audio_paused":
            return board.audio_paused(now_us, 1 + self.duration_us % AUDIO_PAUSE_US_LARGEST)
        board_now, _ = board.at(now_us)
        if self.name in {"confirmed", "snoozed"} and board_now.active:
            picked = board_now.active[self.pick % len(board_now.active)]
            if self.name == "confirmed":
                return board.confirmed(picked.id, now_us)
            if not picked.confirmed:
                bound = picked.row.snooze_bound_us(picked.level)
                return board.snoozed(picked.id, now_us, 1 + self.duration_us % bound)
        return board.at(now_us)


OPS: Final = st.builds(
    Op,
    name=st.sampled_from(["raised", "raised", "gone", "confirmed", "confirmed", "snoozed", "audio_paused", "at"]),
    after_us=SPANS,
    kind=st.sampled_from(KINDS),
    pick=st.integers(0, len(KINDS) - 1),
    duration_us=SPANS,
    detail=st.sampled_from(["", "", "", "other"]),
)
HISTORIES: Final = st.lists(OPS, max_size=30)


def pending(board: Board) -> list[Annunciation]:
    return [each for each in board.active if each.status is AnnunciationStatus.PENDING]


@dataclass
class Beside:
    """What is kept beside the board, by the words of the requirements."""

    there: dict[Kind, bool] = field(default_factory=dict)
    answered: dict[Kind, bool] = field(default_factory=dict)
    active: set[Kind] = field(default_factory=set)
    given: list[int] = field(default_factory=list)

    def note(self, op: Op) -> None:
        if op.name == "raised":
            self.there[op.kind] = ANNUNCIATIONS[op.kind].clears is not Clears.CONFIRMED
        elif op.name == "gone":
            self.there[op.kind] = False

    def follow(self, change: AnnunciationChanged) -> None:
        kind = change.annunciation.kind
        if change.what is What.RAISED:
            assert kind not in self.active
            assert change.annunciation.id not in self.given
            self.given.append(change.annunciation.id)
            self.active.add(kind)
            self.answered[kind] = False
        else:
            assert kind in self.active
        if change.what is What.AGAIN and change.annunciation.status is AnnunciationStatus.PENDING:
            self.answered[kind] = False
        elif change.what is What.CONFIRMED:
            self.answered[kind] = True
        elif change.what is What.CLEARED:
            assert not self.there.get(kind, False), "cleared while its cause is there"
            assert self.answered[kind] or ANNUNCIATIONS[kind].clears is Clears.GONE, "cleared before it was confirmed"
            self.active.remove(kind)

    def agrees(self, board: Board) -> None:
        assert {each.kind for each in board.active} == self.active
        for each in board.active:
            assert each.cause_present == self.there[each.kind]
            assert each.confirmed == self.answered[each.kind]
            assert each.cause_present or not each.confirmed, "gone and confirmed, and not cleared"


@given(history=HISTORIES)
def test_nothing_is_lost_or_cleared_too_early(history: list[Op]) -> None:
    board, now_us, beside = Board(), 0, Beside()
    for op in history:
        now_us += op.after_us
        before = repr(board)
        old, (board, changes) = board, op.on(board, now_us)
        assert repr(old) == before  # the old board is not modified
        beside.note(op)
        for change in changes:
            assert change.at_us == now_us
            if isinstance(change, AnnunciationChanged):
                assert replace(change.annunciation) == change.annunciation  # its constructor accepts it
                beside.follow(change)
        beside.agrees(board)


@given(history=HISTORIES)
def test_a_board_is_in_order_after_each_operation(history: list[Op]) -> None:
    board, now_us = Board(), 0
    for op in history:
        now_us += op.after_us
        board, _ = op.on(board, now_us)
        due_us = board.next_deadline_us()
        assert due_us is None or due_us > now_us
        assert (due_us is None) <= (not [each for each in pending(board) if each.priority is not Priority.INFORMATION])
        keys = [(each.priority.rank, each.since_us, each.id) for each in board.active]
        assert keys == sorted(keys)
        assert len({each.kind for each in board.active}) == len(keys)
        assert all(each.id < board.next_id for each in board.active)
        assert board.stopping == any(ANNUNCIATIONS[each.kind].stops_delivery for each in board.active)
        assert board.most_urgent == (board.active[0] if board.active else None)
        assert Codec().built(json.loads(json.dumps(Codec().plain(board)))) == board  # its constructors accept it
        assert board.at(now_us) == (board, ())  # what is done is not done twice


@given(history=HISTORIES)
def test_one_sound_at_most_and_only_the_most_urgent(history: list[Op]) -> None:
    board, now_us, quiet_until_us = Board(), 0, 0
    for op in history:
        now_us += op.after_us
        board, changes = op.on(board, now_us)
        if op.name == "audio_paused":
            quiet_until_us = now_us + 1 + op.duration_us % AUDIO_PAUSE_US_LARGEST
        if op.name == "raised" and any(
            isinstance(change, AnnunciationChanged)
            and change.annunciation.kind is op.kind
            and change.annunciation.priority is Priority.HIGH
            and change.annunciation.status_since_us == now_us
            for change in changes
        ):
            quiet_until_us = 0  # what is new and of high priority ends the pause
        heard = [change for change in changes if isinstance(change, Sound)]
        assert len(heard) <= 1
        for sound in heard:
            assert now_us >= quiet_until_us
            ranks = {each.id: each.priority.rank for each in pending(board)}
            assert ranks[sound.annunciation_id] == min(ranks.values()) == sound.priority.rank
            assert changes[-1] is sound


@given(history=HISTORIES, late_us=SPANS, spans=st.lists(SPANS, min_size=1, max_size=5))
def test_a_late_host_ends_where_one_that_is_not_late_does(history: list[Op], late_us: int, spans: list[int]) -> None:
    board, now_us = Board(), 0
    for op in history:
        now_us += op.after_us
        board, _ = op.on(board, now_us)
    end_us = now_us + late_us + sum(spans)
    late, late_changes = board.at(end_us)
    prompt = board
    prompt_changes: list[Change] = []
    for _ in range(10_000):
        due_us = prompt.next_deadline_us()
        if due_us is None or due_us > end_us:
            break
        prompt, more = prompt.at(due_us)
        prompt_changes.extend(more)
    prompt, more = prompt.at(end_us)
    prompt_changes.extend(more)

    def turns(changes: list[Change]) -> list[tuple[int, str]]:
        return sorted((c.annunciation.id, c.what.value) for c in changes if isinstance(c, AnnunciationChanged))

    def silent(one: Board) -> Board:
        return replace(one, active=tuple(replace(each, next_sound_us=None) for each in one.active))

    assert silent(late) == silent(prompt)
    assert turns(list(late_changes)) == turns(prompt_changes)


@given(history=HISTORIES, shift_us=st.integers(0, 10**15))
def test_a_shift_of_all_times_shifts_the_answers_and_nothing_else(history: list[Op], shift_us: int) -> None:
    def shifted(instant_us: int | None) -> int | None:
        return None if instant_us is None else instant_us + shift_us

    here, there, now_us = Board(), Board(), 0
    for op in history:
        now_us += op.after_us
        here, changes = op.on(here, now_us)
        there, moved = op.on(there, now_us + shift_us)
        assert [type(change) for change in changes] == [type(change) for change in moved]
        assert shifted(here.next_deadline_us()) == there.next_deadline_us()
        assert [
            (e.id, e.kind, e.level, e.status, shifted(e.status_since_us), shifted(e.next_sound_us)) for e in here.active
        ] == [(e.id, e.kind, e.level, e.status, e.status_since_us, e.next_sound_us) for e in there.active]


@given(kind=st.sampled_from(list(Kind)), ends=st.integers(1, 3 * H))
def test_what_nobody_answers_sounds_within_its_bound_for_ever(kind: Kind, ends: int) -> None:
    board, changes = Board().raised(kind, 0)
    heard = [change.at_us for change in changes if isinstance(change, Sound)]
    assert heard == [0]
    every_us = ANNUNCIATIONS[kind].ladder[0].sound_every_us
    while every_us is not None and heard[-1] < ends:
        due_us = board.next_deadline_us()
        assert due_us is not None
        board, changes = board.at(due_us)
        heard += [change.at_us for change in changes if isinstance(change, Sound)]
        assert due_us - heard[-1] <= every_us
    assert board.has(kind)


# The no-delivery watch

THRESHOLDS: Final = (15 * MIN, H, 2 * H, 210 * MIN)
WATCHES: Final = st.just(Watch()) | st.builds(
    lambda reminder, medium, high, danger: Watch(
        reminder_us=reminder * MIN, medium_us=medium * MIN, high_us=high * MIN, danger_us=danger * MIN
    ),
    st.integers(5, 29),
    st.integers(30, 59),
    st.integers(60, 119),
    st.integers(120, 225),
)
LIFE: Final = st.lists(
    st.tuples(
        st.sampled_from(["insulin", "zero rate", "suspend", "resume", "confirm", "snooze", "quiet", "look"]),
        st.sampled_from([0, 1, MIN, *THRESHOLDS, H - 1, 2 * H + 1]) | st.integers(0, 5 * H),
    ),
    min_size=1,
    max_size=25,
)
PROMPT: Final[list[int]] = [0]


class Patient:
    """A pump's alarms in somebody's day: nothing here but when insulin came, and what the person did."""

    def __init__(self, settings: Watch, lateness: list[int]) -> None:
        self.settings = settings
        self.lateness = lateness
        self.board = Board()
        self.now_us = 0
        self.last_us = 0
        self.suspended_us: int | None = None
        self.calls = 0

    def due_us(self) -> int | None:
        """The next deadline, and how late the host is this time."""
        asked = (
            self.board.next_deadline_us(),
            watch_deadline_us(self.settings, self.last_us, self.now_us, suspended_since_us=self.suspended_us),
        )
        due_us = min((each for each in asked if each is not None), default=None)
        return None if due_us is None else due_us + self.lateness[self.calls % len(self.lateness)]

    def unsaid(self, at_us: int) -> bool:
        """Whether insulin has been missing for too long at an instant, and nothing of high priority says so."""
        bound_us = self.settings.high_us + max(self.lateness)
        said = any(
            each.kind in {Kind.NO_DELIVERY_HIGH, Kind.NO_DELIVERY_DANGER} and each.priority is Priority.HIGH
            for each in self.board.active
        )
        return at_us - self.last_us >= bound_us and not said

    def go_to(self, at_us: int) -> None:
        """Let the board stand until an instant, then tell it what is so."""
        # Between two calls the board is one value, and the time without insulin only grows: the last instant counts.
        assert at_us == self.now_us or not self.unsaid(at_us - 1)
        self.now_us = at_us

    def tell(self) -> None:
        self.calls += 1
        kinds = watch(self.settings, self.last_us, self.now_us, suspended_since_us=self.suspended_us)
        self.board, _ = self.board.observed(dict.fromkeys(kinds, ""), WATCHED, self.now_us)
        assert not self.unsaid(self.now_us)

    def live(self, until_us: int) -> None:
        for _ in range(100_000):
            due_us = self.due_us()
            if due_us is None or due_us >= until_us:
                break
            self.go_to(due_us)
            self.tell()
        self.go_to(until_us)

    def do(self, what: str) -> None:
        if what == "insulin" and self.suspended_us is None:
            self.last_us = self.now_us
        elif what == "suspend" and self.suspended_us is None:
            self.suspended_us = self.now_us
        elif what == "resume":
            self.suspended_us = None
        elif what == "confirm":
            for each in self.board.active:
                self.board, _ = self.board.confirmed(each.id, self.now_us)
        elif what == "snooze":
            self.board, _ = self.board.at(self.now_us)  # what escalates now may be snoozed for less
            for each in self.board.active:
                if not each.confirmed:
                    self.board, _ = self.board.snoozed(each.id, self.now_us, each.row.snooze_bound_us(each.level))
        elif what == "quiet":
            self.board, _ = self.board.audio_paused(self.now_us, AUDIO_PAUSE_US_LARGEST)
        self.tell()


@given(settings=WATCHES, life=LIFE, lateness=st.just(PROMPT) | st.lists(st.integers(0, 20 * MIN), min_size=1))
@example(Watch(), [("insulin", 0), ("zero rate", 5 * H)], PROMPT)
@example(Watch(), [("suspend", H), ("confirm", H), ("confirm", H), ("snooze", H)], PROMPT)
@example(Watch(medium_us=30 * MIN, high_us=H), [("insulin", H - 1), ("snooze", 1)], PROMPT)
def test_no_time_without_insulin_goes_unsaid(settings: Watch, life: list[tuple[str, int]], lateness: list[int]) -> None:
    patient = Patient(settings, lateness)
    patient.tell()
    for what, after_us in life:
        patient.live(patient.now_us + after_us)
        patient.do(what)
    patient.live(patient.now_us + 5 * H)


@given(settings=WATCHES, without_us=st.integers(0, 6 * H), suspended_us=st.none() | st.integers(0, 6 * H))
def test_the_watch_says_high_from_its_threshold_on(settings: Watch, without_us: int, suspended_us: int | None) -> None:
    kinds = watch(settings, 0, without_us, suspended_since_us=suspended_us)
    assert set(kinds) <= WATCHED
    assert any(ANNUNCIATIONS[kind].priority is Priority.HIGH for kind in kinds) == (without_us >= settings.high_us)
    assert (Kind.NO_DELIVERY_DANGER in kinds) == (without_us >= settings.danger_us)
    reminded = suspended_us is not None and without_us - suspended_us >= settings.reminder_us
    assert (Kind.NO_DELIVERY_REMINDER in kinds) == reminded


# From facts to causes

INSTANTS: Final = st.none() | st.integers(0, 4 * H) | st.sampled_from([0, H, 2 * H])
FACTS: Final = st.builds(
    AlarmFacts,
    last_therapy_us=INSTANTS,
    suspended_since_us=INSTANTS,
    set_since_us=INSTANTS,
    reservoir_since_us=INSTANTS,
    person_us=INSTANTS,
    bolus_us=INSTANTS,
    glucose_us=INSTANTS,
    sensor_us=INSTANTS,
    meal_from_us=INSTANTS,
    meal_to_us=INSTANTS,
    reservoir_uu=st.none() | st.integers(0, 300_000_000),
    reservoir_left_us=st.none() | st.integers(0, 40 * H),
    reservoir_again_uu=st.none() | st.integers(1, 10_000_000),
    step_uu=st.just(50_000),
    battery_percent=st.none() | st.integers(0, 100),
    battery_us_per_percent=st.none() | st.integers(1, H),
    auto_off_warning_us=st.none() | st.integers(1, 2 * H),
)
SETTINGS: Final = st.builds(
    AlarmSettings,
    watch=WATCHES,
    set_age_us=st.integers(24, 30).map(lambda hours: hours * H),
    reservoir_age_us=st.integers(24, 30).map(lambda hours: hours * H),
    auto_off_us=st.none() | st.integers(1, 24).map(lambda hours: hours * H),
    glucose_check_us=st.none() | st.integers(1, 5).map(lambda hours: hours * H),
)


@given(settings=SETTINGS, facts=FACTS, now_us=st.integers(0, 40 * H), share=st.integers(0, 10**6))
def test_the_next_instant_is_the_next_change(
    settings: AlarmSettings, facts: AlarmFacts, now_us: int, share: int
) -> None:
    due = derived(settings, facts, now_us)
    if due.next_us is None:
        assert derived(settings, facts, now_us + share * H).causes == due.causes
        return
    assert due.next_us > now_us
    between_us = now_us + (due.next_us - 1 - now_us) * share // 10**6
    assert derived(settings, facts, between_us).causes == due.causes
    assert derived(settings, facts, due.next_us - 1).causes == due.causes
    assert derived(settings, facts, due.next_us).causes != due.causes


@given(low_uu=st.integers(5_000_000, 50_000_000), levels=st.lists(st.integers(0, 60_000_000), min_size=2, max_size=2))
def test_a_reservoir_that_empties_never_takes_a_warning_back(low_uu: int, levels: list[int]) -> None:
    settings = AlarmSettings(reservoir_low_uu=low_uu)
    fuller, emptier = (reservoir(settings, left, None, 50_000).causes for left in sorted(levels, reverse=True))
    assert (Kind.RESERVOIR_EMPTY in fuller) <= (Kind.RESERVOIR_EMPTY in emptier)
    assert bool(fuller) <= bool(emptier)
    assert (Kind.RESERVOIR_LOW in fuller) == (50_000 <= max(levels) <= low_uu)


@given(
    us_per_percent=st.integers(1, 2 * H),
    lead_hours=st.integers(1, 72),
    empty=st.integers(1, 5),
    seen=st.lists(st.integers(0, 3), max_size=120),
)
def test_from_battery_low_to_empty_it_takes_the_lead_time_or_its_breach_is_told(
    us_per_percent: int, lead_hours: int, empty: int, seen: list[int]
) -> None:
    """A battery no worse than it is known to be, read at random falling levels, from full to empty."""
    settings = AlarmSettings(battery_lead_us=lead_hours * H, battery_empty_percent=empty)
    percent, told_at = 100, None
    breach = False
    for fall in [*seen, *([1] * 100)]:
        kinds = battery(settings, percent, us_per_percent).causes
        if Kind.BATTERY_EMPTY in kinds:
            break
        if Kind.BATTERY_LOW in kinds and told_at is None:
            told_at = percent
            breach = Kind.BATTERY_LEAD_TIME in kinds
        percent -= fall
    assert percent <= empty
    if told_at is not None:
        left_us = (told_at - empty) * us_per_percent
        assert breach == (left_us < lead_hours * H)
        if all(fall <= 1 for fall in seen) and (100 - empty) * us_per_percent >= lead_hours * H:
            assert not breach  # every percent was read, and there was enough of them

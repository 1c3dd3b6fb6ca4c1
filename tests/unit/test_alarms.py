"""The board by examples, the tables by what must hold for each row, and the texts by what a person needs."""

from __future__ import annotations

import json
import re
from dataclasses import FrozenInstanceError, fields, replace
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any, Final, cast
from zlib import crc32

import pytest

from pumpcore.alarms import (
    ANNUNCIATIONS,
    AUDIO_PAUSE_US_LARGEST,
    DERIVED,
    DETAIL_CHARACTERS_LARGEST,
    LANGUAGES,
    SETTINGS,
    AlarmFacts,
    AlarmSettings,
    AnnunciationChanged,
    AnnunciationStatus,
    Board,
    Clears,
    Due,
    Kind,
    Priority,
    Sound,
    Watch,
    What,
    battery,
    derived,
    glucose_check,
    missed_meal,
    reservoir,
    since,
    text,
    watch,
    watch_deadline_us,
)
from pumpcore.alarms.facts import auto_off
from pumpcore.alarms.settings import OPTIONAL, _default
from pumpcore.alarms.texts import _parse
from pumpcore.devices import load
from pumpcore.errors import InvariantError, JournalError, LimitError, PumpcoreError, QuantityError
from pumpcore.pump import Pump
from pumpcore.pump.codec import UNREADABLE, Codec
from pumpcore.pump.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pumpcore.alarms import AnnunciationRow, Change

MIN: Final = 60_000_000
H: Final = 60 * MIN
START: Final = 7_000_000


def whats(changes: Iterable[Change]) -> list[str]:
    """What changed, in words, a sound as one too."""
    return [change.what.value if isinstance(change, AnnunciationChanged) else "sound" for change in changes]


def sounds(changes: Iterable[Change]) -> list[Sound]:
    return [change for change in changes if isinstance(change, Sound)]


def raised(*kinds: Kind, at_us: int = START) -> Board:
    """A board on which these were raised, one after the other, with ids from 1 on."""
    board = Board()
    for kind in kinds:
        board, _ = board.raised(kind, at_us)
    return board


def run(board: Board, until_us: int) -> tuple[Board, list[Change]]:
    """Call at each deadline, as a host does that is never late."""
    changes: list[Change] = []
    for _ in range(10_000):
        due_us = board.next_deadline_us()
        if due_us is None or due_us > until_us:
            return board, changes
        board, more = board.at(due_us)
        changes.extend(more)
    pytest.fail("the deadlines do not come to an end")


# Raised, confirmed, gone


def test_what_is_raised_is_pending_and_sounds_at_once() -> None:
    board, changes = Board().raised(Kind.OCCLUSION_DETECTED, START, "2.8 U missed")
    [one] = board.active
    assert (one.id, one.kind, one.since_us, one.status) == (
        1,
        Kind.OCCLUSION_DETECTED,
        START,
        AnnunciationStatus.PENDING,
    )
    assert (one.cause_present, one.confirmed, one.level, one.detail) == (True, False, 0, "2.8 U missed")
    assert one.priority is Priority.HIGH
    assert changes == (
        AnnunciationChanged(START, replace(one, next_sound_us=START), What.RAISED),
        Sound(START, Priority.HIGH, 0, 1, siren=False),
    )


def test_the_same_kind_is_not_doubled() -> None:
    board = raised(Kind.OCCLUSION_DETECTED)
    again, changes = board.raised(Kind.OCCLUSION_DETECTED, START + 1)
    assert (again, changes) == (board, ())


@pytest.mark.req("ALM-03")
def test_confirmed_with_its_cause_there_it_stays_and_goes_with_the_cause() -> None:
    board, changes = raised(Kind.OCCLUSION_DETECTED).confirmed(1, START + 1)
    assert whats(changes) == ["confirmed"]
    assert board.active[0].confirmed
    assert board.stopping
    board, changes = board.gone(Kind.OCCLUSION_DETECTED, START + 2)
    assert whats(changes) == ["cleared"]
    assert (board.active, board.stopping, board.next_deadline_us()) == ((), False, None)


def test_gone_but_not_confirmed_it_stays_sounds_and_goes_with_the_confirmation() -> None:
    board, changes = raised(Kind.OCCLUSION_DETECTED).gone(Kind.OCCLUSION_DETECTED, START + 1)
    assert (changes, board.stopping, board.active[0].cause_present) == ((), True, False)
    _, changes = board.at(START + 2 * MIN)
    assert whats(changes) == ["sound"]
    board, changes = board.confirmed(1, START + 2)
    assert whats(changes) == ["confirmed", "cleared"]
    assert board.active == ()


def test_a_cause_that_comes_back_needs_a_new_confirmation() -> None:
    board, _ = raised(Kind.OCCLUSION_DETECTED).confirmed(1, START + 1)
    board, changes = board.raised(Kind.OCCLUSION_DETECTED, START + 2)
    assert whats(changes) == ["again", "sound"]
    assert (board.active[0].id, board.active[0].status) == (1, AnnunciationStatus.PENDING)


def test_a_cause_that_comes_back_before_the_confirmation_is_there_again() -> None:
    board, _ = raised(Kind.OCCLUSION_DETECTED).gone(Kind.OCCLUSION_DETECTED, START + 1)
    board, changes = board.raised(Kind.OCCLUSION_DETECTED, START + 2)
    assert whats(changes) == ["again"]
    board, changes = board.confirmed(1, START + 3)
    assert whats(changes) == ["confirmed"]
    assert board.has(Kind.OCCLUSION_DETECTED)


def test_after_it_was_cleared_it_gets_a_new_id() -> None:
    board, _ = raised(Kind.OCCLUSION_DETECTED).confirmed(1, START)
    board, _ = board.gone(Kind.OCCLUSION_DETECTED, START)
    board, changes = board.raised(Kind.OCCLUSION_DETECTED, START)
    assert whats(changes) == ["raised", "sound"]
    assert board.active[0].id == 2


@pytest.mark.parametrize("kind", [row.kind for row in ANNUNCIATIONS.values() if row.clears is Clears.CONFIRMED])
def test_what_happens_once_goes_with_the_confirmation(kind: Kind) -> None:
    board = raised(kind)
    assert not board.active[0].cause_present
    same, changes = board.gone(kind, START + 1)
    assert (same, changes) == (board, ())
    board, changes = board.confirmed(1, START + 1)
    assert whats(changes) == ["confirmed", "cleared"]
    assert board.active == ()


def test_what_happens_twice_is_told_twice() -> None:
    board, _ = Board().raised(Kind.STEPS_MISSED, START, "2 steps")
    board, changes = board.raised(Kind.STEPS_MISSED, START + 1, "3 steps")
    assert whats(changes) == ["again"]
    assert (board.active[0].detail, board.active[0].status_since_us) == ("3 steps", START)
    board, _ = board.snoozed(1, START + 2, MIN)
    board, changes = board.raised(Kind.STEPS_MISSED, START + 3, "3 steps")
    assert whats(changes) == ["again", "sound"]
    assert board.active[0].status is AnnunciationStatus.PENDING


@pytest.mark.parametrize("kind", [row.kind for row in ANNUNCIATIONS.values() if row.clears is Clears.GONE])
def test_information_goes_with_its_cause(kind: Kind) -> None:
    board, changes = raised(kind).gone(kind, START + 1)
    assert whats(changes) == ["cleared"]
    assert board.active == ()


def test_confirming_twice_changes_nothing_even_after_it_was_cleared() -> None:
    board, _ = raised(Kind.OCCLUSION_DETECTED, Kind.BOLUS_CANCELED).confirmed(1, START + 1)
    assert board.confirmed(1, START + 1) == (board, ())
    board, _ = board.confirmed(2, START + 1)
    assert board.confirmed(2, START + 1) == (board, ())


@pytest.mark.parametrize("alarm_id", [0, -1, 3])
def test_an_id_that_was_never_given_is_refused(alarm_id: int) -> None:
    board = raised(Kind.OCCLUSION_DETECTED, Kind.SET_AGE)
    with pytest.raises(QuantityError) as refused:
        board.confirmed(alarm_id, START)
    assert (refused.value.field, refused.value.value) == ("alarm_id", alarm_id)
    with pytest.raises(QuantityError, match="alarm_id"):
        board.snoozed(alarm_id, START, 1)


def test_a_cause_that_was_never_there_does_not_go() -> None:
    assert Board().gone(Kind.OCCLUSION_DETECTED, START) == (Board(), ())


def test_another_detail_is_told_again() -> None:
    board, _ = Board().raised(Kind.RESERVOIR_LOW, START, "20 U")
    board, _ = board.snoozed(1, START + 1, H)
    board, changes = board.raised(Kind.RESERVOIR_LOW, START + 2, "10 U")
    assert whats(changes) == ["again", "sound"]
    assert (board.active[0].detail, board.active[0].status) == ("10 U", AnnunciationStatus.PENDING)


def test_a_snooze_outlasts_a_cause_that_comes_and_goes() -> None:
    board, _ = raised(Kind.SENSOR_LINK_LOST).snoozed(1, START, H)
    board, _ = board.gone(Kind.SENSOR_LINK_LOST, START + 1)
    board, changes = board.raised(Kind.SENSOR_LINK_LOST, START + 2)
    assert whats(changes) == ["again"]
    assert (board.active[0].status, board.active[0].cause_present) == (AnnunciationStatus.SNOOZED, True)


# Confirmed, and its cause does not go


@pytest.mark.req("ALM-07")
@pytest.mark.parametrize("kind", [row.kind for row in ANNUNCIATIONS.values() if row.again_after_us is not None])
def test_what_is_confirmed_but_not_resolved_is_told_again(kind: Kind) -> None:
    wait_us = cast("int", ANNUNCIATIONS[kind].again_after_us)
    board, _ = raised(kind).confirmed(1, START + 5)
    assert board.next_deadline_us() == START + 5 + wait_us
    same, changes = board.at(START + 5 + wait_us - 1)
    assert (same, changes) == (board, ())
    board, changes = board.at(START + 5 + wait_us)
    assert whats(changes) == ["again", "sound"]
    assert board.active[0].status is AnnunciationStatus.PENDING


def test_what_has_no_time_for_it_is_not_told_again() -> None:
    board, _ = raised(Kind.RESERVOIR_LOW).confirmed(1, START)
    assert board.next_deadline_us() is None


# Sounds


def test_unanswered_high_priority_sounds_every_two_minutes_and_is_a_siren_after_ten() -> None:
    board, first = Board().raised(Kind.OCCLUSION_DETECTED, START)
    board, later = run(board, START + 12 * MIN)
    heard = sounds([*first, *later])
    assert [sound.at_us - START for sound in heard] == [at * MIN for at in (0, 2, 4, 6, 8, 10, 11, 12)]
    assert [sound.siren for sound in heard] == [False] * 5 + [True] * 3
    assert [sound.level for sound in heard] == [0] * 5 + [1] * 3
    assert {sound.priority for sound in heard} == {Priority.HIGH}
    assert board.active[0].level == 1


def test_unanswered_medium_priority_becomes_high_after_half_an_hour_and_a_siren_after_ten_minutes_more() -> None:
    board, first = Board().raised(Kind.STEPS_MISSED, START)
    board, later = run(board, START + 41 * MIN)
    steps = [
        (change.at_us - START, change.annunciation.priority)
        for change in later
        if isinstance(change, AnnunciationChanged) and change.what is What.ESCALATED
    ]
    assert steps == [(30 * MIN, Priority.HIGH), (40 * MIN, Priority.HIGH)]
    heard = sounds([*first, *later])
    assert [sound.at_us // MIN for sound in heard if sound.priority is Priority.MEDIUM] == [0, 5, 10, 15, 20, 25]
    assert [(sound.at_us - START) // MIN for sound in heard if sound.siren] == [40, 41]


def test_unanswered_low_priority_stays_low() -> None:
    board, first = Board().raised(Kind.SET_AGE, START)
    board, later = run(board, START + 10 * H)
    heard = sounds([*first, *later])
    assert len(heard) == 21
    assert {(sound.priority, sound.level, sound.siren) for sound in heard} == {(Priority.LOW, 0, False)}


def test_information_sounds_once_and_the_reminder_every_quarter_of_an_hour() -> None:
    board = raised(Kind.TBR_OVER)
    assert board.next_deadline_us() is None
    board, first = Board().raised(Kind.NO_DELIVERY_REMINDER, START)
    _, later = run(board, START + H)
    assert [sound.at_us - START for sound in sounds([*first, *later])] == [n * 15 * MIN for n in range(5)]


def test_a_late_host_takes_every_step_of_escalation_but_makes_up_no_sound() -> None:
    board, changes = raised(Kind.STEPS_MISSED).at(START + 8 * H)
    assert whats(changes) == ["escalated", "escalated", "sound"]
    assert [change.at_us for change in changes] == [START + 8 * H] * 3
    assert sounds(changes)[0].siren
    assert board.next_deadline_us() == START + 8 * H + MIN


@pytest.mark.req("ALM-04")
def test_the_more_urgent_pre_empts_and_the_other_sounds_once_it_is_answered() -> None:
    board, _ = Board().raised(Kind.SET_AGE, START)
    board, changes = board.raised(Kind.OCCLUSION_DETECTED, START + MIN)
    assert [sound.annunciation_id for sound in sounds(changes)] == [2]
    board, changes = board.raised(Kind.STEPS_MISSED, START + MIN)
    assert whats(changes) == ["raised"]
    assert [each.kind for each in board.active] == [Kind.OCCLUSION_DETECTED, Kind.STEPS_MISSED, Kind.SET_AGE]
    assert board.most_urgent is board.active[0]
    board, changes = board.confirmed(2, START + 90_000_000)
    assert whats(changes) == ["confirmed", "sound"]
    assert (sounds(changes)[0].annunciation_id, sounds(changes)[0].priority) == (3, Priority.MEDIUM)
    board, changes = board.confirmed(3, START + 2 * MIN)
    assert whats(changes) == ["confirmed", "cleared"]  # the low one has sounded less than half an hour ago
    assert board.next_deadline_us() == START + 30 * MIN


def test_of_equal_priority_a_new_one_sounds_at_once_and_then_one_sound_is_for_both() -> None:
    board, _ = Board().raised(Kind.OCCLUSION_DETECTED, START)
    board, changes = board.raised(Kind.BATTERY_EMPTY, START + MIN)
    assert [sound.annunciation_id for sound in sounds(changes)] == [2]
    board, changes = board.at(START + 5 * MIN)
    assert [sound.annunciation_id for sound in sounds(changes)] == [1]
    assert {each.next_sound_us for each in board.active} == {START + 7 * MIN}


def test_of_equal_priority_the_older_is_shown_first_and_a_siren_drowns_the_rest() -> None:
    board, _ = raised(Kind.OCCLUSION_DETECTED).snoozed(1, START, 5 * MIN)
    board, _ = board.raised(Kind.BATTERY_EMPTY, START + 1)
    assert [each.id for each in board.active] == [1, 2]
    board, changes = board.at(START + 11 * MIN)
    assert [(sound.annunciation_id, sound.siren) for sound in sounds(changes)] == [(2, True)]


def test_an_empty_board_is_quiet() -> None:
    board, changes = Board().at(START)
    assert (board, changes) == (Board(), ())
    assert (board.stopping, board.most_urgent, board.next_deadline_us()) == (False, None, None)
    assert not board.has(Kind.SET_AGE)


# Snooze and audio pause


def test_a_snooze_is_silent_and_ends_by_itself_on_the_first_rung() -> None:
    board, _ = raised(Kind.STEPS_MISSED).at(START + 30 * MIN)
    assert board.active[0].level == 1
    board, changes = board.snoozed(1, START + 31 * MIN, 15 * MIN)
    assert whats(changes) == ["snoozed"]
    assert (board.active[0].status, board.active[0].priority) == (AnnunciationStatus.SNOOZED, Priority.MEDIUM)
    assert board.next_deadline_us() == START + 46 * MIN
    assert board.at(START + 46 * MIN - 1) == (board, ())
    board, changes = board.at(START + 46 * MIN)
    assert whats(changes) == ["again", "sound"]
    board, _ = board.at(START + 46 * MIN + 30 * MIN)
    assert board.active[0].level == 1


def test_a_late_host_escalates_from_the_end_of_the_snooze_on() -> None:
    board, _ = raised(Kind.OCCLUSION_DETECTED).snoozed(1, START, 5 * MIN)
    board, changes = board.at(START + 15 * MIN)
    assert whats(changes) == ["again", "escalated", "sound"]


@pytest.mark.req("ALM-02")
@pytest.mark.parametrize("kind", Kind)
def test_a_snooze_is_bounded(kind: Kind) -> None:
    board, bound = raised(kind), ANNUNCIATIONS[kind].snooze_us_largest
    for duration_us in (bound + 1, 0, -1):
        with pytest.raises(LimitError) as refused:
            board.snoozed(1, START, duration_us)
        assert (refused.value.limit, refused.value.bound) == ("snooze_us", 1 if duration_us < 1 else bound)
    board, _ = board.snoozed(1, START, bound)
    assert board.active[0].snoozed_until_us == START + bound


def test_a_snooze_is_shorter_on_a_higher_rung() -> None:
    board, _ = raised(Kind.STEPS_MISSED).at(START + 30 * MIN)
    with pytest.raises(LimitError):
        board.snoozed(1, START + 30 * MIN, 15 * MIN + 1)
    board.snoozed(1, START + 30 * MIN, 15 * MIN)


def test_a_snooze_can_be_given_again_and_ended_by_a_confirmation() -> None:
    board, _ = raised(Kind.SET_AGE).snoozed(1, START, 10 * MIN)
    board, _ = board.snoozed(1, START + MIN, 20 * MIN)
    assert board.active[0].snoozed_until_us == START + 21 * MIN
    board, changes = board.confirmed(1, START + 2 * MIN)
    assert whats(changes) == ["confirmed"]
    with pytest.raises(QuantityError, match="can be snoozed"):
        board.snoozed(1, START + 3 * MIN, MIN)


def test_an_audio_pause_silences_hides_nothing_and_ends_by_itself() -> None:
    board = raised(Kind.OCCLUSION_DETECTED)
    board, changes = board.audio_paused(START + MIN, 2 * MIN)
    assert (changes, board.has(Kind.OCCLUSION_DETECTED)) == ((), True)
    assert board.next_deadline_us() == START + 3 * MIN
    board, changes = board.at(START + 3 * MIN - 1)
    assert changes == ()
    board, changes = board.at(START + 3 * MIN)
    assert whats(changes) == ["sound"]
    assert board.audio_paused_until_us is None


def test_what_comes_with_high_priority_ends_an_audio_pause_and_what_comes_with_less_does_not() -> None:
    board, _ = raised(Kind.OCCLUSION_DETECTED).audio_paused(START, 2 * MIN)
    board, changes = board.raised(Kind.STEPS_MISSED, START + 1)
    assert whats(changes) == ["raised"]
    assert board.audio_paused_until_us == START + 2 * MIN
    board, changes = board.raised(Kind.BATTERY_EMPTY, START + 2)
    assert whats(changes) == ["raised", "sound"]
    assert board.audio_paused_until_us is None


def test_escalation_goes_on_in_an_audio_pause() -> None:
    board, _ = raised(Kind.OCCLUSION_DETECTED).audio_paused(START + 9 * MIN, 2 * MIN)
    board, changes = board.at(START + 10 * MIN)
    assert whats(changes) == ["escalated"]
    board, changes = board.at(START + 11 * MIN)
    assert [sound.siren for sound in sounds(changes)] == [True]


def test_an_audio_pause_of_an_empty_board_ends_too() -> None:
    board, _ = Board().audio_paused(START, MIN)
    assert board.next_deadline_us() == START + MIN
    assert board.at(START + MIN) == (Board(), ())


def test_the_end_of_an_audio_pause_is_a_deadline_where_nothing_waits_to_sound() -> None:
    board, _ = raised(Kind.SET_AGE).confirmed(1, START)
    board, _ = board.audio_paused(START, MIN)
    assert board.next_deadline_us() == START + MIN
    board, changes = board.at(START + MIN)
    assert (board.audio_paused_until_us, changes) == (None, ())


@pytest.mark.parametrize(("duration_us", "bound"), [(0, 1), (AUDIO_PAUSE_US_LARGEST + 1, AUDIO_PAUSE_US_LARGEST)])
def test_an_audio_pause_is_bounded(duration_us: int, bound: int) -> None:
    with pytest.raises(LimitError) as refused:
        Board().audio_paused(START, duration_us)
    assert (refused.value.limit, refused.value.bound) == ("audio_pause_us", bound)
    assert Board().audio_paused(START, AUDIO_PAUSE_US_LARGEST)[0].audio_paused_until_us == START + 2 * MIN


# Observed


def test_what_is_observed_again_changes_nothing_even_if_it_was_confirmed() -> None:
    causes, among = {Kind.SET_AGE: ""}, {Kind.SET_AGE, Kind.RESERVOIR_AGE}
    board, changes = Board().observed(causes, among, START)
    assert whats(changes) == ["raised", "sound"]
    board, _ = board.confirmed(1, START + 1)
    assert board.observed(causes, among, START + 2) == (board, ())
    board, changes = board.observed({}, among, START + 3)
    assert whats(changes) == ["cleared"]


def test_what_was_not_looked_at_is_left_alone() -> None:
    board = raised(Kind.OCCLUSION_DETECTED)
    after, _ = board.observed({}, DERIVED, START)
    assert after == board


def test_another_detail_is_another_observation() -> None:
    board, _ = Board().observed({Kind.RESERVOIR_LOW: "20 U"}, DERIVED, START)
    board, _ = board.confirmed(1, START + 1)
    board, changes = board.observed({Kind.RESERVOIR_LOW: "10 U"}, DERIVED, START + 2)
    assert whats(changes) == ["again", "sound"]


def test_what_was_confirmed_is_not_told_again_because_another_cause_is_observed() -> None:
    board, _ = Board().observed({Kind.SET_AGE: ""}, DERIVED, START)
    board, _ = board.confirmed(1, START + 1)
    board, changes = board.observed({Kind.SET_AGE: "", Kind.BATTERY_LOW: ""}, DERIVED, START + 2)
    assert whats(changes) == ["raised", "sound"]
    told = board.find(Kind.SET_AGE)
    assert told is not None
    assert told.confirmed


def test_an_observed_cause_that_comes_back_before_the_confirmation_is_there_again() -> None:
    board, _ = Board().observed({Kind.SET_AGE: ""}, DERIVED, START)
    board, _ = board.observed({}, DERIVED, START + 1)
    board, changes = board.observed({Kind.SET_AGE: ""}, DERIVED, START + 2)
    assert whats(changes) == ["again"]
    board, changes = board.confirmed(1, START + 3)
    assert whats(changes) == ["confirmed"]
    assert board.has(Kind.SET_AGE)


@pytest.mark.parametrize("late_us", [0, 1])
def test_time_passes_for_what_is_observed_or_gone_without_a_change_too(late_us: int) -> None:
    board = raised(Kind.SET_AGE, Kind.OCCLUSION_DETECTED)
    due_us = START + 2 * MIN  # the next sound
    for operation in (
        lambda now_us: board.observed({Kind.SET_AGE: ""}, {Kind.SET_AGE}, now_us),
        lambda now_us: board.gone(Kind.BATTERY_LOW, now_us),
        board.at,
    ):
        assert operation(due_us - 1) == (board, ())
        after, changes = operation(due_us + late_us)
        assert whats(changes) == ["sound"]
        assert after.next_deadline_us() == due_us + late_us + 2 * MIN


def test_what_is_observed_gets_its_ids_in_the_order_of_the_kinds() -> None:
    causes = {Kind.SET_AGE: "", Kind.BATTERY_LOW: "", Kind.RESERVOIR_LOW: ""}
    board, changes = Board().observed(causes, DERIVED, START)
    assert [(each.id, each.kind) for each in board.active] == [
        (1, Kind.RESERVOIR_LOW),
        (2, Kind.BATTERY_LOW),
        (3, Kind.SET_AGE),
    ]
    assert whats(changes) == ["raised"] * 3 + ["sound"]


def test_what_was_not_looked_at_or_cannot_last_is_refused() -> None:
    with pytest.raises(QuantityError, match="causes"):
        Board().observed({Kind.SET_AGE: ""}, {Kind.BATTERY_LOW}, START)
    with pytest.raises(QuantityError, match="among"):
        Board().observed({}, {Kind.TBR_OVER}, START)


# Values


OPERATIONS: Final[dict[str, Callable[[Board, Any], object]]] = {
    "at": lambda board, now: board.at(now),
    "raised": lambda board, now: board.raised(Kind.SET_AGE, now),
    "gone": lambda board, now: board.gone(Kind.SET_AGE, now),
    "observed": lambda board, now: board.observed({}, {Kind.SET_AGE}, now),
    "confirmed": lambda board, now: board.confirmed(1, now),
    "snoozed": lambda board, now: board.snoozed(1, now, 1),
    "audio_paused": lambda board, now: board.audio_paused(now, 1),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("now_us", [1.0, True, "1", None, -1])
def test_an_instant_that_is_none_is_refused(name: str, now_us: object) -> None:
    for board in (raised(Kind.SET_AGE), Board()):
        with pytest.raises((QuantityError, LimitError)) as refused:
            OPERATIONS[name](board, now_us)
        assert "now_us" in str(refused.value)


def test_other_arguments_of_a_wrong_type_are_refused() -> None:
    board = raised(Kind.SET_AGE)
    wrongs: tuple[Callable[[], object], ...] = (
        lambda: board.raised(cast("Kind", "set_age"), START),
        lambda: board.gone(cast("Kind", "set_age"), START),
        lambda: board.raised(Kind.SET_AGE, START, cast("str", 5)),
        lambda: board.raised(Kind.SET_AGE, START, "x" * (DETAIL_CHARACTERS_LARGEST + 1)),
        lambda: board.confirmed(cast("int", 1.0), START),
        lambda: board.snoozed(cast("int", True), START, MIN),  # noqa: FBT003  # a bool is no id
        lambda: board.snoozed(1, START, cast("int", 1.0)),
        lambda: board.audio_paused(START, cast("int", 1.0)),
    )
    for wrong in wrongs:
        with pytest.raises(QuantityError):
            wrong()
    longest = "x" * DETAIL_CHARACTERS_LARGEST
    assert board.raised(Kind.SET_AGE, START, longest)[0].active[0].detail == longest


def test_a_board_is_frozen() -> None:
    board = raised(Kind.SET_AGE)
    with pytest.raises(FrozenInstanceError):
        board.next_id = 7  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        board.active[0].level = 7  # type: ignore[misc]


def test_all_values_are_frozen_and_carry_nothing_else() -> None:
    board, changes = Board().raised(Kind.SET_AGE, START)
    for value in (board, *board.active, *changes, ANNUNCIATIONS[Kind.SET_AGE], Watch(), AlarmSettings()):
        assert not hasattr(value, "__dict__")
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(value)[0].name, 7)
    with pytest.raises(AttributeError):
        AlarmFacts().step_uu = 7  # type: ignore[misc]


# The plain form


def plain_board() -> dict[str, Any]:
    """One that has every status, as it comes back from JSON."""
    board = raised(Kind.OCCLUSION_DETECTED, Kind.SET_AGE, Kind.TBR_OVER, Kind.BATTERY_FULL, Kind.RESERVOIR_AGE)
    board, _ = board.confirmed(1, START + 1)
    board, _ = board.snoozed(2, START + 1, MIN)
    board, _ = board.audio_paused(START + 2, MIN)
    again = json.loads(json.dumps(Codec().plain(board)))
    assert Codec().built(again) == board
    return cast("dict[str, Any]", again[2])


def annunciations(plain: dict[str, Any]) -> list[Any]:
    """Those of a plain board, each as kind, name and fields."""
    return cast("list[Any]", plain["active"][1])


def test_a_board_survives_its_plain_form() -> None:
    assert annunciations(plain_board())[0][2]["status"] == ["enum", "AnnunciationStatus", 0x55]


def test_the_longest_detail_survives_it_too() -> None:
    board, _ = Board().raised(Kind.SET_AGE, START, "x" * DETAIL_CHARACTERS_LARGEST)
    assert Codec().built(Codec().plain(board)) == board


def of(kind: str, /, **what: object) -> Callable[[dict[str, Any]], None]:
    """A change of one annunciation."""
    return lambda plain: next(
        fields for _, _, fields in annunciations(plain) if fields["kind"] == ["enum", "Kind", kind]
    ).update(what)


@pytest.mark.parametrize(
    "damage",
    [
        lambda plain: plain.update(next_id=0),
        lambda plain: plain.update(next_id=True),
        lambda plain: plain.update(next_id="6"),
        lambda plain: plain.update(next_id=5),
        lambda plain: plain.update(audio_paused_until_us=-1),
        lambda plain: plain.update(audio_paused_until_us=1.0),
        lambda plain: plain.update(active=None),
        lambda plain: plain.update(extra=1),
        lambda plain: plain.update(active=["tuple", 7]),
        lambda plain: plain.update(active=annunciations(plain)[0]),
        lambda plain: annunciations(plain).reverse(),
        lambda plain: annunciations(plain).append(annunciations(plain)[0]),
        lambda plain: annunciations(plain).append(7),
        lambda plain: annunciations(plain)[0][2].pop("id"),
        lambda plain: annunciations(plain)[0][2].update(extra=1),
        of("set_age", id=1),
        of("set_age", id=0),
        of("set_age", id=True),
        of("set_age", kind=["enum", "Kind", "reservoir_age"]),
        of("set_age", kind=["enum", "Kind", "unheard_of"]),
        of("set_age", kind=["enum", "Priority", "low"]),
        of("set_age", kind="reservoir_age"),
        of("set_age", kind=["set_age"]),
        of("set_age", status=["enum", "Status", 0x34]),
        of("set_age", status=0x33),
        of("set_age", status="snoozed"),
        of("set_age", status=[]),
        of("set_age", status=["enum", "Status", 0x33]),
        of("set_age", snoozed_until_us=None),
        of("set_age", snoozed_until_us="1"),
        of("set_age", since_us=None),
        of("set_age", since_us=-1),
        of("set_age", status_since_us=1.5),
        of("set_age", level=1),
        of("set_age", level=-1),
        of("reservoir_age", level=1),
        of("set_age", level=False),
        of("set_age", next_sound_us=1),
        of("reservoir_age", next_sound_us=-1),
        of("set_age", detail=None),
        of("set_age", detail="x" * (DETAIL_CHARACTERS_LARGEST + 1)),
        of("set_age", cause_present=1),
        of("occlusion_detected", cause_present=False),
        of("occlusion_detected", snoozed_until_us=1),
        of("occlusion_detected", level=1),
        of("tbr_over", cause_present=True),
        of("battery_full", cause_present=False),
    ],
)
def test_a_pump_with_a_damaged_board_is_not_restored(damage: Callable[[dict[str, Any]], object]) -> None:
    board = plain_board()
    damage(board)
    with pytest.raises(UNREADABLE):
        Codec().built(["class", "Board", board])
    head, body = Pump(Config(device=load("medtronic-523")), at_us=START).snapshot().split(b"\n", 1)
    plain = json.loads(body)
    assert restored(head, plain | {"board": ["class", "Board", plain_board()]}).status.annunciations
    with pytest.raises(JournalError):
        restored(head, plain | {"board": ["class", "Board", board]})


def restored(head: bytes, plain: dict[str, Any]) -> Pump:
    """A pump out of a snapshot with a right checksum."""
    body = json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")
    return Pump.restore(head[:-8] + b"%08x\n" % crc32(body) + body)


# The table


def distance(one: int, other: int) -> int:
    return (one ^ other).bit_count()


def test_every_kind_has_its_row() -> None:
    assert list(ANNUNCIATIONS) == list(Kind)
    assert all(row.kind is kind for kind, row in ANNUNCIATIONS.items())


def test_code_words_differ_in_four_bits_and_more() -> None:
    codes = [row.ids_code for row in ANNUNCIATIONS.values() if row.ids_code is not None]
    assert len(codes) == 22
    assert all(distance(one, other) >= 4 for one, other in combinations(codes, 2))
    assert [int(status) for status in AnnunciationStatus] == [0x33, 0x3C, 0x55]


@pytest.mark.req("ALM-06")
def test_what_stops_delivery_is_of_high_priority() -> None:
    stopping = {kind.value for kind, row in ANNUNCIATIONS.items() if row.stops_delivery}
    assert {"occlusion_detected", "reservoir_empty", "battery_empty", "system_issue", "auto_off"} <= stopping
    assert not stopping & {"date_time_issue", "max_delivery", "no_delivery_danger", "glucose_low", "reservoir_low"}
    for row in ANNUNCIATIONS.values():
        if row.stops_delivery:
            assert row.priority is Priority.HIGH
            assert row.snooze_us_largest <= 10 * MIN
            assert row.clears is Clears.GONE_AND_CONFIRMED


@pytest.mark.parametrize("row", ANNUNCIATIONS.values(), ids=lambda row: row.kind.value)
def test_every_row_holds_to_the_rules_of_the_table(row: AnnunciationRow) -> None:
    ladder = row.ladder
    assert ladder[0].after_us == 0
    for lower, upper in pairwise(ladder):
        assert lower.after_us < upper.after_us
        assert upper.priority.rank <= lower.priority.rank
        assert cast("int", upper.sound_every_us) < cast("int", lower.sound_every_us)
        assert not lower.siren
    assert ladder[-1].siren == (row.priority in {Priority.HIGH, Priority.MEDIUM})
    assert all(rung.priority is Priority.HIGH for rung in ladder if rung.siren)
    if row.clears is Clears.GONE:
        assert row.priority is Priority.INFORMATION
    if row.clears is Clears.CONFIRMED:
        assert row.again_after_us is None
    if row.clears is Clears.GONE_AND_CONFIRMED and row.priority.rank <= Priority.MEDIUM.rank:
        assert row.again_after_us is not None
        assert row.again_after_us <= H
    if row.priority is not Priority.INFORMATION:
        assert all(rung.sound_every_us is not None for rung in ladder)
    for level, rung in enumerate(ladder):
        bound = row.snooze_bound_us(level)
        assert 0 < bound <= row.snooze_us_largest
        assert rung.priority is not Priority.HIGH or bound <= 15 * MIN
    assert row.source


def test_priorities_are_ranked() -> None:
    assert [priority.rank for priority in Priority] == [0, 1, 2, 3]
    assert Priority.HIGH.rank == 0


# The texts


ACTIONS: Final = {
    "en": r"\b(Take|Change|Put|Insert|Connect|Bring|Disconnect|Check|Resume|inject|Eat)\b",
    "da": r"\b(Tag|Skift|Sæt|Bring|Kobl|Mål|Start|giv|Spis)\b",
}


@pytest.mark.req("ALM-01")
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_says_what_to_do(kind: Kind, language: str) -> None:
    title, instruction = text(kind, language)
    assert 0 < len(title) <= 28
    assert 0 < len(instruction) <= 110
    assert title == title.strip()
    assert title[0].isupper()
    assert not title.endswith(".")
    assert instruction == instruction.strip()
    assert instruction.endswith(".")
    if ANNUNCIATIONS[kind].priority is Priority.HIGH:
        assert re.search(ACTIONS[language], instruction)
    assert ("Insulin has stopped" if language == "en" else "Insulin er stoppet") in instruction or not ANNUNCIATIONS[
        kind
    ].stops_delivery


def test_texts_are_told_apart_by_their_titles() -> None:
    for language in LANGUAGES:
        assert len({text(kind, language).title for kind in Kind}) == len(Kind)
    assert all(text(kind, "en").instruction != text(kind, "da").instruction for kind in Kind)


def test_the_danger_is_named() -> None:
    assert "ketoacidosis" in text(Kind.NO_DELIVERY_DANGER, "en").instruction
    assert "syreforgiftning" in text(Kind.NO_DELIVERY_DANGER, "da").instruction


def test_english_is_the_default_and_another_language_is_refused() -> None:
    assert text(Kind.SET_AGE) == text(Kind.SET_AGE, "en")
    with pytest.raises(QuantityError, match="language"):
        text(Kind.SET_AGE, "sv")
    with pytest.raises(QuantityError, match="kind"):
        text(cast("Kind", "set_age"))


def whole(**other: str) -> str:
    """A data file that is whole, but for one kind."""
    return "\n".join(f"[{kind.value}]\n" + other.get(kind.value, 'en = ["a", "b"]\nda = ["c", "d"]') for kind in Kind)


def test_a_data_file_that_is_not_whole_is_refused() -> None:
    assert len(_parse(whole())) == 2 * len(Kind)
    for source in (
        "",
        whole() + '\n[unheard_of]\nen = ["a", "b"]\nda = ["c", "d"]',
        whole(set_age='en = ["a", "b"]'),
        whole(set_age='en = ["", "b"]\nda = ["c", "d"]'),
        whole(set_age='en = ["a", "b"]\nda = ["c", ""]'),
        whole(set_age=f'en = ["{"a" * 29}", "b"]\nda = ["c", "d"]'),
        whole(set_age=f'en = ["a", "{"b" * 111}"]\nda = ["c", "d"]'),
    ):
        with pytest.raises(InvariantError):
            _parse(source)


# The no-delivery watch


def test_the_watch_names_the_gravest_threshold_that_is_reached() -> None:
    expected = [
        (H - 1, ()),
        (H, (Kind.NO_DELIVERY_MEDIUM,)),
        (2 * H - 1, (Kind.NO_DELIVERY_MEDIUM,)),
        (2 * H, (Kind.NO_DELIVERY_HIGH,)),
        (210 * MIN - 1, (Kind.NO_DELIVERY_HIGH,)),
        (210 * MIN, (Kind.NO_DELIVERY_DANGER,)),
        (1000 * H, (Kind.NO_DELIVERY_DANGER,)),
    ]
    for without_us, kinds in expected:
        assert watch(Watch(), START, START + without_us) == kinds


def test_the_watch_reminds_while_suspended() -> None:
    assert watch(Watch(), START, START + 20 * MIN, suspended_since_us=START + 6 * MIN) == ()
    assert watch(Watch(), START, START + 21 * MIN, suspended_since_us=START + 6 * MIN) == (Kind.NO_DELIVERY_REMINDER,)
    both = watch(Watch(), START, START + 2 * H, suspended_since_us=START)
    assert both == (Kind.NO_DELIVERY_REMINDER, Kind.NO_DELIVERY_HIGH)


def test_the_deadlines_of_the_watch_are_its_thresholds() -> None:
    now_us, seen = START, []
    while (due_us := watch_deadline_us(Watch(), START, now_us, suspended_since_us=START + MIN)) is not None:
        seen.append(due_us - START)
        now_us = due_us
    assert seen == [16 * MIN, H, 2 * H, 210 * MIN]
    assert watch_deadline_us(Watch(), START, START) == START + H


@pytest.mark.req("WCH-03")
def test_the_danger_is_told_before_four_hours_and_the_watch_cannot_be_turned_off() -> None:
    assert SETTINGS["danger_us"].largest < 4 * H
    assert not {field.name for field in fields(Watch)} & OPTIONAL
    for field in fields(Watch):
        with pytest.raises(QuantityError):
            Watch(**cast("Any", {field.name: None}))
    with pytest.raises(LimitError):
        Watch(danger_us=4 * H)


def test_the_thresholds_of_the_watch_rise() -> None:
    for wrong in (
        {"high_us": H, "medium_us": H},
        {"high_us": 3 * H, "danger_us": 3 * H},
        {"reminder_us": 30 * MIN, "medium_us": 30 * MIN},
    ):
        with pytest.raises(QuantityError, match="must be above"):
            Watch(**wrong)


# Settings


def settings_with(name: str, value: object) -> object:
    keyword = {name: cast("int", value)}
    return (
        Watch(**keyword) if name in {field.name for field in fields(Watch)} else AlarmSettings(**cast("Any", keyword))
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_has_its_range(name: str) -> None:
    row = SETTINGS[name]
    assert 0 < row.least < row.largest
    with pytest.raises(LimitError) as refused:
        settings_with(name, row.least - 1)
    assert (refused.value.limit, refused.value.bound) == (name, row.least)
    with pytest.raises(LimitError) as refused:
        settings_with(name, row.largest + 1)
    assert (refused.value.limit, refused.value.bound) == (name, row.largest)
    with pytest.raises(QuantityError):
        settings_with(name, str(row.least))
    if name in OPTIONAL:
        assert row.default is None
        settings_with(name, None)
    else:
        assert row.default is not None
        assert row.least <= row.default <= row.largest
        with pytest.raises(QuantityError):
            settings_with(name, None)


def test_settings_and_fields_are_the_same_names_and_defaults() -> None:
    names = [field.name for cls in (Watch, AlarmSettings) for field in fields(cls) if field.name != "watch"]
    assert names == list(SETTINGS)
    for holder in (Watch(), AlarmSettings()):
        for field in fields(holder):
            if field.name != "watch":
                assert getattr(holder, field.name) == SETTINGS[field.name].default


def test_a_setting_that_is_off_has_no_default_to_give() -> None:
    with pytest.raises(InvariantError, match="auto_off_us"):
        _default("auto_off_us")


@pytest.mark.parametrize("name", ["battery_low_percent", "reservoir_low_uu", "set_age_us"])
def test_the_ends_of_a_range_are_allowed(name: str) -> None:
    settings_with(name, SETTINGS[name].least)
    settings_with(name, SETTINGS[name].largest)


def test_a_watch_must_be_one() -> None:
    with pytest.raises(PumpcoreError, match="watch"):
        AlarmSettings(watch=cast("Watch", None))
    assert AlarmSettings(watch=Watch(high_us=H + 1)).watch.high_us == H + 1


# From facts to causes

PLAIN: Final = AlarmSettings()
U: Final = 1_000_000


@pytest.mark.parametrize(
    ("left_uu", "causes"),
    [
        (None, {}),
        (20 * U + 1, {}),
        (20 * U, {Kind.RESERVOIR_LOW: "20 U"}),
        (10 * U + 1, {Kind.RESERVOIR_LOW: "20 U"}),
        (10 * U, {Kind.RESERVOIR_LOW: "10 U"}),
        (5 * U + 1, {Kind.RESERVOIR_LOW: "10 U"}),
        (5 * U, {Kind.RESERVOIR_LOW: "5 U"}),
        (50_000, {Kind.RESERVOIR_LOW: "5 U"}),
        (49_999, {Kind.RESERVOIR_EMPTY: ""}),
        (0, {Kind.RESERVOIR_EMPTY: ""}),
    ],
)
def test_the_reservoir_is_told_at_each_mark(left_uu: int | None, causes: dict[Kind, str]) -> None:
    assert reservoir(PLAIN, left_uu, None, 50_000) == Due(causes)


def test_the_reservoir_is_low_when_it_does_not_last() -> None:
    assert reservoir(PLAIN, 100 * U, 8 * H + 1, 50_000).causes == {}
    assert reservoir(PLAIN, 100 * U, 8 * H, 50_000).causes == {Kind.RESERVOIR_LOW: ""}
    assert reservoir(PLAIN, 20 * U, 8 * H, 50_000).causes == {Kind.RESERVOIR_LOW: "20 U"}


def test_the_last_mark_of_the_reservoir_is_never_below_five_units() -> None:
    low = AlarmSettings(reservoir_low_uu=6 * U)
    assert reservoir(low, 6 * U, None, 50_000).causes == {Kind.RESERVOIR_LOW: "6 U"}
    assert reservoir(low, 5 * U, None, 50_000).causes == {Kind.RESERVOIR_LOW: "5 U"}
    assert reservoir(low, 3 * U, None, 50_000).causes == {Kind.RESERVOIR_LOW: "5 U"}


def test_the_last_mark_of_the_reservoir_is_the_devices_own_where_it_has_one() -> None:
    for left_uu, again_uu, mark in (
        (8 * U + 1, 8 * U, "10 U"),
        (8 * U, 8 * U, "8 U"),
        (5 * U, 8 * U, "8 U"),
        (5 * U, 2 * U, "10 U"),
        (2 * U, 2 * U, "2 U"),
    ):
        assert reservoir(PLAIN, left_uu, None, 50_000, again_uu).causes == {Kind.RESERVOIR_LOW: mark}


def test_the_devices_own_mark_is_told_where_it_is_above_the_one_that_a_person_chose() -> None:
    low = AlarmSettings(reservoir_low_uu=5 * U)
    assert reservoir(low, 10 * U, None, 50_000, 10 * U).causes == {Kind.RESERVOIR_LOW: "10 U"}
    assert reservoir(low, 5 * U, None, 50_000, 10 * U).causes == {Kind.RESERVOIR_LOW: "5 U"}
    assert reservoir(low, 10 * U + 1, None, 50_000, 10 * U).causes == {}


@pytest.mark.req("PWR-01")
@pytest.mark.parametrize(
    ("percent", "us_per_percent", "kinds"),
    [
        (None, None, ()),
        (26, None, ()),
        (25, None, (Kind.BATTERY_LOW,)),
        (3, None, (Kind.BATTERY_LOW,)),
        (2, None, (Kind.BATTERY_EMPTY,)),
        (0, 10 * H, (Kind.BATTERY_EMPTY,)),
        (43, 15 * MIN, ()),  # 41 above empty; one lower still lasts ten hours
        (42, 15 * MIN, (Kind.BATTERY_LOW,)),
        (41, 15 * MIN, (Kind.BATTERY_LOW, Kind.BATTERY_LEAD_TIME)),
        (25, H, (Kind.BATTERY_LOW,)),
        (11, H, (Kind.BATTERY_LOW, Kind.BATTERY_LEAD_TIME)),
    ],
)
def test_the_battery_promises_its_lead_time(
    percent: int | None, us_per_percent: int | None, kinds: tuple[Kind, ...]
) -> None:
    assert tuple(battery(PLAIN, percent, us_per_percent).causes) == kinds


def test_what_lasts_too_long_is_told_at_its_very_microsecond() -> None:
    assert since(Kind.SET_AGE, START, 72 * H, START + 72 * H - 1) == Due({}, START + 72 * H)
    assert since(Kind.SET_AGE, START, 72 * H, START + 72 * H) == Due({Kind.SET_AGE: ""})
    assert since(Kind.SET_AGE, None, 72 * H, START) == Due({})
    assert since(Kind.SET_AGE, START, None, START + 72 * H) == Due({})


def test_a_glucose_check_is_for_a_bolus_without_a_measurement_since() -> None:
    on = AlarmSettings(glucose_check_us=2 * H)
    assert glucose_check(on, START, START - 1, START + 2 * H).causes == {Kind.GLUCOSE_CHECK: ""}
    assert glucose_check(on, START, None, START + 2 * H).causes == {Kind.GLUCOSE_CHECK: ""}
    assert glucose_check(on, START, START, START + 2 * H) == Due({})
    assert glucose_check(on, None, None, START + 2 * H) == Due({})
    assert glucose_check(PLAIN, START, None, START + 9 * H) == Due({})


def test_a_missed_meal_is_asked_for_a_while() -> None:
    window = (START, START + H)
    assert missed_meal(PLAIN, *window, None, START + H - 1) == Due({}, START + H)
    assert missed_meal(PLAIN, *window, START - 1, START + H) == Due({Kind.MISSED_MEAL: ""}, START + 3 * H)
    assert missed_meal(PLAIN, *window, START, START + H) == Due({})
    assert missed_meal(PLAIN, *window, None, START + 3 * H) == Due({})
    assert missed_meal(PLAIN, None, None, None, START) == Due({})
    assert missed_meal(PLAIN, START, None, None, START) == Due({})


def test_auto_off_is_warned_of_and_comes_at_its_very_microsecond() -> None:
    on = AlarmSettings(auto_off_us=10 * H)
    off_us = START + 10 * H
    assert auto_off(on, START, MIN, off_us - MIN - 1) == Due({}, off_us - MIN)
    assert auto_off(on, START, MIN, off_us - MIN) == Due({Kind.AUTO_OFF_SOON: ""}, off_us)
    assert auto_off(on, START, MIN, off_us - 1) == Due({Kind.AUTO_OFF_SOON: ""}, off_us)
    assert auto_off(on, START, MIN, off_us) == Due({Kind.AUTO_OFF: ""})
    assert auto_off(on, START, None, off_us - 1) == Due({}, off_us)
    assert auto_off(on, 0, 11 * H, 0) == Due({Kind.AUTO_OFF_SOON: ""}, 10 * H)  # warned of for longer than it takes
    assert auto_off(on, None, MIN, off_us) == auto_off(PLAIN, START, MIN, off_us) == Due({})


def test_the_watch_among_all_that_is_derived_has_each_of_its_deadlines() -> None:
    facts = AlarmFacts(last_therapy_us=START)
    assert derived(PLAIN, facts, START) == derived(PLAIN, facts, START + H - 1) == Due({}, START + H)
    assert derived(PLAIN, facts, START + H) == Due({Kind.NO_DELIVERY_MEDIUM: ""}, START + 2 * H)
    suspended = AlarmFacts(last_therapy_us=START, suspended_since_us=START)
    assert derived(PLAIN, suspended, START).next_us == START + PLAIN.watch.reminder_us


def test_everything_that_is_derived_together() -> None:
    settings = AlarmSettings(auto_off_us=12 * H, glucose_check_us=2 * H)
    facts = AlarmFacts(
        last_therapy_us=0,
        suspended_since_us=0,
        reservoir_uu=3 * U,
        battery_percent=20,
        battery_us_per_percent=MIN,
        set_since_us=0,
        reservoir_since_us=1,
        person_us=2,
        bolus_us=3,
        sensor_us=4,
        meal_from_us=5,
        meal_to_us=72 * H,
    )
    due = derived(settings, facts, 72 * H)
    assert due.causes == {
        Kind.NO_DELIVERY_REMINDER: "",
        Kind.NO_DELIVERY_DANGER: "",
        Kind.RESERVOIR_LOW: "5 U",
        Kind.BATTERY_LOW: "",
        Kind.BATTERY_LEAD_TIME: "",
        Kind.SET_AGE: "",
        Kind.AUTO_OFF: "",
        Kind.SENSOR_LINK_LOST: "",
        Kind.GLUCOSE_CHECK: "",
        Kind.MISSED_MEAL: "",
    }
    assert due.next_us == 72 * H + 1
    assert Kind.RESERVOIR_AGE in derived(settings, facts, 72 * H + 1).causes
    assert derived(settings, AlarmFacts(reservoir_uu=1, step_uu=2, battery_percent=1), 0).causes == {
        Kind.RESERVOIR_EMPTY: "",
        Kind.BATTERY_EMPTY: "",
    }
    assert derived(settings, AlarmFacts(reservoir_uu=1), 0).causes == {Kind.RESERVOIR_LOW: "5 U"}
    assert derived(settings, AlarmFacts(reservoir_uu=100 * U, reservoir_left_us=H), 0).causes == {
        Kind.RESERVOIR_LOW: ""
    }


def test_without_facts_there_is_no_cause() -> None:
    assert derived(PLAIN, AlarmFacts(), 10**15) == Due({})
    assert derived(PLAIN, AlarmFacts(bolus_us=5, glucose_us=5, suspended_since_us=5), 10**15) == Due({})


def test_all_that_is_derived_lasts() -> None:
    board, _ = Board().observed(dict.fromkeys(DERIVED, ""), DERIVED, START)
    assert {each.kind for each in board.active} == DERIVED

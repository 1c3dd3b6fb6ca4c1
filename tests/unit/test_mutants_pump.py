"""What a change of one line in the pump would break unseen: found with changes made by hand, see docs/mutants.md.

Most of it is about a step whose record cannot be written, for then nothing at all may have changed.
"""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from pumps import LIMITS, MIN, MONDAY, SEC, Bench, H, U, config_of, everything, is_refused, only, plan_of, those

from pumpcore.alarms import AlarmSettings, Kind
from pumpcore.errors import LimitError, ModeError, QuantityError
from pumpcore.pump import Pump, events
from pumpcore.pump.effects import FirePulse, Proposed, RateChanged, TempEnded, TempStarted
from pumpcore.pump.events import Command
from pumpcore.pump.modes import State
from pumpcore.therapy.envelope import BolusRequest, ControllerBounds, RateRequest
from pumpcore.therapy.glucose import Last24h, MgDl, Reading
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowFacts, LowSettings, LowWhy, low_suspend
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

BOUNDS: Final = ControllerBounds(max_rate_uu_per_h=U, max_bolus_uu=U, max_duration_us=H, max_age_us=MIN)

# A step that cannot be recorded ---------------------------------------------------------------------------------------


def full(event: Event, effects: tuple[Effect, ...]) -> None:
    """A disk that takes nothing more."""
    del event, effects
    message = "no space left on device"
    raise OSError(message)


def a_bolus_begins(bench: Bench) -> Event:
    return events.Confirm(MIN, bench.propose(events.ProposeBolus(MIN, U, 2 * U, 2 * H)))


def time_passes(bench: Bench) -> Event:
    bench.bolus(MIN, U, 2 * U, H)
    return events.Tick(2 * H)


def time_passes_in_a_pause(bench: Bench) -> Event:
    bench.do(events.Suspend(MIN))
    return events.Tick(11 * MIN)


def a_suspend_cancels_a_bolus_whose_outcome_is_open(bench: Bench) -> Event:
    bench.answers = False
    bench.bolus(MIN, U)
    bench.do(events.Tick(MIN + 10 * SEC))
    return events.CancelBolus(MIN + 10 * SEC, 1)


def a_controller_asks(bench: Bench) -> Event:
    del bench
    return events.ControllerAsks(MIN, RateRequest(id=1, at_us=MIN, rate_uu_per_h=0, duration_us=H))


def a_command_comes(bench: Bench) -> Event:
    return Command(MIN, 1, H, bench.status.changes, events.ProposeBolus(MIN, fast_uu=U))


def a_profile_is_stored(bench: Bench) -> Event:
    del bench
    return events.StoreProfile(MIN, BasalProfile("sick", (Segment(0, 2 * U),)))


def a_plan_begins(bench: Bench) -> Event:
    return events.Confirm(MIN, bench.propose(events.ProposePlan(MIN, plan_of((0, 2 * U)))))


def a_pulse_is_confirmed(bench: Bench) -> Event:
    pulse = bench.next_pulse()
    return events.PulseConfirmed(pulse.at_us + 1, pulse.seq)


def priming_is_confirmed(bench: Bench) -> Event:
    bench.do(events.Suspend(MIN))
    bench.answers = False
    bench.do(events.BeginChange(MIN, set_off_body=True))
    bench.do(events.Rewound(MIN))
    bench.do(events.ReservoirMeasured(MIN, 100 * U))
    bench.do(events.Loaded(MIN))
    bench.do(events.Prime(MIN, U))
    return events.PulseConfirmed(MIN + 1, bench.pump.ledger.next_seq - 1)  # the pulse of priming


CASES: Final[tuple[Callable[[Bench], Event], ...]] = (
    a_bolus_begins,
    time_passes,
    time_passes_in_a_pause,
    a_suspend_cancels_a_bolus_whose_outcome_is_open,
    a_controller_asks,
    a_command_comes,
    a_profile_is_stored,
    a_plan_begins,
    a_pulse_is_confirmed,
    priming_is_confirmed,
)


def recorder() -> Bench:
    return Bench(remote=True, controller=BOUNDS, suspend_policy="roche_pause").start()


@pytest.mark.req("DEL-14", "JNL-01")
@pytest.mark.parametrize("case", CASES)
def test_a_step_that_cannot_be_recorded_changes_nothing_and_can_be_taken_again(case: Callable[[Bench], Event]) -> None:
    bench, twin = recorder(), recorder()
    event = case(bench)
    assert case(twin) == event
    before = everything(bench.pump)
    with pytest.raises(OSError, match="no space left"):
        bench.pump.step(event, record=full)
    assert everything(bench.pump) == before
    assert bench.pump.step(event) == twin.pump.step(event)
    assert everything(bench.pump) == everything(twin.pump) != before


@pytest.mark.req("JNL-01")
@pytest.mark.parametrize("case", CASES)
def test_every_step_is_recorded_once_with_all_that_it_answers(case: Callable[[Bench], Event]) -> None:
    bench = recorder()
    event = case(bench)
    told: list[tuple[Event, tuple[Effect, ...]]] = []
    effects = bench.pump.step(event, record=lambda *what: told.append(what))
    assert told == [(event, effects)]


@pytest.mark.req("JNL-01", "DEL-08")
def test_a_confirmation_that_is_refused_is_not_recorded() -> None:
    bench = recorder()
    told: list[Event] = []
    for seq in (1, 10**6):
        with pytest.raises(QuantityError, match="outcome is open"):
            bench.pump.step(events.PulseConfirmed(MIN, seq), record=lambda event, _: told.append(event))
    assert told == []


# Commands -------------------------------------------------------------------------------------------------------------


@pytest.mark.req("CMD-02")
def test_a_sender_that_knows_of_changes_which_did_not_happen_is_refused() -> None:
    bench = Bench(remote=True).start()
    known = bench.status.changes + 1
    with pytest.raises(QuantityError, match="known"):
        bench.do(Command(MIN, 1, H, known, events.ProposeBolus(MIN, fast_uu=U)))


@pytest.mark.req("CMD-02")
def test_the_end_of_a_temp_basal_another_plan_and_a_clock_that_is_set_are_changes_that_a_sender_must_know() -> None:
    bench = Bench(remote=True).start()
    known = [bench.status.changes]
    only(TempStarted, bench.do(events.ProposeTemp(0, H, percent=50)))
    known.append(bench.status.changes)
    bench.to(H)
    only(TempEnded, bench.effects)
    known.append(bench.status.changes)
    bench.do(events.Confirm(H, bench.propose(events.ProposePlan(H, plan_of((0, 2 * U))))))
    known.append(bench.status.changes)
    bench.do(events.ClockSet(H, Anchor(0, MONDAY), "UTC"))
    known.append(bench.status.changes)
    bench.do(bench.choosing(H, limits=LIMITS))
    known.append(bench.status.changes)
    assert known == list(range(known[0], known[0] + 6))
    for stale in known[:-1]:
        assert is_refused(bench.pump, Command(H, 1, 2 * H, stale, events.ProposeBolus(H, fast_uu=U)))
    only(Proposed, bench.do(Command(H, 1, 2 * H, known[-1], events.ProposeBolus(H, fast_uu=U))))


@pytest.mark.req("ALM-08", "GLU-05")
def test_a_controller_that_asks_in_a_command_is_no_sign_of_life() -> None:
    bench = Bench(remote=True, controller=BOUNDS, alarms=AlarmSettings(auto_off_us=2 * H)).start()
    bench.to(H)
    asked = events.ControllerAsks(H, BolusRequest(id=1, at_us=H, amount_uu=U))
    bench.do(Command(H, 1, 2 * H, bench.status.changes, asked))
    bench.to(2 * H - 1)
    assert bench.status.state is State.RUNNING
    bench.to(2 * H)
    assert bench.alarm(Kind.AUTO_OFF) is not None


def a_late_command(bench: Bench) -> Event:
    return Command(H + MIN, 1, 2 * H, bench.status.changes, events.ProposeBolus(H + MIN, fast_uu=U))


def a_late_confirmation(bench: Bench) -> Event:
    return events.Confirm(H + MIN, bench.propose(events.ProposeBolus(H - 3 * MIN, fast_uu=U)))


def a_late_controller(bench: Bench) -> Event:
    del bench
    return events.ControllerAsks(H + MIN, BolusRequest(id=1, at_us=H + MIN, amount_uu=U))


@pytest.mark.req("CMD-01", "BOL-03", "GLU-06")
@pytest.mark.parametrize("late", [a_late_command, a_late_confirmation, a_late_controller])
def test_the_answer_that_is_repeated_holds_nothing_that_time_brought_with_it(late: Callable[[Bench], Event]) -> None:
    plan = plan_of((0, U), (H, 2 * U))
    bench = Bench(remote=True, controller=BOUNDS, lateness_us=10 * MIN, plan=plan).start()
    bench.to(H - 3 * MIN)
    event = late(bench)
    first = bench.do(event)
    assert those(FirePulse, first)
    only(RateChanged, first)
    again = bench.do(event)
    assert again
    assert those(FirePulse, again) == those(RateChanged, again) == []
    assert again == first[-len(again) :]


# Small things ---------------------------------------------------------------------------------------------------------


@pytest.mark.req("DEL-06")
def test_the_account_of_a_single_bolus_is_closed_with_it() -> None:
    bench = Bench().start()
    bench.bolus(MIN, fast_uu=U)
    bench.to(H)
    assert set(bench.pump.ledger.boluses) == {0}


@pytest.mark.req("RES-02", "RES-08")
def test_a_reservoir_that_is_just_being_changed_is_not_told_of_as_low() -> None:
    bench = Bench()
    bench.do(events.BeginChange(0, set_off_body=True))
    bench.do(events.Rewound(0))
    bench.do(events.ReservoirMeasured(0, 10 * U))
    for event in (events.Loaded(0), events.Prime(0, 8 * U), events.Primed(0), events.Filled(0)):
        bench.do(event)
        assert bench.alarm(Kind.RESERVOIR_LOW) is None
    bench.do(events.Connected(0))
    assert bench.alarm(Kind.RESERVOIR_LOW) is not None


@pytest.mark.req("ALM-10")
def test_a_meal_has_some_time() -> None:
    assert config_of(meals=((8 * H, 8 * H + 1),)).settings.meals == ((8 * H, 8 * H + 1),)
    for to_us in (8 * H, 8 * H - 1):
        with pytest.raises(LimitError, match=r"meals\[0\]\.to_us"):
            config_of(meals=((8 * H, to_us),))


@pytest.mark.req("GLU-02")
def test_what_the_same_reading_would_end_does_not_begin_whatever_the_least_time_of_a_suspend() -> None:
    preset = replace(LOW_PRESETS["tandem-basal-iq"], least_us=30 * MIN)
    settings = LowSettings(preset, MgDl(80))
    for values, why in (((60, 65, 70), LowWhy.HIGH_ENOUGH), ((70, 70, 70), LowWhy.LOW), ((75, 72, 70), LowWhy.LOW)):
        day = Last24h()
        for at_us, value in zip((0, 5 * MIN, 10 * MIN), values, strict=True):
            day, _ = day.with_reading(Reading(at_us, MgDl(value)), now_us=10 * MIN)
        assert low_suspend(settings, LowFacts(now_us=10 * MIN, day=day)).why is why


@pytest.mark.req("MOD-07")
def test_what_comes_in_the_very_step_in_which_time_brings_a_fault_to_light_meets_a_pump_in_alarm() -> None:
    bench = Bench().start()
    bench.answers = False  # too many pulses of which nobody knows, after some time
    while True:
        deadline_us = bench.pump.next_deadline_us()
        assert deadline_us is not None
        ahead = Pump.restore(bench.pump.snapshot())
        ahead.step(events.Tick(deadline_us))
        if ahead.status.state is State.ALARM:
            break
        bench.do(events.Tick(deadline_us))
    proposal = bench.propose(events.ProposeBolus(bench.now_us, fast_uu=U))
    with pytest.raises(ModeError, match="cannot give a bolus in mode alarm"):
        bench.do(events.ProposeBolus(deadline_us, fast_uu=U))
    with pytest.raises(QuantityError, match="what it rests on has changed"):
        bench.do(events.Confirm(deadline_us, proposal))
    bench.do(events.Confirm(deadline_us - 1, proposal))
    assert len(bench.status.boluses) == 1

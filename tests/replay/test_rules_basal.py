"""What stops basal, what starts it again, and where its pulses fall: one hand-made record per rule.

Goal: each rule of `docs/replay.md` has a test that fails without it. Method: a day at 1 U/h is 960 pulses, one every
90 s from the full hour on, so a stop costs the pulses that stand in it and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.records.replay import Replay

DAY = 960


def test_day_without_interruption_is_the_programme(basal: Callable[..., int]) -> None:
    assert basal("") == DAY


def test_stop_costs_the_pulses_in_it_its_start_included_and_its_end_not(basal: Callable[..., int]) -> None:
    # 10:00:00 and 10:01:30 are lost, 10:03:00 is not.
    lost = basal(
        """
        2/2/15 10:00:00 ChangeSuspendEnable ENABLE=user_suspend
        2/2/15 10:03:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        2/2/15 10:03:00 ChangeSuspendEnable ENABLE=normal_pumping
        """
    )
    assert DAY - lost == 2


def test_restart_keeps_the_pulses_to_the_clock(basal: Callable[..., int]) -> None:
    # Each stop lies between two pulses. A pump that began its interval anew would lose most of a pulse each time.
    stops = "".join(
        f"""
        2/2/15 {hour:02d}:00:10 ChangeSuspendEnable ENABLE=user_suspend
        2/2/15 {hour:02d}:01:20 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        """
        for hour in range(1, 23)
    )
    assert basal(stops) == DAY


def test_resume_record_restarts_without_a_basal_start(basal: Callable[..., int]) -> None:
    lost = basal(
        """
        2/2/15 10:00:10 ChangeSuspendEnable ENABLE=user_suspend
        2/2/15 11:00:10 ChangeSuspendEnable ENABLE=normal_pumping
        """
    )
    assert DAY - lost == 40


def test_clearing_an_alarm_starts_nothing(basal: Callable[..., int]) -> None:
    lost = basal(
        """
        2/2/15 10:00:10 AlarmPump RAW_TYPE=4
        2/2/15 10:05:10 ClearAlarm ALARM_TYPE=4
        2/2/15 12:00:10 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        """
    )
    assert DAY - lost == 80


def test_alarm_under_a_temp_basal_ends_with_its_clearing(basal: Callable[..., int]) -> None:
    # No basal start is written under a temp basal; the bolus says that the pump ran.
    given = basal(
        """
        2/2/15 09:00:00 ChangeTempBasal RATE=2, DURATION=7200000
        2/2/15 10:00:00 AlarmPump RAW_TYPE=4
        2/2/15 10:15:00 ClearAlarm ALARM_TYPE=4
        2/2/15 10:40:00 BolusNormal AMOUNT=1, PROGRAMMED_AMOUNT=1
        2/2/15 11:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        """
    )
    assert given == DAY + 80 - 20


@pytest.mark.parametrize("code", [3, 4, 5, 6, 16, 61, 62])
def test_alarm_of_a_stopping_kind_stops(basal: Callable[..., int], code: int) -> None:
    lost = basal(
        f"""
        2/2/15 10:00:10 AlarmPump RAW_TYPE={code}
        2/2/15 11:00:10 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        """
    )
    assert DAY - lost == 40


def test_other_alarm_stops_nothing(basal: Callable[..., int]) -> None:
    assert (
        basal(
            """
            2/2/15 10:00:10 AlarmPump RAW_TYPE=103
            2/2/15 11:00:10 ClearAlarm ALARM_TYPE=103
            """
        )
        == DAY
    )


def test_other_alarm_stopped_where_basal_restarts_right_after_its_clearing(basal: Callable[..., int]) -> None:
    lost = basal(
        """
        2/2/15 10:00:10 AlarmPump RAW_TYPE=103
        2/2/15 11:00:10 ClearAlarm ALARM_TYPE=103
        2/2/15 11:00:12 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        """
    )
    assert DAY - lost == 40


def test_reservoir_change_stops_from_the_rewind_to_the_restart(basal: Callable[..., int]) -> None:
    lost = basal(
        """
        2/2/15 10:00:10 Rewind
        2/2/15 10:20:00 Prime AMOUNT=8, PRIME_TYPE=manual
        2/2/15 10:29:56 Prime AMOUNT=0.4, PRIME_TYPE=fixed
        2/2/15 10:30:10 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        """
    )
    assert DAY - lost == 20


def test_prime_without_a_rewind_stops_until_the_restart(basal: Callable[..., int]) -> None:
    # The pulse of 10:00:00 stands in it.
    lost = basal(
        """
        2/2/15 09:59:50 Prime AMOUNT=0.4, PRIME_TYPE=fixed
        2/2/15 10:00:04 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        """
    )
    assert DAY - lost == 1


def test_battery_out_stops(basal: Callable[..., int]) -> None:
    lost = basal(
        """
        2/2/15 10:00:10 ChangeBatteryEnable ENABLE=false
        2/2/15 10:15:10 ChangeBatteryEnable ENABLE=true
        2/2/15 10:15:11 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        """
    )
    assert DAY - lost == 10


@pytest.mark.parametrize("kind", ["alarm_suspend", "low_suspend_mode_1", "low_suspend_no_response"])
def test_low_glucose_suspend_goes_on_through_segment_edges(replayed: Callable[..., Replay], kind: str) -> None:
    done = replayed(
        f"""
        2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        2/2/15 09:30:00 ChangeSuspendEnable ENABLE={kind}
        2/2/15 10:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=2, START_TIME=36000000
        2/2/15 11:30:00 ChangeSuspendEnable ENABLE=auto_resume_reduced
        2/2/15 23:59:00 SelfTest
        """
    )
    assert done.days[0].basal_uu == 9_500_000 + 25_000_000


def test_low_glucose_suspend_that_ends_by_itself_ends_the_temp_basal(basal: Callable[..., int]) -> None:
    by_itself, by_hand = (
        basal(
            f"""
            2/2/15 08:00:00 ChangeTempBasal RATE=2, DURATION=14400000
            2/2/15 09:00:00 ChangeSuspendEnable ENABLE=low_suspend_mode_1
            2/2/15 11:00:00 ChangeSuspendEnable ENABLE={how}
            """
        )
        for how in ("auto_resume_complete", "user_restart_basal")
    )
    assert (by_itself, by_hand) == (DAY + 40 - 80, DAY + 40 - 80 + 40)


def test_temp_basal_in_units_lasts_its_time(basal: Callable[..., int]) -> None:
    assert basal("2/2/15 10:00:00 ChangeTempBasal RATE=2, DURATION=5400000") == DAY + 60


def test_temp_basal_goes_on_through_a_suspend_and_ends_on_time(basal: Callable[..., int]) -> None:
    given = basal(
        """
        2/2/15 10:00:00 ChangeTempBasal RATE=2, DURATION=10800000
        2/2/15 11:00:00 ChangeSuspendEnable ENABLE=user_suspend
        2/2/15 12:00:00 ChangeSuspendEnable ENABLE=normal_pumping
        2/2/15 13:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        """
    )
    assert given == DAY + 40 - 40 + 40


def test_temp_basal_ends_early_by_a_duration_of_nothing_or_a_profile_start(basal: Callable[..., int]) -> None:
    for end in (
        "ChangeTempBasalPercent PERCENT_OF_RATE=100, DURATION=0",
        "BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0",
    ):
        assert basal(f"2/2/15 10:00:00 ChangeTempBasal RATE=2, DURATION=10800000\n 2/2/15 11:00:00 {end}") == DAY + 40


def test_temp_basal_set_again_goes_on_where_it_was(basal: Callable[..., int]) -> None:
    # Every five minutes for an hour, 0.7 U/h: a pump that began anew each time would deliver 24 pulses, not 28.
    again = "\n".join(
        f"2/2/15 10:{minute:02d}:00 ChangeTempBasal RATE=0.7, DURATION=1800000" for minute in range(0, 60, 5)
    )
    stop = "\n2/2/15 11:00:00 ChangeTempBasal RATE=0, DURATION=0"
    assert basal(again + stop) == DAY - 12


@pytest.mark.parametrize(
    ("device", "rate", "percent", "steps_per_h"),
    [
        ("Paradigm Revel - 523", "0.9", 125, 44),  # 1.125 -> 1.1
        ("Paradigm Revel - 523", "0.95", 125, 46),  # 1.1875 -> 1.15
        ("Paradigm Revel - 523", "0.9", 147, 52),  # 1.323 -> 1.3
        ("Paradigm Revel - 523", "0.9", 70, 25),  # 0.63 -> 0.625
        ("MiniMed 530G - 551", "0.9", 70, 25),
        ("Paradigm Veo - 554", "8", 130, 416),  # 10.4
        ("Paradigm 722", "0.9", 70, 24),  # 0.63 -> 0.6
        ("Paradigm 522", "0.95", 125, 46),
        ("Paradigm Revel - 523", "0.9", 0, 0),
    ],
)
def test_temp_basal_in_percent_is_rounded_down_to_the_pump_s_own_step(
    basal: Callable[..., int], device: str, rate: str, percent: int, steps_per_h: int
) -> None:
    temp = f"2/2/15 10:00:00 ChangeTempBasalPercent PERCENT_OF_RATE={percent}, DURATION=3600000"
    assert basal(temp, rate=rate, device=device) - basal("", rate=rate, device=device) == steps_per_h - round(
        float(rate) * 40
    )


def test_temp_basal_in_percent_follows_the_programme_under_it(replayed: Callable[..., Replay]) -> None:
    # No basal start is written at 04:00, because the temp basal runs; the days around tell of that segment.
    days = "".join(
        f"""
        2/{day}/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        {middle}
        2/{day}/15 08:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=28800000
        """
        for day, middle in (
            (2, "2/2/15 04:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=2, START_TIME=14400000"),
            (3, "2/3/15 02:00:00 ChangeTempBasalPercent PERCENT_OF_RATE=50, DURATION=14400000"),
            (4, "2/4/15 04:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=2, START_TIME=14400000"),
        )
    )
    done = replayed(days + "2/4/15 23:59:00 SelfTest")
    # 2 h at 1, 2 h at 0.5, 2 h at half of 2, then the programme again.
    assert done.days[1].basal_uu == 2_000_000 + 1_000_000 + 2_000_000 + 4_000_000 + 16_000_000


def test_odd_half_hour_takes_its_places_of_the_hour(replayed: Callable[..., Replay]) -> None:
    # 0.875 U/h is 35 places an hour: 18 of them before the half hour, 17 after it. 0.8 U/h is 16 and 16.
    done = replayed(
        """
        2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=0.875, START_TIME=0
        2/2/15 00:30:00 BasalProfileStart PATTERN_NAME=standard, RATE=0.8, START_TIME=1800000
        2/2/15 23:59:00 SelfTest
        """
    )
    assert done.days[0].basal_uu == (18 + 16 + 23 * 32) * 25_000


def test_older_pumps_deliver_steps_twice_as_large(basal: Callable[..., int]) -> None:
    # 20 places an hour: the stop holds 10:00:00 only, which is two fine steps.
    stop = """
        2/2/15 10:00:00 ChangeSuspendEnable ENABLE=user_suspend
        2/2/15 10:02:00 ChangeSuspendEnable ENABLE=normal_pumping
        """
    assert DAY - basal(stop, device="Paradigm 522") == 2
    assert DAY - basal(stop, device="Paradigm REAL-Time - 722") == 2
    assert DAY - basal(stop.replace("10:02:00", "10:01:00"), device="Paradigm 523") == 1


def test_pump_without_a_preset_gets_the_steps_that_its_record_needs(basal: Callable[..., int]) -> None:
    stop = """
        2/2/15 10:00:00 ChangeSuspendEnable ENABLE=user_suspend
        2/2/15 10:01:00 ChangeSuspendEnable ENABLE=normal_pumping
        """
    assert DAY - basal(stop, device="MiniMed 508") == 2
    assert DAY - basal(stop + "2/2/15 12:00:00 BolusNormal AMOUNT=0.025", device="MiniMed 999") == 1


def test_recorded_profile_carries_on_where_a_basal_start_is_lost(replayed: Callable[..., Replay]) -> None:
    done = replayed(
        """
        2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        2/2/15 23:59:00 SelfTest
        2/3/15 09:00:00 CurrentBasalProfilePattern PATTERN_NAME=standard, NUM_PROFILES=2
        2/3/15 09:00:00 CurrentBasalProfile PATTERN_DATUM=3, PROFILE_INDEX=0, RATE=1, START_TIME=0
        2/3/15 09:00:00 CurrentBasalProfile PATTERN_DATUM=3, PROFILE_INDEX=1, RATE=2, START_TIME=43200000
        """
    )
    assert done.days[0].basal_uu == 36_000_000


def test_edit_of_the_profile_holds_from_then_on_only(replayed: Callable[..., Replay]) -> None:
    done = replayed(
        """
        2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        2/2/15 11:00:00 ChangeTempBasalPercent PERCENT_OF_RATE=200, DURATION=7200000
        2/2/15 18:00:00 ChangeBasalProfilePatternPre PATTERN_NAME=standard, NUM_PROFILES=2
        2/2/15 18:00:00 ChangeBasalProfilePre PATTERN_DATUM=3, PROFILE_INDEX=0, RATE=1, START_TIME=0
        2/2/15 18:00:00 ChangeBasalProfilePre PATTERN_DATUM=3, PROFILE_INDEX=1, RATE=2, START_TIME=43200000
        2/2/15 18:00:00 ChangeBasalProfilePattern PATTERN_NAME=standard, NUM_PROFILES=1
        2/2/15 18:00:00 ChangeBasalProfile PATTERN_DATUM=6, PROFILE_INDEX=0, RATE=3, START_TIME=0
        2/2/15 23:59:00 SelfTest
        """
    )
    # 11 h at 1, an hour at 2, an hour at 4, 5 h at 2, 6 h at 3.
    assert done.days[0].basal_uu == (11 + 2 + 4 + 10 + 18) * 1_000_000


def test_other_profile_holds_from_its_choice_on(replayed: Callable[..., Replay]) -> None:
    done = replayed(
        """
        2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        2/2/15 12:00:00 ChangeActiveBasalProfilePattern PATTERN_NAME=pattern a
        2/2/15 12:00:00 BasalProfileStart PATTERN_NAME=pattern a, RATE=2, START_TIME=0
        2/2/15 23:59:00 SelfTest
        """
    )
    assert done.days[0].basal_uu == 36_000_000

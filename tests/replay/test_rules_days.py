"""Days, clock changes, several pumps, flags and the shape of the result: one hand-made record per rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pumpcore.errors import RecordError
from pumpcore.records.replay import read, replay

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pumpcore.records.replay import Replay

START = "2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0\n"


def flags(done: Replay) -> dict[str, list[str]]:
    return {day.date.isoformat(): day.flags for day in done.days}


def test_day_that_the_record_covers_has_no_flag(replayed: Callable[..., Replay]) -> None:
    assert flags(replayed(START + "2/2/15 23:59:00 SelfTest")) == {"2015-02-02": []}
    assert flags(replayed(START + "2/2/15 00:00:00 ResultDailyTotal AMOUNT=24")) == {"2015-02-02": []}


def test_first_and_last_day_are_flagged_where_the_record_begins_or_ends_within_them(
    replayed: Callable[..., Replay],
) -> None:
    done = replayed(
        """
        2/2/15 07:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=25200000
        2/3/15 07:00:00 SelfTest
        2/4/15 07:00:00 SelfTest
        """
    )
    assert flags(done) == {
        "2015-02-02": ["first day is partial"],
        "2015-02-03": [],
        "2015-02-04": ["last day is partial"],
    }
    # A partial day counts from the first record to the last one.
    assert [day.basal_uu for day in done.days] == [17_000_000, 24_000_000, 7_025_000]


def test_silence_of_more_than_two_days_parts_the_record(replayed: Callable[..., Replay]) -> None:
    done = replayed(START + "2/3/15 12:00:00 SelfTest\n 2/6/15 12:00:00 SelfTest\n 2/7/15 23:59:00 SelfTest")
    assert flags(done) == {
        "2015-02-02": [],
        "2015-02-03": ["last day is partial"],
        "2015-02-06": ["first day is partial"],
        "2015-02-07": [],
    }


def test_several_segments_that_start_unseen_are_records_missing(replayed: Callable[..., Replay]) -> None:
    edges = ((0, "00:00:00"), (28_800_000, "08:00:00"), (57_600_000, "16:00:00"))
    lines = [
        f"2/{day}/15 {at} BasalProfileStart PATTERN_NAME=standard, RATE={1 + index}, START_TIME={start}"
        for day in range(2, 7)
        for index, (start, at) in enumerate(edges)
    ]
    whole = replayed("\n".join([*lines, "2/6/15 23:59:00 SelfTest"]))
    one_lost = replayed("\n".join([*lines[:4], *lines[5:], "2/6/15 23:59:00 SelfTest"]))
    three_lost = replayed("\n".join([*lines[:4], *lines[7:], "2/6/15 23:59:00 SelfTest"]))
    assert not any(flags(whole).values())
    assert not any(flags(one_lost).values())
    assert flags(three_lost)["2015-02-03"] == flags(three_lost)["2015-02-04"] == ["records missing"]
    assert not flags(three_lost)["2015-02-05"]
    # What is lost is taken to have gone on as on the days around.
    assert [day.basal_uu for day in three_lost.days] == [day.basal_uu for day in whole.days]


@pytest.mark.parametrize(
    "record", ["BolusNormal AMOUNT=null, PROGRAMMED_AMOUNT=2", "ChangeTempBasal RATE=, DURATION=3600000"]
)
def test_record_without_its_values_is_missing(replayed: Callable[..., Replay], record: str) -> None:
    done = replayed(START + f"2/2/15 12:00:00 {record}\n2/2/15 23:59:00 SelfTest")
    assert flags(done) == {"2015-02-02": ["records missing"]}
    assert done.days[0].total_uu == 24_000_000


def test_clock_set_ahead_makes_the_day_shorter(replayed: Callable[..., Replay]) -> None:
    # 12:27:09 becomes 13:27:00: the places from 12:28:30 to 13:25:30 are jumped over.
    done = replayed(START + "2/2/15 12:27:09 ChangeTime NEW_TIME=1422883620000\n2/2/15 23:59:00 SelfTest")
    assert done.days[0].basal_uu == 24_000_000 - 39 * 25_000
    assert flags(done) == {"2015-02-02": ["clock changed"]}


def test_clock_set_back_makes_the_day_longer(replayed: Callable[..., Replay]) -> None:
    # 13:27:00 becomes 12:27:00. The suspend after it is stamped with a time that came twice.
    done = replayed(
        START
        + """
        2/2/15 13:00:00 BolusNormal AMOUNT=1, PROGRAMMED_AMOUNT=1
        2/2/15 13:27:00 ChangeTime NEW_TIME=1422880020000
        2/2/15 12:40:00 ChangeSuspendEnable ENABLE=user_suspend
        2/2/15 13:10:00 ChangeSuspendEnable ENABLE=normal_pumping
        2/2/15 23:59:00 SelfTest
        """
    )
    assert done.days[0].basal_uu == 24_000_000 + 1_000_000 - 500_000
    assert done.days[0].bolus_uu == 1_000_000
    assert flags(done) == {"2015-02-02": ["clock changed"]}


def test_clock_set_across_midnight_flags_both_days(replayed: Callable[..., Replay]) -> None:
    # 00:05:00 of the 3rd becomes 23:55:00 of the 2nd.
    done = replayed(START + "2/3/15 00:05:00 ChangeTime NEW_TIME=1422921300000\n2/3/15 23:59:00 SelfTest")
    assert flags(done) == {"2015-02-02": ["clock changed"], "2015-02-03": ["clock changed"]}
    # 23:55:30 to 23:58:30 come twice, and 00:00:00 to 00:04:30.
    assert [day.basal_uu for day in done.days] == [24_000_000 + 3 * 25_000, 24_000_000 + 4 * 25_000]


def test_small_change_of_the_clock_is_followed_without_a_flag(replayed: Callable[..., Replay]) -> None:
    # 07:12:29 becomes 07:15:00: the pulse of 07:13:30 is jumped over, that of 07:15:00 is not.
    done = replayed(START + "2/2/15 07:12:29 ChangeTime NEW_TIME=1422861300000\n2/2/15 23:59:00 SelfTest")
    assert done.days[0].basal_uu == 24_000_000 - 25_000
    assert flags(done) == {"2015-02-02": []}


def test_two_pumps_on_one_day_are_added_up_and_flagged(replayed: Callable[..., Replay]) -> None:
    done = replayed(
        """
        2/2/15 00:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0; Paradigm 522
        2/3/15 12:00:00 SelfTest; Paradigm 522
        2/3/15 12:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=2, START_TIME=0; Paradigm 523
        2/4/15 23:59:00 SelfTest; Paradigm 523
        2/2/15 00:00:00 ResultDailyTotal AMOUNT=24; Paradigm 522
        2/4/15 00:00:00 ResultDailyTotal AMOUNT=48; Paradigm 523
        2/4/15 08:00:00 BGLifescan AMOUNT=120; OneTouch
        """
    )
    assert done.device == "Paradigm 522, Paradigm 523"
    assert {date: "two pumps" in day_flags for date, day_flags in flags(done).items()} == {
        "2015-02-02": False,
        "2015-02-03": True,
        "2015-02-04": False,
    }
    assert [day.difference_uu for day in done.days] == [0, None, 0]


def test_one_of_several_pumps_can_be_asked_for(as_text: Callable[..., str], tmp_path: Path) -> None:
    path = tmp_path / "two.csv"
    other = START.replace("\n", "; Paradigm 522\n") + "2/2/15 23:59:00 SelfTest; Paradigm 522\n"
    path.write_text(as_text(START + "2/2/15 23:59:00 SelfTest\n" + other), encoding="utf-8")
    export = read(path)
    assert replay(export).days[0].total_uu == 48_000_000
    assert replay(export, device="Paradigm 522").days[0].total_uu == 24_000_000
    with pytest.raises(
        RecordError, match=r"^two\.csv: has no records of the pump 'x'; it has records of Paradigm Revel"
    ):
        replay(export, device="x")


def test_export_without_a_pump_is_refused(replayed: Callable[..., Replay]) -> None:
    with pytest.raises(RecordError, match="no records of insulin delivery"):
        replayed("2/2/15 08:00:00 GlucoseSensorData AMOUNT=120")


def test_modes_of_a_day_are_told_in_order(replayed: Callable[..., Replay]) -> None:
    done = replayed(
        START
        + """
        2/2/15 06:00:00 ChangeSuspendEnable ENABLE=user_suspend
        2/2/15 07:00:00 ChangeSuspendEnable ENABLE=normal_pumping
        2/2/15 12:00:00 AlarmPump RAW_TYPE=4
        2/2/15 12:30:00 Rewind
        2/2/15 13:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        2/2/15 18:00:00 ChangeBatteryEnable ENABLE=false
        2/2/15 19:00:00 BasalProfileStart PATTERN_NAME=standard, RATE=1, START_TIME=0
        2/2/15 23:59:00 SelfTest
        """
    )
    half_hours = [
        (span.start_us // 1_800_000_000, span.end_us // 1_800_000_000, span.mode) for span in done.days[0].modes
    ]
    assert half_hours == [
        (0, 12, "running"),
        (12, 14, "suspended"),
        (14, 24, "running"),
        (24, 25, "alarm"),
        (25, 26, "reservoir_change"),
        (26, 36, "running"),
        (36, 38, "standby"),
        (38, 48, "running"),
    ]
    assert done.days[0].interruptions == 3


def test_stop_across_midnight_interrupts_both_days(replayed: Callable[..., Replay]) -> None:
    done = replayed(
        START
        + """
        2/2/15 23:56:53 ChangeSuspendEnable ENABLE=user_suspend
        2/3/15 00:10:34 ChangeSuspendEnable ENABLE=normal_pumping
        2/3/15 23:59:00 SelfTest
        """
    )
    assert [day.interruptions for day in done.days] == [1, 1]
    # 23:57:00 and 23:58:30 are lost on the first day; 00:00:00 to 00:10:30 on the second.
    assert [day.basal_uu for day in done.days] == [24_000_000 - 50_000, 24_000_000 - 200_000]


def test_glucose_is_kept_by_day(replayed: Callable[..., Replay]) -> None:
    done = replayed(
        START
        + """
        2/2/15 08:00:00 GlucoseSensorData AMOUNT=120
        2/2/15 08:05:00 CalBGForPH AMOUNT=5.6
        2/2/15 23:59:00 SelfTest
        """
    )
    assert [(mark.mg_per_dl, mark.sensor) for mark in done.days[0].glucose] == [(120, True), (101, False)]


def test_json_has_this_shape(replayed: Callable[..., Replay]) -> None:
    done = replayed(
        START
        + """
        2/2/15 12:00:00 BolusNormal AMOUNT=2.5, PROGRAMMED_AMOUNT=2.5
        2/2/15 23:59:00 SelfTest
        2/2/15 00:00:00 ResultDailyTotal AMOUNT=26.525, CONCENTRATION=null
        2/3/15 06:00:00 SelfTest
        """
    )
    assert json.loads(json.dumps(done.as_json())) == {
        "device": "Paradigm Revel - 523",
        "days": [
            {
                "date": "2015-02-02",
                "basal_u": "24.000",
                "bolus_u": "2.500",
                "total_u": "26.500",
                "recorded_u": "26.525",
                "difference_u": "-0.025",
                "interruptions": 0,
                "flags": [],
            },
            {
                "date": "2015-02-03",
                "basal_u": "6.025",
                "bolus_u": "0.000",
                "total_u": "6.025",
                "recorded_u": None,
                "difference_u": None,
                "interruptions": 0,
                "flags": ["last day is partial"],
            },
        ],
        "summary": {
            "days": 2,
            "flagged": 1,
            "compared": 1,
            "exact": 0,
            "within_0.05_u": 1,
            "within_0.10_u": 1,
            "median_difference_u": "0.025",
            "largest_difference_u": "0.025",
        },
        "advice": {"records": 0, "equal": 0, "policy": "medtronic"},
    }


def test_median_of_an_even_number_of_days_is_the_middle_of_two(replayed: Callable[..., Replay]) -> None:
    done = replayed(
        START
        + """
        2/3/15 23:59:00 SelfTest
        2/2/15 00:00:00 ResultDailyTotal AMOUNT=24.1
        2/3/15 00:00:00 ResultDailyTotal AMOUNT=23.975
        """
    )
    assert done.summary.median_uu == 62_500
    assert done.summary.largest_uu == 100_000
    assert (done.summary.within_0_05, done.summary.within_0_10) == (1, 2)

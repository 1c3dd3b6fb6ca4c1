"""The store of basal profiles in a pump: kept by name, chosen by name, never lost and never changed unasked."""

# mypy takes what a step may change to stay as it was last seen.
# mypy: disable-error-code="comparison-overlap,unreachable"

from __future__ import annotations

from typing import Final

import pytest
from pumps import DAY, LIMITS, MIN, Bench, H, U, is_refused, only, plan_of

from pumpcore.devices import load
from pumpcore.errors import LimitError, QuantityError
from pumpcore.pump import Config, Pump, Settings, events
from pumpcore.pump.effects import ProfileActivated, ProfileDeleted, ProfileStored, Proposed
from pumpcore.therapy.profile import BasalProfile, Segment, WeekPlan

pytestmark = pytest.mark.req("PRF-04")

MOST: Final = load("medtronic-640g").profiles


def named(name: str, rate_uu_per_h: int = U) -> BasalProfile:
    return BasalProfile(name, (Segment(0, rate_uu_per_h),))


def bench_of(*stored: BasalProfile) -> Bench:
    return Bench(device=load("medtronic-640g"), profiles=stored)


def names(bench: Bench) -> list[str]:
    return [profile.name for profile in bench.status.profiles]


def test_the_devices_that_keep_eight_profiles_keep_them_with_48_segments() -> None:
    half_hours = tuple(Segment(i * 30 * MIN, (i % 7 + 1) * 100_000) for i in range(48))
    bench = bench_of(*(BasalProfile(f"profile {i}", half_hours) for i in range(1, 8)))
    assert len(bench.status.profiles) == 8 == MOST
    assert is_refused(bench.pump, events.StoreProfile(0, named("one too many")))
    bench.do(events.StoreProfile(0, named("profile 3", 2 * U)))  # in the place of the one of that name
    assert len(bench.status.profiles) == 8
    assert bench.status.profiles[3].segments == ((0, 2 * U),)


def test_a_week_is_made_of_names_and_each_weekday_has_its_rate() -> None:
    bench = bench_of(named("rest", 500_000), named("sport", 200_000)).start()
    days = ("everyday", "everyday", "sport", "everyday", "everyday", "rest", "rest")
    begun = only(ProfileActivated, bench.do(events.Confirm(0, bench.propose(events.ProposeWeek(0, days)))))
    assert begun.names == ("everyday", "sport", "rest")
    rates = []
    for day in range(7):
        bench.to(day * DAY + H)
        rates.append((bench.status.profile, bench.status.rate_uu_per_h))
    assert rates == [(name, {"everyday": U, "sport": 200_000, "rest": 500_000}[name]) for name in days]


def test_one_name_stands_for_all_days_and_the_plan_that_goes_is_kept() -> None:
    bench = bench_of(named("sick", 2 * U)).start()
    bench.do(events.Confirm(0, bench.propose(events.ProposeWeek(0, ("sick",)))))
    assert bench.status.rate_uu_per_h == 2 * U
    assert names(bench) == ["sick", "everyday"]
    bench.do(events.Confirm(MIN, bench.propose(events.ProposeWeek(MIN, ("everyday",)))))
    assert (bench.status.rate_uu_per_h, names(bench)) == (U, ["everyday", "sick"])


def test_storing_and_deleting_is_told_and_adds_no_insulin() -> None:
    bench = bench_of().start()
    assert only(ProfileStored, bench.do(events.StoreProfile(0, named("sick", 2 * U)))).name == "sick"
    bench.to(2 * H)
    assert bench.insulin() == 2 * U
    assert only(ProfileDeleted, bench.do(events.DeleteProfile(2 * H, "sick"))).name == "sick"
    assert names(bench) == ["everyday"]


def test_what_is_in_force_is_neither_overwritten_nor_deleted() -> None:
    bench = bench_of().start()
    for request in (events.StoreProfile(0, named("everyday", 2 * U)), events.DeleteProfile(0, "everyday")):
        with pytest.raises(QuantityError, match="is in force"):
            bench.do(request)
    bench.do(events.StoreProfile(0, named("everyday", U)))  # the very same one is no change
    assert (names(bench), bench.status.rate_uu_per_h) == (["everyday"], U)


def test_a_plan_replaces_the_stored_profile_of_its_name() -> None:
    bench = bench_of(named("sick", 2 * U)).start()
    plan = WeekPlan.of(named("sick", 3 * U))
    bench.do(events.Confirm(0, bench.propose(events.ProposePlan(0, plan))))
    assert {profile.name: profile.segments[0].rate_uu_per_h for profile in bench.status.profiles} == {
        "sick": 3 * U,
        "everyday": U,
    }


def test_a_name_that_nobody_stored_is_refused_with_those_that_are_there() -> None:
    bench = bench_of(named("sick"))
    with pytest.raises(QuantityError, match=r"days\[2\]: 'ill' is not a stored profile; stored: everyday, sick"):
        bench.do(events.ProposeWeek(0, ("sick", "sick", "ill", "sick", "sick", "sick", "sick")))
    with pytest.raises(LimitError, match="days: 2"):
        bench.do(events.ProposeWeek(0, ("sick", "sick")))
    with pytest.raises(QuantityError, match="stored: none yet"):
        Bench(plan=None).do(events.ProposeWeek(0, ("sick",)))
    with pytest.raises(QuantityError, match="is not a stored profile"):
        bench.do(events.DeleteProfile(0, "ill"))


def test_a_stored_rate_above_a_limit_is_refused_when_it_is_asked_for() -> None:
    bench = Bench(profiles=(named("high", 34 * U), named("absurd", 36 * U))).start()
    bench.propose(events.ProposeWeek(0, ("high",)))
    with pytest.raises(LimitError, match="rate_uu_per_h: 36000000"):
        bench.do(events.ProposeWeek(0, ("absurd",)))


def test_a_plan_for_which_there_is_no_room_is_refused_and_nothing_stored_is_lost() -> None:
    bench = Bench(profiles=(named("a"), named("b"))).start()  # of three that a 523 keeps
    with pytest.raises(LimitError, match="profiles: 4 is above the largest allowed, 3"):
        bench.do(events.ProposePlan(0, plan_of((0, U), weekend=((0, 2 * U),))))
    assert names(bench) == ["everyday", "a", "b"]


def test_a_proposal_that_lost_its_room_is_refused_at_its_confirmation() -> None:
    bench = Bench(profiles=(named("a"),)).start()
    proposal = bench.propose(events.ProposePlan(0, plan_of((0, U), weekend=((0, 2 * U),))))
    bench.do(events.StoreProfile(0, named("b")))
    assert is_refused(bench.pump, events.Confirm(0, proposal))


def test_the_plan_that_goes_makes_way_where_the_device_is_full() -> None:
    bench = Bench(profiles=(named("a"), named("b"))).start()
    bench.do(events.Confirm(0, bench.propose(events.ProposePlan(0, WeekPlan.of(named("c"))))))
    assert names(bench) == ["c", "a", "b"]


def test_the_plan_that_goes_is_kept_in_the_very_last_place() -> None:
    bench = Bench(profiles=(named("a"),)).start()  # three that a 523 keeps
    bench.do(events.Confirm(0, bench.propose(events.ProposePlan(0, WeekPlan.of(named("b"))))))
    assert names(bench) == ["b", "a", "everyday"]


def test_a_plan_in_the_place_of_its_namesake_takes_no_second_place() -> None:
    bench = Bench(profiles=(named("a"), named("b"))).start()
    bench.do(events.Confirm(0, bench.propose(events.ProposePlan(0, WeekPlan.of(named("everyday", 2 * U))))))
    assert names(bench) == ["everyday", "a", "b"]
    bench.do(events.Confirm(0, bench.propose(events.ProposePlan(0, WeekPlan.of(named("c"))))))
    assert names(bench) == ["c", "a", "b"]


def test_a_configuration_with_two_profiles_of_one_name_or_too_many_is_refused() -> None:
    device = load("medtronic-523")
    with pytest.raises(QuantityError, match="is the name of two"):
        Config(device=device, settings=Settings(limits=LIMITS), profiles=(named("a"), named("a", 2 * U)))
    with pytest.raises(QuantityError, match="is in force"):
        Config(
            device=device, settings=Settings(limits=LIMITS), plan=plan_of((0, U)), profiles=(named("everyday", 2 * U),)
        )
    with pytest.raises(LimitError, match="profiles: 4"):
        Config(
            device=device,
            settings=Settings(limits=LIMITS),
            plan=plan_of((0, U)),
            profiles=(named("a"), named("b"), named("c")),
        )


def test_the_store_survives_a_restart() -> None:
    bench = bench_of(named("sick", 2 * U)).start()
    again = Pump.restore(bench.pump.snapshot())
    assert again.status.profiles == bench.status.profiles
    assert only(Proposed, again.step(events.ProposeWeek(0, ("sick",)))).proposal.id == 1

"""The model of the rule machine refuses what no pump may do: a real pump's answers, changed in one place.

Without the change the same way is accepted, so that it is the change alone that is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from pumps import LIMITS, MIN, H, U, config_of, plan_of

from pumpcore.devices import load
from pumpcore.pump import Calculator, Config, Pump, events
from pumpcore.pump.effects import (
    BolusCalculated,
    BolusDelivered,
    BolusProgrammed,
    EndReason,
    FirePulse,
    ModeChanged,
    PrimePulse,
    Proposed,
    TempEnded,
    TempStarted,
)
from pumpcore.pump.modes import State
from pumpcore.testing import ContractError, PumpModel
from pumpcore.therapy.envelope import BolusRequest, ControllerBounds, RateRequest
from pumpcore.therapy.glucose import MgDl, Reading
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event

    Change = Callable[[Event, tuple[Effect, ...]], Sequence[object]]

BOUNDS: Final = ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=U, max_duration_us=H, max_age_us=MIN)
CALCULATOR: Final = Calculator(
    policy="ypsomed", carb_ratio_mg_per_u=10_000, sensitivity=MgDl(40), target_low=MgDl(90), target_high=MgDl(120)
)
CONFIG: Final = config_of(
    controller=BOUNDS,
    calculator=CALCULATOR,
    low_suspend=LowSettings(LOW_PRESETS["medtronic-640g"], MgDl(70)),
    plan=plan_of((0, 2 * U)),
)


def changed_reservoir() -> list[Event]:
    return [
        events.BeginChange(0, set_off_body=True),
        events.Rewound(0),
        events.ReservoirMeasured(0, 100 * U),
        events.Loaded(0),
        events.Prime(0, 8 * U),
        events.Primed(0),
        events.Filled(0),
        events.Connected(0),
        events.Start(0),
    ]


def measured(at_us: int, mg_per_dl: int) -> Event:
    return events.GlucoseMeasured(at_us, Reading(at_us, MgDl(mg_per_dl)))


@dataclass
class Way:
    """A pump on its way, and the model that hears of it what `change` lets through."""

    change: Change
    config: Config = CONFIG
    told: Config | None = None

    def __post_init__(self) -> None:
        self.pump = Pump(self.config, at_us=0)
        self.model = PumpModel(self.told or self.config)

    def do(self, *some: Event) -> None:
        for event in some:
            effects = self.pump.step(event)
            self.model.watch(event, self.change(event, effects))
            self.model.check_due()
            for order in effects:
                if isinstance(order, FirePulse | PrimePulse):
                    self.do(events.PulseConfirmed(event.at_us, order.seq))
                elif isinstance(order, Proposed):
                    self.do(events.Confirm(event.at_us, order.proposal.id))

    def to(self, at_us: int) -> None:
        while (deadline_us := self.pump.next_deadline_us()) is not None and deadline_us <= at_us:
            self.do(events.Tick(deadline_us))


def nothing(_: Event, effects: tuple[Effect, ...]) -> Sequence[object]:
    return effects


def all_of_it(way: Way) -> None:
    """A way on which each of the changes below finds its place."""
    way.do(*changed_reservoir())
    way.to(10 * MIN)
    way.do(measured(10 * MIN, 150))
    way.do(events.AskAdvice(10 * MIN, 20_000))
    way.to(20 * MIN)
    way.do(events.ProposeTemp(20 * MIN, H // 2, percent=50))
    way.to(21 * MIN)
    way.do(events.Suspend(21 * MIN), events.Tick(23 * MIN))
    way.to(25 * MIN)
    way.do(events.Resume(25 * MIN))
    way.to(60 * MIN)
    way.do(events.ControllerAsks(60 * MIN, RateRequest(id=1, at_us=60 * MIN, rate_uu_per_h=3 * U, duration_us=H)))
    way.do(events.ControllerAsks(60 * MIN, BolusRequest(id=2, at_us=60 * MIN, amount_uu=500_000)))
    way.to(80 * MIN)
    way.do(measured(80 * MIN, 60))
    way.to(90 * MIN)


def edited(kind: type[Any], edit: Callable[[Any, Event], list[object]]) -> Change:
    """Put something else in the place of each effect of a kind."""

    def change(event: Event, effects: tuple[Effect, ...]) -> Sequence[object]:
        found: list[object] = []
        for each in effects:
            found += edit(each, event) if isinstance(each, kind) else [each]
        return found

    return change


def added(when: type[Event], *more: Callable[[int], object], at_us: int = 0) -> Change:
    """Add effects to the answer to each event of a kind, from an instant on."""

    def change(event: Event, effects: tuple[Effect, ...]) -> Sequence[object]:
        if isinstance(event, when) and event.at_us >= at_us:
            return [*effects, *(each(event.at_us) for each in more)]
        return effects

    return change


def stray(at_us: int) -> object:
    return FirePulse(at_us, 10**6, "basal", 0, 1, 25_000)


def moved(before: State, after: State, trigger: str) -> Callable[[int], object]:
    return lambda at_us: ModeChanged(at_us, before, after, trigger)


REFUSED: Final[dict[str, tuple[str, Change]]] = {
    "a pulse is lost": ("DEL-01 behind", edited(FirePulse, lambda _, __: [])),
    "a pulse too many": ("DEL-01 ahead", added(events.Tick, stray)),
    "a pulse while suspended": ("DEL-12", added(events.Tick, stray, at_us=22 * MIN)),
    "one number twice": ("DEL-08", edited(FirePulse, lambda each, _: [each, each])),
    "a pulse of the future": ("DEL-05", edited(FirePulse, lambda each, _: [replace(each, at_us=each.at_us + 1)])),
    "another amount": ("DEL-15", edited(FirePulse, lambda each, _: [replace(each, amount_uu=50_000)])),
    "priming while running": ("RES-07", added(events.Suspend, lambda at_us: PrimePulse(at_us, 10**6, 1, 25_000))),
    "a larger bolus than was confirmed": (
        "BOL-01",
        edited(BolusProgrammed, lambda each, _: [replace(each, bolus=replace(each.bolus, fast_uu=9 * U))]),
    ),
    "a bolus that nobody confirmed": (
        "BOL-01",
        edited(Proposed, lambda each, _: [each, BolusProgrammed(each.at_us, bolus_like(each.proposal.amount_uu))]),
    ),
    "a record of less than was delivered": (
        "BOL-07",
        edited(BolusDelivered, lambda each, _: [replace(each, bolus=replace(each.bolus, delivered_uu=0))]),
    ),
    "a suggestion beyond food and correction": (
        "ADV-02",
        edited(BolusCalculated, lambda each, _: [replace(each, advice=replace(each.advice, suggested_uu=4 * U))]),
    ),
    "a temp basal that a suspend of this policy ends": (
        "SUS-03",
        added(events.Suspend, lambda at_us: TempEnded(at_us, EndReason.CANCELED)),
    ),
    "a temp basal that is over too early": (
        "TMP-01",
        added(events.PulseConfirmed, lambda at_us: TempEnded(at_us, EndReason.OVER), at_us=20 * MIN),
    ),
    "a controller that gets more than it may": (
        "GLU-05",
        edited(
            TempStarted,
            lambda each, event: (
                [replace(each, rate_uu_per_h=4 * U)] if isinstance(event, events.ControllerAsks) else [each]
            ),
        ),
    ),
    "a resume that nobody asked for": (
        "SUS-02",
        added(events.Tick, moved(State.SUSPENDED, State.RUNNING, "resume"), at_us=22 * MIN),
    ),
    "a start by itself": ("MOD-01", added(events.Tick, moved(State.STANDBY, State.RUNNING, "start"))),
    "a fault without a cause": ("MOD-07", added(events.Tick, moved(State.RUNNING, State.ALARM, "fault"))),
    "a stop by itself": ("SUS-01", added(events.Tick, moved(State.RUNNING, State.SUSPENDED, "suspend"))),
    "a suspend for glucose that is high": (
        "GLU-03 GLU-04",
        added(events.GlucoseMeasured, moved(State.RUNNING, State.SUSPENDED, "suspend")),
    ),
    "no suspend for glucose that is low": (
        "GLU-02",
        edited(ModeChanged, lambda each, event: [] if isinstance(event, events.GlucoseMeasured) else [each]),
    ),
}
"""What is changed, and the requirement that it must be refused by."""


def bolus_like(amount_uu: int) -> Any:  # noqa: ANN401 - a Bolus
    way = Way(nothing)
    way.do(*changed_reservoir())
    way.do(events.ProposeBolus(0, fast_uu=amount_uu))
    return way.pump.status.boluses[0]


def test_what_a_pump_does_is_accepted() -> None:
    way = Way(nothing)
    all_of_it(way)
    assert way.model.state == "suspended"
    assert way.model.controller_done == {1, 2}
    assert len(way.model.programmed) == 2


@pytest.mark.parametrize("what", REFUSED)
def test_what_no_pump_may_do_is_refused(what: str) -> None:
    requirement, change = REFUSED[what]
    with pytest.raises(ContractError, match=f"^{requirement}"):
        all_of_it(Way(change))


@pytest.mark.parametrize(
    ("requirement", "told"),
    [
        ("LIM-04", CONFIG.with_settings(limits=replace(LIMITS, max_hour_uu=U))),
        ("LIM-05", CONFIG.with_settings(limits=replace(LIMITS, max_day_uu=U))),
        ("DEL-01", replace(CONFIG, plan=plan_of((0, U)))),
        ("DEL-01", replace(CONFIG, plan=plan_of((0, 2 * U), (6 * H, U)), zone="Asia/Kathmandu")),
        ("DEL-05", replace(CONFIG, device=replace(load("medtronic-523"), grid_us=7 * MIN))),
        ("GLU-05", CONFIG.with_settings(controller=ControllerBounds())),
        ("GLU-05", CONFIG.with_settings(controller=replace(BOUNDS, max_duration_us=30 * MIN))),
        ("STA-02", CONFIG.with_settings(calculator=None)),
        ("STA-02", CONFIG.with_settings(low_suspend=None)),
    ],
)
def test_what_another_pump_may_do_is_refused(requirement: str, told: Config) -> None:
    with pytest.raises(ContractError, match=f"^{requirement}"):
        all_of_it(Way(nothing, told=told))

"""What the model knows of a pump, and what follows from it at once.

The rule of this file: fields and questions; nothing here follows an event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.frozen import dataclass, field
from pumpcore.testing.therapy_model import LowSuspendModel, Readings, ReminderModel
from pumpcore.testing.wall_clock import WallClockModel
from pumpcore.therapy.profile import AbsoluteTemp

if TYPE_CHECKING:
    from pumpcore.alarms import Kind
    from pumpcore.devices import Device
    from pumpcore.limits import Limits
    from pumpcore.pump import Config, events
    from pumpcore.pump.events import SuspendCause
    from pumpcore.pump.settings import Settings
    from pumpcore.therapy.profile import TempBasal, WeekPlan


@dataclass
class ModelTrain:
    """A part of a bolus: `steps` spread over `duration_us`; steps before a pause are in `ModelPart.due_before`."""

    bolus_id: int
    channel: str
    start_us: int
    duration_us: int
    steps: int
    held: bool = False

    def due(self, at_us: int) -> int:
        """Whole steps earned by an instant."""
        if self.held or at_us <= self.start_us:
            return 0
        return min(self.steps, self.steps * (at_us - self.start_us) // self.duration_us)


@dataclass
class ModelOrder:
    """A pulse that was ordered."""

    at_us: int
    bolus_id: int
    steps: int
    therapy: bool
    reservoir: int
    fate: str = "outstanding"


@dataclass
class ModelPart:
    """One channel of one bolus, or basal: steps that fell due, were ordered, and were missed."""

    due_before: int = 0
    ordered: int = 0
    missed: int = 0


@dataclass
class ModelState:
    """The books of a pump that was made with `config` at 0."""

    config: Config
    device: Device = field(init=False)
    policy: str = field(init=False)
    settings: Settings = field(init=False)
    limits: Limits = field(init=False)
    caps: Limits = field(init=False)
    plan: WeekPlan | None = field(init=False)
    clock: WallClockModel | None = field(init=False)
    readings: Readings = field(default_factory=Readings)
    reminders: ReminderModel = field(init=False)
    low: LowSuspendModel | None = field(init=False)
    now_us: int = 0
    state: str = "standby"
    cause: SuspendCause | None = None
    reservoir_uu: int | None = None
    reservoirs: int = 0
    primed: bool = False
    set_off_body: bool = False
    tubing_primed: bool = False
    begun_us: int | None = None
    suspended_us: int = 0
    began_low: bool = False  # the suspend began for low glucose: nothing of it is ever made up
    paused: bool = False  # suspended by a person or for glucose, not by a fault
    missed_fine: int = 0
    temp: TempBasal | None = None
    earned_fine: int = 0
    earned_grid_fine: int = 0  # of that, what was earned by the last instant of the actuator's grid
    basal: ModelPart = field(default_factory=ModelPart)
    parts: dict[tuple[int, str], ModelPart] = field(default_factory=dict)
    trains: list[ModelTrain] = field(default_factory=list)
    programmed: dict[int, int] = field(default_factory=dict)
    recorded: set[int] = field(default_factory=set)
    orders: dict[int, ModelOrder] = field(default_factory=dict)
    pulses: list[tuple[int, int]] = field(default_factory=list)
    causes: dict[Kind, list[bool]] = field(default_factory=dict)  # stopping kinds: cause there, confirmed
    battery: int | None = None
    answered: set[int] = field(default_factory=set)
    asked: dict[int, events.Event] = field(default_factory=dict)
    asked_on: dict[int, tuple[int, tuple[object, ...], bool]] = field(default_factory=dict)
    changed: int = 0  # mode, limits, plan and clock, how often
    begun_boluses: int = 0
    controller_id: int = 0
    controller_done: set[int] = field(default_factory=set)
    was_ready: bool = False  # to resume, before the event
    raised_now: set[Kind] = field(default_factory=set)  # by this event
    could_end: bool = False  # a low-glucose suspend, before the event

    def __post_init__(self) -> None:
        """Take the config apart."""
        config = self.config
        self.device, self.policy, self.plan = config.device, config.settings.policy.id, config.plan
        self.settings = config.settings
        self.limits = self.caps = config.settings.limits
        self.clock = None if config.anchor is None else WallClockModel(config.zone, config.anchor.shift_us)
        self.reminders = ReminderModel(config.settings.alarms, config.settings.meals, self.readings)
        self.low = (
            None if config.settings.low_suspend is None else LowSuspendModel(config.settings.low_suspend, self.readings)
        )

    def settled(self, settings: Settings) -> None:
        """Follow other settings; the insulin curve is the pump's own business, and no rule here rests on it."""
        self.settings, self.limits, self.policy = settings, settings.limits, settings.policy.id
        self.changed += 1
        self.reminders.settings, self.reminders.meals = settings.alarms, settings.meals
        low = settings.low_suspend
        if low is None:
            self.low = None
        elif self.low is None:
            self.low = LowSuspendModel(low, self.readings)
        else:
            self.low.settings = low

    def facts(self) -> dict[str, bool]:
        """Answer what the modes ask (MOD-01, STA-01)."""
        left = self.reservoir_uu or 0
        return {
            "time_set": self.clock is not None,
            "limits_set": not self.limits.unset(),
            "profile_set": self.plan is not None,
            "reservoir_attached": self.reservoir_uu is not None,
            "reservoir_filled": left >= self.device.step_uu,
            "primed": self.primed,
            "set_off_body": self.set_off_body,
            "tubing_primed": self.tubing_primed,
            "no_stopping_alarm": not self.causes,
        }

    def profile_rate(self, at_us: int) -> int:
        """Return the rate of the profile at an instant (PRF-03, TIM-01)."""
        return 0 if self.plan is None or self.clock is None else self.clock.rate(self.plan, at_us)

    def programmed_rate(self, at_us: int) -> int:
        """Return the programmed rate from an instant on, delivered or not (TMP-01)."""
        rate = self.profile_rate(at_us)
        if self.temp is None or at_us >= self.temp.start_us + self.temp.duration_us:
            return rate
        if isinstance(self.temp, AbsoluteTemp):
            return self.temp.rate_uu_per_h
        return self.device.round_rate_down(rate * self.temp.percent // 100)

    def edges(self, to_us: int) -> list[int]:
        """Instants after now and up to `to_us` at which the programmed rate may change."""
        found = {to_us}
        if self.temp is not None:
            found.add(self.temp.start_us + self.temp.duration_us)
        if self.plan is not None and self.clock is not None:
            found |= self.clock.edges(self.plan, self.now_us, to_us)
        return sorted(each for each in found if self.now_us < each <= to_us)

    def basis(self, *, by_advice: bool) -> tuple[object, ...]:
        """Return the facts on which a proposal is based (BOL-04, ADV-07)."""
        return (self.changed, self.begun_boluses, self.readings.taken) if by_advice else (self.changed,)

    def confirmable(self, number: int) -> bool:
        """Whether a proposal is neither expired nor overtaken."""
        if number not in self.asked_on or number in self.answered:
            return False
        until_us, basis, by_advice = self.asked_on[number]
        return self.now_us <= until_us and basis == self.basis(by_advice=by_advice)

    def part(self, bolus_id: int, channel: str) -> ModelPart:
        """Return the book of one channel of one bolus, or of basal."""
        return self.basal if channel == "basal" else self.parts[bolus_id, channel]

    def without_us(self) -> int:
        """Time since therapy insulin was last confirmed, or since the first start."""
        if self.begun_us is None:
            return 0
        confirmed = [each.at_us for each in self.orders.values() if each.therapy and each.fate == "confirmed"]
        return self.now_us - max([self.begun_us, *confirmed])

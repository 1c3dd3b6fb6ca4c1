"""What each event of the specification is for the real pump, and how the real pump looks to the specification.

The rules of this file: a model is made from the constants of a configuration of TLC and nothing else. `Bench.give` does
one event as the specification means it (a tick is a host that calls at every deadline) and says whether the pump took
it; `Bench.seen` is the state of the specification that the real pump is in. Figures that the specification has too (how
long an alarm waits, how old is old) are written here again, not taken from the code.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pumpcore import Delivery
from pumpcore.alarms import AlarmSettings, Kind, Watch
from pumpcore.devices import Range, Speed, load
from pumpcore.errors import RequestError
from pumpcore.limits import Limits
from pumpcore.pump import Config, Pump, Settings, events
from pumpcore.pump.effects import FirePulse, PrimePulse
from pumpcore.pump.ledger import Ledger
from pumpcore.pump.state import PumpState
from pumpcore.therapy.glucose import READING_US_MAX, LowPreset, LowSettings, MgDl, Quality, Reading
from pumpcore.therapy.iob import Iob
from pumpcore.therapy.profile import Anchor, BasalProfile, PercentTemp, Segment, WeekPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pumpcore.alarms import Annunciation
    from pumpcore.devices import Device
    from pumpcore.pump.effects import Effect

__all__ = ["ALPHABET", "Bench", "Model", "beyond"]

MINUTE: Final = 60_000_000
STEP_UU: Final = 50_000
FULL_UU: Final = 300_000_000
NEVER_US: Final = 1 << 62
MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC)
NO_RESERVOIR: Final = -1
PLENTY: Final = 999
PRIMING: Final = 98
GONE: Final = 99
NEVER_HEARD: Final = -1
LOW_MG_DL: Final = 60

HIGH: Final = frozenset(
    {
        "occlusion_detected",
        "mechanical_issue",
        "reservoir_issue",
        "reservoir_empty",
        "battery_empty",
        "auto_off",
        "no_delivery_high",
        "no_delivery_danger",
        "glucose_low",
    }
)
MEDIUM: Final = frozenset(
    {"no_delivery_medium", "disconnect_over", "priming_issue", "bolus_canceled", "pulse_uncertain"}
)
NEVER_AGAIN: Final = frozenset(
    {
        "bolus_canceled",
        "tbr_over",
        "tbr_canceled",
        "bolus_not_confirmed",
        "pulse_uncertain",
        "reservoir_low",
        "auto_off_soon",
        "glucose_low_predicted",
    }
)
SUSPEND_POLICIES: Final = {
    (True, False, 0): "medtronic",
    (False, False, 0): "tandem",
    (True, True, 15): "roche_pause",
}
"""By whether a temp basal and boluses are kept, and the minutes that are made up."""


@dataclass(frozen=True, slots=True)
class Model:
    """The constants of one bounded model, with what they mean for the real pump."""

    constants: Mapping[str, Any]

    @property
    def tick_us(self) -> int:
        """Give the span of one tick."""
        return int(self.constants["Minutes"]) * MINUTE

    @property
    def kinds(self) -> tuple[str, ...]:
        """Name the annunciations it looks at."""
        return tuple(sorted(self.constants["Kinds"]))

    @property
    def events(self) -> tuple[str, ...]:
        """Name its alphabet: the events of the specification, and those that no state may ever take."""
        return (*sorted(self.constants["Events"]), *sorted(REFUSED_ALWAYS))

    @property
    def dry_most(self) -> int:
        """Say how many ticks without insulin it counts."""
        return self.ticks(120) if any(kind.startswith("no_delivery") for kind in self.kinds) else 0

    @property
    def stopped_most(self) -> int:
        """Say how many ticks since the stop it counts."""
        pause = int(self.constants["MakesUp"])
        return max(pause + 1 if pause else 0, self.ticks(15) if "no_delivery_reminder" in self.kinds else 0)

    @property
    def heard_most(self) -> int:
        """Say how many ticks without the sensor it counts: with the last of them the link is lost."""
        return self.ticks(24) if "sensor_link_lost" in self.kinds else 0

    def ticks(self, minutes: int) -> int:
        """Say how many ticks a span is, rounded up."""
        return -(-minutes // int(self.constants["Minutes"]))

    def oldest(self, kind: str) -> int:
        """Say how long a pending annunciation grows more urgent, in ticks."""
        return self.ticks(10) if kind in HIGH else self.ticks(40) if kind in MEDIUM else 0

    def device(self) -> Device:
        """Give a pump whose pulses leave at ticks: one step of each part of a bolus in one tick."""
        plain = load("generic-0.05")
        spans = Range(self.tick_us, 30 * self.tick_us, step=self.tick_us)
        return replace(
            plain,
            grid_us=self.tick_us,
            bolus_speeds=(Speed(0, self.tick_us * 20, None),),
            temp_us=spans,
            extended_us=spans,
            auto_off_warning_us=self.tick_us,
        )

    def config(self) -> Config:
        """Say what the real pump is made with."""
        constants, new = self.constants, self.constants["Begins"] == "new"
        minutes, whole_ticks = 15 if constants["MakesUp"] else 0, int(constants["MakesUp"])
        if whole_ticks != minutes // int(constants["Minutes"]):
            raise ValueError(f"no policy makes up {whole_ticks} ticks")
        policy = SUSPEND_POLICIES[constants["KeepsTemp"], constants["KeepsBoluses"], minutes]
        return Config(
            device=self.device(),
            settings=Settings(
                limits=Limits() if new else self.limits(),
                suspend_policy=policy,
                alarms=self.alarms(),
                low_suspend=self.low_suspend(),
            ),
            plan=None if new and "ProposePlan" in constants["Events"] else self.plan(),
            anchor=None if new else Anchor(0, MONDAY),
            lateness_us=MINUTE,
            proposal_us=int(constants["OfferTicks"]) * self.tick_us,
            unanswered_us=10 * MINUTE,
        )

    def alarms(self) -> AlarmSettings:
        """Give the thresholds of the watch, of a lost link and of auto-off."""
        auto_off = int(self.constants["AutoOff"])
        return AlarmSettings(
            watch=Watch(reminder_us=15 * MINUTE, medium_us=30 * MINUTE, high_us=60 * MINUTE, danger_us=120 * MINUTE),
            sensor_lost_us=24 * MINUTE,
            auto_off_us=auto_off * self.tick_us if auto_off else None,
        )

    def low_suspend(self) -> LowSettings | None:
        """Give a preset that suspends at the limit alone, or before it too; then it ends well above it.

        It predicts for an instant only, so that what a reading means hangs on no slope; but it needs to have one.
        """
        longest, after, by_hand = (int(self.constants[name]) for name in ("LowMost", "LowAway", "LowAwayHand"))
        if not longest:
            return None
        preset = LowPreset(
            id="model",
            limit=Range(LOW_MG_DL, LOW_MG_DL),
            horizon_us=int(self.constants["LowPredicts"]),
            predicted_above=20,
            now_below=0,
            resume_above=20,
            resume_predicted_above=40,
            most_us=longest * self.tick_us,
            after_most_us=after * self.tick_us,
            after_hand_us=by_hand * self.tick_us,
            sources=(),
        )
        return LowSettings(preset, MgDl(LOW_MG_DL))

    def limits(self) -> Limits:
        """Give limits that are met by a bolus that is too large, and by nothing else."""
        return Limits(
            max_basal_uu_per_h=10_000_000,
            max_temp_basal_uu_per_h=10_000_000,
            max_temp_basal_percent=200,
            max_bolus_uu=int(self.constants["MaxBolus"]) * STEP_UU,
            max_iob_uu=60_000_000,
            max_hour_uu=60_000_000,
            max_day_uu=300_000_000,
        )

    def plan(self) -> WeekPlan:
        """Give the same rate all week."""
        rate = int(self.constants["Rate"]) * STEP_UU * 60 // int(self.constants["Minutes"])
        return WeekPlan.of(BasalProfile("everyday", (Segment(0, rate),)))


def first_of(active: tuple[Annunciation, ...], kind: str) -> int | None:
    """Give the number of the active annunciation of a kind."""
    return next((each.id for each in active if each.kind.value == kind), None)


CALLS_MOST: Final = 1000
"""Calls within a tick: sounds, pulses and deadlines need some dozens."""


class Bench:
    """The real pump of a model, and its host.

    Attributes:
        model: the model.
        pump: the pump; None while it has no power.
        kept: what a pump without power has left behind.
        dark: the pump that this makes, once somebody has looked at it.
        spins: whether it wanted to be called again and again within a tick; no state of the specification is like that.
    """

    spins = False

    def __init__(self, model: Model) -> None:
        """Make the pump and bring it to where the model begins."""
        self.model = model
        self.kept = b""
        self.dark: Pump | None = None
        # Readings of before the beginning have a time too.
        at_us = 2 * model.tick_us
        self.pump: Pump | None = Pump(model.config(), at_us=at_us)
        begins = model.constants["Begins"]
        if begins in {"ready", "running"}:
            for event in (
                events.BeginChange(at_us, set_off_body=True),
                events.Rewound(at_us),
                events.ReservoirMeasured(at_us, FULL_UU),
                events.Loaded(at_us),
                events.Prime(at_us, STEP_UU),
                events.PulseConfirmed(at_us, 1),
                events.Primed(at_us),
                events.Filled(at_us),
                events.Connected(at_us),
            ):
                self.pump.step(event)
        if begins == "running":
            self.pump.step(events.Start(at_us))

    # What it is -----------------------------------------------------------------------------------------------------

    @property
    def state(self) -> PumpState:
        """Give all that the pump knows. The comparison looks at it as it is, not at what the pump says of itself."""
        return self.shown._kept.state  # noqa: SLF001

    @property
    def shown(self) -> Pump:
        """Give the pump to look at: without power, the one that would come back."""
        if self.pump is not None:
            return self.pump
        if self.dark is None:
            self.dark = self.restored()
        return self.dark

    def restored(self) -> Pump:
        """Give the pump that was kept."""
        return Pump.restore(self.kept, device=self.model.device())

    def copy(self) -> Bench:
        """Return another bench with an equal pump; `mark` shows that what is done to one leaves the other alone."""
        other = object.__new__(Bench)
        other.model, other.kept, other.dark = self.model, self.kept, self.dark
        other.pump, other.spins = None, self.spins
        if self.pump is not None:
            other.pump = object.__new__(Pump)
            vars(other.pump).update(vars(self.pump))
        return other

    def mark(self) -> tuple[object, ...]:
        """Give all that the pump is, to tell whether something has changed it."""
        if self.pump is None:
            return (self.kept,)
        return (_mark(self.state),)

    # What one does to it --------------------------------------------------------------------------------------------

    def give(self, event: str) -> bool:
        """Do one event of the specification; say whether the pump took it.

        Raises:
            PumpcoreError: the pump found a bug in itself, or refused what only follows from the event.
        """
        if event == "Restart":
            return self._restart()
        if self.pump is None:
            return False
        if event == "PowerLoss":
            self.kept, self.dark, self.pump = self.pump.snapshot(), None, None
            return True
        if event == "Tick":
            self._tick()
            return True
        made = ALPHABET[event](self.state, self.model)
        try:
            for each in made if isinstance(made, tuple) else (made,):
                self._answer(self.pump.step(each))
        except RequestError:
            return False
        return True

    def _answer(self, effects: tuple[Effect, ...]) -> None:
        """Let the actuator confirm at once, if it does."""
        if self.pump is not None and self.model.constants["AutoConfirm"]:
            for effect in effects:
                if isinstance(effect, FirePulse | PrimePulse):
                    self.pump.step(events.PulseConfirmed(self.state.seen_us, effect.seq))

    def _tick(self) -> None:
        """Let a host call at every deadline, and at the end of the tick."""
        if self.pump is None:
            return
        end_us = self.state.seen_us + self.model.tick_us
        for _ in range(CALLS_MOST):
            deadline_us = self.pump.next_deadline_us()
            if deadline_us is None or deadline_us >= end_us:
                break
            self._answer(self.pump.step(events.Tick(deadline_us)))
        else:
            self.spins = True
        self._answer(self.pump.step(events.Tick(end_us)))

    def _restart(self) -> bool:
        """Bring power back: the pump is what was kept, and of pulses in flight nobody knows."""
        if self.pump is not None:
            return False
        self.pump = self.restored()
        for seq, order in list(self.state.ledger.orders.items()):
            if order.fate.name == "OUTSTANDING":
                self.pump.step(events.PulseUnknown(self.state.seen_us, seq))
        return True

    # How it looks to the specification ------------------------------------------------------------------------------

    def seen(self) -> dict[str, Any]:
        """Give the state of the specification that the pump is in."""
        s = self.state
        bolus_ids = sorted(s.boluses.active)
        return {
            "on": self.pump is not None and not self.spins,
            "mode": s.state.value.rpartition(".")[2],
            "cause": "none" if s.suspension.cause is None else s.suspension.cause.value,
            "wait": 0 if s.suspension.until_us == NEVER_US else self._ticks(s.suspension.until_us - s.seen_us),
            "begun": s.begun_us is not None,
            "time": s.local.anchor is not None,
            "limits": not s.settings.limits.unset(),
            "profile": s.basal.plan is not None,
            "primed": s.reservoir.primed,
            "offBody": s.reservoir.set_off_body,
            "tubing": s.reservoir.tubing_primed,
            "left": left_of(s.reservoir.amount_uu),
            "battery": battery_of(s.battery.percent),
            "temp": self._temp(s),
            "boluses": tuple(bolus_of(s, each) for each in bolus_ids) + strays_of(s),
            "offers": tuple(self._offer(each, s.seen_us) for each in s.proposals.open.values()),
            "answered": bool(s.proposals.answers),
            "pulses": self._pulses(s, bolus_ids),
            # A function of nothing is an empty sequence to TLC.
            "alarms": {kind: self._alarm(s, kind) for kind in self.model.kinds} or (),
            "dry": self._dry(s),
            "stopped": 0 if s.state.value == "running" else self._since(s.suspension.since_us, self.model.stopped_most),
            "counts": s.suspension.misses,
            "missed": min(s.suspension.missed_uu // STEP_UU, int(self.model.constants["MaxBolus"])),
            "reading": self._reading(s),
            "heard": self._heard(s),
            "away": self._away(s),
            "idle": self._since(s.person_us, int(self.model.constants["AutoOff"])),
        }

    def _ticks(self, span_us: int) -> int:
        return span_us // self.model.tick_us

    def _since(self, at_us: int, most: int) -> int:
        return min(self._ticks(self.state.seen_us - at_us), most)

    def _temp(self, s: PumpState) -> dict[str, Any]:
        if s.basal.temp is None:
            return {"kind": "none", "ticks": 0}
        percent = s.basal.temp.percent if isinstance(s.basal.temp, PercentTemp) else -1
        return {
            "kind": {0: "nothing", 200: "double"}.get(percent, "other"),
            "ticks": self._ticks(s.temp_until_us - s.seen_us),
        }

    def _offer(self, proposal: Any, now_us: int) -> dict[str, Any]:  # noqa: ANN401 - what it asks for says its class
        request = proposal.request
        bolus = isinstance(request, events.ProposeBolus)
        what = "bolus" if bolus else "temp" if isinstance(request, events.ProposeTemp) else "plan"
        return {
            "what": what,
            "fast": request.fast_uu // STEP_UU if bolus else 0,
            "ext": request.extended_uu // STEP_UU if bolus else 0,
            "age": self._ticks(now_us - proposal.at_us),
            "stale": False,
        }

    def _pulses(self, s: PumpState, bolus_ids: list[int]) -> tuple[dict[str, Any], ...]:
        place = {bolus_id: index + 1 for index, bolus_id in enumerate(bolus_ids)} | {0: 0}
        return tuple(
            {
                "of": PRIMING if order.part is None else place.get(order.bolus_id, GONE),
                "steps": order.steps,
                "fate": "out" if order.fate.name == "OUTSTANDING" else "uncertain",
                "age": self._since(order.at_us, self.model.dry_most),
                "here": seq >= s.reservoir.measured_seq,
            }
            for seq, order in s.ledger.orders.items()
        )

    def _alarm(self, s: PumpState, kind: str) -> dict[str, Any]:
        found = next((each for each in s.board.active if each.kind.value == kind), None)
        if found is None:
            return {"status": "off", "cause": False, "age": 0, "level": 0}
        status = found.status.name.lower()
        age = 0
        if status == "pending":
            age = self._since(found.status_since_us, self.model.oldest(kind))
        elif status == "confirmed" and kind not in NEVER_AGAIN:
            age = self._ticks(s.seen_us - found.status_since_us)
        return {"status": status, "cause": found.cause_present, "age": age, "level": found.level}

    def _reading(self, s: PumpState) -> dict[str, Any]:
        latest = s.sensor.last_24h.latest
        if latest is None or s.seen_us - latest.at_us > READING_US_MAX:
            return {"value": "none", "age": 0}
        return {"value": MEANT[int(latest.value.exact_mg_dl)], "age": self._ticks(s.seen_us - latest.at_us)}

    def _heard(self, s: PumpState) -> int:
        """Count the ticks since the sensor was heard; what the pump shows of its link must agree."""
        if s.sensor.heard_us is None:
            return NEVER_HEARD
        most = self.model.heard_most
        if not most:
            return 0
        told = self.shown.status.sensor_link.name
        return {"NEVER": NEVER_HEARD, "LOST": most}.get(told, self._since(s.sensor.heard_us, most - 1))

    def _away(self, s: PumpState) -> int:
        """Count the ticks for which low-glucose suspend stays away."""
        waits = ((s.sensor.longest_us, "LowAway"), (s.sensor.resumed_us, "LowAwayHand"))
        span = {name: int(self.model.constants[name]) * self.model.tick_us for _, name in waits}
        return max([0, *(self._ticks(at_us + span[name] - s.seen_us) for at_us, name in waits if at_us is not None)])

    def _dry(self, s: PumpState) -> int:
        if s.begun_us is None:
            return 0
        return self._since(max(s.ledger.confirmed_us, s.begun_us), self.model.dry_most)


def _mark(value: object) -> object:
    """Say what a part of the pump is: what can be changed in place as a copy, all else as it is."""
    if isinstance(value, Delivery | Iob):
        return value.snapshot()
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, PumpState | Ledger):
        names = getattr(type(value), "__slots__", None) or vars(value)
        return tuple(_mark(getattr(value, name)) for name in sorted(names))
    return value


def left_of(reservoir_uu: int | None) -> int:
    """Count the steps in the reservoir, or say that there are plenty, or that nobody knows."""
    if reservoir_uu is None:
        return NO_RESERVOIR
    return PLENTY if reservoir_uu > FULL_UU // 2 else reservoir_uu // STEP_UU


def battery_of(percent: int | None) -> str:
    """Say what the battery is."""
    if percent is None:
        return "unknown"
    return {90: "good", 20: "low", 1: "empty"}[percent]


def bolus_of(s: PumpState, bolus_id: int) -> dict[str, Any]:
    """Say where the steps of a bolus are."""
    parts = {"bolus": 0, "extended": 0}
    for progress in s.engine.progress:
        if s.boluses.trains.get(progress.train) == bolus_id:
            parts[progress.channel] += progress.remaining_steps
    held = [part for each, part in s.suspension.held if each == bolus_id]
    for part in held:
        parts[part.channel] += part.amount_uu // STEP_UU
    size = s.boluses.active[bolus_id].programmed_uu // STEP_UU
    ending = bolus_id in s.boluses.ending
    account = s.ledger.boluses[bolus_id]
    return {
        "size": size,
        "fast": parts["bolus"],
        "ext": parts["extended"],
        "lost": size - account.counted if ending else account.missed + account.failed,
        "fate": "ends" if ending else "held" if held else "runs",
    }


def strays_of(s: PumpState) -> tuple[dict[str, Any], ...]:
    """Name parts that are held or with the kernel, and of no bolus: nothing in the specification is like that."""
    of = [bolus_id for bolus_id, _ in s.suspension.held] + list(s.boluses.trains.values())
    return tuple({"stray": bolus_id} for bolus_id in of if bolus_id not in s.boluses.active)


def beyond(seen: Mapping[str, Any], model: Model) -> bool:
    """Say whether a state lies outside the bounds of the model, where the specification does not look."""
    bounds = {"boluses": "MostBoluses", "offers": "MostOffers", "pulses": "MostPulses"}
    return any(len(seen[name]) > int(model.constants[bound]) for name, bound in bounds.items())


# The alphabet ---------------------------------------------------------------------------------------------------------

Maker = "Callable[[PumpState, Model], events.Event]"

MEANT: Final = {59: "low", 70: "falling", 140: "fine", 45: "doubtful"}
"""What a reading means, by its value in mg/dL."""
BACKFILL: Final = (0, 4, 8)
"""How many minutes old the readings of one message are, the latest first: as many as a slope needs."""


def offer_id(s: PumpState, index: int) -> int:
    """Give the number of the n-th proposal; where there are fewer, one that is of none any more, or never was."""
    numbers = list(s.proposals.open)
    if index < len(numbers):
        return numbers[index]
    gone = [
        each
        for each in range(1, s.proposals.next_id)
        if each not in s.proposals.open and each not in s.proposals.answers
    ]
    return gone[-1] if gone else s.proposals.next_id


def answered_id(s: PumpState) -> int:
    """Give the number of the proposal that was answered last, or of none."""
    return list(s.proposals.answers)[-1] if s.proposals.answers else s.proposals.next_id


def bolus_id_at(s: PumpState, index: int) -> int:
    """Give the number of the n-th bolus, or of none yet."""
    numbers = sorted(s.boluses.active)
    return numbers[index] if index < len(numbers) else s.boluses.next_id


def seq_at(s: PumpState, index: int) -> int:
    """Give the number of the n-th open pulse, or of none yet."""
    numbers = list(s.ledger.orders)
    return numbers[index] if index < len(numbers) else s.ledger.next_seq


def alarm_id(s: PumpState, kind: str) -> int:
    """Give the number of an annunciation, or of none yet."""
    return first_of(s.board.active, kind) or s.board.next_id


def _glucose(name: str, *, by_meter: bool = False) -> Callable[..., tuple[events.Event, ...]]:
    """Make the readings of one message, the latest first: that is too old at the very end of a tick."""
    value = next(MgDl(mg_per_dl) for mg_per_dl, meant in MEANT.items() if meant == name)

    def made(s: PumpState, _: Model) -> tuple[events.Event, ...]:
        quality = Quality.DOUBTFUL if name == "doubtful" else Quality.GOOD
        readings = (Reading(s.seen_us - 1 - minutes * MINUTE, value, quality) for minutes in BACKFILL)
        return tuple(events.GlucoseMeasured(s.seen_us, reading, by_meter=by_meter) for reading in readings)

    return made


def _plain(kind: Callable[..., events.Event], *arguments: object, **named: object) -> Callable[..., events.Event]:
    return lambda s, _: kind(s.seen_us, *arguments, **named)


def _choose(s: PumpState, **changes: Any) -> events.Event:  # noqa: ANN401 - any setting
    return events.ChangeSettings(s.seen_us, replace(s.settings, **changes))


def _temp(percent: int) -> Callable[..., events.Event]:
    return lambda s, model: events.ProposeTemp(s.seen_us, model.ticks(30) * model.tick_us, percent=percent)


def _bolus(fast: int, extended: int) -> Callable[..., events.Event]:
    return lambda s, model: events.ProposeBolus(s.seen_us, fast * STEP_UU, extended * STEP_UU, extended * model.tick_us)


def _read(kind: str) -> Callable[..., events.Event]:
    return lambda s, _: events.ConfirmAlarm(s.seen_us, alarm_id(s, kind))


def _snooze(kind: str) -> Callable[..., events.Event]:
    return lambda s, model: events.SnoozeAlarm(s.seen_us, alarm_id(s, kind), min(10 * MINUTE, model.tick_us - MINUTE))


def _pulse(kind: Callable[..., events.Event], index: int) -> Callable[..., events.Event]:
    return lambda s, _: kind(s.seen_us, seq_at(s, index))


NAMES: Final = {
    "Occlusion": "occlusion_detected",
    "Mechanical": "mechanical_issue",
    "ReservoirIssue": "reservoir_issue",
    "ReservoirEmpty": "reservoir_empty",
    "ReservoirLow": "reservoir_low",
    "BatteryEmpty": "battery_empty",
    "BatteryLow": "battery_low",
    "Priming": "priming_issue",
    "Reminder": "no_delivery_reminder",
    "Medium": "no_delivery_medium",
    "High": "no_delivery_high",
    "Danger": "no_delivery_danger",
    "DisconnectOver": "disconnect_over",
    "BolusCanceled": "bolus_canceled",
    "TempOver": "tbr_over",
    "TempCanceled": "tbr_canceled",
    "NotConfirmed": "bolus_not_confirmed",
    "Uncertain": "pulse_uncertain",
    "AutoOff": "auto_off",
    "AutoOffSoon": "auto_off_soon",
    "Low": "glucose_low",
    "LowPredicted": "glucose_low_predicted",
    "LinkLost": "sensor_link_lost",
}

REFUSED_ALWAYS: Final[dict[str, Callable[..., events.Event]]] = {
    "SuspendByAlarm": _plain(events.Suspend, events.SuspendCause.ALARM),
    "BeginChangeOnBody": _plain(events.BeginChange, set_off_body=False),
    "PrimeNothing": _plain(events.Prime, 0),
    "ProposeNothing": _bolus(0, 0),
    "ProposeTooMuch": _bolus(40, 0),
    "DisconnectForNoTime": _plain(events.Disconnect, 0),
    "ConfirmUnknown": lambda s, _: events.Confirm(s.seen_us, s.proposals.next_id),
    "RejectUnknown": lambda s, _: events.Reject(s.seen_us, s.proposals.next_id),
    "CancelUnknown": lambda s, _: events.CancelBolus(s.seen_us, s.boluses.next_id),
    "ReadUnknown": lambda s, _: events.ConfirmAlarm(s.seen_us, s.board.next_id),
    "ConfirmUnknownPulse": lambda s, _: events.PulseConfirmed(s.seen_us, s.ledger.next_seq),
    "FaultThatNoPartReports": _plain(events.FaultDetected, Kind.RESERVOIR_EMPTY),
    "MeasuredTooMuch": _plain(events.ReservoirMeasured, FULL_UU + STEP_UU),
    "AskController": _plain(events.AskAdvice, 10_000),
}
"""Requests that no state takes: none of them is in the specification."""

ALPHABET: Final[dict[str, Callable[..., events.Event | tuple[events.Event, ...]]]] = {
    "Start": _plain(events.Start),
    "Suspend": _plain(events.Suspend),
    "SuspendRemote": _plain(events.Suspend, events.SuspendCause.REMOTE),
    "Disconnect1": lambda s, model: events.Disconnect(s.seen_us, model.tick_us),
    "Disconnect2": lambda s, model: events.Disconnect(s.seen_us, 2 * model.tick_us),
    "Resume": _plain(events.Resume),
    "BeginChange": _plain(events.BeginChange, set_off_body=True),
    "Rewound": _plain(events.Rewound),
    "Loaded": _plain(events.Loaded),
    "PrimeStep": _plain(events.Prime, STEP_UU),
    "Primed": _plain(events.Primed),
    "Filled": _plain(events.Filled),
    "Connected": _plain(events.Connected),
    "AbortChange": _plain(events.AbortChange),
    "ReservoirRemoved": _plain(events.ReservoirRemoved),
    "MeasuredEmpty": _plain(events.ReservoirMeasured, 0),
    "MeasuredFew": lambda s, model: events.ReservoirMeasured(s.seen_us, int(model.constants["Few"]) * STEP_UU),
    "MeasuredPlenty": _plain(events.ReservoirMeasured, FULL_UU),
    "BatteryGood": _plain(events.BatteryMeasured, 90),
    "BatteryLow": _plain(events.BatteryMeasured, 20),
    "BatteryEmpty": _plain(events.BatteryMeasured, 1),
    "FaultOcclusion": _plain(events.FaultDetected, Kind.OCCLUSION_DETECTED),
    "GoneOcclusion": _plain(events.FaultGone, Kind.OCCLUSION_DETECTED),
    "FaultPriming": _plain(events.FaultDetected, Kind.PRIMING_ISSUE),
    "GonePriming": _plain(events.FaultGone, Kind.PRIMING_ISSUE),
    "GoneMechanical": _plain(events.FaultGone, Kind.MECHANICAL_ISSUE),
    "ClockSet": lambda s, _: events.ClockSet(s.seen_us, Anchor(0, MONDAY), "UTC"),
    "LimitsSet": lambda s, model: _choose(s, limits=model.limits()),
    "GlucoseLow": _glucose("low"),
    "GlucoseFalling": _glucose("falling"),
    "GlucoseFine": _glucose("fine"),
    "GlucoseDoubtful": _glucose("doubtful"),
    "MeterLow": _glucose("low", by_meter=True),
    "MeterFine": _glucose("fine", by_meter=True),
    "LimitsUnset": lambda s, _: _choose(s, limits=Limits()),
    "ProposeOne": _bolus(1, 0),
    "ProposeTwo": _bolus(2, 0),
    "ProposeExtended": _bolus(0, 2),
    "ProposeMultiwave": _bolus(1, 2),
    "ProposeFour": _bolus(4, 0),
    "TempNothing": _temp(0),
    "TempDouble": _temp(200),
    "CancelTemp": _plain(events.CancelTemp),
    "ProposePlan": lambda s, model: events.ProposePlan(s.seen_us, model.plan()),
    "ConfirmOne": lambda s, _: events.Confirm(s.seen_us, offer_id(s, 0)),
    "ConfirmTwo": lambda s, _: events.Confirm(s.seen_us, offer_id(s, 1)),
    "ConfirmAgain": lambda s, _: events.Confirm(s.seen_us, answered_id(s)),
    "RejectOne": lambda s, _: events.Reject(s.seen_us, offer_id(s, 0)),
    "CancelBolusOne": lambda s, _: events.CancelBolus(s.seen_us, bolus_id_at(s, 0)),
    "CancelBolusTwo": lambda s, _: events.CancelBolus(s.seen_us, bolus_id_at(s, 1)),
    "ConfirmedFirst": _pulse(events.PulseConfirmed, 0),
    "ConfirmedSecond": _pulse(events.PulseConfirmed, 1),
    "FailedFirst": _pulse(events.PulseFailed, 0),
    "FailedSecond": _pulse(events.PulseFailed, 1),
    "UnknownFirst": _pulse(events.PulseUnknown, 0),
    "UnknownSecond": _pulse(events.PulseUnknown, 1),
    **{f"Read{name}": _read(kind) for name, kind in NAMES.items()},
    **{f"Snooze{name}": _snooze(kind) for name, kind in NAMES.items()},
    **REFUSED_ALWAYS,
}
"""What the specification's events are for the pump, one event or several at once; a tick, a loss of power and a restart
are others.
"""

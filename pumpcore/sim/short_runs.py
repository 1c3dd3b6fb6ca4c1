"""Short ways through a pump's life, for power cuts: every state of the mode machine, every event.

The rule of this file: a way is data, and each of its steps asks the bench only for numbers that the pump has given. A
step that is refused after a restart is refused, and the way goes on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pumpcore.alarms import Kind
from pumpcore.devices import load
from pumpcore.devices.suspend import SUSPEND_POLICIES
from pumpcore.frozen import replace
from pumpcore.pump import Config, Settings, events
from pumpcore.sim.cuts import CutScenario
from pumpcore.sim.setup import CALCULATOR, USUAL_LIMITS
from pumpcore.therapy.envelope import BolusRequest, ControllerBounds, RateRequest
from pumpcore.therapy.glucose import MgDl, Reading
from pumpcore.therapy.low_suspend import LOW_PRESETS, LowSettings
from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, UU_PER_U

if TYPE_CHECKING:
    from pumpcore.limits import Limits
    from pumpcore.pump.events import Event
    from pumpcore.sim.cuts import CutBench, CutStep

__all__ = ["all_short_runs"]

_MONDAY: Final = datetime(2026, 1, 5, 7, 30, tzinfo=UTC)
_H, _M, _S, _U = US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, UU_PER_U


def _plan(rate_uu_per_h: int, name: str = "everyday") -> WeekPlan:
    return WeekPlan.of(_profile(rate_uu_per_h, name))


def _profile(rate_uu_per_h: int, name: str) -> BasalProfile:
    return BasalProfile(name, (Segment(0, rate_uu_per_h), Segment(8 * _H, rate_uu_per_h * 2)))


def _config(device_id: str) -> Config:
    return Config(
        device=load(device_id),
        settings=Settings(limits=USUAL_LIMITS, remote=True),
        plan=_plan(700_000),
        anchor=Anchor(0, _MONDAY),
    )


_CONFIG: Final = _config("medtronic-523")


# What steps are made of -----------------------------------------------------------------------------------------------


def _choose(limits: Limits) -> CutStep:
    """Choose other limits, and leave all other settings as they are."""

    def tell(bench: CutBench) -> None:
        bench.tell(events.ChangeSettings, replace(_CONFIG.settings, limits=limits))

    return tell


def _do(kind: Any, *given: Any) -> CutStep:  # noqa: ANN401  # an event's class and its fields
    def tell(bench: CutBench) -> None:
        bench.tell(kind, *given)

    return tell


def _to(span_us: int) -> CutStep:
    return lambda bench: bench.to(span_us)


def _confirm(bench: CutBench) -> None:
    bench.tell(events.Confirm, bench.proposal)


def _reject(bench: CutBench) -> None:
    bench.tell(events.Reject, bench.proposal)


def _cancel(bench: CutBench) -> None:
    for bolus in bench.pump.status.boluses:
        bench.tell(events.CancelBolus, bolus.id)


def _read_all(bench: CutBench) -> None:
    for each in bench.pump.status.annunciations:
        bench.tell(events.ConfirmAlarm, each.id)


def _snooze_all(bench: CutBench) -> None:
    for each in bench.pump.status.annunciations:
        bench.tell(events.SnoozeAlarm, each.id, _M)


def _motor(answers: Any) -> CutStep:  # noqa: ANN401  # an event's class, or None
    def change(bench: CutBench) -> None:
        bench.answers = answers

    return change


def _settle(bench: CutBench) -> None:
    """Confirm every open pulse."""
    for seq in list(bench.books.orders):
        bench.tell(events.PulseConfirmed, seq)


def _glucose(mg_per_dl: int) -> CutStep:
    def tell(bench: CutBench) -> None:
        bench.tell(events.GlucoseMeasured, Reading(bench.now_us, MgDl(mg_per_dl)))

    return tell


def _clock(hours: int) -> CutStep:
    def change(bench: CutBench) -> None:
        bench.tell(events.ClockSet, Anchor(bench.now_us, _MONDAY.replace(hour=hours)), "Europe/Copenhagen")

    return change


def _rate(number: int, rate_uu_per_h: int) -> CutStep:
    def ask(bench: CutBench) -> None:
        asked = RateRequest(id=number, at_us=bench.now_us, rate_uu_per_h=rate_uu_per_h, duration_us=30 * _M)
        bench.tell(events.ControllerAsks, asked)

    return ask


def _micro(number: int) -> CutStep:
    def ask(bench: CutBench) -> None:
        bench.tell(events.ControllerAsks, BolusRequest(id=number, at_us=bench.now_us, amount_uu=100_000))

    return ask


def _command(number: int, kind: Any, *given: Any) -> CutStep:  # noqa: ANN401  # an event's class and its fields
    def send(bench: CutBench) -> None:
        known = bench.pump.status.changes

        def made(at_us: int) -> Event:
            values = (bench.proposal,) if kind is events.Confirm else given
            return events.Command(at_us, number, at_us + _M, known, kind(at_us, *values))

        bench.tell(made)

    return send


_READY: Final[tuple[CutStep, ...]] = (
    _do(events.BeginChange, True),  # noqa: FBT003  # the set is off the body
    _do(events.Rewound),
    _do(events.ReservoirMeasured, 60 * _U),
    _do(events.Loaded),
    _do(events.Prime, _U),
    _do(events.Primed),
    _do(events.Prime, 300_000),
    _do(events.Filled),
    _do(events.Connected),
    _do(events.Start),
)


def _bolus(fast_uu: int, extended_uu: int = 0, extended_us: int = 0) -> CutStep:
    return _do(events.ProposeBolus, fast_uu, extended_uu, extended_us)


# The ways -------------------------------------------------------------------------------------------------------------


def all_short_runs() -> list[CutScenario]:
    """List all of them."""
    return [
        _first_change(),
        _boluses("medtronic-523"),
        _boluses("roche-combo"),
        _temps(),
        *(_breaks(policy) for policy in sorted(SUSPEND_POLICIES)),
        _disconnects(),
        _faults(),
        _motor_faults(),
        _sensors(),
        _settings(),
        _commands(),
    ]


def _first_change() -> CutScenario:
    steps = (
        _do(events.Start),
        _do(events.BeginChange, False),  # noqa: FBT003  # refused: on the body
        _do(events.BeginChange, True),  # noqa: FBT003  # off the body
        _do(events.AbortChange),
        *_READY,
        _to(20 * _M),
        _do(events.Prime, _U),
        _do(events.Suspend),
        *_READY[:4],
        _do(events.AbortChange),
        *_READY,
        _to(10 * _M),
    )
    return CutScenario("reservoir changes", _CONFIG, steps)


def _boluses(device: str) -> CutScenario:
    steps = (
        *_READY,
        _bolus(300_000),
        _confirm,
        _confirm,
        _to(8 * _S),
        _bolus(200_000, 300_000, _H),
        _confirm,
        _to(10 * _M),
        _bolus(_U),
        _reject,
        _bolus(_U),
        _to(6 * _M),  # it expires
        _bolus(_U),
        _confirm,
        _to(9 * _S),
        _cancel,
        _to(5 * _M),
        _read_all,
    )
    return CutScenario(f"boluses on {device}", _config(device), steps)


def _temps() -> CutScenario:
    steps = (
        *_READY,
        _do(events.ProposeTemp, 30 * _M, None, 150),
        _confirm,
        _to(7 * _M),
        _do(events.ProposeTemp, 30 * _M, None, 50),
        _to(7 * _M),
        _do(events.CancelTemp),
        _do(events.ProposeTemp, 30 * _M, 0, None),
        _to(31 * _M),
        _to(5 * _M),
    )
    return CutScenario("temp basals", _CONFIG, steps)


def _breaks(policy: str) -> CutScenario:
    steps = (
        *_READY,
        _do(events.ProposeTemp, 30 * _M, None, 80),
        _bolus(500_000, 500_000, 30 * _M),
        _confirm,
        _to(9 * _S),
        _do(events.Suspend),
        _to(5 * _M),
        _do(events.Resume),
        _to(5 * _M),
        _do(events.Suspend),
        _to(16 * _M),
        _do(events.Resume),
        _read_all,
        _to(4 * _M),
    )
    config = _config("generic-0.05").with_settings(suspend_policy=policy)
    return CutScenario(f"breaks, {policy}", config, steps)


def _disconnects() -> CutScenario:
    steps = (
        *_READY,
        _to(10 * _M),
        _do(events.Disconnect, 20 * _M),
        _to(25 * _M),
        _do(events.Resume),
        _confirm,
        _to(_M),
        _read_all,
    )
    return CutScenario("a disconnect", _CONFIG, steps)


def _faults() -> CutScenario:
    steps = (
        *_READY,
        _bolus(_U),
        _confirm,
        _to(7 * _S),
        _do(events.FaultDetected, Kind.OCCLUSION_DETECTED),
        _do(events.PauseAudio, 60 * _S),
        _snooze_all,
        _to(3 * _M),
        _read_all,
        _do(events.FaultGone, Kind.OCCLUSION_DETECTED),
        _do(events.Resume),
        _to(10 * _M),
        _do(events.ReservoirRemoved),
        _do(events.ReservoirMeasured, 0),
        _read_all,
        *_READY,
        _do(events.BatteryMeasured, 1),
        _do(events.BatteryMeasured, 90),
        _read_all,
        _do(events.Resume),
        _to(10 * _M),
    )
    return CutScenario("faults", _CONFIG, steps)


def _motor_faults() -> CutScenario:
    steps = (
        *_READY,
        _motor(None),
        _to(6 * _M),
        _settle,
        _motor(events.PulseUnknown),
        _to(6 * _M),
        _settle,
        _motor(events.PulseFailed),
        _to(6 * _M),
        _motor(events.PulseConfirmed),
        _do(events.FaultGone, Kind.MECHANICAL_ISSUE),
        _read_all,
        _do(events.Resume),
        _to(6 * _M),
    )
    return CutScenario("a motor that fails", _CONFIG, steps)


def _sensors() -> CutScenario:
    config = _CONFIG.with_settings(
        low_suspend=LowSettings(LOW_PRESETS["medtronic-640g"], MgDl(70)),
        controller=ControllerBounds(max_rate_uu_per_h=4 * _U, max_bolus_uu=_U, max_duration_us=_H, max_age_us=5 * _M),
        calculator=CALCULATOR,
    )
    steps = (
        *_READY,
        _glucose(160),
        _do(events.AskAdvice, 10_000),
        _confirm,
        _rate(1, 1_000_000),
        _rate(1, 1_000_000),
        _to(5 * _M),
        _micro(2),
        _to(10 * _S),
        _glucose(60),
        _to(13 * _M),  # no reading: it stays suspended, and says so
        _to(107 * _M),  # its longest time: it goes on by itself
        _read_all,
    )
    return CutScenario("a sensor and a controller", config, steps)


def _settings() -> CutScenario:
    steps = (
        *_READY,
        _clock(9),
        _do(events.ProposePlan, _plan(900_000, "other")),
        _confirm,
        _to(5 * _M),
        _do(events.StoreProfile, _profile(400_000, "sick")),
        _do(events.ProposeWeek, ("sick",)),
        _confirm,
        _do(events.DeleteProfile, "other"),
        _to(5 * _M),
        _choose(replace(USUAL_LIMITS, max_bolus_uu=None)),
        _choose(USUAL_LIMITS),
        _do(events.Resume),
        _choose(replace(USUAL_LIMITS, max_hour_uu=_U)),
        _bolus(700_000),
        _confirm,
        _to(20 * _S),
        _to(12 * _M),
        _read_all,
    )
    return CutScenario("settings", _CONFIG, steps)


def _commands() -> CutScenario:
    steps = (
        *_READY[:-1],
        _command(1, events.Start),
        _command(1, events.Start),
        _command(2, events.ProposeBolus, 300_000, 0, 0),
        _command(3, events.Confirm),
        _command(3, events.Confirm),
        _to(5 * _S),
        _command(5, events.ProposeTemp, 30 * _M, None, 120),
        _command(6, events.Confirm),
        _command(4, events.ProposeBolus, 300_000, 0, 0),
        _to(3 * _M),
        _do(events.Suspend),
        _command(7, events.Resume),
        _command(8, events.ChangeSettings, _CONFIG.settings),
        _to(3 * _M),
    )
    return CutScenario("commands over a link", _CONFIG, steps)

"""What each form of the grammar does to the world around a pump: the table of verbs.

The rule of this file: a verb reads the values of its action and tells the host; what comes of it is the host's to keep.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from pumpcore.alarms import Kind
from pumpcore.pump import events
from pumpcore.therapy.envelope import BolusRequest, RateRequest
from pumpcore.therapy.glucose import Reading
from pumpcore.units import US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pumpcore.pump.events import Event
    from pumpcore.scenario.entries import Action
    from pumpcore.scenario.runner import Host
    from pumpcore.scenario.timeline import Fate
    from pumpcore.therapy.glucose import Beyond, Glucose

__all__ = ["VERBS"]

Verb: TypeAlias = "Callable[[Host, Action], object]"


def _bolus(host: Host, action: Action) -> None:
    speed = action.values.get("speed")
    host.ask(events.ProposeBolus(host.now_us, action.number("U"), speed=None if speed is None else str(speed)))


def _extended(host: Host, action: Action) -> None:
    extended_uu, extended_us = action.number("U"), action.number("span")
    host.ask(events.ProposeBolus(host.now_us, extended_uu=extended_uu, extended_us=extended_us, for_meal=True))


def _multiwave(host: Host, action: Action) -> None:
    fast_uu, extended_uu, extended_us = (action.number(name) for name in ("U", "later", "span"))
    host.ask(events.ProposeBolus(host.now_us, fast_uu, extended_uu, extended_us, for_meal=True))


def _profile(host: Host, action: Action) -> None:
    host.ask(events.ProposeWeek(host.now_us, (str(action.values["name"]),)))


def _week(host: Host, action: Action) -> None:
    del action
    if host.scenario.config.plan is not None:
        host.ask(events.ProposePlan(host.now_us, host.scenario.config.plan))


def _temp_rate(host: Host, action: Action) -> None:
    host.ask(events.ProposeTemp(host.now_us, action.number("span"), rate_uu_per_h=action.number("rate")))


def _temp_percent(host: Host, action: Action) -> None:
    host.ask(events.ProposeTemp(host.now_us, action.number("span"), percent=action.number("percent")))


def _glucose(host: Host, action: Action) -> None:
    reading = Reading(host.now_us, cast("Glucose | Beyond", action.values["glucose"]))
    if host.tell(events.GlucoseMeasured(host.now_us, reading, by_meter=True)):
        host.fingers.append(reading)


def _sensor_every(host: Host, action: Action) -> None:
    host.sensor_every(action.number("span"), cast("tuple[Glucose | Beyond, ...]", action.values["values"]))


def _sensor_lost(host: Host, action: Action) -> None:
    del action
    host.sensor_lost = True


def _sensor_back(host: Host, action: Action) -> None:
    del action
    host.sensor_lost = False


def _asleep(host: Host, action: Action) -> None:
    host.awake_us = host.now_us + action.number("span")


def _controller_rate(host: Host, action: Action) -> None:
    rate, span_us, now_us = action.number("rate"), action.number("span"), host.now_us
    host.controller(lambda number: RateRequest(id=number, at_us=now_us, rate_uu_per_h=rate, duration_us=span_us))


def _controller_bolus(host: Host, action: Action) -> None:
    amount_uu, now_us = action.number("U"), host.now_us
    host.controller(lambda number: BolusRequest(id=number, at_us=now_us, amount_uu=amount_uu))


def _next_pulse(fate: Fate) -> Verb:
    def verb(host: Host, action: Action) -> None:
        del action
        host.fates.append(fate)

    return verb


def _told(make: Callable[[int], Event]) -> Verb:
    """Make a verb that tells the pump something without values."""

    def verb(host: Host, action: Action) -> None:
        del action
        host.tell(make(host.now_us))

    return verb


VERBS: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "bolus": _bolus,
        "bolus_at": _bolus,
        "advice": lambda host, action: host.ask(events.AskAdvice(host.now_us, action.number("g"))),
        "extended": _extended,
        "multiwave": _multiwave,
        "confirm": lambda host, _: host.confirm(),
        "confirm_again": lambda host, _: host.confirm_again(),
        "reject": lambda host, _: host.reject(),
        "cancel_bolus": lambda host, _: host.cancel_bolus(),
        "temp_percent": _temp_percent,
        "temp_rate": _temp_rate,
        "cancel_temp": _told(events.CancelTemp),
        "profile": _profile,
        "week": _week,
        "start": _told(events.Start),
        "suspend": _told(events.Suspend),
        "disconnect": lambda host, action: host.tell(events.Disconnect(host.now_us, action.number("span"))),
        "resume": _told(events.Resume),
        "change": lambda host, action: host.change(action.number("U"), step_us=US_PER_MINUTE),
        "reservoir_out": _told(events.ReservoirRemoved),
        "prime": lambda host, action: host.tell(events.Prime(host.now_us, action.number("U"))),
        "occlusion": _told(lambda at_us: events.FaultDetected(at_us, Kind.OCCLUSION_DETECTED)),
        "fault": lambda host, action: host.tell(
            events.FaultDetected(host.now_us, cast("Kind", action.values["fault"]))
        ),
        "fault_gone": lambda host, action: host.tell(
            events.FaultGone(host.now_us, cast("Kind", action.values["fault"]))
        ),
        "glucose": _glucose,
        "sensor_every": _sensor_every,
        "sensor_lost": _sensor_lost,
        "sensor_back": _sensor_back,
        "battery": lambda host, action: host.tell(events.BatteryMeasured(host.now_us, action.number("percent"))),
        "clock_set": lambda host, action: host.set_clock(cast("datetime", action.values["local"])),
        "zone": lambda host, action: host.set_zone(str(action.values["zone"])),
        "confirm_alarms": lambda host, _: host.confirm_alarms(),
        "snooze_alarms": lambda host, action: host.snooze_alarms(action.number("span")),
        "pause_audio": lambda host, action: host.tell(events.PauseAudio(host.now_us, action.number("span"))),
        "asleep": _asleep,
        "pulse_failed": _next_pulse("failed"),
        "pulse_unknown": _next_pulse("uncertain"),
        "pulse_unanswered": _next_pulse("outstanding"),
        "controller_bolus": _controller_bolus,
        "controller_rate": _controller_rate,
    }
)
"""What to do for each form of the grammar."""

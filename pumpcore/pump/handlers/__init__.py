"""What a step does for each event: one function for each, and the table of them.

| file | events |
|---|---|
| `facts` | what is so: outcomes, measurements, faults, the clock |
| `requests` | what takes effect at once: settings, start, suspend, cancel, alarms |
| `change` | the reservoir change |
| `proposed` | what adds insulin: proposed, then confirmed |
| here | what another system asks for: the automatic controller, commands over a link |

The rule of this folder: a refusal is an exception, and the step is then taken back as a whole. What an event asks for
stands in the docstring of its class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.errors import LimitError, ModeError, QuantityError
from pumpcore.pump import events
from pumpcore.pump.events import Activation, ProposeBolus, ProposeTemp
from pumpcore.pump.handlers import change, facts, proposed, requests
from pumpcore.pump.handlers.answers import with_answer
from pumpcore.pump.step.basal import check_temp, start_temp
from pumpcore.pump.step.boluses import check_bolus, start_bolus
from pumpcore.therapy.envelope import RateRequest, check_request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pumpcore.pump.step import Step

__all__ = ["HANDLERS"]


def controller_asks(event: events.ControllerAsks, step: Step) -> None:
    s, request = step.state, event.request
    if request.id in s.controller.answers:
        step.effects.extend(s.controller.answers[request.id])
        return
    if request.id <= s.controller.last_id:
        raise QuantityError("request.id", request.id, f"is older than the last one, {s.controller.last_id}")
    check_request(request, bounds=step.settings.controller, now_us=event.at_us)
    before = len(step.effects)
    if isinstance(request, RateRequest):
        asked = ProposeTemp(event.at_us, request.duration_us, rate_uu_per_h=request.rate_uu_per_h)
        start_temp(step, check_temp(asked, s), by_controller=True)
    else:
        bolus = ProposeBolus(event.at_us, fast_uu=request.amount_uu, activation=Activation.COMMANDED)
        start_bolus(step, check_bolus(step, bolus), bolus.activation)
    answers = with_answer(s.controller.answers, request.id, step.effects[before:])
    s.controller = s.controller._replace(last_id=request.id, answers=answers)


def command(event: events.Command, step: Step) -> None:
    s = step.state
    if event.id in s.commands.answers:
        step.effects.extend(s.commands.answers[event.id])
        return
    if not step.settings.remote:
        raise ModeError(s.state.value, "command", reason="remote control is off")
    if event.id <= s.commands.last_id:
        raise QuantityError("id", event.id, f"is older than the last one, {s.commands.last_id}")
    if event.at_us > event.expires_us:
        raise LimitError("expires_us", event.expires_us, event.at_us, "us")
    if event.known != s.changes:
        raise QuantityError("known", event.known, f"is not the present state: {s.changes} changes have happened")
    before = len(step.effects)
    HANDLERS[type(event.request)](event.request, step)
    if isinstance(event.request, events.Request):
        s.person_us = event.at_us
    answers = with_answer(s.commands.answers, event.id, step.effects[before:])
    s.commands = s.commands._replace(last_id=event.id, answers=answers)


HANDLERS: Final[Mapping[type[events.Event], Callable[..., None]]] = {
    events.Tick: facts.tick,
    events.PulseConfirmed: facts.pulse_confirmed,
    events.PulseFailed: facts.pulse_failed,
    events.PulseUnknown: facts.pulse_unknown,
    events.ReservoirRemoved: facts.reservoir_removed,
    events.ReservoirMeasured: facts.reservoir_measured,
    events.FaultDetected: facts.fault_detected,
    events.FaultGone: facts.fault_gone,
    events.BatteryMeasured: facts.battery_measured,
    events.GlucoseMeasured: facts.glucose_measured,
    events.ClockSet: facts.clock_set,
    events.ChangeSettings: requests.change_settings,
    events.StoreProfile: requests.store_profile,
    events.DeleteProfile: requests.delete_profile,
    events.Start: requests.start,
    events.Suspend: requests.suspend,
    events.Disconnect: requests.disconnect,
    events.Resume: requests.resume,
    events.CancelBolus: requests.cancel_bolus,
    events.CancelTemp: requests.cancel_temp,
    events.BeginChange: change.begin_change,
    events.Rewound: change.rewound,
    events.Loaded: change.loaded,
    events.Prime: change.prime,
    events.Primed: change.primed,
    events.Filled: change.filled,
    events.Connected: change.connected,
    events.AbortChange: change.abort_change,
    events.ConfirmAlarm: requests.confirm_alarm,
    events.SnoozeAlarm: requests.snooze_alarm,
    events.PauseAudio: requests.pause_audio,
    events.ProposeBolus: proposed.propose_bolus,
    events.ProposeTemp: proposed.propose_temp,
    events.ProposePlan: proposed.propose_plan,
    events.ProposeWeek: proposed.propose_week,
    events.Confirm: proposed.confirm,
    events.Reject: proposed.reject,
    events.AskAdvice: proposed.ask_advice,
    events.ControllerAsks: controller_asks,
    events.Command: command,
}
"""The handler of each event."""

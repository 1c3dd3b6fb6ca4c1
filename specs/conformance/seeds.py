"""Faults to seed: in the pump, one at a time, and in what it has recorded. Each must be found.

The rule of this file: a mutant is data. `old` stands exactly once in the file, `models` are the bounded models in whose
reach it lies, and `runs` the free runs; where one is empty, `why` says what keeps the fault out of that reach.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from specs.conformance.record import Step

__all__ = ["CORRUPTIONS", "MUTANTS", "Mutant"]


class Mutant(NamedTuple):
    """A fault in the code of the pump."""

    name: str
    file: str
    old: str
    new: str
    models: str = ""
    runs: str = ""
    why: str = ""


_TABLE: Final = "pump/modes.py"
_FLOW: Final = "pump/flow.py"
_ASKED: Final = "pump/requests.py"
_BOARD: Final = "alarms/board.py"
_WATCH: Final = "alarms/watch.py"

_ROWS: Final = (
    Mutant(
        "start under a stopping alarm",
        _TABLE,
        'Row("start", State.STANDBY, State.RUNNING, _READY)',
        'Row("start", State.STANDBY, State.RUNNING, _READY[:-1])',
        "MCTable MCModes",
        "TraceRunning",
    ),
    Mutant(
        "resume without a clock",
        _TABLE,
        'Row("resume", State.SUSPENDED, State.RUNNING, _READY)',
        'Row("resume", State.SUSPENDED, State.RUNNING, _READY[1:])',
        "MCTable",
        why="only `start` leads to suspended, and it needs the clock, which is never taken away",
    ),
    Mutant(
        "resume without anything",
        _TABLE,
        'Row("resume", State.SUSPENDED, State.RUNNING, _READY)',
        'Row("resume", State.SUSPENDED, State.RUNNING)',
        "MCTable MCModes",
        "TraceNew",
    ),
    Mutant(
        "change on the body",
        _TABLE,
        'Row("begin_change", State.SUSPENDED, State.REWIND, ("set_off_body",))',
        'Row("begin_change", State.SUSPENDED, State.REWIND)',
        "MCTable MCModes",
        "TraceRunning",
    ),
    Mutant(
        "no change out of an alarm",
        _TABLE,
        '    Row("begin_change", State.ALARM, State.REWIND, ("set_off_body",)),\n',
        "",
        "MCTable MCModes",
        "TraceRunning",
    ),
    Mutant(
        "rewound leads past loading",
        _TABLE,
        'Row("rewound", State.REWIND, State.LOAD)',
        'Row("rewound", State.REWIND, State.PRIME)',
        "MCTable MCModes",
        "TraceNew",
    ),
    Mutant(
        "loaded with an empty reservoir",
        _TABLE,
        '("reservoir_attached", "reservoir_filled")),',
        '("reservoir_attached",)),',
        "MCTable MCModes",
        "TraceNew",
    ),
    Mutant(
        "primed without insulin seen",
        _TABLE,
        'Row("primed", State.PRIME, State.FILL, ("tubing_primed",))',
        'Row("primed", State.PRIME, State.FILL)',
        "MCTable MCModes",
        "TraceNew",
    ),
    Mutant(
        "filled leads past the connection",
        _TABLE,
        'Row("filled", State.FILL, State.CONNECT)',
        'Row("filled", State.FILL, State.STANDBY)',
        "MCTable MCModes",
        "TraceNew",
    ),
    Mutant(
        "connected leads to suspended",
        _TABLE,
        'Row("connected", State.CONNECT, State.STANDBY)',
        'Row("connected", State.CONNECT, State.SUSPENDED)',
        "MCTable MCModes",
        "TraceNew",
    ),
    Mutant(
        "a change that is left is suspended",
        _TABLE,
        'Row("abort_change", state, State.STANDBY)',
        'Row("abort_change", state, State.SUSPENDED)',
        "MCTable MCModes",
        "TraceNew",
    ),
    Mutant(
        "a suspend leads to standby",
        _TABLE,
        'Row("suspend", State.RUNNING, State.SUSPENDED)',
        'Row("suspend", State.RUNNING, State.STANDBY)',
        "MCTable MCModes",
        "TraceRunning",
    ),
    Mutant(
        "an alarm clears to running",
        _TABLE,
        'Row("clear", State.ALARM, State.SUSPENDED, ("no_stopping_alarm",))',
        'Row("clear", State.ALARM, State.RUNNING, ("no_stopping_alarm",))',
        "MCTable MCModes",
        "TraceRunning",
    ),
    Mutant(
        "an alarm clears with its cause",
        _TABLE,
        'Row("clear", State.ALARM, State.SUSPENDED, ("no_stopping_alarm",))',
        'Row("clear", State.ALARM, State.SUSPENDED)',
        "MCTable",
        why="the pump asks for `clear` only where no stopping alarm is left: the guard is a second line",
    ),
    Mutant(
        "no fault out of connecting",
        _TABLE,
        'Row("fault", state, State.ALARM) for state in State)',
        'Row("fault", state, State.ALARM) for state in State if state is not State.CONNECT)',
        "MCTable MCModes",
        "TraceRunning",
    ),
)

_REST: Final = (
    Mutant(
        "a proposal expires an instant early",
        _FLOW,
        "each.expires_us < turn.to_us",
        "each.expires_us <= turn.to_us",
        "MCBolus",
        "TraceRunning",
    ),
    Mutant(
        "a proposal never expires",
        _FLOW,
        "each.expires_us < turn.to_us",
        "each.expires_us < 0",
        "MCBolus",
        "TraceRunning",
    ),
    Mutant(
        "a second yes is refused",
        _ASKED,
        "    if event.proposal_id in s.answers:\n",
        "    if event.proposal_id in s.answers and False:\n",
        "MCPlan",
        "TraceRunning",
    ),
    Mutant(
        "a proposal outlives what it rests on",
        _FLOW,
        "if each.basis != basis(s, by_advice=each.by_advice)]",
        "if each.basis is None]",
        "MCPlan",
        "TraceRunning",
    ),
    Mutant(
        "a held bolus outlives its cancelling",
        _ASKED,
        "if held[0] != event.bolus_id)",
        "if held[0])",
        "MCPause",
        why="the seeded runs of this length cancel no bolus that is held",
    ),
    Mutant(
        "a suspend holds what its policy ends",
        _FLOW,
        "if fault or not policy.keeps_boluses:",
        "if fault:",
        "MCBolus",
        "TraceRunning",
    ),
    Mutant(
        "a suspend keeps a temp basal that its policy ends",
        _FLOW,
        "(fault or not policy.keeps_temp)",
        "fault",
        "MCReservoir",
        why="the seeded runs of this length that have such a policy seldom get to a temp basal",
    ),
    Mutant(
        "a pause is made up one instant too rarely",
        _FLOW,
        "s.now_us - s.suspended_us <= turn.policy.makes_up_us",
        "s.now_us - s.suspended_us < turn.policy.makes_up_us",
        "MCPause",
        "TracePause",
    ),
    Mutant(
        "what a fault has missed is made up",
        _FLOW,
        " and cause is not SuspendCause.ALARM\n",
        "\n",
        why="where the cause is an alarm nothing is held and nothing was counted: the condition is a second line",
    ),
    Mutant(
        "a disconnect ends an instant late",
        _ASKED,
        "s.until_us = event.at_us + event.duration_us",
        "s.until_us = event.at_us + event.duration_us + 1",
        "MCDisconnect",
        why="the seeded runs of this length do not show it",
    ),
    Mutant(
        "a later suspend leaves the cause",
        _ASKED,
        "s.cause, s.until_us = event.cause, NEVER_US",
        "s.until_us = NEVER_US",
        "MCDisconnect",
        "TraceRunning",
    ),
    Mutant(
        "an unread alarm goes with its cause",
        _BOARD,
        "if clears is Clears.GONE or before.confirmed:",
        "if True:",
        "MCAlarms",
        "TraceRunning",
    ),
    Mutant(
        "a read alarm goes without its cause",
        _BOARD,
        "if not after.cause_present:",
        "if True:",
        "MCAlarms",
        "TraceRunning",
    ),
    Mutant(
        "an alarm escalates late",
        "alarms/table.py",
        "Rung(30 * US_PER_MINUTE, Priority.HIGH, 2 * US_PER_MINUTE)",
        "Rung(31 * US_PER_MINUTE, Priority.HIGH, 2 * US_PER_MINUTE)",
        "MCAlarms",
        "TraceRunning",
    ),
    Mutant(
        "an empty battery does not stop",
        "alarms/table.py",
        "_stopping(Kind.BATTERY_EMPTY, 0x00AA)",
        "_row(Kind.BATTERY_EMPTY, _HIGH, 0x00AA)",
        "MCAlarms",
        "TraceRunning",
    ),
    Mutant(
        "the watch is an instant late",
        _WATCH,
        "if without_us >= threshold_us:",
        "if without_us > threshold_us:",
        "MCWatch",
        "TraceRunning",
    ),
    Mutant(
        "the reminder is an instant late",
        _WATCH,
        "now_us - suspended_since_us >= settings.reminder_us",
        "now_us - suspended_since_us > settings.reminder_us",
        "MCDisconnect",
        "TraceRunning",
    ),
    Mutant(
        "an unanswered pulse counts as insulin that comes",
        "pump/ledger.py",
        "first.fate is not Fate.OUTSTANDING or ",
        "",
        "MCUnanswered",
        "TraceRunning",
    ),
    Mutant(
        "an old outcome turns the watch back",
        "pump/ledger.py",
        "self.confirmed_us = max(self.confirmed_us, order.at_us)",
        "self.confirmed_us = order.at_us",
        "MCUnanswered",
        "TraceRunning",
    ),
    Mutant(
        "an unanswered pulse counts as confirmed",
        _FLOW,
        "            settle(turn, seq, Fate.UNCERTAIN)\n",
        "            settle(turn, seq, Fate.CONFIRMED)\n",
        "MCPulses",
        "TraceRunning",
    ),
    Mutant(
        "a failed pulse goes back into another reservoir",
        _FLOW,
        "if s.reservoir_uu is not None and seq >= s.measured_seq:",
        "if s.reservoir_uu is not None:",
        "MCPower",
        "TraceRunning",
    ),
    Mutant(
        "an old pulse stays open past a change",
        _ASKED,
        "    s.ledger.file_uncertain()\n",
        "",
        "MCPriming",
        why="few free runs finish a change with a pulse of unknown outcome",
    ),
    Mutant(
        "a reservoir may go while running",
        _ASKED,
        "if s.state not in {State.REWIND, State.LOAD}:",
        "if s.state not in {State.REWIND, State.LOAD, State.RUNNING}:",
        "MCReservoir",
        "TraceRunning",
    ),
    Mutant(
        "an empty reservoir is not told",
        "alarms/facts.py",
        "if remaining_uu < step_uu:",
        "if remaining_uu < 0:",
        "MCReservoir",
        "TraceRunning",
    ),
    Mutant(
        "a bolus may take what others will take",
        _FLOW,
        "    if amount_uu > left_uu:\n",
        "    if amount_uu > left_uu + ahead_uu:\n",
        "MCReservoir",
        why="the seeded runs of this length seldom propose two boluses from a reservoir with few steps",
    ),
    Mutant(
        "a change keeps the pump primed",
        _ASKED,
        "s.primed = s.tubing_primed = False",
        "s.tubing_primed = False",
        "MCModes",
        "TraceRunning",
    ),
    Mutant(
        "taking a limit away goes on",
        _ASKED,
        "if event.limits.unset() and s.state is State.RUNNING:",
        "if event.limits.unset() and s.state is State.STANDBY:",
        "MCModes",
        "TraceRunning",
    ),
    Mutant(
        "a restart forgets proposals",
        "pump/snapshot.py",
        "    trouble = _trouble(state, plain)\n",
        "    state.proposals = {}\n    trouble = _trouble(state, plain)\n",
        "MCPower",
        why="the seeded runs of this length do not show it",
    ),
)

_GLUCOSE: Final = (
    Mutant(
        "a low-glucose suspend outlives its reading",
        _FLOW,
        "    return stale if stale > s.now_us else NEVER_US\n",
        "    return NEVER_US\n",
        "MCGlucose MCLow",
        "TraceGlucose",
    ),
    Mutant(
        "a better reading ends what a person has suspended",
        _FLOW,
        "suspended = s.state is State.SUSPENDED and s.cause in LOW_CAUSES",
        "suspended = s.state is State.SUSPENDED",
        "MCGlucose",
        "TraceGlucose",
    ),
    Mutant(
        "a suspend by a person leaves a low-glucose suspend its cause",
        _ASKED,
        "s.cause, s.until_us = event.cause, NEVER_US",
        "s.cause, s.until_us = (s.cause if s.cause in LOW_CAUSES else event.cause), NEVER_US",
        "MCGlucose MCLow",
        "TraceGlucose",
    ),
    Mutant(
        "what a low has withheld counts as missed",
        _FLOW,
        "        s.misses, s.missed_uu = False, 0\n",
        "",
        "MCGlucose",
        "TraceGlucose",
    ),
    Mutant(
        "a low-glucose suspend comes again after the longest one",
        _FLOW,
        "        s.low_ended_us = s.now_us\n",
        "        s.low_ended_us = None\n",
        "MCGlucose",
        "TraceGlucose",
    ),
    Mutant(
        "a low-glucose suspend comes again after a resume by hand",
        _ASKED,
        "        s.low_by_hand_us = event.at_us\n",
        "        s.low_by_hand_us = None\n",
        "MCGlucose MCLow",
        "TraceGlucose",
    ),
    Mutant(
        "it stays away an instant too long",
        "therapy/glucose.py",
        "facts.now_us - at_us < wait_us for at_us",
        "facts.now_us - at_us <= wait_us for at_us",
        "MCGlucose MCLow",
        "TraceGlucose",
    ),
    Mutant(
        "the longest low-glucose suspend is an instant longer",
        "therapy/glucose.py",
        "+ preset.most_us - facts.used_us\n",
        "+ preset.most_us - facts.used_us + 1\n",
        "MCGlucose",
        "TraceGlucose",
    ),
    Mutant(
        "a reading that is doubtful suspends",
        "therapy/glucose.py",
        "if latest is None or latest.quality is not Quality.GOOD or not 0",
        "if latest is None or not 0",
        "MCGlucose MCLow",
        "TraceGlucose",
    ),
    Mutant(
        "a recovery ends nothing",
        "therapy/glucose.py",
        "recovered = above > preset.resume_above and predicted > preset.resume_predicted_above",
        "recovered = False",
        "MCGlucose",
        why="the seeded runs of this length seldom get a better reading while such a suspend lasts",
    ),
    Mutant(
        "a suspend on a low alone ends with a better reading",
        "therapy/glucose.py",
        "    if not preset.horizon_us or rate is None:\n",
        "    if rate is None:\n",
        "MCLow",
        why="the free runs are those of a preset that predicts",
    ),
    Mutant(
        "a low stays told after its suspend",
        _FLOW,
        "    Kind.GLUCOSE_LOW: SuspendCause.LOW_GLUCOSE,\n",
        "",
        "MCLow",
        "TraceGlucose",
    ),
    Mutant(
        "a meter counts as the sensor",
        _ASKED,
        "    if not event.by_meter:\n",
        "    if True:\n",
        "MCLink",
        "TraceGlucose",
    ),
    Mutant(
        "a lost link is not told",
        "pump/flow.py",
        "        sensor_us=s.sensor_us,\n",
        "        sensor_us=None,\n",
        "MCLink",
        "TraceGlucose",
    ),
    Mutant(
        "the link is shown as lost by another threshold than it is told by",
        "pump/__init__.py",
        "lost_us=s.config.alarms.sensor_lost_us)",
        "lost_us=1_800_000_001)",
        "MCLink",
        "TraceGlucose",
    ),
    Mutant(
        "auto-off is an instant late",
        "alarms/facts.py",
        "person_us, settings.auto_off_us, now_us)",
        "person_us, settings.auto_off_us and settings.auto_off_us + 1, now_us)",
        "MCAutoOff",
        why="in the seeded runs somebody touches something before",
    ),
    Mutant(
        "auto-off while suspended",
        _FLOW,
        "person_us=s.person_us if state is State.RUNNING else None",
        "person_us=s.person_us",
        "MCAutoOff",
        "TraceGlucose",
    ),
    Mutant(
        "a fact is a sign of life",
        "pump/__init__.py",
        "            if isinstance(event, Request):\n",
        '            if type(event).__name__ != "Tick":\n',
        "MCAutoOff",
        "TraceGlucose",
    ),
)

MUTANTS: Final = (*_ROWS, *_REST, *_GLUCOSE)
"""All of them: one row of the table of modes each, all other rules, then glucose, its sensor and auto-off."""


# Corrupted records ----------------------------------------------------------------------------------------------------

Corruption = tuple[list["Step"], int]
"""A trace that is no more what happened, and the place at which that must be found."""


def _place(trace: list[Step], fits: Callable[[int], bool]) -> int:
    return next(place for place in range(1, len(trace)) if fits(place))


def refused_as_accepted(trace: list[Step]) -> Corruption:
    """Tell of a refused event as of one that was taken."""
    place = _place(trace, lambda at: not trace[at][1] and trace[at][2]["on"])
    event, _, state = trace[place]
    return [*trace[:place], (event, True, state), *trace[place + 1 :]], place


def accepted_as_refused(trace: list[Step]) -> Corruption:
    """Tell of an event that was taken as of a refused one."""
    place = _place(trace, lambda at: trace[at][1])
    return [*trace[:place], (trace[place][0], False, trace[place - 1][2]), *trace[place + 1 :]], place


def left_out(trace: list[Step]) -> Corruption:
    """Leave a tick out that was followed by another one."""
    place = _place(trace, lambda at: trace[at][0] == "Tick" and trace[at][2]["stopped"] != trace[at - 1][2]["stopped"])
    return [*trace[:place], *trace[place + 1 :]], place


def _changed(trace: list[Step], place: int, change: Callable[[dict[str, object]], None]) -> Corruption:
    event, accepted, state = trace[place]
    other = copy.deepcopy(state)
    change(other)
    return [*trace[:place], (event, accepted, other), *trace[place + 1 :]], place


def another_mode(trace: list[Step]) -> Corruption:
    """Say another mode after a step."""
    place = _place(trace, lambda at: trace[at][1] and trace[at][2]["mode"] == "suspended")
    return _changed(trace, place, lambda state: state.update(mode="standby"))


def insulin_lost(trace: list[Step]) -> Corruption:
    """Lose a pulse whose outcome is open."""
    place = _place(trace, lambda at: trace[at][1] and len(trace[at][2]["pulses"]) > 0)
    return _changed(trace, place, lambda state: state.update(pulses=()))


def alarm_untold(trace: list[Step]) -> Corruption:
    """Leave an alarm out."""
    quiet = {"status": "off", "cause": False, "age": 0, "level": 0}
    place = _place(trace, lambda at: trace[at][1] and trace[at][2]["alarms"]["no_delivery_medium"]["cause"])
    return _changed(
        trace,
        place,
        lambda state: state.update(alarms={**state["alarms"], "no_delivery_medium": quiet}),  # type: ignore[dict-item]
    )


CORRUPTIONS: Final = (
    refused_as_accepted,
    accepted_as_refused,
    left_out,
    another_mode,
    insulin_lost,
    alarm_untold,
)
"""Ways to make a record untrue."""


def document() -> str:
    """Render the mutants as Markdown: `specs/conformance/mutants.md`."""
    walked = sum(bool(mutant.models) for mutant in MUTANTS)
    followed = sum(bool(mutant.runs) for mutant in MUTANTS)
    rows = (f"| {m.name} | {m.file} | {m.models or 'no'} | {m.runs or 'no'} | {m.why} |" for m in MUTANTS)
    lines = [
        "# Mutants of the pump that the comparison with the specification finds",
        "",
        "Rendered from `specs.conformance.seeds.MUTANTS` by `python -m specs.conformance.seeds`; a test keeps",
        "it current.",
        "",
        f"{len(MUTANTS)} mutants, {len(_ROWS)} of them a single row of the table of modes. {walked} are to be found by",
        f"walking the state graphs (direction 1) and {followed} by following free runs (direction 2); the gates",
        "`conformance-mutants` are closed if one is not found where it stands here.",
        "",
        "| mutant | file | found by walking | found by following | where not, why |",
        "|---|---|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(document())

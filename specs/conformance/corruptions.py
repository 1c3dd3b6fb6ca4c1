"""Corrupted records: ways to make the record of a run untrue. TLC must refuse each, at the step that is untrue.

These are functions and not rows of `specs/faults/`: where a record is changed depends on the run that was recorded.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from specs.conformance.record import Step

__all__ = ["CORRUPTIONS"]

Corruption = tuple[list["Step"], int]
"""A trace that is no longer true, and the place at which that must be found."""


def _place(trace: list[Step], fits: Callable[[int], bool]) -> int:
    return next(place for place in range(1, len(trace)) if fits(place))


def refused_as_accepted(trace: list[Step]) -> Corruption:
    """Record a refused event as an accepted one."""
    place = _place(trace, lambda at: not trace[at][1] and trace[at][2]["on"])
    event, _, state = trace[place]
    return [*trace[:place], (event, True, state), *trace[place + 1 :]], place


def accepted_as_refused(trace: list[Step]) -> Corruption:
    """Record an accepted event as a refused one."""
    place = _place(trace, lambda at: trace[at][1])
    return [*trace[:place], (trace[place][0], False, trace[place - 1][2]), *trace[place + 1 :]], place


def left_out(trace: list[Step]) -> Corruption:
    """Leave out a tick that was followed by another one."""
    place = _place(trace, lambda at: trace[at][0] == "Tick" and trace[at][2]["stopped"] != trace[at - 1][2]["stopped"])
    return [*trace[:place], *trace[place + 1 :]], place


def _changed(trace: list[Step], place: int, change: Callable[[dict[str, object]], None]) -> Corruption:
    event, accepted, state = trace[place]
    other = copy.deepcopy(state)
    change(other)
    return [*trace[:place], (event, accepted, other), *trace[place + 1 :]], place


def another_mode(trace: list[Step]) -> Corruption:
    """Record another mode after a step."""
    place = _place(trace, lambda at: trace[at][1] and trace[at][2]["mode"] == "suspended")
    return _changed(trace, place, lambda state: state.update(mode="standby"))


def insulin_lost(trace: list[Step]) -> Corruption:
    """Lose a pulse whose outcome is open."""
    place = _place(trace, lambda at: trace[at][1] and len(trace[at][2]["pulses"]) > 0)
    return _changed(trace, place, lambda state: state.update(pulses=()))


def order_unsaid(trace: list[Step]) -> Corruption:
    """Leave an order out of what was said."""
    place = _place(trace, lambda at: trace[at][1] and any(each[0][0] == "order" for each in trace[at][2]["said"]))
    kept = frozenset(each for each in trace[place][2]["said"] if each[0][0] != "order")
    return _changed(trace, place, lambda state: state.update(said=kept))


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
    order_unsaid,
    alarm_untold,
)
"""Ways to make a record untrue."""

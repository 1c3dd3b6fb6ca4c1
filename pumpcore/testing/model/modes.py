"""The mode machine, once more: where a trigger leads.

The rule of this file: it is written from the requirements and never from the table of the pump.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

CHANGING: Final = tuple(f"reservoir_change.{step}" for step in ("rewind", "load", "prime", "fill", "connect"))
READY: Final = (
    "time_set",
    "limits_set",
    "profile_set",
    "reservoir_attached",
    "reservoir_filled",
    "primed",
    "no_stopping_alarm",
)


def leads_to(state: str, trigger: str, facts: Mapping[str, bool]) -> str | None:  # noqa: PLR0911 - the rules, one by one
    """Where a trigger leads, or None where it is refused."""
    ready = all(facts[name] for name in READY)
    # A fault stops from anywhere.
    if trigger == "fault":
        return "alarm"
    # Suspend is always accepted; it stops what runs and otherwise leaves all as it is.
    if trigger == "suspend":
        return "suspended" if state == "running" else state
    # Delivery begins from standby and goes on from a suspend, both explicitly, and never without all that it needs.
    if (trigger, state) in {("start", "standby"), ("resume", "suspended")} and ready:
        return "running"
    # From the alarm a way leads to suspended, once nothing that stops delivery is active.
    if trigger == "clear" and state == "alarm" and facts["no_stopping_alarm"]:
        return "suspended"
    # A change begins while nothing runs, and only off the body; it goes step by step.
    if trigger == "begin_change" and facts["set_off_body"] and state in {"standby", "suspended", "alarm"}:
        return CHANGING[0]
    step = CHANGING.index(state) if state in CHANGING else None
    if trigger == "loaded" and not (facts["reservoir_attached"] and facts["reservoir_filled"]):
        return None
    if trigger == "primed" and not facts["tubing_primed"]:
        return None
    steps = ("rewound", "loaded", "primed", "filled", "connected")
    if step is not None and trigger == steps[step]:
        return (*CHANGING, "standby")[step + 1]
    # It can be left at any step.
    return "standby" if trigger == "abort_change" and step is not None else None

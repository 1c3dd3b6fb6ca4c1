"""Every error that pumpcore raises on purpose, sorted by who is at fault.

The rule of this file: an error carries its data as attributes, so that a caller never has to read the text; the text
names the field, the value and the bound, in one line. A `RequestError` promises that nothing at all has changed.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "InvariantError",
    "JournalError",
    "LimitError",
    "ModeError",
    "PumpcoreError",
    "QuantityError",
    "RecordError",
    "RequestError",
    "TimeError",
]


class PumpcoreError(Exception):
    """Any error that pumpcore raises on purpose."""


class RequestError(PumpcoreError):
    """The caller asked for something that is not allowed; nothing has changed."""


class QuantityError(RequestError):
    """A quantity is not exact: a float, a wrong type, negative, below one step or not a whole number of steps.

    Attributes:
        field: the name of the field at fault, as the caller wrote it (`trains[0].amount_uu`).
        value: what was given.
        reason: what a value there must be.
    """

    def __init__(self, field: str, value: object, reason: str) -> None:
        """Name the field, the value and the reason."""
        super().__init__(field, value, reason)
        self.field = field
        self.value = value
        self.reason = reason

    def __str__(self) -> str:
        """One line: field, value, reason."""
        return f"{self.field}: {_shown(self.value)} {self.reason}"


class LimitError(RequestError):
    """A value is outside its bounds.

    Attributes:
        limit: the id of the limit (`trains[0].amount_uu`, or a row of `limits`).
        value: what was asked for.
        bound: the bound that it broke.
        unit: the unit of both.
    """

    def __init__(self, limit: str, value: int, bound: int, unit: str) -> None:
        """Name the limit, the value, the bound that it broke and their unit."""
        super().__init__(limit, value, bound, unit)
        self.limit = limit
        self.value = value
        self.bound = bound
        self.unit = unit

    def __str__(self) -> str:
        """One line: limit, value, bound, unit."""
        side = "above the largest" if self.value > self.bound else "below the least"
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.limit}: {_shown(self.value)} is {side} allowed, {self.bound}{unit}"


class ModeError(RequestError):
    """The state of the pump does not allow this now.

    Attributes:
        mode: the mode the pump is in, and stays in.
        trigger: what was asked for.
        guard: the facts that are missing, by the names of the mode table; None where it is not a matter of these.
        reason: why, for a person to read; None where the mode itself does not allow it.
    """

    def __init__(self, mode: str, trigger: str, guard: str | None = None, *, reason: str | None = None) -> None:
        """Name the mode, the trigger, and what is missing or why."""
        super().__init__(mode, trigger, guard)
        self.mode = mode
        self.trigger = trigger
        self.guard = guard
        self.reason = reason

    def __reduce__(self) -> tuple[Callable[..., ModeError], tuple[object, ...]]:
        """Be made again by the constructor, whose reason is given by name."""
        return _mode_error, (self.mode, self.trigger, self.guard, self.reason)

    def __str__(self) -> str:
        """One line: what was asked for, and why not."""
        asked = f"cannot {_ASKED.get(self.trigger, self.trigger)}"
        if self.reason is not None:
            return f"{asked}: {self.reason}"
        if self.guard is not None:
            missing = ", ".join(_MISSING.get(fact, fact) for fact in self.guard.split(", "))
            return f"{asked}; still missing: {missing}"
        return f"{asked} in mode {self.mode.partition('.')[0].replace('_', ' ')}"


def _mode_error(mode: str, trigger: str, guard: str | None, reason: str | None) -> ModeError:
    """Make a `ModeError` from its parts."""
    return ModeError(mode, trigger, guard, reason=reason)


_ASKED = {
    "begin_change": "begin a reservoir change",
    "rewound": "note that the drive has rewound",
    "loaded": "note that a reservoir was put in",
    "primed": "note that the tubing is full",
    "filled": "note that the cannula is full",
    "connected": "note that the infusion set is connected",
    "abort_change": "leave the reservoir change",
    "bolus": "give a bolus",
    "temp_basal": "start a temp basal",
    "cancel_temp": "cancel the temp basal",
    "ask_advice": "suggest a bolus",
    "change_settings": "change the settings",
    "command": "take a command",
}
"""What a trigger asks for, where its name alone is not plain."""

_MISSING = {
    "time_set": "the time",
    "limits_set": "limits",
    "profile_set": "a basal profile",
    "reservoir_attached": "a reservoir",
    "reservoir_filled": "insulin in the reservoir",
    "primed": "priming",
    "set_off_body": "the infusion set off the body",
    "tubing_primed": "insulin moved into the tubing",
    "no_stopping_alarm": "an end of the alarm that stops delivery",
}
"""The facts of the mode table, by what a person must bring about."""


class TimeError(RequestError):
    """A time is before the latest one that was seen.

    Attributes:
        field: the name of the time at fault.
        value_us: what was given.
        earliest_us: the least time that is still allowed.
    """

    def __init__(self, field: str, value_us: int, earliest_us: int) -> None:
        """Name the field, its value and the earliest time allowed."""
        super().__init__(field, value_us, earliest_us)
        self.field = field
        self.value_us = value_us
        self.earliest_us = earliest_us

    def __str__(self) -> str:
        """One line: field, value, earliest time."""
        return f"{self.field}: {_shown(self.value_us)} us is earlier than {self.earliest_us} us"


class RecordError(PumpcoreError):
    """A file cannot be read: another system's record, or a file of ours that is not what it should be.

    Attributes:
        where: the file, and the line or field inside it.
        reason: what is wrong there.
    """

    def __init__(self, where: str, reason: str) -> None:
        """Name the place and what is wrong there."""
        super().__init__(where, reason)
        self.where = where
        self.reason = reason

    def __str__(self) -> str:
        """One line: place, reason."""
        return f"{self.where}: {self.reason}"


class JournalError(PumpcoreError):
    """A durable record of ours (a snapshot, a journal) is damaged or of another version."""


class InvariantError(PumpcoreError):
    """A bug in pumpcore: deliveries stop, an alarm is due, nothing else works afterwards."""


_SHOWN_MAX = 80


def _shown(value: object) -> str:
    """Render a value for an error text in one line of bounded length."""
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python prints
        return "a number of more than 4300 digits"
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."

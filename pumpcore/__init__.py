"""pumpcore: the exact, specified core of an insulin pump, as a library.

Not a medical device. It must never be connected to a person.

Everything that most programs need is imported from here: `from pumpcore import Config, Pump, events, load`. A name is
looked up when it is first used, so `import pumpcore` by itself loads nothing, and `from pumpcore import schedule` loads
the kernel without the pump. `tests/meta/test_public_names.py` lists the names.
"""

from __future__ import annotations

TYPE_CHECKING = False  # a type checker takes it for true; `typing` would take longer to import than all else here

if TYPE_CHECKING:
    from pumpcore import effects, events
    from pumpcore._kernel import (
        CHANNELS,
        RANGES,
        Cohort,
        Delivery,
        Plan,
        Programme,
        Progress,
        Pulses,
        Schedule,
        Schedules,
        schedule,
        schedule_many,
        totals_many,
    )
    from pumpcore.alarms import Kind, text
    from pumpcore.devices import load
    from pumpcore.journal import Journal
    from pumpcore.limits import Limits
    from pumpcore.pump import Calculator, Config, Pump, Status
    from pumpcore.pump.settings import Settings
    from pumpcore.therapy.glucose import MgDl, MmolL, Reading
    from pumpcore.therapy.profile import Anchor, BasalProfile, Segment, WeekPlan

    __version__: str

__all__ = [
    "CHANNELS",
    "RANGES",
    "Anchor",
    "BasalProfile",
    "Calculator",
    "Cohort",
    "Config",
    "Delivery",
    "Journal",
    "Kind",
    "Limits",
    "MgDl",
    "MmolL",
    "Plan",
    "Programme",
    "Progress",
    "Pulses",
    "Pump",
    "Reading",
    "Schedule",
    "Schedules",
    "Segment",
    "Settings",
    "Status",
    "WeekPlan",
    "__version__",
    "effects",
    "events",
    "load",
    "schedule",
    "schedule_many",
    "text",
    "totals_many",
]

_WHERE = {
    "pumpcore._kernel": "CHANNELS RANGES Cohort Delivery Plan Programme Progress Pulses Schedule Schedules"
    " schedule schedule_many totals_many",
    "pumpcore.alarms": "Kind text",
    "pumpcore.devices": "load",
    "pumpcore.journal": "Journal",
    "pumpcore.limits": "Limits",
    "pumpcore.pump": "Calculator Config Pump Status",
    "pumpcore.pump.settings": "Settings",
    "pumpcore.therapy.glucose": "MgDl MmolL Reading",
    "pumpcore.therapy.profile": "Anchor BasalProfile Segment WeekPlan",
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names.split()}


if not TYPE_CHECKING:  # where a checker saw it, it would take every name for one of ours

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used, and keep it."""
        from importlib import import_module  # noqa: PLC0415 - with the rule of this file

        if name == "__version__":
            value: object = import_module("importlib.metadata").version("pumpcore")
        elif name in {"effects", "events"}:
            value = import_module(f"pumpcore.{name}")
        elif name in _MODULE_OF:
            value = getattr(import_module(_MODULE_OF[name]), name)
        else:
            raise AttributeError(f"module 'pumpcore' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the public names, and what has been loaded already."""
    return sorted({*__all__, *globals()})

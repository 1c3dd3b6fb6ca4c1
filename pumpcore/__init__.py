"""pumpcore: the exact, specified core of an insulin pump, as a library.

Not a medical device. It must never be connected to a person.
"""

from __future__ import annotations

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

__all__ = [
    "CHANNELS",
    "RANGES",
    "Cohort",
    "Delivery",
    "Plan",
    "Programme",
    "Progress",
    "Pulses",
    "Schedule",
    "Schedules",
    "schedule",
    "schedule_many",
    "totals_many",
]

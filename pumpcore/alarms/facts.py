"""From facts to causes: which annunciations must have a cause now, and when that changes next.

The rules of this file: each function is pure, looks at one thing, and answers with `Due`: the causes that are there at
`now_us`, and the next instant at which the answer changes if the facts stay as they are. None for a fact is "not known"
or "there is none", and then there is no cause. `derived` is all of them together, for `Board.observed`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from pumpcore.alarms.kinds import Kind
from pumpcore.alarms.watch import WATCHED, watch, watch_deadline_us
from pumpcore.therapy.glucose import READING_US_MAX
from pumpcore.units import UU_PER_U, format_u

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pumpcore.alarms.settings import AlarmSettings

__all__ = [
    "DERIVED",
    "AlarmFacts",
    "Due",
    "auto_off",
    "battery",
    "derived",
    "glucose_check",
    "missed_meal",
    "reservoir",
    "since",
]

_LAST_UU: Final = 5 * UU_PER_U

DERIVED: Final = WATCHED | {
    Kind.RESERVOIR_EMPTY,
    Kind.RESERVOIR_LOW,
    Kind.BATTERY_EMPTY,
    Kind.BATTERY_LOW,
    Kind.BATTERY_LEAD_TIME,
    Kind.SET_AGE,
    Kind.RESERVOIR_AGE,
    Kind.AUTO_OFF_SOON,
    Kind.AUTO_OFF,
    Kind.GLUCOSE_UNKNOWN,
    Kind.GLUCOSE_CHECK,
    Kind.MISSED_MEAL,
    Kind.SENSOR_LINK_LOST,
}
"""The kinds that `derived` answers with."""


class Due(NamedTuple):
    """The causes that are there, and when that changes.

    Attributes:
        causes: the kinds whose cause is there now, each with its detail.
        next_us: the least later instant at which `causes` is another one; None where it stays.
    """

    causes: Mapping[Kind, str]
    next_us: int | None = None


_AGES: Final = (Kind.SET_AGE, Kind.RESERVOIR_AGE, Kind.SENSOR_LINK_LOST, Kind.GLUCOSE_UNKNOWN)

NOTHING: Final = Due(MappingProxyType({}))
"""No cause, and none to come."""


class AlarmFacts(NamedTuple):
    """What annunciations are derived from. All instants are monotonic; None: not known, or there is none.

    Attributes:
        last_therapy_us: when therapy insulin came last, or when the pump was started first; None: never started.
        suspended_since_us: when delivery was suspended.
        reservoir_uu: what is left.
        reservoir_left_us: how long that lasts at the present rate.
        reservoir_again_uu: low is raised once more at or below this amount, whatever the setting.
        step_uu: one step: with less than that left, the reservoir is empty.
        battery_percent: what is left.
        battery_us_per_percent: how long one percent lasts at the least.
        set_since_us: when the infusion set was put in.
        reservoir_since_us: when the reservoir was put in.
        person_us: when the person last touched anything, while auto-off applies.
        auto_off_warning_us: how long before auto-off it is warned of.
        bolus_us: when the last bolus began.
        glucose_us: when glucose was measured last, by whatever means.
        sensor_us: when the sensor sent its last reading, while there is a sensor.
        low_read_us: while delivery is suspended for low glucose: when the sensor sent the last reading that may be
            dosed on.
        meal_from_us: the start of the last meal's window, or of the one now.
        meal_to_us: its end.
    """

    last_therapy_us: int | None = None
    suspended_since_us: int | None = None
    reservoir_uu: int | None = None
    reservoir_left_us: int | None = None
    reservoir_again_uu: int | None = None
    step_uu: int = 1
    battery_percent: int | None = None
    battery_us_per_percent: int | None = None
    set_since_us: int | None = None
    reservoir_since_us: int | None = None
    person_us: int | None = None
    auto_off_warning_us: int | None = None
    bolus_us: int | None = None
    glucose_us: int | None = None
    sensor_us: int | None = None
    low_read_us: int | None = None
    meal_from_us: int | None = None
    meal_to_us: int | None = None


def since(kind: Kind, start_us: int | None, span_us: int | None, now_us: int) -> Due:
    """Return a cause once something has lasted too long.

    Args:
        kind: what to annunciate then.
        start_us: when it began, monotonic; None: it did not.
        span_us: how long it may last; None: for ever.
        now_us: monotonic.

    Returns:
        The cause at `start_us + span_us` and after.

    Example:
        >>> since(Kind.SET_AGE, 1_000, 500, 1_499)
        Due(causes={}, next_us=1500)
    """
    if start_us is None or span_us is None:
        return NOTHING
    end_us = start_us + span_us
    return Due({kind: ""}) if now_us >= end_us else Due({}, end_us)


def reservoir(
    settings: AlarmSettings,
    remaining_uu: int | None,
    left_us: int | None,
    step_uu: int,
    again_uu: int | None = None,
) -> Due:
    """Return whether the reservoir is empty or low.

    The detail names the mark that was passed (the threshold, half of it, 5 U or the device's own), so that each mark is
    told again.

    Args:
        settings: the thresholds.
        remaining_uu: what is left.
        left_us: how long that lasts at the present rate.
        step_uu: one step.
        again_uu: a last mark of the device; 5 U where it has none.

    Returns:
        Empty below one step; low at a mark and below, or when what is left does not outlast `reservoir_low_us`.

    Rounding:
        Half of an odd threshold is rounded down.

    Example:
        >>> from pumpcore.alarms.settings import AlarmSettings
        >>> reservoir(AlarmSettings(), 9_000_000, None, 50_000).causes
        {<Kind.RESERVOIR_LOW: 'reservoir_low'>: '10 U'}
    """
    if remaining_uu is None:
        return NOTHING
    if remaining_uu < step_uu:
        return Due({Kind.RESERVOIR_EMPTY: ""})
    low_uu, last_uu = settings.reservoir_low_uu, _LAST_UU if again_uu is None else again_uu
    if remaining_uu <= max(low_uu, last_uu):
        passed = min(mark for mark in (low_uu, max(low_uu // 2, last_uu), last_uu) if remaining_uu <= mark)
        return Due({Kind.RESERVOIR_LOW: f"{format_u(passed, places=0)} U"})
    if left_us is not None and left_us <= settings.reservoir_low_us:
        return Due({Kind.RESERVOIR_LOW: ""})
    return NOTHING


def battery(settings: AlarmSettings, percent: int | None, us_per_percent: int | None) -> Due:
    """Return whether the battery is empty or low, and whether it lasts for the promised lead time.

    Low is told one percent early, so that the promise still holds at the next lower reading; where a reading breaks the
    promise all the same (a cold battery, a missed reading), that is told with a kind of its own.

    Args:
        settings: the thresholds and the lead time.
        percent: what is left, 0 to 100.
        us_per_percent: how long one percent lasts at the least; None: not known, and nothing is promised.

    Returns:
        Empty alone; or low, with the broken promise where it is broken.

    Example:
        >>> from pumpcore.alarms.settings import AlarmSettings
        >>> battery(AlarmSettings(), 24, None).causes
        {<Kind.BATTERY_LOW: 'battery_low'>: ''}
    """
    if percent is None:
        return NOTHING
    above = percent - settings.battery_empty_percent
    if above <= 0:
        return Due({Kind.BATTERY_EMPTY: ""})
    causes = {}
    lead_us = settings.battery_lead_us
    if percent <= settings.battery_low_percent or (
        us_per_percent is not None and (above - 1) * us_per_percent < lead_us
    ):
        causes[Kind.BATTERY_LOW] = ""
    if us_per_percent is not None and above * us_per_percent < lead_us:
        causes[Kind.BATTERY_LEAD_TIME] = ""
    return Due(causes)


def glucose_check(settings: AlarmSettings, bolus_us: int | None, glucose_us: int | None, now_us: int) -> Due:
    """Return whether glucose should be checked: a set time after a bolus, and not measured since.

    Args:
        settings: after how long.
        bolus_us: when the last bolus began, monotonic.
        glucose_us: when glucose was measured last, monotonic.
        now_us: monotonic.

    Returns:
        The cause, until glucose is measured.

    Example:
        >>> from pumpcore.alarms.settings import AlarmSettings
        >>> glucose_check(AlarmSettings(glucose_check_us=7_200_000_000), 0, None, 60).next_us
        7200000000
    """
    if bolus_us is None or (glucose_us is not None and glucose_us >= bolus_us):
        return NOTHING
    return since(Kind.GLUCOSE_CHECK, bolus_us, settings.glucose_check_us, now_us)


def missed_meal(
    settings: AlarmSettings, meal_from_us: int | None, meal_to_us: int | None, bolus_us: int | None, now_us: int
) -> Due:
    """Return whether a meal's window went by without a bolus.

    Args:
        settings: how long after the window it is asked for.
        meal_from_us: the start of the window, monotonic.
        meal_to_us: its end; both None where there is no window.
        bolus_us: when the last bolus began, monotonic.
        now_us: monotonic.

    Returns:
        The cause from the end of the window on, for a bounded time, unless a bolus began at its start or later.

    Example:
        >>> from pumpcore.alarms.settings import AlarmSettings
        >>> missed_meal(AlarmSettings(), 1_000, 2_000, 999, 2_000)
        Due(causes={<Kind.MISSED_MEAL: 'missed_meal'>: ''}, next_us=7200002000)
    """
    if meal_from_us is None or meal_to_us is None or (bolus_us is not None and bolus_us >= meal_from_us):
        return NOTHING
    if now_us < meal_to_us:
        return Due({}, meal_to_us)
    end_us = meal_to_us + settings.missed_meal_us
    return Due({Kind.MISSED_MEAL: ""}, end_us) if now_us < end_us else NOTHING


def auto_off(settings: AlarmSettings, person_us: int | None, warning_us: int | None, now_us: int) -> Due:
    """Return whether nobody has touched anything for too long, or soon will not have.

    Args:
        settings: after how long; None there is off.
        person_us: when the person last touched anything, monotonic; None: auto-off does not apply.
        warning_us: how long before it is warned of; None: not at all.
        now_us: monotonic.

    Returns:
        The warning and, from the set time on, the stop in its place.

    Example:
        >>> from pumpcore.alarms.settings import AlarmSettings
        >>> auto_off(AlarmSettings(auto_off_us=36_000_000_000), 0, 30_000_000, 35_970_000_000)
        Due(causes={<Kind.AUTO_OFF_SOON: 'auto_off_soon'>: ''}, next_us=36000000000)
    """
    stop = since(Kind.AUTO_OFF, person_us, settings.auto_off_us, now_us)
    if warning_us is None or stop.next_us is None:
        return stop
    warn_us = max(stop.next_us - warning_us, 0)
    return Due({Kind.AUTO_OFF_SOON: ""}, stop.next_us) if now_us >= warn_us else Due({}, warn_us)


def derived(settings: AlarmSettings, facts: AlarmFacts, now_us: int) -> Due:
    """Return which of the kinds of `DERIVED` have a cause now.

    Args:
        settings: all thresholds.
        facts: what is so.
        now_us: monotonic.

    Returns:
        All causes, and the next instant at which one comes or goes if the facts stay as they are.

    Example:
        >>> from pumpcore.alarms.settings import AlarmSettings
        >>> due = derived(AlarmSettings(), AlarmFacts(last_therapy_us=0, set_since_us=0), 3_600_000_000)
        >>> due
        Due(causes={<Kind.NO_DELIVERY_MEDIUM: 'no_delivery_medium'>: ''}, next_us=7200000000)
    """
    # Taken apart in one go, and members of `Kind` looked up once: this is asked in every step of a pump.
    set_age, reservoir_age, link_lost, unknown = _AGES
    (
        therapy_us,
        suspended_us,
        left_uu,
        left_us,
        again_uu,
        step_uu,
        battery_percent,
        us_per_percent,
        set_us,
        reservoir_us,
        person_us,
        warning_us,
        bolus_us,
        glucose_us,
        sensor_us,
        low_read_us,
        meal_from_us,
        meal_to_us,
    ) = facts
    dues = (
        _no_delivery(settings, therapy_us, suspended_us, now_us),
        reservoir(settings, left_uu, left_us, step_uu, again_uu),
        battery(settings, battery_percent, us_per_percent),
        since(set_age, set_us, settings.set_age_us, now_us),
        since(reservoir_age, reservoir_us, settings.reservoir_age_us, now_us),
        auto_off(settings, person_us, warning_us, now_us),
        since(link_lost, sensor_us, settings.sensor_lost_us, now_us),
        since(unknown, low_read_us, READING_US_MAX + 1, now_us),
        glucose_check(settings, bolus_us, glucose_us, now_us),
        missed_meal(settings, meal_from_us, meal_to_us, bolus_us, now_us),
    )
    causes: dict[Kind, str] = {}
    next_us = None
    for there, change_us in dues:
        if there:
            causes |= there
        if change_us is not None and (next_us is None or change_us < next_us):
            next_us = change_us
    return Due(causes, next_us)


def _no_delivery(settings: AlarmSettings, last_us: int | None, suspended_us: int | None, now_us: int) -> Due:
    """Return the causes of the no-delivery watch."""
    if last_us is None:
        return NOTHING
    return Due(
        dict.fromkeys(watch(settings.watch, last_us, now_us, suspended_since_us=suspended_us), ""),
        watch_deadline_us(settings.watch, last_us, now_us, suspended_since_us=suspended_us),
    )

"""The no-delivery watch: no time without therapy insulin goes by unsaid.

The rule of this file is a theorem: if the host calls at each deadline and tells the board what `watch` answers, then
whenever no therapy insulin has come for `high_us` or longer, from whatever cause, an annunciation of high priority is
active. For it, `watch` is a pure function of how long ago the last therapy insulin came: at `high_us` and after, it
always names one kind of high priority; that kind's cause is then present, and what has a cause is never cleared. A host
that is late by L gives the same with `high_us` + L.

What counts as therapy insulin is the caller's to say, and priming never does. Steps of a very low rate may lie further
apart than the thresholds; a caller who does not want to be alarmed by that counts a rate above zero as insulin that
comes, and has to watch by other means that its steps do come.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms.kinds import Kind

if TYPE_CHECKING:
    from pumpcore.alarms.settings import Watch

__all__ = ["WATCHED", "watch", "watch_deadline_us"]

WATCHED: Final = frozenset(
    {Kind.NO_DELIVERY_REMINDER, Kind.NO_DELIVERY_MEDIUM, Kind.NO_DELIVERY_HIGH, Kind.NO_DELIVERY_DANGER}
)
"""The kinds that `watch` answers with."""

_RISING: Final = (Kind.NO_DELIVERY_MEDIUM, Kind.NO_DELIVERY_HIGH, Kind.NO_DELIVERY_DANGER)


def watch(
    settings: Watch, last_therapy_us: int, now_us: int, *, suspended_since_us: int | None = None
) -> tuple[Kind, ...]:
    """Return which kinds must be active now for the time without therapy insulin.

    Args:
        settings: the thresholds.
        last_therapy_us: when therapy insulin came last, or when the pump was started first; monotonic.
        now_us: monotonic.
        suspended_since_us: when delivery was suspended; None where it is not.

    Returns:
        The reminder, if suspended long enough, and the gravest of the other kinds whose threshold is reached: a graver
        one takes the place of a lighter one.

    Rounding:
        None: a threshold is reached at its very microsecond.

    Example:
        >>> from pumpcore.alarms.settings import Watch
        >>> watch(Watch(), 0, 2 * 3_600_000_000)
        (<Kind.NO_DELIVERY_HIGH: 'no_delivery_high'>,)
    """
    kinds = []
    if suspended_since_us is not None and now_us - suspended_since_us >= settings.reminder_us:
        kinds.append(Kind.NO_DELIVERY_REMINDER)
    without_us = now_us - last_therapy_us
    medium, high, danger = _RISING
    for kind, threshold_us in ((danger, settings.danger_us), (high, settings.high_us), (medium, settings.medium_us)):
        if without_us >= threshold_us:
            kinds.append(kind)
            break
    return tuple(kinds)


def watch_deadline_us(
    settings: Watch, last_therapy_us: int, now_us: int, *, suspended_since_us: int | None = None
) -> int | None:
    """Return when the answer of `watch` changes next if no insulin comes and the suspend stays as it is.

    Args:
        settings: the thresholds.
        last_therapy_us: when therapy insulin came last; monotonic.
        now_us: monotonic.
        suspended_since_us: when delivery was suspended; None where it is not.

    Returns:
        The least such instant after `now_us`; None where the answer stays.

    Example:
        >>> from pumpcore.alarms.settings import Watch
        >>> watch_deadline_us(Watch(), 0, 2 * 3_600_000_000) == 3 * 3_600_000_000 + 1_800_000_000
        True
    """
    deadline_us = None
    for threshold_us in (settings.medium_us, settings.high_us, settings.danger_us):
        if now_us - last_therapy_us < threshold_us:
            deadline_us = last_therapy_us + threshold_us
            break
    if suspended_since_us is not None and now_us - suspended_since_us < settings.reminder_us:
        reminder_us = suspended_since_us + settings.reminder_us
        return reminder_us if deadline_us is None else min(reminder_us, deadline_us)
    return deadline_us

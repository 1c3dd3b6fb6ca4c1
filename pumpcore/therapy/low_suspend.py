"""Low-glucose suspend: whether insulin is suspended because glucose is low or soon will be.

The rule of this file: it only ever takes insulin away, is off until a person turns it on, lasts at most 2 hours, and
stays away after a resume by hand for the time that the preset names. It decides by readings of the sensor that may be
dosed on. Without one nothing is suspended, and a suspension that runs goes on to its longest time: a reading that says
nothing is no recovery. How makers differ is data: `LOW_PRESETS`.
"""

from __future__ import annotations

from enum import StrEnum, unique
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pumpcore.bounds import Range, within
from pumpcore.devices import Source
from pumpcore.errors import QuantityError, TimeError
from pumpcore.frozen import dataclass, field
from pumpcore.limits import check
from pumpcore.therapy.glucose import READING_US_MAX, Last24h, MgDl, exact_glucose, rate_at
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from pumpcore.therapy.glucose import Glucose

__all__ = ["LOW_PRESETS", "LowDecision", "LowFacts", "LowPreset", "LowSettings", "LowWhy", "low_suspend"]

_SUSPEND_US: Final = Range(1, 2 * US_PER_HOUR)  # two hours at most, whatever a preset says


@dataclass(frozen=True, slots=True, kw_only=True)
class LowPreset:
    """How a maker's pump suspends for low glucose. Glucose figures are in mg/dL, as the makers state them.

    Attributes:
        id: its name.
        limit: the low limits that a person may choose.
        horizon_us: how far ahead it predicts; 0: it does not, and suspends at or below the limit.
        predicted_above: suspends when at most this much above the limit is predicted within the horizon ...
        gate_above: ... and glucose is at most this much above the limit now; None: wherever it is now.
        now_below: suspends at once when glucose is this much or more below the limit; None: no such rule.
        resume_above: resumes when glucose is more than this above the limit ...
        resume_predicted_above: ... and more than this above it is predicted; None for both: as soon as glucose rises.
        least_us: shortest suspension before it resumes by itself.
        most_us: longest suspension, up to 2 hours.
        window_us: `most_us` counts all suspensions within this time; 0: each by itself.
        after_most_us: wait before the next one after a suspension that lasted its longest.
        after_hand_us: wait before the next one after a resume by hand.
        sources: where the figures come from, and which are only remembered.
    """

    id: str
    limit: Range
    horizon_us: int = 0
    predicted_above: int = 0
    gate_above: int | None = None
    now_below: int | None = None
    resume_above: int | None = None
    resume_predicted_above: int | None = None
    least_us: int = 0
    most_us: int = 2 * US_PER_HOUR
    window_us: int = 0
    after_most_us: int
    after_hand_us: int
    sources: tuple[Source, ...]

    def __post_init__(self) -> None:
        """Reject a preset that could suspend for longer than 2 hours, or never end."""
        _SUSPEND_US.check(self.most_us, name="most_us", unit="us")
        within(self.least_us, 0, self.most_us, name="least_us", unit="us")


_PRESETS: Final = (
    LowPreset(
        id="medtronic-530g",
        limit=Range(60, 90, default=60),
        after_most_us=4 * US_PER_HOUR,
        after_hand_us=30 * US_PER_MINUTE,
        sources=(
            Source(
                "medtronicdiabetes.com/loop-blog/how-to-use-the-threshold-suspend-feature: off by default, 60 to 90"
                " mg/dL, at or below, two hours",
                "read",
            ),
            Source("asweetlife.org, MiniMed 530G with Enlite Trial: then four hours of basal insulin", "read"),
            Source("default of 60 mg/dL; no rule by glucose for an earlier end; lock-out after a resume", "remembered"),
        ),
    ),
    LowPreset(
        id="medtronic-veo",
        limit=Range(40, 110, default=60),
        after_most_us=4 * US_PER_HOUR,
        after_hand_us=30 * US_PER_MINUTE,
        sources=(
            Source("MiniMed Veo user guide, Setting the Low Glucose Suspend: off, 40 to 110, default 60 mg/dL", "read"),
            Source("two hours, then four hours of basal insulin; lock-out after a resume", "remembered"),
        ),
    ),
    LowPreset(
        id="medtronic-640g",
        limit=Range(50, 90, default=60),
        horizon_us=30 * US_PER_MINUTE,
        predicted_above=20,
        gate_above=70,
        now_below=0,
        resume_above=20,
        resume_predicted_above=40,
        least_us=30 * US_PER_MINUTE,
        after_most_us=4 * US_PER_HOUR,
        after_hand_us=30 * US_PER_MINUTE,
        sources=(
            Source(
                "Medtronic MiniMed (MMT-1700 class) guide, chapter Suspend before low, examples: at or within 20 mg/dL"
                " above the limit within 30 min, from 70 mg/dL above on; unavailable for 30 min after a resume by hand",
                "read",
            ),
            Source(
                "limit of 50 to 90 mg/dL; resume above 20 and predicted above 40 mg/dL above the limit, not before"
                " 30 min; two hours; four hours until the next",
                "remembered",
            ),
        ),
    ),
    LowPreset(
        id="tandem-basal-iq",
        limit=Range(80, 80, default=80),
        horizon_us=30 * US_PER_MINUTE,
        now_below=10,
        window_us=150 * US_PER_MINUTE,
        after_most_us=0,
        after_hand_us=0,
        sources=(
            Source(
                "tandemdiabetes.com/providers/basal-iq: 30 minutes ahead, resumes with the first rise, no refractory"
                " period, two hours within any 2.5 hours",
                "read",
            ),
            Source("predicted below 80 mg/dL, or below 70 mg/dL now", "remembered"),
        ),
    ),
)

LOW_PRESETS: Final[Mapping[str, LowPreset]] = MappingProxyType({preset.id: preset for preset in _PRESETS})
"""Every preset by its id. None is in force until a person chooses one."""


@dataclass(frozen=True, slots=True)
class LowSettings:
    """What a person turned on: a preset and a low limit.

    Args:
        preset: how to suspend.
        limit: the low limit; its exact value in mg/dL within the preset's range, to the display's accuracy.

    Raises:
        QuantityError: not of these types.
        LimitError: the limit is outside the preset's range.

    Example:
        >>> LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(55))
        Traceback (most recent call last):
        ...
        pumpcore.errors.LimitError: limit: 55 is below the least allowed, 60 mg/dL
    """

    preset: LowPreset
    limit: Glucose

    def __post_init__(self) -> None:
        """Reject a limit that the maker does not allow."""
        if type(self.preset) is not LowPreset:
            raise QuantityError("preset", self.preset, "must be a LowPreset")
        limit = exact_glucose(self.limit, field="limit")
        shown = limit if isinstance(limit, MgDl) else limit.to_mg_dl()
        self.preset.limit.check(shown.mg_per_dl, name="limit", unit="mg/dL")


@dataclass(frozen=True, slots=True, kw_only=True)
class LowFacts:
    """What low-glucose suspend decides on.

    Attributes:
        now_us: now.
        day: the sensor's last 24 hours.
        suspended_us: when the present suspension began; None where there is none.
        used_us: how long it has suspended within the preset's window before that; only for a preset with a window.
        ended_us: when a suspension that lasted its longest ended last; None where none did.
        by_hand_us: when a person last resumed out of a suspension; None where nobody did.
    """

    now_us: int
    day: Last24h = field(default_factory=Last24h)
    suspended_us: int | None = None
    used_us: int = 0
    ended_us: int | None = None
    by_hand_us: int | None = None

    def __post_init__(self) -> None:
        """Reject facts from the future."""
        check("time_us", self.now_us, field="now_us")
        for name in ("suspended_us", "ended_us", "by_hand_us"):
            at_us = getattr(self, name)
            if at_us is not None and self.now_us < check("time_us", at_us, field=name):
                raise TimeError("now_us", self.now_us, at_us)
        check("time_us", self.used_us, field="used_us")


@unique
class LowWhy(StrEnum):
    """Why low-glucose suspend decides as it does."""

    OFF = "off"
    NO_READING = "no_reading"
    """There is none that may be decided on: a suspension does not begin, and one that runs does not end."""
    HIGH_ENOUGH = "high_enough"
    LOW = "low"
    PREDICTED_LOW = "predicted_low"
    NOT_YET = "not_yet"
    STILL_LOW = "still_low"
    RECOVERED = "recovered"
    LONGEST = "longest"
    LOCKED_OUT = "locked_out"


@dataclass(frozen=True, slots=True)
class LowDecision:
    """What low-glucose suspend decides.

    Attributes:
        suspend: whether insulin is to be suspended now.
        why: the reason.
        until_us: when the suspension ends at the latest, whatever is read until then; None where there is none.
    """

    suspend: bool
    why: LowWhy
    until_us: int | None = None


def low_suspend(settings: LowSettings | None, facts: LowFacts) -> LowDecision:
    """Decide whether insulin is suspended for low glucose.

    Ask at each reading, and at `until_us`.

    Args:
        settings: what a person turned on; None: nothing.
        facts: as of now.

    Returns:
        The decision. Suspended time, with what the window has used, never exceeds the preset's longest.

    Rounding:
        None: prediction is exact, the latest usable reading plus the slope of `rate_at` times the horizon.

    Example:
        >>> from pumpcore.therapy.glucose import Reading
        >>> low = LowSettings(LOW_PRESETS["medtronic-530g"], MgDl(60))
        >>> day = Last24h((Reading(0, MgDl(58)),))
        >>> low_suspend(low, LowFacts(now_us=0, day=day))
        LowDecision(suspend=True, why=<LowWhy.LOW: 'low'>, until_us=7200000000)
        >>> low_suspend(None, LowFacts(now_us=0, day=day)).suspend
        False
    """
    if settings is None:
        return LowDecision(suspend=False, why=LowWhy.OFF)
    preset, since_us, now_us = settings.preset, facts.suspended_us, facts.now_us
    until_us = (now_us if since_us is None else since_us) + preset.most_us - facts.used_us
    if until_us <= now_us:
        return LowDecision(suspend=False, why=LowWhy.LONGEST)
    if since_us is None and _locked_out(preset, facts):
        return LowDecision(suspend=False, why=LowWhy.LOCKED_OUT)
    latest = facts.day.latest_usable
    if latest is None or not 0 <= now_us - latest.at_us <= READING_US_MAX:
        if since_us is None:
            return LowDecision(suspend=False, why=LowWhy.NO_READING)
        return LowDecision(suspend=True, why=LowWhy.NO_READING, until_us=until_us)
    above = latest.value.exact_mg_dl - settings.limit.exact_mg_dl
    rate = rate_at(facts.day, now_us)
    begun_for_us = None if since_us is None else now_us - since_us
    if begun_for_us is not None:
        why = _go_on(preset, above, rate, begun_for_us)
    else:
        why = _begin(preset, above, rate)
        # What the same reading would end does not begin: otherwise a slow rise toggles it with every reading.
        if why in _SUSPENDING and _go_on(preset, above, rate, preset.least_us) is LowWhy.RECOVERED:
            why = LowWhy.HIGH_ENOUGH
    suspend = why in _SUSPENDING
    return LowDecision(suspend=suspend, why=why, until_us=until_us if suspend else None)


_SUSPENDING: Final = {LowWhy.LOW, LowWhy.PREDICTED_LOW, LowWhy.NOT_YET, LowWhy.STILL_LOW}


def _locked_out(preset: LowPreset, facts: LowFacts) -> bool:
    """Return whether a resume by hand or a longest suspension is too recent for another one."""
    pairs = ((facts.by_hand_us, preset.after_hand_us), (facts.ended_us, preset.after_most_us))
    return any(at_us is not None and facts.now_us - at_us < wait_us for at_us, wait_us in pairs)


def _begin(preset: LowPreset, above: Fraction, rate: Fraction | None) -> LowWhy:
    """Decide whether a suspension begins, `above` being the distance of glucose above the limit."""
    if not preset.horizon_us:
        return LowWhy.LOW if above <= 0 else LowWhy.HIGH_ENOUGH
    if preset.now_below is not None and above <= -preset.now_below:
        return LowWhy.LOW
    gated = preset.gate_above is not None and above > preset.gate_above
    if rate is None or gated or above + rate * preset.horizon_us > preset.predicted_above:
        return LowWhy.HIGH_ENOUGH
    return LowWhy.PREDICTED_LOW


def _go_on(preset: LowPreset, above: Fraction, rate: Fraction | None, for_us: int) -> LowWhy:
    """Decide whether a suspension that has lasted `for_us` goes on."""
    if for_us < preset.least_us:
        return LowWhy.NOT_YET
    # A threshold suspend ends by hand or by time, never by glucose.
    if not preset.horizon_us or rate is None:
        return LowWhy.STILL_LOW
    if preset.resume_above is None or preset.resume_predicted_above is None:
        return LowWhy.RECOVERED if rate > 0 else LowWhy.STILL_LOW
    predicted = above + rate * preset.horizon_us
    recovered = above > preset.resume_above and predicted > preset.resume_predicted_above
    return LowWhy.RECOVERED if recovered else LowWhy.STILL_LOW

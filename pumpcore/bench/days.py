"""Plans to measure with: made from a seed with integers alone, so that they are the same on every machine.

The rule of this file: a plan is written as `schedule` takes it. `plain_day` and `automatic_day` are two fixed days;
`eight_segment_days` and `people` are cohorts, the second with profiles, meals and temporary rates as people have them.

Units: `_us` microseconds, `_uu` micro-units of insulin, `_uu_per_h` micro-units per hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypedDict

from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "DAY_US",
    "STEP_UU",
    "Dice",
    "PlanDict",
    "TrainDict",
    "automatic_day",
    "constant_run",
    "eight_segment_days",
    "people",
    "plain_day",
    "plan",
    "train",
]

DAY_US: Final = 24 * US_PER_HOUR
STEP_UU: Final = 50_000
_PACE_US: Final = 2_000_000  # a step of a bolus each two seconds: 1.5 U a minute
_MASK: Final = 2**64 - 1


class TrainDict(TypedDict):
    """A train of a plan."""

    channel: str
    start_us: int
    duration_us: int
    amount_uu: int


class PlanDict(TypedDict):
    """A plan, as `schedule` takes it."""

    actuator: Mapping[str, int]
    from_us: int
    to_us: int
    basal: Sequence[tuple[int, int]]
    trains: Sequence[TrainDict]


class Dice:
    """Whole numbers by chance, the same for one seed in every version of Python.

    Source: the generator is SplitMix64 (Steele, Lea and Flood, 2014).

    Args:
        seed: any whole number.

    Example:
        >>> dice = Dice(1)
        >>> [dice.between(1, 6) for _ in range(5)]
        [6, 2, 1, 6, 4]
    """

    def __init__(self, seed: int) -> None:
        """Start the sequence of `seed`."""
        self._state = seed & _MASK

    def between(self, least: int, largest: int) -> int:
        """Throw: any whole number from `least` to `largest`, both included, nearly equally often.

        Args:
            least: the smallest number.
            largest: the largest one.

        Returns:
            The number.
        """
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 & _MASK
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB & _MASK
        return least + (mixed ^ mixed >> 31) % (largest - least + 1)


def train(channel: str, start_us: int, duration_us: int, amount_uu: int) -> TrainDict:
    """Write a train as a plan has it.

    Args:
        channel: `extended` or `bolus`.
        start_us: when it starts.
        duration_us: how long it lasts.
        amount_uu: how much it is, a whole number of steps.

    Returns:
        The train.
    """
    return {"channel": channel, "start_us": start_us, "duration_us": duration_us, "amount_uu": amount_uu}


def plan(
    basal: Sequence[tuple[int, int]], trains: Sequence[TrainDict] = (), *, step_uu: int = STEP_UU, to_us: int = DAY_US
) -> PlanDict:
    """Write a plan that begins at 0.

    Args:
        basal: pairs of start and rate (uu/h).
        trains: its trains.
        step_uu: one step of the actuator.
        to_us: where it ends.

    Returns:
        The plan.
    """
    actuator = {"step_uu": step_uu, "gap_us": 0, "grid_us": 0}
    return {"actuator": actuator, "from_us": 0, "to_us": to_us, "basal": basal, "trains": list(trains)}


def _bolus(start_us: int, steps: int) -> TrainDict:
    return train("bolus", start_us, steps * _PACE_US, steps * STEP_UU)


def plain_day() -> PlanDict:
    """Make a day as people without an automatic pump have it: eight rates, one meal with an extended bolus.

    Returns:
        A plan of 550 steps.
    """
    rates = (80, 70, 90, 110, 100, 95, 120, 85)
    basal = [(3 * i * US_PER_HOUR, rate * 10_000) for i, rate in enumerate(rates)]
    noon_us = 12 * US_PER_HOUR
    return plan(basal, [train("extended", noon_us, 2 * US_PER_HOUR, 60 * STEP_UU), _bolus(noon_us, 40)])


def automatic_day() -> PlanDict:
    """Make a day of an automatic pump: a new rate each five minutes, three meals, one with an extended bolus.

    Returns:
        A plan of 834 steps, with rates from 0.05 to 2.4 U/h in a pattern without a short period.
    """
    basal = [(i * 5 * US_PER_MINUTE, (i * i * 7 % 48 + 1) * 50_000) for i in range(288)]
    meals = [_bolus(hour * US_PER_HOUR, steps) for hour, steps in ((7, 120), (12, 90), (19, 60))]
    return plan(basal, [*meals, train("extended", 19 * US_PER_HOUR, 4 * US_PER_HOUR, 80 * STEP_UU)])


def constant_run(steps: int) -> PlanDict:
    """Make a run at one rate, on steps as small as they come, so that an hour holds ten million of them.

    Args:
        steps: how many steps it has.

    Returns:
        The plan.

    Example:
        >>> constant_run(1)["to_us"]
        361
    """
    step_uu, rate_uu_per_h = 100, 999_999_937
    return plan([(0, rate_uu_per_h)], step_uu=step_uu, to_us=-(-steps * step_uu * US_PER_HOUR // rate_uu_per_h))


def eight_segment_days(count: int, *, seed: int = 1) -> list[PlanDict]:
    """Make days of eight rates and one meal with a normal and an extended bolus: about 660 steps each.

    Args:
        count: how many.
        seed: which.

    Returns:
        The plans.
    """
    dice = Dice(seed)
    days = []
    for _ in range(count):
        meal_us = dice.between(7, 19) * US_PER_HOUR
        basal = [(3 * i * US_PER_HOUR, dice.between(12, 35) * 50_000) for i in range(8)]
        days.append(plan(basal, [train("extended", meal_us, 2 * US_PER_HOUR, 60 * STEP_UU), _bolus(meal_us, 40)]))
    return days


# Percent of the mean rate, three hours each: more before waking, less around midnight.
_COURSE: Final = (85, 95, 120, 110, 95, 95, 105, 95)
# A meal's first and last minute of the day, and how many meals of three have it.
_MEALS: Final = ((6 * 60, 9 * 60, 3), (11 * 60, 14 * 60, 3), (17 * 60, 20 * 60, 3), (15 * 60, 22 * 60, 1))


def people(count: int, *, seed: int = 1) -> list[PlanDict]:
    """Make days of people: a profile of eight rates, two to four meals, up to two temporary rates.

    A person needs 25 to 80 U a day, 40 to 60 % of it basal. A meal is 15 to 90 g, and a unit covers 500 g divided by
    the units of a day; one meal of four has half of its bolus extended over one to four hours. A temporary rate is 0
    to 200 % for half an hour to four hours.

    Args:
        count: how many days, each of another person.
        seed: which.

    Returns:
        The plans.
    """
    dice = Dice(seed)
    return [_persons_day(dice) for _ in range(count)]


def _persons_day(dice: Dice) -> PlanDict:
    day_uu = dice.between(25, 80) * UU_PER_U
    mean_uu_per_h = day_uu * dice.between(40, 60) // 100 // 24
    rates = [mean_uu_per_h * (percent + dice.between(-15, 15)) // 100 // 25_000 * 25_000 for percent in _COURSE]
    basal = [(3 * i * US_PER_HOUR, rate) for i, rate in enumerate(rates)]
    for _ in range(dice.between(0, 2)):
        start_us = dice.between(0, 19 * 60) * US_PER_MINUTE
        basal = _with_temp(
            basal, start_us, start_us + dice.between(1, 8) * 30 * US_PER_MINUTE, dice.between(0, 20) * 10
        )
    trains = []
    for first, last, often in _MEALS:
        if dice.between(1, 3) <= often:
            trains += _meal(dice, dice.between(first, last) * US_PER_MINUTE, day_uu)
    return plan(basal, trains)


def _meal(dice: Dice, at_us: int, day_uu: int) -> list[TrainDict]:
    steps = max(2, dice.between(15, 90) * day_uu // 500 // STEP_UU)
    if dice.between(1, 4) > 1:
        return [_bolus(at_us, steps)]
    half = steps // 2
    extended = train("extended", at_us, dice.between(2, 8) * 30 * US_PER_MINUTE, half * STEP_UU)
    return [extended, _bolus(at_us, steps - half)]


def _with_temp(basal: list[tuple[int, int]], start_us: int, end_us: int, percent: int) -> list[tuple[int, int]]:
    """Change the rates between two instants to a percentage."""

    def rate_at(at_us: int) -> int:
        return next((rate for since_us, rate in reversed(basal) if since_us <= at_us), 0)

    inside = {start_us: rate_at(start_us)} | {at: rate for at, rate in basal if start_us < at < end_us}
    changed = {at: rate * percent // 100 // 25_000 * 25_000 for at, rate in inside.items()}
    outside = {at: rate for at, rate in basal if not start_us <= at < end_us}
    return sorted(({end_us: rate_at(end_us)} | outside | changed).items())

"""What a pump model can do: capability presets, one data file each.

The rule of this folder: a figure lives in a data file (TOML), with the row of that file's `[sources]` that says where
it comes from and how sure it is: `read` at that source, only `remembered` (to be checked before it is shown as a
maker's figure), or our `own` choice where a maker states none. The code knows no model. Reading is strict: an unknown
key, a missing source or a TOML float is refused in one line.

A data file writes amounts and rates as text and everything else as whole numbers, in the unit that ends the key.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache
from itertools import pairwise
from os import listdir
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, NoReturn, cast, get_args

from pumpcore.errors import LimitError, QuantityError, RecordError
from pumpcore.frozen import dataclass, field
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, UU_PER_U, exact_int, parse_u, parse_u_per_h

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "Band",
    "Bands",
    "Device",
    "Known",
    "Range",
    "Source",
    "Speed",
    "SpeedMode",
    "for_carelink",
    "ids",
    "load",
    "parse",
]

Known = Literal["read", "remembered", "own"]
"""How sure a figure is: read at its source, remembered and to be checked, or our own choice."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure comes from.

    Attributes:
        text: the source, precise enough to find the figure again.
        known: how sure the figure is.
    """

    text: str
    known: Known


@dataclass(frozen=True, slots=True)
class Range:
    """The values that a device takes for one quantity; the unit is that of the attribute that holds the range.

    Attributes:
        least: the least value.
        largest: the largest value.
        step: values are whole multiples of this.
        default: the factory setting, where there is one.
    """

    least: int
    largest: int
    step: int = 1
    default: int | None = None

    def __post_init__(self) -> None:
        """Refuse a range that contradicts itself."""
        ends = (self.least, self.largest, *(() if self.default is None else (self.default,)))
        if (
            self.step < 1
            or not 0 <= self.least <= self.largest
            or any(end % self.step or not self.least <= end <= self.largest for end in ends)
        ):
            raise QuantityError("range", (*ends, self.step), "contradicts itself")

    def check(self, value: int, *, name: str, unit: str) -> int:
        """Let a value through that the device takes.

        Args:
            value: what was asked for, in the unit of the range.
            name: the name that an error shall carry.
            unit: the unit that an error shall carry.

        Returns:
            `value`.

        Rounding:
            None.

        Raises:
            QuantityError: `value` is no int or no whole multiple of the step. Nothing is changed.
            LimitError: `value` is outside. Nothing is changed.

        Example:
            >>> Range(30, 1440, step=30).check(45, name="duration", unit="min")
            Traceback (most recent call last):
            ...
            pumpcore.errors.QuantityError: duration: 45 is no whole multiple of 30 min
        """
        if exact_int(value, field=name) < self.least:
            raise LimitError(name, value, self.least, unit)
        if value > self.largest:
            raise LimitError(name, value, self.largest, unit)
        if value % self.step:
            raise QuantityError(name, value, f"is no whole multiple of {self.step} {unit}")
        return value


class Band(NamedTuple):
    """From this value on, the device knows whole multiples of this step."""

    start: int
    step: int


@dataclass(frozen=True, slots=True)
class Bands:
    """The resolution of a device for one quantity, finer for small values; the unit is that of the attribute.

    Attributes:
        bands: in rising order, the first from 0 on. A band's start is a whole multiple of its own step and of the step
            before, so that rounding down never leaves the band and it does not matter which of the two has the edge.
    """

    bands: tuple[Band, ...]

    def __post_init__(self) -> None:
        """Refuse bands with a gap, an overlap or an edge that is on no step."""
        if (
            not self.bands
            or self.bands[0].start != 0
            or any(band.step < 1 for band in self.bands)
            or any(a.start >= b.start or b.start % a.step or b.start % b.step for a, b in pairwise(self.bands))
        ):
            raise QuantityError("bands", self.bands, "are no rising bands from 0 on with edges on their steps")

    def step_at(self, value: int) -> int:
        """Return the step of the band that `value`, at least 0, lies in."""
        return self.bands[bisect_right(self.bands, value, key=lambda band: band.start) - 1].step

    def round_down(self, value: int) -> int:
        """Return the largest value on a step that is not above `value`, at least 0."""
        return value - value % self.step_at(value)

    def check(self, value: int, *, name: str, unit: str) -> int:
        """Let a value through that is on a step.

        Args:
            value: what was asked for, at least 0, in the unit of the bands.
            name: the name that an error shall carry.
            unit: the unit that an error shall carry.

        Returns:
            `value`.

        Rounding:
            None.

        Raises:
            QuantityError: `value` is on no step. Nothing is changed.

        Example:
            >>> Bands((Band(0, 5), Band(20, 10))).check(25, name="amount", unit="uu")
            Traceback (most recent call last):
            ...
            pumpcore.errors.QuantityError: amount: 25 is no whole multiple of 10 uu
        """
        step = self.step_at(value)
        if value % step:
            raise QuantityError(name, value, f"is no whole multiple of {step} {unit}")
        return value


class Speed(NamedTuple):
    """How fast a bolus of `start_uu` or more runs: so long per unit, or so long in all."""

    start_uu: int
    us_per_u: int | None
    us_in_all: int | None


class SpeedMode(NamedTuple):
    """Another speed of a bolus that a person can choose, by its name: how long it takes, in rising order of amount."""

    name: str
    speeds: tuple[Speed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What one pump model can do. None says that the model lacks the function or that the figure is not known.

    Attributes:
        id: the name of the data file.
        name: the model, as people call it.
        maker: who makes it.
        carelink_models: the model numbers under which CareLink exports name this class of pump.
        step_uu: one step of the actuator (a pulse, a stroke).
        gap_us: time that the actuator needs between two pulses; 0: none.
        grid_us: pulses leave only at whole multiples of this; 0: at any time.
        basal_uu_per_h: least and largest basal rate; 0 is always possible where the least is 0.
        basal_bands_uu_per_h: the rates that the device knows.
        profiles: how many basal profiles it keeps.
        segments: how many segments a profile has at most.
        segment_us: segments start at whole multiples of this.
        temp_uu_per_h: rates of a temp basal in U/h, on the basal bands.
        temp_percent: temp basal in percent of the rate in force.
        temp_us: duration of a temp basal.
        bolus_uu: least and largest bolus.
        bolus_bands_uu: the amounts that the device knows.
        bolus_speeds: how long a bolus takes as delivered by the maker, in rising order of amount.
        bolus_modes: other speeds that a person can choose.
        bolus_start_delay_us: how long after the confirmation a bolus starts; 0: at once.
        extended_us: duration of an extended bolus.
        extended_least_uu: the least bolus, all its parts together, of which a part may be extended.
        extended_meal_only: whether only what covers a meal may be extended, never a correction.
        max_basal_uu_per_h: setting of a person's largest basal rate.
        max_bolus_uu: setting of a person's largest bolus.
        hour_alert_percent: boluses of 60 minutes above so many percent of the person's largest bolus are alerted.
        reservoir_uu: what a full reservoir holds.
        low_reservoir_uu: setting of the low-reservoir alert by amount.
        low_reservoir_us: setting of the low-reservoir alert by time left.
        low_reservoir_again_uu: the amount left at which it is alerted once more, whatever the setting.
        occlusion_uu: insulin missed, on average, before an occlusion is detected.
        occlusion_most_uu: insulin missed, at most, before an occlusion is detected.
        auto_off_us: setting of the automatic stop when no button is pressed; it can always be off.
        auto_off_warning_us: how long the pump warns before it stops.
        sources: where each figure comes from, by its place in the data file (`"basal.rate_u_per_h"`).
    """

    id: str
    name: str
    maker: str
    carelink_models: tuple[str, ...]
    step_uu: int
    gap_us: int
    grid_us: int
    basal_uu_per_h: Range
    basal_bands_uu_per_h: Bands
    profiles: int
    segments: int
    segment_us: int
    temp_uu_per_h: Range | None
    temp_percent: Range | None
    temp_us: Range | None
    bolus_uu: Range
    bolus_bands_uu: Bands
    bolus_speeds: tuple[Speed, ...]
    bolus_modes: tuple[SpeedMode, ...]
    bolus_start_delay_us: int
    extended_us: Range | None
    extended_least_uu: int | None
    extended_meal_only: bool
    max_basal_uu_per_h: Range | None
    max_bolus_uu: Range | None
    hour_alert_percent: int | None
    reservoir_uu: int
    low_reservoir_uu: Range | None
    low_reservoir_us: Range | None
    low_reservoir_again_uu: int | None
    occlusion_uu: int | None
    occlusion_most_uu: int | None
    auto_off_us: Range | None
    auto_off_warning_us: int | None
    sources: Mapping[str, Source] = field(compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a device whose figures contradict each other."""
        if self.step_uu < 1 or (self.gap_us and self.grid_us):
            raise QuantityError("actuator", (self.step_uu, self.gap_us, self.grid_us), "has no step, or gap and grid")
        if any(band.step % self.step_uu for band in self.bolus_bands_uu.bands):
            raise QuantityError("bolus.steps_u", self.bolus_bands_uu, "are no whole steps of the actuator")
        for name, taken, bands in (
            ("basal.rate_u_per_h", self.basal_uu_per_h, self.basal_bands_uu_per_h),
            ("bolus.amount_u", self.bolus_uu, self.bolus_bands_uu),
        ):
            if any(end % bands.step_at(end) for end in (taken.least, taken.largest)):
                raise QuantityError(name, (taken.least, taken.largest), "end on no step")
        modes = (("bolus.modes_u", mode.speeds) for mode in self.bolus_modes)
        for name, speeds in (("bolus.speeds_u", self.bolus_speeds), *modes):
            starts = [speed.start_uu for speed in speeds]
            if starts[:1] != [0] or starts != sorted(set(starts)):
                raise QuantityError(name, starts, "are no rising amounts from 0 on")
        if len({mode.name for mode in self.bolus_modes}) < len(self.bolus_modes):
            raise QuantityError("bolus.modes_u", [mode.name for mode in self.bolus_modes], "give two modes one name")
        self._check_optional()

    def _check_optional(self) -> None:
        """Refuse a figure that qualifies what is not there, or that the whole of it contradicts."""
        if (self.temp_us is None) != (self.temp_uu_per_h is None and self.temp_percent is None):
            raise QuantityError("temp_basal", self.temp_us, "needs a duration and a kind, or neither")
        if self.extended_us is None and (self.extended_least_uu is not None or self.extended_meal_only):
            raise QuantityError("extended_bolus", self.extended_us, "needs a duration")
        if self.auto_off_us is None and self.auto_off_warning_us is not None:
            raise QuantityError("auto_off.warning_seconds", self.auto_off_warning_us, "warns of nothing")
        again_uu, low_uu = self.low_reservoir_again_uu, self.low_reservoir_uu
        if again_uu is not None and (low_uu is None or again_uu > low_uu.least):
            raise QuantityError("reservoir.low_again_u", again_uu, "is not below every setting of the first alert")
        for name, setting, taken in (
            ("limits.max_basal_u_per_h", self.max_basal_uu_per_h, self.basal_uu_per_h),
            ("limits.max_bolus_u", self.max_bolus_uu, self.bolus_uu),
        ):
            if setting is not None and setting.largest > taken.largest:
                raise QuantityError(name, setting.largest, "is more than the pump delivers")

    @property
    def temp_kinds(self) -> frozenset[str]:
        """The kinds of temp basal that the device knows: `"absolute"` (U/h), `"percent"`."""
        ranges = {"absolute": self.temp_uu_per_h, "percent": self.temp_percent}
        return frozenset(kind for kind, taken in ranges.items() if taken is not None)

    def check_rate(self, rate_uu_per_h: int, *, name: str) -> int:
        """Let a basal rate through that the device knows.

        Args:
            rate_uu_per_h: micro-units per hour.
            name: the name that an error shall carry.

        Returns:
            `rate_uu_per_h`.

        Rounding:
            None: a rate between two steps is refused.

        Raises:
            QuantityError: the rate is no int or on no step of the device. Nothing is changed.
            LimitError: the rate is outside the device's range. Nothing is changed.

        Example:
            >>> load("medtronic-522").check_rate(25_000, name="rate")
            Traceback (most recent call last):
            ...
            pumpcore.errors.QuantityError: rate: 25000 is no whole multiple of 50000 uu/h
        """
        self.basal_uu_per_h.check(rate_uu_per_h, name=name, unit="uu/h")
        return self.basal_bands_uu_per_h.check(rate_uu_per_h, name=name, unit="uu/h")

    def check_temp_rate(self, rate_uu_per_h: int, *, name: str) -> int:
        """Let the rate of an absolute temp basal through that the device knows; 0 may be one where no profile has it.

        Args:
            rate_uu_per_h: micro-units per hour.
            name: the name that an error shall carry.

        Returns:
            `rate_uu_per_h`.

        Rounding:
            None: a rate between two steps is refused.

        Raises:
            QuantityError: the device knows no absolute temp basal, or the rate is no int or on no step. Nothing is
                changed.
            LimitError: the rate is outside the device's range for temp basals. Nothing is changed.

        Example:
            >>> load("omnipod").check_temp_rate(0, name="rate")
            0
            >>> load("omnipod").check_rate(0, name="rate")
            Traceback (most recent call last):
            ...
            pumpcore.errors.LimitError: rate: 0 is below the least allowed, 50000 uu/h
        """
        if self.temp_uu_per_h is None:
            raise QuantityError(name, rate_uu_per_h, f"is no temp basal that {self.id} knows")
        self.temp_uu_per_h.check(rate_uu_per_h, name=name, unit="uu/h")
        return self.basal_bands_uu_per_h.check(rate_uu_per_h, name=name, unit="uu/h")

    def round_rate_down(self, rate_uu_per_h: int) -> int:
        """Round a rate as the device does where a calculation, not a person, names it (a temp basal in percent).

        Args:
            rate_uu_per_h: micro-units per hour, 0 to the device's largest rate.

        Returns:
            Micro-units per hour that the device knows.

        Rounding:
            Down to the step of the band that the rate lies in; to 0 below the device's least rate.

        Raises:
            QuantityError: the rate is no int. Nothing is changed.
            LimitError: the rate is negative or above the device's largest: refused, not clamped. Nothing is changed.

        Source:
            Paradigm 523: 125 % of 0.90 U/h runs at 1.10 and of 0.95 U/h at 1.15, by the daily totals of a real record.

        Example:
            >>> load("medtronic-523").round_rate_down(1_125_000)
            1100000
        """
        if exact_int(rate_uu_per_h, field="rate_uu_per_h") < 0:
            raise LimitError("rate_uu_per_h", rate_uu_per_h, 0, "uu/h")
        if rate_uu_per_h > self.basal_uu_per_h.largest:
            raise LimitError("rate_uu_per_h", rate_uu_per_h, self.basal_uu_per_h.largest, "uu/h")
        rounded = self.basal_bands_uu_per_h.round_down(rate_uu_per_h)
        return rounded if rounded >= self.basal_uu_per_h.least else 0

    def bolus_step_at(self, amount_uu: int) -> int:
        """Return the step, in micro-units, that a bolus of this amount (micro-units, at least 0) must be a multiple of.

        Example:
            >>> load("medtronic-523").bolus_step_at(10_000_000)
            100000
        """
        return self.bolus_bands_uu.step_at(amount_uu)

    def bolus_duration_us(self, amount_uu: int, *, mode: str | None = None) -> int:
        """Say how long the device takes to deliver a normal bolus.

        Args:
            amount_uu: micro-units, at least 0.
            mode: the name of one of `bolus_modes`; None for the speed as delivered by the maker.

        Returns:
            Microseconds.

        Rounding:
            Up to a microsecond.

        Raises:
            QuantityError: the device knows no such mode.

        Example:
            >>> load("medtronic-523").bolus_duration_us(2_000_000)
            80000000
            >>> load("medtronic-640g").bolus_duration_us(2_000_000, mode="quick")
            8000000
        """
        speeds = self.bolus_speeds
        if mode is not None:
            speeds = next((each.speeds for each in self.bolus_modes if each.name == mode), ())
        if not speeds:
            raise QuantityError("mode", mode, f"is no bolus speed that {self.id} knows")
        speed = speeds[bisect_right(speeds, amount_uu, key=lambda speed: speed.start_uu) - 1]
        if speed.us_in_all is not None:
            return speed.us_in_all
        return -(-amount_uu * (speed.us_per_u or 0) // UU_PER_U)


@cache
def ids() -> tuple[str, ...]:
    """List the devices there are.

    Returns:
        Ids for `load`, sorted.

    Example:
        >>> "medtronic-522" in ids()
        True
    """
    names = listdir(__path__[0])  # noqa: PTH208 - pathlib brings urllib along
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load(device_id: str) -> Device:
    """Read the preset of one device.

    Args:
        device_id: one of `ids()`.

    Returns:
        The device; the same object each time.

    Raises:
        QuantityError: there is no such device.
        RecordError: the data file is no device (see `parse`).

    Example:
        >>> load("medtronic-523").step_uu
        25000
    """
    from pkgutil import get_data  # noqa: PLC0415 - an import of the pump reads no data

    if device_id not in ids():
        raise QuantityError("device", device_id, f"is none of {', '.join(ids())}")
    text = (get_data(__package__, f"{device_id}.toml") or b"").decode()
    return parse(text, device_id=device_id)


_CARELINK_COLUMN: Final = "Raw-Device Type"


def for_carelink(device_type: str) -> Device:
    """Find the device that a CareLink export names in its column `Raw-Device Type`.

    Args:
        device_type: for example `"Paradigm Revel - 523"`; the last number of three or four digits in it is the model.

    Returns:
        The preset of that class of pump.

    Raises:
        RecordError: no preset claims that model.

    Example:
        >>> for_carelink("MiniMed 530G - 551").id
        'medtronic-523'
        >>> for_carelink("MiniMed 640G - 1511/1711").id
        'medtronic-640g'
    """
    models = re.findall(r"\b[0-9]{3,4}\b", device_type)
    for device in map(load, ids()):
        if models and models[-1] in device.carelink_models:
            return device
    raise RecordError(_CARELINK_COLUMN, f"{device_type[:80]!r} is no pump that pumpcore knows")


def parse(text: str, *, device_id: str) -> Device:
    """Read a device from the text of a data file.

    Args:
        text: TOML, as the files of this folder.
        device_id: the name of the file, without its ending; an error carries it.

    Returns:
        The device.

    Rounding:
        None.

    Raises:
        RecordError: no TOML, an unknown or missing key, a missing or unused source, a float, an amount that is not
            exact, or figures that contradict each other.
    """
    import tomllib  # noqa: PLC0415 - needed once data is read, and not for an import of the pump

    try:
        return _Reader(tomllib.loads(text, parse_float=_refuse_float)).device(device_id)
    except (tomllib.TOMLDecodeError, QuantityError) as error:
        raise RecordError(f"{device_id}.toml", str(error)) from error


def _refuse_float(text: str) -> NoReturn:
    raise QuantityError("TOML", text, "is a float: write an amount as text, a count as a whole number")


class _Reader:
    """Takes a data file apart, key by key; what is left at the end is unknown and refused."""

    def __init__(self, data: dict[str, object]) -> None:
        """Start with the file's sources."""
        self.data = data
        self.cited: dict[str, Source] = {}
        self.sources = {
            name: self._source(name, row) for name, row in self._table(data.pop("sources", None), "sources").items()
        }

    def device(self, device_id: str) -> Device:
        """Read every figure there is a name for."""
        device = Device(
            id=device_id,
            name=self._text(self.data.pop("name", None), "name"),
            maker=self._text(self.data.pop("maker", None), "maker"),
            carelink_models=self._texts("carelink.models"),
            step_uu=self._one("actuator.step_u", parse_u),
            gap_us=self._one("actuator.gap_ms", _milliseconds),
            grid_us=self._one("actuator.grid_ms", _milliseconds),
            basal_uu_per_h=self._range("basal.rate_u_per_h", parse_u_per_h),
            basal_bands_uu_per_h=self._bands("basal.steps_u_per_h", parse_u_per_h),
            profiles=self._one("profile.profiles", _count),
            segments=self._one("profile.segments", _count),
            segment_us=self._one("profile.segment_minutes", _minutes),
            temp_uu_per_h=self._range_or_none("temp_basal.rate_u_per_h", parse_u_per_h),
            temp_percent=self._range_or_none("temp_basal.rate_percent", _count),
            temp_us=self._range_or_none("temp_basal.duration_minutes", _minutes),
            bolus_uu=self._range("bolus.amount_u", parse_u),
            bolus_bands_uu=self._bands("bolus.steps_u", parse_u),
            bolus_speeds=self._speeds(self._figure("bolus.speeds_u", ["bands"])["bands"], "bolus.speeds_u"),
            bolus_modes=self._modes("bolus.modes_u"),
            bolus_start_delay_us=self._one_or_none("bolus.start_delay_seconds", _seconds) or 0,
            extended_us=self._range_or_none("extended_bolus.duration_minutes", _minutes),
            extended_least_uu=self._one_or_none("extended_bolus.total_least_u", parse_u),
            extended_meal_only=self._flag("extended_bolus.meal_part_only"),
            max_basal_uu_per_h=self._range_or_none("limits.max_basal_u_per_h", parse_u_per_h),
            max_bolus_uu=self._range_or_none("limits.max_bolus_u", parse_u),
            hour_alert_percent=self._one_or_none("limits.hour_alert_percent", _count),
            reservoir_uu=self._one("reservoir.size_u", parse_u),
            low_reservoir_uu=self._range_or_none("reservoir.low_u", parse_u),
            low_reservoir_us=self._range_or_none("reservoir.low_hours", _hours),
            low_reservoir_again_uu=self._one_or_none("reservoir.low_again_u", parse_u),
            occlusion_uu=self._one_or_none("occlusion.missed_u", parse_u),
            occlusion_most_uu=self._one_or_none("occlusion.missed_most_u", parse_u),
            auto_off_us=self._range_or_none("auto_off.hours", _hours),
            auto_off_warning_us=self._one_or_none("auto_off.warning_seconds", _seconds),
            sources=MappingProxyType(self.cited),
        )
        for key, row in self.data.items():
            path = f"{key}.{next(iter(row))}" if isinstance(row, dict) and row else key
            raise QuantityError("key", path, "is unknown")
        for name, source in self.sources.items():
            if source not in self.cited.values():
                raise QuantityError("sources", name, "is cited by no figure")
        return device

    def _has(self, path: str) -> bool:
        table, key = path.split(".")
        return key in self._table(self.data.get(table, {}), table)

    def _figure(self, path: str, needed: Iterable[str], optional: Iterable[str] = ()) -> dict[str, object]:
        """Take one figure out of the file and note its source; the table goes with its last figure."""
        table, key = path.split(".")
        rows = self._table(self.data.get(table), table)
        figure = self._table(rows.pop(key, None), path)
        if not rows:
            del self.data[table]
        name = self._text(figure.pop("source", None), f"{path}.source")
        if name not in self.sources:
            raise QuantityError(f"{path}.source", name, "is no row of [sources]")
        self.cited[path] = self.sources[name]
        self._keys(figure, path, needed, optional)
        return figure

    def _one(self, path: str, read: Callable[..., int]) -> int:
        return read(self._figure(path, ["value"])["value"], field=path)

    def _one_or_none(self, path: str, read: Callable[..., int]) -> int | None:
        return self._one(path, read) if self._has(path) else None

    def _flag(self, path: str) -> bool:
        if not self._has(path):
            return False
        flag = self._figure(path, ["value"])["value"]
        if not isinstance(flag, bool):
            raise QuantityError(path, flag, "is neither true nor false")
        return flag

    def _texts(self, path: str) -> tuple[str, ...]:
        if not self._has(path):
            return ()
        return tuple(self._text(item, path) for item in self._list(self._figure(path, ["value"])["value"], path))

    def _range(self, path: str, read: Callable[..., int]) -> Range:
        figure = self._figure(path, ["least", "largest"], ["step", "default"])
        return Range(**{key: read(value, field=f"{path}.{key}") for key, value in figure.items()})

    def _range_or_none(self, path: str, read: Callable[..., int]) -> Range | None:
        return self._range(path, read) if self._has(path) else None

    def _bands(self, path: str, read: Callable[..., int]) -> Bands:
        rows = [self._table(row, path) for row in self._list(self._figure(path, ["bands"])["bands"], path)]
        for row in rows:
            self._keys(row, path, ["from", "step"])
        return Bands(tuple(Band(read(row["from"], field=path), read(row["step"], field=path)) for row in rows))

    def _speeds(self, bands: object, path: str) -> tuple[Speed, ...]:
        speeds = []
        for item in self._list(bands, path):
            row = self._table(item, path)
            per_u = "seconds_per_u" in row
            key = "seconds_per_u" if per_u else "seconds_in_all"
            self._keys(row, path, ["from", key])
            time_us = _seconds(row[key], field=path)
            speeds.append(
                Speed(
                    parse_u(cast("str", row["from"]), field=path),
                    time_us if per_u else None,
                    None if per_u else time_us,
                )
            )
        return tuple(speeds)

    def _modes(self, path: str) -> tuple[SpeedMode, ...]:
        if not self._has(path):
            return ()
        modes = []
        for item in self._list(self._figure(path, ["modes"])["modes"], path):
            row = self._table(item, path)
            self._keys(row, path, ["name", "bands"])
            modes.append(SpeedMode(self._text(row["name"], path), self._speeds(row["bands"], path)))
        return tuple(modes)

    def _source(self, name: str, row: object) -> Source:
        source = self._table(row, f"sources.{name}")
        self._keys(source, f"sources.{name}", ["text", "known"])
        known = source["known"]
        if known not in get_args(Known):
            raise QuantityError(f"sources.{name}.known", known, f"is none of {', '.join(get_args(Known))}")
        return Source(self._text(source["text"], f"sources.{name}.text"), cast("Known", known))

    @staticmethod
    def _keys(row: dict[str, object], path: str, needed: Iterable[str], optional: Iterable[str] = ()) -> None:
        for key in needed:
            if key not in row:
                raise QuantityError(f"{path}.{key}", None, "is missing")
        for key in row:
            if key not in {*needed, *optional}:
                raise QuantityError("key", f"{path}.{key}", "is unknown")

    @staticmethod
    def _table(value: object, path: str) -> dict[str, object]:
        if not isinstance(value, dict):
            raise QuantityError(path, value, "is no table")
        return value

    @staticmethod
    def _list(value: object, path: str) -> list[object]:
        if not isinstance(value, list):
            raise QuantityError(path, value, "is no list")
        return value

    @staticmethod
    def _text(value: object, path: str) -> str:
        if not isinstance(value, str) or not value:
            raise QuantityError(path, value, "is no text")
        return value


def _count(value: object, *, field: str) -> int:
    number = exact_int(value, field=field)
    if number < 0:
        raise QuantityError(field, number, "is negative")
    return number


def _milliseconds(value: object, *, field: str) -> int:
    return _count(value, field=field) * (US_PER_SECOND // 1000)


def _seconds(value: object, *, field: str) -> int:
    return _count(value, field=field) * US_PER_SECOND


def _minutes(value: object, *, field: str) -> int:
    return _count(value, field=field) * US_PER_MINUTE


def _hours(value: object, *, field: str) -> int:
    return _count(value, field=field) * US_PER_HOUR

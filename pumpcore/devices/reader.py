"""Reads a device from its data file.

The rule of this file: reading is strict. An unknown or missing key, a missing or unused source, a float, an amount that
is not exact or an unknown suspend policy is refused in one line that names the file and the key. Every figure goes
with the row of `[sources]` that it names.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn, cast, get_args

from pumpcore.bounds import Range
from pumpcore.devices.figures import Band, Bands, Known, Source, Speed, SpeedMode
from pumpcore.devices.model import Device
from pumpcore.errors import QuantityError, RecordError
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, exact_int, parse_u, parse_u_per_h

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["parse"]


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
        RecordError: not TOML, an unknown or missing key, a missing or unused source, a float, an amount that is not
            exact, or figures that contradict each other.
    """
    import tomllib  # noqa: PLC0415 - needed once data is read, and not for an import of the pump

    try:
        return _Reader(tomllib.loads(text, parse_float=_refuse_float)).device(device_id)
    except (tomllib.TOMLDecodeError, QuantityError) as error:
        raise RecordError(f"{device_id}.toml", str(error)) from error


def _refuse_float(text: str) -> NoReturn:
    raise QuantityError("TOML", text, "must not be a float: write an amount as text, a count as a whole number")


class _Reader:
    """Takes a data file apart, key by key; a key that is left at the end is unknown and refused."""

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
            hour_alert_percent=self._one_or_none("policies.hour_alert_percent", _count),
            reservoir_uu=self._one("reservoir.size_u", parse_u),
            low_reservoir_uu=self._range_or_none("reservoir.low_u", parse_u),
            low_reservoir_us=self._range_or_none("reservoir.low_hours", _hours),
            low_reservoir_again_uu=self._one_or_none("policies.low_reservoir_again_u", parse_u),
            occlusion_uu=self._one_or_none("occlusion.missed_u", parse_u),
            occlusion_most_uu=self._one_or_none("occlusion.missed_most_u", parse_u),
            auto_off_us=self._range_or_none("auto_off.hours", _hours),
            auto_off_warning_us=self._one_or_none("policies.auto_off_warning_seconds", _seconds),
            suspend_policies=self._texts("policies.suspend"),
            calculator_policy=self._text(
                self._figure("policies.calculator", ["value"])["value"], "policies.calculator"
            ),
            low_presets=self._texts("policies.low_suspend"),
            sources=MappingProxyType(self.cited),
        )
        for key, row in self.data.items():
            path = f"{key}.{next(iter(row))}" if isinstance(row, dict) and row else key
            raise QuantityError("key", path, "is not a key of a device file")
        for name, source in self.sources.items():
            if source not in self.cited.values():
                raise QuantityError("sources", name, "must be cited by a figure")
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
            raise QuantityError(f"{path}.source", name, "must be a row of [sources]")
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
            raise QuantityError(path, flag, "must be true or false")
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
            raise QuantityError(f"sources.{name}.known", known, f"must be one of {', '.join(get_args(Known))}")
        return Source(self._text(source["text"], f"sources.{name}.text"), cast("Known", known))

    @staticmethod
    def _keys(row: dict[str, object], path: str, needed: Iterable[str], optional: Iterable[str] = ()) -> None:
        for key in needed:
            if key not in row:
                raise QuantityError(f"{path}.{key}", None, "is missing")
        for key in row:
            if key not in {*needed, *optional}:
                raise QuantityError("key", f"{path}.{key}", "is not a key of a device file")

    @staticmethod
    def _table(value: object, path: str) -> dict[str, object]:
        if not isinstance(value, dict):
            raise QuantityError(path, value, "must be a table")
        return value

    @staticmethod
    def _list(value: object, path: str) -> list[object]:
        if not isinstance(value, list):
            raise QuantityError(path, value, "must be a list")
        return value

    @staticmethod
    def _text(value: object, path: str) -> str:
        if not isinstance(value, str) or not value:
            raise QuantityError(path, value, "must be text that is not empty")
        return value


def _count(value: object, *, field: str) -> int:
    number = exact_int(value, field=field)
    if number < 0:
        raise QuantityError(field, number, "must be at least 0")
    return number


def _milliseconds(value: object, *, field: str) -> int:
    return _count(value, field=field) * (US_PER_SECOND // 1000)


def _seconds(value: object, *, field: str) -> int:
    return _count(value, field=field) * US_PER_SECOND


def _minutes(value: object, *, field: str) -> int:
    return _count(value, field=field) * US_PER_MINUTE


def _hours(value: object, *, field: str) -> int:
    return _count(value, field=field) * US_PER_HOUR

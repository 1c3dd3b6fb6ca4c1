"""Every bound of pumpcore: id, unit, hard range, default, what it bounds, source.

The rule of this file: `HARD_LIMITS` is the truth. A row with `setting=True` is a bound that a person chooses inside the
hard range and that `Limits` holds under the row's id; where its default is None, a pump on which nobody chose delivers
nothing. Any other row is a range and nothing more. A value outside is refused, never clamped. What the kernel bounds is
taken over from the kernel, so that no range is written twice.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pumpcore._kernel import RANGES
from pumpcore.bounds import within
from pumpcore.frozen import dataclass, fields
from pumpcore.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HARD_LIMITS", "Limit", "Limits", "check", "document"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One row of the table.

    Attributes:
        id: its name, with the unit last.
        unit: the unit of `least`, `largest` and `default`.
        least: the least value that is ever allowed.
        largest: the largest value that is ever allowed.
        default: what holds until a person chooses; None: nothing may be delivered until then.
        setting: whether a person chooses a value within the range.
        bounds: what the limit bounds.
        source: where the range comes from.
    """

    id: str
    unit: str
    least: int
    largest: int
    default: int | None = None
    setting: bool = False
    bounds: str
    source: str


_OWN: Final = "pumpcore"
_VEO: Final = "Medtronic MiniMed Veo user guide, Pump specifications: normal bolus 0.025 to 75.0 U"
_PUMP_TYPE: Final = (
    "github.com/nightscout/AndroidAPS core/data/src/main/kotlin/app/aaps/core/data/pump/defs/PumpType.kt"
    " at 02052250ac0ecd0de5a5d0244ebd0523f158119f"
)
_TANDEM: Final = (
    "github.com/jwoglom/pumpX2 messages/src/main/java/com/jwoglom/pumpx2/pump/messages/request/control/"
    "SetTempRateRequest.java at f2c53c8f2e800edd3e710f88812310f4db95b3b0: up to 4320 min"
)

_RATE_UU_PER_H_LARGEST: Final = 50 * UU_PER_U
_HOUR_CAP: Final = RANGES["hour_cap_uu"]
_DAY_CAP: Final = RANGES["day_cap_uu"]

_ROWS: Final = (
    *(
        Limit(
            id=name,
            unit=unit,
            least=least,
            largest=largest,
            bounds="range that the kernel accepts",
            source="pumpcore._kernel",
        )
        for name, (least, largest, unit) in RANGES.items()
    ),
    Limit(
        id="profile_segments",
        unit="segments",
        least=1,
        largest=48,
        bounds="segments of one basal profile",
        source="one for each half hour, as on Medtronic pumps: github.com/LoopKit/MinimedKit"
        " MinimedKit/Models/PumpModel.swift at 106467e8f8effeae5a2872d121a33b548350f25c",
    ),
    Limit(
        id="profile_name_characters",
        unit="characters",
        least=1,
        largest=40,
        bounds="the name of a basal profile",
        source=f"{_OWN}: one line of a small display",
    ),
    Limit(
        id="command_id",
        unit="",
        least=1,
        largest=(1 << 63) - 1,
        bounds="the id of a command that comes over a link",
        source=f"{_OWN}: a signed 64-bit word",
    ),
    Limit(
        id="changes",
        unit="changes",
        least=0,
        largest=(1 << 63) - 1,
        bounds="the state of the pump that a command rests on",
        source=f"{_OWN}: a signed 64-bit word",
    ),
    Limit(
        id="segment_start_us",
        unit="us",
        least=0,
        largest=US_PER_DAY - 1,
        bounds="start of a segment, by the local clock",
        source="one day",
    ),
    Limit(
        id="wall_clock_us",
        unit="us since 1970-01-01 UTC",
        least=0,
        largest=157_054 * US_PER_DAY,
        bounds="instants for which local time is looked up",
        source=f"{_OWN}: up to 2400-01-01, past every instant that the kernel can reach from today",
    ),
    Limit(
        id="temp_basal_us",
        unit="us",
        least=US_PER_MINUTE,
        largest=72 * US_PER_HOUR,
        bounds="duration of a temp basal, as asked for",
        source=_TANDEM,
    ),
    Limit(
        id="max_basal_uu_per_h",
        unit="uu/h",
        least=0,
        largest=_RATE_UU_PER_H_LARGEST,
        setting=True,
        bounds="every rate of a basal profile",
        source="Roche Accu-Chek Spirit class, 50 U/h (remembered)",
    ),
    Limit(
        id="max_temp_basal_uu_per_h",
        unit="uu/h",
        least=0,
        largest=_RATE_UU_PER_H_LARGEST,
        setting=True,
        bounds="every rate that a temp basal leads to",
        source="as max_basal_uu_per_h",
    ),
    Limit(
        id="max_temp_basal_percent",
        unit="%",
        least=0,
        largest=500,
        setting=True,
        bounds="a temp basal in percent",
        source=_PUMP_TYPE,
    ),
    Limit(
        id="max_bolus_uu",
        unit="uu",
        least=0,
        largest=75 * UU_PER_U,
        setting=True,
        bounds="one bolus, all its parts together",
        source=_VEO,
    ),
    Limit(
        id="max_iob_uu",
        unit="uu",
        least=0,
        largest=100 * UU_PER_U,
        setting=True,
        bounds="insulin on board, a new bolus and all that is still to come of running ones included",
        source=f"{_OWN}: four times the largest bolus of most makers",
    ),
    Limit(
        id="max_hour_uu",
        unit="uu",
        least=_HOUR_CAP[0],
        largest=_HOUR_CAP[1],
        setting=True,
        bounds="insulin in any window of one hour",
        source="hour_cap_uu of pumpcore._kernel",
    ),
    Limit(
        id="max_day_uu",
        unit="uu",
        least=_DAY_CAP[0],
        largest=_DAY_CAP[1],
        setting=True,
        bounds="insulin in any window of 24 hours",
        source="day_cap_uu of pumpcore._kernel",
    ),
    Limit(
        id="lateness_us",
        unit="us",
        least=0,
        largest=10 * US_PER_MINUTE,
        default=30 * US_PER_SECOND,
        bounds="how late a step may still be delivered when the host comes late",
        source=f"{_OWN}: later than the slowest grid of a maker by two, a burst could follow",
    ),
    Limit(
        id="proposal_us",
        unit="us",
        least=US_PER_SECOND,
        largest=15 * US_PER_MINUTE,
        default=5 * US_PER_MINUTE,
        bounds="how long a proposal can be confirmed",
        source=f"{_OWN}: shorter than one reading of a sensor may be old when it is used",
    ),
    Limit(
        id="unanswered_us",
        unit="us",
        least=US_PER_SECOND,
        largest=10 * US_PER_MINUTE,
        default=30 * US_PER_SECOND,
        bounds="how long the outcome of a pulse may stay open before it counts as uncertain",
        source=f"{_OWN}: far longer than any maker's pulse takes",
    ),
    Limit(
        id="disconnect_us",
        unit="us",
        least=US_PER_MINUTE,
        largest=2 * US_PER_HOUR,
        bounds="a timed disconnect",
        source=f"{_OWN}: within what the no-delivery watch allows without a high alarm",
    ),
    Limit(
        id="battery_percent",
        unit="%",
        least=0,
        largest=100,
        bounds="what a battery has left",
        source="a full battery",
    ),
    Limit(
        id="prime_uu",
        unit="uu",
        least=1,
        largest=30 * UU_PER_U,
        bounds="insulin that one order may move to fill the tubing",
        source="as the largest manual prime seen in records of Paradigm pumps, rounded up",
    ),
    Limit(
        id="fill_uu",
        unit="uu",
        least=1,
        largest=5 * UU_PER_U,
        bounds="insulin that one order may move to fill the cannula",
        source="Medtronic Paradigm class: fixed prime up to 5.0 U (remembered)",
    ),
)

HARD_LIMITS: Final[Mapping[str, Limit]] = MappingProxyType({row.id: row for row in _ROWS})
"""Every limit by its id."""


def check(limit_id: str, value: object, *, field: str | None = None) -> int:
    """Return `value` if it is within the hard range of a limit.

    Args:
        limit_id: a key of `HARD_LIMITS`.
        value: what was asked for, in the unit of the limit.
        field: the name that an error carries; the limit's id where it is None.

    Returns:
        `value`.

    Rounding:
        None: nothing is clamped.

    Raises:
        QuantityError: `value` is not an integer. Nothing is changed.
        LimitError: `value` is outside. Nothing is changed.

    Example:
        >>> check("max_bolus_uu", 10_000_000)
        10000000
        >>> check("profile_segments", 49, field="segments")
        Traceback (most recent call last):
        ...
        pumpcore.errors.LimitError: segments: 49 is above the largest allowed, 48 segments
    """
    row = HARD_LIMITS[limit_id]
    if type(value) is int and row.least <= value <= row.largest:  # asked at every step: no call where all is well
        return value
    return within(value, row.least, row.largest, name=limit_id if field is None else field, unit=row.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a person chose: one value, or None, for each setting of `HARD_LIMITS`.

    Raises:
        QuantityError: a value is not an integer.
        LimitError: a value is outside the hard range of its row.

    Example:
        >>> limits = Limits(max_bolus_uu=1_230_000)
        >>> limits.check("max_bolus_uu", 1_250_000)
        Traceback (most recent call last):
        ...
        pumpcore.errors.LimitError: max_bolus_uu: 1250000 is above the largest allowed, 1230000 uu
        >>> limits.unset()[0]
        'max_basal_uu_per_h'
    """

    max_basal_uu_per_h: int | None = None
    max_temp_basal_uu_per_h: int | None = None
    max_temp_basal_percent: int | None = None
    max_bolus_uu: int | None = None
    max_iob_uu: int | None = None
    max_hour_uu: int | None = None
    max_day_uu: int | None = None

    def __post_init__(self) -> None:
        """Reject a value outside its hard range."""
        for name, value in self._chosen().items():
            if value is not None:
                check(name, value)

    def unset(self) -> tuple[str, ...]:
        """Return the settings that nobody has chosen yet; while there is one, nothing may be delivered.

        Returns:
            Ids of limits, in the order of the table.
        """
        return tuple(name for name, value in self._chosen().items() if value is None)

    def check(self, limit_id: str, value: object, *, field: str | None = None) -> int:
        """Return `value` if it does not exceed what was chosen.

        Args:
            limit_id: the id of a setting.
            value: what was asked for, in the unit of the limit.
            field: the name that an error carries; the limit's id where it is None.

        Returns:
            `value`.

        Rounding:
            None: nothing is clamped.

        Raises:
            QuantityError: `value` is not an integer. Nothing is changed.
            LimitError: `value` is below the hard range or above what was chosen. Not chosen counts as the least that
                the row allows. Nothing is changed.
        """
        number = check(limit_id, value, field=field)
        if limit_id not in Limits.__slots__:
            raise KeyError(limit_id)
        row, chosen = HARD_LIMITS[limit_id], getattr(self, limit_id)
        name = limit_id if field is None else field
        return within(number, row.least, row.least if chosen is None else chosen, name=name, unit=row.unit)

    def _chosen(self) -> dict[str, int | None]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def document() -> str:
    """Render the table as Markdown: `specs/limits.md`."""
    lines = [
        "# Limits",
        "",
        "Rendered from `pumpcore.limits.HARD_LIMITS` by `python -m pumpcore.limits`; a test keeps it current. A",
        "setting is chosen by a person within its range; while one without a default is open, nothing is delivered.",
        "",
        "| id | unit | least | largest | default | setting | bounds | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in _ROWS:
        default = "not set" if row.setting and row.default is None else row.default if row.default is not None else ""
        setting = "yes" if row.setting else ""
        cells = (row.id, row.unit, row.least, row.largest, default, setting, row.bounds, row.source)
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(document())

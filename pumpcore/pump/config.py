"""What a pump is made with."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pumpcore.devices import Device
from pumpcore.errors import QuantityError
from pumpcore.fields import check_fields
from pumpcore.frozen import dataclass, field, replace
from pumpcore.limits import check
from pumpcore.pump.settings import Settings
from pumpcore.therapy.profile import Anchor, BasalProfile, WeekPlan, check_stored
from pumpcore.units import US_PER_MINUTE, US_PER_SECOND

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

__all__ = ["Config", "zone_of"]


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return the rules of local time by their IANA name.

    Raises:
        QuantityError: no such zone is known.
    """
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # noqa: PLC0415 - a pump without a zone needs none

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:  # a folder of zones, a name too long
        raise QuantityError("zone", name, "is not a time zone that is known") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a pump is made with: the device, the first settings, and how the host works.

    Attributes:
        device: what it can do.
        settings: what the person has chosen at first; `Status.settings` has them as they stand now.
        plan: the basal profiles of the week, if they are set.
        profiles: further basal profiles that are stored by their names; a week plan can be made of them.
        anchor: where the wall clock stands at first, if it is set.
        zone: the rules of local time at first, an IANA name.
        lateness_us: a step that is later than this when the host comes is missed, not delivered.
        proposal_us: how long a proposal can be confirmed.
        unanswered_us: a pulse whose outcome stays open for longer becomes uncertain.

    Raises:
        QuantityError: a value is of a wrong type, or the device does not offer what the settings choose.
        LimitError: a value is outside its range; or, where all limits are chosen, the plan does not keep to them.
    """

    device: Device
    settings: Settings = field(default_factory=Settings)
    plan: WeekPlan | None = None
    profiles: tuple[BasalProfile, ...] = ()
    anchor: Anchor | None = None
    zone: str = "UTC"
    lateness_us: int = 30 * US_PER_SECOND
    proposal_us: int = 5 * US_PER_MINUTE
    unanswered_us: int = 30 * US_PER_SECOND

    def __post_init__(self) -> None:
        """Refuse what no pump can be made with, and fill in from the device what the settings leave open."""
        check_fields(self)
        object.__setattr__(self, "settings", self.settings.for_device(self.device))
        for name in ("lateness_us", "proposal_us", "unanswered_us"):
            check(name, getattr(self, name))
        zone_of(self.zone)
        if self.plan is not None and not self.settings.limits.unset():
            self.plan.check(device=self.device, limits=self.settings.limits)
        stored: dict[str, BasalProfile] = {}
        for profile in self.profiles:
            if profile.name in stored:
                raise QuantityError("profiles", profile.name, "is the name of two profiles")
            check_stored(profile, stored, self.plan, device=self.device)
            stored[profile.name] = profile

    @classmethod
    def from_toml(cls, text: str, *, name: str = "pump.toml") -> Config:
        r"""Read a configuration from the text of a TOML file.

        Args:
            text: tables as those of a scenario's pump: `[pump]` (device, and if they are known start, zone, suspend,
                language), `[limits]`, `[[profile]]`, and if wanted `[week]`, `[insulin_on_board]`, `[alarms]`,
                `[calculator]`, `[low_suspend]`, `[controller]`. `docs/scenarios.md` describes each.
            name: what an error calls the file.

        Raises:
            RecordError: it is not TOML, has an unknown key, lacks one, or has a value that is not exact or not allowed;
                one line with file, table, field, value and bound.

        Example:
            >>> text = (
            ...     '[pump]\ndevice = "medtronic-523"\n[limits]\nmax_basal = "2"\nmax_temp_basal = "3"\n'
            ...     'max_temp_percent = "200"\nmax_bolus = "10"\nmax_iob = "20"\nmax_hour = "15"\nmax_day = "80"\n'
            ...     '[[profile]]\nname = "plain"\n"00:00" = "0.80"\n'
            ... )
            >>> Config.from_toml(text).settings.limits.max_bolus_uu
            10000000
        """
        from pumpcore.pump.config_file import read_config  # noqa: PLC0415  # few programs read such a file

        return read_config(text, name=name)

    def with_settings(self, **changes: object) -> Config:
        """Return a config with other settings, and nothing else changed.

        Args:
            changes: fields of `Settings`.

        Raises:
            QuantityError, LimitError: as the constructor.

        Example:
            >>> from pumpcore.devices import load
            >>> Config(device=load("omnipod")).with_settings(remote=True).settings.remote
            True
        """
        return replace(self, settings=replace(self.settings, **changes))  # type: ignore[arg-type]  # checked there

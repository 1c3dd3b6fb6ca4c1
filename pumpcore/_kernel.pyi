"""The timing kernel says when exactly each step of insulin is due.

All quantities are integers with their unit in the name: `_us` microseconds on a monotonic axis that starts at 0, `_uu`
micro-units of insulin (1 U = 1 000 000), `_uu_per_h` micro-units per hour, `_steps` whole steps of the actuator,
`_fine` what 1 uu/h earns in 1 us (1 uu = 3 600 000 000 fine). Insulin is rounded down, time up, and what is left over
is carried exactly.

Where an int is wanted, anything with `__index__` but a bool will do; a float, a bool or text is refused
(`QuantityError`), a number outside its range likewise (`LimitError`; the ranges are in `RANGES`). A refusal changes
nothing.
"""

from collections.abc import Mapping
from typing import Final, Literal, SupportsIndex, TypeAlias, final

__all__ = ["CHANNELS", "RANGES", "Delivery", "Plan", "Progress", "Pulses", "Schedule", "schedule"]

_Channel: TypeAlias = Literal["basal", "extended", "bolus"]

CHANNELS: Final[tuple[_Channel, ...]]
"""Channel names by their code: `CHANNELS[p.channel[i]]`."""

RANGES: Final[Mapping[str, tuple[int, int, str]]]
"""Range of every quantity the kernel takes: id -> (least, largest, unit)."""

@final
class Plan:
    """A checked plan, ready to be scheduled any number of times.

    Args:
        plan: a mapping of the fields `actuator` (a mapping of `step_uu`, `gap_us`, `grid_us`), `from_us`, `to_us`,
            `basal` (a list of pairs of start_us and rate_uu_per_h, strictly increasing, each in force until the next,
            rate 0 before the first) and `trains` (a list of mappings of `channel`, `start_us`, `duration_us`,
            `amount_uu` and perhaps `cancel_us`, an int or None). Nothing else.

    Raises:
        QuantityError: a field is missing, unknown, no whole number, or an amount is no whole number of steps.
        LimitError: a number is outside its range, or the plan has more than `RANGES["schedule_steps"]` due steps.
        TimeError: basal entries are not strictly increasing, or the window ends before it begins.
    """

    def __new__(cls, plan: Mapping[str, object], /) -> Plan: ...
    @property
    def due_steps(self) -> int:
        """Steps due in the window: with neither gap nor grid, as many as there are pulses; else no fewer than these."""

@final
class Schedule:
    """The pulses of a plan in the order they leave: three read-only columns of one length.

    Each column is a one-dimensional memoryview; `numpy.asarray(s.at_us)` shares its memory.
    """

    @property
    def at_us(self) -> memoryview[int]:
        """When each pulse leaves, us (format `Q`)."""
    @property
    def channel(self) -> memoryview[int]:
        """Which channel: index into `CHANNELS` (format `B`)."""
    @property
    def steps(self) -> memoryview[int]:
        """How many steps of the actuator, at least 1 (format `I`)."""
    def __len__(self) -> int: ...

def schedule(plan: Plan | Mapping[str, object], /) -> Schedule:
    """Say when every pulse of `plan` leaves in the window `from_us < at_us <= to_us`.

    Order: by time, then basal, extended, bolus, then trains as they start. With a grid, steps of one channel on one
    instant are one pulse of several steps; otherwise each pulse is one step. The GIL is released meanwhile.

    Raises:
        QuantityError, LimitError, TimeError: as for `Plan`; LimitError also where, on an actuator with a gap, more than
            `RANGES["waiting_steps"]` steps would be due and still wait.
    """

@final
class Pulses:
    """The pulses that one `Delivery.advance` commands, in the order they leave: four read-only columns."""

    @property
    def at_us(self) -> memoryview[int]:
        """When each pulse leaves, us (format `Q`)."""
    @property
    def channel(self) -> memoryview[int]:
        """Which channel: index into `CHANNELS` (format `B`)."""
    @property
    def train(self) -> memoryview[int]:
        """Which train, by the number `start_train` gave, or 0 for basal (format `I`)."""
    @property
    def steps(self) -> memoryview[int]:
        """How many steps of the actuator, at least 1 (format `I`)."""
    @property
    def missed(self) -> list[tuple[_Channel, int, int]]:
        """Steps that a cap withheld: channel, train, steps. They are not delivered later."""
    def __len__(self) -> int: ...

@final
class Progress:
    """What became of a channel's steps: programmed = delivered + missed + remaining."""

    @property
    def channel(self) -> _Channel:
        """Which channel."""
    @property
    def train(self) -> int:
        """Which train, or 0 for basal."""
    @property
    def programmed_steps(self) -> int:
        """Steps of the train in all; for basal all that fell due."""
    @property
    def delivered_steps(self) -> int:
        """Steps commanded."""
    @property
    def missed_steps(self) -> int:
        """Steps skipped, or withheld by a cap."""
    @property
    def waiting_steps(self) -> int:
        """Steps due that wait for the actuator's gap or grid: a part of the remaining ones."""
    @property
    def remaining_steps(self) -> int:
        """Steps neither delivered nor missed."""

@final
class Delivery:
    """The engine that a pump runs: one basal channel and up to seven trains, in virtual time.

    Commands act at `now_us`, the instant up to which it was advanced. Any slicing of time gives the same pulses. An
    engine belongs to one thread.

    Args:
        step_uu: one step of the actuator, uu.
        gap_us: the least time between two pulses, us; 0 for none.
        grid_us: the grid on which pulses leave, us; 0 for none. Not together with a gap.
        at_us: where it begins, us.
        hour_cap_uu: the most insulin commanded in any window of one hour, uu, rounded down to steps; None for no cap.
        day_cap_uu: the same for any window of 24 hours.

    Raises:
        QuantityError, LimitError: a value is not exact or outside its range.

    Example:
        >>> engine = Delivery(step_uu=50_000)
        >>> engine.set_rate(1_000_000)
        >>> pulses = engine.advance(3_600_000_000)
        >>> len(pulses), pulses.at_us[0]
        (20, 180000000)
    """

    def __new__(
        cls,
        *,
        step_uu: SupportsIndex,
        gap_us: SupportsIndex | None = None,
        grid_us: SupportsIndex | None = None,
        at_us: SupportsIndex | None = None,
        hour_cap_uu: SupportsIndex | None = None,
        day_cap_uu: SupportsIndex | None = None,
    ) -> Delivery: ...
    @property
    def now_us(self) -> int:
        """The instant up to which it was advanced, us."""
    @property
    def rate_uu_per_h(self) -> int:
        """The basal rate in force, uu/h."""
    @property
    def rest_fine(self) -> int:
        """What basal has earned of its next step, fine; always below one step."""
    @property
    def next_due_us(self) -> int | None:
        """When the next pulse leaves if nothing is commanded before, us; None if none does in the range of times."""
    @property
    def window_steps(self) -> tuple[int, int]:
        """Steps commanded in the hour and in the day that end now, as the caps count them: never too few."""
    @property
    def progress(self) -> list[Progress]:
        """The channels that run: basal, then the trains. A train is gone from it once its last step has left."""
    def set_rate(self, rate_uu_per_h: SupportsIndex, /) -> None:
        """Change the basal rate from now on; what is earned of a step is carried over exactly.

        Raises:
            LimitError: the rate is outside its range; or it is higher than before and, on an actuator with a gap, more
                than `RANGES["waiting_steps"]` steps might come to wait.
        """
    def set_caps(self, *, hour_cap_uu: SupportsIndex | None, day_cap_uu: SupportsIndex | None) -> None:
        """Change the caps; what was commanded before counts in their windows.

        Raises:
            QuantityError, LimitError: a cap is not exact or outside its range.
        """

    def drop_rest(self) -> None:
        """Drop what basal has earned of its next step: for suspend policies that say so."""
    def start_train(
        self,
        channel: Literal["extended", "bolus"],
        /,
        *,
        duration_us: SupportsIndex,
        amount_uu: SupportsIndex,
        start_us: SupportsIndex | None = None,
    ) -> int:
        """Start a train now, or at `start_us`, and return its number.

        Raises:
            QuantityError: a value is not exact, or the amount is no whole number of steps.
            LimitError: a value is outside its range, seven trains run already, or, on an actuator with a gap, more
                than `RANGES["waiting_steps"]` steps might come to wait.
            TimeError: `start_us` lies before now.
        """
    def cancel(self, train: SupportsIndex, /) -> Progress:
        """End a train now and say what became of its steps; the remaining ones do not exist any more.

        Raises:
            QuantityError: no train of that number runs.
        """
    def advance(self, to_us: SupportsIndex, /) -> Pulses:
        """Advance to `to_us` and return every pulse that leaves until then, `to_us` included.

        Raises:
            TimeError: `to_us` lies before now.
            LimitError: it is outside its range, or more than `RANGES["schedule_steps"]` steps fall due until then.
        """
    def skip(self, to_us: SupportsIndex, /) -> list[tuple[_Channel, int, int]]:
        """Advance to `to_us` and command nothing: return what is missed as channel, train, steps.

        Raises:
            TimeError, LimitError: as for `advance`.
        """
    def copy(self) -> Delivery:
        """Make another engine in the same state; neither knows of the other."""

    def snapshot(self) -> bytes:
        """Write the engine down: versioned bytes with a checksum."""
    @staticmethod
    def restore(snapshot: bytes, /) -> Delivery:
        """Make the engine that was written down.

        Raises:
            JournalError: the bytes are damaged, too few or too many, or of another version.
        """

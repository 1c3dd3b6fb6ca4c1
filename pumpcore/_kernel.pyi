"""The timing kernel says when exactly each step of insulin is due.

All quantities are integers with their unit in the name: `_us` microseconds on a monotonic axis that starts at 0, `_uu`
micro-units of insulin (1 U = 1 000 000), `_uu_per_h` micro-units per hour, `_steps` whole steps of the actuator,
`_fine` what 1 uu/h earns in 1 us (1 uu = 3 600 000 000 fine). Insulin is rounded down, time up, and what is left over
is carried exactly.

Where an int is wanted, anything with `__index__` but a bool will do; a float, a bool or text is refused
(`QuantityError`), a number outside its range likewise (`LimitError`; the ranges are in `RANGES`). A refusal changes
nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, SupportsIndex, TypeAlias, final

from typing_extensions import Buffer

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

_Numbers: TypeAlias = Buffer | Sequence[SupportsIndex]
"""Whole numbers: a buffer of one dimension (an array of 64, 32 or unsigned 8 bits) or a sequence."""

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
    def count_at(self, at_us: SupportsIndex, /) -> tuple[int, int, int]:
        """Count the steps that have left by `at_us` since the window began: basal, extended, bolus.

        After the window's end nothing leaves. No pulse is made for it, and it takes no longer for a long plan; but on
        an actuator with a gap only a walk can say when waiting steps leave, and it is walked.

        Raises:
            QuantityError, LimitError: `at_us` is no time; LimitError also as for `schedule`.

        Example:
            >>> actuator = {"step_uu": 50_000, "gap_us": 0, "grid_us": 0}
            >>> day = {"from_us": 0, "to_us": 86_400_000_000, "basal": [[0, 800_000]], "trains": []}
            >>> Plan({"actuator": actuator} | day).count_at(43_200_000_000)
            (192, 0, 0)
        """

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
    instant are one pulse of several steps; otherwise each pulse is one step. The GIL is released meanwhile, if there
    are 10 000 due steps or more: fewer take less time than letting other threads in and out.

    Raises:
        QuantityError, LimitError, TimeError: as for `Plan`; LimitError also where, on an actuator with a gap, more than
            `RANGES["waiting_steps"]` steps would be due and still wait.
    """

@final
class Programme:
    """A basal programme, once or over and over, for questions about any instant within 316 years.

    What is left over of a step is carried from one period into the next. A question takes O(log entries), whatever
    the number of steps until then.

    Args:
        basal: pairs of start_us and rate_uu_per_h, strictly increasing, each in force until the next, rate 0 before the
            first; the starts count from the beginning of a period, which is `from_us` where there is but one.
        step_uu: one step of the actuator, uu.
        from_us: where the first period begins, with nothing earned, us; None for 0.
        period_us: how long a period is, us (a day, a week); None for one that does not end. What would start after the
            end of a period never does.

    Raises:
        QuantityError, LimitError: a value is not exact or outside its range.
        TimeError: the entries are not strictly increasing.

    Example:
        >>> day = Programme([[0, 1_030_000]], step_uu=50_000, period_us=86_400_000_000)
        >>> day.count_at(86_400_000_000), day.count_at(5 * 86_400_000_000)
        (494, 2472)
        >>> day.due_at(2472) == 5 * 86_400_000_000
        True
    """

    def __new__(
        cls,
        basal: Sequence[Sequence[SupportsIndex]],
        /,
        *,
        step_uu: SupportsIndex,
        from_us: SupportsIndex | None = None,
        period_us: SupportsIndex | None = None,
    ) -> Programme: ...
    def count_at(self, at_us: SupportsIndex, /) -> int:
        """Count the steps due by `at_us`, those due exactly then included. Rounding: insulin down.

        Raises:
            QuantityError, LimitError: `at_us` is no time.
        """
    def due_at(self, k: SupportsIndex, /) -> int | None:
        """Say when step `k` (1 for the first) is due, us; None if not within the range of times. Rounding: time up.

        Raises:
            QuantityError, LimitError: `k` is no whole number of at least 1.
        """
    def next_due_us(self, at_us: SupportsIndex, /) -> int | None:
        """Say when the first step after `at_us` is due, us; None if not within the range of times.

        Raises:
            QuantityError, LimitError: `at_us` is no time.
        """

@final
class Cohort:
    """Many checked plans side by side in memory, ready to be scheduled or summed any number of times.

    Args:
        plans: a sequence of plans (`Plan`, or mappings as `Plan` takes them); or, for n plans with s basal entries and
            t trains in all, one mapping of columns:

            - `actuator`: a mapping of `step_uu`, `gap_us`, `grid_us`, the same for all;
            - `from_us`, `to_us`: one instant for all, or n of them;
            - `basal`: a mapping of `offsets` (n + 1), `start_us` (s) and `rate_uu_per_h` (s); the entries of plan i are
              those from `offsets[i]` to before `offsets[i + 1]`;
            - `trains`: a mapping of `offsets` (n + 1), `channel` (t; index into `CHANNELS`), `start_us` (t),
              `duration_us` (t), `amount_uu` (t) and perhaps `cancel_us` (t; None, or a negative number in a buffer
              of int64, for a train that is not cancelled).

            Columns are buffers of one dimension (arrays of 64, 32 or unsigned 8 bits) or sequences. They are copied.

    Raises:
        QuantityError, LimitError, TimeError: as for `Plan`; also where columns do not fit together. A note says which
            plan of a sequence it is.
    """

    def __new__(cls, plans: Mapping[str, object] | Sequence[Plan | Mapping[str, object]], /) -> Cohort: ...
    @property
    def due_steps(self) -> int:
        """Steps due in all plans: with neither gap nor grid, as many as there are pulses; else no fewer than these."""
    def blocks(self, *, steps_most: SupportsIndex) -> list[tuple[int, int]]:
        """Cut the cohort into stretches of plans, `first` and `stop` of each, that one call after the other can take.

        Each stretch has `steps_most` due steps or fewer, or is one plan. So a cohort whose pulses are larger than
        memory is scheduled block by block.

        Raises:
            QuantityError, LimitError: `steps_most` is no whole number, or above `RANGES["schedule_steps"]`.
        """
    def __len__(self) -> int: ...

@final
class Schedules:
    """The pulses of n plans: p in all, one plan after the other, each plan's in the order they leave.

    Each column is a read-only memoryview of one dimension; `numpy.asarray(s.at_us)` shares its memory. The pulses of
    plan i are those from `offsets[i]` to before `offsets[i + 1]`.
    """

    @property
    def offsets(self) -> memoryview[int]:
        """Where each plan's pulses begin and the last one's end: n + 1 entries (format `Q`)."""
    @property
    def at_us(self) -> memoryview[int]:
        """When each pulse leaves, us: p entries (format `Q`)."""
    @property
    def channel(self) -> memoryview[int]:
        """Which channel: index into `CHANNELS`, p entries (format `B`)."""
    @property
    def steps(self) -> memoryview[int]:
        """How many steps of the actuator, at least 1: p entries (format `I`)."""
    def __len__(self) -> int: ...

def schedule_many(
    plans: Cohort | Mapping[str, object] | Sequence[Plan | Mapping[str, object]],
    /,
    *,
    first: SupportsIndex | None = None,
    stop: SupportsIndex | None = None,
    threads: SupportsIndex | None = None,
) -> Schedules:
    """Say when every pulse of each plan leaves: for plan i of the answer what `schedule` says of plan `first` + i.

    The GIL is released meanwhile. The answer does not depend on the number of threads.

    Args:
        plans: a cohort, or what one is made of.
        first: the first plan; None for 0. Beyond `stop` there is none.
        stop: the plan before which to stop; None for the end, and so is what lies beyond it.
        threads: how many threads to use at most, 1 to 1024; None for as many as there are processors for this process.
            A small call uses fewer.

    Raises:
        QuantityError, LimitError, TimeError: as for `Cohort` and `schedule`, and a plan that is refused for its
            backlog is named (`plans[600].waiting_steps`); LimitError also where these plans have more than
            `RANGES["schedule_steps"]` due steps together: take them in `Cohort.blocks`.

    Example:
        >>> actuator = {"step_uu": 50_000, "gap_us": 0, "grid_us": 0}
        >>> hour = {"actuator": actuator, "from_us": 0, "to_us": 3_600_000_000, "trains": []}
        >>> many = schedule_many([hour | {"basal": [[0, 100_000]]}, hour | {"basal": [[0, 150_000]]}])
        >>> list(many.offsets), list(many.at_us)
        ([0, 2, 5], [1800000000, 3600000000, 1200000000, 2400000000, 3600000000])
    """

def totals_many(
    plans: Cohort | Mapping[str, object] | Sequence[Plan | Mapping[str, object]],
    /,
    *,
    edges_us: _Numbers | None = None,
    threads: SupportsIndex | None = None,
) -> memoryview:
    """Sum the steps that leave by plan, window and channel, without making any pulse.

    The GIL is released meanwhile. The answer does not depend on the number of threads. With a gap, plans are walked.

    Args:
        plans: a cohort, or what one is made of: n plans.
        edges_us: w + 1 instants in order, the same for all plans: window j is `edges_us[j] < at_us <= edges_us[j + 1]`
            as far as the plan's own window goes. None for one window, the plan's own.
        threads: how many threads to use at most, 1 to 1024; None for as many as there are processors for this process.
            A small call uses fewer.

    Returns:
        Steps, a read-only memoryview of shape (n, w, 3) and format `Q`; the last axis goes by `CHANNELS`.

    Raises:
        QuantityError, LimitError, TimeError: as for `schedule_many`; LimitError also where n times w is more than
            `RANGES["schedule_steps"]`.
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

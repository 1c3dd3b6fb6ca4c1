"""The timing kernel: when exactly is each step of insulin due?

All quantities are integers with their unit in the name: `_us` microseconds on a monotonic axis that starts at 0,
`_uu` micro-units of insulin (1 U = 1 000 000), `_uu_per_h` micro-units per hour, `_steps` whole steps of the actuator.
A float, a bool or a string is refused (`QuantityError`), a number outside its range likewise (`LimitError`); a
refusal changes nothing. The ranges are in `RANGES`.
"""

from collections.abc import Mapping
from typing import Final, Literal, final

Channel = Literal["basal", "extended", "bolus"]

CHANNELS: Final[tuple[Channel, ...]]
"""Channel names by their code: `CHANNELS[p.channel[i]]`."""

RANGES: Final[Mapping[str, tuple[int, int, str]]]
"""Range of every quantity the kernel takes: id -> (least, largest, unit)."""

@final
class Plan:
    """A checked plan, ready to be scheduled any number of times (see `schedule`)."""

    def __new__(cls, plan: Mapping[str, object], /) -> Plan: ...

@final
class Pulses:
    """Pulses in the order they leave the actuator: four read-only columns of one length.

    Each column is a one-dimensional memoryview; `numpy.asarray(p.at_us)` shares its memory.
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

def schedule(plan: Plan | Mapping[str, object], /) -> Pulses: ...

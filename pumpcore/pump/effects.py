"""What a pump answers: orders to carry out, and news to record and to show.

The rules of this file: an effect is frozen, says when (`at_us`, monotonic) and never calls back. The outcome of an
order comes back as an event with the order's `seq`. Names follow the history events of the Bluetooth Insulin Delivery
Service.
"""

from __future__ import annotations

from enum import Enum, IntEnum, unique
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from pumpcore.alarms import AnnunciationChanged, Sound, What
from pumpcore.frozen import dataclass

if TYPE_CHECKING:
    from pumpcore.pump.modes import State
    from pumpcore.therapy.bolus import Bolus, Proposal
    from pumpcore.therapy.calculator import Advice
    from pumpcore.therapy.glucose import Kept, Reading

__all__ = [
    "CHANGES",
    "AnnunciationChanged",
    "Answer",
    "BolusCalculated",
    "BolusDelivered",
    "BolusProgrammed",
    "Effect",
    "EndReason",
    "FirePulse",
    "ModeChanged",
    "PrimePulse",
    "ProfileActivated",
    "ProfileDeleted",
    "ProfileStored",
    "ProposalDropped",
    "Proposed",
    "RateCause",
    "RateChanged",
    "ReadingDropped",
    "ReferenceTime",
    "ReservoirChanged",
    "SettingsChanged",
    "Sound",
    "StepsMissed",
    "TempEnded",
    "TempStarted",
    "What",
]

ChannelName = Literal["basal", "extended", "bolus"]


@unique
class EndReason(IntEnum):
    """Why a bolus or a temp basal ended; code words pairwise four bits apart."""

    OVER = 0x33
    CANCELED = 0x3C
    ERROR_ABORT = 0x55


@unique
class RateCause(Enum):
    """Why the basal rate in force changed."""

    PROFILE = "profile"
    TEMP_STARTED = "temp_started"
    TEMP_OVER = "temp_over"
    TEMP_CANCELED = "temp_canceled"
    STARTED = "started"
    STOPPED = "stopped"
    CLOCK = "clock"
    CONTROLLER = "controller"


@dataclass(frozen=True, slots=True)
class Answer:
    """An effect that is not an annunciation's.

    Attributes:
        at_us: when, monotonic.
    """

    at_us: int


@dataclass(frozen=True, slots=True)
class FirePulse(Answer):
    """Deliver `steps` steps at `at_us` and say what became of `seq`.

    Attributes:
        seq: the pulse's number; never used twice.
        channel: of which channel it is.
        bolus_id: of which bolus, or 0 for basal.
        steps: of the actuator, at least 1.
        amount_uu: the same in micro-units.
    """

    seq: int
    channel: ChannelName
    bolus_id: int
    steps: int
    amount_uu: int


@dataclass(frozen=True, slots=True)
class PrimePulse(Answer):
    """Move `amount_uu` into tubing or cannula and say what became of `seq`. It is not therapy insulin."""

    seq: int
    steps: int
    amount_uu: int


@dataclass(frozen=True, slots=True)
class StepsMissed(Answer):
    """Steps that fell due and will not be delivered.

    The host came late, a cap withheld them, the reservoir was empty, the actuator failed, or delivery was stopped while
    they waited for the actuator.
    """

    channel: ChannelName
    bolus_id: int
    steps: int
    amount_uu: int
    cause: Literal["late", "cap", "empty", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class RateChanged(Answer):
    """The basal rate in force changed."""

    rate_uu_per_h: int
    cause: RateCause


@dataclass(frozen=True, slots=True)
class ModeChanged(Answer):
    """The state of the mode machine changed."""

    before: State
    after: State
    trigger: str


@dataclass(frozen=True, slots=True)
class Proposed(Answer):
    """Something that adds insulin is proposed: nothing happens until it is confirmed."""

    proposal: Proposal


@dataclass(frozen=True, slots=True)
class BolusCalculated(Answer):
    """The bolus calculator has answered, with every term; a proposal follows where it suggests insulin."""

    advice: Advice


@dataclass(frozen=True, slots=True)
class ReadingDropped(Answer):
    """A reading of glucose is not kept: it came already, it is older than a day, or a later one needs its place."""

    reading: Reading
    by_meter: bool
    reason: Kept


@dataclass(frozen=True, slots=True)
class ProposalDropped(Answer):
    """A proposal is gone: rejected, expired, replaced by others, or its inputs changed."""

    proposal_id: int
    reason: Literal["rejected", "expired", "changed", "replaced"]


@dataclass(frozen=True, slots=True)
class BolusProgrammed(Answer):
    """A bolus was confirmed and begins."""

    bolus: Bolus


@dataclass(frozen=True, slots=True)
class BolusDelivered(Answer):
    """A bolus has ended; what is not delivered does not exist any more."""

    bolus: Bolus
    reason: EndReason


@dataclass(frozen=True, slots=True)
class TempStarted(Answer):
    """A temp basal began."""

    until_us: int
    rate_uu_per_h: int | None
    percent: int | None


@dataclass(frozen=True, slots=True)
class TempEnded(Answer):
    """A temp basal ended."""

    reason: EndReason


@dataclass(frozen=True, slots=True)
class ProfileActivated(Answer):
    """A week plan of basal profiles is in force from now on."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProfileStored(Answer):
    """A basal profile is kept under its name."""

    name: str


@dataclass(frozen=True, slots=True)
class ProfileDeleted(Answer):
    """A stored basal profile is forgotten."""

    name: str


@dataclass(frozen=True, slots=True)
class SettingsChanged(Answer):
    """Other settings are in force from now on; `names` says which have changed."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReservoirChanged(Answer):
    """The amount in the reservoir was measured, or the reservoir was taken out (None)."""

    amount_uu: int | None


@dataclass(frozen=True, slots=True)
class ReferenceTime(Answer):
    """The wall clock was set: the offset of wall clock to monotonic time, before and after."""

    before_us: int | None
    after_us: int
    zone: str


CHANGES: Final = frozenset(
    {
        ModeChanged,
        BolusProgrammed,
        BolusDelivered,
        TempStarted,
        TempEnded,
        ProfileActivated,
        SettingsChanged,
        ReferenceTime,
    }
)
"""What whoever asks for insulin must know of; `Status.changes` counts them."""

Effect: TypeAlias = Answer | AnnunciationChanged | Sound
"""Anything a pump answers."""

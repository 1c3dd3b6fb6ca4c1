"""What a pump is told: facts about the world, and requests of a person or of another system.

The rules of this file: an event is frozen and carries its instant, `at_us` on monotonic time. A fact is refused only if
it cannot be so (the outcome of a pulse that is not open, an amount out of range), never because the pump would rather
not have it; a request may be refused. Refused, either has changed nothing. What adds insulin is proposed first and
delivered only once its proposal is confirmed; what takes insulin away acts at once.
"""

from __future__ import annotations

from enum import Enum, IntEnum, unique

from pumpcore.alarms import Kind
from pumpcore.errors import QuantityError
from pumpcore.fields import check_fields
from pumpcore.frozen import dataclass
from pumpcore.limits import check
from pumpcore.pump.settings import Settings
from pumpcore.therapy.envelope import BolusRequest, RateRequest
from pumpcore.therapy.glucose import Reading
from pumpcore.therapy.profile import Anchor, BasalProfile, WeekPlan

__all__ = [
    "AbortChange",
    "Activation",
    "AskAdvice",
    "BatteryMeasured",
    "BeginChange",
    "CancelBolus",
    "CancelTemp",
    "ChangeSettings",
    "ClockSet",
    "Command",
    "Confirm",
    "ConfirmAlarm",
    "Connected",
    "ControllerAsks",
    "DeleteProfile",
    "Disconnect",
    "Event",
    "Fact",
    "FaultDetected",
    "FaultGone",
    "Filled",
    "GlucoseMeasured",
    "Loaded",
    "PauseAudio",
    "Prime",
    "Primed",
    "ProposeBolus",
    "ProposePlan",
    "ProposeTemp",
    "ProposeWeek",
    "PulseConfirmed",
    "PulseFailed",
    "PulseUnknown",
    "Reject",
    "Request",
    "ReservoirMeasured",
    "ReservoirRemoved",
    "Resume",
    "Rewound",
    "SnoozeAlarm",
    "Start",
    "StoreProfile",
    "Suspend",
    "SuspendCause",
    "Tick",
]


@unique
class Activation(IntEnum):
    """How a bolus came about, with code words of the Insulin Delivery Service's kind (pairwise four bits apart)."""

    MANUAL = 0x33
    RECOMMENDED = 0x3C
    CHANGED_RECOMMENDED = 0x55
    COMMANDED = 0x5A


@unique
class SuspendCause(Enum):
    """Why delivery was suspended."""

    PERSON = "person"
    DISCONNECT = "disconnect"
    LOW_GLUCOSE = "low_glucose"
    PREDICTED_LOW_GLUCOSE = "predicted_low_glucose"
    REMOTE = "remote"
    AUTO_OFF = "auto_off"
    ALARM = "alarm"

    # As `Kind`: members are alone of their kind.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Event:
    """Anything a pump is told.

    Attributes:
        at_us: when, monotonic.

    Raises:
        QuantityError: a field is not exactly of its type.
        LimitError: an instant is outside the range of times.
    """

    at_us: int

    def __post_init__(self) -> None:
        """Refuse an instant outside the range of times, and fields of other types than the class says."""
        check("time_us", self.at_us, field="at_us")
        check_fields(self)


class Fact(Event):
    """What is so, whether anybody likes it or not."""

    __slots__ = ()


class Request(Event):
    """What somebody wants; a sign of life of the person, unless it says otherwise."""

    __slots__ = ()


# Facts ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick(Fact):
    """Time has passed: the host calls at `Pump.next_deadline_us()`, or whenever it likes."""


@dataclass(frozen=True, slots=True)
class PulseConfirmed(Fact):
    """The actuator has delivered the pulse `seq`."""

    seq: int


@dataclass(frozen=True, slots=True)
class PulseFailed(Fact):
    """The actuator has certainly not delivered the pulse `seq`."""

    seq: int


@dataclass(frozen=True, slots=True)
class PulseUnknown(Fact):
    """Nobody can say whether the pulse `seq` was delivered; a later confirmation or failure settles it."""

    seq: int


@dataclass(frozen=True, slots=True)
class ReservoirRemoved(Fact):
    """The signal that the reservoir is in its place has gone."""


@dataclass(frozen=True, slots=True)
class ReservoirMeasured(Fact):
    """A reservoir is in its place and holds `amount_uu`."""

    amount_uu: int


@dataclass(frozen=True, slots=True)
class FaultDetected(Fact):
    """A part of the pump reports a cause for an annunciation: an occlusion, a mechanical fault, ..."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class FaultGone(Fact):
    """The cause is no longer there; the annunciation stays until the person has confirmed it."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class BatteryMeasured(Fact):
    """The battery has `percent` left; each lasts for `us_per_percent` at the least, where that is known."""

    percent: int
    us_per_percent: int | None = None


@dataclass(frozen=True, slots=True)
class GlucoseMeasured(Fact):
    """The sensor has sent a reading, or a person has entered one of a meter (`by_meter`)."""

    reading: Reading
    by_meter: bool = False


@dataclass(frozen=True, slots=True)
class ClockSet(Fact):
    """The wall clock or its zone was set: `anchor` says where it stands now.

    Insulin is neither made nor lost by it: it only chooses the segment of the profile from now on.
    """

    anchor: Anchor
    zone: str


# Requests that take effect at once ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangeSettings(Request):
    """Put other settings in force, all of them or, where one is refused, none.

    Start from those in force: `ChangeSettings(at_us, replace(pump.status.settings, curve=...))`. Deliveries that are
    running keep what they were checked against; open proposals are dropped.
    """

    settings: Settings


@dataclass(frozen=True, slots=True)
class StoreProfile(Request):
    """Keep a basal profile under its name; one that is in force is changed with a `ProposePlan` only."""

    profile: BasalProfile


@dataclass(frozen=True, slots=True)
class DeleteProfile(Request):
    """Forget the stored basal profile `name`, unless it is in force."""

    name: str


@dataclass(frozen=True, slots=True)
class Start(Request):
    """Begin therapy from standby."""


@dataclass(frozen=True, slots=True)
class Suspend(Request):
    """Stop basal and boluses now. Always accepted."""

    cause: SuspendCause = SuspendCause.PERSON


@dataclass(frozen=True, slots=True)
class Disconnect(Request):
    """Suspend for a stated time, for a bath: a reminder at its end, and the missed units as a proposal on return."""

    duration_us: int


@dataclass(frozen=True, slots=True)
class Resume(Request):
    """Go on after a suspend. Never happens by itself but where a low-glucose suspend ends."""


@dataclass(frozen=True, slots=True)
class CancelBolus(Request):
    """End a bolus now."""

    bolus_id: int


@dataclass(frozen=True, slots=True)
class CancelTemp(Request):
    """End the temp basal now."""


# The reservoir change -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BeginChange(Request):
    """Begin a reservoir change; the person says whether the infusion set is off the body."""

    set_off_body: bool


@dataclass(frozen=True, slots=True)
class Rewound(Fact):
    """The drive has gone back."""


@dataclass(frozen=True, slots=True)
class Loaded(Request):
    """The person has put the new reservoir in."""


@dataclass(frozen=True, slots=True)
class Prime(Request):
    """Fill the tubing (off the body) or, later, the cannula with `amount_uu`: not therapy insulin."""

    amount_uu: int


@dataclass(frozen=True, slots=True)
class Primed(Request):
    """The person has seen insulin at the end of the tubing."""


@dataclass(frozen=True, slots=True)
class Filled(Request):
    """The cannula is filled, or needs no filling."""


@dataclass(frozen=True, slots=True)
class Connected(Request):
    """The person has connected the infusion set at a new site."""


@dataclass(frozen=True, slots=True)
class AbortChange(Request):
    """Leave the reservoir change without having finished it: the pump is not primed."""


# Alarms ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConfirmAlarm(Request):
    """The person has read the annunciation `alarm_id`."""

    alarm_id: int


@dataclass(frozen=True, slots=True)
class SnoozeAlarm(Request):
    """The person wants to be told again about `alarm_id` after `duration_us`."""

    alarm_id: int
    duration_us: int


@dataclass(frozen=True, slots=True)
class PauseAudio(Request):
    """Silence all sounds for a bounded time."""

    duration_us: int


# Requests that add insulin: proposed, then confirmed ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProposeBolus(Request):
    """Ask for a bolus: `fast_uu` at the device's speed, `extended_uu` spread over `extended_us`; both is multiwave.

    `for_meal` says whether it is for a meal or for a correction; `speed` names one of the device's other bolus speeds.
    """

    fast_uu: int = 0
    extended_uu: int = 0
    extended_us: int = 0
    activation: Activation = Activation.MANUAL
    for_meal: bool = False
    speed: str | None = None


@dataclass(frozen=True, slots=True)
class ProposeTemp(Request):
    """Ask for a temp basal: exactly one of `rate_uu_per_h` and `percent`, for `duration_us`."""

    duration_us: int
    rate_uu_per_h: int | None = None
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class ProposePlan(Request):
    """Ask for a week plan of basal profiles."""

    plan: WeekPlan


@dataclass(frozen=True, slots=True)
class ProposeWeek(Request):
    """Ask for a week plan of stored basal profiles: their names, Monday first. One name stands for all seven days."""

    days: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Confirm(Request):
    """Accept the proposal `proposal_id`. Confirming the same one again gives the first answer and changes nothing."""

    proposal_id: int


@dataclass(frozen=True, slots=True)
class Reject(Request):
    """Drop the proposal `proposal_id`."""

    proposal_id: int


@dataclass(frozen=True, slots=True)
class AskAdvice(Request):
    """Ask the bolus calculator about a meal of `carbs_mg`, with the latest glucose if it is fresh.

    The suggestion comes back as a proposal: nothing is delivered until it is confirmed.
    """

    carbs_mg: int


@dataclass(frozen=True, slots=True)
class ControllerAsks(Fact):
    """An automatic controller asks for a rate or a small bolus. Off until a person has set bounds for it.

    A rate expires and the profile applies again. It is no sign of life of the person.
    """

    request: RateRequest | BolusRequest


@dataclass(frozen=True, slots=True)
class Command(Event):
    """A request that came over a link, where messages get lost, repeated, late, and into another order.

    Whatever adds insulin travels in one. It is carried out once: the same `id` again gives the recorded answer. Ids
    grow; one that is not known and not the largest so far is refused. What only takes insulin away needs none of this
    and is sent as it is.

    Attributes:
        id: of the command, at least 1, chosen by the sender.
        expires_us: the last instant at which it may be carried out, monotonic.
        known: `Status.changes` as the sender knew it; a command that rests on an older state is refused.
        request: what is asked for, at the same `at_us`.
    """

    id: int
    expires_us: int
    known: int
    request: (
        Start
        | Resume
        | ChangeSettings
        | Prime
        | ProposeBolus
        | ProposeTemp
        | ProposePlan
        | ProposeWeek
        | Confirm
        | AskAdvice
        | ControllerAsks
    )

    def __post_init__(self) -> None:
        """Refuse what cannot be a command."""
        # A class with slots is made anew, so `super()` alone would look in the one before.
        super(Command, self).__post_init__()  # noqa: UP008 - a class with slots is made anew
        check("command_id", self.id, field="id")
        check("time_us", self.expires_us, field="expires_us")
        check("changes", self.known, field="known")
        if self.request.at_us != self.at_us:
            raise QuantityError("request.at_us", self.request.at_us, f"must be the command's at_us, {self.at_us}")

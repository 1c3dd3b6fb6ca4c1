"""Motors: what moves insulin, what is behind it, and what goes wrong there.

The rules of this file: a motor is told what to move and answers with reports, each of which a host hands to the pump as
an event after a while. The log of `IdealMotor` is the truth about what has moved, whatever anybody reports. The others
are decorators around it: a cartridge that runs dry, a line that occludes, a motor that fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

from pumpcore.alarms import Kind
from pumpcore.pump import events
from pumpcore.sim.faults import Fault
from pumpcore.units import US_PER_MINUTE, US_PER_SECOND

if TYPE_CHECKING:
    from pumpcore.pump.effects import FirePulse, PrimePulse
    from pumpcore.sim.faults import Injector

__all__ = ["Cartridge", "DeliveryOrder", "FaultyMotor", "IdealMotor", "Line", "Motor", "Move", "Report"]

DeliveryOrder: TypeAlias = "FirePulse | PrimePulse"

_ANSWER_US: Final = 200_000
_LATE_US: Final = (31 * US_PER_SECOND, 25 * US_PER_MINUTE)
_STALL_PULSES: Final = 6
_MISSED: Final = (events.PulseFailed, events.PulseUnknown, events.PulseConfirmed, None)


class Report(NamedTuple):
    """What a motor says, and how long after the order.

    Attributes:
        after_us: so long after the order.
        kind: the event that tells the pump.
        value: what the event says beside its instant: a pulse's number, a kind of fault, an amount.
    """

    after_us: int
    kind: type[
        events.PulseConfirmed
        | events.PulseFailed
        | events.PulseUnknown
        | events.FaultDetected
        | events.ReservoirMeasured
    ]
    value: int | Kind


class Move(NamedTuple):
    """What has really moved.

    Attributes:
        seq: the order's number.
        steps: how many steps of the actuator.
        therapy: whether it was meant for the body.
        bolus_id: of which bolus, or 0.
    """

    seq: int
    steps: int
    therapy: bool
    bolus_id: int


class Motor(Protocol):
    """Anything that carries out an order to move insulin."""

    def fire(self, order: DeliveryOrder) -> tuple[Report, ...]:
        """Carry out an order, and say what will be reported when."""


class IdealMotor:
    """Moves what it is told, and says so.

    Attributes:
        log: all that it has ever moved, in order.

    Example:
        >>> from pumpcore.pump.effects import FirePulse
        >>> motor = IdealMotor()
        >>> motor.fire(FirePulse(0, 1, "basal", 0, 2, 50_000))
        (Report(after_us=200000, kind=<class 'pumpcore.pump.events.PulseConfirmed'>, value=1),)
        >>> motor.log
        [Move(seq=1, steps=2, therapy=True, bolus_id=0)]
    """

    def __init__(self) -> None:
        """Begin with nothing moved."""
        self.log: list[Move] = []

    def fire(self, order: DeliveryOrder) -> tuple[Report, ...]:
        """Move it."""
        bolus_id = getattr(order, "bolus_id", None)
        self.log.append(Move(order.seq, order.steps, bolus_id is not None, bolus_id or 0))
        return (Report(_ANSWER_US, events.PulseConfirmed, order.seq),)


class Cartridge:
    """A decorator around a motor: what is in the reservoir, really. Out of its place or dry, nothing moves.

    Attributes:
        left_uu: what is in it; None: it is not in its place.
    """

    def __init__(self, motor: Motor, left_uu: int | None = None) -> None:
        """Put in a reservoir with this amount."""
        self._motor = motor
        self.left_uu = left_uu

    def fire(self, order: DeliveryOrder) -> tuple[Report, ...]:
        """Move it if it is there."""
        if self.left_uu is None:
            return (Report(_ANSWER_US, events.PulseFailed, order.seq),)
        if order.amount_uu > self.left_uu:
            failed = Report(_ANSWER_US, events.PulseFailed, order.seq)
            return (failed, Report(_ANSWER_US, events.ReservoirMeasured, 0))
        self.left_uu -= order.amount_uu
        return self._motor.fire(order)


class Line:
    """A decorator around a motor: tubing that may be blocked. What is trapped builds up until it is noticed.

    Attributes:
        blocked: whether nothing comes out.
        trapped_uu: what has moved and not come out.
    """

    def __init__(self, motor: Motor, noticed_uu: int) -> None:
        """Begin with an open line; a block is noticed when this amount is trapped."""
        self._motor = motor
        self._noticed_uu = noticed_uu
        self.blocked = False
        self.trapped_uu = 0

    def renew(self) -> None:
        """Put in a new infusion set."""
        self.blocked, self.trapped_uu = False, 0

    def fire(self, order: DeliveryOrder) -> tuple[Report, ...]:
        """Move it, and notice a block."""
        reports = self._motor.fire(order)
        if self.blocked and any(report.kind is events.PulseConfirmed for report in reports):
            self.trapped_uu += order.amount_uu
            if self.trapped_uu >= self._noticed_uu:
                reports += (Report(_ANSWER_US, events.FaultDetected, Kind.OCCLUSION_DETECTED),)
        return reports


class FaultyMotor:
    """A decorator around a motor: pulses that are missed, doubled or of which nobody knows, stalls, late answers.

    A pulse that moved twice is noticed by an encoder and reported as a mechanical fault; one that did not move is
    reported as failed, as unknown, not at all, or wrongly as delivered.

    Attributes:
        doubled: numbers of the pulses that moved twice.
        stalled: how many pulses it will still fail.
    """

    def __init__(self, motor: Motor, injector: Injector) -> None:
        """Begin sound."""
        self._motor = motor
        self._injector = injector
        self.doubled: set[int] = set()
        self.stalled = 0

    def mend(self) -> None:
        """Let it turn again."""
        self.stalled = 0

    def fire(self, order: DeliveryOrder) -> tuple[Report, ...]:
        """Carry out an order, or not, or twice."""
        strikes, draw = self._injector.strikes, self._injector.draw
        if not self.stalled and strikes(Fault.MOTOR_STALL):
            self.stalled = draw(Fault.MOTOR_STALL, 1, _STALL_PULSES)
        if self.stalled:
            self.stalled -= 1
            return (Report(_ANSWER_US, events.PulseFailed, order.seq),)
        if strikes(Fault.PULSE_MISSED):
            said = _MISSED[draw(Fault.PULSE_MISSED, 0, len(_MISSED) - 1)]
            return () if said is None else (Report(_ANSWER_US, said, order.seq),)
        reports = self._motor.fire(order)
        if all(report.kind is not events.PulseConfirmed for report in reports):
            return reports
        if strikes(Fault.PULSE_DOUBLE):
            if any(report.kind is events.PulseConfirmed for report in self._motor.fire(order)):
                self.doubled.add(order.seq)
            return (*reports, Report(_ANSWER_US, events.FaultDetected, Kind.MECHANICAL_ISSUE))
        return self._answered(order, reports)

    def _answered(self, order: DeliveryOrder, reports: tuple[Report, ...]) -> tuple[Report, ...]:
        """Return the reports about a pulse that moved; a report may be lost, late or uncertain."""
        strikes = self._injector.strikes
        others = tuple(report for report in reports if report.kind is not events.PulseConfirmed)
        if strikes(Fault.PULSE_UNKNOWN):
            return (Report(_ANSWER_US, events.PulseUnknown, order.seq), *others)
        if strikes(Fault.CONFIRM_LOST):
            return others
        if strikes(Fault.CONFIRM_LATE):
            late_us = self._injector.draw(Fault.CONFIRM_LATE, *_LATE_US)
            return (*others, Report(late_us, events.PulseConfirmed, order.seq))
        return reports

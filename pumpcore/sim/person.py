"""A person with a pump: eats, suspends, changes reservoirs, answers alarms sooner or later, and mistypes.

The rules of this file: a person knows what the pump shows and does only what a person can do. What adds insulin goes as
a command where the world has a link, and the link loses, repeats, delays and forges.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pumpcore.alarms import AnnunciationChanged, Kind, Priority, What
from pumpcore.frozen import replace
from pumpcore.pump import events
from pumpcore.pump.effects import Proposed
from pumpcore.pump.modes import Mode, State
from pumpcore.sim.dice import Dice
from pumpcore.sim.faults import Fault
from pumpcore.sim.setup import USUAL_LIMITS, draw_plan
from pumpcore.therapy.profile import Anchor
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, UU_PER_U

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.limits import Limits
    from pumpcore.pump import Settings
    from pumpcore.pump.effects import Effect
    from pumpcore.pump.events import Event
    from pumpcore.sim.world import World

__all__ = ["Person"]

_ACTS_US: Final = (15 * US_PER_MINUTE, 150 * US_PER_MINUTE)
_LOOKS_US: Final = 3 * US_PER_HOUR
_ANSWERS_US: Final = (US_PER_MINUTE, 30 * US_PER_MINUTE)
_AMOUNTS: Final = (300_000, 500_000, UU_PER_U, 2 * UU_PER_U, 3 * UU_PER_U, 5 * UU_PER_U, 8 * UU_PER_U)
_RESERVOIRS: Final = (20 * UU_PER_U, 60 * UU_PER_U, 120 * UU_PER_U)
_PERCENT: Final = (0, 50, 70, 100, 130, 150, 200)
_JUMPS_US: Final = (-5 * US_PER_HOUR, -US_PER_HOUR, -61_000_000, 1, US_PER_HOUR, 13 * US_PER_HOUR)
_ID_STEP: Final = 3  # numbers in between are for forgers
_LEAST_UU: Final = 10 * UU_PER_U
_EXPIRES_US: Final = 30 * US_PER_SECOND
_HARDWARE: Final = frozenset({Kind.MECHANICAL_ISSUE, Kind.OCCLUSION_DETECTED})


class Person:
    """Somebody with a pump.

    Args:
        world: that they are in.
    """

    def __init__(self, world: World) -> None:
        """Begin with nothing asked."""
        self._world = world
        self._dice = Dice(world.setup.seed, "person")
        self._proposal: int | None = None
        self._answering = False
        self._healing = False
        self._command = 0
        self._kept: Event | None = None
        self._battery = 100
        self._ahead_us = 0
        self._acts: tuple[Callable[[], None], ...] = (
            self._bolus,
            self._bolus,
            self._bolus,
            self._temp,
            self._temp,
            self._cancel_temp,
            self._cancel_bolus,
            self._break,
            self._disconnect,
            self._plan,
            self._limits,
            self._advice,
            self._silence,
            self._nonsense,
            self._nonsense,
            self._battery_reads,
            self._change,
        )

    def begin(self) -> None:
        """Make the pump ready, start it, and live on."""
        self._change_to(self._world.setup.reservoir_uu)
        self._go_on()
        self._world.after(self._dice.between(*_ACTS_US), self._act)
        self._world.after(_LOOKS_US, self._look)

    # What the world does to a person --------------------------------------------------------------------------------

    def notice(self, effects: tuple[Effect, ...]) -> None:
        """See and hear what the pump says."""
        for effect in effects:
            if isinstance(effect, Proposed):
                self._proposal = effect.proposal.id
            elif isinstance(effect, AnnunciationChanged) and effect.what in {What.RAISED, What.AGAIN}:
                urgent = effect.annunciation.priority in {Priority.HIGH, Priority.MEDIUM}
                if urgent and not self._answering:
                    self._answering = True
                    self._world.after(self._dice.between(*_ANSWERS_US), self._answer)

    def clock_jumps(self) -> None:
        """Set the wall clock, rightly or not."""
        self._world.injector.count(Fault.CLOCK_JUMP)
        self._ahead_us += self._dice.pick(_JUMPS_US)
        self._set_clock(self._dice.pick(("UTC", "Europe/Copenhagen", "America/New_York", self._world.config.zone)))

    def _set_clock(self, zone: str) -> None:
        anchor = self._world.config.anchor
        if anchor is not None:
            at_us = self._world.now_us()
            utc = anchor.utc + timedelta(microseconds=at_us + self._ahead_us)
            self._tell(events.ClockSet, Anchor(at_us, utc), zone)

    def battery_falls(self) -> None:
        """Find the battery at much less than before."""
        self._world.injector.count(Fault.BATTERY_STEP)
        self._battery = max(self._battery - self._dice.between(10, 70), 0)
        self._battery_reads()

    def heal(self) -> None:
        """From now on only put things right."""
        self._healing = True
        self._put_right()
        self._world.after(10 * US_PER_MINUTE, self.heal)

    def check_well(self) -> None:
        """Everything must be well again by now."""
        books, state = self._world.books, self._world.pump.status.state
        books.must("MOD-06", state is State.RUNNING, "not running again", state, sorted(k.value for k in books.active))
        books.must("ALM-03", not books.causes, "causes that are still there", books.causes)
        books.must("BOL-07", not books.trains, "boluses that never ended", books.trains)
        left = sorted(books.boluses.keys() - books.recorded)
        books.must("BOL-07", not left, "boluses without a final record", left)

    # Answering ------------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self._world.after(_LOOKS_US, self._look)
        if self._world.pump.status.state is not State.RUNNING and not self._dice.one_in(4):
            self._put_right()

    def _answer(self) -> None:
        self._answering = False
        how = self._dice.between(0, 7)
        if how == 0:
            return  # did not hear it
        if how < 3:  # noqa: PLR2004  # two in eight only press OK
            self._confirm_alarms()
        else:
            self._put_right()

    def _put_right(self) -> None:
        """Do all that brings the pump back to running, from wherever it is."""
        world = self._world
        if world.clock.at_us < world.awake_us:
            return
        books, status = world.books, world.pump.status
        if self._battery <= 20:  # noqa: PLR2004  # percent
            self._battery = 100
            world.power.cut()
            self._battery_reads()
        world.motor.mend()
        renew = bool(books.causes & {Kind.OCCLUSION_DETECTED, Kind.RESERVOIR_ISSUE}) or not books.primed
        renew = renew or (status.reservoir_uu or 0) < _LEAST_UU or not world.cartridge.left_uu
        for kind in sorted(books.causes & _HARDWARE, key=lambda kind: kind.value):
            self._tell(events.FaultGone, kind)
        if renew:
            self._change_to(self._dice.pick(_RESERVOIRS))
        self._confirm_alarms()
        if books.limits.unset():
            self._ask(events.ChangeSettings, self._choosing(USUAL_LIMITS))
        self._go_on()

    def _confirm_alarms(self) -> None:
        for each in self._world.pump.status.annunciations:
            self._tell(events.ConfirmAlarm, each.id)

    def _go_on(self) -> None:
        state = self._world.pump.status.state
        if state is State.STANDBY:
            self._ask(events.Start)
        elif state is State.SUSPENDED:
            self._ask(events.Resume)

    def _change(self) -> None:
        self._change_to(self._dice.pick(_RESERVOIRS))
        self._go_on()

    def _change_to(self, amount_uu: int) -> None:
        """Change reservoir and infusion set; where the power goes meanwhile, the change is left as it is."""
        world, injector = self._world, self._world.injector
        mode = world.pump.status.mode
        if mode is Mode.RUNNING:
            self._tell(events.Suspend)
        elif mode is Mode.RESERVOIR_CHANGE:
            self._tell(events.AbortChange)
        step_uu = world.config.device.step_uu
        measured_uu = amount_uu
        if injector.strikes(Fault.RESERVOIR_ESTIMATE):
            measured_uu = amount_uu * injector.draw(Fault.RESERVOIR_ESTIMATE, 70, 130) // 100
        if not self._tell(events.BeginChange, True) or not self._tell(events.Rewound):  # noqa: FBT003
            return
        world.cartridge.left_uu = amount_uu
        world.line.renew()
        steps: tuple[Callable[[], bool], ...] = (
            lambda: self._tell(events.ReservoirMeasured, measured_uu),
            lambda: self._tell(events.Loaded),
            lambda: self._ask(events.Prime, 2 * UU_PER_U // step_uu * step_uu),
            lambda: self._tell(events.Primed),
            lambda: self._tell(events.Filled),
            lambda: self._tell(events.Connected),
        )
        for step in steps:
            if not step():
                return

    # Acts -----------------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        self._world.after(self._dice.between(*_ACTS_US), self._act)
        if not self._healing and self._world.clock.at_us >= self._world.awake_us:
            self._dice.pick(self._acts)()

    def _bolus(self) -> None:
        device = self._world.config.device
        fast_uu, extended_uu = (device.bolus_bands_uu.round_down(self._dice.pick(_AMOUNTS)) for _ in range(2))
        what = self._dice.between(0, 5)
        extended_us = 2 * US_PER_HOUR if what < 2 else 0  # noqa: PLR2004  # one in three has an extended part
        if not extended_us:
            extended_uu = 0
        elif what == 0:
            fast_uu = 0
        elif self._dice.one_in(3):  # each part is within the person's largest bolus, and both together are not
            largest_uu = self._world.books.limits.max_bolus_uu or UU_PER_U
            fast_uu, extended_uu = device.bolus_bands_uu.round_down(largest_uu), device.bolus_uu.least
        self._proposal = None
        if self._ask(events.ProposeBolus, fast_uu, extended_uu, extended_us):
            self._confirm()

    def _confirm(self) -> None:
        """Confirm what is proposed; sometimes twice, sometimes late, and sometimes reject it."""
        number, world = self._proposal, self._world
        if number is None:
            return
        how = self._dice.between(0, 9)
        if how == 0:
            self._tell(events.Reject, number)
        elif how == 1:
            world.after(6 * US_PER_MINUTE, lambda: self._too_late(number))
        else:
            accepted = self._ask(events.Confirm, number)
            if accepted and how < 4:  # noqa: PLR2004  # three in ten press OK twice
                self._ask(events.Confirm, number)

    def _too_late(self, number: int) -> None:
        """Confirm a proposal after it expired: this must be refused."""
        if self._world.clock.at_us < self._world.awake_us:
            return
        before = len(self._world.books.boluses)
        self._ask(events.Confirm, number)
        self._world.books.must(
            "BOL-02", len(self._world.books.boluses) == before, "an expired proposal was confirmed", number
        )

    def _temp(self) -> None:
        percent = self._world.config.device.temp_percent is not None and not self._dice.one_in(3)
        duration_us = self._dice.pick((1, 2, 4)) * 30 * US_PER_MINUTE
        self._proposal = None
        if percent:
            asked = self._ask(events.ProposeTemp, duration_us, None, self._dice.pick(_PERCENT))
        else:
            asked = self._ask(events.ProposeTemp, duration_us, self._dice.pick((0, 350_000, 700_000, UU_PER_U)), None)
        if asked:
            self._confirm()

    def _cancel_temp(self) -> None:
        self._tell(events.CancelTemp)

    def _cancel_bolus(self) -> None:
        for bolus in self._world.pump.status.boluses:
            self._tell(events.CancelBolus, bolus.id)

    def _break(self) -> None:
        self._tell(events.Suspend)
        minutes = self._dice.pick((2, 10, 14, 20, 60, 180))
        self._world.after(minutes * US_PER_MINUTE, self._end_break)

    def _end_break(self) -> None:
        if self._world.clock.at_us >= self._world.awake_us and self._world.pump.status.state is State.SUSPENDED:
            self._proposal = None
            self._ask(events.Resume)
            self._confirm()

    def _disconnect(self) -> None:
        minutes = self._dice.pick((5, 30, 60))
        if self._tell(events.Disconnect, minutes * US_PER_MINUTE):
            self._world.after(self._dice.between(1, 90) * US_PER_MINUTE, self._end_break)

    def _plan(self) -> None:
        self._proposal = None
        if self._ask(events.ProposePlan, draw_plan(self._dice, self._world.config.device)):
            self._confirm()

    def _limits(self) -> None:
        limits = self._dice.pick(
            (
                USUAL_LIMITS,
                USUAL_LIMITS,
                replace(USUAL_LIMITS, max_hour_uu=5 * UU_PER_U),
                replace(USUAL_LIMITS, max_hour_uu=UU_PER_U),
                replace(USUAL_LIMITS, max_bolus_uu=None),
            )
        )
        self._ask(events.ChangeSettings, self._choosing(limits))

    def _advice(self) -> None:
        self._proposal = None
        if self._ask(events.AskAdvice, self._dice.pick((0, 20_000, 60_000))):
            self._confirm()

    def _silence(self) -> None:
        self._tell(events.PauseAudio, self._dice.pick((1, 120)) * US_PER_SECOND)
        for each in self._world.pump.status.annunciations:
            self._tell(events.SnoozeAlarm, each.id, 5 * US_PER_MINUTE)

    def _battery_reads(self) -> None:
        self._battery = max(self._battery - self._dice.between(0, 1), 0)
        self._tell(events.BatteryMeasured, self._battery)

    def _nonsense(self) -> None:
        """Request something impossible: it must be refused, and nothing may change."""
        number = self._dice.between(0, 11)
        asked: tuple[Callable[..., Event], tuple[object, ...]] = (
            (events.Prime, (UU_PER_U,)),
            (events.ProposeBolus, (12_345, 0, 0)),
            (events.ProposeBolus, (60 * UU_PER_U, 0, 0)),
            (events.ProposeTemp, (17 * US_PER_MINUTE, None, 50)),
            (events.Confirm, (10**6,)),
            (events.Reject, (10**6,)),
            (events.CancelBolus, (10**6,)),
            (events.PulseConfirmed, (10**6,)),
            (events.PulseFailed, (1,)),
            (events.BeginChange, (False,)),
            (events.Connected, ()),
            (events.Start, ()),
        )[number]
        self._world.tell(asked[0], *asked[1], whole=True)

    # The way to the pump --------------------------------------------------------------------------------------------

    def _tell(self, kind: Callable[..., Event], *given: object) -> bool:
        return self._world.tell(kind, *given, whole=self._dice.one_in(6))

    def _choosing(self, limits: Limits) -> Settings:
        """Return the settings in force with other limits."""
        return replace(self._world.pump.status.settings, limits=limits)

    def _ask(self, kind: Callable[..., Event], *given: object) -> bool:
        """Send a request that may add insulin, over the link if there is one."""
        world = self._world
        if not world.setup.by_link:
            return self._tell(kind, *given)
        strikes = world.injector.strikes
        self._command += _ID_STEP
        number, known = self._command, world.pump.status.changes
        if known and strikes(Fault.COMMAND_STALE):
            self._must_fail("CMD-02", number, known - 1, 0, kind, given)
        if strikes(Fault.COMMAND_LATE):
            self._must_fail("CMD-02", number, known, US_PER_SECOND, kind, given)
        done = self._send(number, known, 0, kind, given)
        if done and strikes(Fault.COMMAND_DUPLICATE):
            boluses, next_seq = len(world.books.boluses), world.books.next_seq
            self._send(number, known, 0, kind, given)
            same = len(world.books.boluses) == boluses
            world.books.must("CMD-01", same, "a command was carried out twice", number, next_seq)
        if done and strikes(Fault.COMMAND_ORDER):
            self._must_fail("CMD-03", number - 1, world.pump.status.changes, 0, kind, given)
        if done and strikes(Fault.COMMAND_FORGED):
            self._must_fail("CMD-03", number - 2, world.pump.status.changes, 0, kind, given)
        return done

    def _send(
        self, number: int, known: int, late_us: int, kind: Callable[..., Event], given: tuple[object, ...]
    ) -> bool:
        def command(at_us: int) -> Event:
            expires_us = at_us + _EXPIRES_US if not late_us else max(at_us - late_us, 0)
            return events.Command(at_us, number, expires_us, known, kind(at_us, *given))  # type: ignore[arg-type]

        return self._world.tell(command, whole=self._dice.one_in(4))

    def _must_fail(  # noqa: PLR0913, PLR0917  # what a command is, and the rule that refuses it
        self,
        requirement: str,
        number: int,
        known: int,
        late_us: int,
        kind: Callable[..., Event],
        given: tuple[object, ...],
    ) -> None:
        if late_us and self._world.now_us() <= late_us:
            return
        accepted = self._send(number, known, late_us, kind, given)
        self._world.books.must(requirement, not accepted, "a command that must be refused", number, kind)

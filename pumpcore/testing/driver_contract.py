"""The contract of a driver: time, boluses, bad links, outcomes, stops and restarts, against what has really moved.

The rules of this file: a rule of the machine is something that happens: time, a fact about the world, what a person or
a controller asks. Where the requirements say whether an event is accepted, the rule says so; where they leave it open,
it does not. Subclasses add rules of their own, above all what can go wrong with their driver.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from pumpcore.frozen import replace
from pumpcore.pump import events
from pumpcore.pump.events import SuspendCause
from pumpcore.testing.driver import Outcome
from pumpcore.testing.machine import OUTCOMES, Machine
from pumpcore.testing.model import CHANGING, STOPPING
from pumpcore.testing.setup import WIDE_LIMITS, setups
from pumpcore.units import US_PER_HOUR as H
from pumpcore.units import US_PER_MINUTE as MIN
from pumpcore.units import US_PER_SECOND as SEC
from pumpcore.units import UU_PER_U as U

if TYPE_CHECKING:
    from pumpcore.limits import Limits
    from pumpcore.testing.setup import PumpSetup

__all__ = ["NUMBERS", "SPANS", "DriverContract"]

SPANS: Final = st.one_of(
    st.sampled_from([0, 1, SEC, 30 * SEC, MIN, 5 * MIN, 15 * MIN, 15 * MIN + 1, 30 * MIN, H, 2 * H, 5 * H]),
    st.integers(0, 3 * H),
)
NUMBERS: Final = st.integers(0, 12)
CALLS_MOST: Final = 30


class DriverContract(Machine):
    """Hold a driver against the requirements: time, boluses, bad links, outcomes, stops, restarts, and nothing else.

    Of all that can happen to a pump this is what reaches its driver; so it finds what is wrong with one sooner than
    `PumpContract`, and shows a shorter way there. A subclass gives `make_driver`, and rules for what can go wrong.
    """

    def setups(self) -> st.SearchStrategy[PumpSetup]:
        """Return the pumps to try: running ones with wide limits, so that there is something to carry out."""
        return setups().map(lambda drawn: drawn._replace(running=True, limits=0))

    @initialize(setup=st.runner().flatmap(lambda machine: machine.setups()))
    def begin(self, setup: PumpSetup) -> None:
        """Make a pump, and mostly bring it to running."""
        self.set_up(setup)

    @rule(span_us=SPANS)
    def a_good_host(self, span_us: int) -> None:
        """Call at each deadline, as a host should."""
        to_us = self.now_us + span_us
        for _ in range(CALLS_MOST):
            deadline_us = self.pump.next_deadline_us()
            if deadline_us is None or deadline_us > to_us:
                break
            self.give(events.Tick(deadline_us), must=True)
        else:
            to_us = self.now_us
        self.give(events.Tick(to_us), must=True)

    @rule(span_us=SPANS)
    def a_late_host(self, span_us: int) -> None:
        """Call late, or between deadlines (DEL-03, DEL-07)."""
        self.give(events.Tick(self.now_us + span_us), must=True)

    @rule()
    def a_restart(self) -> None:
        """Replace the pump by what its snapshot gives (PWR-03)."""
        self.restart()

    @rule(how=st.sampled_from(["hears", "hears", "hears", "hears", "silent", "unsure", "lost", "fails"]))
    def another_link(self, how: str) -> None:
        """Change what host and driver hear of each other (DEL-09, DEL-10, DEL-11)."""
        self.link = how

    @rule(unsure=st.booleans(), which=st.integers(0, 30))
    def an_outcome(self, unsure: bool, which: int) -> None:  # noqa: FBT001
        """Find out what became of a pulse, or that nobody knows; what is settled stays settled (DEL-08)."""
        open_ones = self.open_pulses()
        if which < len(open_ones):
            if unsure:
                self.tell(open_ones[which], Outcome.UNKNOWN)
            else:
                self.settle(open_ones[which])
            return
        settled = [seq for seq, each in self.model.orders.items() if each.fate in {"confirmed", "failed"}]
        seq = settled[which % len(settled)] if settled else 10**6
        kind = tuple(OUTCOMES.values())[which % len(OUTCOMES)]
        self.give(kind(self.now_us, seq), must=False)

    def choosing(self, limits: Limits) -> events.ChangeSettings:
        """Return the event with which a person chooses other limits."""
        return events.ChangeSettings(self.now_us, replace(self.model.settings, limits=limits))

    def patient(self) -> bool:
        """Return whether delivery may be stopped now; stopping it at every step would leave nothing else to test."""
        return self.given % 5 == 0

    @precondition(lambda self: self.model.state != "running")
    @rule(reservoir_uu=st.sampled_from([9 * U, 20 * U, 100 * U]), change=st.booleans())
    def all_is_put_right(self, reservoir_uu: int, change: bool) -> None:  # noqa: FBT001
        """Do all that brings it back to running, from wherever it is (MOD-06)."""
        self.link = "hears"
        for seq in self.open_pulses():
            self.settle(seq)
        for kind in sorted(STOPPING, key=str):
            self.give(events.FaultGone(self.now_us, kind), must=True)
        self.give(events.BatteryMeasured(self.now_us, 100), must=True)
        self.give(self.choosing(WIDE_LIMITS), must=True)
        if self.model.state in CHANGING:
            self.give(events.AbortChange(self.now_us), must=True)
        if change or not self.model.primed:
            self.change_reservoir(reservoir_uu)
        self.confirm_all_alarms()
        trigger = "resume" if self.model.state == "suspended" else "start"
        back = events.Resume(self.now_us) if trigger == "resume" else events.Start(self.now_us)
        empty = (self.model.reservoir_uu or 0) < self.model.device.step_uu
        self.give(back, must=None if empty else True)

    @precondition(lambda self: self.patient())
    @rule(cause=st.sampled_from([SuspendCause.PERSON, *SuspendCause]))
    def suspend(self, cause: SuspendCause) -> None:
        """Suspend (SUS-01); only some causes are a caller's to give."""
        known = cause in {SuspendCause.PERSON, SuspendCause.REMOTE}
        self.give(events.Suspend(self.now_us, cause), must=known)

    @rule()
    def resume(self) -> None:
        """Go on after a suspend (SUS-02)."""
        self.give(events.Resume(self.now_us), must=self.by_the_rules("resume"))

    @rule()
    def confirm_all_alarms(self) -> None:
        """Confirm every alarm (ALM-03)."""
        for each in self.pump.status.annunciations:
            self.give(events.ConfirmAlarm(self.now_us, each.id), must=True)

    @precondition(lambda self: self.model.state == "running")
    @rule(
        fast_uu=st.sampled_from([0, 500_000, U, 3 * U]),
        extended_uu=st.sampled_from([500_000, 0, U, 3 * U]),
        extended_us=st.sampled_from([30 * MIN, 2 * H, 8 * H]),
        then_us=st.sampled_from([0, 10 * SEC, 5 * MIN]),
    )
    def a_bolus(self, fast_uu: int, extended_uu: int, extended_us: int, then_us: int) -> None:
        """One that may well be possible, confirmed a little later."""
        extended_us = extended_us if extended_uu else 0
        # Some devices extend only what covers a meal.
        asked = events.ProposeBolus(self.now_us, fast_uu, extended_uu, extended_us, for_meal=bool(extended_uu))
        if fast_uu + extended_uu and self.give(asked):
            number = max(self.model.asked)
            self.a_good_host(then_us)
            if self.give(events.Confirm(self.now_us, number)):
                self.give(events.Confirm(self.now_us, number), must=True)

    @rule(which=NUMBERS)
    def cancel_bolus(self, which: int) -> None:
        """Stop a bolus (BOL-07)."""
        running = any(each.bolus_id == which and each.due(self.now_us) < each.steps for each in self.model.trains)
        self.give(events.CancelBolus(self.now_us, which), must=True if running else None)

    @precondition(lambda self: self.model.state == "running")
    @rule(percent=st.sampled_from([0, 50, 100, 120, 200]), duration_us=st.sampled_from([30 * MIN, H, 12 * H]))
    def a_temp_basal(self, percent: int, duration_us: int) -> None:
        """One that may well be possible, confirmed at once where it has to be."""
        before = len(self.model.asked)
        if self.give(events.ProposeTemp(self.now_us, duration_us, percent=percent)) and len(self.model.asked) > before:
            self.give(events.Confirm(self.now_us, max(self.model.asked)), must=True)

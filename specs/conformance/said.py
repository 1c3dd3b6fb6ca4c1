"""What the real pump answers, in the words of the specification: <<what, a number, a number, a word>>.

The rules of this file: answers are taken as they are given and looked up nowhere else, so an answer that differs from
what the pump does is a difference. What the specification leaves out is checked here: numbers of pulses, proposals and
boluses are never used again, an amount is that of its steps, and a listener who knows only what was said about the
annunciations knows which are active.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from pumpcore.alarms import AnnunciationChanged, Sound
from pumpcore.alarms.annunciation import What
from pumpcore.pump import effects, events
from specs.conformance.model import OTHER_PLAN, PLAN, STEP_UU
from specs.conformance.seen import GONE, PRIMING, WHY, left_of, temp_of, what_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.alarms import Annunciation
    from pumpcore.pump.state import PumpState
    from specs.conformance.model import Model

__all__ = ["Answer", "Listener"]

Answer = tuple[str, int, int, str]
REPEATED: Final = (
    effects.ModeChanged,
    effects.Proposed,
    effects.BolusProgrammed,
    effects.TempStarted,
    effects.TempEnded,
    effects.ProfileActivated,
    effects.RateChanged,
)
"""What the answer to a confirmation or a command is about: it is given again where the same comes again."""


class Listener:
    """Somebody who knows of a pump only what it answers.

    Attributes:
        model: the model that it is a pump of.
        said: what was answered in this step.
        board: the annunciations that it has heard of: by id, kind, status and level.
        pulse: the number of the latest pulse.
        proposal: the number of the latest proposal.
        bolus: the number of the latest bolus.
        boluses: the boluses that have begun and are not recorded, in order.
        first: what was answered to each confirmation and each command, by what it is and its number.
    """

    def __init__(self, model: Model, state: PumpState) -> None:
        """Begin with what the pump has done already."""
        self.model = model
        self.said: tuple[Answer, ...] = ()
        self.board = {each.id: _heard(each) for each in state.board.active}
        self.pulse = state.ledger.next_seq - 1
        self.proposal = state.proposals.next_id - 1
        self.bolus = state.boluses.next_id - 1
        self.boluses = tuple(sorted(state.boluses.active))
        self.first: dict[tuple[str, int], tuple[effects.Effect, ...]] = {}

    def copy(self) -> Listener:
        """Return another that has heard the same, and nothing in this step."""
        other = object.__new__(Listener)
        vars(other).update(vars(self))
        other.said, other.board, other.first = (), self.board.copy(), self.first.copy()
        return other

    def bag(self, state: PumpState) -> frozenset[tuple[Answer, int]]:
        """Return what was said in this step, how often each; and where what was heard is not how the board is."""
        said = Counter(self.said)
        if self.board != {each.id: _heard(each) for each in state.board.active}:
            said["board", 0, 0, "is not as it was told"] += 1
        return frozenset(said.items())

    def hear(self, answered: Iterable[effects.Effect]) -> None:
        """Listen to the answer to one event."""
        for effect in answered:
            heard = self._heard(effect)
            if heard is not None:
                self.said += (heard,)

    def hear_numbered(self, what: str, number: int, answered: tuple[effects.Effect, ...]) -> None:
        """Listen to the answer to a confirmation or a command: of one that is repeated, only what is new."""
        about = tuple(each for each in answered if isinstance(each, REPEATED))
        if (what, number) not in self.first:
            self.first[what, number] = about
        elif self.first[what, number] == about:
            answered = tuple(each for each in answered if not isinstance(each, REPEATED))
        else:
            self.said += (("again", 0, 0, "is another answer"),)
        self.hear(answered)

    def _heard(self, effect: effects.Effect) -> Answer | None:  # noqa: PLR0911, PLR0912, C901 - one for each class
        match effect:
            case effects.FirePulse(_, seq, channel, bolus_id, steps, amount_uu):
                return "order", self._of(bolus_id), steps, channel + _odd(steps, amount_uu) + self._fresh("pulse", seq)
            case effects.PrimePulse(_, seq, steps, amount_uu):
                return "order", PRIMING, steps, "prime" + _odd(steps, amount_uu) + self._fresh("pulse", seq)
            case effects.StepsMissed(_, _, bolus_id, steps, amount_uu, cause):
                return "missed", self._of(bolus_id), steps, cause + _odd(steps, amount_uu)
            case effects.RateChanged(_, rate_uu_per_h, _):
                return "rate", self.model.parts(rate_uu_per_h * self.model.tick_us), 0, ""
            case effects.ModeChanged(_, _, after, _):
                return "mode", 0, 0, after.value.rpartition(".")[2]
            case effects.Proposed(_, proposal):
                request, fresh = proposal.request, self._fresh("proposal", proposal.id)
                if isinstance(request, events.ProposeBolus):
                    fast, extended = request.fast_uu // STEP_UU, request.extended_uu // STEP_UU
                    return "proposed", fast, extended, "bolus" + fresh
                return "proposed", 0, 0, what_of(self.model, request) + fresh
            case effects.ProposalDropped(_, _, reason):
                return "dropped", 0, 0, reason
            case effects.BolusProgrammed(_, bolus):
                self.boluses += (bolus.id,)
                fast, extended = bolus.fast_uu // STEP_UU, bolus.extended_uu // STEP_UU
                return "begun", fast, extended, self._fresh("bolus", bolus.id)
            case effects.BolusDelivered(_, bolus, reason):
                self.boluses = tuple(each for each in self.boluses if each != bolus.id)
                whole = bolus.delivered_uu + bolus.not_delivered_uu == bolus.programmed_uu
                size, counted = bolus.programmed_uu // STEP_UU, bolus.delivered_uu // STEP_UU
                return "ended", size, counted, WHY[reason.name] + ("" if whole else " in part")
            case effects.TempStarted(at_us, until_us, rate_uu_per_h, percent):
                word = temp_of(self.model, percent, rate_uu_per_h)
                return "temp", (until_us - at_us) // self.model.tick_us, 0, word
            case effects.TempEnded(_, reason):
                return "temp ended", 0, 0, WHY[reason.name]
            case effects.ProfileActivated(_, names):
                return "plan", 0, 0, "other" if names == (OTHER_PLAN,) else "" if names == (PLAN,) else f"{names}"
            case effects.SettingsChanged():
                return "settings", 0, 0, ""
            case effects.ReservoirChanged(_, amount_uu):
                return "reservoir", left_of(amount_uu), 0, ""
            case effects.ReferenceTime():
                return "clock", 0, 0, ""
            case AnnunciationChanged(_, annunciation, what):
                self._told(annunciation, what)
                return None
            case Sound():
                return None
            case _:  # nothing that the specification has: the comparison shows it
                return type(effect).__name__, 0, 0, ""

    def _told(self, annunciation: Annunciation, what: What) -> None:
        if what is What.CLEARED:
            self.board.pop(annunciation.id, None)
        else:
            self.board[annunciation.id] = _heard(annunciation)

    def _of(self, bolus_id: int) -> int:
        if not bolus_id:
            return 0
        return self.boluses.index(bolus_id) + 1 if bolus_id in self.boluses else GONE

    def _fresh(self, what: str, number: int) -> str:
        """Note a number that was given; say so if it is not the next one."""
        last = getattr(self, what)
        setattr(self, what, max(last, number))
        return "" if number == last + 1 else f" {what} {number} after {last}"


def _odd(steps: int, amount_uu: int) -> str:
    """Return nothing, or an amount that is not that of its steps."""
    return "" if amount_uu == steps * STEP_UU else f" {amount_uu} uu"


def _heard(annunciation: Annunciation) -> tuple[object, ...]:
    return annunciation.kind, annunciation.status, annunciation.level

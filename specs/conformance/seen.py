"""How the real pump looks to the specification: its state, in the words of `specs/tla/Pump.tla`.

The rule of this file: the comparison looks at what the pump knows as it is, not at what the pump says of itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pumpcore.pump import events
from pumpcore.therapy.glucose import READING_US_MAX
from pumpcore.therapy.profile import AbsoluteTemp, PercentTemp
from pumpcore.units import NEVER_US
from specs.conformance.model import FULL_UU, MEANT, NEVER_AGAIN, OTHER_PLAN, PLAN, STEP_UU

if TYPE_CHECKING:
    from pumpcore.pump import Pump
    from pumpcore.pump.state import PumpState
    from specs.conformance.model import Model

__all__ = ["GONE", "PRIMING", "WHY", "Seen", "left_of", "temp_of", "what_of"]

NO_RESERVOIR: Final = -1
PLENTY: Final = 999
PRIMING: Final = 98
GONE: Final = 99
NEVER_HEARD: Final = -1
WHY: Final = {"OVER": "over", "CANCELED": "canceled", "ERROR_ABORT": "aborted"}


class Seen:
    """One look at a pump.

    Attributes:
        model: the model that it is a pump of.
        shown: the pump to look at: without power, the one that would come back.
        on: whether it has power, and does not want to be called again and again within a tick.
        within: what basal, and what a suspend withholds, have earned since the last tick, as the kernel counts it; it
            is taken off, so that a pump within a tick looks as it did at the tick, but for what an event has done.
    """

    def __init__(self, model: Model, shown: Pump, *, on: bool, within: tuple[int, int] = (0, 0)) -> None:
        """Look at a pump."""
        self.model = model
        self.shown = shown
        self.on = on
        self.within = within
        self.state: PumpState = shown._kept.state  # noqa: SLF001

    def all(self) -> dict[str, Any]:
        """Give the state of the specification that the pump is in."""
        s = self.state
        bolus_ids = sorted(s.boluses.active)
        return {
            "on": self.on,
            "mode": s.state.value.rpartition(".")[2],
            "cause": "none" if s.suspension.cause is None else s.suspension.cause.value,
            "wait": 0 if s.suspension.until_us == NEVER_US else self._to_come(s.suspension.until_us - s.seen_us),
            "begun": s.begun_us is not None,
            "time": s.local.anchor is not None,
            "limits": not s.settings.limits.unset(),
            "plan": plan_of(s),
            "primed": s.reservoir.primed,
            "offBody": s.reservoir.set_off_body,
            "tubing": s.reservoir.tubing_primed,
            "left": left_of(s.reservoir.amount_uu),
            "battery": battery_of(s.battery.percent),
            "temp": self._temp(s),
            "rate": self.model.parts(s.engine.rate_uu_per_h * self.model.tick_us),
            "rest": self.model.parts(s.engine.rest_fine - self.within[0]),
            "short": self.model.parts(s.missing.rest_fine - self.within[1]),
            "boluses": tuple(bolus_of(s, each) for each in bolus_ids) + strays_of(s),
            "offers": tuple(self._offer(each, s.seen_us) for each in s.proposals.open.values()),
            "answered": bool(s.proposals.answers) and "ConfirmAgain" in self.model.constants["Events"],
            "remote": s.settings.remote,
            "commanded": bool(s.commands.answers),
            "pulses": self._pulses(s, bolus_ids),
            # A function of nothing is an empty sequence to TLC.
            "alarms": {kind: self._alarm(s, kind) for kind in self.model.kinds} or (),
            "dry": self._dry(s),
            "stopped": 0 if s.state.value == "running" else self._since(s.suspension.since_us, self.model.stopped_most),
            "counts": s.suspension.misses,
            "missed": min(s.suspension.missed_uu // STEP_UU, int(self.model.constants["MaxBolus"])),
            "reading": self._reading(s),
            "heard": self._heard(s),
            "away": self._away(s),
            "idle": self._since(s.person_us, int(self.model.constants["AutoOff"])),
        }

    def _ticks(self, span_us: int) -> int:
        return span_us // self.model.tick_us

    def _to_come(self, span_us: int) -> int:
        return -(-span_us // self.model.tick_us)

    def _since(self, at_us: int, most: int) -> int:
        return min(self._ticks(self.state.seen_us - at_us), most)

    def _temp(self, s: PumpState) -> dict[str, Any]:
        temp = s.basal.temp
        if temp is None:
            return {"kind": "none", "ticks": 0}
        percent = temp.percent if isinstance(temp, PercentTemp) else None
        rate = temp.rate_uu_per_h if isinstance(temp, AbsoluteTemp) else None
        return {"kind": temp_of(self.model, percent, rate), "ticks": self._to_come(s.temp_until_us - s.seen_us)}

    def _offer(self, proposal: Any, now_us: int) -> dict[str, Any]:  # noqa: ANN401 - what it asks for says its class
        request = proposal.request
        bolus = isinstance(request, events.ProposeBolus)
        return {
            "what": what_of(self.model, request),
            "fast": request.fast_uu // STEP_UU if bolus else 0,
            "ext": request.extended_uu // STEP_UU if bolus else 0,
            "age": self._ticks(now_us - proposal.at_us),
            "stale": False,
        }

    def _pulses(self, s: PumpState, bolus_ids: list[int]) -> tuple[dict[str, Any], ...]:
        place = {bolus_id: index + 1 for index, bolus_id in enumerate(bolus_ids)} | {0: 0}
        return tuple(
            {
                "of": PRIMING if order.part is None else place.get(order.bolus_id, GONE),
                "steps": order.steps,
                "fate": "out" if order.fate.name == "OUTSTANDING" else "uncertain",
                "age": self._since(order.at_us, self.model.dry_most),
                "here": seq >= s.reservoir.measured_seq,
            }
            for seq, order in s.ledger.orders.items()
        )

    def _alarm(self, s: PumpState, kind: str) -> dict[str, Any]:
        found = next((each for each in s.board.active if each.kind.value == kind), None)
        if found is None:
            return {"status": "off", "cause": False, "age": 0, "level": 0}
        status = found.status.name.lower()
        age = 0
        if status == "pending":
            age = self._since(found.status_since_us, self.model.oldest(kind))
        elif status == "confirmed" and kind not in NEVER_AGAIN:
            age = self._ticks(s.seen_us - found.status_since_us)
        return {"status": status, "cause": found.cause_present, "age": age, "level": found.level}

    def _reading(self, s: PumpState) -> dict[str, Any]:
        latest = s.sensor.last_24h.latest_usable
        if latest is None or s.seen_us - latest.at_us > READING_US_MAX:
            return {"value": "none", "age": 0}
        meant = max((name for name in MEANT if MEANT[name] <= latest.value.exact_mg_dl), key=MEANT.__getitem__)
        return {"value": meant, "age": self._ticks(s.seen_us - latest.at_us)}

    def _heard(self, s: PumpState) -> int:
        """Count the ticks since the sensor was heard; what the pump shows of its link must agree."""
        if s.sensor.heard_us is None:
            return NEVER_HEARD
        most = self.model.heard_most
        if not most:
            return 0
        told = self.shown.status.sensor_link.name
        return {"NEVER": NEVER_HEARD, "LOST": most}.get(told, self._since(s.sensor.heard_us, most - 1))

    def _away(self, s: PumpState) -> int:
        """Count the ticks for which low-glucose suspend stays away."""
        waits = ((s.sensor.longest_us, "LowAway"), (s.sensor.resumed_us, "LowAwayHand"))
        span = {name: int(self.model.constants[name]) * self.model.tick_us for _, name in waits}
        return max([0, *(self._to_come(at_us + span[name] - s.seen_us) for at_us, name in waits if at_us is not None)])

    def _dry(self, s: PumpState) -> int:
        if s.begun_us is None:
            return 0
        return self._since(max(s.ledger.confirmed_us, s.begun_us), self.model.dry_most)


def left_of(reservoir_uu: int | None) -> int:
    """Count the steps in the reservoir, or say that there are plenty, or that nobody knows."""
    if reservoir_uu is None:
        return NO_RESERVOIR
    return PLENTY if reservoir_uu > FULL_UU // 2 else reservoir_uu // STEP_UU


def battery_of(percent: int | None) -> str:
    """Say what the battery is."""
    if percent is None:
        return "unknown"
    return {90: "good", 20: "low", 1: "empty"}[percent]


def plan_of(s: PumpState) -> int:
    """Say which plan is in force: 0, where none is."""
    if s.basal.plan is None:
        return 0
    (profile,) = s.basal.plan.profiles()
    return {PLAN: 1, OTHER_PLAN: 2}[profile.name]


def temp_of(model: Model, percent: int | None, rate_uu_per_h: int | None) -> str:
    """Say which temp basal it is."""
    if percent is None:
        return "flat" if rate_uu_per_h == model.flat_uu_per_h else f"{rate_uu_per_h} uu/h"
    return {0: "nothing", 50: "half", 200: "double"}.get(percent, f"{percent} %")


def what_of(model: Model, request: object) -> str:
    """Say what a proposal asks for."""
    if isinstance(request, events.ProposeBolus):
        return "bolus"
    if isinstance(request, events.ProposeTemp):
        return temp_of(model, request.percent, request.rate_uu_per_h)
    if not isinstance(request, events.ProposePlan):
        return type(request).__name__
    return "plan" if request.plan == model.plan() else "other plan"


def bolus_of(s: PumpState, bolus_id: int) -> dict[str, Any]:
    """Say where the steps of a bolus are."""
    parts = {"bolus": 0, "extended": 0}
    for progress in s.engine.progress:
        if s.boluses.trains.get(progress.train) == bolus_id:
            parts[progress.channel] += progress.remaining_steps
    held = [part for each, part in s.suspension.held if each == bolus_id]
    for part in held:
        parts[part.channel] += part.amount_uu // STEP_UU
    size = s.boluses.active[bolus_id].programmed_uu // STEP_UU
    ending = bolus_id in s.boluses.ending
    account = s.ledger.boluses[bolus_id]
    return {
        "size": size,
        "fast": parts["bolus"],
        "ext": parts["extended"],
        "lost": size - account.counted if ending else account.missed + account.failed,
        "fate": "ends" if ending else "held" if held else "runs",
        "why": WHY[s.boluses.ending[bolus_id].name] if ending else "none",
    }


def strays_of(s: PumpState) -> tuple[dict[str, Any], ...]:
    """Name parts that are held or with the kernel, and of no bolus: nothing in the specification is like that."""
    of = [bolus_id for bolus_id, _ in s.suspension.held] + list(s.boluses.trains.values())
    return tuple({"stray": bolus_id} for bolus_id in of if bolus_id not in s.boluses.active)

"""What a person or a controller has got: boluses, temp basals, proposals, advice.

The rule of this file: what begins was asked for, and is within the limits and the bounds of who asked.
"""

from __future__ import annotations

from fractions import Fraction

from pumpcore.pump import effects as said
from pumpcore.pump import events
from pumpcore.testing.errors import ContractError
from pumpcore.testing.model.state import ModelPart, ModelTrain
from pumpcore.testing.model.stops import CANCELS_TEMP, HOLDS_BOLUSES, StopModel
from pumpcore.testing.therapy_model import mg_per_dl, most_advised
from pumpcore.therapy.envelope import BolusRequest, RateRequest
from pumpcore.therapy.glucose import Beyond
from pumpcore.therapy.profile import AbsoluteTemp, PercentTemp
from pumpcore.units import US_PER_HOUR as H


class RequestModel(StopModel):
    """What was asked for, and what began."""

    def begun(self, effect: said.BolusProgrammed, event: events.Event) -> None:
        """Follow a bolus that begins: only by a confirmation, or a pause that is made up."""
        bolus = effect.bolus
        if isinstance(event, events.Resume):
            if self.policy not in HOLDS_BOLUSES or self.began_low or bolus.programmed_uu * H > self.missed_fine:
                raise ContractError("SUS-05", effect, self.missed_fine)
        elif isinstance(event, events.ControllerAsks):
            self.controlled(event, effect)
        elif not isinstance(event, events.Confirm):
            raise ContractError("BOL-01", effect, event)
        else:
            request = self.asked[event.proposal_id]
            if not isinstance(request, events.ProposeBolus) or (request.fast_uu, request.extended_uu) != (
                bolus.fast_uu,
                bolus.extended_uu,
            ):
                raise ContractError("BOL-01", effect, request)
            if bolus.programmed_uu > (self.limits.max_bolus_uu or 0):
                raise ContractError("LIM-02", effect)
        if bolus.id in self.programmed:
            raise ContractError("BOL-03", effect)
        self.programmed[bolus.id] = bolus.programmed_uu
        self.begun_boluses += 1
        self.reminders.bolus_us = self.now_us
        start_us = self.now_us + self.device.bolus_start_delay_us
        for channel, amount_uu, duration_us in (
            ("extended", bolus.extended_uu, bolus.extended_us),
            ("bolus", bolus.fast_uu, self.device.bolus_duration_us(bolus.fast_uu) if bolus.fast_uu else 0),
        ):
            if amount_uu:
                self.parts[bolus.id, channel] = ModelPart()
                steps = amount_uu // self.device.step_uu
                self.trains.append(ModelTrain(bolus.id, channel, start_us, duration_us, steps))

    def ended(self, effect: said.BolusDelivered) -> None:
        """Follow the record of a bolus: it must say what was ordered and has not failed."""
        bolus, step_uu = effect.bolus, self.device.step_uu
        mine = [order for order in self.orders.values() if order.bolus_id == bolus.id]
        counted = sum(order.steps for order in mine if order.fate != "failed") * step_uu
        if bolus.delivered_uu != counted or bolus.delivered_uu + bolus.not_delivered_uu != bolus.programmed_uu:
            raise ContractError("BOL-07", effect, counted)
        if bolus.id in self.recorded or bolus.programmed_uu != self.programmed[bolus.id]:
            raise ContractError("BOL-07", effect)
        self.recorded.add(bolus.id)

    def temp_begun(self, effect: said.TempStarted, event: events.Event) -> None:
        """Follow a temp basal: confirmed, or such that it takes nothing but away."""
        duration_us = effect.until_us - self.now_us
        if effect.percent is not None:
            self.temp = PercentTemp(self.now_us, duration_us, effect.percent)
        else:
            self.temp = AbsoluteTemp(self.now_us, duration_us, effect.rate_uu_per_h or 0)
        if isinstance(event, events.ControllerAsks):
            self.controlled(event, effect)
        elif not isinstance(event, events.Confirm):
            for at_us in (self.now_us, *(self.now_us + hours * H for hours in range(25))):
                if self.programmed_rate(at_us) > self.profile_rate(at_us):
                    raise ContractError("TMP-04", effect)

    def temp_ended(self, effect: said.TempEnded, event: events.Event) -> None:
        """Follow the end of a temp basal: by its time, by another one, by a person, or by a stop that ends it."""
        if effect.reason is said.EndReason.OVER:
            if self.temp is not None and effect.at_us != self.temp.start_us + self.temp.duration_us:
                raise ContractError("TMP-01", effect, self.temp)
        elif isinstance(event, events.CancelTemp | events.Confirm | events.ProposeTemp | events.ControllerAsks):
            pass
        elif self.state == "running" or (self.state == "suspended" and self.policy not in CANCELS_TEMP):
            raise ContractError("SUS-03", effect, event)
        self.temp = None

    def proposed(self, effect: said.Proposed, event: events.Event) -> None:
        """Follow a proposal."""
        proposal = effect.proposal
        if not isinstance(proposal.request, events.Event):
            raise ContractError("BOL-01", effect)
        self.asked[proposal.id] = proposal.request
        until_us = self.now_us + self.config.proposal_us
        self.asked_on[proposal.id] = until_us, self.basis(by_advice=proposal.by_advice), proposal.by_advice
        if isinstance(event, events.Resume):
            self.offered(proposal.amount_uu)
        elif proposal.by_advice != isinstance(event, events.AskAdvice):
            raise ContractError("ADV-07", effect, event)

    def calculated(self, effect: said.BolusCalculated, event: events.Event) -> None:
        """Follow what the bolus calculator says."""
        calculator, advice = self.settings.calculator, effect.advice
        if calculator is None or not isinstance(event, events.AskAdvice):
            raise ContractError("STA-02", effect, event)
        value = self.readings.usable(self.now_us)
        if value is not None and value < calculator.hard_low.exact_mg_dl:
            raise ContractError("ADV-03", effect, value)
        age_us = self.readings.low(calculator.hard_low.exact_mg_dl, self.now_us)
        if age_us is not None and age_us < H:
            raise ContractError("GLU-08", effect, age_us)
        if age_us is not None or value == mg_per_dl(Beyond.HI):
            value = None
        if value is None and advice.correction_uu:
            raise ContractError("ADV-04 GLU-08", effect)
        ahead_uu = sum(train.steps - train.due(self.now_us) for train in self.trains) * self.device.step_uu
        bound_uu = Fraction(self.limits.max_bolus_uu or 0)
        most_uu = min(most_advised(calculator, event.carbs_mg, value, ahead_uu), bound_uu)
        if advice.suggested_uu > most_uu:
            raise ContractError("ADV-02", advice, most_uu)

    def controlled(self, event: events.ControllerAsks, effect: said.BolusProgrammed | said.TempStarted) -> None:
        """Follow what a controller has got: within the person's bounds, and what it asked for."""
        request, bounds = event.request, self.settings.controller
        fits = 0 <= self.now_us - request.at_us <= bounds.max_age_us and request.id > self.controller_id
        if isinstance(request, RateRequest) and isinstance(effect, said.TempStarted):
            fits &= effect.rate_uu_per_h == request.rate_uu_per_h <= bounds.max_rate_uu_per_h
            fits &= request.rate_uu_per_h <= (self.limits.max_temp_basal_uu_per_h or 0)
            fits &= effect.until_us - self.now_us == request.duration_us <= bounds.max_duration_us
        elif isinstance(request, BolusRequest) and isinstance(effect, said.BolusProgrammed):
            fits &= effect.bolus.programmed_uu == request.amount_uu <= bounds.max_bolus_uu
            fits &= request.amount_uu <= (self.limits.max_bolus_uu or 0)
        else:
            fits = False
        if not fits:
            raise ContractError("GLU-05", event, effect)

    def offered(self, amount_uu: int) -> None:
        """Look that an offer after a return is at most what was missed (SUS-07)."""
        if amount_uu * H > self.missed_fine:
            raise ContractError("SUS-07", amount_uu, self.missed_fine)

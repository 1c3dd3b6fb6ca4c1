"""When each step is due, and what a stop leaves of it.

The rule of this file: earned amounts are exact integers; a step is due when its whole amount is earned.
"""

from __future__ import annotations

from pumpcore.testing.errors import ContractError
from pumpcore.testing.model.state import ModelPart, ModelState
from pumpcore.units import US_PER_HOUR as H


class DueModel(ModelState):
    """What is due by now, for each channel of each bolus and for basal."""

    def pass_time(self, to_us: int) -> None:
        """Earn what is earned until then, in the state of now."""
        for edge_us in self.edges(to_us):
            rate = self.programmed_rate(self.now_us)
            earned, grid_us = rate * (edge_us - self.now_us), self.leaves_by(edge_us)
            if grid_us > self.now_us:
                in_force = rate if self.state == "running" else 0
                self.earned_grid_fine = self.earned_fine + in_force * (grid_us - self.now_us)
            if self.state == "running":
                self.earned_fine += earned
            elif self.state == "suspended" and self.paused:
                self.missed_fine += earned
            self.now_us = edge_us

    def leaves_by(self, at_us: int) -> int:
        """Return the last instant up to `at_us` at which the actuator may move: any, or one of its grid (DEL-05)."""
        return at_us - at_us % self.device.grid_us if self.device.grid_us else at_us

    def due(self) -> dict[tuple[int, str], int]:
        """Count what must have been ordered or missed by now, for each channel of each bolus and for basal (DEL-01).

        On a grid these are the steps that were earned by its last instant: so a step is late by less than one grid.
        """
        due = {(0, "basal"): self.earned_grid_fine // (self.device.step_uu * H)}
        for key, part in self.parts.items():
            due[key] = part.due_before
        for train in self.trains:
            due[train.bolus_id, train.channel] += train.due(self.leaves_by(self.now_us))
        return due

    def hold(self) -> None:
        """Take running trains out: their steps so far are counted, what is left waits with the time that is left."""
        for train in self.trains:
            if train.held:
                continue
            done = train.due(self.leaves_by(self.now_us))
            self.parts[train.bolus_id, train.channel].due_before += done
            left_us = max(train.start_us + train.duration_us - self.now_us, 1)
            if train.channel == "bolus":
                left_us = self.device.bolus_duration_us(max(train.steps - done, 1) * self.device.step_uu)
            train.steps, train.duration_us, train.held = train.steps - done, left_us, True
        self.trains = [train for train in self.trains if train.steps]

    def drop(self, bolus_id: int | None = None) -> None:
        """End one bolus, or all: what is due is counted and the rest does not exist any more."""
        for train in self.trains:
            if bolus_id in {None, train.bolus_id}:
                self.parts[train.bolus_id, train.channel].due_before += train.due(self.leaves_by(self.now_us))
        self.trains = [train for train in self.trains if bolus_id not in {None, train.bolus_id}]

    def check_due(self) -> None:
        """Look that what fell due was ordered or missed: never ahead, never behind (DEL-01).

        With a gap a step may wait: how far basal is behind is then not checked, nor a bolus that was once held up.
        """
        for key, due in self.due().items():
            part = self.part(*key)
            if part.ordered + part.missed > due:
                raise ContractError("DEL-01 ahead", key, part, due)
            if part.ordered + part.missed < due and not self.may_wait(part):
                raise ContractError("DEL-01 behind", key, part, due)

    def may_wait(self, part: ModelPart) -> bool:
        """Return whether steps may wait for an actuator that needs a gap between pulses (DEL-05).

        One that is free lets the next step leave. But a raise of basal waits until what is under way allows it, and
        steps that wait when delivery stops, or a bolus ends, do not leave any more.
        """
        if not self.device.gap_us:
            return False
        if part is self.basal or part.due_before:
            return True
        return bool(self.pulses) and self.now_us < self.pulses[-1][0] + self.device.gap_us

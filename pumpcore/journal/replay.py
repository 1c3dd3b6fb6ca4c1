"""From rows to the pump that they tell of.

The rule of this file: a replay begins at a checkpoint and gives the pump every event that follows, and what the pump
answers is written down and compared, byte for byte, with what is recorded. A pump that answers otherwise is not the
pump that wrote the journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.errors import JournalError, PumpcoreError
from pumpcore.journal.row_codec import decode, encode, event_in
from pumpcore.journal.rows import CHECKPOINT, Damage, Row, snapshot_in
from pumpcore.pump import Pump
from pumpcore.pump.ledger import Fate

if TYPE_CHECKING:
    from pumpcore.devices import Device

__all__ = ["Replay", "outstanding", "play"]


class Replay:
    """Collects rows since the last checkpoint, to make the pump from.

    Attributes:
        checkpoint: the last one; None before the first.
        after: the rows after it.
    """

    def __init__(self, device: Device | None = None) -> None:
        """Begin without a row; `device` is the pump's where that is none of the presets."""
        self.checkpoint: Row | None = None
        self.after: list[Row] = []
        self._device = device

    def take(self, row: Row) -> None:
        """Take the next row, which is good."""
        if row.entries & CHECKPOINT:
            self.checkpoint = row
            self.after = []
        else:
            self.after.append(row)

    def pump(self) -> tuple[Pump | None, Damage | None]:
        """Make the pump.

        Returns:
            The pump after the last row that could be played, and what is wrong with the next; no pump where not even
            the checkpoint could be read.
        """
        if self.checkpoint is None:
            return None, Damage(1, "checkpoint", "the journal has no checkpoint")
        try:
            pump = Pump.restore(snapshot_in(self.checkpoint)[1], device=self._device)
        except JournalError as error:
            return None, Damage(self.checkpoint.seq, "checkpoint", str(error))
        for row in self.after:
            damage = play(pump, row)
            if damage is not None:
                return pump, damage
        return pump, None


def play(pump: Pump, row: Row) -> Damage | None:
    """Replay the event of a row; return what is wrong if the effects differ from the recorded ones."""
    try:
        event = event_in(row.at_us, row.body)
    except JournalError as error:
        return Damage(row.seq, "content", str(error))
    try:
        answered = pump.step(event)
    except PumpcoreError as error:
        return Damage(row.seq, "replay", f"{type(event).__name__} is refused: {error}")
    if encode(event, answered) == (row.entries, row.body):
        return None
    try:
        decode(row.at_us, row.body)
    except JournalError as error:
        return Damage(row.seq, "content", str(error))
    return Damage(row.seq, "replay", f"{type(event).__name__} is answered otherwise than is recorded")


def outstanding(pump: Pump) -> list[int]:
    """List the numbers of all pulses that were commanded and whose outcome nobody has told."""
    return [seq for seq, order in pump.ledger.orders.items() if order.fate is Fate.OUTSTANDING]

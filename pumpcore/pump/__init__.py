"""The pump: one event in, effects out.

| file | what is in it |
|---|---|
| `events`, `effects` | what a pump is told, what it answers |
| `config`, `settings` | what it is made with, what a person may change |
| `state`, `ledger` | all that a step may change, where every step of insulin is |
| `modes` | the mode machine's table |
| `step/` | what a step does whatever the event: time, delivery, basal, boluses, stopping, lows, alarms |
| `handlers/` | what it does for each event |
| `pump` | `Pump`, which calls these in their order, and keeps a step whole or not at all |
| `status`, `snapshot`, `codec` | what it says of itself; the state as bytes, and back |
"""

from __future__ import annotations

from pumpcore.pump.config import Config
from pumpcore.pump.pump import Pump
from pumpcore.pump.settings import Calculator, Settings
from pumpcore.pump.status import Status

__all__ = ["Calculator", "Config", "Pump", "Settings", "Status"]

"""What a pump must do, worked out again from the requirements: slow, plain, and independent of the pump.

The rule of this folder: a model watches events and effects and keeps its own books in whole steps and exact integers
(`_fine`: what 1 uu/h earns in 1 us). Of `pumpcore.pump` it imports events and effects only. A state is its name as
text. `PumpModel.watch` takes an event that the pump has accepted and what it answered; whatever contradicts the
requirements is a `ContractError` that names one.

What it checks, by requirement: when each step is due and that none is ahead or behind (DEL-01), in which order and on
which instants pulses leave (DEL-05), lateness (DEL-07), numbers and outcomes (DEL-08), no pulse while stopped (DEL-12),
whole steps (DEL-15), caps and limits (LIM-02, LIM-04, LIM-05), temp basals (TMP-01, TMP-04), boluses and proposals
(BOL-01, BOL-03, BOL-07), suspend and its policies (SUS-01, SUS-02, SUS-03, SUS-05, SUS-07), reservoir and priming
(RES-01, RES-06, RES-07), modes (MOD-01, MOD-03, MOD-07), alarms that stop (ALM-09), the calculator (ADV-02, ADV-03,
ADV-04, ADV-07), low-glucose suspend and controllers (GLU-02, GLU-03, GLU-04, GLU-05, GLU-08, STA-02).
What a pump says of
itself is held against these books in `machine`, `driver_contract` and `pump_contract`,
which name the requirements for that.

Each module is built on those above it:

| module | its one responsibility |
|---|---|
| modes | where a trigger leads |
| state | what is known, and what follows from it at once |
| dues | when each step is due, and what a stop leaves of it |
| orders | pulses and their outcomes |
| alarms | alarms that stop delivery |
| stops | changes of mode: what stops, why, and what it ends |
| requests | boluses, temp basals, proposals, advice, controllers |
| pump | `PumpModel`: all of it, event by event |
"""

from __future__ import annotations

from pumpcore.testing.model.alarms import STOPPING
from pumpcore.testing.model.modes import CHANGING, leads_to
from pumpcore.testing.model.pump import PumpModel, places
from pumpcore.testing.model.stops import CANCELS_TEMP, HOLDS_BOLUSES

__all__ = ["CANCELS_TEMP", "CHANGING", "HOLDS_BOLUSES", "STOPPING", "PumpModel", "leads_to", "places"]

"""A virtual world with seeded faults around a pump, and what must hold in it.

The rules of this package: everything comes from one seed, in integers, on virtual time; the same seed gives the same
world, event for event, in any process. A world depends on nothing else, so a campaign gives the same on one process, on
many, and on a cluster. What must hold is checked from outside (`books`), against what has really moved (`motor`), and
each check names a requirement.

The faulty parts are decorators that an integrator can put around parts of their own: `FaultyMotor`, `Cartridge` and
`Line` around a motor, `FaultyStore` around a journal's store, `FaultyClock` around a clock.

| module | its one responsibility |
|---|---|
| dice, faults | chance from a seed; which faults there are, how likely, how many so far |
| clock, motor, store | parts, and what goes wrong with them |
| books | what must hold: orders, boluses, basal, alarms, modes |
| setup | what a world begins with |
| sensor, person | who acts in it |
| agenda, outcome | what happens when; what became of a world |
| power, timed_faults | power cuts; faults that come with time |
| world | one pump and its world, on virtual time |
| cuts, short_runs | the power cut at every write and at every effect, of short runs |
| recording_journal | a journal that keeps each step with its effects |
| campaign, cluster | many worlds, here and elsewhere |
| html | a campaign as a page |
"""

from __future__ import annotations

from pumpcore.sim.books import Books, BrokenError
from pumpcore.sim.campaign import Summary, Task, run_all, run_task, tasks
from pumpcore.sim.clock import ClockModel, FaultyClock, VirtualClock
from pumpcore.sim.dice import Dice
from pumpcore.sim.faults import Fault, Injector, PowerCutError
from pumpcore.sim.motor import Cartridge, FaultyMotor, IdealMotor, Line, Motor, Report
from pumpcore.sim.outcome import Broken, Outcome
from pumpcore.sim.setup import WorldSetup, draw_setup
from pumpcore.sim.store import FaultyStore
from pumpcore.sim.world import World, live

__all__ = [
    "Books",
    "Broken",
    "BrokenError",
    "Cartridge",
    "ClockModel",
    "Dice",
    "Fault",
    "FaultyClock",
    "FaultyMotor",
    "FaultyStore",
    "IdealMotor",
    "Injector",
    "Line",
    "Motor",
    "Outcome",
    "PowerCutError",
    "Report",
    "Summary",
    "Task",
    "VirtualClock",
    "World",
    "WorldSetup",
    "draw_setup",
    "live",
    "run_all",
    "run_task",
    "tasks",
]

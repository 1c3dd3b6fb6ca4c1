"""What must hold, checked from outside: books of what goes into a pump and what comes out of it.

The rules of this folder: `Books` sees events, effects and what a motor has really moved, and asks the pump itself only
to compare. It keeps whole steps and exact integers. Each check names a requirement of `specs/requirements.md`, is
counted, and raises `BrokenError` if the requirement does not hold. Each book is built on those above it:

| module | its one responsibility |
|---|---|
| checks | a check that is counted; a sum over a sliding window |
| basal | what is programmed, from an independent reader of the week plan |
| state | what the books remember |
| orders | pulses and their outcomes |
| boluses | boluses and temp basals |
| modes | when delivery begins and what a stop ends |
| alarms | what is annunciated |
| books | all of it, event by event |
"""

from __future__ import annotations

from pumpcore.sim.books.books import Books
from pumpcore.sim.books.checks import BrokenError, Window
from pumpcore.sim.books.state import BookedOrder

__all__ = ["BookedOrder", "Books", "BrokenError", "Window"]

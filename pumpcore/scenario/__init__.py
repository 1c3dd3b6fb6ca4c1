"""Scenarios: a readable file of what happens around a pump, and what the pump makes of it.

The rules of this folder: `words` and `entries` are the grammar, `reader` (with `config_reader`) turns a file into a
`Scenario` and refuses what is not exact, `runner` plays the world around one `Pump`, `timeline` keeps what happened,
`as_json` writes it as plain data, `plot` draws it. Nothing here decides about insulin, and the same file always gives
the same answer.
`docs/scenarios.md` describes the format; `examples` holds the scenarios that come with the package.
"""

from __future__ import annotations

from pumpcore.scenario.reader import Scenario, examples, read, read_text
from pumpcore.scenario.runner import Refusal, Run, run
from pumpcore.scenario.timeline import AlarmSpan, Line, Log, Pulse, Totals

__all__ = [
    "AlarmSpan",
    "Line",
    "Log",
    "Pulse",
    "Refusal",
    "Run",
    "Scenario",
    "Totals",
    "examples",
    "read",
    "read_text",
    "run",
]

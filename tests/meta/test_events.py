"""An event is known everywhere where events are: whoever adds one is told what is still missing.

Method: the classes come from `pumpcore.pump.events`. Where they must be known, the sources are read as text, so that a
name in a table counts as well as one in a call. What is left out on purpose stands here with its reason.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from pumpcore.pump import events
from pumpcore.pump.handlers import HANDLERS

ROOT: Final = Path(__file__).resolve().parents[2]
ABSTRACT: Final = {events.Event, events.Fact, events.Request}
EVENTS: Final = sorted(
    {
        each
        for each in vars(events).values()
        if isinstance(each, type) and issubclass(each, events.Event) and each not in ABSTRACT
    },
    key=lambda each: each.__name__,
)
NAMES: Final = tuple(each.__name__ for each in EVENTS)
PLACES: Final = {
    "a strategy of `pumpcore.testing`": ("pumpcore/testing/strategies.py",),
    "a rule of the independent model": ("pumpcore/testing/model", "pumpcore/testing/model.py"),
    "the alphabet of the specification": ("specs/conformance",),
    "a word of scenarios": ("pumpcore/scenario",),
    "the virtual world": ("pumpcore/sim",),
}
CHANGE: Final = "a step of the reservoir change: the model follows the mode that the pump says it is in"
BOARD: Final = "acts on the board of annunciations alone, which has its own model (tests/property/test_prop_alarms.py)"
STORED: Final = "which profiles are stored is held by tests/unit/test_pump_profiles.py; no rule of insulin rests on it"
LEFT_OUT: Final = {
    ("a strategy of `pumpcore.testing`", "ClockSet"): "drawn by the rule machine, which keeps the wall clock's model",
    ("a strategy of `pumpcore.testing`", "Command"): "an envelope: its contents are drawn",
    ("a rule of the independent model", "Tick"): "only time passes",
    ("a rule of the independent model", "StoreProfile"): STORED,
    ("a rule of the independent model", "DeleteProfile"): STORED,
    ("a rule of the independent model", "ProposeWeek"): "becomes the ProposePlan that it names",
    ("a rule of the independent model", "Command"): "an envelope: its contents have their rules",
    **{
        ("a rule of the independent model", name): CHANGE
        for name in ("Rewound", "Loaded", "Primed", "Filled", "AbortChange")
    },
    **{("a rule of the independent model", name): BOARD for name in ("ConfirmAlarm", "SnoozeAlarm", "PauseAudio")},
    ("a rule of the independent model", "Reject"): "drops a proposal: nothing of insulin changes",
    **{
        ("the alphabet of the specification", name): "named profiles are not in the specification (specs/README.md)"
        for name in ("StoreProfile", "DeleteProfile", "ProposeWeek")
    },
    ("the alphabet of the specification", "PauseAudio"): "sounds are not in the specification",
    ("the alphabet of the specification", "ControllerAsks"): "the controller is not in the specification",
    ("a word of scenarios", "StoreProfile"): "the profiles of a scenario's file are stored from the beginning",
    ("a word of scenarios", "DeleteProfile"): "as StoreProfile",
    ("a word of scenarios", "ChangeSettings"): "the settings of a scenario's file hold all day",
    ("a word of scenarios", "Command"): "a scenario tells the pump itself what is asked for",
}


def named(place: tuple[str, ...]) -> set[str]:
    """The events that the sources of a place name."""
    paths = [ROOT / each for each in place]
    files = [file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path]) if file.is_file()]
    assert files, place
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return {name for name in NAMES if re.search(rf"\b{name}\b", text)}


def test_every_event_has_a_handler_and_every_handler_an_event() -> None:
    assert set(EVENTS) == set(HANDLERS)


def test_every_event_says_what_it_is() -> None:
    assert [each.__name__ for each in EVENTS if not (each.__doc__ or "").strip()] == []
    assert set(NAMES) <= set(events.__all__)


@pytest.mark.parametrize("place", PLACES)
def test_every_event_is_known_there_or_left_out_for_a_reason(place: str) -> None:
    left_out = {name for where, name in LEFT_OUT if where == place}
    assert left_out <= set(NAMES)
    assert set(NAMES) - named(PLACES[place]) == left_out


def test_an_event_that_is_forgotten_is_seen() -> None:
    assert "Tick" in named(("pumpcore/pump/handlers",))
    assert "PauseAudio" not in named(("specs/conformance",))

"""Annunciations: what a person must know, derived from facts.

The rule of this folder: data, then pure functions. `kinds` has the words and `table` what follows from each; `texts`
says what to do, in English and Danish; `board` is the value that holds what is active; `watch` and `facts` say from
facts alone which causes are there; `settings` has what a person may set. Nothing here reads a clock or calls back.
`specs/alarms.md` is rendered from the tables by `python -m pumpcore.alarms`.
"""

from __future__ import annotations

from pumpcore.alarms.annunciation import Annunciation, AnnunciationChanged, Change, Sound, What
from pumpcore.alarms.board import Board
from pumpcore.alarms.facts import (
    DERIVED,
    AlarmFacts,
    Due,
    battery,
    derived,
    glucose_check,
    missed_meal,
    reservoir,
    since,
)
from pumpcore.alarms.kinds import AnnunciationStatus, Kind, Priority
from pumpcore.alarms.settings import SETTINGS, AlarmSettings, Watch
from pumpcore.alarms.table import (
    ANNUNCIATIONS,
    AUDIO_PAUSE_US_LARGEST,
    DETAIL_CHARACTERS_LARGEST,
    AnnunciationRow,
    Clears,
    Rung,
)
from pumpcore.alarms.texts import LANGUAGES, Text, text
from pumpcore.alarms.watch import WATCHED, watch, watch_deadline_us

__all__ = [
    "ANNUNCIATIONS",
    "AUDIO_PAUSE_US_LARGEST",
    "DERIVED",
    "DETAIL_CHARACTERS_LARGEST",
    "LANGUAGES",
    "SETTINGS",
    "WATCHED",
    "AlarmFacts",
    "AlarmSettings",
    "Annunciation",
    "AnnunciationChanged",
    "AnnunciationRow",
    "AnnunciationStatus",
    "Board",
    "Change",
    "Clears",
    "Due",
    "Kind",
    "Priority",
    "Rung",
    "Sound",
    "Text",
    "Watch",
    "What",
    "battery",
    "derived",
    "glucose_check",
    "missed_meal",
    "reservoir",
    "since",
    "text",
    "watch",
    "watch_deadline_us",
]

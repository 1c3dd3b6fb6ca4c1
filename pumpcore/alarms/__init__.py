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
    Due,
    Facts,
    battery,
    derived,
    glucose_check,
    missed_meal,
    reservoir,
    since,
)
from pumpcore.alarms.kinds import Kind, Priority, Status
from pumpcore.alarms.settings import SETTINGS, AlarmSettings, Watch
from pumpcore.alarms.table import AUDIO_PAUSE_US_LARGEST, DETAIL_CHARACTERS_LARGEST, TABLE, Clears, Row, Rung
from pumpcore.alarms.texts import LANGUAGES, Text, text
from pumpcore.alarms.watch import WATCHED, watch, watch_deadline_us

__all__ = [
    "AUDIO_PAUSE_US_LARGEST",
    "DERIVED",
    "DETAIL_CHARACTERS_LARGEST",
    "LANGUAGES",
    "SETTINGS",
    "TABLE",
    "WATCHED",
    "AlarmSettings",
    "Annunciation",
    "AnnunciationChanged",
    "Board",
    "Change",
    "Clears",
    "Due",
    "Facts",
    "Kind",
    "Priority",
    "Row",
    "Rung",
    "Sound",
    "Status",
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

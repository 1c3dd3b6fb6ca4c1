"""The tables as Markdown: `specs/alarms.md`.

The rule of this file: everything is read off the tables; a sentence stands here only if it holds for every row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pumpcore.alarms.kinds import AnnunciationStatus, Kind
from pumpcore.alarms.settings import OPTIONAL, SETTINGS
from pumpcore.alarms.table import ANNUNCIATIONS, AUDIO_PAUSE_US_LARGEST
from pumpcore.alarms.texts import LANGUAGES, text
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, format_u

if TYPE_CHECKING:
    from pumpcore.alarms.table import AnnunciationRow, Rung

__all__ = ["document"]

_LANGUAGE_NAMES: Final = {"en": "English", "da": "Danish"}


def document() -> str:
    """Render `ANNUNCIATIONS`, `SETTINGS` and the texts as Markdown: `specs/alarms.md`."""
    lines = [
        "# Alarms",
        "",
        "Rendered from `pumpcore.alarms` by `python -m pumpcore.alarms`; a test keeps it current.",
        "",
        "## Annunciations",
        "",
        f"Status: {', '.join(f'{status.name.lower()} 0x{status:02X}' for status in AnnunciationStatus)}.",
        f"An audio pause lasts at most {_span(AUDIO_PAUSE_US_LARGEST)}; a new annunciation of high priority ends it.",
        "A snooze lasts at most as long as stated, and on a higher rung at most as long as that priority allows.",
        "A source is that of the type and its code, or of the idea; priorities and times are pumpcore's own.",
        "",
        "| kind | IDS type | priority | stops delivery | clears when | again if not gone | snooze at most | source |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(ANNUNCIATIONS[kind]) for kind in Kind),
        "",
        "## Unanswered",
        "",
        "| raised with | pending for | priority | sounds every | siren | kinds |",
        "|---|---|---|---|---|---|",
        *_ladders(),
        "",
        "## Settings",
        "",
        "| setting | unit | least | largest | default | what | source |",
        "|---|---|---|---|---|---|---|",
        *_settings(),
        "",
        "## Texts",
        "",
        f"| kind | {' | '.join(_LANGUAGE_NAMES[language] for language in LANGUAGES)} |",
        "|---|---|---|",
        *(f"| {kind.value} | {' | '.join(_text(kind, language) for language in LANGUAGES)} |" for kind in Kind),
    ]
    return "\n".join(lines) + "\n"


def _row(row: AnnunciationRow) -> str:
    code = "" if row.ids_code is None else f"0x{row.ids_code:04X}"
    again = "" if row.again_after_us is None else _span(row.again_after_us)
    cells = (
        row.kind.value,
        code,
        row.priority.value,
        "yes" if row.stops_delivery else "",
        row.clears.value,
        again,
        _span(row.snooze_us_largest),
        row.source,
    )
    return f"| {' | '.join(cells)} |"


def _ladders() -> list[str]:
    """Show each ladder once, with the kinds that climb it."""
    climbers: dict[tuple[Rung, ...], list[str]] = {}
    for kind in Kind:
        climbers.setdefault(ANNUNCIATIONS[kind].ladder, []).append(kind.value)
    lines = []
    for ladder, kinds in climbers.items():
        for level, rung in enumerate(ladder):
            cells = (
                ladder[0].priority.value if level == 0 else "",
                _span(rung.after_us),
                rung.priority.value,
                "once" if rung.sound_every_us is None else _span(rung.sound_every_us),
                "yes" if rung.siren else "",
                ", ".join(kinds) if level == 0 else "",
            )
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def _settings() -> list[str]:
    lines = []
    for row in SETTINGS.values():
        unit = {"us": "", "uu": "U"}.get(row.unit, row.unit)
        ends = [_value(each, row.unit) for each in (row.least, row.largest)]
        default = "off" if row.id in OPTIONAL else _value(row.default or 0, row.unit)
        lines.append(f"| {row.id} | {unit} | {ends[0]} | {ends[1]} | {default} | {row.bounds} | {row.source} |")
    return lines


def _text(kind: Kind, language: str) -> str:
    title, instruction = text(kind, language)
    return f"**{title}** {instruction}"


def _value(value: int, unit: str) -> str:
    if unit == "us":
        return _span(value)
    return format_u(value, places=0) if unit == "uu" else str(value)


def _span(span_us: int) -> str:
    """Write a span of whole minutes as a person reads it."""
    hours, rest_us = divmod(span_us, US_PER_HOUR)
    minutes = rest_us // US_PER_MINUTE
    parts = [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    return " ".join(parts) or "0"

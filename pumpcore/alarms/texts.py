"""What an annunciation says to a person: a short title, and one instruction.

The rule of this file: the texts are data, `texts.toml`, both languages side by side, and are read when they are asked
for. An alarm is raised and sounds whether or not its text can be read.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from pumpcore.alarms.kinds import Kind
from pumpcore.errors import InvariantError, QuantityError

__all__ = ["INSTRUCTION_CHARACTERS_LARGEST", "LANGUAGES", "TITLE_CHARACTERS_LARGEST", "Text", "text"]

LANGUAGES: Final = ("en", "da")
"""The languages that every kind has a text in."""

TITLE_CHARACTERS_LARGEST: Final = 28
INSTRUCTION_CHARACTERS_LARGEST: Final = 110


class Text(NamedTuple):
    """What to show.

    Attributes:
        title: what is the matter, at most 28 characters.
        instruction: what to do, at most 110 characters.
    """

    title: str
    instruction: str


def text(kind: Kind, language: str = "en") -> Text:
    """Return what to show for a kind.

    Args:
        kind: what is annunciated.
        language: one of `LANGUAGES`.

    Returns:
        Title and instruction.

    Raises:
        QuantityError: `kind` is not a `Kind`, or `language` is not one of `LANGUAGES`.
        InvariantError: the data file is not whole.

    Example:
        >>> text(Kind.BATTERY_LOW, "da").title
        'Batteri lavt'
    """
    if not isinstance(kind, Kind):
        raise QuantityError("kind", kind, "must be a Kind")
    if language not in LANGUAGES:
        raise QuantityError("language", language, f"must be one of {', '.join(LANGUAGES)}")
    return _texts()[kind, language]


@cache
def _texts() -> dict[tuple[Kind, str], Text]:
    """Read the data file once."""
    from pkgutil import get_data  # noqa: PLC0415 - an import of the pump reads no data

    source = (get_data("pumpcore.alarms", "texts.toml") or b"").decode()
    return _parse(source)


def _parse(source: str) -> dict[tuple[Kind, str], Text]:
    """Read the texts of the data file; reject one that lacks a text, has too many, or has one too long."""
    import tomllib  # noqa: PLC0415 - needed once data is read, and not for an import of the pump

    data = tomllib.loads(source)
    if data.keys() != {kind.value for kind in Kind}:
        bug = f"texts.toml and the kinds differ in {sorted(data.keys() ^ {kind.value for kind in Kind})}"
        raise InvariantError(bug)
    texts = {}
    for kind in Kind:
        row = data[kind.value]
        if row.keys() != set(LANGUAGES):
            bug = f"texts.toml: {kind.value} has texts in {sorted(row)}"
            raise InvariantError(bug)
        for language in LANGUAGES:
            title, instruction = row[language]
            if not (
                0 < len(title) <= TITLE_CHARACTERS_LARGEST and 0 < len(instruction) <= INSTRUCTION_CHARACTERS_LARGEST
            ):
                bug = f"texts.toml: {kind.value} in {language} is too long or empty"
                raise InvariantError(bug)
            texts[kind, language] = Text(title, instruction)
    return texts

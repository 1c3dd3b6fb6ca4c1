"""Read a plan: JSON that says one thing only.

The rule of this file: what JSON leaves open is refused here (a key given twice, a byte-order mark, text that is not
UTF-8), and what only the kernel can judge is handed on as it was written, so that one place names the fields. A number
with a fraction, an exponent, or no number at all (`NaN`) becomes a `NotWhole`, which the kernel refuses by field and
value; no float is ever made.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from pumpcore.errors import RecordError

PLAN_BYTES_MAX: Final = 64 * 1024 * 1024
"""A plan has at most this many bytes: some two million rate changes."""

# Python itself reads no more digits than this into an int, unless it is told to; the work grows with their square.
_DIGITS_MAX: Final = 4_300
_FAR_OUTSIDE: Final = 10 ** (_DIGITS_MAX + 1)


class NotWhole:
    """A JSON number that is not written as a whole number; it shows as it was written."""

    def __init__(self, text: str) -> None:
        """Keep the text."""
        self.text = text

    def __repr__(self) -> str:
        """Show the text, unquoted: `1e3`, `0.5`, `NaN`."""
        return self.text


def read_plan(source: str) -> dict[str, Any]:
    """Read the JSON object in a file.

    Args:
        source: the file's name, or "-" for standard input.

    Returns:
        The object, its fields not yet checked.

    Raises:
        RecordError: there is no such file, or it does not hold one JSON object.
    """
    where = "standard input" if source == "-" else source
    text = _decoded(_read(source, where), where)
    try:
        plan = json.loads(
            text,
            object_pairs_hook=_unique(where),
            parse_int=_whole,
            parse_float=NotWhole,
            parse_constant=NotWhole,
        )
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}"
        raise RecordError(where, f"not valid JSON: {error.msg} at {at}") from error
    except RecursionError as error:
        raise RecordError(where, "not a plan: nested too deeply") from error
    if not isinstance(plan, dict):
        kind = "a list" if isinstance(plan, list) else f"the value {plan!r:.40}"
        raise RecordError(where, f"not a plan: expected a JSON object, got {kind}")
    return plan


def _read(source: str, where: str) -> bytes:
    try:
        if source == "-" and sys.stdin is None:  # closed by the caller
            raise RecordError(where, "is closed")
        if source == "-":
            data = sys.stdin.buffer.read(PLAN_BYTES_MAX + 1)
        else:
            with open(source, "rb") as file:  # noqa: PTH123 - a Path would drop a trailing slash of the name
                data = file.read(PLAN_BYTES_MAX + 1)
    except OSError as error:
        raise RecordError(where, f"cannot be read: {error.strerror or error}") from error
    if len(data) > PLAN_BYTES_MAX:
        raise RecordError(where, f"is longer than {PLAN_BYTES_MAX} bytes")
    return data


def _decoded(data: bytes, where: str) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise RecordError(where, "starts with a byte-order mark: save it as UTF-8 without one")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RecordError(where, f"is not UTF-8: byte {error.start + 1} is 0x{data[error.start]:02x}") from error


def _unique(where: str) -> Any:  # noqa: ANN401 - the type of the hook is json's own
    def hook(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) < len(pairs):
            seen: set[str] = set()
            for key, value in pairs:
                if key in seen:
                    raise RecordError(where, f"{key}: appears twice, the second time as {value!r:.40}")
                seen.add(key)
        return table

    return hook


def _whole(text: str) -> int:
    """Make an int; one beyond every range stands for all that have more digits than Python reads."""
    if len(text) > _DIGITS_MAX:
        return -_FAR_OUTSIDE if text.startswith("-") else _FAR_OUTSIDE
    return int(text)

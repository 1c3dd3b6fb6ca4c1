"""A table of a TOML file, taken apart strictly.

The rule of this file: each key is taken once by whoever knows what it means; what is left at the end is unknown and
refused. A refusal is one line with the file and the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from pumpcore.errors import QuantityError, RecordError, RequestError
from pumpcore.units import exact_int

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Table"]

_T = TypeVar("_T")
_NO_TEXT: Final = "must be text in quotes"
_MISSING: Final = "is missing"


class Table:
    """One table of the file, taken apart key by key; what is left at the end is unknown and refused."""

    def __init__(self, where: str, data: object) -> None:
        """Take a table of `data`; `where` is what an error carries."""
        if not isinstance(data, dict):
            raise RecordError(where, "must be a table")
        self.where = where
        self._data = dict(data)

    def refuse(self, error: RequestError) -> NoReturn:
        """Raise an error that names this table."""
        raise RecordError(self.where, str(error)) from error

    def has(self, key: str) -> bool:
        """Return whether a key is present that was not taken yet."""
        return key in self._data

    def take(self, key: str, default: object = None) -> object:
        """Take a value; without a default it must be there."""
        if key not in self._data:
            if default is None:
                raise RecordError(self.where, f"{key} {_MISSING}")
            return default
        return self._data.pop(key)

    def text(self, key: str, default: str | None = None) -> str:
        """Take a text."""
        value = self.take(key, default)
        if not isinstance(value, str):
            self.refuse(QuantityError(key, value, _NO_TEXT))
        return value

    def read(self, key: str, reader: Callable[..., _T], default: str | None = None) -> _T:
        """Take a text and read it."""
        text = self.text(key, default)
        try:
            return reader(text, field=key)
        except RequestError as error:
            self.refuse(error)

    def count(self, key: str, default: int | None = None, *, largest: int) -> int:
        """Take a whole number from 0 to `largest`."""
        value = self.take(key, default)
        try:
            number = exact_int(value, field=key)
        except QuantityError as error:
            self.refuse(error)
        if not 0 <= number <= largest:
            self.refuse(QuantityError(key, number, f"must be from 0 to {largest}"))
        return number

    def texts(self, key: str) -> list[str]:
        """Take a list of texts; an absent one is empty."""
        value = self.take(key, [])
        if not isinstance(value, list):
            self.refuse(QuantityError(key, value, "must be a list"))
        for number, each in enumerate(value):
            if not isinstance(each, str):
                self.refuse(QuantityError(f"{key}[{number}]", each, _NO_TEXT))
        return value

    def rest(self) -> Iterator[tuple[str, object]]:
        """Take all that is left."""
        while self._data:
            key = next(iter(self._data))
            yield key, self._data.pop(key)

    def done(self) -> None:
        """Refuse what nobody took."""
        for key in self._data:
            raise RecordError(self.where, f"{key} is an unknown key")

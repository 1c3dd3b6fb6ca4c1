"""Values of pumpcore as data of JSON's kinds, and back: one codec for snapshots and for the journal.

The rule of this file: only classes that are known here, or named to a `Codec`, are written or read; equal values give
equal data; what is read is built by the constructors, which check what they check anywhere. What is no plain number or
text is a list that begins with its kind. The device is named, not written: its figures belong to the data files. No
number has a fraction: `parsed` refuses it.

| kind | then | what it is |
|---|---|---|
| `class` | name, fields by name, or in the order of the class | a dataclass, by what its constructor takes |
| `named` | name, items | a named tuple |
| `enum` | name, value | a member of an enumeration |
| `tuple`, `dict` | items, pairs | Python's own |
| `instant` | ISO 8601 | a `datetime` |
| `fraction` | numerator, denominator | a `Fraction` |
| `kernel`, `iob`, `ledger`, `device` | their own form | `Delivery`, `Iob`, `Ledger`, the id of a `Device` |
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from fractions import Fraction
from functools import cache
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from pumpcore import alarms, limits
from pumpcore._kernel import Delivery
from pumpcore.devices import Device, Range, Source, load
from pumpcore.errors import JournalError, PumpcoreError
from pumpcore.frozen import fields, is_dataclass
from pumpcore.pump import effects, events, ledger, modes, settings
from pumpcore.therapy import best_glucose, bolus, envelope, glucose, iob, low_suspend, profile
from pumpcore.therapy import calculator as advice

if TYPE_CHECKING:
    from collections.abc import Iterable
    from json import JSONDecoder
    from types import ModuleType

__all__ = ["UNREADABLE", "Codec", "parsed"]

UNREADABLE: Final = (
    PumpcoreError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What `parsed` and `Codec.built` raise for data that nobody has written."""

_MODULES: Final[tuple[ModuleType, ...]] = (
    advice,
    alarms,
    best_glucose,
    bolus,
    effects,
    envelope,
    events,
    glucose,
    iob,
    ledger,
    limits,
    low_suspend,
    modes,
    profile,
    settings,
)
_OTHERWISE: Final = (Device, events.Event, events.Fact, events.Request, effects.Answer)
"""What has a form of its own, and that of which there are only kinds."""
_KNOWN: Final[dict[str, type]] = {
    each.__name__: each
    for each in chain((Range, Source), *(vars(module).values() for module in _MODULES))
    if isinstance(each, type) and (is_dataclass(each) or issubclass(each, (tuple, Enum))) and each not in _OTHERWISE
}


def _refused(text: str) -> NoReturn:
    raise JournalError(f"a number with a fraction, or none at all: {text:.40}")


@cache
def _decoder() -> JSONDecoder:
    """Return what reads JSON without floats."""
    from json import JSONDecoder  # noqa: PLC0415 - for those that read or write a pump

    return JSONDecoder(parse_float=_refused, parse_constant=_refused)


@cache
def _fields_of(cls: type) -> tuple[str, ...]:
    """Return the fields of a dataclass that its constructor takes."""
    return tuple(field.name for field in fields(cls) if field.init)


def parsed(text: bytes) -> Any:  # noqa: ANN401  # JSON has no one type
    """Read data of JSON's kinds, in ASCII and without a float.

    Raises:
        JournalError: there is a float.
        ValueError, RecursionError: it is no JSON, not in ASCII, or too deep.

    Example:
        >>> parsed(b"[1,null]")
        [1, None]
    """
    return _decoder().decode(text.decode("ascii"))


class Codec:
    """Turns values into data of JSON's kinds, and back.

    Args:
        more: classes besides those that are known here.
        by_name: whether the fields of a class are written by name; otherwise in the order of the class, which is
            shorter. Both are read.

    Example:
        >>> from pumpcore.pump.events import PulseConfirmed
        >>> Codec().plain(PulseConfirmed(5, 1))
        ['class', 'PulseConfirmed', {'at_us': 5, 'seq': 1}]
        >>> Codec(by_name=False).plain(PulseConfirmed(5, 1))
        ['class', 'PulseConfirmed', [5, 1]]
        >>> Codec().built(['class', 'PulseConfirmed', [5, 1]])
        PulseConfirmed(at_us=5, seq=1)
    """

    def __init__(self, more: Iterable[type] = (), *, by_name: bool = True) -> None:
        """Know the classes."""
        self._known = _KNOWN | {each.__name__: each for each in more}
        self._names = {known: name for name, known in self._known.items()}
        self._by_name = by_name

    def plain(self, value: object) -> Any:  # noqa: ANN401, C901, PLR0911  # JSON has no one type; one branch for each kind
        """Turn a value into data of JSON's kinds.

        Args:
            value: plain, of a class that is known, or made of such.

        Raises:
            KeyError: a class is not known; that is a mistake of the caller.
        """
        if value is None or isinstance(value, (bool, str)) or type(value) is int:
            return value
        if isinstance(value, Delivery):
            return ["kernel", value.snapshot().hex()]
        if isinstance(value, Device):
            return ["device", value.id]
        if isinstance(value, iob.Iob):
            return ["iob", list(value.snapshot())]
        if isinstance(value, ledger.Ledger):
            return ["ledger", {name: self.plain(getattr(value, name)) for name in ledger.Ledger.__slots__}]
        if isinstance(value, datetime):
            return ["instant", value.isoformat()]
        if isinstance(value, Fraction):
            return ["fraction", value.numerator, value.denominator]
        if isinstance(value, dict | MappingProxyType):
            return ["dict", [[self.plain(key), self.plain(each)] for key, each in value.items()]]
        if type(value) is tuple:
            return ["tuple", [self.plain(each) for each in value]]
        name = self._names[type(value)]
        if isinstance(value, Enum):
            return ["enum", name, value.value]
        if isinstance(value, tuple):
            return ["named", name, [self.plain(each) for each in value]]
        known = self._known[name]
        given = {field: self.plain(getattr(value, field)) for field in _fields_of(known)}
        return ["class", name, given if self._by_name else list(given.values())]

    def built(self, plain: Any, device: Device | None = None) -> Any:  # noqa: ANN401, C901, PLR0911, PLR0912  # as `plain`
        """Turn what `plain` made back.

        Args:
            plain: of JSON's kinds.
            device: stands in for a device that is no preset.

        Raises:
            JournalError: a kind is not known.
            Exception: one of `UNREADABLE`: the data is nothing that `plain` writes.
        """
        if not isinstance(plain, list):
            return plain
        kind, *rest = plain
        match kind, rest:
            case "class", [name, given]:
                cls = self._known[name]
                named = given if isinstance(given, dict) else dict(zip(_fields_of(cls), given, strict=True))
                return cls(**{key: self.built(each, device) for key, each in named.items()})
            case "enum", [name, value]:
                return self._known[name](value)
            case "named", [name, items]:
                return self._known[name](*(self.built(each, device) for each in items))
            case "tuple", [items]:
                return tuple(self.built(each, device) for each in items)
            case "dict", [pairs]:
                return MappingProxyType({self.built(key, device): self.built(each, device) for key, each in pairs})
            case "instant", [text]:
                return datetime.fromisoformat(text)
            case "fraction", [numerator, denominator]:
                return Fraction(numerator, denominator)
            case "kernel", [text]:
                return Delivery.restore(bytes.fromhex(text))
            case "device", [name]:
                return device if device is not None and device.id == name else load(name)
            case "iob", [numbers]:
                return iob.Iob.restore(tuple(numbers))
            case "ledger", [slots]:
                made = ledger.Ledger(0)
                for name in ledger.Ledger.__slots__:
                    slot = self.built(slots[name], device)
                    setattr(made, name, dict(slot) if isinstance(slot, MappingProxyType) else slot)
                return made
        raise JournalError(f"a value of kind {kind!r:.40}")

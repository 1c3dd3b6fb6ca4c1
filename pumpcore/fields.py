"""Fields hold what their annotations say, exactly: no subclass, no bool for an integer, no list for a tuple.

The rule of this file: what a class accepts is written once, in its annotations. `check_fields` reads it from there, so
that a pump which accepts something can also write it down.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pumpcore.errors import QuantityError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_fields"]


class _Kind(NamedTuple):
    """What one field may hold.

    Attributes:
        name: of the field.
        types: the exact types of a value.
        items: the exact types of each item, where it is a tuple; None: not looked at.
        choices: the only values, where there are but these; empty: any.
        text: what a value must be, for a person to read.
    """

    name: str
    types: frozenset[type]
    items: frozenset[type] | None
    choices: tuple[object, ...]
    text: str


_WORDS: Final = {int: "an integer", str: "text", bool: "true or false", tuple: "a tuple", type(None): "None"}
_KNOWN: Final[dict[type, tuple[_Kind, ...]]] = {}


def check_fields(value: object) -> None:
    """Raise an error if a field of a frozen dataclass does not hold what its annotation says.

    Args:
        value: the dataclass, from its `__post_init__`.

    Raises:
        QuantityError: a field is of another type than its annotation says; it names the field and what it must be.

    Example:
        >>> from pumpcore.events import Disconnect
        >>> Disconnect(0, True)
        Traceback (most recent call last):
        ...
        pumpcore.errors.QuantityError: duration_us: True must be an integer
    """
    cls = type(value)
    kinds = _KNOWN.get(cls)
    if kinds is None:
        kinds = _KNOWN[cls] = tuple(_kinds_of(cls))
    for name, types, items, choices, text in kinds:  # taken apart here: every event of a pump comes this way
        found = getattr(value, name)
        if type(found) not in types or (choices and found not in choices):
            raise QuantityError(name, found, f"must be {text}")
        if items is not None and type(found) is tuple and not all(type(each) in items for each in found):
            raise QuantityError(name, found, f"must be {text}")


def _kinds_of(cls: type) -> Iterator[_Kind]:
    """Read the annotations of a class and of those it inherits from."""
    from inspect import get_annotations  # noqa: PLC0415 - it takes as long to import as half of the pump

    seen: set[str] = set()
    for base in cls.__mro__:
        names = vars(sys.modules[base.__module__])
        for name, annotation in get_annotations(base).items():
            if name in seen or "ClassVar" in str(annotation):
                continue
            seen.add(name)
            hint = eval(annotation, dict(names)) if isinstance(annotation, str) else annotation  # noqa: S307 - our own
            yield _kind_of(name, hint)


def _kind_of(name: str, hint: Any) -> _Kind:  # noqa: ANN401 - an annotation may be anything
    """Turn one annotation into what a field may hold."""
    types: list[type] = []
    items: list[type] | None = None
    choices: list[object] = []
    for each in _alternatives(hint):
        origin = getattr(each, "__origin__", None)
        if each is None:
            types.append(type(None))
        elif origin is tuple:
            types.append(tuple)
            inner = [arg for arg in each.__args__ if arg is not Ellipsis]
            items = [getattr(arg, "__origin__", arg) for arg in inner]
        elif origin is None:
            types.append(each)
        else:  # a Literal
            choices.extend(each.__args__)
            types.extend({type(arg) for arg in each.__args__})
    words = [_WORDS.get(each, f"a {each.__name__}") for each in types]
    text = " or ".join(dict.fromkeys(words))
    if items is not None:
        text = text.replace("a tuple", f"a tuple of {' or '.join(dict.fromkeys(each.__name__ for each in items))}")
    if choices:
        text = f"one of {', '.join(map(str, choices))}"
    return _Kind(name, frozenset(types), None if items is None else frozenset(items), tuple(choices), text)


def _alternatives(hint: Any) -> tuple[Any, ...]:  # noqa: ANN401 - as above
    """Return the members of a union, or the annotation itself."""
    if type(hint).__name__ in {"UnionType", "_UnionGenericAlias"}:
        return tuple(None if each is type(None) else each for each in hint.__args__)
    return (hint,)

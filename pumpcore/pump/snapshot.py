"""A pump as bytes, and back: versioned, with a checksum, and refused when damaged.

The rule of this file: what is written is data only, as JSON in one canonical order, so that equal pumps give equal
bytes; what is read is built by the constructors that check it. A class that is not in `_KNOWN` is neither written nor
read. The device is named, not written: its figures belong to the data files.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from itertools import chain
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from pumpcore import alarms, bolus, effects, events, glucose, iob, ledger, limits, modes, profile
from pumpcore._kernel import Delivery
from pumpcore.devices import Device, Range, Source, load
from pumpcore.errors import JournalError, PumpcoreError
from pumpcore.pump import config as config_of
from pumpcore.pump.turn import PumpState

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["read", "write"]

_HEAD: Final = b"pumpcore pump 1 "
_CRC_DIGITS: Final = 8

_MODULES: Final[tuple[ModuleType, ...]] = (
    alarms,
    bolus,
    effects,
    events,
    glucose,
    iob,
    ledger,
    limits,
    modes,
    profile,
    config_of,
)
_KNOWN: Final[dict[str, type]] = {
    each.__name__: each
    for each in chain((Range, Source), *(vars(module).values() for module in _MODULES))
    if isinstance(each, type) and (is_dataclass(each) or issubclass(each, (tuple, Enum))) and each is not Device
}
# Part is a word of boluses and of insulin on board: the second goes by its longer name.
_KNOWN["Part"] = bolus.Part
_KNOWN["IobPart"] = iob.Part
_NAMES: Final = {known: name for name, known in _KNOWN.items()}


def write(state: PumpState, on_board: iob.Iob) -> bytes:
    """Write a pump's state down.

    Returns:
        A line with version and checksum, then JSON.
    """
    plain = {name: _plain(getattr(state, name)) for name in PumpState.__slots__}
    plain["iob"] = list(on_board.snapshot())
    body = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return _HEAD + b"%08x\n" % crc32(body) + body


def read(snapshot: bytes, *, device: Device | None = None) -> tuple[PumpState, iob.Iob]:
    """Make the state that was written down.

    Args:
        snapshot: from `write`.
        device: the device, where it is none of the presets.

    Raises:
        JournalError: the bytes are damaged, of another version, or hold what no pump writes.
    """
    head, newline, body = snapshot[: len(_HEAD) + _CRC_DIGITS + 1].partition(b"\n")
    body = snapshot[len(head) + 1 :]
    if not newline or not head.startswith(_HEAD):
        raise JournalError("pump: the bytes do not begin as a snapshot of this version does")
    if head[len(_HEAD) :] != b"%08x" % crc32(body):
        raise JournalError("pump: the checksum does not match: the bytes are damaged")
    try:
        plain = json.loads(body)
        on_board = iob.Iob.restore(tuple(plain.pop("iob")))
        state = object.__new__(PumpState)
        for name in PumpState.__slots__:
            setattr(state, name, _built(plain.pop(name), device))
    except JournalError:
        raise
    except (PumpcoreError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise JournalError(f"pump: {error}") from error
    trouble = _trouble(state, plain)
    if trouble:
        raise JournalError(f"pump: {trouble}")
    return state, on_board


def _trouble(state: PumpState, left: dict[str, object]) -> str | None:
    """Say what does not fit together."""
    if left:
        return f"fields that no pump writes: {', '.join(sorted(left))}"
    if state.engine.now_us != state.now_us or state.scheduled.now_us > state.now_us:
        return "the kernel stands at another instant"
    trains = {progress.train for progress in state.engine.progress if progress.train}
    if trains != set(state.trains) or not set(state.trains.values()) <= set(state.boluses):
        return "trains and boluses do not match"
    if not set(state.boluses) <= set(state.ledger.boluses):
        return "a bolus has no account"
    return None


def _plain(value: object) -> Any:  # noqa: ANN401, C901, PLR0911  # JSON has no one type; one branch for each kind
    """Turn a value into JSON's kinds; what is no plain number or text is a list that begins with its kind."""
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if isinstance(value, Delivery):
        return ["kernel", value.snapshot().hex()]
    if isinstance(value, Device):
        return ["device", value.id]
    if isinstance(value, alarms.Board):
        return ["board", value.as_plain()]
    if isinstance(value, ledger.Ledger):
        return ["ledger", {name: _plain(getattr(value, name)) for name in ledger.Ledger.__slots__}]
    if isinstance(value, datetime):
        return ["instant", value.isoformat()]
    if isinstance(value, dict):
        return ["dict", [[_plain(key), _plain(each)] for key, each in value.items()]]
    if type(value) is tuple:
        return ["tuple", [_plain(each) for each in value]]
    name = _NAMES[type(value)]
    if isinstance(value, Enum):
        return ["enum", name, value.value]
    if isinstance(value, tuple):
        return ["named", name, [_plain(each) for each in value]]
    return ["class", name, {field.name: _plain(getattr(value, field.name)) for field in _given(type(value))}]


def _given(cls: type) -> list[Any]:
    """List the fields that a dataclass takes in its constructor."""
    return [field for field in fields(cls) if field.init]


def _built(plain: Any, device: Device | None) -> Any:  # noqa: ANN401, C901, PLR0911  # as _plain
    """Turn what `_plain` made back; `device` stands in for a device that is no preset."""
    if not isinstance(plain, list):
        return plain
    kind, *rest = plain
    match kind, rest:
        case "kernel", [text]:
            return Delivery.restore(bytes.fromhex(text))
        case "device", [name]:
            return device if device is not None and device.id == name else load(name)
        case "board", [board]:
            return alarms.Board.from_plain(board)
        case "ledger", [slots]:
            made = ledger.Ledger(0)
            for name in ledger.Ledger.__slots__:
                setattr(made, name, _built(slots[name], device))
            return made
        case "instant", [text]:
            return datetime.fromisoformat(text)
        case "dict", [pairs]:
            return {_built(key, device): _built(each, device) for key, each in pairs}
        case "tuple", [items]:
            return tuple(_built(each, device) for each in items)
        case "enum", [name, value]:
            return _KNOWN[name](value)
        case "named", [name, items]:
            return _KNOWN[name](*(_built(each, device) for each in items))
        case "class", [name, given]:
            return _KNOWN[name](**{key: _built(each, device) for key, each in given.items()})
    raise JournalError(f"pump: a value of kind {kind!r}")

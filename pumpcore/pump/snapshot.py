"""A pump as bytes, and back: versioned, with a checksum, and refused when damaged.

The rule of this file: what is written is data only, as JSON in one canonical order, so that equal pumps give equal
bytes; what is read is built by the constructors that check it (`codec`). The device is named, not written: its figures
belong to the data files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from zlib import crc32

from pumpcore.errors import JournalError
from pumpcore.pump.codec import UNREADABLE, Codec, parsed
from pumpcore.pump.config import Config
from pumpcore.pump.state import PARTS, PumpState

if TYPE_CHECKING:
    from pumpcore.devices import Device

__all__ = ["read", "write"]

_HEAD: Final = b"pumpcore pump 3 "
_CRC_DIGITS: Final = 8
_CODEC: Final = Codec((Config, *PARTS))


def write(state: PumpState) -> bytes:
    """Write a pump's state down.

    Returns:
        A line with version and checksum, then JSON.
    """
    from json import dumps  # noqa: PLC0415 - for those that write a pump down

    fields = {name: _CODEC.plain(value) for name, value in vars(state).items()}
    body = dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return _HEAD + b"%08x\n" % crc32(body) + body


def read(snapshot: bytes, *, device: Device | None = None) -> PumpState:
    """Make the state that was written down.

    Args:
        snapshot: from `write`.
        device: the device, where it is not one of the presets.

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
        fields = parsed(body)
        # A new pump has every attribute; each is replaced by what was written of it.
        state = PumpState(_CODEC.built(fields.pop("config"), device), 0)
        for name, new in list(vars(state).items()):
            if name == "config":
                continue
            setattr(state, name, _alike(name, _CODEC.built(fields.pop(name), device), new))
        trouble = _trouble(state, fields)
    except JournalError:
        raise
    except UNREADABLE as error:
        raise JournalError(f"pump: {type(error).__name__}: {error}") from error
    if trouble:
        raise JournalError(f"pump: {trouble}")
    return state


def _alike(name: str, value: object, new: object) -> object:
    """Return what was read of a field, if it is of the kind that a new pump has there."""
    if type(value) is type(new) or (new is None and type(value) is int):
        return value
    raise JournalError(f"pump: {name}: {type(value).__name__} is not a {type(new).__name__}")


def _trouble(state: PumpState, left: dict[str, object]) -> str | None:
    """Return what does not fit together, if anything."""
    if left:
        return f"fields that no pump writes: {', '.join(sorted(left))}"
    if state.engine.now_us != state.now_us or state.scheduled.now_us > state.now_us:
        return "the kernel stands at another instant"
    trains = {progress.train for progress in state.engine.progress if progress.train}
    boluses = state.boluses
    if trains != set(boluses.trains) or not set(boluses.trains.values()) <= set(boluses.active):
        return "trains and boluses do not match"
    if not set(boluses.active) <= set(state.ledger.boluses):
        return "a bolus has no account"
    return None

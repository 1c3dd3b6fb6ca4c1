"""What a pump model can do: capability presets, one data file each.

The rule of this folder: a figure lives in a data file (TOML), with the row of that file's `[sources]` that says where
it comes from and how sure it is: `read` at that source, only `remembered` (to be checked before it is shown as a
maker's figure), or our `own` choice where a maker states none. The code knows no model and no maker: what a maker does
in its own way is a policy that the file names in `[policies]`. A data file writes amounts and rates as text and
everything else as whole numbers, in the unit that ends the key.

`figures` and `model` say what a device is, `reader` reads one from a file, `suspend` has the suspend policies.
"""

from __future__ import annotations

import re
from functools import cache
from os import listdir
from typing import Final

from pumpcore.bounds import Range
from pumpcore.devices.figures import Band, Bands, Known, Source, Speed, SpeedMode
from pumpcore.devices.model import Device
from pumpcore.devices.reader import parse
from pumpcore.errors import QuantityError, RecordError

__all__ = [
    "Band",
    "Bands",
    "Device",
    "Known",
    "Range",
    "Source",
    "Speed",
    "SpeedMode",
    "for_carelink",
    "ids",
    "load",
    "parse",
]


@cache
def ids() -> tuple[str, ...]:
    """Return the ids of all devices.

    Returns:
        Ids for `load`, sorted.

    Example:
        >>> "medtronic-522" in ids()
        True
    """
    names = listdir(__path__[0])  # noqa: PTH208 - pathlib brings urllib along
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def load(device_id: str) -> Device:
    """Read the preset of one device.

    Args:
        device_id: one of `ids()`.

    Returns:
        The device; the same object each time.

    Raises:
        QuantityError: no device has that id.
        RecordError: the data file is not a device (see `parse`).

    Example:
        >>> load("medtronic-523").step_uu
        25000
    """
    from pkgutil import get_data  # noqa: PLC0415 - an import of the pump reads no data

    if device_id not in ids():
        raise QuantityError("device", device_id, f"must be one of {', '.join(ids())}")
    text = (get_data(__package__, f"{device_id}.toml") or b"").decode()
    return parse(text, device_id=device_id)


_CARELINK_COLUMN: Final = "Raw-Device Type"


def for_carelink(device_type: str) -> Device:
    """Find the device that a CareLink export names in its column `Raw-Device Type`.

    Args:
        device_type: for example `"Paradigm Revel - 523"`; the last number of three or four digits in it is the model.

    Returns:
        The preset of that class of pump.

    Raises:
        RecordError: no preset claims that model.

    Example:
        >>> for_carelink("MiniMed 530G - 551").id
        'medtronic-523'
        >>> for_carelink("MiniMed 640G - 1511/1711").id
        'medtronic-640g'
    """
    models = re.findall(r"\b[0-9]{3,4}\b", device_type)
    for device in map(load, ids()):
        if models and models[-1] in device.carelink_models:
            return device
    raise RecordError(_CARELINK_COLUMN, f"{device_type[:80]!r} is not a pump that pumpcore knows")

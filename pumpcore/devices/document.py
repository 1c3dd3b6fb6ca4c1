"""The data files as Markdown: `specs/devices.md`.

The rule of this file: a file is shown as it is written, figure by figure under the key that it has there, so that the
document says nothing that the file does not. Each file has been read by `load` before, and so is right.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final, get_args

from pumpcore.devices import Known, ids, load

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["document"]

_Table = dict[str, Any]
_CERTAINTY: Final = (
    "A figure is `read` at the source named, only `remembered` (to be checked before it is shown as a maker's figure)"
    " or our `own` choice where none is known. The end of its name is its unit; `u` is a unit of insulin."
)
_SPEEDS: Final = {"seconds_per_u": "s/U", "seconds_in_all": "s in all"}


def document() -> str:
    """Render the data files as Markdown: `specs/devices.md`."""
    lines = [
        "# Devices",
        "",
        "Rendered from the data files of `pumpcore/devices` by `python -m pumpcore.devices`; a test keeps it current.",
        "",
        _CERTAINTY,
        "",
        f"| device | maker | {' | '.join(get_args(Known))} |",
        "|---|---|---|---|---|",
        *(_summary(device_id) for device_id in ids()),
    ]
    for device_id in ids():
        lines += _section(device_id)
    return "\n".join(lines) + "\n"


def _summary(device_id: str) -> str:
    device = load(device_id)
    counts = Counter(source.known for source in device.sources.values())
    return f"| {device_id} | {device.maker} | {' | '.join(str(counts[known]) for known in get_args(Known))} |"


def _section(device_id: str) -> Iterator[str]:
    """Show one data file: its figures, then its sources."""
    text = files(__package__).joinpath(f"{device_id}.toml").read_text(encoding="utf-8")
    data: _Table = tomllib.loads(text)
    sources: _Table = data.pop("sources")
    yield from ("", f"## {device_id}", "", f"{data.pop('name')}.{_comment(text)}", "")
    data.pop("maker")
    yield from ("| figure | value | certainty | source |", "|---|---|---|---|")
    for table, figures in data.items():
        for key, figure in figures.items():
            source = figure.pop("source")
            yield f"| {table}.{key} | {_value(figure)} | {sources[source]['known']} | {source} |"
    yield ""
    for name, source in sources.items():
        yield f"- {name} ({source['known']}): {source['text']}."


def _comment(text: str) -> str:
    """Return the comment that the file begins with, as one paragraph."""
    head = text.partition("\n\n")[0].splitlines()
    return "".join(f" {line.removeprefix('# ')}" for line in head)


def _value(figure: _Table) -> str:
    """Write a figure as a person reads it."""
    if "modes" in figure:
        return "; ".join(f"{mode['name']}: {_bands(mode['bands'])}" for mode in figure["modes"])
    if "bands" in figure:
        return _bands(figure["bands"])
    if "value" in figure:
        value = figure["value"]
        if isinstance(value, bool):
            return "yes" if value else "no"
        return ", ".join(value) if isinstance(value, list) else str(value)
    step = f", by {figure['step']}" if "step" in figure else ""
    default = f", default {figure['default']}" if "default" in figure else ""
    return f"{figure['least']} to {figure['largest']}{step}{default}"


def _bands(bands: list[_Table]) -> str:
    shown = []
    for band in bands:
        step = f"by {band['step']}" if "step" in band else ""
        speed = "".join(f"{band[key]} {unit}" for key, unit in _SPEEDS.items() if key in band)
        shown.append(f"{step}{speed} from {band['from']}")
    return ", ".join(shown)

"""A campaign as one page of HTML, with nothing in it that has to be fetched.

The rule of this file: all that is shown comes from `Summary` and `Cuts`; text is escaped.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Final

from pumpcore.units import US_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.sim.campaign import Summary
    from pumpcore.sim.cuts import Cuts

__all__ = ["page"]

_STYLE: Final = (
    "body{font:15px/1.4 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}"
    "td.n{text-align:right;font-variant-numeric:tabular-nums}.good{color:#1a7f37}.bad{color:#b3261e}code{background:#f3f3f3}"
)


def page(summary: Summary, *, title: str, cuts: Cuts | None = None) -> str:
    """Write a campaign as HTML.

    Args:
        summary: what became of it.
        title: what was run.
        cuts: what became of the power cuts everywhere, where they were made.
    """
    lines = [] if cuts is None else cuts.broken
    good = summary.good and not lines
    verdict = "every requirement held" if good else "a requirement did not hold"
    if summary.untried and not summary.broken and not lines:
        verdict = "not every kind of fault was tried"
    style = "good" if good else "bad"
    figures = {
        "worlds": len(summary.outcomes),
        "virtual hours": summary.span_us // US_PER_HOUR,
        "events": summary.count("steps"),
        "pulses that moved": summary.count("pulses"),
        "restarts": summary.count("restarts"),
        "faults injected": sum(summary.faults.values()),
        "checks made": sum(summary.checks.values()),
    }
    if cuts is not None:
        figures["power cuts everywhere"] = cuts.points
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="{style}"><strong>{verdict}</strong>; digest <code>{summary.digest}</code></p>',
        _table(("figure", "count"), figures.items()),
    ]
    if summary.broken:
        rows = (
            (f"{each.broken.requirement}: {each.broken.what}"[:500], summary.replay(each))
            for each in summary.broken
            if each.broken is not None
        )
        parts += ["<h2>What did not hold</h2>", _table(("requirement", "run it again"), rows)]
    if lines:
        rows = ((f"power cut {number}", line[:500]) for number, line in enumerate(lines, 1))
        parts += ["<h2>Power cuts after which something did not hold</h2>", _table(("cut", "what"), rows)]
    parts += ["<h2>Faults</h2>", _table(("kind", "injected"), ((kind.value, n) for kind, n in summary.faults.items()))]
    parts += ["<h2>Checks</h2>", _table(("requirement", "checks"), summary.checks.items())]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _table(heads: tuple[str, str], rows: Iterable[tuple[str, object]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    lines = "\n".join(f"<tr><td>{escape(name)}</td>{_cell(value)}</tr>" for name, value in rows)
    return f"<table>\n<tr>{head}</tr>\n{lines}\n</table>"


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f'<td class="n">{value:,}</td>'
    return f"<td><code>{escape(str(value))}</code></td>"

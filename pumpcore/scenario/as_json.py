"""A run as plain data of JSON's kinds: the answer of `pumpcore run --json`.

The rule of this file: keys are stable and described in `docs/scenarios.md`. Amounts and rates are exact decimals as
text, instants are local times of the scenario with their offset from UTC and, beside them, monotonic microseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpcore.alarms import text
from pumpcore.scenario.timeline import Totals, alarm_text
from pumpcore.units import format_u, format_u_per_h

if TYPE_CHECKING:
    from pumpcore.scenario.runner import Run
    from pumpcore.scenario.timeline import AlarmSpan
    from pumpcore.therapy.bolus import Bolus

__all__ = ["as_json"]


def as_json(run: Run, *, language: str = "en") -> dict[str, object]:
    """Write a run as plain data.

    Args:
        run: what happened.
        language: of what an alarm says; one of `alarms.LANGUAGES`.
    """
    scenario, log = run.scenario, run.log
    return {
        "scenario": {
            "name": scenario.name,
            "title": scenario.title,
            "device": scenario.config.device.id,
            "zone": scenario.calendar.zone,
            "start": _at(run, 0),
            "end": _at(run, scenario.end_us),
        },
        "timeline": [
            {"at": _at(run, line.at_us), "at_us": line.at_us, "topic": line.topic, "text": alarm_text(line, language)}
            for line in log.lines
        ],
        "refused": [
            {
                "at": _at(run, each.at_us),
                "at_us": each.at_us,
                "where": each.where,
                "asked": each.asked,
                "error": each.error,
                "why": each.why,
            }
            for each in run.refusals
        ],
        "alarms": [_alarm(run, each, language) for each in log.alarms.values()],
        "boluses": [_bolus(run, each) for each in log.begun.values()],
        "modes": [{"at": _at(run, at_us), "at_us": at_us, "state": state.value} for at_us, state in log.states],
        "basal": [
            {"at": _at(run, at_us), "at_us": at_us, "rate_u_per_h": format_u_per_h(rate)} for at_us, rate in log.rates
        ],
        "days": [{"date": day.isoformat(), **_totals(totals)} for day, totals in run.days.items()],
        "totals": _totals(run.totals),
        "status": status(run, language=language),
    }


def status(run: Run, *, language: str = "en") -> dict[str, object]:
    """Write what the pump says of itself at the end."""
    now, battery = run.status, run.status.battery_percent
    known = now.glucose.reading or now.glucose.too_old
    return {
        "mode": now.mode.value,
        "state": now.state.value,
        "therapy_control": f"{now.therapy_control.name.lower()} 0x{now.therapy_control:02X}",
        "operational": f"{now.operational.name.lower()} 0x{now.operational:02X}",
        "cause": None if now.cause is None else now.cause.value,
        "rate_u_per_h": format_u_per_h(now.rate_uu_per_h),
        "rate_reason": now.rate_reason,
        "profile": now.profile,
        "temp_until": None if now.temp_until_us is None else _at(run, now.temp_until_us),
        "boluses": [
            {"id": each.id, "delivered_u": format_u(each.delivered_uu), "remaining_u": format_u(each.remaining_uu)}
            for each in now.boluses
        ],
        "proposals": len(now.proposals),
        "insulin_on_board_u": format_u(now.on_board.counted_uu),
        "reservoir_u": None if now.reservoir_uu is None else format_u(now.reservoir_uu),
        "battery_percent": battery,
        "sensor_link": now.sensor_link.name.lower(),
        "readings_24h": len(now.last_24h.readings) + len(now.meter_24h.readings),
        "glucose": None if known is None else str(known.value),
        "set_age_us": now.set_age_us,
        "reservoir_age_us": now.reservoir_age_us,
        "without_insulin_us": now.without_insulin_us,
        "annunciations": [
            {
                "kind": each.kind.value,
                "priority": each.priority.value,
                "status": each.status.name.lower(),
                "title": text(each.kind, language).title,
            }
            for each in now.annunciations
        ],
    }


def _at(run: Run, at_us: int) -> str:
    return run.scenario.calendar.local(at_us).isoformat()


def _totals(totals: Totals) -> dict[str, str]:
    amounts = {name.removesuffix("uu") + "u": getattr(totals, name) for name in Totals.__slots__}
    return {name: format_u(amount_uu) for name, amount_uu in {**amounts, "total_u": totals.total_uu}.items()}


def _alarm(run: Run, span: AlarmSpan, language: str) -> dict[str, object]:
    shown = text(span.kind, language)
    return {
        "kind": span.kind.value,
        "title": shown.title,
        "instruction": shown.instruction,
        "priority": span.priority.value,
        "raised": _at(run, span.raised_us),
        "raised_us": span.raised_us,
        "cleared": None if span.cleared_us is None else _at(run, span.cleared_us),
        "cleared_us": span.cleared_us,
        "changes": [
            {"at_us": at_us, "what": what.value, "priority": priority.value} for at_us, what, priority in span.changes
        ],
    }


def _bolus(run: Run, begun: Bolus) -> dict[str, object]:
    """Write a bolus as it was programmed, and as it ended or runs at the end."""
    running = {each.id: each for each in run.status.boluses}
    now = run.log.boluses.get(begun.id) or running.get(begun.id) or begun
    return {
        "id": begun.id,
        "at": _at(run, begun.at_us),
        "at_us": begun.at_us,
        "kind": begun.kind,
        "fast_u": format_u(begun.fast_uu),
        "extended_u": format_u(begun.extended_uu),
        "extended_us": begun.extended_us,
        "delivered_u": format_u(now.delivered_uu),
        "not_delivered_u": format_u(now.not_delivered_uu),
        "uncertain_u": format_u(now.uncertain_uu),
        "running": begun.id in running,
    }

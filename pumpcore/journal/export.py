"""Journals as lines of JSON: our own, which read back to the same journal, and those of Nightscout and Tidepool.

The rule of this file: amounts and rates are written as exact decimals and never pass through a float; instants and
durations are rounded down to the unit of the format. What was delivered comes from `delivered`, so in each format the
sum over all lines is what the ledger counts:

| format | a line | insulin of it |
|---|---|---|
| `jsonl` | a row with its checks | - |
| `nightscout` | a treatment: a stretch of basal, a bolus, a change of set or reservoir | `insulin` + `amount` |
| `tidepool` | a datum: a stretch of basal, a bolus | `normal` + `extended` + `payload.deliveredUnits` |

Nightscout: a treatment has `eventType`, `created_at` (UTC) and `utcOffset` (minutes). Every stretch of basal is a Temp
Basal with `duration` (minutes), `rate` and `absolute` (U/h); `amount` is what it delivered. A Combo Bolus has in
`insulin` what came at once and in `amount` what came over time, and `enteredinsulin`, `splitNow`, `splitExt` (percent)
and `relative` (U/h) for the whole as programmed. Tidepool: `time` (UTC), `deviceTime` (local) and `timezoneOffset`
(minutes); durations in milliseconds; `expected...` where less was delivered than programmed. A basal of Tidepool has a
rate and no amount, so what was delivered stands in its `payload`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from pumpcore.errors import JournalError
from pumpcore.journal.rows import Damage, Entry, Row
from pumpcore.pump.effects import EndReason
from pumpcore.units import US_PER_HOUR, US_PER_MINUTE, format_u, format_u_per_h

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from pumpcore.journal.delivered import BasalStretch, DeliveredBolus, Deliveries

__all__ = ["FORMATS", "lines_of", "nightscout", "rows_in", "tidepool"]

_US_PER_MS: Final = 1000
_KEYS: Final = ("seq", "at_us", "entries", "body", "crc", "chain")


class Exact(str):
    """A number in JSON, as its digits."""

    __slots__ = ()


def amount(uu: int) -> Exact:
    """Write micro-units as units."""
    return Exact(format_u(uu, places=0))


def rate(uu_per_h: int) -> Exact:
    """Write micro-units per hour as units per hour."""
    return Exact(format_u_per_h(uu_per_h, places=0))


def line(value: Any) -> str:  # noqa: ANN401  # what JSON takes, and `Exact`
    """Write one line of JSON; Python's own writer knows no exact decimals."""
    if isinstance(value, Exact):
        return value[:]
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{line(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(line, value)) + "]"
    return json.dumps(value, ensure_ascii=True)


# Ours -----------------------------------------------------------------------------------------------------------------


def words(entries: int) -> list[str]:
    """Name entries."""
    return [each.name.lower() for each in Entry(entries) if each.name]


def lines_of(rows: Iterable[Row]) -> Iterator[str]:
    """Write rows, one a line.

    Args:
        rows: of one journal.

    Yields:
        JSON without a line break.

    Raises:
        JournalError: a body is not in ASCII, as nobody writes it.
    """
    for row in rows:
        if not row.body.isascii():
            raise JournalError(str(Damage(row.seq, "content", "is not in ASCII")))
        yield line(
            {
                "seq": row.seq,
                "at_us": row.at_us,
                "entries": words(row.entries),
                "body": row.body.decode("ascii"),
                "crc": f"{row.crc:08x}",
                "chain": row.chain.hex(),
            }
        )


def rows_in(lines: Iterable[str]) -> Iterator[Row]:
    """Read rows back; whether they are good is for `Walk` to say.

    Args:
        lines: as `lines_of` writes them.

    Raises:
        JournalError: a line is none.
    """
    for number, text in enumerate(lines, start=1):
        try:
            plain = json.loads(text)
            if not isinstance(plain, dict) or set(plain) != set(_KEYS):
                raise JournalError(f"line {number}: not a row: its keys must be {', '.join(_KEYS)}")
            seq, at_us = plain["seq"], plain["at_us"]
            if type(seq) is not int or type(at_us) is not int:
                raise JournalError(f"line {number}: not a row: seq and at_us must be whole numbers")
            entries = sum(Entry[word.upper()].value for word in dict.fromkeys(plain["entries"]))
            body = plain["body"].encode("ascii")
            yield Row(seq, at_us, entries, body, int(plain["crc"], 16), bytes.fromhex(plain["chain"]))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise JournalError(f"line {number}: not a row: {type(error).__name__}: {error}") from error


# Nightscout -----------------------------------------------------------------------------------------------------------


def nightscout(deliveries: Deliveries) -> Iterator[dict[str, Any]]:
    """Write what was delivered as Nightscout treatments.

    Args:
        deliveries: what a journal says.

    Yields:
        Treatments for `line`, basal first, each kind in order of time.

    Raises:
        JournalError: the wall clock was not set.
    """
    for basal in deliveries.basal:
        if basal.end_us > basal.start_us or basal.delivered.uu:
            yield _temp_basal(deliveries, basal)
    for bolus in deliveries.boluses.values():
        yield _treatment_of(deliveries, bolus)
    for at_us, what in deliveries.changes:
        yield _treatment(
            deliveries, at_us, "Insulin Change" if what == "reservoir" else "Site Change", f"{what}-{at_us}"
        )


def _treatment(deliveries: Deliveries, at_us: int, kind: str, name: str) -> dict[str, Any]:
    at = deliveries.local(at_us)
    return {
        "eventType": kind,
        "created_at": at.utc_text,
        "utcOffset": at.offset_min,
        "enteredBy": "pumpcore",
        "identifier": f"pumpcore-{name}",
    }


def _minutes(span_us: int) -> Exact:
    """Minutes, rounded down to a thousandth."""
    return Exact(format_u(span_us * 1000 // US_PER_MINUTE * 1000, places=0))


def _temp_basal(deliveries: Deliveries, basal: BasalStretch) -> dict[str, Any]:
    span_us = basal.end_us - basal.start_us
    treatment = _treatment(deliveries, basal.start_us, "Temp Basal", f"basal-{basal.start_us}") | {
        "duration": _minutes(span_us),
        "durationInMilliseconds": span_us // _US_PER_MS,
        "rate": rate(basal.rate_uu_per_h),
        "absolute": rate(basal.rate_uu_per_h),
        "amount": amount(basal.delivered.uu),
        "reason": basal.kind,
    }
    return treatment | _uncertain(basal.delivered.uncertain_uu)


def _uncertain(uncertain_uu: int) -> dict[str, Any]:
    return {"uncertain": amount(uncertain_uu)} if uncertain_uu else {}


def _treatment_of(deliveries: Deliveries, each: DeliveredBolus) -> dict[str, Any]:
    bolus = each.bolus
    name = f"bolus-{bolus.id}"
    uncertain = _uncertain(each.fast.uncertain_uu + each.extended.uncertain_uu)
    if bolus.extended_uu:
        now = bolus.fast_uu * 100 // bolus.programmed_uu
        combo = {
            "insulin": amount(each.fast.uu),
            "amount": amount(each.extended.uu),
            "enteredinsulin": amount(bolus.programmed_uu),
            "splitNow": now,
            "splitExt": 100 - now,
            "duration": _minutes(_extended_us(deliveries, each)),
            "relative": rate(bolus.extended_uu * US_PER_HOUR // bolus.extended_us),
        }
        return _treatment(deliveries, bolus.at_us, "Combo Bolus", name) | combo | uncertain
    kind = "Meal Bolus" if bolus.for_meal else "Correction Bolus"
    fast = {"insulin": amount(each.fast.uu), "programmed": amount(bolus.fast_uu), "type": "normal"}
    return _treatment(deliveries, bolus.at_us, kind, name) | fast | uncertain


def _extended_us(deliveries: Deliveries, each: DeliveredBolus) -> int:
    """For how long an extended bolus was delivered: as programmed, or until it was stopped."""
    if each.reason is EndReason.OVER:
        return each.bolus.extended_us
    end_us = deliveries.basal[-1].end_us if each.end_us is None else each.end_us
    return min(max(end_us - each.bolus.at_us, 0), each.bolus.extended_us)


# Tidepool -------------------------------------------------------------------------------------------------------------


def tidepool(deliveries: Deliveries) -> Iterator[dict[str, Any]]:
    """Write what was delivered as data of Tidepool's model.

    Args:
        deliveries: what a journal says.

    Yields:
        Data for `line`, basal first, each kind in order of time.

    Raises:
        JournalError: the wall clock was not set.
    """
    for basal in deliveries.basal:
        if basal.end_us > basal.start_us or basal.delivered.uu:
            yield _basal(deliveries, basal)
    for bolus in deliveries.boluses.values():
        yield _bolus(deliveries, bolus)


def _datum(deliveries: Deliveries, at_us: int, kind: str) -> dict[str, Any]:
    at = deliveries.local(at_us)
    return {
        "type": kind,
        "time": at.utc_text,
        "deviceTime": at.local_text,
        "timezoneOffset": at.offset_min,
        "conversionOffset": 0,
        "clockDriftOffset": 0,
        "deviceId": f"pumpcore-{deliveries.device.id}",
    }


def _basal(deliveries: Deliveries, basal: BasalStretch) -> dict[str, Any]:
    datum = _datum(deliveries, basal.start_us, "basal") | {
        "deliveryType": basal.kind,
        "duration": (basal.end_us - basal.start_us) // _US_PER_MS,
    }
    if basal.kind != "suspend":
        datum["rate"] = rate(basal.rate_uu_per_h)
    if basal.kind == "temp" and basal.percent is not None:
        datum["percent"] = Exact(format_u(basal.percent * 10_000, places=0))  # 50 % is 0.5
    payload = {"deliveredUnits": amount(basal.delivered.uu)}
    if basal.delivered.uncertain_uu:
        payload["uncertainUnits"] = amount(basal.delivered.uncertain_uu)
    return datum | {"payload": payload}


def _bolus(deliveries: Deliveries, each: DeliveredBolus) -> dict[str, Any]:
    bolus = each.bolus
    shape = {"fast": "normal", "extended": "square", "multiwave": "dual/square"}[bolus.kind]
    datum = _datum(deliveries, bolus.at_us, "bolus") | {"subType": shape}
    if bolus.fast_uu:
        datum |= _part("normal", "expectedNormal", each.fast.uu, bolus.fast_uu)
    if bolus.extended_uu:
        datum |= _part("extended", "expectedExtended", each.extended.uu, bolus.extended_uu)
        span_us = _extended_us(deliveries, each)
        datum["duration"] = span_us // _US_PER_MS
        if span_us < bolus.extended_us:
            datum["expectedDuration"] = bolus.extended_us // _US_PER_MS
    uncertain_uu = each.fast.uncertain_uu + each.extended.uncertain_uu
    return datum | {"payload": {"id": bolus.id} | ({"uncertainUnits": amount(uncertain_uu)} if uncertain_uu else {})}


def _part(name: str, expected: str, given_uu: int, programmed_uu: int) -> dict[str, Any]:
    part = {name: amount(given_uu)}
    return part if given_uu == programmed_uu else part | {expected: amount(programmed_uu)}


FORMATS: Final[Mapping[str, Callable[[Deliveries], Iterator[dict[str, Any]]]]] = {
    "nightscout": nightscout,
    "tidepool": tidepool,
}
"""The formats of other systems."""

"""The journal on this disk: how long intent and outcome of a pulse take, what a row costs, how large a year is.

Method: as a benchmark, a bolus is delivered as fast as the disk allows, intent and outcome of each pulse made durable
one after the other; as a script, pulses come every 100 ms, as from an actuator, and percentiles are printed:

    .venv/bin/python tests/bench/test_bench_journal.py [PULSES] [FOLDER]

Times are not asserted. What is asserted: every pulse is on record, and a year of a temp basal that is issued again
every 5 minutes fits into the bound.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pumps import MIN, SEC, H, U, bench_of, config_of, those

from pumpcore.journal import Bounds, Entry, Journal, MemoryStore, seal
from pumpcore.journal.row_codec import encode
from pumpcore.journal.sqlite import SqliteStore
from pumpcore.pump import events
from pumpcore.pump.effects import FirePulse
from pumpcore.therapy.envelope import ControllerBounds, RateRequest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from pumpcore.journal import Row

COMMANDS_PER_DAY: Final = 288
YEAR_BYTES_MAX: Final = 100_000_000
PULSES_PER_YEAR: Final = 200_000


def bolus(folder: Path) -> Journal:
    """A running pump with a journal in a file, which has just begun a large bolus."""
    journal = Journal.create(SqliteStore.create(folder / "pump.journal"), config_of(), at_us=0)
    bench = bench_of(journal).start(reservoir_uu=176 * U)
    bench.bolus(MIN, 25 * U)
    return journal


def next_pulses(journal: Journal) -> list[FirePulse]:
    """Make the intent of the next pulse durable, or of two that leave together."""
    while True:
        pulses = those(FirePulse, journal.step(events.Tick(journal.next_deadline_us() or 0)))
        if pulses:
            return pulses


def answer(journal: Journal, pulses: list[FirePulse]) -> None:
    """Make the outcome durable."""
    for pulse in pulses:
        journal.step(events.PulseConfirmed(pulse.at_us, pulse.seq))


def percentiles(spans_ns: list[int]) -> dict[str, int]:
    """In microseconds."""
    ordered = sorted(spans_ns)
    return {name: ordered[min(int(len(ordered) * part), len(ordered) - 1)] // 1000 for name, part in PARTS.items()}


PARTS: Final = {"median": 0.5, "p90": 0.9, "p99": 0.99, "largest": 1.0}


def paced(folder: Path, pulses: int, gap_s: float) -> dict[str, dict[str, int]]:
    """Deliver pulses at a pace; how long intent, outcome and both took."""
    journal = bolus(folder)
    intents, outcomes = [], []
    begun = time.perf_counter()
    for number in range(pulses):
        time.sleep(max(begun + number * gap_s - time.perf_counter(), 0))
        start = time.perf_counter_ns()
        fired = next_pulses(journal)
        middle = time.perf_counter_ns()
        answer(journal, fired)
        intents.append(middle - start)
        outcomes.append(time.perf_counter_ns() - middle)
    journal.close()
    both = [one + other for one, other in zip(intents, outcomes, strict=True)]
    return {"intent": percentiles(intents), "outcome": percentiles(outcomes), "both": percentiles(both)}


@pytest.mark.req("JNL-12")
@pytest.mark.benchmark(group="journal")
def test_intent_and_outcome_of_a_pulse_on_disk(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    journal = bolus(tmp_path)
    before = journal.head[0]

    fired: list[FirePulse] = []

    def pulse() -> None:
        pulses = next_pulses(journal)
        answer(journal, pulses)
        fired.extend(pulses)

    benchmark(pulse)
    later = [record for record in journal.records() if record.row.seq > before]
    assert [order for record in later for order in those(FirePulse, record.effects)] == fired
    assert sum(bool(record.entries & Entry.CONFIRMED) for record in later) == len(fired)
    assert fired
    journal.close()


@pytest.mark.benchmark(group="journal")
def test_a_row_is_written_down_and_sealed(benchmark: BenchmarkFixture) -> None:
    fire = (FirePulse(123_456_789, 4711, "bolus", 12, 1, 25_000),)
    tick = events.Tick(123_456_789)
    before = bytes(16)

    def written() -> Row:
        entries, body = encode(tick, fire)
        return seal(1, tick.at_us, entries, body, before)

    row = benchmark(written)
    assert row.body == b"[0,[[0,0,4711,2,12,1,25000]]]"


def therapy(days: int) -> list[Row]:
    """Days with a temp basal every 5 minutes, of a controller, and a pulse every 2 to 3 minutes."""
    store = MemoryStore()
    config = config_of(controller=ControllerBounds(max_rate_uu_per_h=3 * U, max_bolus_uu=2 * U, max_duration_us=H))
    journal = Journal.create(store, config, at_us=0, bounds=Bounds())
    bench = bench_of(journal).start(reservoir_uu=176 * U)
    for number in range(days * COMMANDS_PER_DAY):
        at_us = number * 5 * MIN + SEC
        bench.to(at_us)
        rate = 400_000 + 50_000 * (number % 8)  # another one each time, which is a row more to write down
        request = RateRequest(id=number + 1, at_us=at_us, rate_uu_per_h=rate, duration_us=30 * MIN)
        bench.do(events.ControllerAsks(at_us, request))
        if number % 864 == 863:
            bench.do(events.ReservoirMeasured(at_us, 176 * U))
    return store.kept


@pytest.mark.req("JNL-08")
def test_a_year_of_ordinary_therapy_is_within_its_bound(tmp_path: Path) -> None:
    days = 7
    rows = therapy(days)
    pulses = sum(bool(row.entries & Entry.COMMANDED) for row in rows)
    assert pulses * 365 > PULSES_PER_YEAR * days
    store = SqliteStore.create(tmp_path / "pump.journal")
    store.append(rows)
    store.close()
    size = (tmp_path / "pump.journal").stat().st_size
    checkpoints = [len(row.body) for row in rows if row.entries & Entry.CHECKPOINT]
    a_year = size * 365 // days + max(checkpoints) * (len(rows) * 365 // days // Bounds().segment_rows)
    assert a_year < YEAR_BYTES_MAX
    assert len(rows) * 365 // days < Bounds().segment_rows * Bounds().segments  # and none of it is dropped


def main(args: list[str]) -> None:
    pulses = int(args[0]) if args else 300
    place: Any = args[1] if len(args) > 1 else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        for name, found in paced(Path(folder), pulses, 0.1).items():
            sys.stdout.write(
                f"{name:<8} " + "  ".join(f"{part} {us / 1000:.2f} ms" for part, us in found.items()) + "\n"
            )


if __name__ == "__main__":
    main(sys.argv[1:])

"""Vectors that the proved definitions of the delivery law compute (`specs/coq`), against the kernel and the reference.

Method: `specs/coq/vectors.txt` is what Coq printed, unchanged; it is read here as it is. Each vector is compared with
the Rust kernel and, where it has a counterpart there, with the plain Python reference. The gate `coq-vectors` shows
that the file is what the proofs compute; this file needs no Coq. The comparers are shown a changed vector each.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from pumpcore import CHANNELS, schedule
from pumpcore._kernel import Delivery, Programme
from pumpcore.testing.programmes import plan, train
from pumpcore.testing.reference import count_train, reference_schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from pumpcore.testing.reference import Plan

FILE: Final = Path(__file__).resolve().parents[2] / "specs" / "coq" / "vectors.txt"
COUNTS: Final = {"plans": 35, "engines": 8, "programmes": 7, "trains": 5, "caps": 7}
STEP_UU: Final = 50_000
NEVER: Final = -1

Vector = tuple[Any, ...]


def vectors(text: str) -> dict[str, list[Vector]]:
    """Read Coq's answers as Python literals: only its list separator and its scopes differ."""
    answers = re.findall(r"^     = (.*?)\n     : ", text, re.DOTALL | re.MULTILINE)
    read = [ast.literal_eval(re.sub(r"%\w+", "", answer).replace(";", ",")) for answer in answers]
    return {kind: entries for kind, entries in read}  # noqa: C416 - says what a pair is


VECTORS: Final = vectors(FILE.read_text(encoding="ascii"))


def test_the_file_holds_as_many_vectors_as_were_chosen() -> None:
    assert {kind: len(entries) for kind, entries in VECTORS.items()} == COUNTS


def each(kind: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", [pytest.param(v, id=str(v[0]).replace(" ", "-")) for v in VECTORS[kind]])


# The comparers: each answers with what differs, or with nothing


def plan_of(vector: Vector) -> Plan:
    _, (step_uu, gap_us, grid_us, (from_us, to_us)), basal, trains, _ = vector
    return plan(
        step_uu,
        gap_us,
        grid_us,
        from_us=from_us,
        to_us=to_us,
        basal=[list(segment) for segment in basal],
        trains=[
            train(CHANNELS[code], start_us, duration_us, amount_uu, cancel_us=None if cancel_us == NEVER else cancel_us)
            for code, start_us, duration_us, amount_uu, cancel_us in trains
        ],
    )


def steps_of(pulses: list[tuple[int, int, int]], *, grid: bool) -> list[tuple[int, int]]:
    """Single steps; those of one grid instant are one pulse for each channel, so their order says nothing."""
    steps = [(at_us, code) for at_us, code, count in pulses for _ in range(count)]
    return sorted(steps) if grid else steps


def plan_differs(vector: Vector) -> str:
    of, grid = plan_of(vector), bool(vector[1][2])
    proved = sorted(vector[4]) if grid else list(vector[4])
    rust = schedule(of)
    kernel = steps_of(list(zip(rust.at_us, rust.channel, rust.steps, strict=True)), grid=grid)
    plain = [(at_us, CHANNELS.index(channel), steps) for at_us, channel, steps in reference_schedule(of)]
    if kernel != proved:
        return f"kernel {kernel}"
    return "" if steps_of(plain, grid=grid) == proved else f"reference {plain}"


def engine_differs(vector: Vector) -> str:
    _, step_uu, from_us, commands, proved, rest_fine = vector
    engine = Delivery(step_uu=step_uu, at_us=from_us)
    dues: list[int] = []
    for rate_uu_per_h, span_us in commands:
        engine.set_rate(rate_uu_per_h)
        dues.extend(engine.advance(engine.now_us + span_us).at_us)
    return "" if (dues, engine.rest_fine) == (proved, rest_fine) else f"kernel {dues}, {engine.rest_fine}"


def programme_differs(vector: Vector) -> str:
    _, step_uu, from_us, segments, counts, dues = vector
    # The proof's segments start on the axis of time, those of `Programme` from where its period begins.
    rates = {max(0, start_us - from_us): rate_uu_per_h for start_us, rate_uu_per_h in segments}
    programme = Programme([list(entry) for entry in rates.items()], step_uu=step_uu, from_us=from_us)
    got_counts = [(at_us, programme.count_at(at_us)) for at_us, _ in counts]
    got_dues = [(k, NEVER if (due_us := programme.due_at(k)) is None else due_us) for k, _ in dues]
    return "" if (got_counts, got_dues) == (counts, dues) else f"kernel {got_counts}, {got_dues}"


def train_differs(vector: Vector) -> str:
    _, start_us, duration_us, steps, delivered = vector
    for cancel_us, proved in delivered:
        # The smallest step where the largest amount would not hold so many.
        step_uu = STEP_UU if steps * STEP_UU <= 1_000_000_000 else 100
        engine = Delivery(step_uu=step_uu, at_us=start_us)
        number = engine.start_train("bolus", duration_us=duration_us, amount_uu=steps * step_uu)
        engine.advance(cancel_us)
        # A train of which the last step has left is gone: nothing is left to cancel.
        running = any(progress.train == number for progress in engine.progress)
        got = engine.cancel(number).delivered_steps if running else steps
        plain = count_train(steps * step_uu, start_us, duration_us, step_uu, cancel_us)
        if (got, plain) != (proved, proved):
            return f"kernel {got}, reference {plain} at {cancel_us}"
    return ""


def caps_differ(vector: Vector) -> str:
    _, hour_steps, day_steps, requests, taken, counted = vector
    engine = Delivery(step_uu=STEP_UU, hour_cap_uu=hour_steps * STEP_UU, day_cap_uu=day_steps * STEP_UU)
    got = []
    for at_us, steps in requests:
        engine.advance(at_us - 1)
        engine.start_train("bolus", duration_us=1, amount_uu=steps * STEP_UU)
        got.append(sum(engine.advance(at_us).steps))
    return "" if (got, engine.window_steps) == (taken, counted) else f"kernel {got}, {engine.window_steps}"


@pytest.mark.req("DEL-01", "DEL-05")
@each("plans")
def test_kernel_and_reference_schedule_as_proved(vector: Vector) -> None:
    assert not plan_differs(vector)


@pytest.mark.req("DEL-02", "DEL-03")
@each("engines")
def test_the_engine_walks_as_proved(vector: Vector) -> None:
    assert not engine_differs(vector)


@each("programmes")
def test_programmes_answer_as_proved(vector: Vector) -> None:
    assert not programme_differs(vector)


@pytest.mark.req("DEL-04")
@each("trains")
def test_a_cancelled_train_has_delivered_as_proved(vector: Vector) -> None:
    assert not train_differs(vector)


@pytest.mark.req("LIM-04", "LIM-05")
@each("caps")
def test_caps_take_and_count_as_proved(vector: Vector) -> None:
    assert not caps_differ(vector)


def changed(value: Any) -> list[Any]:  # noqa: ANN401 - any answer of a vector
    """The answer with its last number one larger; what has no number has one more entry."""
    if isinstance(value, list):
        return [*value[:-1], changed(value[-1])] if value else [(1, 0)]
    if isinstance(value, tuple):
        return (*value[:-1], changed(value[-1]))  # type: ignore[return-value]
    return value + 1  # type: ignore[no-any-return]


COMPARERS: Final[tuple[tuple[str, Callable[[Vector], str]], ...]] = (
    ("plans", plan_differs),
    ("engines", engine_differs),
    ("programmes", programme_differs),
    ("trains", train_differs),
    ("caps", caps_differ),
)


@pytest.mark.parametrize(("kind", "differs"), COMPARERS)
def test_a_changed_vector_is_noticed(kind: str, differs: Callable[[Vector], str]) -> None:
    for vector in VECTORS[kind]:
        wrong = (*vector[:-1], changed(vector[-1]))
        assert differs(wrong), vector[0]

"""`pumpcore schedule`: the answer as DESIGN.md gives it, and one line for whatever is wrong with the input.

Method: `main` runs in this process with its streams caught, so that thousands of broken inputs cost little; what only a
process can show (pipes, signals, closed streams) is in test_cli_process.py.
"""

from __future__ import annotations

import contextlib
import io
import json
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pumpcore import CHANNELS, schedule
from pumpcore.cli import app, main, strict_json
from pumpcore.errors import InvariantError, LimitError
from pumpcore.testing.programmes import ACTUATOR_MODES, plan, plans, train

if TYPE_CHECKING:
    from pathlib import Path

BOLUS = plan(trains=[train("bolus", 0, 4_000_000, 100_000, cancel_us=None)])
ANSWER = '{"pulses":[[2000000,"bolus",1],[4000000,"bolus",1]]}\n'


class Stdin:
    """Standard input with given bytes."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def run(*args: str) -> tuple[int, str, str]:
    """Run the command line: status, standard output, standard error."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(args)
    return status, out.getvalue(), err.getvalue()


def run_on(path: Path, content: str | bytes) -> tuple[int, str, str]:
    """Run `schedule` on a file with this content."""
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return run("schedule", str(path))


def refused(result: tuple[int, str, str]) -> str:
    """Check that a result is a refusal in one line, and return the line."""
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("pumpcore: ")
    assert err.endswith("\n")
    assert err.count("\n") == 1
    assert len(err) < 1_000
    return err


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "plan.json"


# The answer


def test_the_answer_is_one_line_of_json(path: Path) -> None:
    assert run_on(path, json.dumps(BOLUS)) == (0, ANSWER, "")


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(json.dumps(BOLUS).encode()))
    assert run("schedule", "-") == (0, ANSWER, "")


def test_no_pulses_are_an_empty_list(path: Path) -> None:
    assert run_on(path, json.dumps(plan())) == (0, '{"pulses":[]}\n', "")


@given(st.sampled_from(ACTUATOR_MODES).flatmap(plans))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_answer_is_what_the_kernel_says(path: Path, drawn: dict[str, Any]) -> None:
    refusal, pulses = "", None
    try:
        pulses = schedule(drawn)
    except LimitError as error:
        refusal = str(error)
    if pulses is None:
        assert refusal in refused(run_on(path, json.dumps(drawn)))
        return
    status, out, err = run_on(path, json.dumps(drawn))
    assert (status, err) == (0, "")
    assert json.loads(out) == {
        "pulses": [
            [at_us, CHANNELS[code], steps]
            for at_us, code, steps in zip(pulses.at_us, pulses.channel, pulses.steps, strict=True)
        ]
    }


@pytest.mark.parametrize("count", [19_999, 20_000, 20_001, 45_000])
def test_a_long_answer_is_written_in_pieces_that_fit(path: Path, count: int) -> None:
    long = plan(100, to_us=count * 360, basal=[[0, 1_000_000_000]])
    status, out, _ = run_on(path, json.dumps(long))
    assert status == 0
    assert json.loads(out)["pulses"] == [[k * 360, "basal", 1] for k in range(1, count + 1)]


# What is no JSON, or no plan


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1, column 1"),
        (json.dumps(BOLUS)[:-1], "line 1, column"),
        ("{}\n{}", "line 2, column 1"),
        ("\ufeff" + json.dumps(BOLUS), "byte-order mark"),
        (json.dumps(BOLUS).encode("utf-16"), "is not UTF-8: byte 1 is 0xff"),
        (b'{"\xe6": 1}', "is not UTF-8: byte 3 is 0xe6"),
        (b"{\0}", "line 1, column 2"),
        ("[]", "got a list"),
        ("7", "got the value 7"),
        ("1e400", "got the value 1e400"),
        ("NaN", "got the value NaN"),
        ("[" * 200_000, "nested too deeply"),
        ('{"a":' * 200_000, "nested too deeply"),
        ('{"to_us": 1, "to_us": 2}', "to_us: appears twice, the second time as 2"),
        ('{"actuator": {"gap_us": 1, "gap_us": 1}}', "gap_us: appears twice"),
        ("{}", "actuator"),
    ],
)
def test_what_is_no_plan_is_refused_in_one_line(path: Path, content: str | bytes, reason: str) -> None:
    assert reason in refused(run_on(path, content))


NO_WHOLE_NUMBERS = ["1.0", "0.5", "1e3", "-0.0", "NaN", "Infinity", "-Infinity", "true", '"5"', "null", "[]", "{}"]
FIELDS = [
    "actuator.step_uu",
    "actuator.gap_us",
    "actuator.grid_us",
    "from_us",
    "to_us",
    "basal[0].start_us",
    "basal[0].rate_uu_per_h",
    "trains[0].start_us",
    "trains[0].duration_us",
    "trains[0].amount_uu",
    "trains[0].cancel_us",
]
LARGEST = {"actuator.step_uu": 1_000_000, "trains[0].amount_uu": 1_000_000_000, "actuator.gap_us": 3_600_000_000}


def with_field(field: str, text: str) -> str:
    """Write a valid plan in which one field reads as given."""
    valid = plan(basal=[[0, 800_000]], trains=[train("bolus", 0, 1, 50_000, cancel_us=5)])
    place: Any = valid
    *parents, last = field.replace("[", ".").replace("]", "").split(".")
    for parent in parents:
        place = place[int(parent) if parent.isdigit() else parent]
    key = ["start_us", "rate_uu_per_h"].index(last) if isinstance(place, list) else last
    place[key] = "MARK"
    return json.dumps(valid).replace('"MARK"', text)


@pytest.mark.parametrize(("field", "text"), list(product(FIELDS, NO_WHOLE_NUMBERS)))
def test_a_field_that_is_no_whole_number_is_named_with_its_value(path: Path, field: str, text: str) -> None:
    if (field, text) == ("trains[0].cancel_us", "null"):
        return  # the one field that may be null
    line = refused(run_on(path, with_field(field, text)))
    shown = {"true": "True", '"5"': "'5'", "null": "None"}.get(text, text)
    assert f"{field}: {shown} " in line


@pytest.mark.parametrize(
    ("field", "text"),
    list(product(FIELDS, ["-1", str(2**63 - 1), str(2**63), str(2**64 - 1), str(2**64), str(-(2**63)), "9" * 4_000])),
)
def test_a_number_outside_its_range_is_named_with_its_value_and_the_bound(path: Path, field: str, text: str) -> None:
    line = refused(run_on(path, with_field(field, text)))
    assert f"{field}: {text[:70]}" in line
    assert " allowed, " in line
    if field in LARGEST and not text.startswith("-"):
        assert f" allowed, {LARGEST[field]} " in line


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_number_of_more_digits_than_python_reads_is_refused(path: Path, sign: str) -> None:
    line = refused(run_on(path, with_field("to_us", sign + "9" * 5_000)))
    assert "to_us: a number of more than 4300 digits" in line


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (plan(colour=1), ["colour"]),
        ({k: v for k, v in BOLUS.items() if k != "basal"}, ["basal"]),
        (plan() | {"actuator": {"step_uu": 1_000, "gap_us": 0}}, ["actuator", "grid_us"]),
        (plan(gap_us=1, grid_us=1), ["grid_us", "gap_us"]),
        (plan(from_us=2, to_us=1), ["to_us: 1 ", "2"]),
        (plan(basal=[[5, 1], [5, 1]]), ["basal[1]", "5"]),
        (plan(basal=[[5, 1], [3, 1]]), ["basal[1]", "3"]),
        (plan(basal=[[5]]), ["basal[0]"]),
        (plan(basal=[[5, 1, 1]]), ["basal[0]"]),
        (plan(basal=[5]), ["basal[0]", "5"]),
        (plan(basal={}), ["basal"]),
        (plan(trains=7), ["trains", "7"]),
        (plan(trains=[7]), ["trains[0]", "7"]),
        (plan(trains=[train("lunch", 0, 1, 50_000)]), ["trains[0].channel", "lunch", "bolus"]),
        (plan(trains=[train("basal", 0, 1, 50_000)]), ["trains[0].channel", "basal", "bolus"]),
        (plan(trains=[train("bolus", 0, 1, 50_001)]), ["trains[0].amount_uu: 50001", "50000"]),
        (plan(trains=[train("bolus", 0, 1, 0)]), ["trains[0].amount_uu: 0"]),
        (plan(trains=[train("bolus", 0, 0, 50_000)]), ["trains[0].duration_us: 0"]),
        (plan(trains=[BOLUS["trains"][0], train("bolus", 0, 1, 50_000, colour=1)]), ["trains[1]", "colour"]),
        (plan(gap_us=1_000_000, trains=[train("bolus", 0, 1, 50_000 * 102)]), ["101", "100"]),
    ],
)
def test_what_the_law_forbids_is_refused_by_field_and_value(
    path: Path, broken: dict[str, Any], words: list[str]
) -> None:
    line = refused(run_on(path, json.dumps(broken)))
    for word in words:
        assert word in line


def test_a_key_that_holds_a_line_break_or_half_a_character_stays_on_its_line(path: Path) -> None:
    for key in ("two\nlines", "\ud800", "\x1b[31m"):
        refused(run_on(path, json.dumps(plan() | {key: 1})))


# Files that cannot be read, and arguments that are none


@pytest.mark.parametrize("name", ["missing.json", "", ".", "missing/plan.json", "two\nlines", "x" * 300])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "cannot be read" in refused(run("schedule", name))


def test_a_file_too_large_to_be_a_plan_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps(BOLUS)
    monkeypatch.setattr(strict_json, "PLAN_BYTES_MAX", len(content))
    assert run_on(path, content)[0] == 0
    assert f"longer than {len(content)} bytes" in refused(run_on(path, content + " "))


@pytest.mark.parametrize("args", [["schedule"], ["schedule", "a", "b"], ["--what"], ["what"], ["schedule", "--what"]])
def test_a_wrong_argument_is_refused_in_one_line(args: list[str]) -> None:
    assert "--help" in refused(run(*args))


def test_help_says_what_to_type() -> None:
    for args in (["--help"], ["-h"], ["schedule", "--help"], ["replay", "--help"]):
        status, out, err = run(*args)
        assert (status, err) == (0, "")
        assert out.startswith("Usage: pumpcore")
    assert "_PUMPCORE_COMPLETE" in run("--help")[1]


def test_the_example_of_the_help_is_right(path: Path) -> None:
    _, out, _ = run("schedule", "--help")
    shown = out[out.index("{", out.index("<<'END'")) : out.index("END\n  prints")]
    beginning = out[out.index("prints") :].split()[1].removesuffix(",...")
    assert run_on(path, shown)[1].startswith(beginning)


def test_without_arguments_the_help_is_shown_as_an_error() -> None:
    status, out, err = run()
    assert (status, out) == (2, "")
    assert err.startswith("Usage: pumpcore")


def test_the_version_is_that_of_the_package() -> None:
    status, out, _ = run("--version")
    assert status == 0
    assert out.startswith("pumpcore 0.")


# Faults that are not the user's


@pytest.mark.parametrize("fault", [InvariantError("two steps at once"), RuntimeError("oh")])
def test_a_bug_asks_for_a_report_and_shows_its_trace_only_when_asked(
    path: Path, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise fault

    monkeypatch.setattr(app, "_print_pulses", broken)
    status, out, err = run_on(path, json.dumps(BOLUS))
    assert (status, out, err.count("\n")) == (70, "", 1)
    assert type(fault).__name__ in err
    assert "please report" in err
    for args, env in ((["--debug"], ""), ([], "1")):
        monkeypatch.setenv("PUMPCORE_DEBUG", env)
        assert "Traceback" in run(*args, "schedule", str(path))[2]


def test_want_of_memory_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(app, "_print_pulses", greedy)
    assert run_on(path, json.dumps(BOLUS)) == (71, "", "pumpcore: out of memory: ask for a shorter time\n")


# Anything at all


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


@given(st.binary(max_size=200) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_else_is_refused_in_one_line(path: Path, content: bytes) -> None:
    refused(run_on(path, content))


@given(plans("plain"), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_plan_is_answered_or_refused_in_one_line(
    path: Path, drawn: dict[str, Any], data: st.DataObject
) -> None:
    """Cut it, change a byte, or put another value in the place of one."""
    text = json.dumps(drawn).encode()
    at = data.draw(st.integers(0, len(text) - 1))
    damaged = data.draw(
        st.sampled_from([text[:at], text[:at] + text[at + 1 :]])
        | st.binary(min_size=1, max_size=3).map(lambda some: text[:at] + some + text[at + 1 :])
    )
    status, out, err = run_on(path, damaged)
    if status == 0:
        assert err == ""
        assert json.loads(out)["pulses"] is not None
    else:
        refused((status, out, err))

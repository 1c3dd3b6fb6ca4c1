"""`pumpcore replay`: the table, the JSON, the drawing, and one line for whatever is wrong with the input.

What a replay says is shown in tests/replay; here it only has to reach the reader, on the example that is shipped.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pumpcore.cli import main, report
from pumpcore.errors import RecordError
from pumpcore.report import drawing

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "pumpcore" / "records" / "example.csv"


def run(*args: str) -> tuple[int, str, str]:
    """Run the command line: status, standard output, standard error."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(args)
    return status, out.getvalue(), err.getvalue()


def refused(result: tuple[int, str, str]) -> str:
    """Check that a result is a refusal in one line, and return the line."""
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("pumpcore: ")
    assert err.count("\n") == 1
    return err


@pytest.fixture(scope="module")
def answer() -> dict[str, object]:
    status, out, err = run("replay", str(EXAMPLE), "--json")
    assert (status, err, out.count("\n")) == (0, "", 1)
    result: dict[str, object] = json.loads(out)
    return result


def test_json_has_the_fields_that_are_promised(answer: dict[str, object]) -> None:
    assert answer.keys() == {"device", "days", "summary", "advice"}
    days = answer["days"]
    assert isinstance(days, list)
    assert days
    for day in days:
        assert list(day) == [
            "date",
            "basal_u",
            "bolus_u",
            "total_u",
            "recorded_u",
            "difference_u",
            "interruptions",
            "flags",
        ]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", day["date"])
        for name in ("basal_u", "bolus_u", "total_u"):
            assert re.fullmatch(r"\d+\.\d{3,6}", day[name])
        for name in ("recorded_u", "difference_u"):
            assert day[name] is None or re.fullmatch(r"-?\d+\.\d{3,6}", day[name])


def test_the_table_has_every_figure_of_the_json(answer: dict[str, object]) -> None:
    status, out, err = run("replay", str(EXAMPLE))
    assert (status, err) == (0, "")
    rows = {line.split()[0]: line.split() for line in out.splitlines() if re.match(r"\s*\d{4}-", line)}
    days = answer["days"]
    assert isinstance(days, list)
    assert rows.keys() == {day["date"] for day in days}
    for day in days:
        row = rows[day["date"]]
        for name in ("basal_u", "bolus_u", "total_u", "recorded_u", "difference_u"):
            assert day[name] is None or day[name] in row, day
        for flag in day["flags"]:
            assert flag in " ".join(row)
    assert f"{len(days)} days" in out


def test_a_row_fits_a_terminal_of_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pumpcore.cli.console._WIDTH_OF_A_FILE", 80)
    _, out, _ = run("replay", str(EXAMPLE))
    assert "\u2026" not in out
    assert all(len(line) <= 80 for line in out.splitlines())


@pytest.mark.parametrize("kind", ["svg", "png"])
def test_a_drawing_is_written_beside_the_table(kind: str, tmp_path: Path) -> None:
    target = tmp_path / f"days.{kind}"
    target.write_text("an old drawing", encoding="utf-8")
    status, out, err = run("replay", str(EXAMPLE), "--plot", str(target))
    assert (status, err) == (0, "")
    assert "compared" in out
    assert target.read_bytes()[:5] in {b"<?xml", b"\x89PNG\r"}
    assert list(tmp_path.iterdir()) == [target]


def test_a_drawing_nowhere_is_refused_and_nothing_printed(tmp_path: Path) -> None:
    target = tmp_path / "missing" / "days.svg"
    assert str(target) in refused(run("replay", str(EXAMPLE), "--plot", str(target)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["days.pdf", "days", "svg", ".svg/days"])
def test_a_drawing_of_another_kind_is_refused_before_anything_is_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "read", None)
    assert "must end in .svg or .png" in refused(run("replay", str(EXAMPLE), "--plot", name))


def test_without_what_draws_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "find_spec", lambda _: None)
    assert "pumpcore[plot]" in refused(run("replay", str(EXAMPLE), "--plot", "days.svg"))


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe\0\0", b"Index,Date\n", b"\0" * 100])
def test_what_is_no_export_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes(content)
    assert "export.csv" in refused(run("replay", str(path)))


def test_a_missing_file_and_a_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    refused(run("replay", str(tmp_path / "missing.csv")))
    refused(run("replay", str(tmp_path)))


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=settings().max_examples // 4)
def test_a_damaged_export_is_answered_or_refused_in_one_line(tmp_path: Path, data: st.DataObject) -> None:
    """Cut the example, or change some bytes of it."""
    content = bytearray(EXAMPLE.read_bytes())
    del content[data.draw(st.integers(0, len(content)) | st.just(len(content))) :]
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, max(len(content) - 1, 0)))
        content[at : at + 1] = data.draw(st.binary(max_size=4))
    path = tmp_path / "export.csv"
    path.write_bytes(bytes(content))
    status, out, err = run("replay", str(path), "--json")
    if status == 0:
        assert err == ""
        assert json.loads(out).keys() == {"device", "days", "summary", "advice"}
    else:
        refused((status, out, err))


def test_progress_is_shown_on_a_terminal_and_nowhere_else() -> None:
    """Standard error is a terminal of our own; the table on standard output stays as it is."""
    command = [sys.executable, "-c", "import sys; from pumpcore.cli import main; sys.exit(main())"]
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*command, "replay", str(EXAMPLE), "--json"],
        stdout=subprocess.PIPE,
        stderr=its,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(its)
    seen = b""
    # Linux ends a terminal whose other side has gone with an error instead of an empty read.
    with contextlib.suppress(OSError):
        while piece := os.read(ours, 65_536):
            seen += piece
    os.close(ours)
    assert process.stdout
    out = process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 0
    assert b"example.csv" in seen
    assert json.loads(out)["days"]


def test_errors_of_the_reader_are_not_the_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        where = "export.csv, line 7"
        reason = "BolusNormal: AMOUNT: '-1'"
        raise RecordError(where, reason)

    monkeypatch.setattr(report, "read", broken)
    assert run("replay", "export.csv") == (
        2,
        "",
        "pumpcore: export.csv, line 7: BolusNormal: AMOUNT: '-1'\n",
    )

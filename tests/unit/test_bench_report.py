"""Goal: the report of `pumpcore bench` times nothing that is wrong, says what is absent, and keeps its shape."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pumpcore import schedule
from pumpcore.bench import check_ready
from pumpcore.bench.days import plain_day
from pumpcore.bench.groups import Absent, Group, Way, pulses_of
from pumpcore.bench.growth import Curve, curves
from pumpcore.bench.plot import draw
from pumpcore.bench.report import difference, measure, race_group
from pumpcore.bench.rivals.python import python_schedule
from pumpcore.bench.timing import race
from pumpcore.cli import main
from pumpcore.errors import InvariantError, RequestError

if TYPE_CHECKING:
    from pathlib import Path

DAY = plain_day()
RIGHT = python_schedule(DAY)
OURS = Way("ours", lambda: schedule(DAY), pulses_of, ours=True)


def group(*ways: Way | Absent) -> Group:
    return Group("a day", "step", len(RIGHT), pulses_of(RIGHT), (OURS, *ways))


def rival(answer: object) -> Way:
    return Way("rival", lambda: answer, pulses_of)


def raced(*ways: Way | Absent) -> Any:  # noqa: ANN401 - any result
    return race_group(group(*ways), rounds=1, sample_us=1).ways[-1]


def test_a_right_rival_is_timed() -> None:
    result = raced(rival(RIGHT))
    assert (result.why_not, result.error_uu) == (None, 0)
    assert result.timed.median_ps >= 0


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (RIGHT[:-1], "has the shape (549,) and should have (550,)"),
        ([*RIGHT[:3], (RIGHT[3][0] + 1, 0), *RIGHT[4:]], f"entry 3 is {RIGHT[3][0] + 1} and should be {RIGHT[3][0]}"),
        ([*RIGHT[:-1], (RIGHT[-1][0], 2)], "entry 549 is 2 and should be 0"),
        ([], "has the shape (0,) and should have (550,)"),
    ],
)
def test_a_wrong_rival_is_not_timed_and_the_first_difference_is_said(answer: object, why: str) -> None:
    result = raced(rival(answer))
    assert result.timed is None
    assert result.why_not == f"its answer is wrong: {why}"


def test_a_wrong_answer_of_the_kernel_is_a_bug_and_no_row() -> None:
    wrong = replace(OURS, call=lambda: RIGHT[:-1])
    with pytest.raises(InvariantError, match="ours: has the shape"):
        race_group(Group("a day", "step", 1, pulses_of(RIGHT), (wrong,)), rounds=1, sample_us=1)


def test_a_way_without_pulses_has_its_error_said() -> None:
    result = raced(Way("a pump", lambda: 1.5, error_uu=lambda _: -900_000))
    assert (result.why_not, result.error_uu) == (None, -900_000)
    assert result.timed is not None


def test_what_is_absent_is_named_with_the_reason() -> None:
    result = raced(Absent("Numba", "not installed: pip install numba"))
    assert (result.why_not, result.timed) == ("not installed: pip install numba", None)


def test_columns_differ_in_any_of_them() -> None:
    one, other = np.array([1, 2]), np.array([1, 3])
    assert difference((one, one), (one, one)) is None
    assert difference((one, one), (one, other)) == "entry 1 is 2 and should be 3"
    with pytest.raises(ValueError, match="zip"):
        difference((one,), (one, one))


def test_the_race_calls_each_in_every_round() -> None:
    seen = [0, 0]

    def call(index: int) -> None:
        seen[index] += 1

    times = race([lambda: call(0), lambda: call(1)], rounds=5, sample_us=1)
    assert all(count >= 5 for count in seen)
    assert [timed.rounds for timed in times] == [5, 5]
    assert all(0 <= timed.least_ps <= timed.median_ps for timed in times)


@pytest.mark.parametrize(
    ("should", "points", "exponent", "too_steep"),
    [
        (1, ((1, 10), (10, 100), (100, 1_000)), 1.0, False),
        (1, ((1, 10), (10, 1_000), (100, 100_000)), 2.0, True),
        (1, ((1, 999), (1, 10), (10, 100), (100, 1_000)), 1.0, False),
        (0, ((1, 10), (10, 10), (100, 10)), 0.0, False),
        (0, ((1, 10), (10, 30), (100, 100)), 0.5, True),
        (0, ((1, 10),), 0.0, False),
    ],
)
def test_a_curve_that_is_too_steep_is_seen(
    should: int, points: tuple[tuple[int, int], ...], exponent: float, *, too_steep: bool
) -> None:
    curve = Curve("a", "b", "ps", should, points)
    assert curve.exponent == pytest.approx(exponent)
    assert curve.too_steep is too_steep
    assert curve.as_json()["points"] == [list(point) for point in points]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the command saves, drawn and printed from one run."""
    folder = tmp_path_factory.mktemp("bench")
    saved, drawn = folder / "results.json", folder / "growth.svg"
    status = main(["bench", "--quick", "--growth", "--save", str(saved), "--plot", str(drawn)])
    return {
        "status": status,
        "json": json.loads(saved.read_text(encoding="utf-8")),
        "svg": drawn.read_text(encoding="utf-8"),
    }


def test_the_command_saves_and_draws_what_it_measured(said: dict[str, Any]) -> None:
    assert said["status"] == 0
    assert said["svg"].startswith("<?xml")
    for one in said["json"]["growth"]:
        assert one["name"] in said["svg"]


def test_the_shape_of_the_json(said: dict[str, Any]) -> None:
    report = said["json"]
    assert list(report) == ["date", "machine", "versions", "groups", "growth"]
    assert list(report["machine"]) == ["processor", "processors", "system", "kind"]
    assert {"python", "pumpcore", "numpy", "numba", "simglucose", "iints-sdk-python35"} == set(report["versions"])
    assert len(report["groups"]) == 9
    for one in report["groups"]:
        assert list(one) == ["name", "unit", "units", "ways"]
        assert one["ways"][0]["times_base"] == 1
        for way in one["ways"]:
            assert set(way) >= {"name", "ours", "why_not", "error_uu", "median_ps", "least_ps", "rounds", "calls"}
            assert (way["median_ps"] is None) == (way["why_not"] is not None)
            assert not way["ours"] or way["error_uu"] == 0
    for curve in report["growth"]:
        assert list(curve) == ["name", "along", "unit", "should", "exponent", "too_steep", "points"]


def test_the_command_prints_json_on_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pumpcore.bench.report.all_groups", lambda *, quick: [group(rival(RIGHT))] * (1 + quick))
    assert main(["bench", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert [one["name"] for one in json.loads(out)["groups"]] == ["a day"]


def test_the_table_names_what_was_not_timed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = (rival(RIGHT[:-1]), Absent("Numba", "not installed"), Way("a pump", lambda: 1, error_uu=lambda _: -900_000))
    monkeypatch.setattr("pumpcore.bench.report.all_groups", lambda *, quick: [group(*ways)] * (2 - quick))
    assert main(["bench", "--quick"]) == 0
    out = capsys.readouterr().out
    assert "a day: 550 steps" in out
    assert "rival: its answer is wrong" in out
    assert "Numba: not installed" in out
    assert "-0.900 U" in out


def test_without_numpy_one_line_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pumpcore.bench.find_spec", lambda name: None if name == "numpy" else object())
    with pytest.raises(RequestError):
        check_ready()
    assert main(["bench"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "pumpcore: bench: NumPy is not installed; install it with: pip install 'pumpcore[bench]'\n"


@pytest.mark.parametrize("options", [["--plot", "a.pdf"], ["--save", "no-such-folder/a.json"]])
def test_a_wrong_file_is_refused_before_anything_is_timed(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(**_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("pumpcore.bench.report.measure", never)
    assert main(["bench", *options]) == 2
    assert capsys.readouterr().out == ""


def test_a_report_without_growth_is_drawn_too(tmp_path: Path) -> None:
    report = measure(quick=True, groups=[group(rival(RIGHT), Absent("Numba", "not installed"))])
    draw(report, tmp_path / "bars.png")
    assert (tmp_path / "bars.png").read_bytes().startswith(b"\x89PNG")


def test_memory_grows_by_nine_bytes_a_step() -> None:
    memory = next((curve for curve in curves(quick=True) if curve.unit == "bytes"), None)
    if memory is None:
        pytest.skip("only Linux says how much memory a process had at its most")
    (few, least), *_, (many, most) = memory.points
    assert 8 * (many - few) < most - least < 12 * (many - few)

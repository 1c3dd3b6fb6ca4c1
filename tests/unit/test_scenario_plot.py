"""Drawings of a run are written whole or not at all, and show what the run holds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from pumpcore.errors import RecordError, RequestError
from pumpcore.report.drawing import check_path
from pumpcore.scenario import Run, read, run
from pumpcore.scenario.plot import draw

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")


@pytest.fixture(scope="module")
def night() -> Run:
    return run(read("low_glucose_night"))


@pytest.fixture(scope="module")
def pizza() -> Run:
    return run(read("pizza_evening"))


def words(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_svg_names_what_it_shows(night: Run, tmp_path: Path) -> None:
    path = tmp_path / "night.svg"
    path.write_text("old", encoding="utf-8")
    draw(night, path)
    drawn = words(path)
    assert drawn.startswith("<?xml")
    for name in (
        *("glucose", "mmol/L", "bolus", "basal", "U/h", "suspended", "low limit", "target", "finger", "sensor"),
        *("alarm: low", "Sensor link lost", "local time, Europe/Copenhagen", "Tue 10 Feb", "Wed 11 Feb", "8.525"),
    ):
        assert f"<!-- {name}" in drawn or name in drawn
    assert [entry.name for entry in tmp_path.iterdir()] == ["night.svg"]


def test_alarms_are_named_in_danish(night: Run, tmp_path: Path) -> None:
    draw(night, tmp_path / "nat.svg", language="da")
    assert "Sensor uden forbindelse" in words(tmp_path / "nat.svg")


def test_the_same_run_gives_the_same_drawing(night: Run, tmp_path: Path) -> None:
    draw(night, tmp_path / "a.svg")
    draw(night, tmp_path / "b.svg")
    assert words(tmp_path / "a.svg") == words(tmp_path / "b.svg")


def test_png_is_a_picture(pizza: Run, tmp_path: Path) -> None:
    path = tmp_path / "pizza.PNG"
    draw(pizza, path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")
    assert path.stat().st_size > 20_000


def test_what_was_not_delivered_is_said(pizza: Run, tmp_path: Path) -> None:
    draw(pizza, tmp_path / "pizza.svg")
    late = list(pizza.log.boluses.values())[-1]
    assert late.not_delivered_uu
    assert "not delivered" in words(tmp_path / "pizza.svg")


def test_a_run_without_glucose_and_alarms_is_drawn_too(tmp_path: Path) -> None:
    draw(run(read("dst_weekend")), tmp_path / "dst.svg")
    drawn = words(tmp_path / "dst.svg")
    assert "mmol/L" not in drawn
    assert "Sun 29 Mar" in drawn


@pytest.mark.parametrize("name", ["day.pdf", "day", "svg"])
def test_other_ending_is_refused(night: Run, tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match=r"must end in \.svg or \.png"):
        draw(night, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_it_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pumpcore.report.drawing.find_spec", lambda _: None)
    with pytest.raises(RequestError, match=r"pip install 'pumpcore\[plot\]'"):
        check_path("day.svg")


def test_folder_that_is_absent_is_refused(night: Run, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"day\.svg: No such file"):
        draw(night, tmp_path / "absent" / "day.svg")


def test_failure_leaves_the_old_drawing(night: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "day.svg"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(RecordError, match="No space left"):
        draw(night, path)
    assert words(path) == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["day.svg"]
    assert "matplotlib" in sys.modules

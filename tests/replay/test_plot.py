"""Drawings are written whole or not at all, in the kind that the name asks for."""

from __future__ import annotations

import sys
from dataclasses import replace as changed
from typing import TYPE_CHECKING

import pytest

from pumpcore.errors import RecordError, RequestError
from pumpcore.records import example
from pumpcore.records.plot import DAYS_MAX, draw
from pumpcore.records.replay import Replay, read, replay

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def replayed() -> Replay:
    done = replay(read(example.PATH))
    return changed(done, days=done.days[7:9])


def test_svg_names_the_days_and_what_the_marks_mean(replayed: Replay, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    path = tmp_path / "days.svg"
    path.write_text("old", encoding="utf-8")
    draw(replayed, path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<?xml")
    for words in ("Thu 2024-03-28", "39.425", "basal rate", "suspended", "reservoir change", "alarm", "mg/dL", "U/h"):
        assert f"<!-- {words}" in text or words in text
    assert [entry.name for entry in tmp_path.iterdir()] == ["days.svg"]


def test_png_is_a_picture(replayed: Replay, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    path = tmp_path / "days.PNG"
    draw(changed(replayed, days=replayed.days[:1]), path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")
    assert path.stat().st_size > 10_000


def test_record_without_glucose_or_insulin_is_drawn_too(replayed: Replay, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    day = changed(replayed.days[0], glucose=[], boluses=[], rates=[], modes=[], recorded_uu=None)
    draw(changed(replayed, days=(day,)), tmp_path / "empty.svg")
    text = (tmp_path / "empty.svg").read_text(encoding="utf-8")
    assert "finger-stick" not in text


def test_so_many_days_are_drawn_and_no_more(replayed: Replay, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    day = changed(replayed.days[0], glucose=[], boluses=[], rates=[], modes=[])
    draw(changed(replayed, days=(day,) * (DAYS_MAX + 3)), tmp_path / "many.svg")
    text = (tmp_path / "many.svg").read_text(encoding="utf-8")
    assert f"the last {DAYS_MAX} of {DAYS_MAX + 3} days" in text


@pytest.mark.parametrize("name", ["days.pdf", "days", "svg"])
def test_other_ending_is_refused(replayed: Replay, tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match=r"must end in \.svg or \.png"):
        draw(replayed, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_nothing_to_draw_is_refused(replayed: Replay, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no days to draw"):
        draw(changed(replayed, days=()), tmp_path / "days.svg")


def test_folder_that_is_absent_is_refused(replayed: Replay, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    with pytest.raises(RecordError, match=r"days\.svg: No such file"):
        draw(replayed, tmp_path / "absent" / "days.svg")


def test_failure_leaves_the_old_drawing(replayed: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figure = pytest.importorskip("matplotlib.figure", reason="the extra 'plot' is not installed")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(figure.Figure, "savefig", fail)
    path = tmp_path / "days.svg"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(RecordError, match=r"days\.svg: No space left on device"):
        draw(replayed, path)
    assert [entry.read_text(encoding="utf-8") for entry in tmp_path.iterdir()] == ["old"]


def test_without_matplotlib_it_says_what_to_install(
    replayed: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(RequestError, match=r"pip install 'pumpcore\[plot\]'"):
        draw(replayed, tmp_path / "days.svg")
    assert not list(tmp_path.iterdir())

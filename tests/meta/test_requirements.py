"""Each requirement has an id, each id a test, each mark an id that exists: `specs/requirements.md` and all tests."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from specs.requirements import VERIFICATIONS, marked, marks_in, stated

if TYPE_CHECKING:
    from pathlib import Path

    from specs.requirements import Requirement


@pytest.fixture(scope="module")
def rows(root: Path) -> list[Requirement]:
    return stated((root / "specs" / "requirements.md").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def marks(root: Path) -> dict[str, list[str]]:
    return marks_in(root / "tests")


def test_an_id_is_used_once(rows: list[Requirement]) -> None:
    assert [each for each, times in Counter(row.id for row in rows).items() if times > 1] == []


def test_each_says_how_it_is_verified(rows: list[Requirement]) -> None:
    assert [row.id for row in rows if row.verification not in VERIFICATIONS] == []


def test_each_is_a_sentence(rows: list[Requirement]) -> None:
    assert [row.id for row in rows if not row.shall.endswith(".")] == []


def test_what_a_test_verifies_has_a_test(rows: list[Requirement], marks: dict[str, list[str]]) -> None:
    assert [row.id for row in rows if row.verification == "test" and row.id not in marks] == []


def test_every_mark_is_a_requirement(rows: list[Requirement], marks: dict[str, list[str]]) -> None:
    ids = {row.id for row in rows}
    assert {each: files for each, files in marks.items() if each not in ids} == {}


def test_the_reader_sees_marks_wherever_they_stand() -> None:
    source = """
import pytest
pytestmark = pytest.mark.req("AAA-01")

@pytest.mark.req("AAA-02", "AAA-03")
class TestIt:
    @pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.req("AAA-04"))])
    def test_it(self, x): ...
"""
    assert sorted(marked(source)) == ["AAA-01", "AAA-02", "AAA-03", "AAA-04"]


@pytest.mark.parametrize("bad", ["pytest.mark.req(NAME)", "pytest.mark.req(f'AAA-{n}')"])
def test_an_id_that_is_not_written_out_is_refused(bad: str) -> None:
    with pytest.raises(TypeError, match="written out"):
        list(marked(bad))


@pytest.mark.parametrize(
    "line", ["| AAA-1 | a | b | c | test |", "| AAA-01 | a | b | test |", "| AAA-01 | a |  | c | test |"]
)
def test_a_row_that_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="line 1 is not a requirement"):
        stated(line)

"""The grammar of entries: every form is read, every verb is carried out, and the manual names them all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pumpcore.errors import RequestError
from pumpcore.scenario.entries import FORMS, PLACES, Form, parse
from pumpcore.scenario.verbs import VERBS
from pumpcore.therapy.glucose import MmolL

if TYPE_CHECKING:
    from pathlib import Path

SAMPLES = {
    "U": "3.0",
    "later": "1.5",
    "rate": "0.4",
    "g": "60",
    "percent": "50",
    "span": "90 min",
    "glucose": "9.2 mmol/L",
    "values": "6.1 6.0 mmol/L",
    "fault": "system_issue",
    "local": "2026-03-29 03:00",
    "zone": "Europe/Copenhagen",
    "speed": "slow",
    "name": "every day",
}


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.verb)
def test_every_form_is_read_as_its_own_verb(form: Form) -> None:
    text = re.sub(r"\{(\w+)\}", lambda found: SAMPLES[found[1]], form.words)
    action = parse(text)
    assert action.verb == form.verb
    assert set(action.values) == set(re.findall(r"\{(\w+)\}", form.words))
    assert action.text == text


def test_there_is_a_verb_for_every_form_and_no_other() -> None:
    assert {form.verb for form in FORMS} == VERBS.keys()
    assert len({form.verb for form in FORMS}) == len(FORMS)
    assert SAMPLES.keys() == PLACES.keys()


def test_values_are_exact() -> None:
    action = parse("multiwave 2.0 U + 1.5 U over 3 h")
    assert dict(action.values) == {"U": 2_000_000, "later": 1_500_000, "span": 10_800_000_000}
    assert parse("bolus 60 g").values["g"] == 60_000
    assert parse("sensor every 5 min: 6.1 6.0 mmol/L").values["values"] == (MmolL(61), MmolL(60))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("bolus .5 U", "U: '.5' is not an exact amount"),
        ("bolus 3 u", r"expected bolus \{U\} U or bolus \{U\} U \{speed\} or bolus"),
        ("extended 3.0 U", r"expected extended \{U\} U over \{span\}"),
        ("temp 50% for 90 min", r"expected temp \{percent\} % for \{span\} or temp \{rate\} U/h for \{span\}"),
        ("temp 50 % for 1.5 h", "span: '1.5 h' is not a duration"),
        ("fault occluded", "fault: 'occluded' is not one of"),
        ("fault battery_empty", "fault: 'battery_empty' is not one of"),
        ("zone Mars/Olympus", "is not a time zone"),
        ("sensor every 5 min: 6.1 6,0 mmol/L", "is not a glucose value"),
        ("battery 15.5 %", "percent: '15.5' is not a whole number"),
        ("dance", "expected one of: bolus, extended"),
        ("", "expected one of"),
        ("confirm  again", "expected confirm or confirm again"),
    ],
)
def test_what_fits_no_form_is_refused_with_what_was_expected(text: str, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        parse(text)


def test_a_word_that_is_no_number_is_no_number() -> None:
    with pytest.raises(RequestError, match="must be a whole number"):
        parse("zone UTC").number("zone")


def test_the_manual_has_every_form_and_every_place(root: Path) -> None:
    manual = (root / "docs" / "scenarios.md").read_text(encoding="utf-8")
    for form in FORMS:
        assert f"| `{form.words}` | {form.says} |" in manual
    for name, place in PLACES.items():
        assert f"| `{{{name}}}` | {place.says} |" in manual

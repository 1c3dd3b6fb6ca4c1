"""`pumpcore run` and `pumpcore advise`: what reaches the reader, and one line for whatever is wrong with the input."""

from __future__ import annotations

import contextlib
import io
import json
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Final

import pytest

from pumpcore.alarms import Kind, text
from pumpcore.cli import main
from pumpcore.scenario import examples

if TYPE_CHECKING:
    from pathlib import Path

SMALL: Final = """
title = "A short night"
about = "Three hours, of which two are nothing."
events = [
    "00:30 bolus 1.0 U, confirm",
    "00:40 bolus 99.0 U",
    "01:00 suspend",
]
[pump]
device = "generic-0.05"
start = "2026-03-02 00:00"
zone = "Europe/Copenhagen"
end = "2026-03-02 03:05"
reservoir = "100"
[limits]
max_basal = "3"
max_temp_basal = "4"
max_temp_percent = "200"
max_bolus = "12"
max_iob = "20"
max_hour = "15"
max_day = "90"
[[profile]]
name = "plain"
"00:00" = "1.00"
"""


@pytest.fixture
def small(tmp_path: Path) -> str:
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


def run(*args: str) -> tuple[int, str, str]:
    """Run the command line: status, standard output, standard error."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(args)
    return status, out.getvalue(), err.getvalue()


def good(*args: str) -> str:
    status, out, err = run(*args)
    assert (status, err) == (0, "")
    return out


def refused(*args: str) -> str:
    """Check that a command is refused in one line, and return the line."""
    status, out, err = run(*args)
    assert (status, out) == (2, "")
    assert err.startswith("pumpcore: ")
    assert err.count("\n") == 1
    return err


# run ------------------------------------------------------------------------------------------------------------------


def test_list_names_every_scenario() -> None:
    lines = good("run", "--list").splitlines()
    assert [line.split()[0] for line in lines] == list(examples())
    assert any(line.endswith("A failed pump night") for line in lines)


def test_table(small: str) -> None:
    out = good("run", small)
    words = " ".join(out.split())
    assert "A short night: " in out
    assert "Mon 2026-03-02" in out
    assert "00:30:00 bolus bolus 1 begins: 1.000 U (fast)" in words
    assert "01:00:00 mode running to suspended" in words
    assert f"high raised: {text(Kind.NO_DELIVERY_HIGH).title}. {text(Kind.NO_DELIVERY_HIGH).instruction}" in words
    assert re.search(r"2026-03-02 +1\.000 +1\.000 +0\.000 +2\.000 +10\.300", out)
    assert "line 6, events[1]: bolus 99.0 U" in out
    assert "At the end, 2026-03-02 03:05: suspended, because of person" in out
    assert "reservoir 87.700 U left, reservoir in for 3 h 5 min" in words


def test_table_in_danish(small: str) -> None:
    assert text(Kind.NO_DELIVERY_HIGH, "da").instruction in " ".join(good("run", small, "--language", "da").split())


def test_json_has_the_keys_that_the_manual_names(small: str, root: Path) -> None:
    out = good("run", small, "--json")
    assert out.count("\n") == 1
    answer = json.loads(out)
    manual = (root / "docs" / "scenarios.md").read_text(encoding="utf-8")
    _, _, table = manual.partition("| key | holds |")
    rows = dict(re.findall(r"^\| (`.+?`) \| (.+) \|$", table, re.MULTILINE))
    named = {key: re.findall(r"`(\w+)`", holds) for keys, holds in rows.items() for key in re.findall(r"`(\w+)`", keys)}
    assert answer.keys() == named.keys()
    for key in ("scenario", "status", "totals"):
        assert answer[key].keys() == set(named[key]) - ({"date"} if key == "totals" else set())
    for key in ("refused", "boluses", "modes", "basal", "days"):
        assert answer[key]
        assert answer[key][0].keys() == set(named[key])
    assert answer["alarms"][0].keys() | {"at_us", "what"} == set(named["alarms"])
    assert answer["timeline"][0].keys() == {"at", "at_us", "topic", "text"}
    assert {line["topic"] for line in answer["timeline"]} <= set(named["timeline"])


def test_json_is_exact(small: str) -> None:
    answer = json.loads(good("run", small, "--json"))
    assert answer["totals"] == {
        "basal_u": "1.000",
        "extended_u": "0.000",
        "bolus_u": "1.000",
        "uncertain_u": "0.000",
        "missed_u": "0.000",
        "priming_u": "10.300",
        "total_u": "2.000",
    }
    assert answer["days"] == [{"date": "2026-03-02", **answer["totals"]}]
    assert answer["boluses"][0]["at"] == "2026-03-02T00:30:00+01:00"
    assert answer["boluses"][0]["at_us"] == 1_800_000_000
    amounts = {name: answer["boluses"][0][name] for name in ("fast_u", "delivered_u", "not_delivered_u", "uncertain_u")}
    assert list(amounts.values()) == ["1.000", "1.000", "0.000", "0.000"]
    assert answer["basal"][-1] == {"at": "2026-03-02T01:00:00+01:00", "at_us": 3_600_000_000, "rate_u_per_h": "0.000"}
    assert answer["refused"][0]["error"] == "LimitError"
    assert answer["status"]["therapy_control"] == "stop 0x33"
    assert answer["status"]["without_insulin_us"] >= 7_200_000_000
    high = next(alarm for alarm in answer["alarms"] if alarm["kind"] == "no_delivery_high")
    assert (high["priority"], high["cleared"]) == ("high", None)


def test_plot(small: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'plot' is not installed")
    picture = tmp_path / "night.svg"
    good("run", small, "--json", "--plot", str(picture))
    assert picture.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["run"], "Missing argument 'SCENARIO'"),
        (["run", "no_such_day"], "no_such_day: cannot be read: No such file or directory"),
        (["run", "no_such_day", "--plot", "x.gif"], "plot: 'x.gif' must end in .svg or .png"),
        (["run", "no_such_day", "--language", "fr"], "'fr' is not one of 'en', 'da'"),
    ],
)
def test_bad_use_of_run_is_refused(args: list[str], says: str) -> None:
    assert says in refused(*args)


def test_bad_entry_is_refused_with_its_place(small: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(SMALL.replace("suspend", "dance"), encoding="utf-8")
    line = refused("run", str(bad))
    assert line.startswith("pumpcore: bad.toml: line 7, events[2] '01:00 dance': action: 'dance' is not understood")
    assert good("run", small)


# advise ---------------------------------------------------------------------------------------------------------------

ASKED: Final = (
    *("advise", "--carbs", "12", "--glucose", "368 mg/dL", "--ratio", "8", "--iob", "0.7"),
    *("--sensitivity", "40 mg/dL", "--target", "90 to 120 mg/dL", "--max-bolus", "10"),
)


def test_advice_as_json() -> None:
    # By the rule of the policy: 12/8 = 1.5; (368 - 120)/40 = 6.2; 0.7 on board: 1.5 + 6.2 - 0.7.
    assert json.loads(good(*ASKED, "--json")) == {
        "policy": "medtronic",
        "device": "medtronic-523",
        "side": "above",
        "food_u": "1.500",
        "correction_u": "6.200",
        "rise_u": "0.000",
        "iob_u": "0.700",
        "sum_u": "7.000",
        "exact_u": "7.000",
        "rounding_u": "0.000",
        "uncapped_u": "7.000",
        "suggested_u": "7.000",
        "bolus_u": "7.000",
        "capped": False,
        "notes": ["iob_taken"],
    }


def test_advice_shows_every_term_and_what_rounding_took() -> None:
    out = " ".join(good(*ASKED, "--ratio", "9", "--policy", "tandem").split())
    for words in ("food 1.333.. (4/3)", "correction (glucose is above) 6.200", "less insulin on board -0.700"):
        assert words in out
    assert "sum 6.833.. (41/6)" in out
    assert "lost to rounding 0.008.. (1/120)" in out  # 6.833.. down to 6.825
    assert "suggested 6.825" in out
    assert "as a bolus on medtronic-523 6.800" in out  # steps of 0.05 from 1 U on
    assert "Reduced by insulin on board." in out


def test_advice_is_capped_and_says_so() -> None:
    answer = json.loads(good(*ASKED, "--max-bolus", "5.03", "--json"))
    assert (answer["uncapped_u"], answer["suggested_u"], answer["capped"]) == ("7.000", "5.000", True)


def test_advice_parts_of_insulin_on_board() -> None:
    whole = json.loads(good(*ASKED, "--policy", "omnipod", "--iob", "2", "--json"))
    meal = json.loads(
        good(*ASKED, "--policy", "omnipod", "--iob", "2", "--meal-iob", "2", "--glucose", "110 mg/dL", "--json")
    )
    assert whole["iob_u"] == "2.000"  # all of it for corrections, where nothing else is said
    assert meal["iob_u"] == "0.000"  # meal insulin takes nothing off a meal
    none = json.loads(good(*ASKED, "--policy", "omnipod", "--iob", "2", "--correction-iob", "0", "--json"))
    assert none["iob_u"] == "0.000"


def test_advice_without_glucose() -> None:
    asked = [each for each in ASKED if each not in {"--glucose", "368 mg/dL"}]
    answer = json.loads(good(*asked, "--json"))
    assert (answer["side"], answer["suggested_u"]) == ("unknown", "1.500")
    assert "no_glucose" in answer["notes"]


def test_advice_in_mmol_l_is_exact() -> None:
    answer = json.loads(
        good(
            *(
                "advise",
                "--glucose",
                "11.2 mmol/L",
                "--ratio",
                "10",
                "--sensitivity",
                "2.2 mmol/L",
                "--policy",
                "ypsomed",
            ),
            *("--target", "5.0 to 6.5 mmol/L", "--max-bolus", "10", "--device", "tandem-tslim-x2", "--json"),
        )
    )
    assert Fraction(answer["correction_u"]) == Fraction(47, 22)
    assert (answer["suggested_u"], answer["bolus_u"]) == ("2.136", "2.130")
    assert Fraction(answer["exact_u"]) - Fraction(answer["uncapped_u"]) == Fraction(answer["rounding_u"])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--glucose", "60 mg/dL"], "treat the low first"),
        (["--glucose", "75 mg/dL", "--hard-low", "80 mg/dL"], "treat the low first"),
        (["--glucose", "LO"], "glucose is LO, below"),
        (["--glucose", "166"], "--glucose: '166' is not a glucose value"),
        (["--carbs", ".5"], "--carbs: '.5' is not an exact amount"),
        (["--carbs", "5000"], "carbs_mg: 5000000 is above the largest allowed, 500000 mg"),
        (["--ratio", "0"], "carb_ratio_mg_per_u: 0 is below the least allowed"),
        (["--iob", "-1"], "--iob: '-1' is not an exact amount"),
        (["--meal-iob", "0.8"], "--meal-iob: 800000 is above the largest allowed, 700000 uu"),
        (["--meal-iob", "0.5", "--correction-iob", "0.3"], "--correction-iob: 300000 is above the largest allowed"),
        (["--target", "120 to 90 mg/dL"], "target_low"),
        (["--policy", "mine"], "policy: 'mine' must be one of medtronic"),
        (["--device", "mine"], "device: 'mine' must be one of"),
        (["--max-bolus", "1e1"], "--max-bolus: '1e1' is not an exact amount"),
        (["--max-bolus", "76"], "max_bolus_uu: 76000000 is above the largest allowed"),
    ],
)
def test_bad_question_is_refused_in_one_line(args: list[str], says: str) -> None:
    assert says in refused(*ASKED, *args)


def test_what_is_needed_is_asked_for() -> None:
    assert "Missing option '--ratio'" in refused("advise", "--carbs", "10")

"""Campaigns: small ones with fixed seeds and with a fresh one, the same on any number of processes, and honest.

Method: worlds of the campaign itself, few and short; what a campaign says of itself is shown with outcomes made by
hand. The larger campaign is `pumpcore verify`.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from pumpcore.cli import main
from pumpcore.errors import LimitError, QuantityError
from pumpcore.sim import Broken, Fault, Outcome, Summary, Task, run_all, run_task, tasks
from pumpcore.sim import campaign as campaign_of
from pumpcore.sim import cuts as cuts_of
from pumpcore.sim.campaign import FULL_DAYS
from pumpcore.sim.cluster import run_on
from pumpcore.sim.cuts import Cuts
from pumpcore.sim.html import page
from pumpcore.units import US_PER_DAY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

REQUIREMENTS = (
    "DEL-01",
    "DEL-02",
    "DEL-06",
    "DEL-07",
    "DEL-08",
    "DEL-12",
    "LIM-04",
    "LIM-05",
    "RES-01",
    "ALM-06",
    "PWR-03",
    "SUS-02",
)


def made(seed: int = 1, **changes: Any) -> Outcome:  # noqa: ANN401  # any field of an outcome
    """An outcome made by hand: a day in which all held."""
    outcome = Outcome(
        seed=seed, mode="safety", span_us=US_PER_DAY, digest="00", steps=10, pulses=5, restarts=1, checks={"DEL-01": 3}
    )
    return replace(outcome, **changes)


BROKEN = Broken("DEL-01", "basal is ahead, 2, <1>", 5)


@pytest.mark.req("DEL-01", "DEL-06", "DEL-08", "DEL-09", "LIM-04", "PWR-03", "PWR-04", "CMD-01", "CMD-02", "CMD-03")
@pytest.mark.parametrize("mode", ["safety", "liveness"])
def test_in_a_small_campaign_every_requirement_holds(mode: Any) -> None:  # noqa: ANN401  # a literal
    todo = tasks(seed=9000, runs=14, hours=24, mode=mode)
    summary = Summary.of(24, run_all(todo))
    assert summary.good, [(each.broken, summary.replay(each)) for each in summary.broken]
    assert len(summary.outcomes) == 14
    assert set(REQUIREMENTS) <= set(summary.checks)
    assert sum(summary.faults.values()) > 100
    assert summary.count("restarts") > 0


def test_with_a_seed_that_nobody_has_seen_every_requirement_holds(
    record_property: Callable[[str, object], None],
) -> None:
    seed = secrets.randbelow(1 << 31)
    again = f"pumpcore verify --seed {seed} --runs 8"
    record_property("told", f"worlds that nobody has seen, run them again with {again}")
    summary = Summary.of(24, run_all(tasks(seed=seed, runs=8, hours=24, mode="both")))
    assert summary.good, (again, [(each.broken, summary.replay(each)) for each in summary.broken])


def test_on_two_processes_a_campaign_is_the_same() -> None:
    todo = tasks(seed=50, runs=5, hours=6, mode="both")
    here, there = Summary.of(6, run_all(todo)), Summary.of(6, run_all(todo, jobs=2))
    assert here.digest == there.digest
    assert here.as_json() == there.as_json()


def test_the_command_that_a_failure_prints_runs_just_that_world() -> None:
    task = tasks(seed=7, runs=1, hours=5, mode="both")[0]
    assert task.replay() == "pumpcore verify --seed 7 --runs 1 --hours 5 --mode liveness"
    again = tasks(seed=7, runs=1, hours=5, mode="liveness")
    assert again == [task]
    assert run_task(again[0]).digest == run_task(task).digest


@pytest.mark.parametrize(
    ("runs", "hours", "limit"), [(0, 24, "runs"), (10**8, 24, "runs"), (1, 0, "hours"), (1, 10**6, "hours")]
)
def test_a_campaign_of_nothing_or_of_too_much_is_refused(runs: int, hours: int, limit: str) -> None:
    with pytest.raises(LimitError) as refused:
        tasks(seed=1, runs=runs, hours=hours, mode="both")
    assert refused.value.limit == limit


@pytest.mark.parametrize("jobs", [0, -1, 10**6])
def test_no_process_and_too_many_are_refused(jobs: int) -> None:
    with pytest.raises(LimitError):
        list(run_all([Task(1, "safety", 1)], jobs=jobs))


# What a summary says


def test_each_world_is_counted_once() -> None:
    summary = Summary(24)
    assert summary.add(made(1))
    assert not summary.add(made(1, steps=99))
    assert summary.add(made(1, mode="liveness"))
    assert (len(summary.outcomes), summary.count("steps")) == (2, 20)


def test_the_order_in_which_worlds_end_changes_nothing() -> None:
    outcomes = [made(seed, digest=f"{seed}") for seed in range(5)]
    one, other = Summary.of(24, outcomes), Summary.of(24, reversed(outcomes))
    assert one.digest == other.digest
    assert one.digest != Summary.of(24, outcomes[1:]).digest
    assert one.as_json() == other.as_json()


def test_a_large_campaign_that_has_not_tried_a_kind_of_fault_is_not_good() -> None:
    every = {kind.name: 1 for kind in Fault}
    large = made(1, span_us=FULL_DAYS * US_PER_DAY, faults=every)
    assert Summary.of(24, [large]).good
    lacking = Summary.of(24, [replace(large, faults={**every, "OCCLUSION": 0})])
    assert (lacking.untried, lacking.good) == ([Fault.OCCLUSION], False)
    small = replace(large, span_us=FULL_DAYS * US_PER_DAY - 1, faults={})
    assert Summary.of(24, [small]).good


def test_a_broken_world_is_named_with_the_command_that_runs_it_again() -> None:
    summary = Summary.of(24, [made(1), made(2, broken=BROKEN)])
    assert not summary.good
    (told,) = json.loads(json.dumps(summary.as_json()))["broken"]
    assert told["replay"] == "pumpcore verify --seed 2 --runs 1 --hours 24 --mode safety"
    assert (told["requirement"], told["at_us"]) == ("DEL-01", 5)


def test_the_page_shows_all_and_escapes_it() -> None:
    summary = Summary.of(24, [made(1), made(2, broken=BROKEN, faults={"OCCLUSION": 1234})])
    text = page(summary, title="a & b")
    assert "a &amp; b" in text
    assert "&lt;1&gt;" in text
    assert "<1>" not in text
    assert "1,234" in text
    assert summary.replay(summary.broken[0]) in text
    assert all(kind.value in text for kind in Fault)
    assert "http" not in text


# The command line


def test_the_command_line_says_what_was_tried(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    assert main(["verify", "--runs", "2", "--hours", "3", "--seed", "4", "--html", str(report)]) == 0
    out = capsys.readouterr().out
    assert "2 worlds" in out
    assert "Every requirement held." in out
    assert all(kind.value in out for kind in Fault)
    assert report.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_json_is_one_line_and_the_same_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    answers = []
    for _ in range(2):
        assert main(["verify", "--runs", "2", "--hours", "3", "--seed", "4", "--json"]) == 0
        answers.append(capsys.readouterr().out)
    assert answers[0] == answers[1]
    assert answers[0].count("\n") == 1
    told = json.loads(answers[0])
    assert (told["seed"], told["runs"], told["good"], told["broken"]) == (4, 2, True, [])
    assert set(told["faults"]) == {kind.name for kind in Fault}


def test_a_seed_is_drawn_and_printed_where_none_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    seeds = []
    for _ in range(2):
        assert main(["verify", "--runs", "1", "--hours", "1", "--json"]) == 0
        seeds.append(json.loads(capsys.readouterr().out)["seed"])
    assert seeds[0] != seeds[1]


def test_what_does_not_hold_gives_status_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_of, "run_task", lambda task: made(task.seed, broken=BROKEN))
    assert main(["verify", "--runs", "12", "--seed", "3"]) == 1
    out = capsys.readouterr().out
    assert "DEL-01: basal is ahead, 2, <1>" in out
    assert "reproduce with: pumpcore verify --seed 3 --runs 1 --hours 24 --mode safety" in out
    assert "and 2 more" in out
    assert "Every requirement held." not in out


LOST = "a bolus & <more>, step 3, point 1: PWR-03: the restarted pump differs"


@pytest.mark.parametrize(("lines", "good"), [([], True), ([LOST], False)])
def test_power_cuts_reach_the_verdict_however_it_is_told(
    lines: list[str], *, good: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(campaign_of, "run_task", lambda task: made(task.seed))
    monkeypatch.setattr(cuts_of, "cut_everywhere", lambda: Cuts(scenarios=2, points=345, broken=lines))
    report, options = tmp_path / "report.html", ["verify", "--runs", "1", "--seed", "3", "--cuts"]
    assert main([*options, "--html", str(report)]) == (0 if good else 1)
    out, text = capsys.readouterr().out, report.read_text(encoding="utf-8")
    assert out.startswith("pumpcore verify --seed 3 --runs 1 --hours 24 --mode both --cuts\n")
    assert "power cut at 345 points of 2 short runs" in out
    assert ("Every requirement held." in out, LOST in out) == (good, not good)
    assert ("every requirement held" in text, 'class="good"' in text) == (good, good)
    assert ("a bolus &amp; &lt;more&gt;, step 3" in text, 'class="bad"' in text) == (not good, not good)
    assert ">345<" in text
    assert main([*options, "--json"]) == (0 if good else 1)
    told = json.loads(capsys.readouterr().out)
    assert (told["good"], told["cuts"]) == (good, {"scenarios": 2, "points": 345, "broken": lines})


@pytest.mark.parametrize(
    "options",
    [["--runs", "0"], ["--hours", "0"], ["--jobs", "0"], ["--mode", "other"], ["--seed", "-1"], ["--scheduler", "x"]],
)
def test_options_that_cannot_be_give_status_2(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--runs", "1", "--hours", "1", *options]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1


def test_a_report_that_cannot_be_written_gives_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = tmp_path / "no" / "report.html"
    assert main(["verify", "--runs", "1", "--hours", "1", "--seed", "1", "--html", str(nowhere)]) == 2
    assert "cannot be written" in capsys.readouterr().err


# On a cluster


def test_without_the_extra_a_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(QuantityError, match="cluster"):
        next(run_on("tcp://127.0.0.1:1", [Task(1, "safety", 1)]))


@pytest.mark.filterwarnings("ignore")  # of the cluster's own libraries
def test_on_a_cluster_each_world_counts_once_even_where_a_worker_dies() -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    todo = tasks(seed=300, runs=16, hours=6, mode="both")
    here = Summary.of(6, run_all(todo))
    there, told = Summary(6), 0
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        with distributed.Client(cluster) as client:
            pids = sorted(client.run(os.getpid).values())
        assert len(pids) == 2
        for outcome in run_on(cluster.scheduler_address, todo):
            told += 1
            assert there.add(outcome)
            if told == 2:
                os.kill(pids[0], signal.SIGKILL)
    assert told == len(todo)
    assert there.as_json() == here.as_json()

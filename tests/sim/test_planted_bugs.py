"""Bugs that are planted on purpose: each must be found by `pumpcore verify`, or the campaign is not worth its time.

Method: a planted bug is data: files of the package with an old text and a new one. The package is copied into a folder,
the text is exchanged (it must stand there exactly once), and a process of its own runs worlds of the campaign from seed
1 on, as `pumpcore verify --seed 1` does, until one of them breaks. How many that were stands in
the table of `specs/verify.md`; `python tests/sim/test_planted_bugs.py FOLDER` measures those that it does not have.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGE: Final = ROOT / "pumpcore"
DOCUMENT: Final = ROOT / "specs" / "verify.md"
BEGIN: Final = "| planted bug | file | found as | worlds needed |"
IDS: Final = re.compile(r"\b[A-Z]{3}-[0-9]{2}\b")
MOST: Final = 140
"""No planted bug may need more worlds than this."""


class Edit(NamedTuple):
    """An old text, exactly once in its file, and a new one."""

    file: str
    old: str
    new: str


class Bug(NamedTuple):
    """What somebody could have written."""

    name: str
    edits: tuple[Edit, ...]


def bug(name: str, *edits: tuple[str, str, str]) -> Bug:
    return Bug(name, tuple(Edit(*each) for each in edits))


FLOW: Final = "pump/flow.py"
REQUESTS: Final = "pump/requests.py"
LEDGER: Final = "pump/ledger.py"
JOURNAL: Final = "journal/journal.py"

BUGS: Final = (
    bug(
        "the fraction of a step is lost when a rate changes",
        (FLOW, "        s.engine.set_rate(rate)\n", "        s.engine.drop_rest()\n        s.engine.set_rate(rate)\n"),
    ),
    bug(
        "ticks are not recorded: a restart fires their pulses again",
        (
            JOURNAL,
            "            entries, body = encode(event",
            "            if type(event) is Tick:\n                return\n            entries, body = encode(event",
        ),
    ),
    bug(
        "after a restart open pulses count as not delivered",
        (JOURNAL, "effects += self.step(PulseUnknown(at_us, seq))", "effects += self.step(PulseFailed(at_us, seq))"),
    ),
    bug(
        "after a restart open pulses are still awaited",
        (JOURNAL, "            if seq in before:\n", "            if seq in before and seq < 0:\n"),
    ),
    bug(
        "a row that is damaged is stepped over",
        (
            "journal/rows.py",
            "        if crc32(sealed) != row.crc:\n",
            "        if crc32(sealed) != row.crc and row.seq < 0:\n",
        ),
        (
            "journal/rows.py",
            "digest_size=CHAIN_BYTES).digest() != row.chain:\n",
            "digest_size=CHAIN_BYTES).digest() != row.chain and row.seq < 0:\n",
        ),
    ),
    bug(
        "a journal that failed goes on delivering",
        (
            JOURNAL,
            "event.at_us)\n            raise\n\n    def recover",
            "event.at_us)\n            return self._pump.step(event)\n\n    def recover",
        ),
    ),
    bug(
        "from a profile edge on there are no caps",
        (
            FLOW,
            "            look_up(s)\n            ",
            "            look_up(s)\n            s.engine.set_caps(hour_cap_uu=None, day_cap_uu=None)\n            ",
        ),
    ),
    bug(
        "new caps are not handed to the kernel",
        (
            REQUESTS,
            "    s.engine.set_caps(hour_cap_uu=event.limits.max_hour_uu, day_cap_uu=event.limits.max_day_uu)\n",
            "",
        ),
    ),
    bug(
        "an alarm clears itself when its cause is gone",
        ("alarms/board.py", "if clears is Clears.GONE or before.confirmed:", "if clears:"),
    ),
    bug(
        "an alarm that was confirmed clears with its cause still there",
        (
            "alarms/board.py",
            "        if not after.cause_present:\n            self._clear(after)",
            "        self._clear(after)",
        ),
    ),
    bug(
        "a stopping alarm does not stop",
        (FLOW, '    if alarms.TABLE[kind].stops_delivery:\n        move(turn, "fault")\n', ""),
        (
            FLOW,
            "if stopping - turn.stopping and s.state is not State.ALARM:",
            "if stopping - turn.stopping and not s.state:",
        ),
    ),
    bug(
        "alarms of high priority sound every half hour",
        (
            "alarms/table.py",
            "    Rung(0, Priority.HIGH, 2 * US_PER_MINUTE),\n",
            "    Rung(0, Priority.HIGH, 9 * US_PER_MINUTE),\n",
        ),
    ),
    bug(
        "an uncertain pulse does not count as delivered",
        (
            LEDGER,
            "        return self.outstanding + self.confirmed + self.uncertain\n",
            "        return self.outstanding + self.confirmed\n",
        ),
    ),
    bug(
        "an unanswered pulse counts as insulin for ever",
        (LEDGER, "first.fate is not Fate.OUTSTANDING or first.at_us - self.confirmed_us > gap_us", "gap_us < 0"),
        (LEDGER, "first is None or order.at_us < first.at_us", "first is None or order.at_us > first.at_us"),
    ),
    bug(
        "numbers of pulses begin again with each reservoir",
        (REQUESTS, "    s.ledger.file_uncertain()\n", "    s.ledger.file_uncertain()\n    s.ledger.next_seq = 1\n"),
    ),
    bug(
        "a pulse takes nothing out of the reservoir",
        (FLOW, "    s.reservoir_uu = (s.reservoir_uu or 0) - amount_uu\n    bolus_id", "    bolus_id"),
    ),
    bug(
        "steps of hours are delivered at once by a host that comes late",
        (FLOW, "    late_us = turn.to_us - turn.config.lateness_us\n", "    late_us = turn.to_us - 10 * US_PER_HOUR\n"),
    ),
    bug(
        "profiles follow UTC and not the local clock",
        (
            FLOW,
            "        zone=zone_of(s.zone),\n        anchor=s.anchor,\n",
            '        zone=zone_of("UTC"),\n        anchor=s.anchor,\n',
        ),
    ),
    bug(
        "a temp basal goes on for a minute too long",
        (
            "pump/turn.py",
            "else self.temp.start_us + self.temp.duration_us",
            "else self.temp.start_us + self.temp.duration_us + 60_000_000",
        ),
    ),
    bug(
        "a suspend lets the temp basal of every policy go on",
        (
            FLOW,
            "    if s.temp is not None and (fault or not policy.keeps_temp):\n",
            "    if s.temp is not None and fault:\n",
        ),
        (FLOW, "    if turn.state.temp is not None:\n        end_temp(turn, reason)\n", ""),
    ),
    bug(
        "a suspend leaves boluses running",
        (
            FLOW,
            "        s.held += ((bolus_id, rest_of(s, progress[train])),)\n        end_with_kernel(s, train)\n",
            "        s.held += ((bolus_id, rest_of(s, progress[train])),)\n",
        ),
    ),
    bug(
        "a bolus of whose last pulse nobody knows is never recorded",
        (
            FLOW,
            "    if order.bolus_id in s.boluses:\n",
            "    if order.bolus_id in s.boluses and fate is not Fate.UNCERTAIN:\n",
        ),
    ),
    bug(
        "a pause is made up however long it was",
        (
            FLOW,
            "    in_time = s.now_us - s.suspended_us <= turn.policy.makes_up_us and cause is not SuspendCause.ALARM\n",
            "    in_time = True\n    missed_uu *= 2\n",
        ),
    ),
    bug(
        "only the fast part is held against the largest bolus",
        ("therapy/bolus.py", 'limits.check("max_bolus_uu", total_uu)', 'limits.check("max_bolus_uu", fast_uu)'),
    ),
    bug(
        "a proposal never expires",
        (FLOW, "if each.expires_us < turn.to_us]:", "if each.expires_us < 0]:"),
    ),
    bug(
        "OK pressed twice gives two boluses",
        (
            REQUESTS,
            "    if event.proposal_id in s.answers:\n",
            "    if event.proposal_id in s.answers and not s.proposals:\n",
        ),
        (REQUESTS, "    del s.proposals[proposal.id]\n    before", "    before"),
    ),
    bug(
        "a repeated command is carried out again",
        (
            REQUESTS,
            "    if event.id in s.command_answers:\n",
            "    if event.id in s.command_answers and event.id < 0:\n",
        ),
        (REQUESTS, "    if event.id <= s.command_id:\n", "    if event.id < s.command_id:\n"),
        (REQUESTS, "    if event.known != s.changes:\n", "    if event.known > s.changes:\n"),
    ),
    bug(
        "an order is given again with a repeated answer",
        (
            REQUESTS,
            "tuple(effect for effect in effects if not isinstance(effect, FirePulse | PrimePulse))",
            "tuple(effects)",
        ),
    ),
    bug(
        "a command that has expired is carried out",
        (REQUESTS, "    if event.at_us > event.expires_us:\n", "    if event.expires_us < 0:\n"),
    ),
    bug(
        "a command may have any id",
        (REQUESTS, "    if event.id <= s.command_id:\n", "    if event.id < 0:\n"),
    ),
    bug(
        "the alarm mode is left for running",
        (
            "pump/modes.py",
            'Row("clear", State.ALARM, State.SUSPENDED, ("no_stopping_alarm",))',
            'Row("clear", State.ALARM, State.RUNNING, ("no_stopping_alarm",))',
        ),
    ),
    bug(
        "an empty battery is not told",
        ("alarms/facts.py", "    if above <= 0:\n", "    if above <= -200:\n"),
    ),
    bug(
        "the reminder of an hour without insulin is the only one",
        (
            "alarms/watch.py",
            "        if without_us >= threshold_us:\n",
            "        if kind is Kind.NO_DELIVERY_MEDIUM and without_us >= threshold_us:\n",
        ),
    ),
    bug(
        "a refused request leaves its traces",
        ("pump/__init__.py", "turn = Turn(self._state.copy(), event.at_us", "turn = Turn(self._state, event.at_us"),
    ),
    bug(
        "the next deadline forgets that a rate changes",
        ("pump/__init__.py", "            s.profile_edge_us,\n", ""),
    ),
    bug(
        "a snapshot forgets what a suspend has missed",
        (
            "pump/snapshot.py",
            "    trouble = _trouble(state, plain)\n",
            "    state.missed_uu = 0\n    trouble = _trouble(state, plain)\n",
        ),
    ),
)

QUICK: Final = (
    "the fraction of a step is lost when a rate changes",
    "ticks are not recorded: a restart fires their pulses again",
    "after a restart open pulses are still awaited",
    "an alarm clears itself when its cause is gone",
    "an uncertain pulse does not count as delivered",
    "steps of hours are delivered at once by a host that comes late",
    "a temp basal goes on for a minute too long",
    "numbers of pulses begin again with each reservoir",
)
"""Those that run with every test run; the others with the profile `deep`."""

DEEP: Final = pytest.mark.skipif(
    os.environ.get("HYPOTHESIS_PROFILE") != "deep", reason="minutes: HYPOTHESIS_PROFILE=deep runs it"
)

PROBE: Final = """
import json, sys
from pumpcore.sim.campaign import run_task, tasks
for number, task in enumerate(tasks(seed=1, runs=int(sys.argv[1]), hours=24, mode="both"), 1):
    outcome = run_task(task)
    if outcome.broken is not None:
        print(json.dumps([number, outcome.broken.requirement, outcome.broken.what]))
        break
else:
    print("null")
"""


def plant(planted: Bug | None, folder: Path) -> None:
    """Copy the package into a folder, with a bug in it."""
    shutil.copytree(PACKAGE, folder / "pumpcore", ignore=shutil.ignore_patterns("__pycache__"))
    for edit in planted.edits if planted is not None else ():
        path = folder / "pumpcore" / edit.file
        text = path.read_text(encoding="utf-8")
        assert text.count(edit.old) == 1, f"{edit.file} has {text.count(edit.old)} times: {edit.old}"
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def worlds_needed(planted: Bug | None, folder: Path, most: int) -> tuple[int, str, str] | None:
    """Run worlds until one breaks: how many that were, and what broke; None: none did."""
    plant(planted, folder)
    ran = subprocess.run(
        [sys.executable, "-c", PROBE, str(most)],
        check=True,
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    answer = json.loads(ran.stdout.splitlines()[-1])
    return None if answer is None else (answer[0], answer[1], answer[2])


def rows() -> dict[str, tuple[str, int]]:
    """The table of the document: by bug, the requirement that broke, and how many worlds that took."""
    found = {}
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    for line in lines[lines.index(BEGIN) + 2 :]:
        if not line.startswith("|"):
            break
        name, _, requirement, worlds = (cell.strip() for cell in line.strip("|").split("|"))
        found[name] = requirement, int(worlds)
    return found


def test_the_table_names_every_planted_bug() -> None:
    assert list(rows()) == [each.name for each in BUGS]
    assert len({each.name for each in BUGS}) == len(BUGS) >= 15
    assert max(worlds for _, worlds in rows().values()) <= MOST
    assert set(QUICK) <= set(rows())


def test_what_the_document_says_must_hold_is_what_worlds_check() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("## What must hold\n")[2].partition("\n## ")[0]
    checked = {each for path in (PACKAGE / "sim").rglob("*.py") for each in IDS.findall(path.read_text("utf-8"))}
    assert len(checked) > 40
    assert set(IDS.findall(text)) == checked


def test_each_planted_bug_still_has_its_place() -> None:
    for planted in BUGS:
        for edit in planted.edits:
            text = (PACKAGE / edit.file).read_text(encoding="utf-8")
            assert text.count(edit.old) == 1, (planted.name, edit.file, edit.old)
            assert edit.old != edit.new


def test_without_a_bug_nothing_is_found(tmp_path: Path) -> None:
    assert worlds_needed(None, tmp_path, 12) is None


@pytest.mark.parametrize(
    "planted", [pytest.param(each, id=each.name, marks=() if each.name in QUICK else DEEP) for each in BUGS]
)
def test_a_planted_bug_is_found_as_the_table_says(planted: Bug, tmp_path: Path) -> None:
    found = worlds_needed(planted, tmp_path, MOST)
    assert found is not None
    assert (found[1], found[0]) == rows()[planted.name], found


def main() -> int:
    """Measure those that the table does not have, and write it; a row that is taken out is measured anew."""
    folder, known = Path(sys.argv[1]), rows()
    unknown = [each for each in BUGS if each.name not in known]

    def measure(planted: Bug) -> tuple[int, str, str] | None:
        place = folder / str(BUGS.index(planted))
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return worlds_needed(planted, place, MOST)

    with ThreadPoolExecutor(2) as pool:
        for planted, found in zip(unknown, pool.map(measure, unknown), strict=True):
            sys.stdout.write(f"{planted.name}: {found}\n")
            sys.stdout.flush()
            if found is not None:
                known[planted.name] = found[1], found[0]
                write(known)
    return len(BUGS) - len(known)


def write(known: dict[str, tuple[str, int]]) -> None:
    """Put the table into the document."""
    lines = [BEGIN, "|---|---|---|---|"]
    for planted in BUGS:
        if planted.name in known:
            requirement, worlds = known[planted.name]
            files = ", ".join(dict.fromkeys(each.file for each in planted.edits))
            lines.append(f"| {planted.name} | {files} | {requirement} | {worlds} |")
    text = DOCUMENT.read_text(encoding="utf-8").splitlines()
    begin = text.index(BEGIN)
    end = next((at for at in range(begin, len(text)) if not text[at].startswith("|")), len(text))
    DOCUMENT.write_text("\n".join([*text[:begin], *lines, *text[end:]]) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

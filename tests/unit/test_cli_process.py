"""What only a process shows: pipes that close, signals, closed streams, and what the shell sees of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from pumpcore.testing.programmes import plan

COMMAND = [sys.executable, "-c", "import sys; from pumpcore.cli import main; sys.exit(main())"]
LONG = plan(100, to_us=36_000_000, basal=[[0, 1_000_000_000]])  # a hundred thousand pulses, two megabytes of answer


@pytest.fixture
def long_plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(LONG), encoding="utf-8")
    return path


def start(*args: str, stdout: int | IO[bytes] = subprocess.PIPE) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *args], stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)


def test_the_whole_answer_arrives(long_plan: Path) -> None:
    process = start("schedule", str(long_plan))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert len(json.loads(out)["pulses"]) == 100_000


def test_a_reader_that_goes_away_ends_it_quietly(long_plan: Path) -> None:
    process = start("schedule", str(long_plan))
    assert process.stdout
    assert process.stderr
    assert process.stdout.read(11) == b'{"pulses":['
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def test_a_reader_that_was_never_there_ends_it_quietly(tmp_path: Path) -> None:
    """The answer is short enough to fit the buffer, so only the last flush meets the closed pipe."""
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan()), encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    process = start("schedule", str(path), stdout=writer)
    os.close(writer)
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
def test_no_room_for_the_output_is_said(long_plan: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("schedule", str(long_plan), stdout=full)
        err = process.communicate(timeout=60)[1]
    assert process.returncode == 71
    assert err.startswith(b"pumpcore: cannot write the output: ")
    assert err.count(b"\n") == 1


@pytest.mark.parametrize(
    ("redirection", "status", "words"),
    [(">&-", 71, "cannot write the output"), ("<&-", 2, "standard input: is closed")],
)
def test_a_closed_stream_is_said(redirection: str, status: int, words: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *COMMAND, "schedule", "-"],  # noqa: S607 - any shell will do
        input="",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == status
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_an_interrupt_ends_it_without_a_trace() -> None:
    # A shell that starts something in the background lets it ignore interrupts; here it shall not.
    heeds = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    ready = heeds + "from pumpcore.cli import main; sys.stderr.write('ready\\n'); sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", ready, "schedule", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stderr
    assert process.stdin
    assert process.stderr.readline() == b"ready\n"
    # It reads standard input as soon as it can: what is asked of it after a first piece has gone there is an interrupt.
    process.stdin.write(b"{" * 100_000)
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (130, b"", b"")


def test_completion_is_offered_to_the_shell() -> None:
    done = subprocess.run(
        COMMAND,
        env=os.environ | {"_PUMPCORE_COMPLETE": "bash_complete", "COMP_WORDS": "pumpcore s", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "plain,schedule\n"

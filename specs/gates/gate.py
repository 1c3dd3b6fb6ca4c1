"""A gate: one claim, the bounds it is made for, and the check that can refuse it.

The rules of this file: a gate either answers with what it counted (states, goals, mutants), or raises `Refused` with
the reason; a tool that does not start, a specification that does not parse, an output that is not understood are
refusals too, never verdicts. A must-fail twin is a gate of its own: it runs the check on something seeded with a fault,
and answers only if the check refuses it for that very reason.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import threading
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["JAVA", "PYTHON", "ROOT", "TOOLS", "Gate", "Output", "Refused", "Room", "last"]

ROOT: Final = Path(__file__).resolve().parents[2]
TOOLS: Final = Path(__file__).resolve().parent / "tools"
"""One file of pinned Python packages for each tool."""

LAST_LINES: Final = 30
_LOCK: Final = threading.Lock()  # gates run side by side, and some share a tool


class Refused(Exception):  # noqa: N818 - a verdict, not a mistake
    """A gate is closed: what was claimed was not shown."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a command answered."""

    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Room:
    """Where gates work: a folder that holds what they make, the tools among it.

    Attributes:
        path: the folder; everything a gate writes lies in it.
    """

    path: Path

    def folder(self, name: str) -> Path:
        """Make a folder of its own, empty or not, for a gate."""
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def python(self, tool: str) -> Path:
        """Return the Python of an environment with only `tools/<tool>.txt` installed; made at the first call.

        Raises:
            Refused: the packages cannot be installed.
        """
        with _LOCK:
            return self._python(tool)

    def _python(self, tool: str) -> Path:
        pins = TOOLS / f"{tool}.txt"
        home = self.folder("tools") / tool
        python, stamp = home / "bin" / "python", home / "pins"
        wanted = hashlib.sha256(pins.read_bytes()).hexdigest()
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != wanted:
            venv.create(home, clear=True, with_pip=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            done = self.run([*install, "--requirement", str(pins)], log=f"install-{tool}")
            if done.status:
                raise Refused(f"{pins.name} cannot be installed:\n{last(done.text)}")
            stamp.write_text(wanted, encoding="ascii")
        return python

    def run(
        self,
        command: Sequence[str],
        *,
        log: str,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
        timeout_s: int = 900,
    ) -> Output:
        """Run a command to its end, and keep what it printed in `log`.

        Raises:
            Refused: there is no such command, or it does not end in time.
        """
        surroundings = {**os.environ, **(env or {})}
        try:
            done = subprocess.run(  # noqa: S603 - gates start no command but their own
                list(command),
                cwd=cwd,
                env=surroundings,
                timeout=timeout_s,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        except FileNotFoundError as error:
            raise Refused(f"{command[0]} is not there") from error
        except subprocess.TimeoutExpired as error:
            raise Refused(f"{command[0]} did not end within {timeout_s} s") from error
        text = done.stdout.decode("utf-8", "replace")
        (self.folder("logs") / f"{log}.log").write_text(text, encoding="utf-8")
        return Output(done.returncode, text)

    def want(self, command: Sequence[str], *, log: str, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
        """Run a command that must succeed, and give what it printed.

        Raises:
            Refused: it did not succeed; the reason carries its last lines.
        """
        done = self.run(command, log=log, cwd=cwd, env=env)
        if done.status:
            raise Refused(f"{Path(command[0]).name} ended with status {done.status}:\n{last(done.text)}")
        return done.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One claim and its check.

    Attributes:
        name: short, unique, in small letters with hyphens.
        claim: what is claimed, in a line.
        bounds: for which inputs, states or constants; "all inputs" only where that was proved.
        run: makes the check; answers with what it counted, in a few words.
        quick: whether it belongs to the gates of every test run.
        needs: programs that the machine must have of its own, with what to install for each.
    """

    name: str
    claim: str
    bounds: str
    run: Callable[[Room], str]
    quick: bool = False
    needs: tuple[tuple[str, str], ...] = ()

    def missing(self) -> str | None:
        """Return what is needed and missing, or None."""
        for program, install in self.needs:
            if shutil.which(program) is None:
                return f"{program} is not there: install it ({install})"
        return None


def last(text: str, lines: int = LAST_LINES) -> str:
    """Return the last lines of an output."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


PYTHON: Final = sys.executable
JAVA: Final = ("java", "Debian: apt-get install openjdk-17-jre-headless")

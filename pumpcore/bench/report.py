"""One report from one run: every way checked, then timed against the others of its group, with machine and versions.

The rule of this file: what does not give the expected answer is not timed, and the report says where it differs. If
that is the kernel, there is no report but an `InvariantError`. Floats are quotients of times and nothing else.
"""

from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from pumpcore.bench.groups import Absent, all_groups, processors
from pumpcore.bench.growth import Curve, curves
from pumpcore.bench.timing import Timed, race, today
from pumpcore.errors import InvariantError
from pumpcore.frozen import dataclass, replace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pumpcore.bench.groups import Columns, Group, Way

__all__ = ["GroupResult", "Report", "WayResult", "difference", "machine", "measure", "race_group"]

_PACKAGES: Final = ("pumpcore", "numpy", "numba", "simglucose", "iints-sdk-python35")
_ROUNDS: Final = 31
_SAMPLE_US: Final = 2_000


@dataclass(frozen=True, slots=True)
class WayResult:
    """What became of a way.

    Attributes:
        name: what a reader calls it.
        ours: whether it is the kernel's.
        why_not: why it was not timed; None where it was.
        error_uu: by how much its sum is too large, for a way without pulses; 0 for one whose answer is as expected;
            None for one that was not timed, and for one that makes no answer.
        timed: how long a call took; None where it was not timed.
    """

    name: str
    ours: bool
    why_not: str | None
    error_uu: int | None
    timed: Timed | None


@dataclass(frozen=True, slots=True)
class GroupResult:
    """What became of a group.

    Attributes:
        name: what the answer is.
        unit: what a unit of work is.
        units: how many units of work a call is.
        ways: its ways, in their order.
    """

    name: str
    unit: str
    units: int
    ways: tuple[WayResult, ...]

    def times_base(self, way: WayResult) -> float | None:
        """Return how many times longer a way takes than the first one.

        Args:
            way: one of the group's.

        Returns:
            The quotient of the medians; None where either was not timed.
        """
        base = self.ways[0].timed
        return way.timed.median_ps / base.median_ps if way.timed and base else None

    def unit_ps(self, way: WayResult) -> float | None:
        """Return the time of a way per unit of work.

        Args:
            way: one of the group's.

        Returns:
            The median, picoseconds; None where it was not timed.
        """
        return way.timed.median_ps / self.units if way.timed else None

    def as_json(self) -> dict[str, object]:
        """Write it for JSON.

        Returns:
            A dict of texts, whole numbers, quotients, lists and None.
        """
        return {
            "name": self.name,
            "unit": self.unit,
            "units": self.units,
            "ways": [
                {
                    "name": way.name,
                    "ours": way.ours,
                    "why_not": way.why_not,
                    "error_uu": way.error_uu,
                    "median_ps": way.timed.median_ps if way.timed else None,
                    "least_ps": way.timed.least_ps if way.timed else None,
                    "rounds": way.timed.rounds if way.timed else None,
                    "calls": way.timed.calls if way.timed else None,
                    "unit_ps": _rounded(self.unit_ps(way)),
                    "times_base": _rounded(self.times_base(way)),
                }
                for way in self.ways
            ],
        }


def _rounded(quotient: float | None) -> float | None:
    return None if quotient is None else round(quotient, 3)


@dataclass(frozen=True, slots=True)
class Report:
    """One run.

    Attributes:
        date: the day (UTC).
        machine: what it ran on.
        versions: the version of each package; None where it is not installed.
        groups: the groups.
        growth: the curves of growth; empty where they were not asked for.
    """

    date: str
    machine: dict[str, str | int]
    versions: dict[str, str | None]
    groups: tuple[GroupResult, ...]
    growth: tuple[Curve, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Write it for JSON.

        Returns:
            A dict of texts, whole numbers, quotients, lists and None.
        """
        return {
            "date": self.date,
            "machine": self.machine,
            "versions": self.versions,
            "groups": [group.as_json() for group in self.groups],
            "growth": [curve.as_json() for curve in self.growth],
        }


def machine() -> dict[str, str | int]:
    """Describe the machine.

    Returns:
        The processor's name, how many of them this process may use, the system, and its kind of processor.
    """
    name = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return {"processor": name, "processors": processors(), "system": platform.system(), "kind": platform.machine()}


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def difference(columns: Columns, expected: Columns) -> str | None:
    """Describe the first difference between an answer and the expected one.

    Args:
        columns: the answer.
        expected: what it should be.

    Returns:
        The first difference in words; None where there is none.

    Example:
        >>> import numpy as np
        >>> difference((np.array([5, 7]),), (np.array([5, 8]),))
        'entry 1 is 7 and should be 8'
    """
    for column, right in zip(columns, expected, strict=True):
        if column.shape != right.shape:
            return f"has the shape {column.shape} and should have {right.shape}"
        wrong = np.flatnonzero(column != right)
        if len(wrong):
            first = int(wrong[0])
            return f"entry {first} is {column.flat[first]} and should be {right.flat[first]}"
    return None


def _checked(way: Way, expected: Columns) -> tuple[str | None, int | None]:
    """Return why a way is not timed, if it is not, and its error."""
    answer = way.call()
    if way.error_uu is not None:
        return None, way.error_uu(answer)
    if way.columns is None:
        return None, None
    wrong = difference(way.columns(answer), expected)
    if wrong is None:
        return None, 0
    if way.ours:
        raise InvariantError(f"{way.name}: {wrong}")
    return f"its answer is wrong: {wrong}", None


def race_group(group: Group, *, rounds: int, sample_us: int) -> GroupResult:
    """Check each way of a group, then time those that are right against each other.

    Args:
        group: the group.
        rounds: how many rounds.
        sample_us: how long a sample lasts at least.

    Returns:
        What became of each way.

    Raises:
        InvariantError: the kernel's answer is not the expected one.
    """
    results = []
    running = []
    for way in group.ways:
        if isinstance(way, Absent):
            results.append(WayResult(way.name, ours=False, why_not=way.reason, error_uu=None, timed=None))
            continue
        why_not, error_uu = _checked(way, group.expected)
        if why_not is None:
            running.append((len(results), way.call))
        results.append(WayResult(way.name, way.ours, why_not, error_uu, None))
    times = race([call for _, call in running], rounds=rounds, sample_us=sample_us)
    for (place, _), timed in zip(running, times, strict=True):
        results[place] = replace(results[place], timed=timed)
    return GroupResult(group.name, group.unit, group.units, tuple(results))


def measure(*, quick: bool = False, groups: Iterable[Group] | None = None, growth: bool = False) -> Report:
    """Measure everything once.

    Args:
        quick: with little work and one round: shows that all runs, and no times worth a look.
        groups: what to time instead of everything.
        growth: whether to measure how time and memory grow, too; minutes.

    Returns:
        The report.

    Raises:
        InvariantError: an answer of the kernel is not the expected one.
    """
    rounds, sample_us = (1, 1) if quick else (_ROUNDS, _SAMPLE_US)
    chosen = all_groups(quick=quick) if groups is None else groups
    results = tuple(race_group(group, rounds=rounds, sample_us=sample_us) for group in chosen)
    grown = tuple(curves(quick=quick)) if growth else ()
    return Report(today(), machine(), _versions(), results, grown)

"""Many worlds: run them here, on several processes or on a cluster, and sum up what became of them.

The rules of this file: a world depends on nothing but its task, so results do not depend on where or in which order
worlds were run; each is counted once. A campaign that is large enough must have tried every kind of fault.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from hashlib import blake2b
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from pumpcore.errors import LimitError
from pumpcore.frozen import dataclass, field
from pumpcore.sim.faults import Fault
from pumpcore.sim.setup import CAMPAIGN_MODES, CampaignMode, draw_setup
from pumpcore.sim.world import live
from pumpcore.units import US_PER_DAY, US_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pumpcore.sim.outcome import Outcome

__all__ = ["FULL_DAYS", "Chosen", "Summary", "Task", "run_all", "run_task", "tasks"]

Chosen = Literal["safety", "liveness", "both"]

FULL_DAYS: Final = 150
"""From this many virtual days on, a campaign must have injected every kind of fault."""

RUNS_MOST: Final = 10_000_000
HOURS_MOST: Final = 24 * 366
JOBS_MOST: Final = 1024


class Task(NamedTuple):
    """One world to live through.

    Attributes:
        seed: to draw it from.
        mode: whether its faults go on to the end.
        hours: how long it lasts.
    """

    seed: int
    mode: CampaignMode
    hours: int

    def replay(self) -> str:
        """Return the command that runs just this world again."""
        return f"pumpcore verify --seed {self.seed} --runs 1 --hours {self.hours} --mode {self.mode}"


def tasks(*, seed: int, runs: int, hours: int, mode: Chosen) -> list[Task]:
    """List the worlds of a campaign.

    Args:
        seed: of the first world; each further one has the next.
        runs: how many worlds.
        hours: how long each lasts.
        mode: of all of them; `both`: odd seeds are liveness, even ones safety.

    Raises:
        LimitError: there are none or too many, or they last too long.

    Example:
        >>> tasks(seed=4, runs=2, hours=24, mode="both")
        [Task(seed=4, mode='safety', hours=24), Task(seed=5, mode='liveness', hours=24)]
    """
    for name, value, most in (("runs", runs, RUNS_MOST), ("hours", hours, HOURS_MOST)):
        if value < 1:
            raise LimitError(name, value, 1, "")
        if value > most:
            raise LimitError(name, value, most, "")
    return [
        Task(each, CAMPAIGN_MODES[each % 2] if mode == "both" else mode, hours) for each in range(seed, seed + runs)
    ]


def run_task(task: Task) -> Outcome:
    """Live through one world."""
    return live(draw_setup(task.seed, mode=task.mode, hours=task.hours))


def run_all(todo: list[Task], *, jobs: int = 1) -> Iterator[Outcome]:
    """Run worlds on several processes of this machine.

    Args:
        todo: what to run.
        jobs: how many processes; 1: in this one.

    Yields:
        Outcomes, in the order in which they came to an end.

    Raises:
        LimitError: `jobs` is less than 1 or too many.
    """
    if jobs < 1 or jobs > JOBS_MOST:
        raise LimitError("jobs", jobs, 1 if jobs < 1 else JOBS_MOST, "processes")
    if jobs == 1:
        yield from map(run_task, todo)
        return
    # A process that was forked could hold locks of threads that are not there.
    with ProcessPoolExecutor(min(jobs, len(todo)), mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(run_task, task) for task in todo]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class Summary:
    """What became of a campaign.

    Attributes:
        hours: of each world.
        outcomes: by seed and mode; each world once.
    """

    hours: int
    outcomes: dict[tuple[int, CampaignMode], Outcome] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> bool:
        """Count a world, unless it was counted; say whether it was new."""
        key = outcome.seed, outcome.mode
        if key in self.outcomes:
            return False
        self.outcomes[key] = outcome
        return True

    @classmethod
    def of(cls, hours: int, outcomes: Iterable[Outcome]) -> Summary:
        """Count all of these."""
        summary = cls(hours)
        for outcome in outcomes:
            summary.add(outcome)
        return summary

    @property
    def ordered(self) -> list[Outcome]:
        """All outcomes, by seed."""
        return [self.outcomes[key] for key in sorted(self.outcomes)]

    @property
    def broken(self) -> list[Outcome]:
        """Those in which a requirement did not hold."""
        return [each for each in self.ordered if each.broken is not None]

    @property
    def span_us(self) -> int:
        """Virtual time of all worlds."""
        return sum(each.span_us for each in self.outcomes.values())

    @property
    def faults(self) -> dict[Fault, int]:
        """Faults injected, by kind; kinds without any too."""
        counts: Counter[str] = Counter()
        for each in self.outcomes.values():
            counts.update(each.faults)
        return {kind: counts[kind.name] for kind in Fault}

    @property
    def checks(self) -> dict[str, int]:
        """Checks made, by requirement."""
        counts: Counter[str] = Counter()
        for each in self.outcomes.values():
            counts.update(each.checks)
        return dict(sorted(counts.items()))

    @property
    def untried(self) -> list[Fault]:
        """Kinds of fault that a campaign of this size should have tried, and has not."""
        if self.span_us < FULL_DAYS * US_PER_DAY:
            return []
        return [kind for kind, count in self.faults.items() if not count]

    @property
    def good(self) -> bool:
        """Whether every requirement held, and everything was tried."""
        return not self.broken and not self.untried

    @property
    def digest(self) -> str:
        """Sum up all digests; the same campaign gives the same, wherever it was run."""
        whole = blake2b(digest_size=16)
        for each in self.ordered:
            whole.update(f"{each.seed} {each.mode} {each.digest}\n".encode())
        return whole.hexdigest()

    def count(self, name: Literal["steps", "pulses", "restarts"]) -> int:
        """Sum up a figure of all worlds."""
        return sum(getattr(each, name) for each in self.outcomes.values())

    def replay(self, outcome: Outcome) -> str:
        """Return the command that runs one of these worlds again."""
        return Task(outcome.seed, outcome.mode, self.hours).replay()

    def as_json(self) -> dict[str, object]:
        """Return it as plain data for JSON."""
        return {
            "runs": len(self.outcomes),
            "virtual_hours": self.span_us // US_PER_HOUR,
            "events": self.count("steps"),
            "pulses": self.count("pulses"),
            "restarts": self.count("restarts"),
            "faults": {kind.name: count for kind, count in self.faults.items()},
            "checks": self.checks,
            "untried": [kind.name for kind in self.untried],
            "broken": [
                {
                    "seed": each.seed,
                    "mode": each.mode,
                    "requirement": each.broken.requirement,
                    "what": each.broken.what,
                    "at_us": each.broken.at_us,
                    "replay": self.replay(each),
                }
                for each in self.broken
                if each.broken is not None
            ],
            "digest": self.digest,
            "good": self.good,
        }

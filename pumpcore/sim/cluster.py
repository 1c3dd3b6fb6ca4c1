"""The same campaign on a Dask cluster.

The rule of this file: `distributed` is imported here and only when a campaign asks for a cluster. A world is named by
its task, so a world that was lost with a worker is run again and counted once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from pumpcore.errors import QuantityError
from pumpcore.sim.campaign import Task, run_task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pumpcore.sim.outcome import Outcome

__all__ = ["run_on"]

_RETRIES: Final = 3
_PATIENCE: Final = "30s"


def run_on(scheduler: str, todo: list[Task]) -> Iterator[Outcome]:
    """Live through worlds on a cluster.

    Args:
        scheduler: its address, `tcp://host:port`.
        todo: what to run.

    Yields:
        Outcomes, in the order in which they came to an end; each task's once.

    Raises:
        QuantityError: `distributed` is not installed, or nobody answers at that address.
    """
    if "://" not in scheduler:
        raise QuantityError("scheduler", scheduler, "is not a scheduler address; write it as tcp://host:8786")
    try:
        distributed = import_module("distributed")
    except ImportError as error:
        raise QuantityError("scheduler", scheduler, "needs the extra: pip install pumpcore[cluster]") from error
    try:
        client = distributed.Client(scheduler, timeout=_PATIENCE)
    except OSError as error:
        raise QuantityError("scheduler", scheduler, f"does not answer: {error}") from error
    with client:
        keys = [f"pumpcore-verify-{task.mode}-{task.hours}-{task.seed}" for task in todo]
        futures = client.map(run_task, todo, key=keys, retries=_RETRIES, pure=True)
        for _, outcome in distributed.as_completed(futures, with_results=True):
            yield outcome

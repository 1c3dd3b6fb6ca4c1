"""What was answered to a number is answered again to the same number, and never carried out again."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pumpcore.pump.effects import FirePulse, PrimePulse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pumpcore.pump.effects import Effect

__all__ = ["ANSWERS_KEPT", "with_answer"]

ANSWERS_KEPT: Final = 64


def with_answer(
    answers: Mapping[int, tuple[Effect, ...]], number: int, effects: list[Effect]
) -> Mapping[int, tuple[Effect, ...]]:
    """Return the answers with one more; the oldest goes where there are too many.

    An order is given once: it is not said again.
    """
    again = tuple(effect for effect in effects if not isinstance(effect, FirePulse | PrimePulse))
    kept = {**answers, number: again}
    while len(kept) > ANSWERS_KEPT:
        del kept[next(iter(kept))]
    return MappingProxyType(kept)

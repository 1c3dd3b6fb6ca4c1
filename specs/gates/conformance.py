"""Gates to come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from specs.gates.gate import Gate

GATES: Final[tuple[Gate, ...]] = ()

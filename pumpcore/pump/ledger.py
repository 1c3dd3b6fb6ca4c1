"""Insulin is conserved: every step that was programmed is in exactly one place.

The rule of this file: for each bolus and for basal, steps programmed = commanded + missed + cancelled + still to come,
and steps commanded = outstanding + confirmed + uncertain + failed. A pulse moves from one place to the next and is
never in two. Uncertain counts as delivered for limits and for insulin on board, and as uncertain in the record, until
a later event settles it. Insulin for priming is booked apart.
"""

from __future__ import annotations

from enum import IntEnum, unique
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from pumpcore.errors import QuantityError

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["Account", "Fate", "Ledger", "Order"]


@unique
class Fate(IntEnum):
    """Where a commanded pulse is; code words pairwise four bits apart."""

    OUTSTANDING = 0x33
    CONFIRMED = 0x3C
    UNCERTAIN = 0x55
    FAILED = 0x5A


Channel: TypeAlias = Literal["basal", "extended", "bolus", "prime"]


class Order(NamedTuple):
    """A pulse that was commanded and is not settled.

    Attributes:
        at_us: when it was to leave.
        bolus_id: of which bolus, or 0 for basal and priming.
        channel: of which channel.
        part: what it is for, an `iob.Part` code word; None for priming, which is no therapy insulin.
        steps: how many.
        fate: where it is.
    """

    at_us: int
    bolus_id: int
    channel: Channel
    part: int | None
    steps: int
    fate: Fate = Fate.OUTSTANDING


class Account(NamedTuple):
    """Steps of one bolus, of basal (bolus_id 0), or of priming, by where they are."""

    outstanding: int = 0
    confirmed: int = 0
    uncertain: int = 0
    failed: int = 0
    missed: int = 0

    @property
    def commanded(self) -> int:
        """All that was commanded."""
        return self.outstanding + self.confirmed + self.uncertain + self.failed

    @property
    def counted(self) -> int:
        """What counts as delivered: for limits and for insulin on board."""
        return self.outstanding + self.confirmed + self.uncertain

    def moved(self, steps: int, before: Fate | None, after: Fate) -> Account:
        """Move steps from one place to another, or in from outside (None)."""
        places = [*self]
        if before is not None:
            places[_PLACES[before]] -= steps
        places[_PLACES[after]] += steps
        return tuple.__new__(Account, places)  # twice for every pulse: what `Account._make` does, without a call more

    def with_missed(self, steps: int) -> Account:
        """Book steps that will never be commanded."""
        return Account(self.outstanding, self.confirmed, self.uncertain, self.failed, self.missed + steps)


_PLACES: Final = {fate: Account._fields.index(fate.name.lower()) for fate in Fate}
# Members by their own names: to look one up in its class takes longer, and every pulse does so several times.
_OUTSTANDING: Final = Fate.OUTSTANDING
_CONFIRMED: Final = Fate.CONFIRMED
_UNCERTAIN: Final = Fate.UNCERTAIN
_OUTCOMES: Final = (_CONFIRMED, _UNCERTAIN, Fate.FAILED)
_UNKNOWN: Final = "is not a pulse whose outcome is open"


class Ledger:
    """Where every step is.

    Attributes:
        orders: pulses whose outcome is open, by number: outstanding or uncertain ones. Bounded by what the actuator can
            leave unanswered before the pump stops.
        therapy: all therapy insulin since the pump was made.
        priming: all priming insulin since then.
        boluses: an account for each bolus that is running, and for basal (0).
        next_seq: the number of the next pulse.
        confirmed_us: when therapy insulin was last confirmed.
    """

    __slots__ = ("boluses", "confirmed_us", "next_seq", "orders", "priming", "therapy")

    def __init__(self, at_us: int) -> None:
        """Begin with nothing; the time without insulin is counted from `at_us`."""
        self.orders: dict[int, Order] = {}
        self.therapy = Account()
        self.priming = Account()
        self.boluses: dict[int, Account] = {0: Account()}
        self.next_seq = 1
        self.confirmed_us = at_us

    def copy(self) -> Ledger:
        """Return another ledger with the same content."""
        other = object.__new__(Ledger)
        other.confirmed_us = self.confirmed_us
        other.orders = self.orders.copy()
        other.therapy, other.priming = self.therapy, self.priming
        other.boluses = self.boluses.copy()
        other.next_seq = self.next_seq
        return other

    def command(self, at_us: int, bolus_id: int, steps: int, *, channel: Channel, part: int | None) -> int:
        """Book a pulse as commanded, before it is commanded.

        Args:
            at_us: when it leaves.
            bolus_id: of which bolus, or 0.
            steps: how many.
            channel: of which channel.
            part: what it is for, an `iob.Part` code word; None for priming.

        Returns:
            Its number.
        """
        seq = self.next_seq
        self.next_seq += 1
        self.orders[seq] = Order(at_us, bolus_id, channel, part, steps)
        self._move(self.orders[seq], None, _OUTSTANDING)
        return seq

    def order(self, seq: int) -> Order:
        """Return the open order of that number.

        Raises:
            QuantityError: there is none. Nothing is changed.
        """
        found = self.orders.get(seq)
        if found is None:
            raise QuantityError("seq", seq, _UNKNOWN)
        return found

    def settle(self, seq: int, fate: Fate) -> Order:
        """Book what became of a pulse.

        Args:
            seq: its number.
            fate: confirmed, uncertain or failed.

        Returns:
            The order as it stood before.

        Raises:
            QuantityError: no such pulse is open, or it is uncertain already. Nothing is changed.
        """
        order = self.order(seq)
        if fate not in _OUTCOMES or order.fate is fate:
            raise QuantityError("seq", seq, _UNKNOWN)
        self._move(order, order.fate, fate)
        if fate is _UNCERTAIN:
            self.orders[seq] = order._replace(fate=fate)
        else:
            del self.orders[seq]
        if fate is _CONFIRMED and order.part is not None and order.at_us > self.confirmed_us:
            self.confirmed_us = order.at_us
        return order

    def miss(self, bolus_id: int, steps: int) -> None:
        """Book therapy steps that fell due and will never be commanded."""
        self.therapy = self.therapy.with_missed(steps)
        self.boluses[bolus_id] = self.boluses[bolus_id].with_missed(steps)

    def prune(self, running: Container[int]) -> None:
        """Forget the accounts of boluses that have ended and of which nothing is open any more."""
        for bolus_id in [each for each in self.boluses if each and each not in running]:
            account = self.boluses[bolus_id]
            if not account.outstanding and not account.uncertain:
                del self.boluses[bolus_id]

    def count(self, fate: Fate) -> int:
        """Count the open orders of a fate."""
        return sum(order.fate is fate for order in self.orders.values())

    def last_therapy_us(self, gap_us: int) -> int:
        """Say when therapy insulin came last.

        That is when it was last confirmed; the one pulse after that, while its outcome is not yet due, counts too. A
        pulse that nobody has answered for ends that: an actuator that does not answer delivers nothing that counts.

        Args:
            gap_us: a pulse that comes longer than this after the last confirmed one counts only when it is confirmed.
        """
        confirmed_us = self.confirmed_us
        first = None
        for order in self.orders.values():
            later = order.part is not None and order.at_us > confirmed_us
            if later and (first is None or order.at_us < first.at_us):
                first = order
        if first is None or first.fate is not _OUTSTANDING or first.at_us - confirmed_us > gap_us:
            return confirmed_us
        return first.at_us

    def file_uncertain(self) -> None:
        """Close the orders of which nobody will ever know; they stay uncertain in the accounts."""
        self.orders = {seq: order for seq, order in self.orders.items() if order.fate is not _UNCERTAIN}

    def open_since_us(self) -> int | None:
        """Say since when the oldest pulse has been outstanding, if one is."""
        return min((order.at_us for order in self.orders.values() if order.fate is _OUTSTANDING), default=None)

    def _move(self, order: Order, before: Fate | None, after: Fate) -> None:
        if order.part is None:
            self.priming = self.priming.moved(order.steps, before, after)
            return
        self.therapy = self.therapy.moved(order.steps, before, after)
        account = self.boluses.get(order.bolus_id)
        if account is not None:  # an uncertain pulse may be settled long after its bolus has ended and been recorded
            self.boluses[order.bolus_id] = account.moved(order.steps, before, after)

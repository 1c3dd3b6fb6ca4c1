"""The ledger by examples, and by a drawn history against a book in which each pulse is one line."""

from __future__ import annotations

from itertools import combinations
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpcore.errors import QuantityError
from pumpcore.pump.ledger import Account, Fate, Ledger
from pumpcore.therapy.iob import InsulinPart

START: Final = 1_000
BASAL: Final = InsulinPart.BASAL
OUTCOMES: Final = (Fate.CONFIRMED, Fate.UNCERTAIN, Fate.FAILED)


def ledger_of(*boluses: int) -> Ledger:
    """A ledger with an account for each of some boluses."""
    ledger = Ledger(START)
    for bolus_id in boluses:
        ledger.boluses[bolus_id] = Account()
    return ledger


def everything(ledger: Ledger) -> tuple[object, ...]:
    return (
        dict(ledger.orders),
        ledger.therapy,
        ledger.priming,
        dict(ledger.boluses),
        ledger.next_seq,
        ledger.confirmed_us,
        ledger.open_since_us(),
    )


@pytest.mark.req("DEL-08")
def test_numbers_begin_at_one_and_are_never_used_twice() -> None:
    ledger = ledger_of(7)
    numbers = [
        ledger.command(2_000, 0, 1, channel="basal", part=BASAL),
        ledger.command(2_000, 7, 2, channel="basal", part=BASAL),
        ledger.command(3_000, 0, 1, channel="prime", part=None),
    ]
    ledger.settle(numbers[1], Fate.CONFIRMED)
    numbers.append(ledger.command(4_000, 0, 1, channel="basal", part=BASAL))
    assert numbers == [1, 2, 3, 4]


@pytest.mark.req("DEL-06")
@pytest.mark.parametrize("fate", OUTCOMES)
def test_a_pulse_moves_from_outstanding_to_its_outcome(fate: Fate) -> None:
    ledger = ledger_of(7)
    seq = ledger.command(2_000, 7, 3, channel="basal", part=BASAL)
    assert ledger.therapy == ledger.boluses[7] == Account(outstanding=3)
    before = ledger.settle(seq, fate)
    assert (before.fate, before.steps, before.bolus_id, before.at_us) == (Fate.OUTSTANDING, 3, 7, 2_000)
    assert ledger.therapy == ledger.boluses[7] == Account(**{fate.name.lower(): 3})
    assert ledger.boluses[0] == Account()


@pytest.mark.req("DEL-09")
@pytest.mark.parametrize("fate", [Fate.CONFIRMED, Fate.FAILED])
def test_an_uncertain_pulse_stays_open_until_it_is_settled(fate: Fate) -> None:
    ledger = ledger_of()
    seq = ledger.command(2_000, 0, 2, channel="basal", part=BASAL)
    ledger.settle(seq, Fate.UNCERTAIN)
    assert ledger.order(seq).fate is Fate.UNCERTAIN
    assert ledger.therapy == Account(uncertain=2)
    assert ledger.open_since_us() is None  # nobody waits for it
    ledger.settle(seq, fate)
    assert ledger.therapy == Account(**{fate.name.lower(): 2})
    with pytest.raises(QuantityError):
        ledger.order(seq)


@pytest.mark.req("DEL-08")
@pytest.mark.parametrize("first", OUTCOMES)
@pytest.mark.parametrize("second", [*OUTCOMES, Fate.OUTSTANDING])
def test_a_second_outcome_is_refused_but_for_one_that_settles(first: Fate, second: Fate) -> None:
    ledger = ledger_of(7)
    seq = ledger.command(2_000, 7, 1, channel="basal", part=BASAL)
    ledger.settle(seq, first)
    before = everything(ledger)
    if first is Fate.UNCERTAIN and second in {Fate.CONFIRMED, Fate.FAILED}:
        ledger.settle(seq, second)
        assert everything(ledger) != before
        return
    with pytest.raises(QuantityError, match="seq"):
        ledger.settle(seq, second)
    assert everything(ledger) == before


@pytest.mark.req("DEL-08")
@pytest.mark.parametrize("seq", [0, -1, 2, "1", None])
def test_a_number_that_was_never_given_is_refused(seq: int) -> None:
    ledger = ledger_of()
    ledger.command(2_000, 0, 1, channel="basal", part=BASAL)
    before = everything(ledger)
    with pytest.raises(QuantityError, match="outcome is open"):
        ledger.settle(seq, Fate.CONFIRMED)
    assert everything(ledger) == before


def test_no_pulse_becomes_outstanding_again() -> None:
    ledger = ledger_of()
    seq = ledger.command(2_000, 0, 1, channel="basal", part=BASAL)
    with pytest.raises(QuantityError):
        ledger.settle(seq, Fate.OUTSTANDING)


@pytest.mark.req("DEL-13", "WCH-02")
def test_priming_is_booked_apart_and_is_no_therapy_insulin() -> None:
    ledger = ledger_of()
    seq = ledger.command(2_000, 0, 160, channel="prime", part=None)
    assert ledger.priming == Account(outstanding=160)
    assert ledger.therapy == ledger.boluses[0] == Account()
    ledger.settle(seq, Fate.CONFIRMED)
    assert ledger.priming == Account(confirmed=160)
    assert ledger.therapy == Account()
    assert ledger.confirmed_us == START


@pytest.mark.req("WCH-02")
def test_only_a_confirmation_of_therapy_insulin_counts_as_insulin_that_came_and_never_backwards() -> None:
    ledger = ledger_of()
    first, second, third = (ledger.command(at_us, 0, 1, channel="basal", part=BASAL) for at_us in (2_000, 3_000, 4_000))
    ledger.settle(third, Fate.UNCERTAIN)
    assert ledger.confirmed_us == START
    ledger.settle(second, Fate.CONFIRMED)
    assert ledger.confirmed_us == 3_000  # when it was to come, not when somebody said so
    ledger.settle(first, Fate.CONFIRMED)
    assert ledger.confirmed_us == 3_000
    ledger.settle(third, Fate.FAILED)
    assert ledger.confirmed_us == 3_000


@pytest.mark.req("DEL-06")
def test_missed_steps_are_booked_for_their_bolus_and_in_all() -> None:
    ledger = ledger_of(7)
    ledger.miss(7, 3)
    ledger.miss(0, 2)
    assert (ledger.boluses[7].missed, ledger.boluses[0].missed, ledger.therapy.missed) == (3, 2, 5)
    assert ledger.therapy.commanded == ledger.therapy.counted == 0


def test_the_oldest_outstanding_pulse_gives_the_time_since_when_an_answer_is_awaited() -> None:
    ledger = ledger_of()
    assert ledger.open_since_us() is None
    first, second = (
        ledger.command(2_000, 0, 1, channel="basal", part=BASAL),
        ledger.command(3_000, 0, 1, channel="basal", part=BASAL),
    )
    assert ledger.open_since_us() == 2_000
    ledger.settle(first, Fate.UNCERTAIN)
    assert ledger.open_since_us() == 3_000
    ledger.settle(second, Fate.CONFIRMED)
    assert ledger.open_since_us() is None


@pytest.mark.req("DEL-06")
def test_a_pulse_that_is_settled_after_its_bolus_was_closed_counts_in_all() -> None:
    ledger = ledger_of(7)
    seq = ledger.command(2_000, 7, 1, channel="basal", part=BASAL)
    del ledger.boluses[7]
    ledger.settle(seq, Fate.FAILED)
    assert ledger.therapy == Account(failed=1)
    assert ledger.boluses == {0: Account()}


@pytest.mark.req("DEL-06", "DEL-11")
@pytest.mark.parametrize(
    ("fate", "kept"),
    [(Fate.OUTSTANDING, True), (Fate.UNCERTAIN, True), (Fate.CONFIRMED, False), (Fate.FAILED, False)],
)
def test_an_account_is_kept_until_its_bolus_has_ended_and_nothing_of_it_is_open(fate: Fate, *, kept: bool) -> None:
    ledger = ledger_of(7)
    seq = ledger.command(2_000, 7, 1, channel="bolus", part=BASAL)
    if fate is not Fate.OUTSTANDING:
        ledger.settle(seq, fate)
    ledger.prune({7})
    assert set(ledger.boluses) == {0, 7}
    ledger.prune(())
    assert set(ledger.boluses) == ({0, 7} if kept else {0})


@pytest.mark.req("DEL-11", "DEL-06")
def test_what_nobody_will_ever_know_is_filed_and_stays_uncertain_in_the_accounts() -> None:
    ledger = ledger_of()
    first, second = (ledger.command(at_us, 0, 1, channel="basal", part=BASAL) for at_us in (2_000, 3_000))
    ledger.settle(first, Fate.UNCERTAIN)
    assert (ledger.count(Fate.UNCERTAIN), ledger.count(Fate.OUTSTANDING)) == (1, 1)
    ledger.file_uncertain()
    assert set(ledger.orders) == {second}
    assert ledger.therapy == Account(outstanding=1, uncertain=1)


@pytest.mark.req("WCH-02", "WCH-04")
def test_the_first_pulse_after_the_last_confirmed_one_counts_while_its_outcome_is_awaited() -> None:
    ledger = ledger_of()
    assert ledger.last_therapy_us(10_000) == START
    first = ledger.command(2_000, 0, 1, channel="basal", part=BASAL)
    ledger.command(3_000, 0, 1, channel="basal", part=BASAL)
    assert ledger.last_therapy_us(1_000) == 2_000
    assert ledger.last_therapy_us(999) == START  # it came too late after the last one to count unconfirmed
    ledger.settle(first, Fate.UNCERTAIN)
    assert ledger.last_therapy_us(10_000) == START  # however many come after it
    ledger.settle(first, Fate.CONFIRMED)
    assert ledger.last_therapy_us(10_000) == 3_000


@pytest.mark.req("WCH-02")
def test_a_pulse_of_the_very_instant_of_the_last_confirmed_one_is_not_the_first_after_it() -> None:
    ledger = ledger_of(7)
    basal = ledger.command(2_000, 0, 1, channel="basal", part=BASAL)
    ledger.command(2_000, 7, 1, channel="bolus", part=BASAL)
    ledger.command(3_000, 0, 1, channel="basal", part=BASAL)
    ledger.settle(basal, Fate.CONFIRMED)
    assert ledger.last_therapy_us(1_000) == 3_000


def test_what_an_account_counts() -> None:
    account = Account(outstanding=1, confirmed=20, uncertain=300, failed=4_000, missed=50_000)
    assert account.commanded == 4_321
    assert account.counted == 321
    assert account.moved(1, Fate.OUTSTANDING, Fate.FAILED) == Account(0, 20, 300, 4_001, 50_000)
    assert account.moved(5, None, Fate.OUTSTANDING) == Account(6, 20, 300, 4_000, 50_000)
    assert account.with_missed(7) == Account(1, 20, 300, 4_000, 50_007)


@pytest.mark.req("MOD-08")
def test_code_words_of_fates_differ_in_four_bits() -> None:
    assert all((a ^ b).bit_count() >= 4 for a, b in combinations(Fate, 2))


def test_a_copy_knows_nothing_of_the_other() -> None:
    ledger = ledger_of(7)
    seq = ledger.command(2_000, 7, 1, channel="basal", part=BASAL)
    other = ledger.copy()
    before = everything(ledger)
    assert everything(other) == before
    other.settle(seq, Fate.CONFIRMED)
    other.command(3_000, 7, 1, channel="basal", part=BASAL)
    other.miss(7, 1)
    del other.boluses[7]
    assert everything(ledger) == before


ACTIONS: Final = st.lists(
    st.one_of(
        st.tuples(st.just("command"), st.integers(0, 2), st.integers(1, 9), st.booleans()),
        st.tuples(st.just("settle"), st.integers(0, 20), st.sampled_from(list(Fate)), st.just(True)),  # noqa: FBT003
        st.tuples(st.just("miss"), st.integers(0, 2), st.integers(1, 9), st.just(True)),  # noqa: FBT003
    ),
    max_size=40,
)


@pytest.mark.req("DEL-06", "DEL-08")
@given(actions=ACTIONS)
def test_every_step_is_in_exactly_one_place(actions: list[tuple[str, int, int, bool]]) -> None:
    ledger = ledger_of(1, 2)
    book: dict[int, tuple[int, int, bool, Fate]] = {}
    missed = [0, 0, 0]
    for at_us, (action, which, what, therapy) in enumerate(actions, start=START):
        if action == "command":
            bolus_id = which if therapy else 0
            book[ledger.command(at_us, bolus_id, what, channel="basal", part=BASAL if therapy else None)] = (
                bolus_id,
                what,
                therapy,
                Fate.OUTSTANDING,
            )
        elif action == "miss":
            ledger.miss(which, what)
            missed[which] += what
        else:
            fate, line = Fate(what), book.get(which)
            allowed = line is not None and (
                (line[3] is Fate.OUTSTANDING and fate is not Fate.OUTSTANDING)
                or (line[3] is Fate.UNCERTAIN and fate in {Fate.CONFIRMED, Fate.FAILED})
            )
            before = everything(ledger)
            if allowed and line is not None:
                ledger.settle(which, fate)
                book[which] = (*line[:3], fate)
            else:
                with pytest.raises(QuantityError):
                    ledger.settle(which, fate)
                assert everything(ledger) == before

    def account(*, therapy: bool, bolus_id: int | None, missing: int) -> Account:
        lines = [line for line in book.values() if line[2] is therapy and bolus_id in {None, line[0]}]
        sums = {fate: sum(line[1] for line in lines if line[3] is fate) for fate in Fate}
        return Account(**{fate.name.lower(): steps for fate, steps in sums.items()}, missed=missing)

    assert ledger.therapy == account(therapy=True, bolus_id=None, missing=sum(missed))
    assert ledger.priming == account(therapy=False, bolus_id=None, missing=0)
    for bolus_id in range(3):
        assert ledger.boluses[bolus_id] == account(therapy=True, bolus_id=bolus_id, missing=missed[bolus_id])
    open_ones = {seq for seq, line in book.items() if line[3] in {Fate.OUTSTANDING, Fate.UNCERTAIN}}
    assert set(ledger.orders) == open_ones

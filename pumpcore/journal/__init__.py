"""The journal: the durable record of a pump, and the way back from it.

The rules of this package:

1. **Nothing leaves before it is on record.** An event and all effects that it leads to become durable together, in one
   row, before any effect is handed out. So no pulse is ever commanded of which the record does not know the intent, and
   after a power cut at any instant the record knows of at most more insulin than was delivered, never of less.
2. **No record, no insulin.** When the store fails, the step is taken back as a whole and raises a `JournalError`; from
   then on the pump goes on in memory, in alarm (`RECORD_DAMAGED`), and no order to move insulin leaves the journal any
   more: what would be commanded is withheld and told to the pump as failed. Only a journal that was opened anew, from
   what is durable, delivers again. That the record works again cannot be told to the one that failed. The host that
   opens it anew says so, `recover(after_failure=True)`, also where it does not know that none failed: what the failed
   one told as ended is then ended on record too, in alarm, and not delivered a second time.
3. **An open intent is uncertain.** After a restart, `recover` takes every pulse without an outcome as uncertain: it
   counts as delivered for limits and insulin on board until a later event settles it. Its number is never given out
   again, and an order is handed out once.
4. **The record is the pump.** Replaying it gives the pump that wrote it, byte for byte in its snapshot; a replay that
   is answered otherwise than is recorded is damage. An event that was refused changed nothing, and is not recorded.
5. **Damage is said, never stepped over.** Each row is sealed (`rows`). The first that is not good is named, what stands
   before it can still be read, nothing is overwritten, and `Journal.salvage` is the one way to go on: in a new journal,
   in alarm.
6. **It is bounded.** A checkpoint (the whole pump) begins a new segment; the oldest segments are dropped, or archived
   first, when there are more than `Bounds` says. The chain goes through: a checkpoint names the hash before it.
7. Row numbers grow by one. No clock, and no wall clock at all, has a part in them.

A row tells what happened in the words of the Insulin Delivery Service's history: `Entry` keeps programmed, commanded,
confirmed and uncertain apart; `row_codec` has the format of what a row says, `sqlite` that of the file.

| module | its one responsibility |
|---|---|
| rows | what a row is, and whether it is good |
| row_codec | what a row says: event and effects as a line, and back |
| store, sqlite | where rows are kept: in memory, in a file |
| replay, salvage | from rows to the pump; from damaged rows to what can be vouched for |
| journal | `Journal`, which keeps the rules above |
| delivered | what was delivered, with the wall clock that it had |
| export | lines of JSON: our own, Nightscout's, Tidepool's |
"""

from __future__ import annotations

from pumpcore.journal.journal import Bounds, Failure, Journal, Record, read_row, verify
from pumpcore.journal.rows import Damage, Entry, Row, Walk, seal
from pumpcore.journal.store import MemoryStore, Store

__all__ = [
    "Bounds",
    "Damage",
    "Entry",
    "Failure",
    "Journal",
    "MemoryStore",
    "Record",
    "Row",
    "Store",
    "Walk",
    "read_row",
    "seal",
    "verify",
]

"""The store in a file: SQLite, with what it takes to lose nothing.

The rules of this file:

- A journal is three files: `NAME`, a SQLite database; `NAME-wal`, its write-ahead log, which is there while the journal
  is open and after a power cut; and `NAME-head`. They belong together: who copies one copies all.
- Write-ahead log with `synchronous=FULL`: what `append` was asked to keep is on the disk when it returns.
- The head file says which row was the last, and its chain: two slots of 512 bytes, written in turn after each commit,
  so that a torn one leaves the other. SQLite takes the first damaged frame of a write-ahead log for the end of it; with
  the head file, rows that are lost that way, or by a file that was cut off, are missed. It is not synced on its own:
  after a power cut it may name an older row (and then vouches for less), but never one that was not durable.
- Nothing is written to a journal before all of it was found good; a damaged one is never changed.
- The log is given its room at once, because a commit into a file that grows costs a second write of the file system's
  own: 4 MiB. What stands there beyond the last commit belongs to nobody.
- One process: the head file is locked as long as the store is open, and the database too while it is written to.
  Readers share the lock with one another, never with a writer.
- What no row and no check covers (a page that is free, the unused end of a page) may change without being damage:
  nothing readable is different then. Damage of the database's own structure is found when it is opened for writing,
  or verified. Who salvages goes without that check (`structure=False`), and reads on behind what cannot be read: every
  row is looked for by its number.

The table, whose rows are those of `rows`:

    CREATE TABLE row (seq INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, entries INTEGER NOT NULL, body BLOB NOT NULL,
                      crc INTEGER NOT NULL, chain BLOB NOT NULL) STRICT

`application_id` is 0x70756d70 ("pump"), `user_version` the version of the format, 1. `entries` has the bits of `Entry`:
`SELECT * FROM row WHERE entries & 4` has all rows that command therapy insulin, 8 those that confirm it, 16 those that
make it uncertain, 2 those that programme it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from struct import Struct
from struct import error as StructError  # noqa: N812  # it is a class
from typing import TYPE_CHECKING, Final, NamedTuple, Self
from urllib.parse import quote
from zlib import crc32

from pumpcore.errors import JournalError
from pumpcore.journal.rows import CHAIN_START, Row, is_whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["SqliteStore"]

_APPLICATION: Final = 0x70756D70
_VERSION: Final = 1
_TABLE: Final = (
    "CREATE TABLE row (seq INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, entries INTEGER NOT NULL, body BLOB NOT NULL,"
    " crc INTEGER NOT NULL, chain BLOB NOT NULL) STRICT"
)
_ROWS: Final = (
    "SELECT seq, ifnull(CAST(at_us AS INTEGER), 0), ifnull(CAST(entries AS INTEGER), 0),"
    " ifnull(CAST(body AS BLOB), x''), ifnull(CAST(crc AS INTEGER), 0), ifnull(CAST(chain AS BLOB), x'') FROM row"
)
"""Each value as what it must be: SQLite checks a column's kind when a row is written, not when it is read."""
_ROWS_PER_PAGE: Final = 128
"""More rows than have room on a page: one takes 33 bytes or more, the shortest body being `[0,[]]`."""
_UNREADABLE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR)
_SLOT: Final = 512
_LOG_BYTES: Final = 1024 * (4096 + 24) + 32
"""Room for what SQLite writes into its log before it merges it (1000 pages), and for the commit that goes beyond."""
_HEAD: Final = Struct(">8sQ16s")
_HEAD_CRC: Final = Struct(">I")
_MAGIC: Final = b"pumphead"


class _Head(NamedTuple):
    """The last row, as the head file says."""

    seq: int
    chain: bytes


class SqliteStore:
    """Keeps rows in a SQLite file. Made by `create` or `open`.

    Example:
        >>> import tempfile
        >>> from pumpcore.devices import load
        >>> from pumpcore.pump.events import Tick
        >>> from pumpcore.journal import Journal
        >>> from pumpcore.pump import Config
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = f"{folder.name}/pump.journal"
        >>> journal = Journal.create(SqliteStore.create(path), Config(device=load("generic-0.05")), at_us=0)
        >>> journal.step(Tick(1_000_000))
        ()
        >>> journal.close()
        >>> journal = Journal.open(SqliteStore.open(path))
        >>> journal.status.at_us
        1000000
        >>> journal.close()
        >>> folder.cleanup()
    """

    def __init__(self, path: Path, head_fd: int | None, *, writes: bool) -> None:
        """Take over a lock; use `create` or `open`."""
        self._path = path
        self._head_fd = head_fd
        self._writes = writes
        self._salvages = False
        self._writer: sqlite3.Connection | None = None
        self._broken: str | None = None

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> Self:
        """Make an empty store in new files.

        Args:
            path: where; neither it nor its companions may be there.

        Raises:
            JournalError: it is there already, or cannot be made. What is there is not changed.
        """
        place = Path(path)
        for each in (_beside(place, ending) for ending in ("", "-wal", "-head")):
            if os.path.lexists(each):
                raise JournalError(f"{each}: already exists")
        try:
            head_fd = os.open(_beside(place, "-head"), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalError(f"{place}: cannot be created: {error.strerror or error}") from error
        store = cls(place, head_fd, writes=True)
        try:
            _lock(head_fd, place, fcntl.LOCK_EX)
            os.write(head_fd, bytes(2 * _SLOT))
            os.close(os.open(place, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            store._writer = _connected(place)
            store._writer.executescript(
                f"PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_VERSION}; {_TABLE};"
            )
            store._put_head(0, CHAIN_START)
            os.fsync(head_fd)
            _sync_folder(place)
        except (OSError, sqlite3.Error) as error:
            store.close()
            for ending in ("", "-wal", "-head"):  # which were not there before
                _beside(place, ending).unlink(missing_ok=True)
            raise JournalError(f"{place}: cannot be created: {error}") from error
        return store

    @classmethod
    def open(cls, path: str | os.PathLike[str], *, writes: bool = True, structure: bool = True) -> Self:
        """Open a store.

        Args:
            path: of the database.
            writes: whether it is to be written to; otherwise several may read it at a time, nothing is changed, and a
                missing head file is no reason to refuse.
            structure: whether to check the database's own structure first; only who salvages does without. Then `rows`
                does not end at a row that cannot be read, but yields one in its place that is not good, and goes on.

        Raises:
            JournalError: there is no such file, it is no journal or one of another version, its structure is damaged,
                it cannot be written to, or is open in another process. Nothing is changed.
        """
        place = Path(path)
        if not place.is_file():
            raise JournalError(f"{place}: file not found")
        store = cls(place, _head_fd(place, writes=writes), writes=writes)
        store._salvages = not structure
        try:
            if store._head_fd is not None:
                _lock(store._head_fd, place, fcntl.LOCK_EX if writes else fcntl.LOCK_SH)
            store._look()
        except BaseException:
            store.close()
            raise
        return store

    @property
    def vouched(self) -> bool:
        """Whether a head file is there, without which nobody can say that the last rows are there."""
        return self._head_fd is not None

    def append(self, rows: Sequence[Row], *, drop_before: int = 0) -> None:
        """Keep rows after all others, and drop old ones, durably: all of it or nothing.

        Raises:
            JournalError: it could not be done. The store takes nothing more.
        """
        if self._broken is not None or not self._writes or self._head_fd is None:
            raise JournalError(f"{self._path}: {self._broken or 'is open read-only'}")
        try:
            if self._writer is None:
                self._writer = _connected(self._path)
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.executemany("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?)", rows)
            if drop_before:
                self._writer.execute("DELETE FROM row WHERE seq < ?", (drop_before,))
            self._writer.execute("COMMIT")
            if rows:
                self._put_head(rows[-1].seq, rows[-1].chain)
        except (OSError, sqlite3.Error) as error:
            self._broken = f"cannot be written: {error}"
            raise JournalError(f"{self._path}: {self._broken}") from error

    def rows(self) -> Iterator[Row]:
        """Yield all rows in order.

        Raises:
            JournalError: the file cannot be read on, or rows are missing at its end.
        """
        head = self._read_head()
        last = 0
        try:
            with closing(self._reading()) as cursor:
                for row in _found(cursor, 0 if head is None else head.seq) if self._salvages else _all(cursor):
                    if head is not None and row.seq == head.seq and row.chain not in {head.chain, b""}:
                        raise JournalError(f"{self._path}: row {row.seq} differs from the one named in the head file")
                    yield row
                    last = row.seq
        except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:  # the last: SQLite quotes the file
            raise JournalError(f"{self._path}: cannot be read: {error}") from error
        if head is not None and last < head.seq:
            raise JournalError(f"{self._path}: rows {last + 1} to {head.seq} are missing at the end")

    def close(self) -> None:
        """Merge the write-ahead log, and let go of files and locks."""
        writer, self._writer = self._writer, None
        head_fd, self._head_fd = self._head_fd, None
        try:
            if writer is not None:
                writer.close()
        finally:
            if head_fd is not None:
                os.close(head_fd)

    # How it is done -------------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Raise an error if this is not a journal of ours, or cannot be used as requested."""
        if self._writes and not (os.access(self._path, os.W_OK) and os.access(self._path.absolute().parent, os.W_OK)):
            raise JournalError(f"{self._path}: cannot be written to")
        try:
            with closing(self._reading()) as cursor:
                application = cursor.execute("PRAGMA application_id").fetchone()[0]
                version = cursor.execute("PRAGMA user_version").fetchone()[0]
                if application != _APPLICATION:
                    raise JournalError(f"{self._path}: not a pumpcore journal")
                if version != _VERSION:
                    raise JournalError(
                        f"{self._path}: has format version {version}; this version of pumpcore reads version {_VERSION}"
                    )
                if not self._salvages:
                    said = cursor.execute("PRAGMA quick_check(1)").fetchone()[0]
                    if said != "ok":
                        raise JournalError(f"{self._path}: its structure is damaged: {' '.join(said.split())}")
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise JournalError(f"{self._path}: not a pumpcore journal: {error}") from error

    def _reading(self) -> sqlite3.Cursor:
        """Begin to read, without changing anything: where nobody writes, on a connection that cannot."""
        if self._writer is not None:
            return self._writer.cursor()
        wal = _beside(self._path, "-wal")
        pending = wal.is_file() and wal.stat().st_size > 0
        # Without a log the file is all there is; SQLite would make a log and an index only to find them empty.
        how = "mode=ro" if pending else "mode=ro&immutable=1"
        connection = sqlite3.connect(_uri(self._path, how), uri=True, isolation_level=None, check_same_thread=False)
        return _LastCursor(connection, _beside(self._path, "-shm") if pending else None)

    def _put_head(self, seq: int, chain: bytes) -> None:
        if self._head_fd is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        head = _HEAD.pack(_MAGIC, seq, chain)
        os.pwrite(self._head_fd, head + _HEAD_CRC.pack(crc32(head)), _SLOT * (seq % 2))

    def _read_head(self) -> _Head | None:
        """Read the newer slot that is good.

        Raises:
            JournalError: neither is.
        """
        if self._head_fd is None:
            return None
        slots = [_slot(os.pread(self._head_fd, _HEAD.size + _HEAD_CRC.size, at)) for at in (0, _SLOT)]
        good = [slot for slot in slots if slot is not None]
        if not good:
            raise JournalError(f"{_beside(self._path, '-head')}: not a valid head file")
        return max(good)


class _LastCursor(sqlite3.Cursor):
    """A cursor that closes its connection with itself, and takes away the index of the log that SQLite left."""

    def __init__(self, connection: sqlite3.Connection, index: Path | None) -> None:
        super().__init__(connection)
        self._index = index

    def close(self) -> None:
        super().close()
        self.connection.close()
        # Made anew from the log by whoever reads next; writers do without.
        if self._index is not None:
            self._index.unlink(missing_ok=True)


def _all(cursor: sqlite3.Cursor, *, least: int = -(2**63)) -> Iterator[Row]:
    return map(Row._make, cursor.execute(f"{_ROWS} WHERE seq >= ? ORDER BY seq", (least,)))


def _found(cursor: sqlite3.Cursor, known: int) -> Iterator[Row]:
    """Yield every row that can be read; in place of one that cannot, one that is not good.

    Behind what cannot be read, rows are looked for one by one, by their numbers, until reading goes on. That is bounded
    by how many the file has room for.

    Args:
        cursor: is used up.
        known: the number of a row that was kept, at or near the end; 0: nobody knows one.

    Raises:
        sqlite3.Error: nothing at all can be read, or reading fails for another reason than damage.
    """
    cursor.execute("SELECT seq FROM row WHERE 0")  # without the table there is nothing to look for
    room = cursor.execute("PRAGMA page_count").fetchone()[0] * _ROWS_PER_PAGE
    at = 0
    for _ in range(room + 1):
        try:
            for row in _all(cursor, least=at + 1):
                yield row
                # The number of a row that is not whole may be any; each goes further, so that this ends.
                at = max(at, row.seq) if is_whole(row) else at + 1
        except sqlite3.DatabaseError as error:
            _must_be_damage(error)
        else:
            return
        at = max(at, known - room) + 1
        if at > _last(cursor, known):
            return
        yield from _one(cursor, at)


def _one(cursor: sqlite3.Cursor, seq: int) -> list[Row]:
    """Read one row: nothing if there is none, and a row that is not good if it cannot be read."""
    try:
        return [Row._make(each) for each in cursor.execute(f"{_ROWS} WHERE seq = ?", (seq,))]
    except sqlite3.DatabaseError as error:
        _must_be_damage(error)
        return [Row(seq, 0, 0, b"", 0, b"")]


def _last(cursor: sqlite3.Cursor, known: int) -> int:
    """Return the number of the last row; the head file may name an earlier one."""
    try:
        return max(known, int(cursor.execute("SELECT ifnull(max(seq), 0) FROM row").fetchone()[0]))
    except sqlite3.DatabaseError:
        if not known:
            raise
        return known


def _must_be_damage(error: sqlite3.DatabaseError) -> None:
    """Raise an error again that does not come from what stands in the file."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _UNREADABLE:  # the other bits say more closely where
        raise error


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _uri(path: Path, how: str) -> str:
    return f"file:{quote(str(path.absolute()))}?{how}"


def _connected(path: Path) -> sqlite3.Connection:
    """Connect to write."""
    connection = sqlite3.connect(
        _uri(path, "mode=rw"), uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
    try:
        # In this order: with the lock of its own first, SQLite keeps the log's index in memory, not in a third file.
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise sqlite3.OperationalError(f"no write-ahead log, but {mode}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("BEGIN IMMEDIATE")  # now there is a log
        connection.execute("COMMIT")
        _make_room(_beside(path, "-wal"))
    except (sqlite3.Error, OSError):
        connection.close()
        raise
    return connection


def _make_room(wal: Path) -> None:
    """Let the log have its full size; SQLite stops reading at the first frame that is none."""
    log = os.open(wal, os.O_RDWR | os.O_CLOEXEC)
    try:
        size = os.fstat(log).st_size
        if size < _LOG_BYTES:
            os.pwrite(log, bytes(_LOG_BYTES - size), size)
            os.fsync(log)
    finally:
        os.close(log)


def _head_fd(path: Path, *, writes: bool) -> int | None:
    head = _beside(path, "-head")
    try:
        return os.open(head, (os.O_RDWR if writes else os.O_RDONLY) | os.O_CLOEXEC)
    except FileNotFoundError as error:
        if not writes:
            return None
        raise JournalError(f"{head}: is missing, so the last rows cannot be confirmed; use Journal.salvage") from error
    except OSError as error:
        raise JournalError(f"{head}: cannot be opened: {error.strerror or error}") from error


def _lock(head_fd: int, path: Path, how: int) -> None:
    try:
        fcntl.flock(head_fd, how | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise JournalError(f"{path}: is open in another process") from error


def _slot(data: bytes) -> _Head | None:
    try:
        magic, seq, chain = _HEAD.unpack(data[: _HEAD.size])
        (crc,) = _HEAD_CRC.unpack(data[_HEAD.size :])
    except StructError:
        return None
    return _Head(seq, chain) if magic == _MAGIC and crc == crc32(data[: _HEAD.size]) else None


def _sync_folder(path: Path) -> None:
    """Make the names of new files durable."""
    folder = os.open(path.absolute().parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)

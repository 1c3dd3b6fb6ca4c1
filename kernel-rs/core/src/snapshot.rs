//! An engine as bytes, and back: versioned, with a checksum, and refused unless every invariant holds again.
//!
//! Only what cannot be computed is written: where a stream stands follows from the law in closed form. All integers are
//! little-endian. Code words for kinds and options are pairwise four bit flips apart (as in the Bluetooth Insulin Delivery
//! Service), and the CRC-32 finds any three flips in so short a record, so what is restored is what was written.

use core::fmt;

use crate::caps::{Caps, DAY_BUCKETS, HOUR_BUCKETS};
use crate::delivery::{BASAL_ID, Book, Channel, Delivery, LANES, Queue, WAITING_MOST};
use crate::error::{Error, Result};
use crate::law::{Actuator, Kind, Release, Train};
use crate::ramp::{NEVER_US, Stream};
use crate::range::{DAY_CAP_UU, HOUR_CAP_UU, RATE_UU_PER_H, Range, TIME_US, TRAIN_ID};

/// The version that this crate writes, and the only one that it reads.
pub const VERSION: u16 = 1;

const MAGIC: [u8; 4] = *b"PCKD";
const CRC_BYTES: usize = 4;
const TRAIN_BYTES: usize = 1 + 4 + 8 + 8 + 4 + 3 * 8;
/// The most bytes that a snapshot has.
pub const BYTES_MOST: usize = 4 + 2 // magic, version
    + 4 + 8 + 8 // actuator
    + 8 + 4 + 8 + 8 + 8 // now, rate, rest, next id, ready
    + 3 * 8 // basal
    + 1 + (LANES - 1) * TRAIN_BYTES
    + 1 + WAITING_MOST
    + 2 * (1 + 8) + (HOUR_BUCKETS + DAY_BUCKETS) * 4
    + CRC_BYTES;

const NONE: u8 = 0x33;
const SOME: u8 = 0x3C;

/// What is wrong with bytes that should be a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// They do not begin as a snapshot does.
    NoSnapshot,
    /// They are of another version.
    Version {
        /// The version they say they are.
        found: u16,
    },
    /// Too few or too many.
    Length {
        /// How many there are.
        found: usize,
    },
    /// The checksum does not match.
    Checksum,
    /// A field holds what no engine writes.
    Field {
        /// The field's name.
        name: &'static str,
    },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NoSnapshot => write!(f, "the bytes do not begin as a snapshot does"),
            Self::Version { found } => write!(f, "version {found} where version {VERSION} is read"),
            Self::Length { found } => write!(f, "{found} bytes are too few or too many"),
            Self::Checksum => write!(f, "the checksum does not match: the bytes are damaged"),
            Self::Field { name } => write!(f, "field {name} holds what no engine writes"),
        }
    }
}

/// A snapshot's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    bytes: [u8; BYTES_MOST],
    len: usize,
}

impl Snapshot {
    /// The bytes to keep.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        // Never fails because BYTES_MOST is the sum of all fields at their most; a test fills an engine to show it.
        let room = self.bytes.get_mut(self.len..).and_then(<[u8]>::first_chunk_mut);
        if let Some(place) = room {
            *place = bytes;
        }
        self.len = self.len.saturating_add(N);
    }

    fn put_cap(&mut self, most_steps: Option<u64>) {
        self.put([if most_steps.is_some() { SOME } else { NONE }]);
        self.put(most_steps.unwrap_or(0).to_le_bytes());
    }
}

/// Reads fields one after the other; the name of the field goes into the error.
struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let short = Error::Snapshot(Damage::Length { found: self.total });
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(short)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn u64(&mut self) -> Result<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u8(&mut self) -> Result<u8> {
        self.take().map(u8::from_le_bytes)
    }

    fn cap(&mut self, range: &'static Range, step_uu: u64) -> Result<Option<u64>> {
        let bad = damaged(range.id);
        let (flag, steps) = (self.u8()?, self.u64()?);
        match flag {
            NONE if steps == 0 => Ok(None),
            SOME => {
                let amount_uu = steps.checked_mul(step_uu).ok_or(bad)?;
                range.check(amount_uu).map_err(|_| bad)?;
                Ok(Some(steps))
            }
            _ => Err(bad),
        }
    }
}

const fn damaged(name: &'static str) -> Error {
    Error::Snapshot(Damage::Field { name })
}

fn must(holds: bool, name: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(damaged(name)) }
}

const fn code_of(kind: Kind) -> u8 {
    match kind {
        Kind::Basal => 0x33,
        Kind::Extended => 0x3C,
        Kind::Bolus => 0x55,
    }
}

/// CRC-32 as in IEEE 802.3.
#[must_use]
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let lowest = crc & 1;
            crc = (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(lowest));
        }
    }
    !crc
}

impl Delivery {
    /// Writes the engine down.
    ///
    /// # Examples
    /// ```
    /// use pumpcore_kernel::{Actuator, Delivery};
    /// let engine = Delivery::new(Actuator::new(50_000, 0, 0)?, 0, Some(10_000_000), None)?;
    /// let snapshot = engine.snapshot();
    /// assert_eq!(Delivery::restore(snapshot.as_bytes())?.snapshot(), snapshot);
    /// # Ok::<(), pumpcore_kernel::Error>(())
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut out = Snapshot { bytes: [0; BYTES_MOST], len: 0 };
        let (gap_us, grid_us) = match self.actuator.release() {
            Release::Free => (0, 0),
            Release::Gap(gap_us) => (gap_us.get(), 0),
            Release::Grid(grid_us) => (0, grid_us.get()),
        };
        out.put(MAGIC);
        out.put(VERSION.to_le_bytes());
        out.put(narrow(self.actuator.step_uu()).to_le_bytes());
        out.put(gap_us.to_le_bytes());
        out.put(grid_us.to_le_bytes());
        out.put(self.now_us.to_le_bytes());
        out.put(narrow(self.rate_uu_per_h).to_le_bytes());
        out.put(self.rest_fine().to_le_bytes());
        out.put(self.next_id.to_le_bytes());
        out.put(self.ready_us.to_le_bytes());
        let channels = self.channels.get(..self.used).unwrap_or_default();
        for (index, Channel { kind, book, .. }) in channels.iter().enumerate() {
            if let Some(train) = book.train {
                out.put([code_of(*kind)]);
                out.put(book.id.to_le_bytes());
                out.put(train.start_us().to_le_bytes());
                out.put(train.duration_us().get().to_le_bytes());
                out.put(narrow(train.steps().get()).to_le_bytes());
            }
            out.put(book.delivered_steps.to_le_bytes());
            out.put(book.missed_steps.to_le_bytes());
            out.put(book.waiting_steps.to_le_bytes());
            if index == 0 {
                out.put([byte(self.used.saturating_sub(1))]);
            }
        }
        out.put([byte(self.queue.ids().len())]);
        for id in self.queue.ids() {
            let lane = channels.iter().position(|lane| lane.book.id == *id);
            out.put([byte(lane.unwrap_or(usize::MAX))]);
        }
        out.put_cap(self.caps.hour().most_steps());
        out.put_cap(self.caps.day().most_steps());
        for steps in self.caps.hour().oldest_first(self.now_us) {
            out.put(steps.to_le_bytes());
        }
        for steps in self.caps.day().oldest_first(self.now_us) {
            out.put(steps.to_le_bytes());
        }
        let crc = crc32(out.as_bytes());
        out.put(crc.to_le_bytes());
        out
    }

    /// Makes the engine that was written down.
    ///
    /// # Errors
    /// [`Error::Snapshot`] with what is wrong: no snapshot, another version, too few or too many bytes, a checksum that
    /// does not match, or a field that holds what no engine writes.
    pub fn restore(bytes: &[u8]) -> Result<Self> {
        let length = Error::Snapshot(Damage::Length { found: bytes.len() });
        let Some((body, crc)) = bytes.split_last_chunk::<CRC_BYTES>() else {
            return Err(length);
        };
        let mut from = Reader { rest: body, total: bytes.len() };
        if from.take()? != MAGIC {
            return Err(Error::Snapshot(Damage::NoSnapshot));
        }
        let found = u16::from_le_bytes(from.take()?);
        if found != VERSION {
            return Err(Error::Snapshot(Damage::Version { found }));
        }
        if u32::from_le_bytes(*crc) != crc32(body) {
            return Err(Error::Snapshot(Damage::Checksum));
        }
        let (step_uu, gap_us, grid_us) = (from.u32()?, from.u64()?, from.u64()?);
        let actuator = Actuator::new(u64::from(step_uu), gap_us, grid_us).map_err(|_| damaged("actuator"))?;
        let now_us = TIME_US.check(from.u64()?).map_err(|_| damaged("now_us"))?;
        let mut engine = Self::new(actuator, now_us, None, None)?;
        engine.rate_uu_per_h = RATE_UU_PER_H.check(u64::from(from.u32()?)).map_err(|_| damaged("rate_uu_per_h"))?;
        let rest_fine = from.u64()?;
        must(rest_fine < actuator.step_fine().get(), "rest_fine")?;
        engine.restart_basal(rest_fine);
        engine.next_id = from.u64()?;
        must((TRAIN_ID.least..=TRAIN_ID.largest.saturating_add(1)).contains(&engine.next_id), "next_id")?;
        engine.ready_us = from.u64()?;
        must(engine.ready_us <= now_us.saturating_add(gap_us), "ready_us")?;
        if let Some(basal) = engine.channels.first_mut() {
            basal.book = Book::new(BASAL_ID, None, from.u64()?, from.u64()?, from.u64()?);
        }
        for _ in 0..from.u8()? {
            engine.restore_train(&mut from)?;
        }
        engine.restore_queue(&mut from)?;
        let hour = from.cap(&HOUR_CAP_UU, actuator.step_uu())?;
        let day = from.cap(&DAY_CAP_UU, actuator.step_uu())?;
        let mut hour_buckets = [0; HOUR_BUCKETS];
        for bucket in &mut hour_buckets {
            *bucket = from.u32()?;
        }
        let mut day_buckets = [0; DAY_BUCKETS];
        for bucket in &mut day_buckets {
            *bucket = from.u32()?;
        }
        engine.caps = Caps::from_parts(now_us, hour, day, &hour_buckets, &day_buckets);
        if from.rest.is_empty() { Ok(engine) } else { Err(length) }
    }

    fn restore_train(&mut self, from: &mut Reader<'_>) -> Result<()> {
        let kind = match from.u8()? {
            code if code == code_of(Kind::Extended) => Kind::Extended,
            code if code == code_of(Kind::Bolus) => Kind::Bolus,
            _ => return Err(damaged("trains.kind")),
        };
        let id = from.u32()?;
        let known = self.channels.iter().take(self.used).any(|lane| lane.book.id == id);
        must(!known && u64::from(id) < self.next_id, "trains.id")?;
        let (start_us, duration_us, steps) = (from.u64()?, from.u64()?, from.u32()?);
        let amount_uu = u64::from(steps).saturating_mul(self.actuator.step_uu());
        let train = Train::new(&self.actuator, kind, start_us, duration_us, amount_uu);
        let train = train.map_err(|_| damaged("trains"))?;
        let book = Book::new(id, Some(train), from.u64()?, from.u64()?, from.u64()?);
        // What fell due by now is delivered, missed or waits: conservation, checked against the closed form.
        let due_steps = train.count_at(self.now_us);
        let booked = book.delivered_steps.checked_add(book.missed_steps);
        must(booked.and_then(|booked| booked.checked_add(book.waiting_steps)) == Some(due_steps), "trains.steps")?;
        let stream = Stream::train(&train, due_steps.saturating_add(1));
        must(stream.next_us() != NEVER_US || book.waiting_steps > 0, "trains.steps")?;
        must(self.used < LANES, "trains")?;
        let before = self.used;
        self.insert(train, stream, book)?;
        // Engines write trains in tie order, so each goes behind those before it.
        must(self.channels.get(before).is_some_and(|lane| lane.book.id == id), "trains.order")
    }

    fn restore_queue(&mut self, from: &mut Reader<'_>) -> Result<()> {
        let mut queue = Queue::EMPTY;
        let mut waiting = [0_u64; LANES];
        for _ in 0..from.u8()? {
            let index = usize::from(from.u8()?);
            let lane = self.channels.get(..self.used).and_then(|lanes| lanes.get(index));
            let id = lane.ok_or(damaged("queue"))?.book.id;
            let count = waiting.get_mut(index).ok_or(damaged("queue"))?;
            *count = count.saturating_add(1);
            must(queue.push(id), "queue")?;
        }
        let booked = self.channels.iter().take(self.used).map(|lane| lane.book.waiting_steps);
        let same = booked.clone().zip(waiting).all(|(booked, queued)| booked == queued);
        let none = booked.clone().all(|booked| booked == 0);
        match self.actuator.release() {
            Release::Free => must(none && queue.ids().is_empty(), "waiting_steps")?,
            Release::Gap(_) => must(same && (none || self.ready_us > self.now_us), "waiting_steps")?,
            Release::Grid(grid_us) => {
                let bounded = booked.clone().all(|booked| u32::try_from(booked).is_ok());
                must(queue.ids().is_empty() && bounded, "waiting_steps")?;
                must(none || self.now_us % grid_us != 0, "waiting_steps")?;
            }
        }
        self.queue = queue;
        Ok(())
    }
}

/// A quantity whose range is below 2^32.
fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A count whose range is below 2^8.
fn byte(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

//! A few streams side by side: their steps in one order, in memory that the caller lends.
//!
//! Lanes are kept in the order that breaks ties: by [`Kind`], then as they were started. The first lane is basal.

use crate::error::{Error, Result};
use crate::law::Kind;
use crate::ramp::Stream;

/// One stream, its kind and what its owner writes down about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane<B> {
    /// The steps still to come.
    pub stream: Stream,
    /// Which kind of channel.
    pub kind: Kind,
    /// The owner's notes.
    pub book: B,
}

/// Lanes in borrowed memory, of which the first `used` are in use.
#[derive(Debug)]
pub(crate) struct Lanes<'a, B> {
    memory: &'a mut [Lane<B>],
    used: &'a mut usize,
}

impl<'a, B: Copy> Lanes<'a, B> {
    pub(crate) const fn new(memory: &'a mut [Lane<B>], used: &'a mut usize) -> Self {
        Self { memory, used }
    }

    /// The lanes in use, in tie order.
    pub(crate) fn all(&mut self) -> &mut [Lane<B>] {
        self.memory.get_mut(..*self.used).unwrap_or_default()
    }

    /// Adds a lane before the first of which `later` is true.
    ///
    /// # Errors
    /// [`Error::Memory`] where there is no room.
    pub(crate) fn insert(&mut self, lane: Lane<B>, later: impl Fn(&Lane<B>) -> bool) -> Result<()> {
        let needed = self.used.saturating_add(1);
        let full = Error::Memory { lent: self.memory.len(), needed };
        let room = self.memory.get_mut(..needed).ok_or(full)?;
        place(room, lane, later);
        *self.used = needed;
        Ok(())
    }

    /// Drops the lanes of which `done` is true, the basal lane never; the others keep their order.
    pub(crate) fn retire(&mut self, done: impl Fn(&Lane<B>) -> bool) {
        *self.used = keep(self.memory, *self.used, |lane| lane.kind == Kind::Basal || !done(lane));
    }

    /// Takes every step due by `until_us`, in order of due time and lane, and hands each to `visit`.
    ///
    /// Bounded: every turn takes one of the finitely many steps due by then.
    ///
    /// # Errors
    /// The first error of `visit` ends the walk.
    #[inline]
    pub(crate) fn merge(
        &mut self,
        until_us: u64,
        mut visit: impl FnMut(u64, &mut Lane<B>) -> Result<()>,
    ) -> Result<()> {
        let lanes = self.all();
        // On equal due times `min_by_key` answers with the first lane, which is the tie order.
        while let Some(lane) = lanes.iter_mut().min_by_key(|lane| lane.stream.next_us()) {
            if lane.stream.next_us() > until_us {
                break;
            }
            let due_us = lane.stream.take();
            visit(due_us, lane)?;
        }
        Ok(())
    }
}

/// Puts `lane` before the first of `room` of which `later` is true (it is so of all after that); the last is free for it.
pub(crate) fn place<L>(room: &mut [L], lane: L, later: impl Fn(&L) -> bool) {
    let Some((free, lanes)) = room.split_last_mut() else { return };
    let at = lanes.partition_point(|other| !later(other));
    *free = lane;
    if let Some(tail @ [_, ..]) = room.get_mut(at..) {
        tail.rotate_right(1);
    }
}

/// Keeps those of the first `used` lanes of which `stays` is true, in their order. Says how many stay.
pub(crate) fn keep<L: Copy>(memory: &mut [L], used: usize, stays: impl Fn(&L) -> bool) -> usize {
    let mut kept: usize = 0;
    for index in 0..used {
        let Some(lane) = memory.get(index).copied() else { break };
        if stays(&lane) {
            if let Some(place) = memory.get_mut(kept) {
                *place = lane;
            }
            kept = kept.saturating_add(1);
        }
    }
    kept
}

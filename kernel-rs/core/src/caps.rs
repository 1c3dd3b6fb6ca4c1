//! Sliding-window caps: at most so many steps in any hour, at most so many in any 24 hours.
//!
//! Commanded steps are booked in buckets of a minute (hour) and of ten minutes (day). A window's count is the sum of all
//! buckets that it touches, so it is never less than what was really commanded in the window, and more by at most what
//! fell in one bucket before it. There is no reset at midnight: that would allow twice the cap.

use crate::range::US_PER_HOUR;

/// Buckets of the hour's window.
pub const HOUR_BUCKETS: usize = 61;
/// Buckets of the day's window.
pub const DAY_BUCKETS: usize = 145;
const HOUR_BUCKET_US: u64 = 60_000_000;
const DAY_BUCKET_US: u64 = 600_000_000;
// One bucket more than the window is long: the oldest may lie in it by a part only.
const _: () = assert!(HOUR_BUCKET_US * 60 == US_PER_HOUR, "61 buckets touch every window of an hour");
const _: () = assert!(DAY_BUCKET_US * 144 == 24 * US_PER_HOUR, "145 buckets touch every window of a day");

/// The cap on one window, and what was commanded in it.
///
/// Invariants: `total` is the sum of `buckets`; bucket `i` holds the steps of the last bucket number that is `i` modulo
/// `LEN` and no later than `newest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window<const LEN: usize> {
    /// How long a bucket is, us.
    bucket_us: u64,
    /// The most steps in the window, or None for no cap.
    most_steps: Option<u64>,
    /// The number of the bucket that was written last: instant / `bucket_us`.
    newest: u64,
    total: u64,
    buckets: [u32; LEN],
}

impl<const LEN: usize> Window<LEN> {
    const fn new(bucket_us: u64, most_steps: Option<u64>, newest: u64, buckets: [u32; LEN]) -> Self {
        Self { bucket_us, most_steps, newest, total: 0, buckets }
    }

    /// The most steps in the window, or None for no cap.
    #[must_use]
    pub const fn most_steps(&self) -> Option<u64> {
        self.most_steps
    }

    /// The steps of each bucket, oldest first, as at `at_us`.
    pub(crate) fn oldest_first(&self, at_us: u64) -> impl Iterator<Item = u32> + use<'_, LEN> {
        let mut rolled = *self;
        rolled.roll(at_us);
        let split = index_of::<LEN>(rolled.newest.saturating_add(1));
        (0..LEN).map(move |offset| {
            let index = split.saturating_add(offset);
            let index = if index >= LEN { index.saturating_sub(LEN) } else { index };
            rolled.buckets.get(index).copied().unwrap_or(0)
        })
    }

    /// Counts what was commanded in the window that ends at `at_us`; never less than what really was.
    pub fn count(&mut self, at_us: u64) -> u64 {
        self.roll(at_us);
        self.total
    }

    /// Says how many more steps the cap allows at `at_us`.
    fn room(&mut self, at_us: u64) -> u64 {
        self.roll(at_us);
        self.most_steps.map_or(u64::MAX, |most| most.saturating_sub(self.total))
    }

    fn add(&mut self, at_us: u64, steps: u32) {
        self.roll(at_us);
        if let Some(bucket) = self.buckets.get_mut(index_of::<LEN>(self.newest)) {
            // A full bucket (it takes trains that end and others that begin within it, over and over) is beyond any cap,
            // so that saturation can refuse too much and never too little.
            *bucket = bucket.saturating_add(steps);
            self.total = self.total.saturating_add(u64::from(steps));
        }
    }

    /// Empties the buckets between the newest and the one of `at_us`; an earlier instant changes nothing.
    fn roll(&mut self, at_us: u64) {
        let newest = at_us.checked_div(self.bucket_us).unwrap_or(0);
        let passed = newest.saturating_sub(self.newest);
        // Bounded by LEN: after so many buckets all of them are empty.
        for offset in 1..=passed.min(u64::try_from(LEN).unwrap_or(u64::MAX)) {
            let index = index_of::<LEN>(self.newest.saturating_add(offset));
            if let Some(bucket) = self.buckets.get_mut(index) {
                self.total = self.total.saturating_sub(u64::from(core::mem::take(bucket)));
            }
        }
        self.newest = self.newest.max(newest);
    }
}

fn index_of<const LEN: usize>(number: u64) -> usize {
    let len = u64::try_from(LEN).unwrap_or(u64::MAX);
    // Never truncates because the remainder is below LEN.
    usize::try_from(number.checked_rem(len).unwrap_or(0)).unwrap_or(0)
}

/// The caps of an engine: per hour and per day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    hour: Window<HOUR_BUCKETS>,
    day: Window<DAY_BUCKETS>,
}

impl Caps {
    /// Begins with nothing commanded.
    #[must_use]
    pub fn new(at_us: u64, hour_steps: Option<u64>, day_steps: Option<u64>) -> Self {
        Self::from_parts(at_us, hour_steps, day_steps, &[0; HOUR_BUCKETS], &[0; DAY_BUCKETS])
    }

    /// Begins with what was commanded in the windows that end at `at_us`: buckets oldest first.
    pub(crate) fn from_parts(
        at_us: u64,
        hour_steps: Option<u64>,
        day_steps: Option<u64>,
        hour: &[u32; HOUR_BUCKETS],
        day: &[u32; DAY_BUCKETS],
    ) -> Self {
        Self {
            hour: window(HOUR_BUCKET_US, hour_steps, at_us, hour),
            day: window(DAY_BUCKET_US, day_steps, at_us, day),
        }
    }

    /// Changes the caps; what was commanded is not forgotten.
    pub const fn set(&mut self, hour_steps: Option<u64>, day_steps: Option<u64>) {
        self.hour.most_steps = hour_steps;
        self.day.most_steps = day_steps;
    }

    /// The window of an hour.
    #[must_use]
    pub const fn hour(&self) -> &Window<HOUR_BUCKETS> {
        &self.hour
    }

    /// The window of a day.
    #[must_use]
    pub const fn day(&self) -> &Window<DAY_BUCKETS> {
        &self.day
    }

    /// Counts the steps in the hour and in the day that end at `at_us`; never less than what was commanded.
    #[must_use]
    pub fn counts(mut self, at_us: u64) -> (u64, u64) {
        (self.hour.count(at_us), self.day.count(at_us))
    }

    /// Books as many of `steps` at `at_us` as both caps allow, and returns how many that is.
    pub fn take(&mut self, at_us: u64, steps: u32) -> u32 {
        let room = self.hour.room(at_us).min(self.day.room(at_us));
        let taken = steps.min(u32::try_from(room).unwrap_or(u32::MAX));
        self.hour.add(at_us, taken);
        self.day.add(at_us, taken);
        taken
    }
}

fn window<const LEN: usize>(bucket_us: u64, most: Option<u64>, at_us: u64, oldest_first: &[u32; LEN]) -> Window<LEN> {
    let newest = at_us.checked_div(bucket_us).unwrap_or(0);
    let mut window = Window::new(bucket_us, most, newest, [0; LEN]);
    for (number, steps) in (newest.saturating_add(1)..).zip(oldest_first) {
        if let Some(bucket) = window.buckets.get_mut(index_of::<LEN>(number)) {
            *bucket = *steps;
            window.total = window.total.saturating_add(u64::from(*steps));
        }
    }
    window
}

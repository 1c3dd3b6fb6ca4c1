//! A column of results: memory of the kernel's, lent to Python read-only and without a copy.
//!
//! The only `unsafe` of the project is here: filling in the `Py_buffer` of Python's buffer protocol, saying how much of a
//! vector the kernel has written, and asking the system for large pages.
#![allow(unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::ffi::{CStr, c_int, c_void};
use std::sync::{Arc, OnceLock};

use pumpcore_kernel::Error;
use pumpcore_kernel::columns::Columns;
use pumpcore_kernel::schedule::{Plan, PlanLane, Planned};
use pumpcore_kernel::{Segment, law::Release};
use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

use crate::many::in_parallel;

/// The numbers of a column.
pub enum Numbers {
    /// Format `B`.
    U8(Vec<u8>),
    /// Format `I`.
    U32(Vec<u32>),
    /// Format `Q`.
    U64(Vec<u64>),
}

impl Numbers {
    fn shape(&self) -> (usize, ffi::Py_ssize_t) {
        match self {
            Self::U8(all) => (all.len(), 1),
            Self::U32(all) => (all.len(), 4),
            Self::U64(all) => (all.len(), 8),
        }
    }

    fn start(&self) -> (*const c_void, &'static CStr) {
        match self {
            Self::U8(all) => (all.as_ptr().cast(), c"B"),
            Self::U32(all) => (all.as_ptr().cast(), c"I"),
            Self::U64(all) => (all.as_ptr().cast(), c"Q"),
        }
    }
}

/// The most dimensions that a view has.
const DIMENSIONS: usize = 3;

/// Keeps alive the numbers that a memoryview points to.
///
/// It is frozen, and nobody changes shared numbers: pointers into both hold as long as it lives.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Column {
    numbers: Arc<Numbers>,
    shape: [ffi::Py_ssize_t; DIMENSIONS],
    strides: [ffi::Py_ssize_t; DIMENSIONS],
    dimensions: usize,
}

impl Column {
    /// Shows the numbers as a memoryview of one dimension.
    pub fn view<'py>(py: Python<'py>, numbers: &Arc<Numbers>) -> PyResult<Bound<'py, PyMemoryView>> {
        let (len, size) = numbers.shape();
        let [shape, strides] = [[len.try_into()?, 0, 0], [size, 0, 0]];
        let column = Self { numbers: Arc::clone(numbers), shape, strides, dimensions: 1 };
        PyMemoryView::from(Bound::new(py, column)?.as_any())
    }

    /// Shows the numbers as a memoryview of three dimensions, of which the first is as long as it comes to.
    pub fn cube<'py>(py: Python<'py>, numbers: &Arc<Numbers>, rest: [usize; 2]) -> PyResult<Bound<'py, PyMemoryView>> {
        let (len, size) = numbers.shape();
        let [rows, columns]: [ffi::Py_ssize_t; 2] = [rest[0].try_into()?, rest[1].try_into()?];
        let first: ffi::Py_ssize_t = len.checked_div(rest[0] * rest[1]).unwrap_or(0).try_into()?;
        let (shape, strides) = ([first, rows, columns], [size * rows * columns, size * columns, size]);
        let column = Self { numbers: Arc::clone(numbers), shape, strides, dimensions: 3 };
        PyMemoryView::from(Bound::new(py, column)?.as_any())
    }
}

#[pymethods]
impl Column {
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("no view to fill in"));
        }
        if flags & ffi::PyBUF_WRITABLE == ffi::PyBUF_WRITABLE {
            return Err(PyBufferError::new_err("the column is read-only"));
        }
        let column = slf.get();
        let (start, format) = column.numbers.start();
        let (len, itemsize) = column.numbers.shape();
        let len = ffi::Py_ssize_t::try_from(len)? * itemsize;
        let dimensions = c_int::try_from(column.dimensions)?;
        let wants = |flag: c_int| flags & flag == flag;
        if dimensions > 1 && !wants(ffi::PyBUF_ND) {
            return Err(PyBufferError::new_err("the column has more than one dimension"));
        }
        if dimensions > 1 && wants(ffi::PyBUF_F_CONTIGUOUS) {
            return Err(PyBufferError::new_err("the column is in C order"));
        }
        // SAFETY: `view` is not null and Python lends it for us to fill in. `start`, `shape` and `strides` point into
        // `column`, which is frozen and kept alive by the reference that `obj` takes over, and into the vector that it
        // shares and nobody changes; `format` is static. Nobody writes through the view: it is marked read-only and a
        // writable one was refused above. The contents are plain integers with `len` bytes, the length of the vector
        // that `start` points to, and `shape` comes to no more. They lie in C order: who asks for the other gets none.
        unsafe {
            (*view).buf = start.cast_mut();
            (*view).len = len;
            (*view).readonly = 1;
            (*view).itemsize = itemsize;
            (*view).format = if wants(ffi::PyBUF_FORMAT) { format.as_ptr().cast_mut() } else { std::ptr::null_mut() };
            (*view).ndim = dimensions;
            (*view).shape = if wants(ffi::PyBUF_ND) { column.shape.as_ptr().cast_mut() } else { std::ptr::null_mut() };
            (*view).strides =
                if wants(ffi::PyBUF_STRIDES) { column.strides.as_ptr().cast_mut() } else { std::ptr::null_mut() };
            (*view).suboffsets = std::ptr::null_mut();
            (*view).internal = std::ptr::null_mut();
            (*view).obj = slf.into_any().into_ptr();
        }
        Ok(())
    }
}

/// The pulses of plans as columns. Where every pulse is of one step, that column is made when it is first asked for.
pub struct Table {
    at_us: Arc<Numbers>,
    channel: Arc<Numbers>,
    steps: OnceLock<Arc<Numbers>>,
}

impl Table {
    fn new(at_us: Vec<u64>, channel: Vec<u8>, steps: Option<Vec<u32>>) -> Self {
        Self {
            at_us: Arc::new(Numbers::U64(at_us)),
            channel: Arc::new(Numbers::U8(channel)),
            steps: steps.map_or_else(OnceLock::new, |steps| OnceLock::from(Arc::new(Numbers::U32(steps)))),
        }
    }

    /// How many pulses there are.
    pub fn len(&self) -> usize {
        self.at_us.shape().0
    }

    /// When each leaves.
    pub const fn at_us(&self) -> &Arc<Numbers> {
        &self.at_us
    }

    /// Of which channel each is.
    pub const fn channel(&self) -> &Arc<Numbers> {
        &self.channel
    }

    /// How many steps each is.
    pub fn steps(&self) -> &Arc<Numbers> {
        self.steps.get_or_init(|| Arc::new(Numbers::U32(vec![1; self.len()])))
    }
}

/// Room for so many numbers. Where it is large, the system is asked to back it with large pages: a first touch of each of
/// many small ones would take longer than the kernel takes to fill it.
fn room_for<T>(len: usize) -> Vec<T> {
    let mut room = Vec::<T>::with_capacity(len);
    #[cfg(target_os = "linux")]
    {
        const LARGE_BYTES: usize = 4 << 20;
        const PAGE_BYTES: usize = 4096;
        let spare = room.spare_capacity_mut();
        let (start, bytes) = (spare.as_mut_ptr().cast::<u8>(), size_of_val(spare));
        let before = start.align_offset(PAGE_BYTES);
        if bytes >= LARGE_BYTES && before < bytes {
            // SAFETY: the range begins and ends within the allocation, and the advice changes how the system backs these
            // addresses, never what they hold. Where it is not taken nothing is lost, so the answer does not matter.
            unsafe { libc::madvise(start.add(before).cast(), bytes - before, libc::MADV_HUGEPAGE) };
        }
    }
    room
}

/// Lanes on the stack for plans of up to seven trains, else on the heap.
pub fn with_lanes<R>(lanes: usize, work: impl FnOnce(&mut [PlanLane]) -> R) -> R {
    let mut few = [PlanLane::UNUSED; 8];
    match few.get_mut(..lanes) {
        Some(lanes) => work(lanes),
        None => work(&mut vec![PlanLane::UNUSED; lanes]),
    }
}

/// Walks a plan into new columns.
pub fn walked<S, T>(plan: &Plan<S, T>) -> Result<Table, Error>
where
    S: AsRef<[Segment]>,
    T: AsRef<[Planned]>,
{
    // No more than SCHEDULE_STEPS, which the plan was checked against.
    let room = usize::try_from(plan.due_steps()).unwrap_or(0);
    let (mut at_us, mut channel, mut steps) = (room_for(room), room_for(room), Vec::new());
    let on_grid = matches!(plan.actuator().release(), Release::Grid(_));
    let used = with_lanes(plan.lanes(), |lanes| {
        let (at_us, channel) = (at_us.spare_capacity_mut(), channel.spare_capacity_mut());
        if on_grid {
            steps = room_for(room);
            let mut columns = Columns::<true>::new(at_us, channel, steps.spare_capacity_mut());
            plan.walk(lanes, &mut columns)?;
            columns.finish()
        } else {
            let mut columns = Columns::<false>::new(at_us, channel, &mut []);
            plan.walk(lanes, &mut columns)?;
            columns.finish()
        }
    })?;
    // SAFETY: `finish` says that the first `used` entries of each column it was lent are written, and it was lent the
    // spare capacity of empty vectors, from their start; `used` is no more than that capacity.
    unsafe {
        at_us.set_len(used);
        channel.set_len(used);
        if on_grid {
            steps.set_len(used);
        }
    }
    Ok(Table::new(at_us, channel, on_grid.then_some(steps)))
}

/// Fills two columns of `lens` entries in all, on so many threads: `fill` walks plans into the columns of each stretch.
///
/// # Errors
/// Those of `fill`, and [`Error::Memory`] where it has not filled a stretch.
pub fn filled(
    lens: &[usize],
    threads: usize,
    fill: impl Fn(usize, &mut Columns<'_, false>) -> Result<(), Error> + Send + Sync,
) -> Result<Table, Error> {
    let all = lens.iter().sum();
    let (mut at_us, mut channel) = (room_for::<u64>(all), room_for::<u8>(all));
    let (mut at_rest, mut channel_rest) = (at_us.spare_capacity_mut(), channel.spare_capacity_mut());
    let mut stretches = Vec::with_capacity(lens.len());
    for (index, &len) in lens.iter().enumerate() {
        let (at, rest) = at_rest.split_at_mut(len);
        at_rest = rest;
        let (channel, rest) = channel_rest.split_at_mut(len);
        channel_rest = rest;
        stretches.push((index, len, at, channel));
    }
    in_parallel(threads, stretches, |(index, len, at, channel)| {
        let mut columns = Columns::<false>::new(at, channel, &mut []);
        fill(index, &mut columns)?;
        let used = columns.finish()?;
        if used == len { Ok(()) } else { Err(Error::Memory { lent: len, needed: used }) }
    })?;
    // SAFETY: the stretches are the first `all` entries of both columns, one after the other without a gap, and for each
    // `finish` said that it is written over its whole length. (`fill` only hands its columns to walks.)
    unsafe {
        at_us.set_len(all);
        channel.set_len(all);
    }
    Ok(Table::new(at_us, channel, None))
}

/// One table of several, in their order.
pub fn joined(tables: &[Table]) -> Table {
    let all = tables.iter().map(Table::len).sum();
    let counted = tables.iter().any(|table| table.steps.get().is_some());
    let (mut at_us, mut channel) = (Vec::with_capacity(all), Vec::with_capacity(all));
    let mut steps = Vec::with_capacity(if counted { all } else { 0 });
    for table in tables {
        if let (Numbers::U64(at), Numbers::U8(code)) = (&*table.at_us, &*table.channel) {
            at_us.extend_from_slice(at);
            channel.extend_from_slice(code);
        }
        if counted && let Numbers::U32(count) = &**table.steps() {
            steps.extend_from_slice(count);
        }
    }
    Table::new(at_us, channel, counted.then_some(steps))
}

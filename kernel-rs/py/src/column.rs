//! A column of results: memory of the kernel's, lent to Python read-only and without a copy.
//!
//! The only `unsafe` of the project is here: filling in the `Py_buffer` of Python's buffer protocol.
#![allow(unsafe_code)]
#![deny(clippy::undocumented_unsafe_blocks)]

use std::ffi::{CStr, c_int, c_void};

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

/// The numbers of a column.
pub enum Numbers {
    /// Format `B`.
    U8(Vec<u8>),
    /// Format `I`.
    U32(Vec<u32>),
    /// Format `Q`.
    U64(Vec<u64>),
}

/// Owns the numbers that memoryviews point to.
///
/// It is frozen: once made it is never changed or moved, so pointers into it hold as long as it lives.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Column {
    numbers: Numbers,
    shape: [ffi::Py_ssize_t; 1],
    strides: [ffi::Py_ssize_t; 1],
}

impl Column {
    /// Hands `numbers` over to Python.
    pub fn new(py: Python<'_>, numbers: Numbers) -> PyResult<Py<Self>> {
        let (len, size) = match &numbers {
            Numbers::U8(all) => (all.len(), 1),
            Numbers::U32(all) => (all.len(), 4),
            Numbers::U64(all) => (all.len(), 8),
        };
        Py::new(py, Self { numbers, shape: [len.try_into()?], strides: [size] })
    }

    /// Shows the column as a memoryview.
    pub fn view<'py>(column: &Py<Self>, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        PyMemoryView::from(column.bind(py).as_any())
    }

    fn start(&self) -> (*const c_void, &'static CStr) {
        match &self.numbers {
            Numbers::U8(all) => (all.as_ptr().cast(), c"B"),
            Numbers::U32(all) => (all.as_ptr().cast(), c"I"),
            Numbers::U64(all) => (all.as_ptr().cast(), c"Q"),
        }
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
        let (start, format) = column.start();
        let [itemsize] = column.strides;
        let [count] = column.shape;
        let wants = |flag: c_int| flags & flag == flag;
        // SAFETY: `view` is not null and Python lends it for us to fill in. `start`, `shape` and `strides` point into
        // `column`, which is frozen and kept alive by the reference that `obj` takes over; `format` is static. Nobody
        // writes through the view: it is marked read-only and a writable one was refused above. The contents are plain
        // integers with `count * itemsize` bytes, the length of the vector that `start` points to.
        unsafe {
            (*view).buf = start.cast_mut();
            (*view).len = count * itemsize;
            (*view).readonly = 1;
            (*view).itemsize = itemsize;
            (*view).format = if wants(ffi::PyBUF_FORMAT) { format.as_ptr().cast_mut() } else { std::ptr::null_mut() };
            (*view).ndim = 1;
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

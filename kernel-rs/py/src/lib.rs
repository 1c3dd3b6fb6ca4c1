//! `pumpcore._kernel`: the kernel as a Python module. Conversions only; the manual is `pumpcore/_kernel.pyi`.

mod column;
mod convert;
mod engine;
mod many;
mod plan;

use pyo3::prelude::*;

/// The timing kernel: when exactly is each step of insulin due?
#[pymodule]
mod _kernel {
    use pumpcore_kernel::range;
    use pyo3::prelude::*;
    use pyo3::types::{PyDict, PyTuple};

    #[pymodule_export]
    use crate::engine::{Delivery, Progress, Pulses};
    #[pymodule_export]
    use crate::many::{Cohort, Schedules, schedule_many, totals_many};
    #[pymodule_export]
    use crate::plan::{Plan, Programme, Schedule, schedule};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let py = module.py();
        let ranges = PyDict::new(py);
        for row in range::ALL {
            ranges.set_item(row.id, (row.least, row.largest, row.unit))?;
        }
        let read_only = py.import("types")?.getattr("MappingProxyType")?.call1((ranges,))?;
        module.add("RANGES", read_only)?;
        module.add("CHANNELS", PyTuple::new(py, crate::convert::CHANNELS.map(|(name, _)| name))?)
    }
}

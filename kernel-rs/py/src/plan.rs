//! `Plan`, `Schedule` and `schedule`: a plan in, every pulse of it out.

use pumpcore_kernel::range::{AMOUNT_UU, DURATION_US, GAP_US, GRID_US, RATE_UU_PER_H, STEP_UU, TIME_US};
use pumpcore_kernel::schedule::{Plan as KernelPlan, PlanLane, Planned};
use pumpcore_kernel::{Actuator, Error, Kind, Segment, Train, law};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMemoryView};

use crate::column::{Column, Numbers};
use crate::convert::{CHANNELS, Field, Place, code_of, field, items, mapping, not_exact, quantity, raised};

/// A checked plan, ready to be scheduled any number of times.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Plan {
    actuator: Actuator,
    from_us: u64,
    to_us: u64,
    segments: Vec<Segment>,
    /// By start; trains that start together in the order of the caller's list.
    trains: Vec<Planned>,
}

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (plan, /))]
    fn new(plan: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = plan.py();
        let fields = mapping("plan", plan, &["actuator", "from_us", "to_us", "basal", "trains"], &[])?;
        let actuator = actuator(&field(&fields, "actuator")?)?;
        let from_us = quantity(Field(Place::Top, "from_us"), &field(&fields, "from_us")?, &TIME_US)?;
        let to_us = quantity(Field(Place::Top, "to_us"), &field(&fields, "to_us")?, &TIME_US)?;
        let basal = items("basal", &field(&fields, "basal")?)?;
        let segments = basal.iter().enumerate().map(|(index, item)| segment(index, item));
        let segments = segments.collect::<PyResult<Vec<_>>>()?;
        law::check_order(&segments).map_err(|(index, error)| raised(py, Place::Item("basal", index), error))?;
        let trains = items("trains", &field(&fields, "trains")?)?;
        let trains = trains.iter().enumerate().map(|(index, item)| train(&actuator, index, item));
        let mut trains = trains.collect::<PyResult<Vec<_>>>()?;
        trains.sort_by_key(|planned| planned.train.start_us());
        let plan = Self { actuator, from_us, to_us, segments, trains };
        plan.kernel().map_err(|error| raised(py, Place::Top, error))?;
        Ok(plan)
    }

    #[getter]
    fn due_steps(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.kernel().map_err(|error| raised(py, Place::Top, error))?.due_steps())
    }
}

impl Plan {
    fn kernel(&self) -> Result<KernelPlan<'_>, Error> {
        KernelPlan::new(self.actuator, self.from_us, self.to_us, &self.segments, &self.trains)
    }

    fn walk(&self) -> Result<Columns, Error> {
        let plan = self.kernel()?;
        // No more than SCHEDULE_STEPS, which the plan was checked against.
        let room = usize::try_from(plan.due_steps()).unwrap_or(0);
        let (mut at_us, mut channel, mut steps) =
            (Vec::with_capacity(room), Vec::with_capacity(room), Vec::with_capacity(room));
        let mut memory = vec![PlanLane::UNUSED; self.trains.len() + 1];
        plan.walk(&mut memory, |pulse| {
            at_us.push(pulse.at_us);
            channel.push(code_of(pulse.kind));
            steps.push(pulse.steps);
        })?;
        Ok((at_us, channel, steps))
    }
}

/// When each pulse leaves, of which channel, how many steps.
type Columns = (Vec<u64>, Vec<u8>, Vec<u32>);

/// The pulses of a plan, in the order they leave.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Schedule {
    at_us: Py<Column>,
    channel: Py<Column>,
    steps: Py<Column>,
    len: usize,
}

#[pymethods]
impl Schedule {
    #[getter]
    fn at_us<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(&self.at_us, py)
    }

    #[getter]
    fn channel<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(&self.channel, py)
    }

    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(&self.steps, py)
    }

    const fn __len__(&self) -> usize {
        self.len
    }

    fn __repr__(&self) -> String {
        format!("<Schedule of {} pulses>", self.len)
    }
}

/// Says when every pulse of `plan` leaves.
#[pyfunction]
#[pyo3(signature = (plan, /))]
pub fn schedule(plan: &Bound<'_, PyAny>) -> PyResult<Schedule> {
    let py = plan.py();
    let made;
    let plan = if let Ok(ready) = plan.cast::<Plan>() {
        ready.get()
    } else {
        made = Plan::new(plan)?;
        &made
    };
    let (at_us, channel, steps) = py.detach(|| plan.walk()).map_err(|error| raised(py, Place::Top, error))?;
    Ok(Schedule {
        len: at_us.len(),
        at_us: Column::new(py, Numbers::U64(at_us))?,
        channel: Column::new(py, Numbers::U8(channel))?,
        steps: Column::new(py, Numbers::U32(steps))?,
    })
}

fn actuator(value: &Bound<'_, PyAny>) -> PyResult<Actuator> {
    const PLACE: Place = Place::In("actuator");
    let fields = mapping("actuator", value, &["step_uu", "gap_us", "grid_us"], &[])?;
    let step_uu = quantity(Field(PLACE, "step_uu"), &field(&fields, "step_uu")?, &STEP_UU)?;
    let gap_us = quantity(Field(PLACE, "gap_us"), &field(&fields, "gap_us")?, &GAP_US)?;
    let grid_us = quantity(Field(PLACE, "grid_us"), &field(&fields, "grid_us")?, &GRID_US)?;
    Actuator::new(step_uu, gap_us, grid_us).map_err(|error| raised(value.py(), PLACE, error))
}

fn segment(index: usize, value: &Bound<'_, PyAny>) -> PyResult<Segment> {
    let place = Place::Item("basal", index);
    let pair = items(Field(place, ""), value)?;
    let [start_us, rate] = pair.as_slice() else {
        return Err(not_exact(Field(place, ""), value, "must be a pair of start_us and rate_uu_per_h"));
    };
    let start_us = quantity(Field(place, "start_us"), start_us, &TIME_US)?;
    let rate = quantity(Field(place, "rate_uu_per_h"), rate, &RATE_UU_PER_H)?;
    Segment::new(start_us, rate).map_err(|error| raised(value.py(), place, error))
}

fn train(actuator: &Actuator, index: usize, value: &Bound<'_, PyAny>) -> PyResult<Planned> {
    let place = Place::Item("trains", index);
    let required = ["channel", "start_us", "duration_us", "amount_uu"];
    let fields: Bound<'_, PyDict> = mapping(Field(place, ""), value, &required, &["cancel_us"])?;
    let kind = train_kind(Field(place, "channel"), &field(&fields, "channel")?)?;
    let start_us = quantity(Field(place, "start_us"), &field(&fields, "start_us")?, &TIME_US)?;
    let duration_us = quantity(Field(place, "duration_us"), &field(&fields, "duration_us")?, &DURATION_US)?;
    let amount_uu = quantity(Field(place, "amount_uu"), &field(&fields, "amount_uu")?, &AMOUNT_UU)?;
    let cancel_us = field(&fields, "cancel_us")?;
    let cancel_us =
        if cancel_us.is_none() { None } else { Some(quantity(Field(place, "cancel_us"), &cancel_us, &TIME_US)?) };
    let train = Train::new(actuator, kind, start_us, duration_us, amount_uu);
    Ok(Planned { train: train.map_err(|error| raised(value.py(), place, error))?, cancel_us })
}

/// Takes the name of a channel that trains run on.
pub fn train_kind(name: Field, value: &Bound<'_, PyAny>) -> PyResult<Kind> {
    let text = value.extract::<&str>();
    let known = CHANNELS.iter().find(|(channel, _)| text.as_ref().is_ok_and(|text| text == channel));
    match known {
        Some((_, kind)) if *kind != Kind::Basal => Ok(*kind),
        _ => Err(not_exact(name, value, "must be \"extended\" or \"bolus\"")),
    }
}

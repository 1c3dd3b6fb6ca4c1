//! `Delivery`: the engine, and what it answers.

use std::sync::Arc;

use pumpcore_kernel::range::{
    AMOUNT_UU, DAY_CAP_UU, DURATION_US, GAP_US, GRID_US, HOUR_CAP_UU, RATE_UU_PER_H, Range, STEP_UU, TIME_US, TRAIN_ID,
};
use pumpcore_kernel::{Actuator, Delivery as Engine, Error, Missed, Pulse, Sink, delivery};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use crate::column::{Column, Numbers};
use crate::convert::{Field, Place, name_of, quantity, raised};
use crate::plan::train_kind;

/// What was missed, one entry for each channel: channel, train, steps.
type MissedSteps = Vec<(&'static str, u32, u64)>;

/// The pulses that one call to `advance` commands.
#[pyclass(frozen, module = "pumpcore._kernel")]
pub struct Pulses {
    at_us: Arc<Numbers>,
    channel: Arc<Numbers>,
    train: Arc<Numbers>,
    steps: Arc<Numbers>,
    #[pyo3(get)]
    missed: MissedSteps,
    len: usize,
}

#[pymethods]
impl Pulses {
    #[getter]
    fn at_us<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(py, &self.at_us)
    }

    #[getter]
    fn channel<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(py, &self.channel)
    }

    #[getter]
    fn train<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(py, &self.train)
    }

    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyMemoryView>> {
        Column::view(py, &self.steps)
    }

    const fn __len__(&self) -> usize {
        self.len
    }

    fn __repr__(&self) -> String {
        format!("<Pulses: {}>", self.len)
    }
}

/// What became of a channel's steps.
#[pyclass(frozen, get_all, module = "pumpcore._kernel")]
pub struct Progress {
    channel: &'static str,
    train: u32,
    programmed_steps: u64,
    delivered_steps: u64,
    missed_steps: u64,
    waiting_steps: u64,
    remaining_steps: u64,
}

impl From<delivery::Progress> for Progress {
    fn from(of: delivery::Progress) -> Self {
        Self {
            channel: name_of(of.kind),
            train: of.id,
            programmed_steps: of.programmed_steps,
            delivered_steps: of.delivered_steps,
            missed_steps: of.missed_steps,
            waiting_steps: of.waiting_steps,
            remaining_steps: of.remaining_steps(),
        }
    }
}

#[pymethods]
impl Progress {
    fn __repr__(&self) -> String {
        let Self { channel, train, programmed_steps, delivered_steps, missed_steps, waiting_steps, .. } = self;
        format!(
            "<Progress {channel} {train}: {delivered_steps} of {programmed_steps} steps, {missed_steps} missed, \
             {waiting_steps} waiting>"
        )
    }
}

/// Collects an engine's answers.
#[derive(Default)]
struct Answers {
    at_us: Vec<u64>,
    channel: Vec<u8>,
    train: Vec<u32>,
    steps: Vec<u32>,
    missed: MissedSteps,
}

impl Sink for Answers {
    fn pulse(&mut self, pulse: Pulse) {
        self.at_us.push(pulse.at_us);
        self.channel.push(pulse.kind.code());
        self.train.push(pulse.id);
        self.steps.push(pulse.steps);
    }

    fn missed(&mut self, missed: Missed) {
        self.missed.push((name_of(missed.kind), missed.id, missed.steps));
    }
}

/// The engine that a pump runs.
#[pyclass(module = "pumpcore._kernel")]
pub struct Delivery {
    engine: Engine,
}

#[pymethods]
impl Delivery {
    #[new]
    #[pyo3(signature = (*, step_uu, gap_us=None, grid_us=None, at_us=None, hour_cap_uu=None, day_cap_uu=None))]
    fn new(
        py: Python<'_>,
        step_uu: &Bound<'_, PyAny>,
        gap_us: Option<&Bound<'_, PyAny>>,
        grid_us: Option<&Bound<'_, PyAny>>,
        at_us: Option<&Bound<'_, PyAny>>,
        hour_cap_uu: Option<&Bound<'_, PyAny>>,
        day_cap_uu: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let step_uu = argument("step_uu", step_uu, &STEP_UU)?;
        let gap_us = optional("gap_us", gap_us, &GAP_US)?.unwrap_or(0);
        let grid_us = optional("grid_us", grid_us, &GRID_US)?.unwrap_or(0);
        let at_us = optional("at_us", at_us, &TIME_US)?.unwrap_or(0);
        let hour = optional("hour_cap_uu", hour_cap_uu, &HOUR_CAP_UU)?;
        let day = optional("day_cap_uu", day_cap_uu, &DAY_CAP_UU)?;
        let actuator = Actuator::new(step_uu, gap_us, grid_us);
        let engine = actuator.and_then(|actuator| Engine::new(actuator, at_us, hour, day));
        Ok(Self { engine: engine.map_err(|error| top(py, error))? })
    }

    #[getter]
    const fn now_us(&self) -> u64 {
        self.engine.now_us()
    }

    #[getter]
    const fn rate_uu_per_h(&self) -> u64 {
        self.engine.rate_uu_per_h()
    }

    #[getter]
    fn rest_fine(&self) -> u64 {
        self.engine.rest_fine()
    }

    #[getter]
    fn next_due_us(&self) -> Option<u64> {
        self.engine.next_due_us()
    }

    #[getter]
    fn window_steps(&self) -> (u64, u64) {
        self.engine.window_steps()
    }

    #[getter]
    fn progress(&self) -> Vec<Progress> {
        self.engine.progress().map(Progress::from).collect()
    }

    #[pyo3(signature = (rate_uu_per_h, /))]
    fn set_rate(&mut self, rate_uu_per_h: &Bound<'_, PyAny>) -> PyResult<()> {
        let rate = argument("rate_uu_per_h", rate_uu_per_h, &RATE_UU_PER_H)?;
        self.engine.set_rate(rate).map_err(|error| top(rate_uu_per_h.py(), error))
    }

    #[pyo3(signature = (*, hour_cap_uu, day_cap_uu))]
    fn set_caps(
        &mut self,
        py: Python<'_>,
        hour_cap_uu: Option<&Bound<'_, PyAny>>,
        day_cap_uu: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let hour = optional("hour_cap_uu", hour_cap_uu, &HOUR_CAP_UU)?;
        let day = optional("day_cap_uu", day_cap_uu, &DAY_CAP_UU)?;
        self.engine.set_caps(hour, day).map_err(|error| top(py, error))
    }

    fn drop_rest(&mut self) {
        self.engine.drop_rest();
    }

    #[pyo3(signature = (channel, /, *, duration_us, amount_uu, start_us=None))]
    fn start_train(
        &mut self,
        channel: &Bound<'_, PyAny>,
        duration_us: &Bound<'_, PyAny>,
        amount_uu: &Bound<'_, PyAny>,
        start_us: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u32> {
        let kind = train_kind(Field(Place::Top, "channel"), channel)?;
        let duration_us = argument("duration_us", duration_us, &DURATION_US)?;
        let amount_uu = argument("amount_uu", amount_uu, &AMOUNT_UU)?;
        let start_us = optional("start_us", start_us, &TIME_US)?.unwrap_or(self.engine.now_us());
        let started = self.engine.start_train(kind, start_us, duration_us, amount_uu);
        started.map_err(|error| top(channel.py(), error))
    }

    #[pyo3(signature = (train, /))]
    fn cancel(&mut self, train: &Bound<'_, PyAny>) -> PyResult<Progress> {
        let id = argument("train", train, &TRAIN_ID)?;
        let id = u32::try_from(id)?;
        self.engine.cancel(id).map(Progress::from).map_err(|error| top(train.py(), error))
    }

    #[pyo3(signature = (to_us, /))]
    fn advance(&mut self, to_us: &Bound<'_, PyAny>) -> PyResult<Pulses> {
        let py = to_us.py();
        let to_us = argument("to_us", to_us, &TIME_US)?;
        let mut answers = Answers::default();
        self.engine.advance(to_us, &mut answers).map_err(|error| top(py, error))?;
        let Answers { at_us, channel, train, steps, missed } = answers;
        Ok(Pulses {
            len: at_us.len(),
            at_us: Arc::new(Numbers::U64(at_us)),
            channel: Arc::new(Numbers::U8(channel)),
            train: Arc::new(Numbers::U32(train)),
            steps: Arc::new(Numbers::U32(steps)),
            missed,
        })
    }

    #[pyo3(signature = (to_us, /))]
    fn skip(&mut self, to_us: &Bound<'_, PyAny>) -> PyResult<MissedSteps> {
        let py = to_us.py();
        let to_us = argument("to_us", to_us, &TIME_US)?;
        let mut answers = Answers::default();
        self.engine.skip(to_us, &mut answers).map_err(|error| top(py, error))?;
        Ok(answers.missed)
    }

    fn copy(&self) -> Self {
        Self { engine: self.engine.clone() }
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.engine.snapshot().as_bytes())
    }

    #[staticmethod]
    #[pyo3(signature = (snapshot, /))]
    fn restore(py: Python<'_>, snapshot: &[u8]) -> PyResult<Self> {
        Engine::restore(snapshot).map(|engine| Self { engine }).map_err(|error| top(py, error))
    }

    fn __repr__(&self) -> String {
        format!("<Delivery at {} us, {} uu/h>", self.engine.now_us(), self.engine.rate_uu_per_h())
    }
}

fn top(py: Python<'_>, error: Error) -> PyErr {
    raised(py, Place::Top, error)
}

fn argument(name: &'static str, value: &Bound<'_, PyAny>, range: &'static Range) -> PyResult<u64> {
    quantity(Field(Place::Top, name), value, range)
}

fn optional(name: &'static str, value: Option<&Bound<'_, PyAny>>, range: &'static Range) -> PyResult<Option<u64>> {
    value.map(|value| argument(name, value, range)).transpose()
}

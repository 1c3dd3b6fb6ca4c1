//! Python values to checked integers, and the kernel's errors to `pumpcore.errors`: the one mapping.

use std::fmt;

use pumpcore_kernel::range::Range;
use pumpcore_kernel::{Error, Kind};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyInt, PyMapping, PyString};

/// Channel names in the order of their codes.
pub const CHANNELS: [(&str, Kind); 3] = [("basal", Kind::Basal), ("extended", Kind::Extended), ("bolus", Kind::Bolus)];

/// The name of a kind.
pub const fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Basal => CHANNELS[0].0,
        Kind::Extended => CHANNELS[1].0,
        Kind::Bolus => CHANNELS[2].0,
    }
}

/// Where in the caller's data a value stands.
#[derive(Clone, Copy)]
pub enum Place {
    /// A field of the outermost mapping, or an argument.
    Top,
    /// A field of a mapping in it.
    In(&'static str),
    /// A field of an item of a list in it.
    Item(&'static str, usize),
}

/// A field's name with its place: `trains[0].amount_uu`.
#[derive(Clone, Copy)]
pub struct Field(pub Place, pub &'static str);

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Place::Top, name) => write!(f, "{name}"),
            (Place::In(outer), name) => write!(f, "{outer}.{name}"),
            (Place::Item(list, index), "") => write!(f, "{list}[{index}]"),
            (Place::Item(list, index), name) => write!(f, "{list}[{index}].{name}"),
        }
    }
}

fn made<'a>(py: Python<'a>, class: &str, args: impl pyo3::call::PyCallArgs<'a>) -> PyErr {
    let error = py.import("pumpcore.errors").and_then(|errors| errors.getattr(class)?.call1(args));
    error.map_or_else(|failed| failed, PyErr::from_value)
}

/// A `QuantityError`: field, value, what a value there must be.
pub fn not_exact(field: impl fmt::Display, value: &Bound<'_, PyAny>, reason: &str) -> PyErr {
    made(value.py(), "QuantityError", (field.to_string(), value, reason))
}

/// The kernel's error as the Python exception that stands for it; `place` is where the culprit stands.
pub fn raised(py: Python<'_>, place: Place, error: Error) -> PyErr {
    match error {
        Error::Range { range, value } => {
            let bound = if value > range.largest { range.largest } else { range.least };
            made(py, "LimitError", (Field(place, range.id).to_string(), value, bound, range.unit))
        }
        Error::WholeSteps { amount_uu, step_uu } => {
            let reason = format!("must be a whole number of steps of {step_uu} uu, at least one");
            made(py, "QuantityError", (Field(place, "amount_uu").to_string(), amount_uu, reason))
        }
        Error::Early { field, value_us, earliest_us } => {
            made(py, "TimeError", (Field(place, field).to_string(), value_us, earliest_us))
        }
        Error::GapAndGrid { gap_us, grid_us } => {
            let reason = format!("must be 0 where gap_us is not, and gap_us is {gap_us}");
            made(py, "QuantityError", (Field(place, "grid_us").to_string(), grid_us, reason))
        }
        Error::NoSuchTrain { id } => {
            made(py, "QuantityError", (Field(place, "train").to_string(), id, "is not a running train"))
        }
        Error::Snapshot(damage) => made(py, "JournalError", (format!("snapshot: {damage}"),)),
        // The shim lends enough memory; if it ever did not, that is a bug and is said to be.
        Error::Memory { .. } => made(py, "InvariantError", (error.to_string(),)),
    }
}

/// Takes a whole number in `range`; a bool, a float or a string is refused.
pub fn quantity(field: Field, value: &Bound<'_, PyAny>, range: &'static Range) -> PyResult<u64> {
    let number = whole(field, value)?;
    let Ok(number) = number.extract::<u64>() else {
        let bound = if number.lt(0)? { range.least } else { range.largest };
        return Err(made(value.py(), "LimitError", (field.to_string(), number, bound, range.unit)));
    };
    range.check(number).map_err(|_| {
        let bound = if number > range.largest { range.largest } else { range.least };
        made(value.py(), "LimitError", (field.to_string(), number, bound, range.unit))
    })
}

/// Takes an int, or what Python itself takes for one where an index is wanted (an integer of an array), but no bool.
fn whole<'py>(field: Field, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyInt>> {
    if let Ok(number) = value.cast_exact::<PyInt>() {
        return Ok(number.clone());
    }
    if value.is_instance_of::<PyBool>() {
        return Err(not_exact(field, value, "must be a whole number"));
    }
    match value.py().import("operator")?.getattr("index")?.call1((value,)) {
        Ok(number) => Ok(number.cast_into::<PyInt>()?),
        Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => {
            Err(not_exact(field, value, "must be a whole number"))
        }
        Err(error) => Err(error),
    }
}

/// Takes a mapping that has all of `required`, perhaps some of `optional`, and nothing else.
pub fn mapping<'py>(
    name: impl fmt::Display,
    value: &Bound<'py, PyAny>,
    required: &[&'static str],
    optional: &[&'static str],
) -> PyResult<Bound<'py, PyDict>> {
    let fields = if let Ok(fields) = value.cast::<PyDict>() {
        fields.clone()
    } else if let Ok(fields) = value.cast::<PyMapping>() {
        PyDict::from_sequence(fields.items()?.as_any())?
    } else {
        return Err(not_exact(name, value, "must be a mapping"));
    };
    let mut known = 0;
    for &field in required {
        if !fields.contains(field)? {
            let reason = format!("has no field {field}");
            return Err(not_exact(name, value, &reason));
        }
        known += 1;
    }
    for &field in optional {
        known += usize::from(fields.contains(field)?);
    }
    if fields.len() != known {
        for key in fields.keys() {
            let text = key.cast::<PyString>().ok().and_then(|key| key.to_str().ok());
            if !text.is_some_and(|name| required.contains(&name) || optional.contains(&name)) {
                let allowed = [required, optional].concat().join(", ");
                return Err(not_exact(name, &key, &format!("is not a field; the fields are {allowed}")));
            }
        }
    }
    Ok(fields)
}

/// Takes the value of a field that [`mapping`] has found.
pub fn field<'py>(fields: &Bound<'py, PyDict>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    Ok(fields.get_item(name)?.unwrap_or_else(|| fields.py().None().into_bound(fields.py())))
}

/// Takes a list or tuple (or another sequence that is no text).
pub fn items<'py>(name: impl fmt::Display, value: &Bound<'py, PyAny>) -> PyResult<Vec<Bound<'py, PyAny>>> {
    if value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyDict>() {
        return Err(not_exact(name, value, "must be a list"));
    }
    match value.try_iter() {
        Ok(items) => items.collect(),
        Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => Err(not_exact(name, value, "must be a list")),
        Err(error) => Err(error),
    }
}

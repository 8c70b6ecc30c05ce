//! RFC 7386 as kubeadm's library has it (evanphx/json-patch v4, `merge.go`).

use serde_json::Value;

use super::error::Misfit;

/// Merges a patch into the target. A list as a patch becomes the whole.
pub(super) fn apply(target: &mut Value, mut patch: Value) -> Result<(), Misfit> {
    match (&mut *target, &mut patch) {
        (Value::Object(_), Value::Object(_)) => merge(target, patch),
        (_, Value::Object(_) | Value::Array(_)) => {
            without_nulls(&mut patch);
            *target = patch;
        }
        _ => return Err(Misfit::Shape { expected: "a mapping" }),
    }
    Ok(())
}

fn merge(target: &mut Value, mut patch: Value) {
    match (&mut *target, patch) {
        (Value::Object(target), Value::Object(patch)) => {
            for (name, value) in patch {
                match target.get_mut(&name).filter(|there| !there.is_null()) {
                    _ if value.is_null() => drop(target.remove(&name)),
                    Some(there) => merge(there, value),
                    None => {
                        let mut value = value;
                        without_nulls(&mut value);
                        target.insert(name, value);
                    }
                }
            }
        }
        // What takes the place of a mapping is taken as it is.
        (Value::Object(_), other) => *target = other,
        (_, other) => {
            patch = other;
            without_nulls(&mut patch);
            *target = patch;
        }
    }
}

/// Drops members that are null, at any depth; nulls that are items of a list stay.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

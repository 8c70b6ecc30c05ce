//! RFC 6902 as kubeadm's library has it (evanphx/json-patch v4, `patch.go`).
//!
//! Its own ways: an index may be negative and counts from the end; `replace` of a member that is missing adds it, `copy`
//! of one copies a null, and `test` takes it for a null; what stands before the first `/` of a pointer is ignored;
//! only `replace` and `test` know the whole document.

use serde_json::Value;

use super::error::{Misfit, Step};
use crate::text::UntrustedText;

/// Carries out the operations in order. A null is a list without any.
pub(super) fn apply(target: &mut Value, patch: Value) -> Result<(), Misfit> {
    let operations = match patch {
        Value::Null => return Ok(()),
        Value::Array(operations) => operations,
        _ => return Err(Misfit::Shape { expected: "a list of operations" }),
    };
    if !operations.iter().all(|operation| operation.is_object() || operation.is_null()) {
        return Err(Misfit::Shape { expected: "a list of operations" });
    }
    for (index, operation) in operations.iter().enumerate() {
        Operation { target, operation, number: index + 1 }.run()?;
    }
    Ok(())
}

struct Operation<'a> {
    target: &'a mut Value,
    operation: &'a Value,
    /// Counted from 1.
    number: usize,
}

impl Operation<'_> {
    fn run(&mut self) -> Result<(), Misfit> {
        match self.operation.get("op").and_then(Value::as_str).unwrap_or_default() {
            "add" => self.add("path", self.value()),
            "remove" => self.remove("path").map(drop),
            "replace" => self.replace(),
            "move" => {
                let moved = self.remove("from")?;
                self.add("path", moved)
            }
            "copy" => {
                let copied = self.get("from")?.cloned().unwrap_or_default();
                self.add("path", copied)
            }
            "test" => self.test(),
            other => Err(self.misfit("op", Step::Unknown(UntrustedText::new(other, None)))),
        }
    }

    /// A null where there is none.
    fn value(&self) -> Value {
        self.operation.get("value").cloned().unwrap_or_default()
    }

    fn add(&mut self, field: &'static str, value: Value) -> Result<(), Misfit> {
        let nowhere = self.nowhere(field);
        let (container, key) = self.resolve(field)?;
        match container {
            Value::Object(members) => drop(members.insert(key, value)),
            Value::Array(items) if key == "-" => items.push(value),
            Value::Array(items) => match index(&key, items.len() + 1) {
                Some(index) => items.insert(index, value),
                None => return Err(nowhere),
            },
            _ => return Err(nowhere),
        }
        Ok(())
    }

    fn remove(&mut self, field: &'static str) -> Result<Value, Misfit> {
        let (container, key) = self.resolve(field)?;
        let removed = match container {
            Value::Object(members) => members.remove(&key),
            Value::Array(items) => index(&key, items.len()).map(|index| items.remove(index)),
            _ => None,
        };
        removed.ok_or_else(|| self.nowhere(field))
    }

    fn replace(&mut self) -> Result<(), Misfit> {
        let value = self.value();
        if self.pointer("path")?.is_empty() {
            if !value.is_object() && !value.is_array() {
                return Err(self.misfit("value", Step::NotWhole));
            }
            *self.target = value;
            return Ok(());
        }
        let (container, key) = self.resolve("path")?;
        let place = match container {
            Value::Object(members) => Some(members.entry(key).or_insert(Value::Null)),
            Value::Array(items) => index(&key, items.len()).and_then(|index| items.get_mut(index)),
            _ => None,
        };
        match place {
            Some(place) => *place = value,
            None => return Err(self.nowhere("path")),
        }
        Ok(())
    }

    fn test(&mut self) -> Result<(), Misfit> {
        let value = self.value();
        let same = if self.pointer("path")?.is_empty() {
            *self.target == value
        } else {
            self.get("path")?.unwrap_or(&Value::Null) == &value
        };
        if same { Ok(()) } else { Err(self.misfit("path", Step::Differs)) }
    }

    /// What a pointer leads to; `None` for a member that is missing.
    fn get(&mut self, field: &'static str) -> Result<Option<&Value>, Misfit> {
        let nowhere = self.nowhere(field);
        let (container, key) = self.resolve(field)?;
        match container {
            Value::Object(members) => Ok(members.get(&key)),
            Value::Array(items) => match index(&key, items.len()).and_then(|index| items.get(index)) {
                Some(item) => Ok(Some(item)),
                None => Err(nowhere),
            },
            _ => Err(nowhere),
        }
    }

    fn pointer(&self, field: &'static str) -> Result<&str, Misfit> {
        let text = self.operation.get(field).and_then(Value::as_str);
        text.ok_or_else(|| self.misfit(field, Step::NoPointer))
    }

    /// The mapping or list that a pointer's last part is a key of, and that key.
    fn resolve(&mut self, field: &'static str) -> Result<(&mut Value, String), Misfit> {
        let pointer = self.pointer(field)?.to_owned();
        let nowhere = self.nowhere(field);
        let mut parts: Vec<_> =
            pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
        let Some(key) = parts.pop() else { return Err(nowhere) };
        let mut container = &mut *self.target;
        for part in parts {
            let inner = match container {
                Value::Object(members) => members.get_mut(&part),
                Value::Array(items) => match index(&part, items.len()) {
                    Some(index) => items.get_mut(index),
                    None => None,
                },
                _ => None,
            };
            match inner {
                Some(inner) => container = inner,
                None => return Err(nowhere),
            }
        }
        Ok((container, key))
    }

    fn nowhere(&self, field: &'static str) -> Misfit {
        self.misfit(field, Step::Nowhere)
    }

    fn misfit(&self, field: &'static str, step: Step) -> Misfit {
        let pointer = self.operation.get(field).and_then(Value::as_str).unwrap_or_default();
        Misfit::Operation { number: self.number, field, pointer: UntrustedText::new(pointer, None), step }
    }
}

/// Go's `strconv.Atoi`, and negative numbers from the end: an index below `length`.
fn index(key: &str, length: usize) -> Option<usize> {
    let number: i64 = key.parse().ok()?;
    let length = i64::try_from(length).ok()?;
    let index = if number < 0 { number.checked_add(length)? } else { number };
    usize::try_from(index).ok().filter(|_| index < length)
}

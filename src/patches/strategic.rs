//! Strategic merge patches as apimachinery applies them (`util/strategicpatch/patch.go`) to a KubeletConfiguration or a Pod.
//!
//! Mappings are merged; which lists are, and by which key, is in [`super::schema`]. The directives: `$patch: replace` and
//! `$patch: delete` in a mapping or in an item of a merged list, `$retainKeys`, `$deleteFromPrimitiveList/FIELD` and
//! `$setElementOrder/FIELD`.
//!
//! kubeadm refuses to merge into a mapping that its release of the type does not know, and into `staticPodURLHeader`. Here
//! they are merged: there is no list of fields in this program, and the kubelet may be newer than it.

use std::mem::discriminant;

use serde_json::{Map, Value};

use super::error::Misfit;
use super::schema::{ListStrategy, Schema};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
const ELEMENT_ORDER: &str = "$setElementOrder";

/// Merges a patch into the target. A null is a patch that says nothing.
pub(super) fn apply(target: &mut Value, patch: Value, schema: Schema) -> Result<(), Misfit> {
    let Value::Object(target) = target else { return Err(Misfit::Target) };
    match patch {
        Value::Null => Ok(()),
        Value::Object(patch) => merge(target, patch, schema),
        _ => Err(Misfit::Shape { expected: "a mapping" }),
    }
}

fn merge(target: &mut Map<String, Value>, mut patch: Map<String, Value>, schema: Schema) -> Result<(), Misfit> {
    if let Some(directive) = patch.remove(DIRECTIVE) {
        *target = match directive.as_str() {
            Some("replace") => patch,
            Some("delete") => Map::new(),
            _ => return Err(Misfit::directive(DIRECTIVE, "be replace or delete here")),
        };
        return Ok(());
    }
    retain_keys(target, &mut patch)?;
    set_element_order(target, &mut patch, schema)?;
    let (deletions, fields): (Vec<_>, Vec<_>) =
        patch.into_iter().partition(|(name, _)| name.starts_with(DELETE_FROM_LIST));
    for (name, value) in fields {
        match (target.get_mut(&name), value) {
            (_, Value::Null) => drop(target.remove(&name)),
            (Some(Value::Object(there)), Value::Object(value)) => merge(there, value, schema.below(&name))?,
            (Some(Value::Array(there)), Value::Array(value)) => {
                *there = list(&name, std::mem::take(there), value, schema)?;
            }
            (_, mut value) => {
                drop_nulls(&mut value);
                match without_directives(value) {
                    Some(value) => drop(target.insert(name, value)),
                    None => drop(target.remove(&name)),
                }
            }
        }
    }
    for (name, value) in deletions {
        let field = named(&name, DELETE_FROM_LIST)?;
        match (target.get_mut(field), value) {
            (_, Value::Null) => drop(target.remove(field)),
            (Some(Value::Array(items)), Value::Array(unwanted)) => {
                if items.iter().chain(&unwanted).any(|item| item.is_object()) {
                    if let ListStrategy::MergeBy(_) = schema.list(field) {
                        *items = list(field, std::mem::take(items), unwanted, schema)?;
                        continue;
                    }
                    return Err(Misfit::directive(&name, "stand beside a list of texts or numbers"));
                }
                alike(&name, items, &unwanted)?;
                items.retain(|item| !unwanted.contains(item));
            }
            _ => {}
        }
    }
    Ok(())
}

/// What a list and one of the same field in a patch become.
fn list(field: &str, there: Vec<Value>, patch: Vec<Value>, schema: Schema) -> Result<Vec<Value>, Misfit> {
    let strategy = schema.list(field);
    // Another list takes its place as it is, nulls and directives in it included.
    if strategy == ListStrategy::Replace || there.is_empty() && patch.is_empty() {
        return Ok(patch);
    }
    alike(field, &there, &patch)?;
    let ListStrategy::MergeBy(key) = strategy else {
        let mut both = Vec::new();
        for item in there.iter().chain(&patch) {
            if !both.contains(item) {
                both.push(item.clone());
            }
        }
        return arrange(both, &patch, &there, None);
    };
    let (mut there, mut items) = (there, Vec::new());
    let mut replaces = false;
    for item in patch {
        match item.get(DIRECTIVE).map(Value::as_str) {
            None => items.push(item),
            Some(Some("delete")) => {
                let wanted = item.get(key).ok_or(Misfit::MergeKey { key })?;
                there.retain(|item| item.get(key) != Some(wanted));
            }
            Some(Some("replace")) => replaces = true,
            Some(_) => return Err(Misfit::directive(DIRECTIVE, "be replace or delete here")),
        }
    }
    if replaces {
        (there, items) = (items, Vec::new());
    }
    let mut merged = there.clone();
    for item in &items {
        let wanted = item.get(key).ok_or(Misfit::MergeKey { key })?;
        match (merged.iter_mut().find(|there| there.get(key) == Some(wanted)), item) {
            (Some(Value::Object(there)), Value::Object(item)) => merge(there, item.clone(), schema.below(field))?,
            _ => merged.push(item.clone()),
        }
    }
    arrange(merged, &items, &there, Some(key))
}

/// Merged items in the order of `order`, where they stand in it, among the others, which keep theirs.
fn arrange(
    merged: Vec<Value>,
    order: &[Value],
    before: &[Value],
    key: Option<&'static str>,
) -> Result<Vec<Value>, Misfit> {
    if let Some(key) = key
        && merged.iter().chain(order).chain(before).any(|item| item.get(key).is_none())
    {
        return Err(Misfit::MergeKey { key });
    }
    let (mut ordered, mut others): (Vec<_>, Vec<_>) =
        merged.into_iter().partition(|item| position(order, item, key).is_some());
    sort(&mut ordered, order, key);
    sort(&mut others, before, key);
    Ok(interleave(others, ordered, before, key))
}

/// `$retainKeys`: what is not named in it goes, and the patch itself may have no other fields.
fn retain_keys(target: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), Misfit> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(keys) = keys else { return Err(Misfit::directive(RETAIN_KEYS, "be a list")) };
    if keys.iter().any(|key| key.is_object() || key.is_array()) {
        return Err(Misfit::directive(RETAIN_KEYS, "be a list of names"));
    }
    let retained = |name: &str| keys.iter().any(|key| key.as_str() == Some(name));
    for (name, value) in patch.iter() {
        let free = value.is_null() || name.starts_with(DELETE_FROM_LIST) || name.starts_with(ELEMENT_ORDER);
        if !free && !retained(name) {
            return Err(Misfit::directive(RETAIN_KEYS, "name every other field of the patch"));
        }
    }
    target.retain(|name, _| retained(name));
    Ok(())
}

/// `$setElementOrder/FIELD`: the list of that field, patched or not, in that order.
fn set_element_order(
    target: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    schema: Schema,
) -> Result<(), Misfit> {
    let names: Vec<String> = patch.keys().filter(|name| name.starts_with(ELEMENT_ORDER)).cloned().collect();
    for name in names {
        let Some(Value::Array(order)) = patch.remove(&name) else {
            return Err(Misfit::directive(&name, "be a list"));
        };
        let field = named(&name, ELEMENT_ORDER)?;
        let key = match schema.list(field) {
            ListStrategy::MergeBy(key) => Some(key),
            ListStrategy::Replace | ListStrategy::MergeScalars => None,
        };
        let there = items_of(&name, target.get(field))?;
        let patched = items_of(&name, patch.get(field))?;
        // Items that are deleted need no place.
        let deletes = |item: &Value| key.is_some() && item.get(DIRECTIVE).is_some();
        let wanted: Vec<Value> = patched.iter().flatten().filter(|item| !deletes(item)).cloned().collect();
        if !order.is_empty() && !is_subsequence(&wanted, &order, key) {
            return Err(Misfit::directive(&name, "have every item of the patch's list, in its order"));
        }
        let had = there.clone().unwrap_or_default();
        let count = had.len() + patched.as_ref().map_or(0, Vec::len);
        let merged = match (there, patched) {
            (None, None) => continue,
            (Some(there), None) => there,
            (None, Some(patched)) => match without_directives(Value::Array(patched)) {
                Some(Value::Array(patched)) => patched,
                _ => continue,
            },
            (Some(there), Some(patched)) => list(field, there, patched, schema)?,
        };
        let fits = |item: &Value| if key.is_some() { item.is_object() } else { !item.is_object() && !item.is_array() };
        if !merged.iter().chain(&order).all(fits) || count == 0 {
            return Err(Misfit::directive(&name, "stand beside a list that it can be the order of"));
        }
        alike(&name, &had, &merged)?;
        target.insert(field.to_owned(), Value::Array(arrange(merged, &order, &had, key)?));
        patch.remove(field);
    }
    Ok(())
}

fn items_of(name: &str, value: Option<&Value>) -> Result<Option<Vec<Value>>, Misfit> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items.clone())),
        Some(_) => Err(Misfit::directive(name, "stand beside a list")),
    }
}

/// The field that a directive is for: what stands behind its `/`.
fn named<'n>(name: &'n str, prefix: &'static str) -> Result<&'n str, Misfit> {
    match name.split_once('/') {
        Some((before, field)) if before == prefix => Ok(field),
        _ => Err(Misfit::directive(name, "name its field behind a slash")),
    }
}

/// All items have one type, and it is not list.
fn alike(name: &str, items: &[Value], others: &[Value]) -> Result<(), Misfit> {
    let mut all = items.iter().chain(others);
    let Some(first) = all.next() else { return Ok(()) };
    let same = |item: &Value| discriminant(item) == discriminant(first) && item.is_f64() == first.is_f64();
    if first.is_array() || first.is_null() || !all.all(same) {
        return Err(Misfit::directive(name, "stand beside lists of one type"));
    }
    Ok(())
}

fn is_subsequence(items: &[Value], of: &[Value], key: Option<&str>) -> bool {
    let mut of = of.iter();
    items.iter().all(|item| of.any(|other| same(other, item, key)))
}

/// Whether two items are the same one: by their key, or as a whole.
fn same(a: &Value, b: &Value, key: Option<&str>) -> bool {
    match key {
        Some(key) => a.get(key) == b.get(key),
        None => a == b,
    }
}

fn position(list: &[Value], item: &Value, key: Option<&str>) -> Option<usize> {
    list.iter().position(|other| same(other, item, key))
}

/// Go sorts these with a comparison that says "less" for whatever is not in `order`; that puts such items at the front, the
/// later the nearer. Its stable sort is an insertion sort up to 20 items.
fn sort(items: &mut [Value], order: &[Value], key: Option<&str>) {
    let less = |a: &Value, b: &Value| match (position(order, a, key), position(order, b, key)) {
        (Some(a), Some(b)) => a < b,
        _ => true,
    };
    for end in 1..items.len() {
        for at in (1..=end).rev() {
            if !less(&items[at], &items[at - 1]) {
                break;
            }
            items.swap(at, at - 1);
        }
    }
}

/// Two lists as one; each keeps its order, and what both were in before keeps that order, too.
fn interleave(left: Vec<Value>, right: Vec<Value>, before: &[Value], key: Option<&str>) -> Vec<Value> {
    let mut all = Vec::with_capacity(left.len() + right.len());
    let mut left = left.into_iter().peekable();
    for item in right {
        let place = position(before, &item, key);
        while let (Some(other), Some(place)) = (left.peek(), place)
            && position(before, other, key).is_some_and(|other| other < place)
        {
            all.extend(left.next());
        }
        all.push(item);
    }
    all.extend(left);
    all
}

/// Drops members that are null, at any depth; nulls that are items of a list stay.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// A new value without the mappings that carry a `$patch`; `None` where it is one itself.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(members) if members.contains_key(DIRECTIVE) => None,
        Value::Object(members) => Some(Value::Object(
            members.into_iter().filter_map(|(name, value)| Some((name, without_directives(value)?))).collect(),
        )),
        Value::Array(items) => Some(Value::Array(items.into_iter().filter_map(without_directives).collect())),
        other => Some(other),
    }
}

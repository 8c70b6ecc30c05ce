//! `nodeRegistration`, whichever version it stands in.

use std::str::FromStr;

use serde_json::Value;

use super::args_form::ArgsForm;
use super::draft::{Draft, DraftTaint};
use super::fields::{Fields, Reader};
use super::join_configuration::{ImagePullPolicy, Taint};
use super::origin::WithOrigin;
use super::problem::Problem;
use super::warning::Warning;
use crate::values::rfc3339;

/// Reads the fields. What a version does not have has been named as unknown by the caller, and is not looked for by
/// older ones, because kubeadm would have ignored it.
pub(super) fn read<'a>(reader: &mut Reader<'a>, node: &Fields<'a>, draft: &mut Draft, form: ArgsForm) {
    draft.node_name = reader.string(node, "name").filter(|name| !name.value.is_empty());
    draft.cri_socket = reader.string(node, "criSocket").filter(|socket| !socket.value.is_empty());
    draft.taints = taints(reader, node);
    draft.kubelet_extra_args = kubelet_extra_args(reader, node, form);
    if node.is_known("ignorePreflightErrors") {
        draft.ignore_preflight_errors = reader.strings(node, "ignorePreflightErrors");
    }
    if node.is_known("imagePullSerial") {
        draft.image_pull_serial = reader.boolean(node, "imagePullSerial");
    }
    if node.is_known("imagePullPolicy")
        && let Some(WithOrigin { value, origin }) = reader.string(node, "imagePullPolicy")
        && !value.is_empty()
    {
        match ImagePullPolicy::from_str(&value) {
            Ok(policy) => draft.image_pull_policy = policy,
            Err(()) => reader.findings.problems.push(Problem::ImagePullPolicy(origin, value)),
        }
    }
}

/// `None` is the default of the role, an empty list is none at all.
fn taints<'a>(reader: &mut Reader<'a>, node: &Fields<'a>) -> Option<Vec<DraftTaint>> {
    let mut taints = Vec::new();
    for (item, path) in reader.items(node, "taints")? {
        let origin = reader.origin(path.clone());
        let Some(fields) = reader.fields(item, path, &["key", "value", "effect", "timeAdded"]) else { continue };
        let mut text = |name| reader.string(&fields, name).map(|given| given.value).unwrap_or_default();
        let taint = Taint { key: text("key"), value: text("value"), effect: text("effect") };
        let mut time_added = None;
        if let Some(WithOrigin { value, origin }) = reader.string(&fields, "timeAdded") {
            time_added = rfc3339::in_utc(&value);
            if time_added.is_none() {
                reader.findings.problems.push(Problem::Time(origin, value));
            }
        }
        taints.push(DraftTaint { taint, origin, time_added });
    }
    Some(taints)
}

/// The arguments in the order given; a mapping has none and is sorted by name, as kubeadm converts it.
fn kubelet_extra_args<'a>(
    reader: &mut Reader<'a>,
    node: &Fields<'a>,
    form: ArgsForm,
) -> Vec<(String, WithOrigin<String>)> {
    const NAME: &str = "kubeletExtraArgs";
    let mut args = Vec::new();
    if let Some(Value::Object(map)) = node.raw(NAME) {
        if form != ArgsForm::Map {
            let origin = reader.origin(node.child(NAME));
            reader.findings.warnings.push(Warning::ExtraArgsForm(origin, form));
        }
        for (name, value) in map {
            let path = format!("{}.{name}", node.child(NAME));
            if let Some(value) = reader.text(value, path) {
                args.push((name.clone(), value));
            }
        }
        args.sort_by(|one, other| one.0.cmp(&other.0));
        return args;
    }
    let Some(items) = reader.items(node, NAME) else { return args };
    if form == ArgsForm::Map {
        let origin = reader.origin(node.child(NAME));
        reader.findings.warnings.push(Warning::ExtraArgsForm(origin, form));
    }
    let known: &[&str] = match form {
        ArgsForm::ListWithMergeMethod => &["name", "value", "mergeMethod"],
        ArgsForm::Map | ArgsForm::List => &["name", "value"],
    };
    for (item, path) in items {
        let Some(fields) = reader.fields(item, path, known) else { continue };
        if form == ArgsForm::ListWithMergeMethod
            && let Some(WithOrigin { value, origin }) = reader.string(&fields, "mergeMethod")
            && !value.is_empty()
        {
            reader.findings.problems.push(Problem::MergeMethod(origin));
        }
        let name = reader.string(&fields, "name").map(|given| given.value).unwrap_or_default();
        let missing = || WithOrigin::new(String::new(), reader.origin(fields.child("value")));
        let value = if fields.has("value") { reader.string(&fields, "value") } else { Some(missing()) };
        if let Some(value) = value {
            args.push((name, value));
        }
    }
    args
}

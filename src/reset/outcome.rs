//! How a reset ended.

use serde_json::{Value, json};

use super::leftovers::Leftover;

/// What was done, or would be.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The name of the Node, where there was one.
    pub node: Option<String>,
    /// It was only looked.
    pub is_dry_run: bool,
    /// What makes a node has gone.
    pub is_undone: bool,
    /// What goes: paths, in the order in which they go. Directories that are emptied are there once something is done; in a dry
    /// run everything in them is, too.
    pub paths: Vec<String>,
    /// Mounts that go.
    pub mounts: Vec<String>,
    /// Pods that end, by the container runtime.
    pub sandboxes: Vec<String>,
    /// Control groups in which everything is killed, where no runtime answers.
    pub cgroups: Vec<String>,
    /// Images that go.
    pub images: Vec<String>,
    /// What is done about etcd, in a sentence.
    pub etcd: Option<String>,
    /// What would stay although it should go, each with the reason; a dry run only.
    pub left: Vec<String>,
    /// What stays on purpose.
    pub stays: Vec<Leftover>,
}

impl Outcome {
    /// For programs.
    pub fn facts(&self) -> Vec<(&'static str, Value)> {
        let stays = |leftover: &Leftover| json!({ "what": leftover.what, "command": leftover.command });
        vec![
            ("node", self.node.as_deref().into()),
            ("paths", json!(self.paths)),
            ("mounts", json!(self.mounts)),
            ("sandboxes", json!(self.sandboxes)),
            ("cgroups", json!(self.cgroups)),
            ("images", json!(self.images)),
            ("etcd", self.etcd.as_deref().into()),
            ("left", json!(self.left)),
            ("stays", self.stays.iter().map(stays).collect()),
        ]
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut text = String::new();
        if self.is_dry_run {
            let lists = [
                ("Pods that would end", &self.sandboxes),
                ("Control groups whose processes would be killed", &self.cgroups),
                ("What would be unmounted", &self.mounts),
                ("What would be removed", &self.paths),
                ("Images that would be removed", &self.images),
                ("What could not be removed", &self.left),
            ];
            for (title, list) in lists {
                append(&mut text, title, list.iter().cloned());
            }
            text.extend(self.etcd.iter().map(|etcd| format!("etcd: {etcd}\n")));
        }
        if self.is_undone {
            text.push_str("This machine is no node any more.\n");
        }
        let lines = self.stays.iter().map(|leftover| match &leftover.command {
            Some(command) => format!("{}\n      {command}", leftover.what),
            None => leftover.what.clone(),
        });
        append(&mut text, "What stays on purpose", lines);
        text.trim_end().to_owned()
    }
}

fn append(text: &mut String, title: &str, lines: impl ExactSizeIterator<Item = String>) {
    if lines.len() > 0 {
        text.push_str(&format!("{title}:\n"));
        text.extend(lines.map(|line| format!("  * {line}\n")));
    }
}

//! Crash tests of the one durable writer: killed after every step, and power lost with every combination of what was not
//! synced; then run again.
//!
//! A small model of a file system runs the same steps as the real writer, and knows what a crash may take: names of a
//! directory that was not synced since (each change for itself, in any combination), content and mode of a file that was
//! not synced since (none, half or all of it). The model is held to the real file system at every step.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use zeroize::Zeroizing;

use super::commit::Writer;
use super::observe::observe;
use super::observe::temporary_in;
use super::plan::{Step, plan};
use super::{FileSet, Kind, Root, TargetPath};

/// Everything below a root, by path from it.
type Tree = BTreeMap<String, Node>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Directory { mode: u32 },
    File { mode: u32, bytes: Vec<u8> },
    Symlink { target: String },
}

// The cases.

const KEY: TargetPath = TargetPath::fixed("/var/lib/kubelet/pki/kubelet-client-1.pem");
const OTHER_KEY: TargetPath = TargetPath::fixed("/var/lib/kubelet/pki/kubelet-client-2.pem");
const CURRENT: TargetPath = TargetPath::fixed("/var/lib/kubelet/pki/kubelet-client-current.pem");

fn set(key: TargetPath) -> FileSet {
    let mut set = FileSet::new();
    set.file(TargetPath::fixed("/etc/kubernetes/pki/ca.crt"), 0o644, "certificate")
        .directory(TargetPath::fixed("/var/lib/kubelet/pki"), 0o700)
        .secret_file(key.clone(), 0o600, Zeroizing::new(b"private key".to_vec()))
        .symlink(CURRENT, key.as_str())
        .absent(TargetPath::fixed("/etc/kubernetes/bootstrap-kubelet.conf"))
        .file(TargetPath::fixed("/etc/kubernetes/kubelet.conf"), 0o640, "users: []");
    set
}

fn file(bytes: &str) -> Node {
    Node::File { mode: 0o600, bytes: bytes.into() }
}

fn directory() -> Node {
    Node::Directory { mode: 0o755 }
}

/// Trees that a commit may find.
fn before() -> Vec<(&'static str, Tree)> {
    let tree = |nodes: &[(&str, Node)]| nodes.iter().map(|(path, node)| ((*path).to_owned(), node.clone())).collect();
    vec![
        ("an empty root", Tree::new()),
        (
            "an older join",
            tree(&[
                ("/etc", directory()),
                ("/etc/kubernetes", directory()),
                ("/etc/kubernetes/.kubejoin.tmp", file("half a pri")),
                ("/etc/kubernetes/bootstrap-kubelet.conf", file("token")),
                ("/etc/kubernetes/kubelet.conf", file("older")),
                ("/etc/kubernetes/pki", directory()),
                ("/etc/kubernetes/pki/ca.crt", file("certificate")),
                ("/var", directory()),
                ("/var/lib", directory()),
                ("/var/lib/.kubejoin.tmp", directory()),
                ("/var/lib/kubelet", directory()),
                ("/var/lib/kubelet/pki", Node::Directory { mode: 0o777 }),
                ("/var/lib/kubelet/pki/.kubejoin.tmp", Node::Symlink { target: "nowhere".into() }),
                (CURRENT.as_str(), Node::Symlink { target: "older.pem".into() }),
            ]),
        ),
    ]
}

// The real file system.

/// A fresh directory, in memory where there is such a place: thousands of them are synced here.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn make(tree: &Tree) -> (tempfile::TempDir, Root) {
    let scratch = scratch();
    for (path, node) in tree {
        let place = scratch.path().join(&path[1..]);
        let mode = match node {
            Node::Directory { mode } => {
                fs::create_dir(&place).unwrap();
                *mode
            }
            Node::File { mode, bytes } => {
                fs::write(&place, bytes).unwrap();
                *mode
            }
            Node::Symlink { target } => {
                symlink(target, &place).unwrap();
                continue;
            }
        };
        fs::set_permissions(&place, fs::Permissions::from_mode(mode)).unwrap();
    }
    let root = Root::open(scratch.path()).unwrap();
    (scratch, root)
}

fn read(root: &Root) -> Tree {
    fn descend(top: &Path, place: &Path, tree: &mut Tree) {
        for entry in fs::read_dir(place).unwrap() {
            let place = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&place).unwrap();
            let mode = metadata.permissions().mode() & 0o7777;
            let node = if metadata.is_dir() {
                descend(top, &place, tree);
                Node::Directory { mode }
            } else if metadata.is_symlink() {
                Node::Symlink { target: fs::read_link(&place).unwrap().to_str().unwrap().to_owned() }
            } else {
                Node::File { mode, bytes: fs::read(&place).unwrap() }
            };
            tree.insert(format!("/{}", place.strip_prefix(top).unwrap().to_str().unwrap()), node);
        }
    }
    let mut tree = Tree::new();
    descend(root.path(), root.path(), &mut tree);
    tree
}

fn steps<'a>(root: &Root, set: &'a FileSet) -> Vec<Step<'a>> {
    plan(set, observe(root, set).unwrap()).unwrap()
}

/// The tree after a run that nothing disturbed.
fn undisturbed(before: &Tree, set: &FileSet) -> Tree {
    let (_scratch, root) = make(before);
    root.commit(set).unwrap();
    read(&root)
}

// The model.

#[derive(Clone, Debug)]
struct Inode {
    node: Node,
    /// What it was when it was last synced, where it has changed since.
    unsynced: Option<Node>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    /// What happened to the names since they were last synced.
    pending: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Made(String, usize),
    Removed(String),
    Renamed(String, String, usize),
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        match self {
            Change::Made(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Change::Removed(name) => {
                names.remove(name);
            }
            Change::Renamed(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Model(Vec<Inode>);

impl Model {
    /// A file system that has been at rest.
    fn at_rest(tree: &Tree) -> Model {
        let mut model = Model(Vec::new());
        model.inode(directory());
        for (path, node) in tree {
            let inode = model.inode(node.clone());
            let (directory, name) = model.holder(&path.parse().unwrap());
            model.change(directory, Change::Made(name, inode));
        }
        for inode in &mut model.0 {
            inode.unsynced = None;
            inode.synced_names = inode.names.clone();
            inode.pending.clear();
        }
        model
    }

    fn inode(&mut self, node: Node) -> usize {
        let (names, synced_names, pending) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        self.0.push(Inode { unsynced: Some(node.clone()), node, names, synced_names, pending });
        self.0.len() - 1
    }

    fn lookup(&self, path: &TargetPath) -> usize {
        path.as_str()
            .split('/')
            .filter(|name| !name.is_empty())
            .fold(0, |directory, name| self.0[directory].names[name])
    }

    fn holder(&self, path: &TargetPath) -> (usize, String) {
        (self.lookup(&path.parent().unwrap()), path.file_name().unwrap().to_owned())
    }

    fn change(&mut self, directory: usize, change: Change) {
        change.apply(&mut self.0[directory].names);
        self.0[directory].pending.push(change);
    }

    fn temporary(&self, path: &TargetPath) -> usize {
        self.lookup(&temporary_in(&path.parent().unwrap()))
    }

    fn make_temporary(&mut self, path: &TargetPath, node: Node) {
        let (directory, name) = self.holder(&temporary_in(&path.parent().unwrap()));
        assert!(!self.0[directory].names.contains_key(&name), "a temporary for {path} on top of another");
        let inode = self.inode(node);
        self.change(directory, Change::Made(name, inode));
    }

    fn run(&mut self, step: &Step<'_>) {
        match step {
            Step::RemoveLeftover { path } | Step::Unlink { path } => {
                let (directory, name) = self.holder(path);
                self.change(directory, Change::Removed(name));
            }
            Step::MakeDir { path } => self.make_temporary(path, Node::Directory { mode: 0o700 }),
            Step::CreateTemp { path } => self.make_temporary(path, Node::File { mode: 0o600, bytes: Vec::new() }),
            Step::Symlink { path, target } => {
                self.make_temporary(path, Node::Symlink { target: (*target).to_owned() });
            }
            Step::Write { path, content } => {
                let inode = self.temporary(path);
                let Node::File { bytes, .. } = &mut self.0[inode].node else { panic!("{path} is written to") };
                bytes.extend_from_slice(content.expose());
            }
            Step::Chmod { path, mode: wanted } => {
                let inode = self.temporary(path);
                match &mut self.0[inode].node {
                    Node::File { mode, .. } | Node::Directory { mode } => *mode = *wanted,
                    Node::Symlink { .. } => panic!("{path} is given a mode"),
                }
            }
            Step::ChmodDir { path, mode } => {
                let inode = self.lookup(path);
                let changed = Node::Directory { mode: *mode };
                let before = std::mem::replace(&mut self.0[inode].node, changed);
                self.0[inode].unsynced.get_or_insert(before);
            }
            Step::SyncFile { path } => {
                let inode = self.temporary(path);
                self.0[inode].unsynced = None;
            }
            Step::SyncExisting { path } => {
                let inode = self.lookup(path);
                self.0[inode].unsynced = None;
            }
            Step::Rename { path } => {
                let inode = self.temporary(path);
                let (directory, name) = self.holder(path);
                let temporary = temporary_in(&path.parent().unwrap()).file_name().unwrap().to_owned();
                self.change(directory, Change::Renamed(temporary, name, inode));
            }
            Step::Prune { path, stays } => {
                if *stays {
                    let inode = self.lookup(path);
                    self.empty(inode);
                } else {
                    let (directory, name) = self.holder(path);
                    let inode = self.0[directory].names[&name];
                    self.empty(inode);
                    self.change(directory, Change::Removed(name));
                }
            }
            Step::UnmountBelow { .. } => {}
            Step::SyncDir { path } => {
                let inode = self.lookup(path);
                let directory = &mut self.0[inode];
                directory.unsynced = None;
                directory.synced_names = directory.names.clone();
                directory.pending.clear();
            }
        }
    }

    /// Removes what is in a directory, from the leaves up.
    fn empty(&mut self, directory: usize) {
        for (name, inode) in self.0[directory].names.clone() {
            self.empty(inode);
            self.change(directory, Change::Removed(name));
        }
    }

    fn tree(&self) -> Tree {
        let names: Vec<_> = self.0.iter().map(|inode| inode.names.clone()).collect();
        let nodes: Vec<_> = self.0.iter().map(|inode| inode.node.clone()).collect();
        tree_of(&names, &nodes)
    }

    /// Every tree that a power cut now may leave.
    fn after_power_cut(&self) -> BTreeSet<Tree> {
        let names = combinations(self.0.iter().map(Inode::possible_names).collect());
        let nodes = combinations(self.0.iter().map(Inode::possible_nodes).collect());
        assert!(names.len() * nodes.len() < 10_000, "too many combinations to try");
        names.iter().flat_map(|names| nodes.iter().map(|nodes| tree_of(names, nodes))).collect()
    }

    /// The tree that a power cut leaves when everything is lost that can be.
    fn after_worst_power_cut(&self) -> Tree {
        let names: Vec<_> = self.0.iter().map(|inode| inode.synced_names.clone()).collect();
        let nodes: Vec<_> = self.0.iter().map(|inode| inode.unsynced.as_ref().unwrap_or(&inode.node).clone()).collect();
        tree_of(&names, &nodes)
    }
}

impl Inode {
    fn possible_names(&self) -> Vec<BTreeMap<String, usize>> {
        (0..1 << self.pending.len())
            .map(|kept: u32| {
                let mut names = self.synced_names.clone();
                for (i, change) in self.pending.iter().enumerate() {
                    if kept & (1 << i) != 0 {
                        change.apply(&mut names);
                    }
                }
                names
            })
            .collect()
    }

    fn possible_nodes(&self) -> Vec<Node> {
        let mut nodes = vec![self.node.clone()];
        match (&self.node, &self.unsynced) {
            (Node::File { mode: now, bytes }, Some(Node::File { mode: then, bytes: old })) => {
                for mode in [*now, *then] {
                    for bytes in [bytes.clone(), bytes[..bytes.len() / 2].to_vec(), old.clone()] {
                        nodes.push(Node::File { mode, bytes });
                    }
                }
            }
            // A link is made with what it says, in one piece.
            (Node::Directory { .. }, Some(then)) => nodes.push(then.clone()),
            _ => {}
        }
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

fn combinations<T: Clone>(choices: Vec<Vec<T>>) -> Vec<Vec<T>> {
    choices.into_iter().fold(vec![Vec::new()], |done, choice| {
        done.iter()
            .flat_map(|head| choice.iter().map(move |tail| [head.as_slice(), std::slice::from_ref(tail)].concat()))
            .collect()
    })
}

fn tree_of(names: &[BTreeMap<String, usize>], nodes: &[Node]) -> Tree {
    fn descend(at: &str, inode: usize, names: &[BTreeMap<String, usize>], nodes: &[Node], tree: &mut Tree) {
        for (name, &inode) in &names[inode] {
            let path = format!("{at}/{name}");
            tree.insert(path.clone(), nodes[inode].clone());
            descend(&path, inode, names, nodes, tree);
        }
    }
    let mut tree = Tree::new();
    descend("", 0, names, nodes, &mut tree);
    tree
}

// The promises.

/// What is wrong with a tree that a power cut left of a run from `before` to `after`: an object that is neither as
/// before nor as wanted, or one that is there before an earlier one.
fn broken_promise(set: &FileSet, before: &Tree, after: &Tree, left: &Tree) -> Option<String> {
    let mut incomplete = None;
    for entry in &set.entries {
        let path = entry.path.as_str();
        let (old, new, found) = (before.get(path), after.get(path), left.get(path));
        if found != old && found != new {
            return Some(format!("{path} is torn: {found:?}"));
        }
        if found != new {
            incomplete.get_or_insert(path);
        } else if old != new
            && !matches!(entry.kind, Kind::Directory { .. })
            && let Some(earlier) = incomplete
        {
            return Some(format!("{path} is there before {earlier}"));
        }
    }
    None
}

/// A machine that was a node, and a removal of that in order.
fn removal() -> (Tree, FileSet) {
    let nodes = [
        ("/etc", directory()),
        ("/etc/kubernetes", directory()),
        ("/etc/kubernetes/.kubejoin.tmp", file("half")),
        ("/etc/kubernetes/admin.conf", file("users: []")),
        ("/etc/kubernetes/kubelet.conf", file("users: []")),
        ("/etc/kubernetes/pki", directory()),
        ("/etc/kubernetes/pki/ca.crt", file("certificate")),
        ("/etc/kubernetes/pki/etcd", directory()),
        ("/etc/kubernetes/pki/etcd/ca.key", file("private key")),
        ("/link", Node::Symlink { target: "/etc/kubernetes/pki".into() }),
    ];
    let mut set = FileSet::new();
    set.file(TargetPath::fixed("/etc/kubernetes/begun"), 0o600, "")
        .absent(TargetPath::fixed("/etc/kubernetes/kubelet.conf"))
        .gone(TargetPath::fixed("/etc/kubernetes/admin.conf"))
        .emptied(TargetPath::fixed("/etc/kubernetes/pki"))
        .gone(TargetPath::fixed("/etc/kubernetes/pki"))
        .emptied(TargetPath::fixed("/var/lib/kubelet"))
        .unmounted(TargetPath::fixed("/etc/kubernetes"), super::UnmountFlags::empty())
        .absent(TargetPath::fixed("/etc/kubernetes/begun"));
    (nodes.into_iter().map(|(path, node)| (path.to_owned(), node)).collect(), set)
}

#[test]
fn a_removal_cut_off_anywhere_goes_on_and_begins_with_what_comes_first() {
    let (before, set) = removal();
    let after = undisturbed(&before, &set);
    assert_eq!(after.keys().collect::<Vec<_>>(), ["/etc", "/etc/kubernetes", "/link"]);
    let (_scratch, root) = make(&before);
    let steps = steps(&root, &set);
    assert!(steps.iter().filter(|step| matches!(step, Step::Prune { .. })).count() == 3, "{steps:#?}");
    // The model and the file system agree.
    let mut model = Model::at_rest(&before);
    let mut writer = Writer::new(&root);
    for step in &steps {
        writer.run([step.clone()]).unwrap();
        model.run(step);
        assert_eq!(read(&root), model.tree(), "after {step:?}");
    }
    assert_eq!(model.after_worst_power_cut(), after);
    let states = all_power_cuts(&before, &steps);
    assert!(states.len() > 12, "only {} states", states.len());
    for (left, done) in states {
        let is_there = |path: &str| left.contains_key(&format!("/etc/kubernetes/{path}"));
        let is_begun = is_there("begun") || left == after;
        // Nothing goes before the file that says so is there; and that goes only after everything else.
        assert!(is_there("kubelet.conf") || is_begun, "after {done} steps: {left:#?}");
        assert!(!is_there("kubelet.conf") || (is_there("admin.conf") && is_there("pki/etcd/ca.key")), "{left:#?}");
        let (_scratch, root) = make(&left);
        root.commit(&set).unwrap();
        assert_eq!(read(&root), after, "after {done} steps, from {left:#?}");
    }
}

/// Every tree that a power cut anywhere in these steps may leave, with the number of steps done.
fn all_power_cuts(before: &Tree, steps: &[Step<'_>]) -> BTreeMap<Tree, usize> {
    let mut model = Model::at_rest(before);
    let mut left = BTreeMap::new();
    for (done, step) in steps.iter().enumerate() {
        model.run(step);
        for tree in model.after_power_cut() {
            left.entry(tree).or_insert(done + 1);
        }
    }
    left
}

#[test]
fn the_model_agrees_with_the_file_system_after_every_step() {
    for (case, before) in before() {
        let set = set(KEY);
        let (_scratch, root) = make(&before);
        let mut writer = Writer::new(&root);
        let mut model = Model::at_rest(&before);
        for step in steps(&root, &set) {
            writer.run([step.clone()]).unwrap();
            model.run(&step);
            assert_eq!(read(&root), model.tree(), "{case}, after {step:?}");
        }
    }
}

/// A run that is killed after `cut` steps, on the real file system and in the model, and a second run in the model only,
/// which does not take the omitted steps.
fn killed_and_run_again(
    before: &Tree,
    set: &FileSet,
    cut: usize,
    omitted: fn(&Step<'_>) -> bool,
) -> (tempfile::TempDir, Root, Model) {
    let (scratch, root) = make(before);
    let mut model = Model::at_rest(before);
    let mut first = steps(&root, set);
    first.truncate(cut);
    first.iter().for_each(|step| model.run(step));
    Writer::new(&root).run(first).unwrap();
    steps(&root, set).iter().filter(|step| !omitted(step)).for_each(|step| model.run(step));
    (scratch, root, model)
}

/// How many steps there are to be killed after.
fn number_of_steps(before: &Tree, set: &FileSet) -> usize {
    let (_scratch, root) = make(before);
    steps(&root, set).len()
}

#[test]
fn killed_after_any_step_and_run_again_the_tree_is_that_of_an_undisturbed_run_and_durable() {
    for (case, before) in before() {
        let set = set(KEY);
        let after = undisturbed(&before, &set);
        for cut in 0..=number_of_steps(&before, &set) {
            let (_scratch, root, model) = killed_and_run_again(&before, &set, cut, |_| false);
            assert_eq!(model.after_worst_power_cut(), after, "{case}, killed after {cut} steps");
            root.commit(&set).unwrap();
            assert_eq!(read(&root), after, "{case}, killed after {cut} steps");
        }
    }
}

#[test]
fn power_lost_after_any_step_with_any_unsynced_write_and_run_again_the_tree_is_that_of_an_undisturbed_run() {
    for (case, before) in before() {
        let set = set(KEY);
        let after = undisturbed(&before, &set);
        let (_scratch, root) = make(&before);
        for (left, done) in all_power_cuts(&before, &steps(&root, &set)) {
            let broken = broken_promise(&set, &before, &after, &left);
            assert_eq!(broken, None, "{case}, after {done} steps: {left:#?}");
            let (_scratch, root) = make(&left);
            root.commit(&set).unwrap();
            assert_eq!(read(&root), after, "{case}, after {done} steps, from {left:#?}");
        }
    }
}

#[test]
fn a_second_run_with_other_file_names_leaves_no_temporary_of_the_first() {
    for (case, before) in before() {
        let (first, second) = (set(KEY), set(OTHER_KEY));
        let (_scratch, root) = make(&before);
        for (left, done) in all_power_cuts(&before, &steps(&root, &first)) {
            let (_scratch, root) = make(&left);
            root.commit(&second).unwrap();
            let mut found = read(&root);
            // The first run's key may have been complete; removing that is for whoever chose its name.
            found.remove(KEY.as_str());
            assert_eq!(found, undisturbed(&before, &second), "{case}, after {done} steps, from {left:#?}");
        }
    }
}

#[test]
fn a_file_that_somebody_else_wrote_and_did_not_sync_is_durable_after_a_commit_that_leaves_it_alone() {
    let set = set(KEY);
    let after = undisturbed(&Tree::new(), &set);
    let (_scratch, root) = make(&after);
    let mut model = Model::at_rest(&after);
    let inode = model.lookup(&KEY);
    model.0[inode].unsynced = Some(file(""));
    assert_ne!(model.after_worst_power_cut(), after);
    steps(&root, &set).iter().for_each(|step| model.run(step));
    assert_eq!(model.after_worst_power_cut(), after);
}

#[test]
fn these_tests_notice_a_missing_sync() {
    let set = set(KEY);
    let (_, before) = before().remove(1);
    let after = undisturbed(&before, &set);
    let (_scratch, root) = make(&before);
    let all = steps(&root, &set);
    let torn_without = |omitted: fn(&Step<'_>) -> bool| {
        let steps: Vec<_> = all.iter().filter(|step| !omitted(step)).cloned().collect();
        all_power_cuts(&before, &steps).keys().any(|left| broken_promise(&set, &before, &after, left).is_some())
    };
    assert!(!torn_without(|_| false));
    assert!(torn_without(|step| matches!(step, Step::SyncFile { path } if *path == KEY)));
    assert!(torn_without(|step| matches!(step, Step::SyncDir { path } if *path == KEY.parent().unwrap())));

    // A directory that the killed run made but did not sync, and that the second run finds.
    let empty = Tree::new();
    let after = undisturbed(&empty, &set);
    let lost_without = |omitted: fn(&Step<'_>) -> bool| {
        (0..=number_of_steps(&empty, &set))
            .any(|cut| killed_and_run_again(&empty, &set, cut, omitted).2.after_worst_power_cut() != after)
    };
    assert!(!lost_without(|_| false));
    assert!(lost_without(|step| matches!(step, Step::SyncDir { path } if path.as_str() == "/etc")));
}

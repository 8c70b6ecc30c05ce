//! Objects with a resource version each, and the log of what happened to them: what etcd and the watch cache are to the
//! real server. Nothing here knows HTTP or who may do what.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::status::Kind;

/// Where an object is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub kind: Kind,
    pub namespace: String,
    pub name: String,
}

impl Key {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Key { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// Which objects of a kind are meant.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    pub kind: Kind,
    /// Empty: all
    pub namespace: String,
    pub name: Option<String>,
}

impl Selector {
    fn matches(&self, key: &Key) -> bool {
        key.kind == self.kind
            && (self.namespace.is_empty() || self.namespace == key.namespace)
            && self.name.as_ref().is_none_or(|name| *name == key.name)
    }
}

/// What a watcher hears.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub revision: u64,
    pub verb: &'static str,
    key: Key,
    pub object: Value,
}

#[derive(Default)]
struct Inner {
    revision: u64,
    objects: BTreeMap<Key, Value>,
    log: Vec<Event>,
    nudges: u64,
    stopped: bool,
}

#[derive(Default)]
pub(crate) struct Store {
    inner: Mutex<Inner>,
    changed: Condvar,
}

/// Why an object was not written.
pub(crate) enum Refused {
    Exists,
    Missing,
    /// The writer had seen an older version.
    Outdated,
}

impl Store {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A test that panicked elsewhere must not turn into a second, misleading panic here.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The latest resource version.
    pub fn revision(&self) -> u64 {
        self.lock().revision
    }

    pub fn get(&self, key: &Key) -> Option<Value> {
        self.lock().objects.get(key).cloned()
    }

    pub fn list(&self, selector: &Selector) -> (u64, Vec<Value>) {
        let inner = self.lock();
        let found = inner.objects.iter().filter(|(key, _)| selector.matches(key)).map(|(_, o)| o.clone()).collect();
        (inner.revision, found)
    }

    /// Stores a new object, and completes its metadata in the order in which the real server shows it.
    pub fn create(&self, key: Key, mut object: Value) -> Result<Value, Refused> {
        let mut inner = self.lock();
        if inner.objects.contains_key(&key) {
            return Err(Refused::Exists);
        }
        inner.revision += 1;
        let given = object["metadata"].take();
        let mut metadata = Map::new();
        metadata.insert("name".into(), key.name.as_str().into());
        if let Some(prefix) = given.get("generateName") {
            metadata.insert("generateName".into(), prefix.clone());
        }
        if !key.namespace.is_empty() {
            metadata.insert("namespace".into(), key.namespace.as_str().into());
        }
        metadata.insert("uid".into(), uid().into());
        metadata.insert("resourceVersion".into(), inner.revision.to_string().into());
        metadata.insert("creationTimestamp".into(), timestamp(SystemTime::now()).into());
        for field in ["labels", "annotations", "managedFields"] {
            if let Some(value) = given.get(field) {
                metadata.insert(field.into(), value.clone());
            }
        }
        object["metadata"] = metadata.into();
        Ok(self.put(inner, "ADDED", key, object))
    }

    /// Changes an object. `seen` is the resource version the writer has seen, if it says so.
    pub fn update(&self, key: &Key, seen: Option<&str>, change: impl FnOnce(&mut Value)) -> Result<Value, Refused> {
        let mut inner = self.lock();
        let Some(before) = inner.objects.get(key) else { return Err(Refused::Missing) };
        let mut object = before.clone();
        if seen.is_some_and(|seen| object["metadata"]["resourceVersion"] != seen) {
            return Err(Refused::Outdated);
        }
        change(&mut object);
        if object == *before {
            return Ok(object);
        }
        inner.revision += 1;
        object["metadata"]["resourceVersion"] = inner.revision.to_string().into();
        Ok(self.put(inner, "MODIFIED", key.clone(), object))
    }

    pub fn delete(&self, key: &Key) -> Option<Value> {
        let mut inner = self.lock();
        let mut object = inner.objects.remove(key)?;
        inner.revision += 1;
        object["metadata"]["resourceVersion"] = inner.revision.to_string().into();
        let revision = inner.revision;
        inner.log.push(Event { revision, verb: "DELETED", key: key.clone(), object: object.clone() });
        self.changed.notify_all();
        Some(object)
    }

    fn put(&self, mut inner: MutexGuard<'_, Inner>, verb: &'static str, key: Key, object: Value) -> Value {
        let revision = inner.revision;
        inner.log.push(Event { revision, verb, key: key.clone(), object: object.clone() });
        inner.objects.insert(key, object.clone());
        self.changed.notify_all();
        object
    }

    /// Waits for events later than `after`; none when `until` has come, `Err` when the server stops.
    pub fn events(&self, selector: &Selector, after: u64, until: Instant) -> Result<Vec<Event>, ()> {
        let mut inner = self.lock();
        loop {
            if inner.stopped {
                return Err(());
            }
            let first = inner.log.partition_point(|event| event.revision <= after);
            let news: Vec<Event> = inner.log[first..].iter().filter(|e| selector.matches(&e.key)).cloned().collect();
            let left = until.saturating_duration_since(Instant::now());
            if !news.is_empty() || left.is_zero() {
                return Ok(news);
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// A mark to wait from with [`Store::wait_for_change`].
    pub fn mark(&self) -> (u64, u64) {
        let inner = self.lock();
        (inner.revision, inner.nudges)
    }

    /// Waits until something happened after `mark`, or `until`; true when the server stops.
    pub fn wait_for_change(&self, mark: (u64, u64), until: Option<Instant>) -> bool {
        let mut inner = self.lock();
        while !inner.stopped && (inner.revision, inner.nudges) == mark {
            let left = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(3600),
            };
            if left.is_zero() {
                break;
            }
            inner = self.changed.wait_timeout(inner, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
        inner.stopped
    }

    /// Sleeps; true when the server stops.
    pub fn sleep(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            let mark = self.mark();
            if self.wait_for_change(mark, Some(until)) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
        }
    }

    /// Wakes everyone who waits, because a policy changed.
    pub fn nudge(&self) {
        self.lock().nudges += 1;
        self.changed.notify_all();
    }

    /// Ends every wait, now and later.
    pub fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    pub fn is_stopped(&self) -> bool {
        self.lock().stopped
    }
}

/// A version 4 UUID.
pub(crate) fn uid() -> String {
    let mut b: [u8; 16] = random();
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex: String = b.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// What the server appends to a `generateName`. Source: `apimachinery/pkg/util/rand/rand.go`.
pub(crate) fn name_suffix() -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    random::<5>().iter().map(|b| char::from(LETTERS[usize::from(*b) % LETTERS.len()])).collect()
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system has random bytes");
    bytes
}

/// `metav1.Time`: seconds, UTC.
pub(crate) fn timestamp(time: SystemTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    OffsetDateTime::from(time).format(&format).expect("a date of our time has a text")
}

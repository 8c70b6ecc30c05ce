//! Watch streams, good and bad. Source: `apiserver/pkg/endpoints/handlers/watch.go`, `apiserver/pkg/storage/cacher/`.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::WatchRequest;
use crate::exchange::Exchange;
use crate::faults::Watch;
use crate::http::{self, Response};
use crate::misbehave::closed;
use crate::server::Shared;
use crate::status::{self, Kind};
use crate::store::{Event, uid};

/// How much of a stream goes into one chunk. The real server flushes when no event is waiting, so that chunks and events
/// begin and end independently of each other.
const CHUNK: usize = 2048;

/// Events on their way out.
struct Events<'a, 'b> {
    exchange: &'a mut Exchange<'b>,
    fault: Watch,
    /// How many more may go before the fault strikes.
    left: usize,
    lines: Vec<u8>,
}

impl Events<'_, '_> {
    fn push(&mut self, verb: &str, mut object: Value) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if self.fault == Watch::OtherUid {
            object["metadata"]["uid"] = uid().into();
        }
        self.lines.extend(format!("{}\n", json!({ "type": verb, "object": object })).into_bytes());
    }

    fn flush(&mut self) -> io::Result<()> {
        for part in std::mem::take(&mut self.lines).chunks(CHUNK) {
            self.exchange.raw(&http::chunk(part))?;
        }
        Ok(())
    }
}

/// Sends the head and then events, until the time is over, the server stops, or a fault strikes.
pub(crate) fn stream(shared: &Shared, exchange: &mut Exchange<'_>, watch: WatchRequest) -> io::Result<()> {
    let fault = shared.faults(|state| state.faults.watch);
    let left = match fault {
        Watch::Mute => 0,
        Watch::EndsAfter(n)
        | Watch::BreaksAfter(n)
        | Watch::GarbageAfter(n)
        | Watch::EndlessLineAfter(n)
        | Watch::ExpiredAfter(n) => n,
        Watch::Good | Watch::Forbidden | Watch::OtherUid | Watch::Flood => usize::MAX,
    };
    exchange.head_chunked(&Response::json(200, json!({})), "application/json")?;
    let mut out = Events { exchange, fault, left, lines: Vec::new() };
    let kind = watch.selector.kind;
    let mut revision = match watch.after {
        Some(revision) => revision,
        None => {
            let (revision, objects) = shared.store.list(&watch.selector);
            for object in objects {
                out.push("ADDED", object);
            }
            if watch.bookmarks {
                out.push("BOOKMARK", bookmark(kind, revision, true));
            }
            out.flush()?;
            revision
        }
    };
    while fault == Watch::Flood && !shared.store.is_stopped() {
        shared.store.list(&watch.selector).1.into_iter().for_each(|object| out.push("MODIFIED", object));
        out.flush()?;
    }
    while out.left > 0 {
        let Ok(events) = shared.store.events(&watch.selector, revision, watch.until) else { return Err(closed()) };
        if events.is_empty() {
            if watch.bookmarks {
                out.push("BOOKMARK", bookmark(kind, shared.store.revision(), false));
                out.flush()?;
            }
            return out.exchange.raw(http::LAST_CHUNK);
        }
        for Event { revision: at, verb, object, .. } in events {
            revision = at;
            out.push(verb, object);
        }
        out.flush()?;
    }
    end_wrongly(shared, out.exchange, fault)?;
    out.exchange.raw(http::LAST_CHUNK)
}

fn bookmark(kind: Kind, revision: u64, initial_end: bool) -> Value {
    let mut metadata = json!({ "resourceVersion": revision.to_string() });
    if initial_end {
        metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
    }
    json!({
        "kind": kind.kind, "apiVersion": kind.api_version(), "metadata": metadata,
        "spec": { "request": null, "signerName": "" }, "status": {},
    })
}

fn end_wrongly(shared: &Shared, exchange: &mut Exchange<'_>, fault: Watch) -> io::Result<()> {
    match fault {
        Watch::BreaksAfter(_) => {
            exchange.raw(b"4000\r\n{\"type\":\"MODIFIED\",\"object\":{\"kind\":")?;
            Err(closed())
        }
        Watch::GarbageAfter(_) => exchange.raw(&http::chunk(b"\x1b[2Jthis is no JSON\n")),
        Watch::EndlessLineAfter(_) => {
            exchange.raw(&http::chunk(b"{\"type\":\"MODIFIED\",\"object\":{\"kind\":\""))?;
            while !shared.store.is_stopped() {
                exchange.raw(&http::chunk(&[b'a'; 16 * 1024]))?;
            }
            Err(closed())
        }
        Watch::ExpiredAfter(_) => {
            let gone = status::other(410, "Expired", "The resourceVersion for the provided watch is too old.");
            let http::Body::Json(gone) = gone.body else { return Ok(()) };
            exchange.raw(&http::chunk(format!("{}\n", json!({ "type": "ERROR", "object": gone })).as_bytes()))
        }
        Watch::Mute => {
            while !shared.store.sleep(Duration::from_secs(3600)) {}
            Err(closed())
        }
        Watch::EndsAfter(_) | Watch::Good | Watch::Forbidden | Watch::OtherUid | Watch::Flood => Ok(()),
    }
}

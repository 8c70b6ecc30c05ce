//! A runtime, and what it is asked.

use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::error::{CriError, Problem};
use super::socket::dial;
use crate::deadline::DeadlineSocket;
use crate::grpc::protobuf::{Value, append_bytes, fields, text};
use crate::grpc::{Connection, Scheme};

/// How a runtime's socket is called in requests; grpc-go calls it so, too.
const AUTHORITY: &str = "localhost";

/// A runtime that has answered `Version` of CRI v1.
#[derive(Debug)]
pub struct Runtime {
    connection: Connection<DeadlineSocket<UnixStream>>,
    socket: PathBuf,
    timeout: Duration,
}

/// How a runtime names itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeVersion {
    /// `containerd`, `cri-o`, `docker`.
    pub name: String,
    /// Its own version.
    pub version: String,
}

/// A condition of a runtime: `RuntimeReady`, `NetworkReady`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Its type.
    pub kind: String,
    /// Whether it is true.
    pub status: bool,
    /// In one word.
    pub reason: String,
    /// In several.
    pub message: String,
}

impl Runtime {
    /// Connects to the runtime at a `unix://` URL and asks for its version, which says whether it speaks CRI v1.
    /// Connecting, and each call, takes `timeout` at most.
    ///
    /// # Errors
    /// All of [`CriError`].
    pub fn connect(endpoint: &str, timeout: Duration) -> Result<(Runtime, RuntimeVersion), CriError> {
        let socket = endpoint.strip_prefix("unix://").map(PathBuf::from).filter(|path| path.is_absolute());
        let socket = socket.ok_or_else(|| CriError::Endpoint(endpoint.to_owned()))?;
        let stream = dial(&socket, timeout).map_err(|errno| match errno {
            Errno::NAMETOOLONG | Errno::INVAL => CriError::Endpoint(endpoint.to_owned()),
            errno => CriError::Connect { socket: socket.clone(), errno },
        })?;
        let stream = DeadlineSocket::new(stream, Instant::now() + timeout);
        let mut runtime = Runtime { connection: Connection::new(stream, Scheme::Http, AUTHORITY), socket, timeout };
        let mut version = RuntimeVersion { name: String::new(), version: String::new() };
        let answer = runtime.call("/runtime.v1.RuntimeService/Version", &[])?;
        for field in fields(&answer) {
            match field {
                (2, Value::Bytes(bytes)) => version.name = text(bytes),
                (3, Value::Bytes(bytes)) => version.version = text(bytes),
                _ => {}
            }
        }
        Ok((runtime, version))
    }

    /// Asks the image service for something: whether there is one.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn image_service(&mut self) -> Result<(), CriError> {
        self.call("/runtime.v1.ImageService/ImageFsInfo", &[]).map(drop)
    }

    /// Whether the runtime has an image.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn has_image(&mut self, image: &str) -> Result<bool, CriError> {
        let answer = self.call("/runtime.v1.ImageService/ImageStatus", &named_image(image))?;
        // ImageStatusResponse, `image`.
        Ok(fields(&answer).any(|field| matches!(field, (1, Value::Bytes(_)))))
    }

    /// Every image that is not pinned to the runtime, by its first name.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn images(&mut self) -> Result<Vec<String>, CriError> {
        let answer = self.call("/runtime.v1.ImageService/ListImages", &[])?;
        // Image: `id`, `repo_tags`, `repo_digests`, `pinned`.
        let name = |bytes| {
            let (mut id, mut name, mut is_pinned) = (String::new(), None, false);
            for field in fields(bytes) {
                match field {
                    (1, Value::Bytes(bytes)) => id = text(bytes),
                    (2 | 3, Value::Bytes(bytes)) if name.is_none() => name = Some(text(bytes)),
                    (8, Value::Number(number)) => is_pinned = number != 0,
                    _ => {}
                }
            }
            (!is_pinned).then(|| name.unwrap_or(id))
        };
        let item = |field| match field {
            (1, Value::Bytes(bytes)) => name(bytes),
            _ => None,
        };
        Ok(fields(&answer).filter_map(item).collect())
    }

    /// Removes an image with all its names; one that is gone is as good.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn remove_image(&mut self, image: &str) -> Result<(), CriError> {
        self.call("/runtime.v1.ImageService/RemoveImage", &named_image(image)).map(drop)
    }

    /// Lets the runtime pull an image, which may take `timeout`.
    ///
    /// # Errors
    /// [`CriError::Call`], with what the runtime says of it.
    pub fn pull_image(&mut self, image: &str, timeout: Duration) -> Result<(), CriError> {
        let usual = std::mem::replace(&mut self.timeout, timeout);
        let pulled = self.call("/runtime.v1.ImageService/PullImage", &named_image(image));
        self.timeout = usual;
        pulled.map(drop)
    }

    /// `Status`: the conditions of the runtime.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn status(&mut self) -> Result<Vec<Condition>, CriError> {
        let answer = self.call("/runtime.v1.RuntimeService/Status", &[])?;
        let inside = |number| {
            move |field: (u32, Value<'_>)| match field {
                (found, Value::Bytes(bytes)) if found == number => Some(bytes.to_vec()),
                _ => None,
            }
        };
        let status: Vec<u8> = fields(&answer).filter_map(inside(1)).flatten().collect();
        Ok(fields(&status).filter_map(inside(1)).map(|bytes| condition(&bytes)).collect())
    }

    /// Whether the runtime has the method `RuntimeConfig`, by which it tells the kubelet its cgroup driver.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn has_runtime_config(&mut self) -> Result<bool, CriError> {
        match self.call("/runtime.v1.RuntimeService/RuntimeConfig", &[]) {
            Ok(_) => Ok(true),
            Err(error) if error.is_unimplemented() => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(super) fn call(&mut self, method: &'static str, message: &[u8]) -> Result<Vec<u8>, CriError> {
        self.connection.stream_mut().set_deadline(Instant::now() + self.timeout);
        self.connection.call(method, message, self.timeout).map_err(|error| CriError::Call {
            socket: self.socket.clone(),
            method: method.rsplit('/').next().unwrap_or(method),
            problem: Problem(error),
        })
    }
}

/// ImageStatusRequest and PullImageRequest: `image`, an ImageSpec with its `image`.
fn named_image(image: &str) -> Vec<u8> {
    let (mut spec, mut request) = (Vec::new(), Vec::new());
    append_bytes(&mut spec, 1, image.as_bytes());
    append_bytes(&mut request, 1, &spec);
    request
}

fn condition(bytes: &[u8]) -> Condition {
    let mut condition = Condition::default();
    for field in fields(bytes) {
        match field {
            (1, Value::Bytes(bytes)) => condition.kind = text(bytes),
            (2, Value::Number(number)) => condition.status = number != 0,
            (3, Value::Bytes(bytes)) => condition.reason = text(bytes),
            (4, Value::Bytes(bytes)) => condition.message = text(bytes),
            _ => {}
        }
    }
    condition
}

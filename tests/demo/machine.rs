//! A machine that is a directory, and the program run on it.

use std::error::Error;
use std::fs::FileType;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::screen;

/// What an image brings along: the kubelet's unit and the host name.
const UNIT: &str =
    "[Unit]\nDescription=kubelet\n[Service]\nExecStart=/usr/bin/kubelet\n[Install]\nWantedBy=multi-user.target\n";

/// A root file system with a kubelet unit in it.
pub struct Machine {
    kubejoin: PathBuf,
    /// `--rootfs`.
    pub root: PathBuf,
    /// `--result-file`.
    pub result_file: PathBuf,
    brought_along: Vec<String>,
}

/// One object that was written.
pub struct Found {
    /// As the machine will see it.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Bytes.
    pub size: u64,
    /// What kind of object.
    pub kind: FileType,
}

/// A finished run.
pub struct Ran {
    status: Option<i32>,
    /// `result.json`.
    pub result: Value,
    /// From start to exit.
    pub took: Duration,
}

impl Machine {
    /// A new machine of this name below `place`; the one of an earlier demo is removed.
    pub fn new(kubejoin: &Path, place: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let place = place.join(name);
        if place.exists() {
            std::fs::remove_dir_all(&place).map_err(|error| format!("removing {}: {error}", place.display()))?;
        }
        let root = place.join("root");
        for (path, text) in [("usr/lib/systemd/system/kubelet.service", UNIT), ("etc/hostname", &format!("{name}\n"))] {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(&root))
                .and_then(|()| std::fs::write(&path, text))
                .map_err(|error| format!("writing {}: {error}", path.display()))?;
        }
        let result_file = place.join("result.json");
        let mut machine = Machine { kubejoin: kubejoin.to_owned(), root, result_file, brought_along: Vec::new() };
        machine.brought_along = machine.tree()?.into_iter().map(|found| found.path).collect();
        Ok(machine)
    }

    /// Writes a JoinConfiguration with a short wait; its path.
    pub fn configuration(&self, endpoint: &str, token: &str, pin: &str) -> Result<String, Box<dyn Error>> {
        let path = self.result_file.with_file_name("join.yaml");
        let text = format!(include_str!("join.yaml"), endpoint = endpoint, token = token, pin = pin);
        std::fs::write(&path, text)?;
        Ok(crate::shown(&path))
    }

    /// Runs `kubejoin join` with these arguments and shows the line and what it prints, as it prints it.
    pub fn run(&self, arguments: &[String]) -> Result<Ran, Box<dyn Error>> {
        let (root, result_file) = (crate::shown(&self.root), crate::shown(&self.result_file));
        let ours = ["--rootfs", &root, "--result-file", &result_file];
        let words: Vec<&str> = arguments.iter().map(String::as_str).chain(ours).collect();
        screen::command("kubejoin join", &words);
        let (reader, writer) = std::io::pipe()?;
        let started = Instant::now();
        let mut command = Command::new(&self.kubejoin);
        command.arg("join").args(&words).stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
        let mut child = command.spawn().map_err(|error| format!("running {}: {error}", self.kubejoin.display()))?;
        // It holds the writing ends; the reader would wait for them for ever.
        drop(command);
        for text in BufReader::new(reader).lines() {
            screen::said(&text?);
        }
        let status = child.wait()?.code();
        let took = started.elapsed();
        let result = serde_json::from_slice(&std::fs::read(&self.result_file).unwrap_or_default()).unwrap_or_default();
        Ok(Ran { status, result, took })
    }

    /// What is there beyond what the image brought along, sorted.
    pub fn tree(&self) -> Result<Vec<Found>, Box<dyn Error>> {
        let mut found = Vec::new();
        self.visit(&self.root, &mut found)?;
        found.retain(|entry| !self.brought_along.contains(&entry.path));
        found.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Whether some file holds this text.
    pub fn holds(&self, needle: &str) -> Result<bool, Box<dyn Error>> {
        let files = self.tree()?.into_iter().filter(|entry| entry.kind.is_file());
        for entry in files {
            let bytes = std::fs::read(self.root.join(entry.path.trim_start_matches('/')))?;
            if bytes.windows(needle.len()).any(|window| window == needle.as_bytes()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn visit(&self, directory: &Path, found: &mut Vec<Found>) -> Result<(), Box<dyn Error>> {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            let metadata = path.symlink_metadata()?;
            if metadata.is_dir() {
                self.visit(&path, found)?;
            }
            let inside = format!("/{}", path.strip_prefix(&self.root)?.display());
            let (mode, size) = (metadata.mode() & 0o7777, metadata.size());
            found.push(Found { path: inside, mode, size, kind: metadata.file_type() });
        }
        Ok(())
    }
}

impl Found {
    /// The path, with the certificate's time left out: it differs from run to run.
    pub fn name(&self) -> String {
        match self.path.strip_prefix("/var/lib/kubelet/pki/kubelet-client-2") {
            Some(_) => "/var/lib/kubelet/pki/kubelet-client-TIME.pem".to_owned(),
            None => self.path.clone(),
        }
    }
}

impl Ran {
    /// Whether it ended with this outcome or error code, and this exit status.
    pub fn is(&self, name: &str, status: i32) -> bool {
        let named = if status == 0 { &self.result["outcome"] } else { &self.result["code"] };
        named == name && self.status == Some(status)
    }
}

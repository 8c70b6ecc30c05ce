//! The tree that becomes a node.

use std::path::{Path, PathBuf};

use crate::services::InitSystem;

/// The target root. "This system" is the system that runs: its kubelet can be started, its services asked, its sockets
/// reached. Any other root is only written to, and starts its kubelet when it is booted.
#[derive(Clone, Debug)]
pub struct Target {
    rootfs: PathBuf,
    search_path: Vec<PathBuf>,
    unit: Option<String>,
}

impl Target {
    /// `rootfs` is what `--rootfs` or `kubejoin.rootfs=` says, `/` where neither does. `search_path` is where the init
    /// system's programs are looked for.
    pub fn new(rootfs: Option<PathBuf>, search_path: &[PathBuf]) -> Self {
        let rootfs = rootfs.unwrap_or_else(|| PathBuf::from("/"));
        Target { rootfs, search_path: search_path.to_vec(), unit: None }
    }

    /// The same for a program that runs in this unit of the init system.
    #[must_use]
    pub fn in_unit(self, unit: Option<String>) -> Self {
        Target { unit, ..self }
    }

    /// The directory, as given.
    pub fn rootfs(&self) -> &Path {
        &self.rootfs
    }

    /// Whether the target is the system that runs.
    pub fn is_this_system(&self) -> bool {
        self.rootfs == Path::new("/")
    }

    /// What controls the kubelet there.
    pub fn init_system(&self) -> InitSystem {
        match self.is_this_system() {
            true => InitSystem::detect(&self.search_path).in_unit(self.unit.as_deref()),
            false => InitSystem::Offline,
        }
    }
}

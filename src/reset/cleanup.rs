//! Everything that goes of this machine, in its order. What cannot go does not end it: all the rest goes, and what stays is
//! named.

use std::path::PathBuf;

use super::error::left;
use super::files;
use super::plan::ResetPlan;
use super::pods::Pods;
use crate::error::{Explain, Failure, Finding, codes};
use crate::node::paths;
use crate::node::unfinished_reset::{self, UnfinishedReset};
use crate::phase::ResetPhase;
use crate::report::Report;
use crate::rootfs::{CommitError, FileSet, Left, LeftBecause, Root, TargetPath};
use crate::services::{self, InitSystem};

/// What a clean-up works with.
pub(super) struct Cleanup<'a> {
    pub(super) plan: &'a ResetPlan,
    pub(super) root: &'a Root,
    pub(super) report: &'a Report,
    /// The certificates stay: somebody may have put them there for the join that goes on with an interrupted reset.
    pub(super) keeps_pki: bool,
    /// What went.
    pub(super) paths: Vec<String>,
    /// What should have gone.
    pub(super) left: Vec<Finding>,
    /// Where that of it is that is a file, a directory or a mount.
    pub(super) left_at: Vec<PathBuf>,
}

impl Cleanup<'_> {
    /// Writes down that a reset has begun, and removes what makes the machine a node.
    pub(super) fn begin(&mut self, settled: &UnfinishedReset) -> Result<(), Failure> {
        if !self.root.exists(&paths::KUBERNETES)? {
            return Ok(());
        }
        match self.commit(&settled.begin()) {
            // There is room once something has gone.
            Err(error) if [&codes::MACHINE_NO_SPACE, &codes::MACHINE_QUOTA].contains(&error.code()) => {
                self.commit(&unfinished_reset::without_identity())?;
                if let Err(error) = self.commit(&settled.marker()) {
                    let text = format_args!(
                        "it cannot be written down that a reset has begun; should it be interrupted, run it again: {error}"
                    );
                    self.report.warn(ResetPhase::CleanupNode, Some(error.code()), text);
                }
                Ok(())
            }
            done => Ok(done?),
        }
    }

    /// Stops the kubelet, which would start Pods and write files again.
    pub(super) fn stop_kubelet(&self) {
        let section = ResetPhase::CleanupNode;
        let init = self.plan.target.init_system();
        if let InitSystem::Unmanaged = init {
            self.report.warn(section, None, "no init system was found; stop the kubelet yourself, before you run this");
        } else if self.plan.target.is_this_system() {
            self.report.info(section, "Stopping the kubelet service");
        }
        if let Err(error) = init.stop(services::KUBELET) {
            self.report.warn(section, Some(error.code()), error);
        }
    }

    /// Removes everything but etcd's data.
    pub(super) fn node(&mut self, pods: &mut Pods, cleanup_tmp_dir: bool) -> Result<(), Failure> {
        self.commit(&files::credentials(self.plan, !self.keeps_pki, cleanup_tmp_dir))?;
        let mut running = pods.end(self.report);
        self.left.append(&mut running);
        self.commit(&files::mounts(self.plan))?;
        self.commit(&files::state(self.plan))?;
        Ok(())
    }

    /// Removes etcd's data.
    pub(super) fn etcd_data(&mut self, directory: &TargetPath) -> Result<(), Failure> {
        Ok(self.commit(&files::etcd_data(directory))?)
    }

    /// Nothing is left to go on with.
    pub(super) fn ended(&mut self) -> Result<(), Failure> {
        Ok(self.commit(&unfinished_reset::ended())?)
    }

    fn commit(&mut self, files: &FileSet) -> Result<(), CommitError> {
        let committed = self.root.commit(files)?;
        for path in committed.changed() {
            self.report.debug(1, ResetPhase::CleanupNode, format_args!("removed or emptied {path}"));
            if *path != paths::UNFINISHED_RESET {
                self.paths.push(self.root.outside(path).display().to_string());
            }
        }
        // What could not be unmounted is met again where directories are emptied.
        for left in committed.left() {
            if !self.left_at.contains(&left.path) {
                self.left_at.push(left.path.clone());
                self.left.push(finding(left));
            }
        }
        Ok(())
    }
}

/// Something that is left, with what to do about it.
pub(super) fn finding(object: &Left) -> Finding {
    let path = object.path.display();
    let hint = match &object.why {
        LeftBecause::Mounted { errno: Some(rustix::io::Errno::TIMEDOUT), .. } => {
            format!("run `umount -f -l {path}` on this machine, or reboot it, and run again")
        }
        LeftBecause::Mounted { .. } => {
            format!("see who uses it with `fuser -vm {path}`, run `umount {path}` on this machine, and run again")
        }
        LeftBecause::Refused(rustix::io::Errno::ROFS) => {
            format!("mount the file system of {path} read-write on this machine, and run again")
        }
        LeftBecause::Refused(rustix::io::Errno::PERM) => {
            format!("look at `lsattr -d {path}` on this machine, and run again after `chattr -i`")
        }
        LeftBecause::Refused(_) | LeftBecause::Moved => codes::RESET_PARTIAL.hint.to_owned(),
    };
    left(object.to_string(), Some(hint))
}

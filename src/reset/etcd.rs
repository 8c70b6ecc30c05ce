//! This machine's member of etcd: found by its static Pod and its data, and what its cluster says of it.
//!
//! etcd of this machine is asked itself, and the members that its static Pod names; where none answers, the API server is
//! asked where the others are.

use std::time::Duration;

use serde_json::Value;

use super::error::ResetError;
use super::plan::ResetPlan;
use crate::control_plane::endpoints::etcd_pods;
use crate::error::Failure;
use crate::etcd::{self, DataDirectory, Etcd, EtcdError, OwnMember, Removal};
use crate::kube::client::Client;
use crate::kubeconfig::ClusterAccess;
use crate::net::dial::Dialer;
use crate::net::server::Server;
use crate::net::tls::TrustRoots;
use crate::node::paths;
use crate::phase::ResetPhase;
use crate::pki::certificate::Certificate;
use crate::pki::identity::ClientIdentity;
use crate::report::Report;
use crate::retry::Retry;
use crate::rootfs::{Root, TargetPath};
use crate::{file, yaml};

/// Where kubeadm lets etcd have its data.
const DATA: TargetPath = TargetPath::fixed("/var/lib/etcd");

/// Largest file that is read, in bytes.
const LIMIT: usize = 256 * 1024;

/// kubeadm's interval between two attempts (`constants.EtcdAPICallRetryInterval`).
const INTERVAL: Duration = Duration::from_millis(500);

/// How long the members that the static Pod names are asked, before the API server is asked where they are.
const DIRECT: Duration = Duration::from_secs(60);

/// What is here of etcd.
#[derive(Debug)]
pub(super) struct LocalEtcd {
    /// Its data directory.
    pub(super) directory: TargetPath,
    /// What is in there.
    data: DataDirectory,
    /// Whether something of a member is, also beside what is not etcd's.
    has_data: bool,
    /// The flags of its static Pod, where that is there and can be read.
    flags: Option<Vec<String>>,
}

/// What becomes of it.
pub(super) enum Settled {
    /// There is none here, or nobody asks.
    Nothing,
    /// It is this machine's member of a cluster that goes on without it.
    Member(Box<Etcd>, Removal),
    /// It is the last member, and its data stays.
    Stays,
    /// Its data goes, and nothing else is to be done: the member is gone, was the last, or cannot be asked about.
    DataGoes(String),
}

impl LocalEtcd {
    /// Looks for it. `settled` is the directory that an interrupted reset has settled.
    pub(super) fn find(root: &Root, settled: Option<&TargetPath>) -> Result<Option<LocalEtcd>, Failure> {
        let manifest = root.read(&paths::ETCD_MANIFEST, LIMIT)?;
        let has_manifest = manifest.is_some();
        let pod = manifest.and_then(|text| yaml::parse_one(std::str::from_utf8(&text).ok()?).ok()).map(|pod| pod.value);
        let volume = pod.as_ref().and_then(data_volume).and_then(|path| path.parse().ok());
        let directory = volume.or(settled.cloned()).unwrap_or(DATA);
        let data = etcd::member_data(root, &directory)?;
        let member = directory.join("member").ok();
        // Without its log, etcd would begin anew; what a removal has left of it goes, too.
        let is_worth = data != DataDirectory::Empty || settled == Some(&directory);
        let has_data = is_worth && member.map(|path| root.exists(&path)).transpose()?.unwrap_or_default();
        if !has_manifest && !has_data {
            return Ok(None);
        }
        Ok(Some(LocalEtcd { directory, data, has_data, flags: pod.as_ref().map(arguments) }))
    }

    /// What its cluster says of it. Only looks.
    ///
    /// # Errors
    /// Without it, the cluster has no quorum; or nobody can say, and nobody has decided that it goes all the same.
    pub(super) fn settle(
        &self,
        plan: &ResetPlan,
        root: &Root,
        is_settled: bool,
        report: &Report,
    ) -> Result<Settled, Failure> {
        let asked = match plan.target.is_this_system() {
            true => self.ask(plan, root, report),
            // Nothing runs there, and this system is another one.
            false => Err(EtcdError::NoEndpoint),
        };
        match asked {
            Ok((_, Removal::NoQuorum { member, now, then })) => Err(ResetError::NoQuorum { member, now, then }.into()),
            Ok((_, Removal::Last)) if plan.configuration.force || is_settled => {
                Ok(Settled::DataGoes("this machine's member is the last one; its data goes".to_owned()))
            }
            Ok((_, Removal::Last)) => Ok(Settled::Stays),
            Ok((_, Removal::NotAMember)) => {
                Ok(Settled::DataGoes("this machine is no member any more; what is left of its data goes".to_owned()))
            }
            Ok((etcd, removal)) => Ok(Settled::Member(Box::new(etcd), removal)),
            Err(error) if !self.has_data => {
                let text = format_args!("etcd cannot be asked whether this machine is a member: {error}");
                report.warn(ResetPhase::RemoveEtcdMember, None, text);
                Ok(Settled::Nothing)
            }
            Err(error) if plan.configuration.force || is_settled => {
                let member = match self.data {
                    DataDirectory::Member { member_id, .. } => format!("member {member_id:x}"),
                    _ => "this machine's member".to_owned(),
                };
                let text = format_args!(
                    "etcd cannot be asked, so that {member} may still be one; see `etcdctl member list`: {error}"
                );
                report.warn(ResetPhase::RemoveEtcdMember, None, text);
                Ok(Settled::DataGoes(format!("the cluster cannot be asked about {member}; its data goes")))
            }
            Err(_) if !plan.target.is_this_system() => {
                Err(ResetError::EtcdOffline { data: self.directory.clone() }.into())
            }
            Err(error) => Err(ResetError::etcd_unknown(&self.directory, &error).into()),
        }
    }

    /// How it is told from other members.
    pub(super) fn own<'a>(&'a self, peer_url: Option<&'a str>) -> OwnMember<'a> {
        OwnMember { data: Some(&self.data), peer_url }
    }

    /// `--initial-advertise-peer-urls`.
    pub(super) fn peer_url(&self) -> Option<String> {
        self.flag("--initial-advertise-peer-urls").and_then(|urls| urls.split(',').next()).map(str::to_owned)
    }

    fn flag(&self, name: &str) -> Option<&str> {
        let mut flags = self.flags.iter().flatten().filter_map(|argument| argument.split_once('='));
        flags.rfind(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Where members may be reached: this one as it says, the others at the client port of their peer address.
    fn client_urls(&self) -> Vec<String> {
        let own = self.flag("--advertise-client-urls").unwrap_or_default().split(',');
        let cluster = self.flag("--initial-cluster").unwrap_or_default().split(',');
        let others = cluster.filter_map(|entry| Some(format!("{}:2379", entry.split_once('=')?.1.rsplit_once(':')?.0)));
        own.filter(|url| !url.is_empty()).map(str::to_owned).chain(others).collect()
    }

    fn ask(&self, plan: &ResetPlan, root: &Root, report: &Report) -> Result<(Etcd, Removal), EtcdError> {
        let access = access(plan, root)?;
        let peer_url = self.peer_url();
        let own = self.own(peer_url.as_deref());
        let timeout = plan.configuration.timeouts.etcd_api_call;
        let ask = |urls: &[String], wait: Duration| {
            let mut etcd = Etcd::new(access.clone(), urls.iter().map(String::as_str))?;
            let removal = etcd.decide_removal(&own, &Retry::every(INTERVAL, wait))?;
            Ok((etcd, removal))
        };
        match ask(&self.client_urls(), timeout.min(DIRECT)) {
            Ok(asked) => Ok(asked),
            Err(error) => match urls_by_api_server(plan, report) {
                Some(urls) => ask(&urls, timeout),
                None => Err(error),
            },
        }
    }
}

/// What etcd's members are verified by, and what they let in.
fn access(plan: &ResetPlan, root: &Root) -> Result<etcd::Access, EtcdError> {
    let read = |name: &str| {
        let path = plan.configuration.certificates_dir.join(name).ok()?;
        root.read(&path, LIMIT).ok()?
    };
    let made = || {
        let ca = Certificate::all_from_pem(&read("etcd/ca.crt")?).ok()?;
        let roots = TrustRoots::new(&ca.iter().map(|ca| ca.der().clone()).collect::<Vec<_>>())?;
        let (certificate, key) = (read("etcd/healthcheck-client.crt")?, read("etcd/healthcheck-client.key")?);
        let identity = ClientIdentity::from_pem(&certificate, &key).ok()?;
        Some(etcd::Access::new(&roots, &identity, plan.clock))
    };
    let missing =
        || EtcdError::Members("etcd/ca.crt or etcd/healthcheck-client.crt with its key are not there".to_owned());
    made().ok_or_else(missing)?
}

/// The client URLs of etcd's Pods; none where the API server cannot be asked.
fn urls_by_api_server(plan: &ResetPlan, report: &Report) -> Option<Vec<String>> {
    let text = file::contents(&plan.kubeconfig).ok()?;
    let access = ClusterAccess::read(std::str::from_utf8(&text).ok()?, plan.kubeconfig.parent()).ok()?;
    access.conceal(report);
    let roots = TrustRoots::new(&access.ca_certificates.iter().map(|ca| ca.der().clone()).collect::<Vec<_>>())?;
    let credentials = access.credentials?;
    let server = Server::new(Dialer::direct(access.server), &roots, plan.clock, credentials.identity.as_ref()).ok()?;
    let mut client = Client::new(server, credentials.token);
    let retry = Retry::every(INTERVAL, plan.configuration.timeouts.kubernetes_api_call.min(DIRECT));
    etcd_pods(&mut client, retry, report).map(|pods| pods.client_urls).ok()
}

/// The flags of its container: `command`, then `args`.
fn arguments(pod: &Value) -> Vec<String> {
    let container = &pod["spec"]["containers"][0];
    let texts = |field: &str| container[field].as_array().into_iter().flatten().filter_map(Value::as_str);
    texts("command").chain(texts("args")).map(str::to_owned).collect()
}

/// The path of the volume `etcd-data` (kubeadm `getEtcdDataDir`).
fn data_volume(pod: &Value) -> Option<&str> {
    let volumes = pod["spec"]["volumes"].as_array()?;
    let volume = volumes.iter().find(|volume| volume["name"] == "etcd-data")?;
    volume["hostPath"]["path"].as_str()
}

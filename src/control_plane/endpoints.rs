//! Where the cluster's etcd is: the static pods of control planes say it (`cmd/kubeadm/app/util/etcd/etcd.go`,
//! `getRawEtcdEndpointsFromPodAnnotation`).

use super::error::ControlPlaneError;
use crate::kube::client::{Client, REQUEST_TIMEOUT};
use crate::kube::wanted::Wanted;
use crate::phase::Phase;
use crate::report::Report;
use crate::retry::Retry;

/// The annotation with a member's client URL.
const ANNOTATION: &str = "kubeadm.kubernetes.io/etcd.advertise-client-urls";

/// What the pods of etcd say.
#[derive(Clone, Debug)]
pub struct EtcdPods {
    /// Client URLs of its members.
    pub client_urls: Vec<String>,
    /// The image that most of them run.
    pub image: Option<String>,
}

/// Asks for the pods of etcd.
///
/// # Errors
/// They cannot be listed, or none says where it is, within the time of `retry`.
pub fn etcd_pods(client: &mut Client, retry: Retry, report: &Report) -> Result<EtcdPods, ControlPlaneError> {
    let wanted = Wanted::control_plane_pods(Some("etcd"), None);
    retry.run(
        || {
            let pods = client.pods(&wanted, retry.exchange_deadline(REQUEST_TIMEOUT))?;
            let urls = pods.items().flat_map(|pod| pod.annotation(ANNOTATION).split(','));
            let client_urls: Vec<_> = urls.map(str::trim).filter(|url| !url.is_empty()).map(str::to_owned).collect();
            let images = pods.items().map(|pod| pod.image().to_owned());
            let image = most_frequent(images.filter(|image| !image.is_empty()).collect());
            if client_urls.is_empty() {
                return Err(ControlPlaneError::NoEtcdPods { pods: pods.items().count() });
            }
            Ok(EtcdPods { client_urls, image })
        },
        |error, pause| report.retrying(Phase::CheckEtcd, error, pause),
    )
}

/// During an upgrade there are two.
fn most_frequent(mut images: Vec<String>) -> Option<String> {
    images.sort();
    let count = |image: &String| images.iter().filter(|other| *other == image).count();
    images.iter().max_by_key(|image| count(image)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_that_of_most_members() {
        let images = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(most_frequent(images(&["b", "a", "b"])).as_deref(), Some("b"));
        assert_eq!(most_frequent(images(&["z", "a", "a"])).as_deref(), Some("a"));
        assert_eq!(most_frequent(Vec::new()), None);
    }
}

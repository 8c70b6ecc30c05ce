//! kubeadm's `Default` and `Mutate` for a KubeletConfiguration (`cmd/kubeadm/app/componentconfigs/kubelet.go`,
//! `kubelet_unix.go`): what is open is set, what differs from kubeadm's recommendation stays and is warned of.

use serde_json::{Value, json};

use super::dns;
use super::error::KubeletConfigError;
use super::inputs::KubeletInputs;
use crate::cluster::document::Fields;
use crate::text::printable;

/// Where systemd-resolved keeps the upstream servers; its stub address in `/etc/resolv.conf` would loop in a Pod.
const RESOLVED_CONF: &str = "/run/systemd/resolve/resolv.conf";

/// Longest value that a warning repeats, in characters.
pub(super) const MAX_SHOWN: usize = 80;

/// Fields whose defaults come from the ClusterConfiguration.
const FROM_CLUSTER: [&str; 3] = ["clusterDNS", "clusterDomain", "authentication.x509.clientCAFile"];

/// Whether a field is open that only the ClusterConfiguration can fill.
pub(super) fn leaves_unset(fields: &Fields<'_>) -> Result<bool, KubeletConfigError> {
    let [dns, domain, ca] = FROM_CLUSTER;
    Ok(fields.list(dns)?.is_none() || fields.text(domain)?.is_none() || fields.text(ca)?.is_none())
}

/// The fields to set; what differs goes into `warnings`, in kubeadm's order.
pub(super) fn run(
    fields: Fields<'_>,
    inputs: &KubeletInputs<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<(&'static str, Value)>, KubeletConfigError> {
    let mut completion = Completion { fields, set: Vec::new(), warnings };
    completion.run(inputs)?;
    Ok(completion.set)
}

struct Completion<'a> {
    fields: Fields<'a>,
    set: Vec<(&'static str, Value)>,
    warnings: &'a mut Vec<String>,
}

impl Completion<'_> {
    fn run(&mut self, inputs: &KubeletInputs<'_>) -> Result<(), KubeletConfigError> {
        let cluster = inputs.cluster;
        let [dns, domain, ca] = FROM_CLUSTER;
        let known = cluster.is_known();
        self.text("staticPodPath", "/etc/kubernetes/manifests", true)?;

        let address = dns::address(cluster.service_subnet());
        let given = self.fields.list(dns)?;
        let same = given.as_deref() == Some(&[&*address]);
        self.settle(dns, given.map(|given| json!(given)), json!([address]), same || !known);

        self.text(domain, cluster.dns_domain(), known)?;
        let authority = format!("{}/ca.crt", cluster.certificates_dir().trim_end_matches('/'));
        self.text(ca, &authority, known)?;
        self.bool("authentication.anonymous.enabled", false)?;
        self.text("authorization.mode", "Webhook", true)?;
        self.bool("authentication.webhook.enabled", true)?;
        self.text("healthzBindAddress", "127.0.0.1", true)?;

        let port = self.fields.port("healthzPort")?;
        self.settle("healthzPort", port.map(Value::from), 10248.into(), port == Some(10248));
        if let Some(port) = self.fields.port("readOnlyPort")?.filter(|port| *port != 0) {
            self.differs("readOnlyPort", &port.into(), &0.into());
        }
        // kubeadm cannot tell an explicit false from nothing, and says nothing.
        if self.fields.bool("rotateCertificates")? == Some(false) {
            self.warnings
                .push("the kubelet-config has rotateCertificates false; a join always makes it true".to_owned());
        }
        self.set.push(("rotateCertificates", true.into()));
        self.text("cgroupDriver", "systemd", false)?;
        if inputs.resolved_active {
            let given = self.fields.pointer("resolvConf")?;
            let same = given == Some(RESOLVED_CONF);
            self.settle("resolvConf", given.map(Value::from), RESOLVED_CONF.into(), same);
        }
        // Nothing else looks at it before it is replaced.
        self.fields.text("containerRuntimeEndpoint")?;
        Ok(())
    }

    fn text(&mut self, field: &'static str, recommended: &str, compare: bool) -> Result<(), KubeletConfigError> {
        let given = self.fields.text(field)?;
        self.settle(field, given.map(Value::from), recommended.into(), !compare || given == Some(recommended));
        Ok(())
    }

    fn bool(&mut self, field: &'static str, recommended: bool) -> Result<(), KubeletConfigError> {
        let given = self.fields.bool(field)?;
        self.settle(field, given.map(Value::from), recommended.into(), given == Some(recommended));
        Ok(())
    }

    /// Sets a field that is open; warns of one that is given and not `fine`.
    fn settle(&mut self, field: &'static str, given: Option<Value>, recommended: Value, fine: bool) {
        match given {
            None => self.set.push((field, recommended)),
            Some(given) if !fine => self.differs(field, &given, &recommended),
            Some(_) => {}
        }
    }

    fn differs(&mut self, field: &'static str, given: &Value, recommended: &Value) {
        let given = printable(&given.to_string(), MAX_SHOWN);
        self.warnings.push(format!("{field} is {given} in the kubelet-config; kubeadm recommends {recommended}"));
    }
}

//! Pods as a runtime has them, and their end.

use super::error::CriError;
use super::runtime::Runtime;
use crate::grpc::protobuf::{Value, append_bytes, fields, text};

/// The labels that the kubelet gives to every sandbox of its own (`pkg/kubelet/types/labels.go`). Other users of the same
/// runtime, such as `crictl runp`, give none.
const OF_THE_KUBELET: [&str; 3] = ["io.kubernetes.pod.name", "io.kubernetes.pod.namespace", "io.kubernetes.pod.uid"];

/// The sandbox of a Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sandbox {
    /// The runtime's name for it, byte by byte.
    id: Vec<u8>,
    /// `NAMESPACE/NAME` of the Pod, fit to be shown.
    pub pod: String,
    /// Whether the kubelet has made it.
    pub is_of_kubelet: bool,
}

impl Sandbox {
    /// The runtime's name for it, fit to be shown.
    pub fn id(&self) -> String {
        text(&self.id)
    }
}

impl Runtime {
    /// Every sandbox, running or not.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn sandboxes(&mut self) -> Result<Vec<Sandbox>, CriError> {
        let answer = self.call("/runtime.v1.RuntimeService/ListPodSandbox", &[])?;
        let item = |field: (u32, Value<'_>)| match field {
            (1, Value::Bytes(bytes)) => Some(sandbox(bytes)),
            _ => None,
        };
        Ok(fields(&answer).filter_map(item).collect())
    }

    /// Ends what runs in a sandbox, and removes it; one that is gone is as good.
    ///
    /// # Errors
    /// [`CriError::Call`].
    pub fn remove_sandbox(&mut self, sandbox: &Sandbox) -> Result<(), CriError> {
        // StopPodSandboxRequest and RemovePodSandboxRequest: `pod_sandbox_id`.
        let mut request = Vec::new();
        append_bytes(&mut request, 1, &sandbox.id);
        self.call("/runtime.v1.RuntimeService/StopPodSandbox", &request)?;
        self.call("/runtime.v1.RuntimeService/RemovePodSandbox", &request).map(drop)
    }
}

/// PodSandbox: `id`, `metadata` and `labels`.
fn sandbox(bytes: &[u8]) -> Sandbox {
    let mut sandbox = Sandbox::default();
    let mut labels = [false; OF_THE_KUBELET.len()];
    for field in fields(bytes) {
        match field {
            (1, Value::Bytes(bytes)) => sandbox.id = bytes.to_vec(),
            (2, Value::Bytes(bytes)) => {
                let (mut name, mut namespace) = (String::new(), String::new());
                for field in fields(bytes) {
                    match field {
                        (1, Value::Bytes(bytes)) => name = text(bytes),
                        (3, Value::Bytes(bytes)) => namespace = text(bytes),
                        _ => {}
                    }
                }
                sandbox.pod = format!("{namespace}/{name}");
            }
            (5, Value::Bytes(bytes)) => {
                let has = |label: &str| {
                    let is_key = |field| matches!(field, (1, Value::Bytes(key)) if key == label.as_bytes());
                    let is_set = |field| matches!(field, (2, Value::Bytes(value)) if !value.is_empty());
                    fields(bytes).any(is_key) && fields(bytes).any(is_set)
                };
                OF_THE_KUBELET.iter().zip(&mut labels).for_each(|(label, found)| *found |= has(label));
            }
            _ => {}
        }
    }
    sandbox.is_of_kubelet = labels.iter().all(|found| *found);
    sandbox
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(parts: &[(u32, &[u8])]) -> Vec<u8> {
        let mut out = Vec::new();
        parts.iter().for_each(|(number, bytes)| append_bytes(&mut out, *number, bytes));
        out
    }

    fn with_labels(labels: &[(&str, &str)]) -> Sandbox {
        let metadata = message(&[(1, b"web-0"), (2, b"uid"), (3, b"shop")]);
        let labels: Vec<_> =
            labels.iter().map(|(key, value)| message(&[(1, key.as_bytes()), (2, value.as_bytes())])).collect();
        let mut parts: Vec<(u32, &[u8])> = vec![(1, b"f00"), (2, &metadata)];
        parts.extend(labels.iter().map(|label| (5, label.as_slice())));
        sandbox(&message(&parts))
    }

    #[test]
    fn a_sandbox_is_the_kubelet_s_by_all_three_labels() {
        let all = [
            ("io.kubernetes.pod.name", "web-0"),
            ("io.kubernetes.pod.namespace", "shop"),
            ("io.kubernetes.pod.uid", "1"),
        ];
        let found = with_labels(&all);
        assert_eq!((found.id().as_str(), found.pod.as_str(), found.is_of_kubelet), ("f00", "shop/web-0", true));
        for missing in 0..3 {
            let mut some = all.to_vec();
            some.remove(missing);
            assert!(!with_labels(&some).is_of_kubelet, "{some:?}");
            some.push((all[missing].0, ""));
            assert!(!with_labels(&some).is_of_kubelet, "{some:?}");
        }
        assert!(!with_labels(&[("app", "web")]).is_of_kubelet && !with_labels(&[]).is_of_kubelet);
    }
}

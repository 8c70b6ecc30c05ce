//! `instance-config.yaml`: what of the KubeletConfiguration is this node's alone, where kubeadm's `upgrade node` and
//! `reset` look for the container runtime's socket (`cmd/kubeadm/app/phases/kubelet/config.go`).

use super::go_quote;

/// The file for a socket such as `unix:///run/containerd/containerd.sock`.
pub fn render(cri_socket: &str) -> String {
    format!("containerRuntimeEndpoint: {}\n", go_quote::quoted(cri_socket))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn it_reads_back_as_the_socket() {
        let socket = "unix:///run/containerd/containerd.sock";
        assert_eq!(render(socket), "containerRuntimeEndpoint: \"unix:///run/containerd/containerd.sock\"\n");
        for socket in [socket, "", "unix:///a b\"c\\d\té\u{a0}😀", "~"] {
            let document = yaml::parse_one(&render(socket)).unwrap();
            assert_eq!(document.value["containerRuntimeEndpoint"], socket);
        }
    }
}

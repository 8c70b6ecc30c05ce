//! The catalogue of error codes: the one place where code, class, meaning and hint are written down.

use super::class::Class;
use super::code::Code;

macro_rules! codes {
    ($($ident:ident $name:literal $class:ident $meaning:literal $hint:literal)*) => {
        $(#[doc = $meaning] pub const $ident: Code =
            Code { name: $name, class: Class::$class, meaning: $meaning, hint: $hint };)*
        /// Every code, in the order of a join.
        pub const ALL: &[&Code] = &[$(&$ident),*];
    };
}

codes! {
    // usage and configuration
    USAGE "usage.arguments" Usage
        "the command line is not understood"
        "run `kubejoin join --help` for the flags"
    USAGE_NOT_YET_SUPPORTED "usage.not-yet-supported" Usage
        "a command, flag or field of kubeadm that kubejoin does not have yet"
        "leave it out, or use kubeadm on this machine"
    CONFIG_INVALID "config.invalid" Usage
        "a flag or a field of the JoinConfiguration has a value that cannot be used"
        "correct the named flag or field and run again"
    CONFIG_INCOMPLETE "config.incomplete" Usage
        "endpoint, token or CA certificate hash are missing"
        "run `kubeadm token create --print-join-command` on the control plane and pass what it prints"
    CONFIG_NO_TOKEN_YET "config.no-token-yet" Transient
        "an unattended machine has everything but a bootstrap token"
        "put `kubejoin.token` where this machine finds its settings, such as /etc/kubejoin or the boot partition"
    CONFIG_MIXED "config.mixed" Usage
        "a flag stands beside --config that kubeadm does not allow there either"
        "put them into the configuration file, or leave the file out"
    CONFIG_VERSION "config.version" Usage
        "the JoinConfiguration has an apiVersion that is not read"
        "use kubeadm.k8s.io/v1beta4 in the configuration file"
    CONFIG_UNREADABLE "config.unreadable" Usage
        "the configuration file cannot be read or parsed"
        "check the file at the named line"
    CONFIG_CREDENTIAL_NOT_OPENED "config.credential-not-opened" Usage
        "systemd did not open an encrypted credential on this disk: it is another machine's, or its TPM is not there"
        "run `journalctl -b -u kubejoin` on this machine, and make the credential again there with `systemd-creds encrypt`"
    CONFIG_KUBECONFIG "config.kubeconfig" Usage
        "an administrator's kubeconfig cannot be read or used"
        "give one that kubejoin can use with --kubeconfig, such as /etc/kubernetes/admin.conf of a control plane: with a token or a client certificate, and without programs"
    CONFIG_CA_FILE "config.ca-file" Usage
        "a file with CA certificates for discovery cannot be read or used"
        "give a PEM file with the CA certificate, such as /etc/kubernetes/pki/ca.crt of the control plane"

    // preflight
    PREFLIGHT_FAILED "preflight.failed" Usage
        "a preflight check has failed: a node would not work on this machine"
        "correct what the named checks report on this machine, or pass --ignore-preflight-errors=NAME"
    PREFLIGHT_RUNTIME "preflight.runtime-not-ready" Transient
        "the container runtime is not there yet, does not answer, or says that it is not ready"
        "start the container runtime on this machine, look at its log, and run again"
    PREFLIGHT_KUBELET_TIMEOUT "preflight.kubelet-timeout" Transient
        "`kubelet --version` did not end in time: the machine is starting, or reads the program from slow storage"
        "run again; if it does not end either, run `kubelet --version` by hand on this machine"
    PREFLIGHT_NOT_MOUNTED "preflight.not-mounted" Transient
        "a file system that a node's files belong on is not mounted yet"
        "run again after the named mount point has been mounted on this machine"
    CLOCK_NOT_SET "clock.not-set" Transient
        "this machine's clock cannot be right yet, and nothing else may tell the time: there is no pin, or --clock=system was given"
        "run again after this machine's clock has been set (chrony, systemd-timesyncd), or join with --discovery-token-ca-cert-hash"

    // the wire
    NET_NAME_NOT_FOUND "net.name-not-found" Transient
        "the endpoint's name has no address, or DNS does not answer in time"
        "check the name and this machine's /etc/resolv.conf; in an initramfs, whether DHCP has finished"
    NET_REFUSED "net.connection-refused" Transient
        "nothing listens at the endpoint, or a firewall rejects the connection"
        "check on the control plane that kube-apiserver runs and that its port is open to this machine"
    NET_UNREACHABLE "net.unreachable" Transient
        "there is no route to the endpoint"
        "check this machine's address and default route"
    NET_TIMED_OUT "net.timed-out" Transient
        "no answer came in time"
        "check that no firewall between this machine and the endpoint drops its packets"
    NET_CLOSED "net.closed" Transient
        "the connection was closed before the answer was complete"
        "run again; if it stays so, look at the load balancer in front of the API server"
    NET_IO "net.io" Transient
        "the operating system failed a network operation"
        "run again; look at this machine's kernel log if it stays so"
    PROXY_VARIABLE "proxy.variable" Usage
        "HTTPS_PROXY is not the URL of a proxy"
        "correct HTTPS_PROXY where this program is started: http://HOST:PORT, with user and password, percent-encoded, before an @; or name the endpoint in NO_PROXY"
    PROXY_SCHEME "proxy.scheme" Usage
        "HTTPS_PROXY has a scheme that kubejoin does not support"
        "use http://, https:// or socks5:// in HTTPS_PROXY, or name the endpoint in NO_PROXY"
    PROXY_UNREACHABLE "proxy.unreachable" Transient
        "the proxy in HTTPS_PROXY cannot be reached, or does not answer"
        "check that the proxy runs and that HTTPS_PROXY is right, or name the endpoint in NO_PROXY"
    PROXY_CERTIFICATE "proxy.certificate" Unsafe
        "the certificate of an https:// proxy is not trusted by this machine"
        "add its CA to this machine's CA bundle, or name that in SSL_CERT_FILE; for no proxy at all, put the endpoint into NO_PROXY"
    PROXY_AUTHENTICATION "proxy.authentication" Usage
        "the proxy does not accept the user and password in HTTPS_PROXY, or requires them"
        "put user and password into HTTPS_PROXY, percent-encoded, or name the endpoint in NO_PROXY"
    PROXY_REFUSED "proxy.refused" Usage
        "the proxy may not connect to the endpoint"
        "allow CONNECT to the endpoint and its port at the proxy, or name the endpoint in NO_PROXY"
    PROXY_NO_TARGET "proxy.no-target" Transient
        "the proxy cannot connect to the endpoint now"
        "check that the endpoint can be reached from the proxy, or name it in NO_PROXY"
    PROXY_NOT_A_PROXY "proxy.not-a-proxy" Usage
        "what answers at the address in HTTPS_PROXY is not a proxy of that kind"
        "correct HTTPS_PROXY, or name the endpoint in NO_PROXY"
    TLS_HANDSHAKE "tls.handshake-failed" Transient
        "the endpoint does not complete a TLS handshake"
        "check that the endpoint is the API server's own port, usually 6443, and that no portal or proxy answers in its place"
    TLS_SIGNATURE "tls.handshake-signature" Unsafe
        "the server shows a certificate whose key it does not have"
        "find out who answers at the endpoint; this is what an impostor looks like"
    TLS_UNTRUSTED "tls.certificate-untrusted" Unsafe
        "the server's certificate was not issued by the verified cluster CA"
        "find out who answers at the endpoint: another cluster, an intercepting proxy or an impostor"
    TLS_UNSUPPORTED "tls.unsupported-algorithm" Unsafe
        "a certificate or a server uses an algorithm that kubejoin cannot verify; nothing is known to be wrong with it"
        "use RSA of 2048 to 8192 bits, ECDSA P-256 or P-384 with SHA-256 or SHA-384, or Ed25519 on the control plane, with TLS 1.2 or 1.3; or join with kubeadm"
    TLS_NAME_MISMATCH "tls.name-mismatch" Unsafe
        "the server's certificate is for other names than the endpoint's"
        "join by a name or address that is in the certificate, or add this one to apiServer.certSANs on the control plane"
    TLS_VALIDITY "tls.certificate-validity" Unsafe
        "the server's certificate has expired or is not valid yet"
        "check this machine's clock, then renew on the control plane with `kubeadm certs renew apiserver`"
    CLOCK_DISAGREES "clock.disagrees" Unsafe
        "this machine's clock and the server's differ so much that a certificate is valid by only one of them"
        "compare this machine's clock with another one; set it where it is wrong, or join with --clock=server where it cannot be set"
    HTTP_NOT_HTTP "http.not-http" Unsafe
        "what answers does not speak HTTP/1.1 as an API server does"
        "check that the endpoint is the API server's own port, usually 6443"
    HTTP_HEADERS_TOO_LARGE "http.headers-too-large" Unsafe
        "the answer's headers are larger than any API server's"
        "find out who answers at the endpoint"
    HTTP_BODY_TOO_LARGE "http.body-too-large" Unsafe
        "the answer is larger than the object that was asked for can be"
        "find out who answers at the endpoint"
    HTTP_REDIRECT "http.redirect" Unsafe
        "the answer is a redirect, which no API server sends"
        "find out who answers at the endpoint: a captive portal or a web server, most likely"

    // the API
    API_UNAUTHORIZED "api.unauthorized" Refused
        "the API server does not accept the token or other credentials"
        "create a token with `kubeadm token create --print-join-command` on the control plane; it needs the usage authentication"
    API_FORBIDDEN "api.forbidden" Refused
        "the token may not do what a joining node has to do"
        "check on the control plane that the token is in the group system:bootstrappers:kubeadm:default-node-token"
    API_NOT_FOUND "api.not-found" Refused
        "the API server does not have what a joining node needs"
        "check on the control plane that `kubeadm init` has completed"
    API_BUSY "api.busy" Transient
        "the API server cannot answer now"
        "run again; look at the API server's load if it stays so"
    API_REJECTED "api.rejected" Refused
        "the API server rejects a request"
        "read the server's message; it may come from an admission webhook or policy"
    API_NOT_THE_OBJECT "api.not-the-object" Unsafe
        "the answer is a success but not the object that was asked for"
        "find out who answers at the endpoint: a captive portal or a web server, most likely"

    // discovery
    DISCOVERY_ANONYMOUS "discovery.anonymous-refused" Transient
        "anonymous users may not read cluster-info, so a token alone cannot discover the cluster"
        "restore the RoleBinding with `kubeadm init phase bootstrap-token` on the control plane, or join with --discovery-file and --tls-bootstrap-token, as where kube-apiserver runs with --anonymous-auth=false, or where its AuthenticationConfiguration (1.34 and newer) has anonymous.conditions without cluster-info's path"
    DISCOVERY_UNEXPECTED_STATUS "discovery.unexpected-status" Transient
        "a server that is not verified yet answers with a status that is no API server's word about cluster-info"
        "find out who answers at the endpoint: a web server, an ingress or a load balancer, most likely; the API server's own port is usually 6443"
    DISCOVERY_MISSING "discovery.cluster-info-missing" Transient
        "the cluster has no cluster-info (yet)"
        "run `kubeadm init phase bootstrap-token` on the control plane"
    DISCOVERY_TOKEN_UNKNOWN "discovery.token-unknown" Refused
        "cluster-info is not signed for this token: it has expired, was deleted, is of another cluster or lacks the usage signing"
        "see with `kubeadm token list` on the control plane whether it has expired, is gone or lacks the usage signing; create another with `kubeadm token create --print-join-command`"
    DISCOVERY_JWS "discovery.jws-invalid" Unsafe
        "cluster-info is signed for this token id with another secret or over other content"
        "compare the token with `kubeadm token list` on the control plane; if it is right, somebody has changed cluster-info on its way"
    DISCOVERY_KUBECONFIG "discovery.kubeconfig-invalid" Unsafe
        "the kubeconfig in cluster-info cannot be used"
        "look at `kubectl -n kube-public get configmap cluster-info -o yaml` on the control plane"
    DISCOVERY_SEVERAL_CLUSTERS "discovery.several-clusters" Unsafe
        "the kubeconfig in cluster-info names several clusters"
        "leave one cluster in `kubectl -n kube-public edit configmap cluster-info` on the control plane"
    DISCOVERY_CA_UNUSABLE "discovery.ca-unusable" Unsafe
        "the cluster CA is a certificate that no kubelet accepts as a CA"
        "look at it with `openssl x509 -noout -text -in /etc/kubernetes/pki/ca.crt` on the control plane, and make the cluster a CA with CA:TRUE and keyCertSign"
    DISCOVERY_CA_VALIDITY "discovery.ca-validity" Unsafe
        "the cluster CA has expired or is not valid yet, so that no node could talk to the cluster"
        "check this machine's clock, then the CA with `kubeadm certs check-expiration` on the control plane"
    DISCOVERY_HASH_MISMATCH "discovery.ca-hash-mismatch" Unsafe
        "no CA of the server has the pinned key"
        "compare with `kubeadm token create --print-join-command` on the control plane; never replace the pin by what the server shows"

    DISCOVERY_FILE "discovery.file-unusable" Usage
        "the discovery file cannot be read, or is not a kubeconfig that a node can join with"
        "write it on the control plane: `kubectl -n kube-public get configmap cluster-info -o jsonpath={.data.kubeconfig}`"
    DISCOVERY_CREDENTIALS "discovery.credentials-refused" Refused
        "the API server does not accept the credentials in the discovery file"
        "write a new discovery file, or pass --tls-bootstrap-token from `kubeadm token create` on the control plane"
    DISCOVERY_URL_REFUSED "discovery.url-refused" Refused
        "the web server of the discovery URL does not give the file"
        "check the URL with `curl -v` from another machine"
    DISCOVERY_URL_BUSY "discovery.url-busy" Transient
        "the web server of the discovery URL cannot answer now"
        "run again; look at that web server if it stays so"

    // bootstrap tokens
    TOKEN_EXISTS "token.exists" Refused
        "there is a bootstrap token with this id already"
        "run `kubejoin token create` without a token, which draws one, or `kubejoin token delete` with the id first"
    TOKEN_NOT_MADE "token.not-made" Machine
        "the kernel gave no random numbers for a token"
        "run again; if it stays so, look at this machine's kernel log for its random number generator"

    // TLS bootstrap
    BOOTSTRAP_KEY "tls-bootstrap.key" Machine
        "no private key could be made or used"
        "run again; if it stays so, look at this machine's kernel log for its random number generator"
    BOOTSTRAP_NAME_TAKEN "tls-bootstrap.name-taken" Refused
        "a CertificateSigningRequest of the name that belongs to our key is not ours"
        "delete the named request on the control plane, then run this again"
    BOOTSTRAP_DELETED "tls-bootstrap.csr-deleted" Transient
        "the CertificateSigningRequest was deleted while it was waited for"
        "run again: a new request is made"
    BOOTSTRAP_DENIED "tls-bootstrap.csr-denied" Refused
        "an approver has denied the CertificateSigningRequest"
        "delete the named request on the control plane, then run this again"
    BOOTSTRAP_FAILED "tls-bootstrap.csr-failed" Refused
        "the cluster's signer could not issue the certificate"
        "delete the named request on the control plane, then run this again"
    BOOTSTRAP_PENDING "tls-bootstrap.csr-pending" Transient
        "the CertificateSigningRequest was not approved in time"
        "approve the named request on the control plane, then run this again: the same request is found, for 24 h, after which the cluster deletes it"
    BOOTSTRAP_UNSIGNED "tls-bootstrap.csr-unsigned" Transient
        "the CertificateSigningRequest is approved, but no certificate was issued"
        "check on the control plane that kube-controller-manager runs with --cluster-signing-cert-file, then run this again"
    BOOTSTRAP_CERT_UNREADABLE "tls-bootstrap.certificate-unreadable" Unsafe
        "what was issued is not a certificate"
        "look at the request with `kubectl get csr -o yaml` on the control plane"
    BOOTSTRAP_CERT_KEY "tls-bootstrap.certificate-key" Unsafe
        "the issued certificate is for another key than the one requested with"
        "find out who signs CertificateSigningRequests in this cluster"
    BOOTSTRAP_CERT_SUBJECT "tls-bootstrap.certificate-subject" Unsafe
        "the issued certificate is for another name than this node's"
        "find out who signs CertificateSigningRequests in this cluster"
    BOOTSTRAP_CERT_ISSUER "tls-bootstrap.certificate-issuer" Unsafe
        "the issued certificate does not come from the verified cluster CA"
        "compare --cluster-signing-cert-file of kube-controller-manager with the cluster's ca.crt; while the CA is rotated, cluster-info must have the old and the new one, and the join the hash of each"
    BOOTSTRAP_CERT_VALIDITY "tls-bootstrap.certificate-validity" Unsafe
        "the issued certificate has expired or is not valid yet"
        "compare this machine's clock with the control plane's, or say with --clock=server that this one is broken"
    // yaml
    YAML_INVALID "yaml.invalid" Usage
        "a text that should be YAML is not, or is more than kubejoin reads"
        "correct the text at the named line"
    // the target root and this machine's file systems
    ROOTFS_UNUSABLE "rootfs.unusable" Usage
        "the directory given as target root cannot be opened"
        "give `--rootfs` a directory that is mounted on this machine"
    ROOTFS_BUSY "rootfs.busy" Transient
        "another run is writing to the same target root"
        "wait for the other run on this machine to end, then run again"
    ROOTFS_IN_THE_WAY "rootfs.in-the-way" Machine
        "an object of another kind, or far too large, has the path of one of the node's files or directories"
        "move the named object out of the way on this machine and run again"
    MACHINE_NO_SPACE "machine.no-space" Machine
        "a file system of this machine has no space or no inodes left"
        "free space on the named file system (see `df` and `df -i`) and run again"
    MACHINE_QUOTA "machine.quota" Machine
        "a disk quota of this machine is used up"
        "raise the quota on this machine (see `quota -v`) and run again"
    MACHINE_READ_ONLY "machine.read-only" Machine
        "a file system of this machine is mounted read-only"
        "mount the named file system read-write on this machine and run again"
    MACHINE_PERMISSION "machine.permission" Machine
        "this user may not read or change a file of this machine"
        "run again as root, and look for immutable files with `lsattr`"
    MACHINE_IO "machine.io" Machine
        "a file system of this machine failed"
        "look for disk errors with `dmesg` on this machine, then run again"
    // the kubelet's service
    KUBELET_NOT_INSTALLED "kubelet.not-installed" Machine
        "there is no kubelet on this machine"
        "install a kubelet of Kubernetes 1.34 or newer on this machine, in one of the directories of PATH"
    KUBELET_NO_SERVICE_MANAGER "kubelet.no-service-manager" Machine
        "no init system (systemd, OpenRC) was found"
        "start the kubelet yourself on this machine"
    KUBELET_SERVICE_MANAGER "kubelet.service-manager" Machine
        "a command of the init system cannot be run or does not end"
        "run the named command by hand on this machine"
    KUBELET_START_FAILED "kubelet.start-failed" Machine
        "the init system could not start the kubelet"
        "run `systemctl status kubelet` and `journalctl -xeu kubelet` on this machine"
    KUBELET_STOP_FAILED "kubelet.stop-failed" Machine
        "the init system could not stop the kubelet"
        "run `systemctl status kubelet` and `journalctl -xeu kubelet` on this machine"
    KUBELET_NOT_ENABLED "kubelet.not-enabled" Machine
        "nothing in the target root will start the kubelet when it is booted (a warning)"
        "enable kubelet.service in the image, or on the booted machine with `systemctl enable --now kubelet`"
    // reporting
    REPORT_RESULT_NOT_WRITTEN "report.result-not-written" Machine
        "result.json could not be written; the join itself is not affected (a warning)"
        "make /run writable on this machine, or look at the console's output instead"

    // plan, node, kubelet
    CONFIG_NODE_NAME "config.node-name" Usage
        "neither the host name nor the facts that the node name is to be made of can be the name of a Node"
        "give the Node's name with --node-name, or kubejoin.node-name= on the kernel command line"
    CONFIG_ADVERTISE_ADDRESS "config.advertise-address" Usage
        "the address that a control plane is to have cannot be one"
        "give an address of this machine that the other control planes reach, with --apiserver-advertise-address or controlPlane.localAPIEndpoint.advertiseAddress"
    NODE_NO_MAC "node.no-mac" Transient
        "the node name has {mac}, and this machine has no wired network interface (yet)"
        "check that the driver of the network interface is in this system; or make the name of {serial}"
    CONFIG_SEVERAL_RUNTIMES "config.several-runtimes" Usage
        "several container runtimes were found and none was chosen"
        "choose one with --cri-socket"
    CLUSTER_CONFIG_MISSING "cluster.config-missing" Refused
        "the cluster has no kubelet-config or kubeadm-config that a joining node may read; kubeadm's defaults apply (a warning)"
        "nothing, if the cluster was not made by kubeadm; else run `kubeadm init phase upload-config all` on the control plane"
    CLUSTER_CONFIG_UNUSABLE "cluster.config-unusable" Refused
        "a ConfigMap of the cluster cannot be read; kubeadm's defaults apply (a warning)"
        "look at `kubectl -n kube-system get configmap kubeadm-config -o yaml` on the control plane"
    CLOCK_REPLACED "clock.replaced" Transient
        "this machine's clock is earlier than this program, so the verified server's time is used (a warning)"
        "nothing for the join; the kubelet will need a right clock: give the machine a time source, or use --set-clock"
    NODE_NAME_IN_USE "node.name-in-use" Refused
        "a Ready Node of this name is in the cluster and is another machine"
        "join with another --node-name, or delete the Node on the control plane first"
    NODE_OWNER_UNKNOWN "node.owner-unknown" Transient
        "a Ready Node of this name is in the cluster, and nothing says whether it is this machine's"
        "run again once the Node is NotReady, within a minute of its kubelet having stopped; if it stays Ready, it is another machine's, and this one needs another --node-name"
    NODE_CERTIFICATE_EXPIRED "node.certificate-expired" Machine
        "the kubelet's certificate has expired, so that this node cannot speak to its cluster any more"
        "join again with a new token from `kubeadm token create --print-join-command` on the control plane, or give `kubejoin ensure` one"
    NODE_FILES_UNUSABLE "node.files-unusable" Machine
        "a file that makes this machine a node is missing, damaged, or in the hands of others"
        "join again with a token, as `kubejoin ensure` does by itself: it replaces what cannot be used"
    NODE_NOT_READY "node.not-ready" Transient
        "the Node is not registered, or not Ready (yet)"
        "do what the message says; where it names the network plugin, install a CNI plugin in the cluster, or look at its pod with `kubectl get pods -A -o wide`"
    NODE_KUBE_PROXY "node.kube-proxy-not-ready" Transient
        "kube-proxy does not run on this node, so that its pods reach no Service"
        "look at `kubectl -n kube-system logs` of the named pod, and at `kubectl -n kube-system describe pod`, on the control plane"
    KUBELET_FLAGS_REFUSED "kubelet.flags-refused" Machine
        "the kubelet does not start with a flag or a label that it is given"
        "correct the kubelet's flags at the named place on this machine, and run again"
    KUBELET_UNHEALTHY "kubelet.unhealthy" Machine
        "the kubelet was started and does not become healthy"
        "run `journalctl -xeu kubelet` on this machine, or read /var/log/kubelet/kubelet.log where OpenRC starts it, and correct what it reports"
    KUBELET_NOT_REGISTERED "kubelet.not-registered" Transient
        "the kubelet is healthy but its Node has not appeared (a warning)"
        "run `journalctl -xeu kubelet` on this machine, and `kubectl get nodes` on the control plane"
    // the kubelet's configuration
    KUBELET_CONFIG_INVALID "kubelet.config-invalid" Refused
        "the KubeletConfiguration or ClusterConfiguration that the cluster holds for its nodes cannot be used"
        "correct the named line with `kubectl -n kube-system edit configmap kubelet-config` where you have an admin kubeconfig, and run again"
    KUBELET_CONFIG_VERSION "kubelet.config-version" Refused
        "the cluster's KubeletConfiguration has a version of the API that kubejoin does not know"
        "use a kubejoin of the cluster's minor version on this machine, or convert the ConfigMap kubelet-config to v1beta1"
    // the kubelet's own TLS bootstrap
    KUBELET_NOT_BOOTSTRAPPED "kubelet.not-bootstrapped" Transient
        "the kubelet requests its certificate itself and did not get one in time; its token has been removed"
        "run `kubectl get csr` on the control plane and approve the request, or `journalctl -xeu kubelet` on this machine; then run again"
    // a control plane
    CONTROL_PLANE_NEEDS_RUNNING_SYSTEM "control-plane.needs-running-system" Usage
        "a control plane joins on the system that runs, and --rootfs names another one"
        "join it once that system has booted, as with `kubejoin ensure`; its files alone can be made before: `kubejoin join phase control-plane-prepare ... --rootfs`"
    CONTROL_PLANE_OTHER_ROLE "control-plane.other-role" Usage
        "this machine has joined already, as a worker where a control plane is asked for, or the other way round"
        "reset this machine, delete its Node, and join again; or leave it what it is"
    CONTROL_PLANE_PHASE_MISSING "control-plane.phase-missing" Usage
        "a phase that was left out has not been gone through before"
        "run the named phase first, with `kubejoin join phase`, or do not skip it"
    CONTROL_PLANE_NO_CLUSTER_CONFIGURATION "control-plane.no-cluster-configuration" Refused
        "the cluster has no kubeadm-config that a control plane could be made of"
        "look at `kubectl -n kube-system get configmap kubeadm-config -o yaml` on the control plane: only clusters that kubeadm has made can be joined as a control plane"
    CONTROL_PLANE_NO_STABLE_ENDPOINT "control-plane.no-stable-endpoint" Refused
        "the cluster has no address that stays when its first control plane goes"
        "add controlPlaneEndpoint, a name or address in front of all control planes, with `kubectl -n kube-system edit configmap kubeadm-config`, and renew the API server's certificate for it"
    CERTS_SECRET_MISSING "certs.secret-missing" Refused
        "the Secret with the certificates that control planes share is not there (any more)"
        "run `kubeadm init phase upload-certs --upload-certs` on a control plane, and join with the key that it prints"
    ETCD_NO_PODS "etcd.no-pods" Transient
        "no static pod says where the cluster's etcd is"
        "look at `kubectl -n kube-system get pods -l component=etcd -o yaml` on the control plane: where etcd runs, its kubelet mirrors the pod"
    CONTROL_PLANE_KUBELET_QUEUED "control-plane.kubelet-queued" Transient
        "the kubelet starts when the unit that this runs in has ended, and the join of a control plane needs it before"
        "run this again, as a unit with Restart=on-failure does; or order the unit behind the kubelet"
    CONTROL_PLANE_NOT_READY "control-plane.not-ready" Transient
        "a component of this control plane does not become ready"
        "look at its log on this machine with `crictl logs`, or below /var/log/pods; then run this again"
    // etcd
    ETCD_UNREACHABLE "etcd.unreachable" Transient
        "no member of etcd can be connected to, or none answers"
        "check on the control planes that etcd runs (`crictl ps --name etcd`), and that port 2379 is open to this machine"
    ETCD_BUSY "etcd.busy" Transient
        "etcd answers, and cannot do it now: it has no leader, a member is starting, or a time-out has passed"
        "run again; look at etcd's log on a control plane if it stays so"
    ETCD_NO_QUORUM "etcd.no-quorum" Refused
        "so many members of etcd are away that the cluster can decide nothing"
        "start etcd on the named machines, or restore the cluster from a snapshot, before a control plane is added"
    ETCD_MEMBER_UNHEALTHY "etcd.member-unhealthy" Refused
        "a member of etcd is away or has an alarm, and etcd adds no member meanwhile"
        "start etcd on the named machine; if that is gone for good, run `etcdctl member remove` with the number in the parentheses on a control plane; then run again"
    ETCD_UNTRUSTED "etcd.certificate-untrusted" Unsafe
        "the certificate of a member of etcd does not come from the cluster's etcd CA"
        "compare /etc/kubernetes/pki/etcd/ca.crt on this machine with that of the control plane; upload it again with `kubeadm init phase upload-certs --upload-certs` there"
    ETCD_CLIENT_CERTIFICATE "etcd.client-certificate-refused" Unsafe
        "etcd does not accept the client certificate of this machine"
        "compare /etc/kubernetes/pki/etcd/ca.crt and ca.key on this machine with those of the control plane, and the clocks of both"
    ETCD_REJECTED "etcd.rejected" Refused
        "etcd will not do what it was asked"
        "look at etcd's log on the named control plane"
    ETCD_UNEXPECTED "etcd.unexpected-answer" Refused
        "what answers where etcd should be is something else, or says what no etcd says"
        "find out what listens at the named address, and look at `etcdctl member list` on a control plane"
    ETCD_ANOTHER_MACHINE "etcd.member-of-another-machine" Refused
        "a member of etcd has this machine's name or address, and is another machine"
        "join with another --node-name and address; if that machine is gone for good, run `kubectl delete node` with its name on a control plane, then run this again"
    ETCD_OWNER_UNKNOWN "etcd.member-owner-unknown" Refused
        "a member of etcd has this machine's name or address, and nothing says whether it is this machine's"
        "if its machine is gone for good, or is this one, run `kubectl delete node` with its name on a control plane, then run this again"
    ETCD_MEMBER_MOVED "etcd.member-moved" Refused
        "this machine is a member of etcd already, at another address"
        "join with the address that it has there (--apiserver-advertise-address), or run `kubejoin reset` on this machine first"
    ETCD_OTHER_CLUSTER "etcd.another-cluster" Refused
        "etcd's data on this machine is of another cluster"
        "run `kubejoin reset` on this machine if that cluster does not need the data any more, then run again"
    ETCD_DATA_DIRECTORY "etcd.data-directory-not-empty" Machine
        "etcd's data directory has something in it that etcd cannot go on with"
        "move the content of etcd's data directory on this machine away, or run `kubejoin reset` there, then run again"
    ETCD_LEARNER_IN_THE_WAY "etcd.learner-in-the-way" Transient
        "etcd takes one learner at a time, and another machine is joining"
        "run again once that machine has joined; if it never will, run `etcdctl member remove` with the number in the parentheses on a control plane"
    ETCD_LEARNER_STALLED "etcd.learner-stalled" Transient
        "this machine's etcd does not get the cluster's data, or is not made a voter"
        "look at etcd's log on this machine (/var/log/pods/kube-system_etcd-*), and whether port 2380 is open between it and the other control planes, then run again"
    ETCD_MEMBER_REMOVED "etcd.member-removed" Transient
        "somebody has removed this machine's member of etcd while it joined"
        "run `kubejoin reset` on this machine, then run this again"
    CONTROL_PLANE_RELEASE_UNSUPPORTED "control-plane.release-unsupported" Usage
        "the control plane has a release of Kubernetes whose static Pods kubejoin does not know"
        "join with a kubeadm of the cluster's release on this machine, or upgrade the cluster first"
    CONTROL_PLANE_ROOTLESS "control-plane.rootless-unsupported" Usage
        "the components of the cluster's control plane run as users of their own, which kubejoin does not create"
        "join with kubeadm on this machine, or turn the feature gate RootlessControlPlane off in the ConfigMap kubeadm-config"
    // a reset
    RESET_NOT_CONFIRMED "reset.not-confirmed" Usage
        "nobody has said that the reset is meant"
        "pass --force, or answer with y at a terminal"
    RESET_ETCD_QUORUM "reset.etcd-quorum" Refused
        "without this machine's member, etcd would have no quorum, or it has none now: nothing was changed"
        "bring back the other members of etcd, or remove those that are lost with `etcdctl member remove`, and run again; with --skip-phases=remove-etcd-member the member and its data stay as they are"
    RESET_ETCD_UNKNOWN "reset.etcd-unknown" Transient
        "etcd's data is on this machine, and its cluster cannot be asked whether it needs it: nothing was changed"
        "start etcd on this machine and run again, or pass --force, which lets the data go"
    RESET_ETCD_OFFLINE "reset.etcd-offline" Refused
        "etcd's data is in a root that is not running, so that its cluster cannot be asked: nothing was changed"
        "boot this root and run `kubejoin reset` there, or let the data go with --force, in an initramfs with kubejoin.reset=force"
    RESET_PARTIAL "reset.partial" PartialReset
        "this machine is no node any more, but something that should have been removed is still there"
        "look at what is listed on this machine, and run again"
    // the certificates of a control plane
    CERTS_WRONG_KEY "certs.wrong-key" Usage
        "the certificate key is not the one that the Secret kubeadm-certs was encrypted with"
        "run `kubeadm init phase upload-certs --upload-certs` on the control plane, and pass the key that it prints as --certificate-key"
    CERTS_SECRET "certs.secret-incomplete" Refused
        "the Secret kubeadm-certs lacks a key or certificate, or holds something else in its place"
        "run `kubeadm init phase upload-certs --upload-certs` on a control plane that has all files in /etc/kubernetes/pki, and pass the key that it prints as --certificate-key"
    CERTS_MISSING "certs.missing" Usage
        "keys and certificates that all control planes share are not on this machine, and no certificate key was given"
        "pass --certificate-key with what `kubeadm init phase upload-certs --upload-certs` prints on the control plane, or copy the named files from there"
    CERTS_EXTERNAL_CA "certs.external-ca" Usage
        "a CA has no key on this machine, and what it would have to issue is not there either"
        "put the named files onto this machine, issued by that CA, or the CA's key"
    CERTS_CA "certs.ca-unusable" Usage
        "a CA certificate or its key cannot be used to issue certificates"
        "copy certificate and key of that CA from a control plane to this machine again"
    CERTS_OTHER_CLUSTER "certs.other-cluster" Unsafe
        "the CA that would issue this node's certificates is not that of the verified cluster"
        "remove what another cluster has left in the named directory of this machine, for instance with `kubejoin reset`"
    CERTS_EXISTING "certs.existing-unusable" Usage
        "a certificate or kubeconfig that is on this machine already cannot stay"
        "remove the named file and its key from this machine, so that they are issued again"
    CERTS_NOT_ISSUED "certs.not-issued" Machine
        "a key or a certificate could not be made"
        "check that this machine's kernel has random numbers and that certificateValidityPeriod in kubeadm-config is reasonable"
    // ourselves
    BUG "bug.panic" Bug
        "a defect of kubejoin itself"
        "report the named place together with what `kubejoin version` prints; running it again is safe"

    // the state of a node, as `status` finds it
    NODE_NOT_JOINED "node.not-joined" Transient
        "this machine, or the target root, has not joined a cluster (yet)"
        "run `kubejoin join` or `kubejoin ensure` on this machine; where that runs already, `kubejoin status --wait` waits for it"
    NODE_NOT_ITS_TURN "node.not-its-turn" Transient
        "the machine waits for its share of the window over which --spread spreads a fleet"
        "wait, or run it without --spread, to join at once"
    NODE_JOIN_UNFINISHED "node.join-unfinished" Transient
        "a join was begun here and has not ended"
        "run the same `kubejoin join`, or `kubejoin ensure`, on this machine: it goes on where it was interrupted"

    // what the user gives for the kubelet: patches, a configuration of its own
    PATCHES_UNREADABLE "patches.unreadable" Usage
        "the directory of patches, or a file in it, cannot be read"
        "check the path given with --patches on this machine: a directory, and not a link to one"
    PATCHES_INVALID "patches.invalid" Usage
        "a file in the directory of patches has a name or content that kubeadm does not accept either"
        "correct the named file: target[suffix][+strategic|+merge|+json].yaml, with YAML or JSON in it"
    PATCHES_DO_NOT_FIT "patches.do-not-fit" Usage
        "a patch cannot be applied to the KubeletConfiguration or the static Pod that it is for, or leaves something in it that nobody can read"
        "correct the named patch; `kubectl -n kube-system get configmap kubelet-config -o yaml` on the control plane shows what it is applied to"
    KUBELET_CONFIG_FILE "config.kubelet-config" Usage
        "the KubeletConfiguration given with --kubelet-config cannot be read or used"
        "correct the named file, a KubeletConfiguration of kubelet.config.k8s.io/v1beta1"
    NODE_NOT_ANNOTATED "node.not-annotated" Machine
        "the Node lacks the annotation with the CRI socket that kubeadm before 1.34 looks for when it upgrades (a warning)"
        "run `kubectl annotate node NAME kubeadm.alpha.kubernetes.io/cri-socket=SOCKET` on the control plane"
}

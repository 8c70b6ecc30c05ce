//! How a server may misbehave: plain data, changeable while it runs. What is done about it is in `misbehave.rs`,
//! `tls.rs`, `objects.rs` and `controllers.rs`.

use std::time::Duration;

use crate::pki::Identity;

/// How a server misbehaves. `Faults::default()` behaves.
#[derive(Clone, Default)]
pub struct Faults {
    /// The first so many connections (counted since the faults were set) are closed before TLS.
    pub close_connections: u32,
    /// What TLS presents.
    pub presents: Presents,
    /// From a later connection on something else is presented: (connections that still get `presents`, then this).
    pub presents_later: Option<(u32, Presents)>,
    /// What is wrong with cluster-info.
    pub cluster_info: ClusterInfo,
    /// Replies that are not what they should be: the first rule that matches a request applies.
    pub replies: Vec<Rule>,
    /// Seconds to add to the `Date` header.
    pub date_offset: i64,
    /// Another `Date` header altogether; empty: none.
    pub date_text: Option<String>,
    /// What is wrong with watch streams.
    pub watch: Watch,
    /// What is wrong with issued certificates.
    pub certificate: Certificate,
}

impl Faults {
    /// Only this about TLS.
    pub fn presenting(presents: Presents) -> Self {
        Faults { presents, ..Self::default() }
    }

    /// Only this about cluster-info.
    pub fn cluster_info(cluster_info: ClusterInfo) -> Self {
        Faults { cluster_info, ..Self::default() }
    }

    /// Only this about replies.
    pub fn replying(rule: Rule) -> Self {
        Faults { replies: vec![rule], ..Self::default() }
    }

    /// Only this about watch streams.
    pub fn watch(watch: Watch) -> Self {
        Faults { watch, ..Self::default() }
    }

    /// Only this about issued certificates.
    pub fn certificate(certificate: Certificate) -> Self {
        Faults { certificate, ..Self::default() }
    }
}

/// What TLS presents. Unless said otherwise the names are right, and the key is the leaf's own.
#[derive(Clone, Default)]
pub enum Presents {
    /// The right leaf, with its own key.
    #[default]
    Own,
    /// The right leaf, with a key that is not its own: the handshake's signature is wrong. Anybody can copy a leaf.
    WrongKey,
    /// A leaf that another CA of the same name has issued.
    ForeignCa,
    /// The same, with the cluster's own CA sent along as if it belonged to the chain.
    ForeignCaWithOwnAppended,
    /// A leaf of the right CA for `elsewhere.invalid`.
    WrongName,
    /// A leaf of the right CA that expired a year ago.
    Expired,
    /// A leaf of the right CA that becomes valid in a year.
    NotYetValid,
    /// A client certificate of the right CA with the right names: every node of the cluster holds such a key.
    ClientCertificate,
    /// No TLS at all: an HTTP server answers.
    PlainHttp,
    /// The connection is accepted, and nothing is ever said.
    Silence,
    /// Anything else.
    Other(Identity),
}

/// What is wrong with `kube-public/cluster-info`.
#[derive(Clone, Debug, Default)]
pub struct ClusterInfo {
    /// The signatures.
    pub jws: Jws,
    /// `certificate-authority-data`
    pub authority: Authority,
    /// Two clusters in the kubeconfig, the second (named `other`) of a foreign CA.
    pub two_clusters: bool,
    /// Another `server`, a whole URL.
    pub server: Option<String>,
    /// The kubeconfig as a whole (correctly signed, as one can who knows the token). `Some("")`: the key is empty.
    pub kubeconfig: Option<String>,
}

impl ClusterInfo {
    /// Only this about the signatures.
    pub fn jws(jws: Jws) -> Self {
        ClusterInfo { jws, ..Self::default() }
    }

    /// Only this about the CA certificates.
    pub fn authority(authority: Authority) -> Self {
        ClusterInfo { authority, ..Self::default() }
    }

    /// Only another server.
    pub fn server(url: &str) -> Self {
        ClusterInfo { server: Some(url.into()), ..Self::default() }
    }
}

/// What stands under the `jws-kubeconfig-<id>` keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Jws {
    /// A signature for every token that may sign.
    #[default]
    Right,
    /// Signed with the right secret, but the header names another token.
    OtherTokenId,
    /// Signed with another secret.
    OtherSecret,
    /// `{"alg":"none"}`, and an empty signature.
    AlgNone,
    /// A good signature of other bytes.
    OtherBytes,
    /// There is none until cluster-info was asked for this many times; then it is right.
    MissingFor(u32),
    /// There is never one.
    Missing,
    /// This text for every token.
    Text(String),
}

/// Which CA certificates cluster-info carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Authority {
    /// The cluster's own.
    #[default]
    Own,
    /// The one that signed [`Presents::ForeignCa`].
    Foreign,
    /// Own, then foreign.
    OwnAndForeign,
    /// Foreign, then own.
    ForeignAndOwn,
    /// No `certificate-authority-data`.
    None,
    /// Base64 of something that is no PEM.
    Garbage,
    /// These certificates.
    Pem(String),
}

/// Which requests get a wrong reply, and which.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Only this method; `None`: any.
    pub method: Option<&'static str>,
    /// Only paths that contain this; empty: any.
    pub path: String,
    /// Only requests that come with (or, `Some(false)`, without) an `Authorization` header.
    pub authorized: Option<bool>,
    /// Not the first so many of them.
    pub after: u32,
    /// Only so many of them; `None`: for ever.
    pub times: Option<u32>,
    /// What they get.
    pub reply: Reply,
}

impl Rule {
    /// Every request whose path contains this gets that reply.
    pub fn on(path: &str, reply: Reply) -> Self {
        Rule { method: None, path: path.into(), authorized: None, after: 0, times: None, reply }
    }

    /// Every request.
    pub fn always(reply: Reply) -> Self {
        Self::on("", reply)
    }

    /// Only the first so many.
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Not the first so many.
    pub fn after(mut self, after: u32) -> Self {
        self.after = after;
        self
    }

    /// Only this method.
    pub fn method(mut self, method: &'static str) -> Self {
        self.method = Some(method);
        self
    }
}

/// A reply that is not what it should be.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A `Status` object with this HTTP status, reason and message (control characters and all).
    Status {
        /// HTTP status and `code`
        code: u16,
        /// `reason`
        reason: String,
        /// `message`
        message: String,
    },
    /// `200 OK`, and a `Status` object that says Failure.
    StatusWith200,
    /// A redirect.
    Redirect {
        /// 301, 302, 307, 308
        code: u16,
        /// `Location`
        location: String,
    },
    /// Come back later, says the server: 429 or 503 with this `Retry-After`, however absurd.
    RetryAfter {
        /// HTTP status
        code: u16,
        /// The header's value: seconds, a date, nonsense.
        value: String,
    },
    /// An error that quotes the request's `Authorization` header, in body and header.
    EchoAuthorization {
        /// HTTP status
        code: u16,
    },
    /// The right reply, its body so many bytes at a time with a pause after each.
    SlowBody {
        /// Bytes in one go.
        bytes: usize,
        /// After each.
        pause: Duration,
    },
    /// The right head, and a JSON body that never ends, in chunks.
    EndlessBody,
    /// The right head, and a JSON body of this many bytes with a `Content-Length`.
    BigBody(usize),
    /// Headers without end.
    EndlessHeaders,
    /// One header of this many bytes, then the right reply.
    BigHeader(usize),
    /// The right reply in chunks, cut off in the middle of one.
    TruncatedChunk,
    /// The right reply, cut off before its `Content-Length`.
    TruncatedLength,
    /// The connection is closed instead.
    Close,
    /// The right reply, and then the connection is closed although nothing had announced it.
    ThenClose,
    /// Nothing is ever said.
    Silence,
    /// These bytes, whatever they are; then the connection is closed.
    Raw(Vec<u8>),
    /// This status, these headers, this body, correctly framed.
    Exactly {
        /// HTTP status
        code: u16,
        /// Beside `Date` and the length.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The right reply, but only after this time.
    Late(Duration),
}

impl Reply {
    /// `500 Internal Server Error` as the server words it.
    pub fn internal_error() -> Self {
        Reply::Status {
            code: 500,
            reason: "InternalError".into(),
            message: "Internal error occurred: etcdserver: request timed out".into(),
        }
    }
}

/// What is wrong with watch streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// Nothing.
    #[default]
    Good,
    /// 403, although reading is allowed.
    Forbidden,
    /// The stream ends (properly) after so many events.
    EndsAfter(usize),
    /// The connection breaks in the middle of a chunk after so many events.
    BreaksAfter(usize),
    /// After so many events comes a line that is no JSON.
    GarbageAfter(usize),
    /// After so many events comes a line that never ends.
    EndlessLineAfter(usize),
    /// After so many events comes an ERROR event: 410, the resource version is too old.
    ExpiredAfter(usize),
    /// The head comes, and then never an event.
    Mute,
    /// The object as it is, again and again without a pause, and without the end that was asked for.
    Flood,
    /// Every object is another one of the same name: its UID differs.
    OtherUid,
}

/// What is wrong with issued certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing.
    #[default]
    Good,
    /// For another key than the request's.
    OtherKey,
    /// For `system:node:somebody-else`.
    OtherName,
    /// For the right user in `system:masters` instead of `system:nodes`.
    OtherGroup,
    /// Issued by another CA of the same name.
    OtherCa,
    /// It ran out a year ago.
    Expired,
    /// It begins in a year.
    NotYetValid,
    /// For servers, not for clients.
    ServerUsage,
    /// PEM whose content is no certificate.
    Garbage,
    /// A private key block after the certificate.
    WithPrivateKey,
    /// So many certificates of the authority after the certificate.
    WithAuthorities(usize),
}

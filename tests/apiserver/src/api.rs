//! The resources: what each request that may be made is answered. Authentication has happened; authorisation happens here.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::access::{self, Act, User};
use crate::faults::Watch;
use crate::http::{Request, Response};
use crate::options::ConfigMap;
use crate::server::Shared;
use crate::status::{self, Kind};
use crate::store::{Key, Selector};
use crate::writes;

/// What a request leads to.
pub(crate) enum Answer {
    Response(Response),
    Watch(WatchRequest),
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Answer::Response(response)
    }
}

/// A watch that was granted.
pub(crate) struct WatchRequest {
    pub selector: Selector,
    /// Start here; `None`: with the objects there are.
    pub after: Option<u64>,
    pub until: Instant,
    pub bookmarks: bool,
}

/// A path under `/api/v1` or `/apis/GROUP/v1`, taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    group: String,
    version: String,
    namespace: String,
    resource: String,
    name: String,
    subresource: String,
}

impl Target {
    fn parse(path: &str) -> Option<Self> {
        let mut parts = path.strip_prefix('/')?.split('/').map(str::to_owned);
        let group = match parts.next()?.as_str() {
            "api" => String::new(),
            "apis" => parts.next()?,
            _ => return None,
        };
        let version = parts.next()?;
        let mut rest: Vec<String> = parts.collect();
        let mut namespace = String::new();
        if rest.len() > 2 && rest[0] == "namespaces" {
            namespace = rest.remove(1);
            rest.remove(0);
        }
        let mut rest = rest.into_iter();
        let resource = rest.next().filter(|r| !r.is_empty())?;
        let (name, subresource) = (rest.next().unwrap_or_default(), rest.next().unwrap_or_default());
        rest.next().is_none().then_some(Target { group, version, namespace, resource, name, subresource })
    }

    fn kind(&self) -> Option<Kind> {
        let here = |kind: &&Kind| {
            kind.group == self.group && kind.resource == self.resource && kind.namespaced != self.namespace.is_empty()
        };
        Kind::ALL.iter().find(here).copied().filter(|_| self.version == "v1")
    }
}

/// Answers a request of somebody who has been authenticated.
pub(crate) fn answer(shared: &Shared, user: &User, request: &Request) -> Answer {
    match Target::parse(&request.path) {
        Some(target) => resource(shared, user, request, &target),
        None => path(user, request).into(),
    }
}

fn path(user: &User, request: &Request) -> Response {
    let verb = request.method.to_ascii_lowercase();
    if let Err(why) = access::authorize_path(user, &verb, &request.path) {
        return status::forbidden_path(&why);
    }
    match request.path.as_str() {
        "/version" | "/version/" if verb == "get" => Response::indented_json(200, &version()),
        "/healthz" | "/livez" | "/readyz" if verb == "get" => Response::text(200, "ok"),
        "/version" | "/healthz" | "/livez" | "/readyz" => status::method_not_allowed(),
        "/api" => {
            Response::json(200, json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] }))
        }
        "/apis" => {
            let version = json!({ "groupVersion": "certificates.k8s.io/v1", "version": "v1" });
            let group = json!({ "name": "certificates.k8s.io", "versions": [version], "preferredVersion": version });
            Response::json(200, json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": [group] }))
        }
        "/api/v1" => resource_list(""),
        "/apis/certificates.k8s.io/v1" => resource_list("certificates.k8s.io"),
        _ => Response::text(404, "404 page not found\n"),
    }
}

/// What kubectl has to know before `kubectl get csr` works. (Its `certificate approve` speaks protobuf, which is not here.)
fn resource_list(group: &str) -> Response {
    let of_group = |kind: &&Kind| kind.group == group;
    let verbs = ["create", "delete", "get", "list", "patch", "update", "watch"];
    let mut resources: Vec<Value> = Vec::new();
    for kind in Kind::ALL.iter().filter(of_group) {
        let singular = kind.kind.to_ascii_lowercase();
        resources.push(json!({
            "name": kind.resource, "singularName": singular, "namespaced": kind.namespaced, "kind": kind.kind,
            "verbs": verbs, "shortNames": if *kind == Kind::CSR { json!(["csr"]) } else { json!([]) },
        }));
        if *kind == Kind::CSR {
            resources.push(json!({
                "name": "certificatesigningrequests/approval", "singularName": "", "namespaced": false,
                "kind": kind.kind, "verbs": ["get", "update"],
            }));
        }
    }
    let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    Response::json(
        200,
        json!({ "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources }),
    )
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "37", "emulationMajor": "1", "emulationMinor": "37", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "36", "gitVersion": "v1.37.2", "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.26.8", "compiler": "gc",
        "platform": "linux/amd64",
    })
}

fn resource(shared: &Shared, user: &User, request: &Request, target: &Target) -> Answer {
    let wants_watch = matches!(request.query("watch").as_deref(), Some("" | "1" | "true"));
    let field_selector = request.query("fieldSelector").unwrap_or_default();
    let selected = field_selector.strip_prefix("metadata.name=").map(|name| name.trim_start_matches('=').to_owned());
    let verb = match (request.method.as_str(), target.name.is_empty()) {
        ("GET", false) => "get",
        ("GET", true) if wants_watch => "watch",
        ("GET", true) => "list",
        ("POST", _) => "create",
        ("PUT", _) => "update",
        ("PATCH", _) => "patch",
        ("DELETE", false) => "delete",
        ("DELETE", true) => "deletecollection",
        _ => return status::method_not_allowed().into(),
    };
    if (verb, target.group.as_str(), target.resource.as_str()) == ("create", "authorization.k8s.io", REVIEWS) {
        return access_review(user, request).into();
    }
    // A list of one name is, to the authoriser, about that name.
    let name = selected.clone().filter(|_| ["list", "watch"].contains(&verb)).unwrap_or_else(|| target.name.clone());
    let act = Act {
        verb,
        group: &target.group,
        resource: &target.resource,
        subresource: &target.subresource,
        namespace: &target.namespace,
        name: &name,
    };
    if let Err(why) = authorize(shared, user, &act) {
        return status::forbidden(&target.resource, &target.group, &name, &why).into();
    }
    if !["", "certificates.k8s.io"].contains(&target.group.as_str()) {
        return Response::text(404, "404 page not found\n").into();
    }
    let Some(kind) = target.kind() else { return status::no_such_resource().into() };
    if !accepts_json(request) {
        return status::not_acceptable().into();
    }
    if !field_selector.is_empty() && selected.is_none() && ["list", "watch"].contains(&verb) {
        let label = field_selector.split(['=', '!']).next().unwrap_or_default();
        return status::bad_request(format!("field label not supported: {label}")).into();
    }
    let selector = Selector { kind, namespace: target.namespace.clone(), name: selected };
    let key = Key::new(kind, &target.namespace, &target.name);
    match (verb, target.subresource.as_str()) {
        ("get", "" | "status" | "approval") => get(shared, &key).into(),
        ("list", "") => list(shared, &selector).into(),
        ("watch", "") if shared.faults(|s| s.faults.watch) == Watch::Forbidden => {
            status::forbidden(&target.resource, &target.group, &name, &access::refusal(user, &act)).into()
        }
        ("watch", "") => watch(request, selector),
        ("create", "") if target.name.is_empty() => {
            writes::with_body(request, kind, |body| writes::create(shared, user, kind, &target.namespace, body)).into()
        }
        ("update", "approval") if kind == Kind::CSR => {
            writes::with_body(request, kind, |body| writes::approval(shared, &key, body)).into()
        }
        ("patch", "" | "status") => writes::patch(shared, user, &key, request).into(),
        ("delete", "") => match shared.store.delete(&key) {
            Some(object) => status::deleted(kind, &key.name, &object["metadata"]["uid"]).into(),
            None => status::not_found(kind, &key.name).into(),
        },
        _ => status::method_not_allowed().into(),
    }
}

/// Asked by every user who is known (`system:basic-user`), about themselves.
const REVIEWS: &str = "selfsubjectaccessreviews";

/// What somebody may do. Source: `pkg/registry/authorization/selfsubjectaccessreview/rest.go`.
fn access_review(user: &User, request: &Request) -> Response {
    let act = |verb, resource| Act {
        verb,
        group: "authorization.k8s.io",
        resource,
        subresource: "",
        namespace: "",
        name: "",
    };
    if *user == User::anonymous() {
        let why = access::refusal(user, &act("create", REVIEWS));
        return status::forbidden(REVIEWS, "authorization.k8s.io", "", &why);
    }
    let Ok(mut review) = serde_json::from_slice::<Value>(&request.body) else {
        return status::bad_request("the object provided is unrecognized".to_owned());
    };
    let text = |name: &str| review["spec"]["resourceAttributes"][name].as_str().unwrap_or_default().to_owned();
    let [verb, group, resource] = ["verb", "group", "resource"].map(text);
    let [subresource, namespace, name] = ["subresource", "namespace", "name"].map(text);
    let asked = Act {
        verb: &verb,
        group: &group,
        resource: &resource,
        subresource: &subresource,
        namespace: &namespace,
        name: &name,
    };
    let allowed = access::authorize(user, &asked).is_ok();
    review["metadata"] = json!({ "creationTimestamp": null });
    review["status"] = json!({ "allowed": allowed });
    Response::json(201, review)
}

/// RBAC, and what the options say about who may read which ConfigMap of `kube-system`.
fn authorize(shared: &Shared, user: &User, act: &Act<'_>) -> Result<(), String> {
    let decision = access::authorize(user, act);
    if act.verb != "get" || act.resource != "configmaps" {
        return decision;
    }
    match shared.config_map(act.namespace, act.name) {
        Some(ConfigMap::Forbidden) if !access::is_admin(user) => decision.and(Err(access::refusal(user, act))),
        Some(_) if user.groups.iter().any(|g| g == access::BOOTSTRAP_GROUP) => Ok(()),
        _ => decision,
    }
}

fn accepts_json(request: &Request) -> bool {
    let accept = request.header("accept").unwrap_or("*/*");
    accept
        .split(',')
        .map(|item| item.split(';').next().unwrap_or_default().trim())
        .any(|media| ["", "*/*", "application/json"].contains(&media))
}

fn get(shared: &Shared, key: &Key) -> Response {
    let Some(mut object) = shared.store.get(key) else { return status::not_found(key.kind, &key.name) };
    if key.kind == Kind::CONFIG_MAP && key.namespace == "kube-public" && key.name == "cluster-info" {
        object["data"] = json!(shared.cluster_info());
    }
    Response::json(200, object)
}

fn list(shared: &Shared, selector: &Selector) -> Response {
    let (revision, mut items) = shared.store.list(selector);
    for item in items.iter_mut().filter_map(Value::as_object_mut) {
        // Objects in a list don't repeat the list's kind.
        item.shift_remove("kind");
        item.shift_remove("apiVersion");
    }
    let list = json!({
        "kind": format!("{}List", selector.kind.kind),
        "apiVersion": selector.kind.api_version(),
        "metadata": { "resourceVersion": revision.to_string() },
        "items": items,
    });
    Response::json(200, list)
}

fn watch(request: &Request, selector: Selector) -> Answer {
    let after = match request.query("resourceVersion").unwrap_or_default().as_str() {
        "" | "0" => None,
        version => match version.parse() {
            Ok(revision) => Some(revision),
            Err(_) => return status::bad_request(format!("Invalid value: {version:?}: strconv.ParseUint")).into(),
        },
    };
    // Without a time-out the real server chooses one between 30 and 60 minutes.
    let seconds = request.query("timeoutSeconds").and_then(|s| s.parse().ok()).unwrap_or(1800);
    let bookmarks = request.query("allowWatchBookmarks").is_some_and(|v| v == "true" || v == "1");
    Answer::Watch(WatchRequest { selector, after, until: Instant::now() + Duration::from_secs(seconds), bookmarks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_as_the_server_does() {
        let parts =
            |path| Target::parse(path).map(|t| [t.group, t.namespace, t.resource, t.name, t.subresource].join("|"));
        for (path, expected) in [
            ("/api/v1/nodes", Some("||nodes||")),
            ("/api/v1/nodes/n1/status", Some("||nodes|n1|status")),
            ("/api/v1/namespaces/kube-public", Some("||namespaces|kube-public|")),
            ("/api/v1/namespaces/kube-public/configmaps/cluster-info", Some("|kube-public|configmaps|cluster-info|")),
            (
                "/apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval",
                Some("certificates.k8s.io||certificatesigningrequests|x|approval"),
            ),
            ("/api/v1", None),
            ("/version", None),
            ("/", None),
        ] {
            assert_eq!(parts(path).as_deref(), expected, "{path}");
        }
    }
}

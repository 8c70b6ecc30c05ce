//! Certificate signing requests: what the server accepts, and what the controllers see in them.
//! Source: `pkg/apis/certificates/validation/validation.go`, `pkg/apis/certificates/helpers.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::{FromDer, ParsedExtension};

use crate::access::User;
use crate::status::Cause;

/// The signer of node client certificates.
pub(crate) const KUBELET_CLIENT: &str = "kubernetes.io/kube-apiserver-client-kubelet";

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];

/// A PKCS#10 request, read and its signature verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pkcs10 {
    pub common_name: String,
    pub organizations: Vec<String>,
    pub has_sans: bool,
    pub spki: Vec<u8>,
}

impl Pkcs10 {
    /// Reads `spec.request` of a stored object.
    pub fn of(object: &Value) -> Result<Self, String> {
        let pem = STANDARD.decode(object["spec"]["request"].as_str().unwrap_or_default()).map_err(|e| e.to_string())?;
        Self::parse(&pem)
    }

    fn parse(pem: &[u8]) -> Result<Self, String> {
        let not_pem = || "PEM block type must be CERTIFICATE REQUEST".to_owned();
        let (_, block) = x509_parser::pem::parse_x509_pem(pem).map_err(|_| not_pem())?;
        if block.label != "CERTIFICATE REQUEST" {
            return Err(not_pem());
        }
        let (rest, request) = X509CertificationRequest::from_der(&block.contents)
            .map_err(|_| "asn1: structure error: tags don't match".to_owned())?;
        if !rest.is_empty() {
            return Err("asn1: syntax error: trailing data".into());
        }
        request.verify_signature().map_err(|_| "x509: ECDSA verification failure".to_owned())?;
        let info = &request.certification_request_info;
        let texts = |values: Vec<&x509_parser::x509::AttributeTypeAndValue<'_>>| -> Vec<String> {
            values.iter().filter_map(|v| v.as_str().ok()).map(str::to_owned).collect()
        };
        let has_sans = request
            .requested_extensions()
            .is_some_and(|mut all| all.any(|e| matches!(e, ParsedExtension::SubjectAlternativeName(_))));
        Ok(Pkcs10 {
            common_name: texts(info.subject.iter_common_name().collect()).into_iter().next().unwrap_or_default(),
            organizations: texts(info.subject.iter_organization().collect()),
            has_sans,
            spki: info.subject_pki.raw.to_vec(),
        })
    }

    /// Whether this is a request for a node's client certificate: `ValidateKubeletClientCSR`.
    pub fn is_kubelet_client(&self, usages: &[&str]) -> bool {
        let mut usages = usages.to_vec();
        usages.sort_unstable();
        self.organizations == ["system:nodes"]
            && self.common_name.starts_with("system:node:")
            && !self.has_sans
            && (usages == ["client auth", "digital signature"]
                || usages == ["client auth", "digital signature", "key encipherment"])
    }
}

/// `spec.usages` of a stored object.
pub(crate) fn usages(object: &Value) -> Vec<&str> {
    object["spec"]["usages"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether a condition of this type is there.
pub(crate) fn has_condition(object: &Value, kind: &str) -> bool {
    object["status"]["conditions"].as_array().into_iter().flatten().any(|c| c["type"] == kind)
}

/// Go's base64 decoder skips line breaks; `Err` is the offset of the first other thing it does not understand.
pub(crate) fn base64_error(text: &str) -> Option<usize> {
    use base64::DecodeError::{InvalidByte, InvalidLastSymbol, InvalidLength, InvalidPadding};
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match STANDARD.decode(&text) {
        Ok(_) => None,
        Err(InvalidByte(at, _) | InvalidLastSymbol(at, _)) => Some(at),
        Err(InvalidLength(_) | InvalidPadding) => Some(text.len()),
    }
}

/// Everything that is wrong with a new request, in the server's order.
pub(crate) fn validate(name: &str, spec: &Value) -> Vec<Cause> {
    let cause = |reason, field: &str, message: String| Cause { reason, message, field: field.to_owned() };
    let required = |field| cause("FieldValueRequired", field, "Required value".into());
    let mut causes = Vec::new();
    if name.is_empty() {
        let message = "Required value: name or generateName is required".into();
        causes.push(cause("FieldValueRequired", "metadata.name", message));
    }
    if let Some(bad) = ['/', '%'].iter().find(|c| name.contains(**c)) {
        let message = format!("Invalid value: {name:?}: may not contain '{bad}'");
        causes.push(cause("FieldValueInvalid", "metadata.name", message));
    }
    let request = spec["request"].as_str().unwrap_or_default();
    if let Err(why) = Pkcs10::parse(&STANDARD.decode(request).unwrap_or_default()) {
        let message = format!("Invalid value: {}: {why}", spec["request"]);
        causes.push(cause("FieldValueInvalid", "spec.request", message));
    }
    let usages: Vec<&str> = spec["usages"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if usages.is_empty() {
        causes.push(required("spec.usages"));
    }
    for (i, usage) in usages.iter().enumerate().filter(|(_, usage)| !USAGES.contains(usage)) {
        let known: Vec<String> = USAGES.iter().map(|u| format!("{u:?}")).collect();
        let message = format!("Unsupported value: {usage:?}: supported values: {}", known.join(", "));
        causes.push(cause("FieldValueNotSupported", &format!("spec.usages[{i}]"), message));
    }
    for (i, usage) in usages.iter().enumerate().filter(|(i, usage)| usages[..*i].contains(usage)) {
        let message = format!("Duplicate value: {usage:?}");
        causes.push(cause("FieldValueDuplicate", &format!("spec.usages[{i}]"), message));
    }
    let signer = spec["signerName"].as_str().unwrap_or_default();
    if signer.is_empty() {
        causes.push(required("spec.signerName"));
    } else if !signer.split_once('/').is_some_and(|(domain, path)| domain.contains('.') && !path.is_empty()) {
        let message = format!(
            "Invalid value: {signer:?}: must be a fully qualified domain and path of the form 'example.com/signer-name'"
        );
        causes.push(cause("FieldValueInvalid", "spec.signerName", message));
    }
    if let Some(seconds) = spec["expirationSeconds"].as_i64().filter(|s| *s < 600) {
        let message =
            format!("Invalid value: {seconds}: may not specify a duration less than 600 seconds (10 minutes)");
        causes.push(cause("FieldValueInvalid", "spec.expirationSeconds", message));
    }
    causes
}

/// The object as it is stored: what the asker sent, and who the asker is.
pub(crate) fn object(posted: &Value, user: &User) -> Value {
    let mut spec = serde_json::Map::new();
    for field in ["request", "signerName", "expirationSeconds", "usages"] {
        if let Some(value) = posted["spec"].get(field) {
            spec.insert(field.into(), value.clone());
        }
    }
    spec.insert("username".into(), user.name.as_str().into());
    spec.insert("groups".into(), json!(user.groups));
    if let Some(id) = &user.credential_id {
        spec.insert("extra".into(), json!({ "authentication.kubernetes.io/credential-id": [id] }));
    }
    json!({
        "kind": "CertificateSigningRequest",
        "apiVersion": "certificates.k8s.io/v1",
        "metadata": posted["metadata"],
        "spec": spec,
        "status": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(subject: &[(rcgen::DnType, &str)], sans: &[&str]) -> String {
        let sans: Vec<String> = sans.iter().map(|s| (*s).to_owned()).collect();
        let mut params = rcgen::CertificateParams::new(sans).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in subject {
            params.distinguished_name.push(kind.clone(), *value);
        }
        let key = rcgen::KeyPair::generate().unwrap();
        STANDARD.encode(params.serialize_request(&key).unwrap().pem().unwrap())
    }

    #[test]
    fn only_a_nodes_request_is_a_nodes_request() {
        use rcgen::DnType::{CommonName, OrganizationName};
        let (cn, o) = ((CommonName, "system:node:n1"), (OrganizationName, "system:nodes"));
        let usages = ["digital signature", "client auth"];
        for (subject, sans, usages, is) in [
            (vec![o.clone(), cn.clone()], vec![], usages.as_slice(), true),
            (vec![o.clone(), cn.clone()], vec![], &["client auth", "digital signature", "key encipherment"], true),
            (vec![o.clone(), cn.clone()], vec![], &["client auth"], false),
            (vec![o.clone(), cn.clone()], vec!["n1"], &usages, false),
            (vec![cn.clone()], vec![], &usages, false),
            (vec![(OrganizationName, "system:masters"), cn], vec![], &usages, false),
            (vec![o, (CommonName, "admin")], vec![], &usages, false),
        ] {
            let object = json!({ "spec": { "request": request(&subject, &sans) } });
            assert_eq!(Pkcs10::of(&object).unwrap().is_kubelet_client(usages), is, "{subject:?} {sans:?} {usages:?}");
        }
    }

    #[test]
    fn a_request_whose_signature_is_wrong_is_refused() {
        let good = request(&[(rcgen::DnType::CommonName, "system:node:n1")], &[]);
        let der = rustls::pki_types::CertificateSigningRequestDer::from(
            x509_parser::pem::parse_x509_pem(&STANDARD.decode(good).unwrap()).unwrap().1.contents,
        );
        let mut der = der.to_vec();
        let last = der.len() - 1;
        der[last] ^= 1;
        let pem = crate::pki::pem_of_certificate(&der).replace(" CERTIFICATE-", " CERTIFICATE REQUEST-");
        assert_eq!(Pkcs10::parse(pem.as_bytes()).unwrap_err(), "x509: ECDSA verification failure");
    }

    #[test]
    fn base64_offsets_are_those_go_reports() {
        for (text, offset) in [("Zm9v", None), ("Zm\n9v", None), ("%%%", Some(0)), ("Zm9v*", Some(4))] {
            assert_eq!(base64_error(text), offset, "{text:?}");
        }
    }
}

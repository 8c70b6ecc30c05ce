//! Keys, requests, certificates and PEM. Knows nothing of networks, files or Kubernetes objects.

mod algorithms;
pub mod ca;
pub mod certificate;
mod der;
pub mod identity;
pub mod key;
mod name;
pub mod pem;
pub mod request;
mod x509;

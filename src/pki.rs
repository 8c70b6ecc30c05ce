//! Keys, requests, certificates and PEM. Knows nothing of networks, files or Kubernetes objects.

mod algorithms;
pub mod ca;
pub mod certificate;
pub mod identity;
pub mod key;
pub mod pem;
pub mod request;

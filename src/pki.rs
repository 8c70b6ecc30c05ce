//! Keys, requests, certificates and PEM. Knows nothing of networks, files or Kubernetes objects.

mod algorithms;
pub mod ca;
pub mod certificate;
mod der;
mod encode;
pub mod identity;
pub mod issue;
pub mod key;
pub mod key_algorithm;
mod name;
pub mod pem;
pub mod random;
pub mod request;
mod rsa;
pub mod seal;
pub mod signing_key;
mod x509;

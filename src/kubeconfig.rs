//! kubeconfig files as client-go reads them (`tools/clientcmd/api/v1/types.go`): of a discovery file, of cluster-info, of
//! what a kubelet goes by.
//!
//! Enters: the text, and for [`ClusterAccess`] the files that it names. Leaves: values that cannot be used wrongly. Whether
//! any of it is to be trusted is not decided here.

mod access;
mod document;
mod error;

pub use access::{ClientCredentials, ClusterAccess, Names, decoded_ca_certificates, server};
pub use document::{Entry, Kubeconfig};
pub use error::KubeconfigError;

#[cfg(test)]
mod tests;

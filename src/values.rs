//! Values that users write and protocols carry: parsed once, printed as they are written, nothing else.
//!
//! A value can only be made by its parser, so that nothing further in has to check it again. Nothing here knows where a text
//! came from, reads a file or opens a connection.

pub mod certificate_key;
mod character;
pub mod duration;
pub mod endpoint;
mod label;
mod misprint;
mod no_proxy;
pub mod node_name;
mod node_name_template;
pub mod pin;
pub mod proxy;
mod quoted;
pub mod rfc3339;
mod suggest;
pub mod token;
pub mod url;
mod version;

pub use certificate_key::CertificateKey;
pub(crate) use character::{CharacterName, is_dash, is_quotation_mark};
pub use endpoint::{Endpoint, EndpointError};
pub use label::{LabelError, check_label_key, check_label_value, may_be_set_by_kubelets};
pub use misprint::Misprint;
pub use node_name::{NodeName, NodeNameError};
pub use node_name_template::{NameFact, NodeNameTemplate};
pub use pin::{CaCertHash, PinError};
pub use proxy::{Proxy, ProxyVariables};
pub(crate) use quoted::{Quoted, Shown};
pub(crate) use suggest::nearest;
pub use token::{BootstrapToken, TokenError};
pub use url::{Url, UrlError, without_secrets};
pub use version::Version;

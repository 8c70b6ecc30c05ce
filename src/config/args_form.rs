//! The two ways of writing flags for the kubelet.

use std::fmt;

/// How a version writes `kubeletExtraArgs`. Either form is read under every version: guides show the mapping under v1beta4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgsForm {
    /// v1beta3 and before: a mapping.
    Map,
    /// v1beta4: a list of names and values.
    List,
    /// v1: the same, with `mergeMethod`.
    ListWithMergeMethod,
}

impl fmt::Display for ArgsForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ArgsForm::Map => "a mapping of names to values",
            ArgsForm::List | ArgsForm::ListWithMergeMethod => "a list of `{name: NAME, value: VALUE}`",
        })
    }
}

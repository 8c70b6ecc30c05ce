//! The module `yaml` against Go's `sigs.k8s.io/yaml`.
//!
//! `golden.jsonl` holds what Go says about the texts of `cases.txt` and the values of `values.jsonl`, so that these tests
//! need no Go; `.ci/run` makes it again and compares. The random values go through Go as well where `YAML_ORACLE` names
//! the program built from `oracle/`.

#![allow(clippy::unwrap_used, clippy::expect_used)] // tests

mod deltas;
mod golden;
mod hostile;
mod random;

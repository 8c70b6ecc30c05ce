//! The benchmark's program: what `run` (the shell script beside this crate) calls once cluster and node are up.
//!
//! In here: the relay that makes a network slow (`relay`), the measuring of one process (`measure`), stand-ins for the two
//! programs that a join calls (`stand_in`), one join of each program (`lab`), and what the figures say (`figures`,
//! `verdict`). Not in here: how a control plane or a node is made; that is tests/peers. Figures travel as JSON.
//!
//! One static program for all of it, because it is also the parent of what is measured: the kernel counts the peak memory
//! of a process from its fork on, so a large parent would be taken for the child.

mod compare;
mod figures;
mod lab;
mod measure;
mod relay;
mod stand_in;
mod verdict;

use std::process::ExitCode;

const HELP: &str = include_str!("help.txt");

fn main() -> ExitCode {
    let mut arguments = std::env::args();
    let name = arguments.next().unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    if matches!(name, "systemctl" | "kubelet") {
        return stand_in::run(name, &rest);
    }
    let result = match rest.split_first() {
        Some((command, rest)) if command == "relay" => relay::run(rest),
        Some((command, rest)) if command == "measure" => measure::run(rest),
        Some((command, rest)) if command == "compare" => compare::run(rest),
        _ => {
            print!("{HELP}");
            return ExitCode::from(2);
        }
    };
    result.unwrap_or_else(|why| {
        eprintln!("bench: {why}");
        ExitCode::from(1)
    })
}

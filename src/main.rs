//! The shim: argv in, exit status out. One place prints the error, one chooses the status.

use std::process::ExitCode;

fn main() -> ExitCode {
    kubejoin::run(std::env::args_os())
}

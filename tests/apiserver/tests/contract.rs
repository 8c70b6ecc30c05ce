//! Runs the contract against the embedded server, and against a real one when the environment names it. Without libtest,
//! because what is skipped has to be seen.

use std::process::ExitCode;

use kubejoin_apiserver::contract::{self, CHECKS, Target};
use kubejoin_apiserver::{ApiServer, Options};

fn main() -> ExitCode {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-')).unwrap_or_default().replace(' ', "_");
    let server = ApiServer::start(Options::default());
    let admin = server.admin();
    let embedded = Target {
        endpoint: server.endpoint(),
        ca_pem: server.ca_pem(),
        token: server.token(),
        admin: (admin.cert_pem(), admin.key_pem),
    };
    println!("contract: {} checks against the embedded server", CHECKS.len());
    let mut failed = contract::run(&embedded, &filter);

    match Target::from_environment() {
        Ok(real) => {
            println!("contract: {} checks against {}", CHECKS.len(), real.endpoint);
            failed.extend(contract::run(&real, &filter));
        }
        Err(why) => {
            println!("contract: SKIPPED against a real server: {why}");
            println!("contract: SKIPPED: needs KUBEJOIN_CONTRACT_ENDPOINT=HOST:PORT, KUBEJOIN_CONTRACT_CA=FILE,");
            println!("contract: SKIPPED: KUBEJOIN_CONTRACT_TOKEN=ID.SECRET, KUBEJOIN_CONTRACT_ADMIN_KUBECONFIG=FILE");
            // A test set-up that means to run it must not pass because a variable is missing.
            if std::env::var_os("KUBEJOIN_CONTRACT_ENDPOINT").is_some() {
                failed.push("the real server");
            }
        }
    }
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("contract: {} failed: {}", failed.len(), failed.join(", "));
    ExitCode::FAILURE
}

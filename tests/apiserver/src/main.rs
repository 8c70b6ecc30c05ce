//! The server as a program, for the demo and for virtual machines: prints one JSON line with all one needs to join, then
//! a line per request, and runs until it is killed.

use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use kubejoin_apiserver::{ApiServer, Approver, ExistingNode, Options, Recorded, Signer, Token};
use serde_json::json;

const HELP: &str = include_str!("help.txt");

/// What was asked for.
struct Asked {
    options: Options,
    admin_kubeconfig: Option<String>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let asked = match parse(arguments) {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("apiserver: {why}; see apiserver --help");
            return ExitCode::from(2);
        }
    };
    let server = ApiServer::start(asked.options);
    if let Some(path) = asked.admin_kubeconfig
        && let Err(error) = std::fs::write(&path, server.admin_kubeconfig())
    {
        eprintln!("apiserver: cannot write {path}: {error}");
        return ExitCode::from(6);
    }
    server.log_requests_to(log);
    let (endpoint, token, hash) = (server.endpoint(), server.token(), server.ca_hash());
    let line = json!({
        "endpoint": endpoint,
        "address": server.address().to_string(),
        "token": token,
        "caCertHash": hash,
        "join": format!("kubejoin join {endpoint} --token {token} --discovery-token-ca-cert-hash {hash}"),
        "ca": server.ca_pem(),
    });
    println!("{line}");
    // Somebody who stopped reading does not stop the server.
    let _ = std::io::stdout().flush();
    loop {
        std::thread::park();
    }
}

/// One line per answered request. The token is not in it: a log gets pasted.
fn log(request: &Recorded) {
    let user = if request.user.is_empty() { "-" } else { &request.user };
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{:3} {} {user} {}", request.connection, request.status, request.line());
    let _ = out.flush();
}

fn parse(arguments: Vec<String>) -> Result<Asked, String> {
    let mut options = Options::default();
    let mut admin_kubeconfig = None;
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let (name, inline) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        let value = inline.or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--listen" => options.listen = parsed(&name, &value)?,
            "--san" => options.sans.push(value),
            "--advertise" => options.advertise = Some(value),
            "--token" => {
                options.tokens = vec![Token::parse(&value).ok_or("--token needs the form abcdef.0123456789abcdef")?];
            }
            "--signing-duration" => options.signing_duration = duration(&name, &value)?,
            "--approver" => {
                options.approver = match value.as_str() {
                    "auto" => Approver::Auto(Duration::ZERO),
                    "manual" => Approver::Manual,
                    "deny" => Approver::Deny { reason: "Denied".into(), message: "this server denies all".into() },
                    _ => Approver::Auto(duration(&name, &value)?),
                }
            }
            "--signer" => {
                options.signer = match value.as_str() {
                    "off" => Signer::Off,
                    "fail" => Signer::Fail { reason: "Failed".into(), message: "this server signs nothing".into() },
                    _ => Signer::After(duration(&name, &value)?),
                }
            }
            "--date-offset" => options.faults.date_offset = parsed(&name, &value)?,
            "--node" => options.nodes.push(ExistingNode::ready(&value)),
            "--admin-kubeconfig" => admin_kubeconfig = Some(value),
            _ => return Err(format!("unknown argument {name}")),
        }
    }
    Ok(Asked { options, admin_kubeconfig })
}

fn parsed<T: FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} does not understand {value:?}"))
}

/// `90`, `90s`, `15m`, `2h`
fn duration(name: &str, value: &str) -> Result<Duration, String> {
    let (number, unit) = match value.char_indices().last() {
        Some((at, 's')) => (&value[..at], 1),
        Some((at, 'm')) => (&value[..at], 60),
        Some((at, 'h')) => (&value[..at], 3600),
        _ => (value, 1),
    };
    Ok(Duration::from_secs(parsed::<u64>(name, number)? * unit))
}

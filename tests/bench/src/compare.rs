//! Joins again and again, with both programs in turn, so that whatever slows the machine down slows both.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::figures::Sample;
use crate::lab::{Extent, Lab, Program, wipe};
use crate::verdict::{Both, Results};

/// Round-trip times at which a join up to the kubelet's start is measured, in milliseconds.
const RTTS: [u32; 4] = [0, 50, 100, 200];
/// The same with the real kubelet, where a join takes a node of its own.
const RTTS_WHOLE: [u32; 3] = [0, 100, 200];
/// How often at each of them, in the latter case.
const REPETITIONS_WHOLE: u32 = 3;
const PROGRAMS: [Program; 2] = [Program::Kubeadm, Program::Kubejoin];

/// `compare ...`, see `help.txt`
pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let mut repetitions = 5;
    let mut with_kubelet = true;
    let [mut kubejoin, mut kubeadm, mut peers, mut cluster, mut work] = [const { None::<PathBuf> }; 5];
    let mut rest = arguments.iter();
    while let Some(flag) = rest.next() {
        if flag == "--no-kubelet" {
            with_kubelet = false;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("{flag} what?"))?;
        match flag.as_str() {
            "--kubejoin" => kubejoin = Some(value.into()),
            "--kubeadm" => kubeadm = Some(value.into()),
            "--peers" => peers = Some(value.into()),
            "--cluster" => cluster = Some(value.into()),
            "--work" => work = Some(value.into()),
            "--repetitions" => repetitions = value.parse().map_err(|_| format!("no number: {value}"))?,
            _ => return Err(format!("unknown flag {flag}")),
        }
    }
    let (Some(kubejoin), Some(kubeadm), Some(peers), Some(cluster), Some(work)) =
        (kubejoin, kubeadm, peers, cluster, work)
    else {
        return Err("kubejoin-bench compare needs five paths; start it with tests/bench/run".into());
    };
    let lab = Lab { peers, cluster, work, kubeadm, kubejoin };
    lab.prepare()?;
    let alone = alone(&lab, repetitions)?;
    let whole = if with_kubelet { Some(whole(&lab)?) } else { None };
    let size = |program| {
        let file = lab.executable(program);
        file.metadata().map(|data| data.len() as f64).map_err(|error| format!("{}: {error}", file.display()))
    };
    let file_bytes = Both { kubeadm: size(Program::Kubeadm)?, kubejoin: size(Program::Kubejoin)? };
    let results = Results { file_bytes, alone, whole };
    print!("{}", results.table());
    let broken = results.broken_budgets();
    for budget in &broken {
        eprintln!("bench: over budget: {budget}");
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Each program by itself, on one node that is wiped in between. The first join of each only warms the caches.
fn alone(lab: &Lab, repetitions: u32) -> Result<Both<Sample>, String> {
    let node = lab.node_up("alone")?;
    let mut samples = Both::<Sample>::default();
    for program in PROGRAMS {
        lab.join(program, &node, 0, Extent::KubeletStart)?;
        wipe(&node)?;
    }
    for repetition in 1..=repetitions {
        for rtt_ms in RTTS {
            for program in PROGRAMS {
                let cost = lab.join(program, &node, rtt_ms, Extent::KubeletStart)?;
                eprintln!("bench: {repetition}/{repetitions} {rtt_ms:>3} ms {program:?}: {:.0} ms", cost.wall_ms);
                samples.of(program).add(rtt_ms, cost);
                wipe(&node)?;
            }
        }
    }
    lab.node_down(&node)?;
    Ok(samples)
}

/// Each program with the real kubelet, every time on a new node.
fn whole(lab: &Lab) -> Result<Both<Sample>, String> {
    let mut samples = Both::<Sample>::default();
    for repetition in 1..=REPETITIONS_WHOLE {
        for rtt_ms in RTTS_WHOLE {
            for program in PROGRAMS {
                let node = lab.node_up(&format!("{program:?}-{rtt_ms}-{repetition}").to_lowercase())?;
                let cost = lab.join(program, &node, rtt_ms, Extent::Whole)?;
                eprintln!(
                    "bench: whole {repetition}/{REPETITIONS_WHOLE} {rtt_ms:>3} ms {program:?}: certificate after {:.0} ms",
                    cost.certificate_ms
                );
                samples.of(program).add(rtt_ms, cost);
                lab.node_down(&node)?;
            }
        }
    }
    Ok(samples)
}

//! The table for people, and the budgets for CI.

use std::fmt::Write;

use crate::figures::Sample;
use crate::lab::{Cost, Program};
use crate::stand_in;

const MIB: f64 = 1024.0 * 1024.0;

/// Largest file, in bytes. This and what follows: section 5 of the design.
const FILE_BUDGET: f64 = 2.5 * MIB;
/// Most resident memory of any join, in bytes.
const PEAK_BUDGET: f64 = 2.75 * MIB;
/// Connections of any join.
const CONNECTION_BUDGET: f64 = 1.0;
/// Round trips that are waited for. There are five; half of one is for the noise of a shared machine.
const ROUND_TRIP_BUDGET: f64 = 5.5;

/// What must not be forgotten when reading the table.
const FOOTNOTE: &str = "\nAt the kubelet's start kubejoin has a signed certificate on disk; kubeadm has a token there, and \
                        its kubelet has yet to ask.\n";

/// The same figure of both programs.
#[derive(Debug, Default)]
pub struct Both<T> {
    /// The reference's.
    pub kubeadm: T,
    /// Ours.
    pub kubejoin: T,
}

impl<T> Both<T> {
    /// That of one of them.
    pub fn of(&mut self, program: Program) -> &mut T {
        match program {
            Program::Kubeadm => &mut self.kubeadm,
            Program::Kubejoin => &mut self.kubejoin,
        }
    }

    fn map(&self, figure: impl Fn(&T) -> f64) -> Both<f64> {
        Both { kubeadm: figure(&self.kubeadm), kubejoin: figure(&self.kubejoin) }
    }
}

/// Everything that was measured.
#[derive(Debug)]
pub struct Results {
    /// Size of the executable.
    pub file_bytes: Both<f64>,
    /// Each program by itself.
    pub alone: Both<Sample>,
    /// Each with the real kubelet, where that was measured.
    pub whole: Option<Both<Sample>>,
}

impl Results {
    /// Markdown.
    pub fn table(&self) -> String {
        let mut text = format!(
            "| | kubeadm {} | kubejoin | kubeadm : kubejoin |\n|---|---|---|---|\n",
            stand_in::version().trim_start_matches('v')
        );
        let alone = |of: fn(&Cost) -> f64| self.alone.map(|sample| sample.median(of));
        row(&mut text, "executable", &self.file_bytes, mib);
        row(&mut text, "peak resident memory", &alone(|cost| cost.peak_bytes), mib);
        row(&mut text, "CPU time, user and system", &alone(|cost| cost.cpu_ms), ms);
        row(&mut text, "connections to the API server", &alone(|cost| cost.connections), count);
        row(&mut text, "bytes to the API server", &alone(|cost| cost.bytes_up), count);
        row(&mut text, "bytes from the API server", &alone(|cost| cost.bytes_down), count);
        let trips = self.alone.map(|sample| sample.round_trips(|cost| cost.wall_ms));
        row(&mut text, "round trips, one after the other, to the kubelet's start", &trips, one_digit);
        times(&mut text, "time to the kubelet's start", &self.alone, |cost| cost.wall_ms);
        if let Some(whole) = &self.whole {
            let trips = whole.map(|sample| sample.round_trips(|cost| cost.certificate_ms));
            row(&mut text, "with the real kubelet: round trips to a certificate on disk", &trips, one_digit);
            times(&mut text, "with the real kubelet: time to a certificate on disk", whole, |cost| cost.certificate_ms);
        }
        text.push_str(FOOTNOTE);
        text
    }

    /// What is larger than it may be, a line for each.
    pub fn broken_budgets(&self) -> Vec<String> {
        let ours = &self.alone.kubejoin;
        let judged = [
            ("bytes of the executable", self.file_bytes.kubejoin, FILE_BUDGET),
            ("bytes of resident memory at the peak", ours.max(|cost| cost.peak_bytes), PEAK_BUDGET),
            ("connections", ours.max(|cost| cost.connections), CONNECTION_BUDGET),
            ("round trips", ours.round_trips(|cost| cost.wall_ms), ROUND_TRIP_BUDGET),
        ];
        let broken = judged.iter().filter(|(_, figure, budget)| figure > budget);
        broken.map(|(what, figure, budget)| format!("{figure:.1} {what} instead of at most {budget}")).collect()
    }
}

fn times(text: &mut String, what: &str, samples: &Both<Sample>, of: fn(&Cost) -> f64) {
    let ours = samples.kubejoin.by_rtt(of);
    for ((rtt, kubeadm), (_, kubejoin)) in samples.kubeadm.by_rtt(of).into_iter().zip(ours) {
        row(text, &format!("{what}, round-trip time {rtt:.0} ms"), &Both { kubeadm, kubejoin }, ms);
    }
}

fn row(text: &mut String, what: &str, figures: &Both<f64>, show: fn(f64) -> String) {
    let (kubeadm, kubejoin) = (show(figures.kubeadm), show(figures.kubejoin));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "| {what} | {kubeadm} | {kubejoin} | {:.1} : 1 |", figures.kubeadm / figures.kubejoin);
}

fn mib(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / MIB)
}

fn ms(value: f64) -> String {
    format!("{value:.0} ms")
}

fn count(value: f64) -> String {
    format!("{value:.0}")
}

fn one_digit(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(peak_mib: f64, connections: f64, round_trips: f64) -> Results {
        let sample = |factor: f64| {
            let mut sample = Sample::default();
            for rtt_ms in [0, 100] {
                sample.add(
                    rtt_ms,
                    Cost {
                        wall_ms: factor * (20.0 + f64::from(rtt_ms) * round_trips),
                        certificate_ms: 0.0,
                        cpu_ms: factor * 10.0,
                        peak_bytes: factor * peak_mib * MIB,
                        connections: factor * connections,
                        bytes_up: factor * 5000.0,
                        bytes_down: factor * 9000.0,
                    },
                );
            }
            sample
        };
        let alone = Both { kubeadm: sample(2.0), kubejoin: sample(1.0) };
        Results { file_bytes: Both { kubeadm: 70.0 * MIB, kubejoin: 2.0 * MIB }, alone, whole: None }
    }

    #[test]
    fn within_all_budgets_nothing_is_said() {
        assert_eq!(results(2.7, 1.0, 5.4).broken_budgets(), Vec::<String>::new());
    }

    #[test]
    fn each_budget_can_be_broken() {
        for (results, named) in [
            (results(2.8, 1.0, 5.0), "resident memory"),
            (results(2.0, 2.0, 5.0), "2.0 connections instead of at most 1"),
            (results(2.0, 1.0, 6.0), "6.0 round trips instead of at most 5.5"),
            (
                Results { file_bytes: Both { kubeadm: 0.0, kubejoin: 3.0 * MIB }, ..results(2.0, 1.0, 5.0) },
                "executable",
            ),
        ] {
            let broken = results.broken_budgets();
            assert!(broken.len() == 1 && broken[0].contains(named), "{broken:?}");
        }
    }

    #[test]
    fn a_row_has_both_figures_and_their_ratio() {
        let table = results(2.5, 1.0, 5.0).table();
        assert!(table.contains("\n| peak resident memory | 5.0 MiB | 2.5 MiB | 2.0 : 1 |\n"), "{table}");
        assert!(
            table.contains("\n| time to the kubelet's start, round-trip time 100 ms | 1040 ms | 520 ms | 2.0 : 1 |\n"),
            "{table}"
        );
    }
}

//! What many measured joins of one program say together.

use crate::lab::Cost;

/// Joins of one program at several round-trip times.
#[derive(Debug, Default)]
pub struct Sample {
    runs: Vec<(u32, Cost)>,
}

impl Sample {
    /// Adds a join at this round-trip time, in milliseconds.
    pub fn add(&mut self, rtt_ms: u32, cost: Cost) {
        self.runs.push((rtt_ms, cost));
    }

    /// The median over all joins.
    pub fn median(&self, of: fn(&Cost) -> f64) -> f64 {
        median(self.runs.iter().map(|(_, cost)| of(cost)).collect())
    }

    /// The largest over all joins.
    pub fn max(&self, of: fn(&Cost) -> f64) -> f64 {
        self.runs.iter().map(|(_, cost)| of(cost)).fold(0.0, f64::max)
    }

    /// The median at each round-trip time, in milliseconds, in the order of the latter.
    pub fn by_rtt(&self, of: fn(&Cost) -> f64) -> Vec<(f64, f64)> {
        self.points(of, median)
    }

    /// How many round trips are waited for one after the other: how much longer it takes for each millisecond more. Of the
    /// fastest join at each round-trip time: a busy machine only ever adds.
    pub fn round_trips(&self, of: fn(&Cost) -> f64) -> f64 {
        slope(&self.points(of, |values| values.into_iter().fold(f64::INFINITY, f64::min)))
    }

    fn points(&self, of: fn(&Cost) -> f64, one_of: fn(Vec<f64>) -> f64) -> Vec<(f64, f64)> {
        let mut rtts: Vec<u32> = self.runs.iter().map(|(rtt, _)| *rtt).collect();
        rtts.sort_unstable();
        rtts.dedup();
        let at = |rtt| self.runs.iter().filter(move |(at, _)| *at == rtt).map(|(_, cost)| of(cost)).collect();
        rtts.into_iter().map(|rtt| (f64::from(rtt), one_of(at(rtt)))).collect()
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[n / 2],
        n => f64::midpoint(values[n / 2 - 1], values[n / 2]),
    }
}

/// Of the line with the least squares.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / n;
    let both: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    both / points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_join_among_fast_ones_does_not_count_as_round_trips() {
        let mut sample = Sample::default();
        let cost = |wall_ms| Cost { wall_ms, ..Cost::default() };
        for (rtt_ms, wall_ms) in [(0, 10.0), (0, 12.0), (100, 510.0), (100, 990.0)] {
            sample.add(rtt_ms, cost(wall_ms));
        }
        assert!((sample.round_trips(|cost| cost.wall_ms) - 5.0).abs() < 1e-9);
        assert_eq!(sample.by_rtt(|cost| cost.wall_ms), [(0.0, 11.0), (100.0, 750.0)]);
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_middles() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0, 4.0]), 3.0);
    }

    #[test]
    fn the_slope_is_a_least_squares_fit() {
        let line: Vec<_> = [0.0, 50.0, 100.0, 200.0].map(|x| (x, 30.0 + 5.0 * x)).into();
        assert!((slope(&line) - 5.0).abs() < 1e-9);
        let bent = [(0.0, 30.0), (100.0, 530.0), (200.0, 1130.0)];
        assert!((slope(&bent) - 5.5).abs() < 1e-9);
    }
}

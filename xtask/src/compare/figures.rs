//! What is measured.

use serde::{Deserialize, Serialize};

/// What a client reports of a load.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) records: f64,
    pub(super) records_per_second: f64,
    /// Of a request, if the client tells.
    pub(super) latency_ms: Option<Latency>,
    /// Records that were not taken.
    pub(super) refused: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// The same with what the machine says of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Figures {
    pub(super) records_per_second: f64,
    pub(super) latency_ms: Option<Latency>,
    pub(super) refused: f64,
    /// Processor time of the server for each record.
    pub(super) server_us: f64,
    /// The part of all processors that neither server nor client used, but others.
    pub(super) others: f64,
}

/// What is there after a crash.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) acknowledged: u64,
    pub(super) there: u64,
}

/// One turn of a contender.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Round {
    pub(super) batches: Option<Figures>,
    pub(super) singles: Option<Figures>,
    pub(super) reads: Option<Figures>,
    pub(super) kept: Option<Kept>,
}

/// All turns of a contender.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) rounds: Vec<Round>,
    /// What went wrong, in words.
    pub(super) failures: Vec<String>,
}

impl Row {
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), rounds: Vec::new(), failures: Vec::new() }
    }
}

/// The median of what the rounds have, if any has it.
pub(super) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len().checked_sub(1)? / 2;
    let upper = values.len() / 2;
    Some((values[middle] + values[upper]) / 2.0)
}

/// The median of every figure of a load.
pub(super) fn typical(
    rounds: &[Round],
    load: impl Fn(&Round) -> Option<Figures>,
) -> Option<Figures> {
    let figures: Vec<Figures> = rounds.iter().filter_map(load).collect();
    let of = |figure: &dyn Fn(&Figures) -> f64| median(figures.iter().map(figure));
    let latencies = || figures.iter().filter_map(|figures| figures.latency_ms);
    let p50 = median(latencies().map(|latency| latency.p50));
    let p99 = median(latencies().map(|latency| latency.p99));
    Some(Figures {
        records_per_second: of(&|figures| figures.records_per_second)?,
        latency_ms: p50.zip(p99).map(|(p50, p99)| Latency { p50, p99 }),
        refused: of(&|figures| figures.refused)?,
        server_us: of(&|figures| figures.server_us)?,
        others: of(&|figures| figures.others)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert_eq!(median([].into_iter()), None);
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0].into_iter()), Some(2.5));
    }
}

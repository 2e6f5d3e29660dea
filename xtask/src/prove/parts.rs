//! What can be tried for longer than `cargo test` does.

use std::time::Duration;

/// Whether a part minds its time itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// It is told how long it may take.
    Told,
    /// It takes as long as it takes, and is run again while there is time.
    Again,
    /// It is the same every time.
    Once,
}

/// A part of the proof.
pub(super) struct Part {
    pub(super) name: &'static str,
    /// Its share of the time is so much of the sum of all.
    pub(super) weight: u32,
    pub(super) pace: Pace,
    /// What cargo does first, whose time does not count.
    pub(super) build: &'static [&'static str],
    run: &'static [&'static str],
    /// A variable that asks a test for more, with `SEED` and `SECONDS` in its place.
    variable: Option<(&'static str, &'static str)>,
    pub(super) what: &'static str,
    /// How many of them its output tells.
    pub(super) count: fn(&str) -> u64,
}

const CRASH: [&str; 5] = ["test", "--quiet", "--package=weir", "--test=it", "--no-run"];
const STORAGE: [&str; 5] = ["test", "--quiet", "--package=storage", "--test=it", "--no-run"];
const ROUNDS: &str = "WEIR_CRASH_ROUNDS";

/// Runs the tests of a module of the command line's, with everything that they print.
macro_rules! crash {
    ($test:literal) => {
        &["test", "--quiet", "--package=weir", "--test=it", $test, "--", "--nocapture"]
    };
}

pub(super) const PARTS: &[Part] = &[
    Part {
        name: "states",
        weight: 2,
        pace: Pace::Once,
        build: &STORAGE,
        run: &["test", "--quiet", "--package=storage", "--test=it", "crash::", "--", "--nocapture"],
        variable: None,
        what: "states after a power failure",
        count: |output| numbers_before(output, " states"),
    },
    Part {
        name: "schedules",
        weight: 2,
        pace: Pace::Again,
        build: &STORAGE,
        run: &["test", "--quiet", "--package=storage", "--test=it", "schedules::"],
        variable: Some(("WEIR_SCHEDULES", "SEED:10000")),
        what: "times 20,000 schedules of each test of the hand-off",
        count: |_| 1,
    },
    Part {
        name: "kill",
        weight: 8,
        pace: Pace::Again,
        build: &CRASH,
        run: crash!("crash::acknowledged_records_survive_kill_nine_under_load"),
        variable: Some((ROUNDS, "50")),
        what: "rounds of kill -9 under load",
        count: rounds,
    },
    Part {
        name: "stop",
        weight: 2,
        pace: Pace::Again,
        build: &CRASH,
        run: crash!("crash::stopped::"),
        variable: Some((ROUNDS, "5")),
        what: "rounds of SIGSTOP and SIGCONT under load",
        count: rounds,
    },
    Part {
        name: "full",
        weight: 2,
        pace: Pace::Again,
        build: &CRASH,
        run: crash!("crash::full::"),
        variable: Some((ROUNDS, "3")),
        what: "rounds on a full disk",
        count: rounds,
    },
    Part {
        name: "power",
        weight: 4,
        pace: Pace::Again,
        build: &CRASH,
        run: crash!("crash::power::"),
        variable: Some((ROUNDS, "20")),
        what: "rounds on a disk that loses what was not synced",
        count: rounds,
    },
    Part {
        name: "simulation",
        weight: 6,
        pace: Pace::Told,
        build: &["build", "--quiet", "--release", "--package=sim"],
        run: &["run", "--quiet", "--release", "--package=sim", "--", "SEED", "--for", "SECONDSs"],
        variable: None,
        what: "seeds of the simulation, each twice",
        count: |output| numbers_before(output, " seeds in "),
    },
    Part {
        name: "fuzz",
        weight: 4,
        pace: Pace::Told,
        build: &["build", "--quiet", "--release", "--package=fuzz"],
        run: &[
            "run",
            "--quiet",
            "--release",
            "--package=fuzz",
            "--",
            "--seed",
            "SEED",
            "--for",
            "SECONDSs",
        ],
        variable: None,
        what: "mutated inputs",
        count: |output| numbers_before(output, " mutations"),
    },
    Part {
        name: "libfuzzer",
        weight: 4,
        pace: Pace::Told,
        build: &["build", "--quiet", "--package=xtask"],
        run: &["xtask", "libfuzzer", "--seed", "SEED", "--for", "SECONDSs"],
        variable: None,
        what: "inputs of libFuzzer",
        count: |output| numbers_before(output, " executions"),
    },
];

impl Part {
    /// Environment and arguments of cargo for one run.
    pub(super) fn command(
        &self,
        seed: u64,
        share: Duration,
    ) -> (Vec<(&'static str, String)>, Vec<String>) {
        let seconds = share.as_secs().max(1).to_string();
        let fill =
            |text: &str| text.replace("SEED", &seed.to_string()).replace("SECONDS", &seconds);
        let variable = self.variable.map(|(name, value)| (name, fill(value)));
        (variable.into_iter().collect(), self.run.iter().map(|word| fill(word)).collect())
    }
}

fn rounds(output: &str) -> u64 {
    output.lines().filter(|line| line.contains("round ")).count() as u64
}

/// The sum of the numbers right before `word`.
fn numbers_before(output: &str, word: &str) -> u64 {
    let number = |line: &str| -> Option<u64> {
        let before = line.split_once(word)?.0;
        before.rsplit(' ').next()?.parse().ok()
    };
    output.lines().filter_map(number).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_tried_is_read_from_what_was_printed() {
        let fuzz = "seed 7\njson          1200 mutations\ncbor    34 mutations\n";
        assert_eq!(numbers_before(fuzz, " mutations"), 1234);
        assert_eq!(numbers_before("5 seeds in 9 s, each run twice", " seeds in "), 5);
        assert_eq!(numbers_before("appends: 24001 states\nmerging: 3 states", " states"), 24_004);
        assert_eq!(rounds("seed 0x1\nround 0: 7 records kept\n.round 1: 9 records kept"), 2);
    }

    #[test]
    fn a_part_is_told_its_seed_and_its_time() {
        let part = PARTS.iter().find(|part| part.name == "simulation").expect("it is there");
        let (variables, arguments) = part.command(42, Duration::from_secs(90));
        assert!(variables.is_empty());
        assert!(arguments.join(" ").ends_with("-- 42 --for 90s"), "{arguments:?}");
    }
}

//! Power failures at every moment of short lives.
//!
//! A machine notes every write, sync, put and deletion of a workload. Between any two of them the
//! power may fail: what was synced is there, and any part of what was not. Each of these states
//! must open and show exactly the first so many calls of the workload: all that were acknowledged,
//! none that was not made, none in part, none without those before it. That says all at once
//! that entries are there with their bytes, order is dense, seals and deletions hold, trims do not
//! go back, and the table is at a version that it had.

mod image;
mod known;
mod life;
mod machine;
mod objects;
mod states;

use crate::crash::image::Image;
use crate::crash::known::Known;
use crate::crash::life::End::{Close, HalfAChunk};
use crate::crash::life::Step::{
    Append, Churn, Delete, Rest, Seal, Together, Transact, Trim, UntilDue,
};
use crate::crash::life::{End, Step, live};

// How many states each workload has at least.
const APPENDS: usize = 24_000;
const RECYCLING: usize = 29_000;
const LARGE: usize = 6_000;
const ENDS: usize = 12_000;
const TABLES: usize = 8_500;
const MERGING: usize = 24_000;
const _: () = assert!(APPENDS + RECYCLING + LARGE + ENDS + TABLES + MERGING >= 100_000);

type Lives<'a> = &'a [(&'a [Step], End)];

/// Lives all of `lives`, one on what the other left, and tries at least `states_min` states.
fn try_every_state(workload: &str, logs: &[u64], lives: Lives<'_>, states_min: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (mut image, mut known) = (Image::default(), Known::of_logs(logs));
        let mut count = 0;
        for (number, (steps, end)) in lives.iter().enumerate() {
            let life = live(1 + number as u64, image, known, steps, *end).await;
            count += states::check_all(workload, number, &life).await;
            (image, known) = match end {
                Close => states::after(&life),
                HalfAChunk => states::after_half_a_chunk(&life).await,
            };
        }
        eprintln!("{workload}: {count} states");
        assert!(count >= states_min, "{workload}: only {count} states");
    });
}

const LIFE_OF_APPENDS: &[Step] = &[
    Append(1000, 1, 10),
    Append(1000, 1, 3900),
    Append(1001, 3, 1200),
    Append(1000, 2, 2450),
    Together(&[(1001, 700), (1000, 900), (1002, 1500), (1001, 600)]),
    Append(1002, 1, 4900),
    Append(1001, 7, 650),
    Append(1000, 1, 9000),
];

#[test]
fn appends_survive_a_power_failure_at_any_moment() {
    let lives = [(LIFE_OF_APPENDS, HalfAChunk), (LIFE_OF_APPENDS, Close)].repeat(3);
    try_every_state("appends", &[1000, 1001, 1002], &lives, APPENDS);
}

#[test]
fn journal_files_are_used_again_at_any_moment_of_a_power_failure() {
    let steps: &[Step] =
        &[Append(1000, 2, 2400), UntilDue, Append(1001, 1, 4800), Rest, Append(1000, 1, 4850)];
    let lives: Vec<_> =
        [Close, HalfAChunk, Close].repeat(3).iter().map(|end| (steps, *end)).collect();
    try_every_state("recycling", &[1000, 1001], &lives, RECYCLING);
}

#[test]
fn a_journal_that_goes_on_in_the_next_file_survives() {
    let steps: &[Step] = &[
        Append(1000, 1, 450_000),
        Append(1001, 1, 450_000),
        Append(1000, 2, 90_000),
        Rest,
        Append(1001, 1, 4800),
    ];
    let more: &[Step] = &[Append(1000, 1, 20_000), Append(1001, 1, 30_000)];
    let lives: Lives<'_> = &[(steps, HalfAChunk), (more, Close)];
    try_every_state("large", &[1000, 1001], lives, LARGE);
}

#[test]
fn seals_trims_and_deletions_survive() {
    let lives: Lives<'_> = &[
        (
            &[
                Append(1000, 8, 600),
                Append(1001, 2, 2400),
                Append(1002, 1, 4900),
                Trim(1000, 4),
                UntilDue,
                Seal(1001),
                Append(1000, 2, 2300),
                Rest,
                Trim(1000, 10),
                Rest,
                Append(1003, 2, 2400),
            ],
            HalfAChunk,
        ),
        (
            &[
                Append(1000, 4, 1200),
                Delete(1002),
                UntilDue,
                Trim(1001, 2),
                Append(1003, 5, 950),
                Rest,
                Trim(1000, 9),
                Delete(1001),
                Append(1000, 5, 900),
                Rest,
                Rest,
                Append(1000, 1, 4800),
            ],
            Close,
        ),
        (
            &[Append(1000, 2, 2400), Seal(1000), Trim(1003, 100), Rest, Append(1003, 1, 4900)],
            HalfAChunk,
        ),
    ];
    try_every_state("ends", &[1000, 1001, 1002, 1003], lives, ENDS);
}

#[test]
fn tables_survive_as_they_were_after_some_transaction() {
    let lives: Lives<'_> = &[
        (
            &[
                Transact(b"abc"),
                Append(1000, 1, 4800),
                Transact(b"bd"),
                UntilDue,
                Transact(b"aef"),
                Rest,
                Transact(b"g"),
                Append(1000, 1, 4800),
            ],
            HalfAChunk,
        ),
        (
            &[
                Transact(b"ab"),
                Append(1000, 1, 4850),
                Churn(b'h'),
                Churn(b'h'),
                Transact(b"xyz"),
                Rest,
                Transact(b"cde"),
                Append(1000, 2, 2400),
            ],
            Close,
        ),
        (
            &[Transact(b"ab"), Rest, Transact(b"bcd"), Transact(b"q"), Append(1000, 1, 4800)],
            HalfAChunk,
        ),
    ];
    try_every_state("tables", &[1000], lives, TABLES);
}

#[test]
fn segments_are_merged_and_rewritten_at_any_moment_of_a_power_failure() {
    let round: &[Step] = &[Append(1000, 2, 2400), Append(1001, 1, 4800), UntilDue];
    let mut steps = round.repeat(9);
    steps.extend([
        Trim(1000, 12),
        Rest,
        Append(1000, 2, 2300),
        Trim(1001, 9),
        Rest,
        Append(1001, 1, 4700),
    ]);
    try_every_state("merging", &[1000, 1001], &[(&steps, HalfAChunk), (round, Close)], MERGING);
}

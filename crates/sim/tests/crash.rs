//! The crash scenario on a few fixed seeds; `cargo run -p sim -- 1 1000` runs many.

#[test]
fn acknowledged_records_survive_crashes_with_lost_and_torn_writes() {
    for seed in 1..=8 {
        if let Err(error) = sim::prove(seed) {
            panic!("{error:?}");
        }
    }
}

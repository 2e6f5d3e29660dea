//! A few fixed seeds; `cargo run --release -p sim -- 1 1000` runs many.

use sim::faults::Fault;

/// The last one checks the limits of AWS without a clock that jumps.
const SEEDS: [u64; 6] = [1, 2, 3, 5, 6, 59];

#[test]
fn the_node_keeps_its_promises_on_the_fixed_seeds_which_have_every_fault() {
    let mut profiles = String::new();
    for seed in SEEDS {
        match sim::prove(seed) {
            Ok(trace) => profiles += &trace[0],
            Err(error) => panic!("{error:?}"),
        }
    }
    let has = |fault: &Fault| profiles.contains(&format!("{fault:?}"));
    let missing: Vec<_> = Fault::ALL.iter().filter(|fault| !has(fault)).collect();
    assert!(missing.is_empty(), "no fixed seed has {missing:?}");
    assert!(profiles.contains("limits: AWS") && profiles.contains("limits: relaxed"));
}

//! A few fixed seeds; `cargo run --release -p sim -- 1 1000` runs many.

/// Together they have every fault, both kinds of limits and every end of a node.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=6;

#[test]
fn the_node_keeps_its_promises_on_the_fixed_seeds() {
    for seed in SEEDS {
        if let Err(error) = sim::prove(seed) {
            panic!("{error:?}");
        }
    }
}

//! A disk that is full, and then has space again.

use weir_client::Encoding;

use super::mounted::Mounted;
use super::traffic::Told;
use super::trial::{STREAM, Trial, each, list, rounds};

/// So much more space is there after each time that it was used up.
const STEP_MIB: u32 = 6;

#[tokio::test]
async fn a_full_disk_refuses_puts_and_takes_them_again_once_there_is_space() {
    for round in 0..rounds(1) {
        let trial = Trial::new(&[]);
        let Some(disk) = Mounted::memory(&trial.data(), STEP_MIB) else { return };
        fill_again_and_again(trial, &disk).await;
        eprintln!("round {round} is done");
    }
}

async fn fill_again_and_again(mut trial: Trial, disk: &Mounted) {
    let node = trial.start().await;
    let reader = trial.client(&node, Encoding::Json);
    let ledger = trial.ledger.clone();
    let fill = async |heard: &mut _| {
        each(heard, Told::Failed, 3).await;
        let acknowledged = ledger.acknowledged();
        let listing = list(&reader, STREAM).await;
        for (id, (shard, number)) in acknowledged {
            assert_eq!(listing.shards[&shard].get(&number), Some(&id), "reads go on");
        }
    };
    trial
        .work_until(&node, async |heard| {
            // Without a restart in between.
            for steps in 2..4 {
                fill(heard).await;
                disk.resize(steps * STEP_MIB);
                each(heard, Told::Acknowledged, 3).await;
            }
            fill(heard).await;
        })
        .await;
    node.kill();
    // A start writes, so it needs some space.
    disk.resize(4 * STEP_MIB);
    trial.check();
    trial.finish().await;
}

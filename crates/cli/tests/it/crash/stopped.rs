//! A node that is stopped in the middle of its work (SIGSTOP) and goes on later.

use std::time::Duration;

use weir_client::kinesis::PutRecordInput;
use weir_client::{Client, ClientConfig, Encoding};

use super::ledger::{Id, Place, data_of};
use super::traffic::{Told, create};
use super::trial::{Trial, each, list, rounds};

const RETRIED: &str = "retried";

/// The node's own deadlines are over, too, when it goes on.
const SETTINGS: [&str; 6] = [
    "http.header_timeout=1s",
    "http.body_timeout=1s",
    "http.write_timeout=1s",
    "http.idle_timeout=1s",
    "fanout.subscription_lifetime=1s",
    "storage.admission_timeout=1s",
];

#[tokio::test]
async fn a_node_goes_on_after_it_was_stopped_for_longer_than_any_timeout() {
    let mut trial = Trial::new(&SETTINGS);
    trial.patience = Duration::from_secs(3);
    for round in 0..rounds(2) {
        let node = trial.start().await;
        let config = ClientConfig {
            endpoint: node.endpoint.clone(),
            attempts_max: 20,
            attempt_timeout: Duration::from_secs(1),
            ..ClientConfig::default()
        };
        let patient = Client::new(config).unwrap();
        if round == 0 {
            create(&patient, RETRIED).await.unwrap();
        }
        let id = (RETRIED.to_owned(), u64::from(round));
        let place = trial.work_until(&node, async |heard| {
            each(heard, Told::Acknowledged, 5).await;
            node.signal("-STOP");
            let (place, ()) = tokio::join!(put(&patient, &id), async {
                each(heard, Told::Failed, 1).await;
                node.signal("-CONT");
            });
            each(heard, Told::Acknowledged, 20).await;
            place
        });
        let (shard, number) = place.await;
        // A try whose answer was lost may have left another copy.
        let listing = list(&trial.client(&node, Encoding::Json), RETRIED).await;
        assert_eq!(
            listing.shards[&shard].get(&number),
            Some(&id),
            "it is where its last try was told"
        );
        let clean = trial.chance.bool();
        if clean {
            let (status, _, errors) = node.stop();
            assert_eq!(status.code(), Some(0), "{errors}");
        } else {
            node.kill();
        }
        trial.check();
        eprintln!("round {round}: {} records kept", trial.ledger.acknowledged().len());
    }
    trial.finish().await;
}

/// Puts a record, as often as it takes.
async fn put(client: &Client, id: &Id) -> Place {
    let input = PutRecordInput {
        stream_name: Some(RETRIED.to_owned()),
        data: data_of(id).into(),
        partition_key: Some(id.0.clone()),
        ..PutRecordInput::default()
    };
    let output = client.call(input).await.expect("a client that tries again gets through");
    (output.shard_id, output.sequence_number.parse().unwrap())
}

//! The producer.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use weir_client::kinesis::{PutRecordsInput, PutRecordsOutput, PutRecordsResultEntry};
use weir_client::{ApiError, Client, ErrorCode, Producer, Record, Ticket};

use crate::service::{Received, Reply, attempts, client};

/// What the service took, in its order.
#[derive(Clone, Default)]
struct Taken(Arc<Mutex<Vec<String>>>);

impl Taken {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Takes the entries that `refuses` lets through, numbering them.
    fn put(
        &self,
        received: &Received,
        mut refuses: impl FnMut(&str) -> Option<ErrorCode>,
    ) -> Reply {
        let input = received.input::<PutRecordsInput>().expect("it is PutRecords");
        assert_eq!(input.stream_name.as_deref(), Some("events"));
        assert!(!input.records.is_empty() && input.records.len() <= 500);
        let mut taken = self.0.lock().unwrap();
        let mut records = Vec::new();
        for entry in input.records {
            let text = String::from_utf8(entry.data.to_vec()).unwrap();
            records.push(match refuses(&text) {
                Some(code) => PutRecordsResultEntry {
                    error_code: Some(code.name().into()),
                    error_message: Some("because".into()),
                    ..PutRecordsResultEntry::default()
                },
                None => {
                    taken.push(text);
                    PutRecordsResultEntry {
                        sequence_number: Some(taken.len().to_string()),
                        shard_id: Some("shardId-000000000000".into()),
                        ..PutRecordsResultEntry::default()
                    }
                }
            });
        }
        let failed = records.iter().filter(|record| record.error_code.is_some()).count();
        received.answer::<PutRecordsInput>(PutRecordsOutput {
            failed_record_count: i32::try_from(failed).unwrap(),
            records,
            encryption_type: None,
        })
    }
}

async fn put_all(client: Client, count: usize) -> Vec<Ticket> {
    let producer = Producer::start(client, "events");
    let mut tickets = Vec::new();
    for number in 0..count {
        tickets.push(producer.put(Record::new("key", number.to_string())).await.unwrap());
    }
    tickets
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_ticket_tells_where_its_record_went_even_after_the_producer_is_dropped() {
    let taken = Taken::default();
    let script = taken.clone();
    let client = client(attempts(1), move |received| script.put(received, |_| None));
    let tickets = put_all(client, 1234).await;
    for (index, ticket) in tickets.into_iter().enumerate() {
        assert_eq!(ticket.await.unwrap().sequence_number, (index + 1).to_string());
    }
    assert_eq!(taken.all(), numbers(0..1234));
}

#[tokio::test(start_paused = true)]
async fn refused_entries_are_sent_again_before_anything_newer() {
    let taken = Taken::default();
    let script = taken.clone();
    let full = Mutex::new(true);
    // The service has no room for records from 100 on, the first time.
    let client = client(attempts(3), move |received| {
        let mut full = full.lock().unwrap();
        let reply = script.put(received, |text| {
            let refused = *full && text.parse::<u32>().unwrap() >= 100;
            refused.then_some(ErrorCode::ProvisionedThroughputExceeded)
        });
        *full = !script.all().contains(&"99".to_owned());
        reply
    });
    for ticket in put_all(client, 1000).await {
        ticket.await.unwrap();
    }
    assert_eq!(taken.all(), numbers(0..1000));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_throttles_sets_the_pace_for_as_long_as_it_takes_some() {
    let taken = Taken::default();
    let script = taken.clone();
    let client = client(attempts(2), move |received| {
        let room = script.all().len() + 10;
        script.put(received, |text| {
            let refused = text.parse::<usize>().unwrap() >= room;
            refused.then_some(ErrorCode::ProvisionedThroughputExceeded)
        })
    });
    for ticket in put_all(client, 1000).await {
        ticket.await.unwrap();
    }
    assert_eq!(taken.all(), numbers(0..1000));
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_refused_again_and_again_is_given_up() {
    let taken = Taken::default();
    let script = taken.clone();
    let client = client(attempts(3), move |received| {
        script.put(received, |text| (text == "7").then_some(ErrorCode::InternalFailureException))
    });
    let mut failed = BTreeSet::new();
    for (index, ticket) in put_all(client, 10).await.into_iter().enumerate() {
        if let Err(error) = ticket.await {
            assert_eq!(error.code(), Some(ErrorCode::InternalFailureException));
            failed.insert(index);
        }
    }
    assert_eq!(failed, [7].into());
    assert_eq!(taken.all().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_no_call_may_contain_fails_alone() {
    let taken = Taken::default();
    let script = taken.clone();
    let client = client(attempts(3), move |received| {
        let input = received.input::<PutRecordsInput>().expect("it is PutRecords");
        if input.records.iter().any(|entry| entry.data == "123") {
            return Reply::Refusal(ApiError::new(ErrorCode::Validation, "too large"));
        }
        script.put(received, |_| None)
    });
    let mut failed = Vec::new();
    for (index, ticket) in put_all(client, 700).await.into_iter().enumerate() {
        if let Err(error) = ticket.await {
            assert_eq!(error.code(), Some(ErrorCode::Validation));
            failed.push(index);
        }
    }
    assert_eq!(failed, [123]);
    let expected: Vec<_> = numbers(0..700).into_iter().filter(|text| text != "123").collect();
    assert_eq!(taken.all(), expected);
}

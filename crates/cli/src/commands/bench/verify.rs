//! Reads back what a run wrote: every acknowledged record must be there once, unchanged, in the
//! order of its key; nothing that was refused, and nothing that was never sent.

use std::collections::BTreeMap;

use serde::Serialize;
use weir_client::{Consumer, ConsumerConfig, ErrorCode, Received};

use super::Bench;
use super::payload::Header;
use super::writer::{KeyLedger, Written};

/// How many findings are told in words; the rest is only counted.
const FINDINGS_MAX: usize = 10;

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Verified {
    /// Records that were read.
    pub(super) records: u64,
    /// Acknowledged records that are not there.
    pub(super) missing: u64,
    /// Records that are there but should not be: changed, doubled, out of order, or refused.
    pub(super) wrong: u64,
    /// The first few of them, in words.
    pub(super) findings: Vec<String>,
}

/// Reads the whole stream. One that is gone has nothing.
pub(super) async fn run(bench: &Bench<'_>, written: &Written) -> anyhow::Result<Verified> {
    let config = ConsumerConfig { until_caught_up: true, ..ConsumerConfig::new(&bench.stream) };
    let mut checker = Checker::new(bench.run, written);
    let mut consumer = match Consumer::open(bench.patient_client()?, config).await {
        Err(error) if error.code() == Some(ErrorCode::ResourceNotFound) => {
            return Ok(checker.finish());
        }
        opened => opened?,
    };
    while let Some(received) = consumer.next().await? {
        checker.check(&received);
    }
    Ok(checker.finish())
}

struct Checker<'a> {
    run: u64,
    keys: &'a [Vec<KeyLedger>],
    /// Per connection and key, the number that the next record should have.
    next: BTreeMap<(u32, u32), u64>,
    verified: Verified,
}

impl<'a> Checker<'a> {
    fn new(run: u64, written: &'a Written) -> Self {
        Self { run, keys: &written.keys, next: BTreeMap::new(), verified: Verified::default() }
    }

    fn check(&mut self, received: &Received) {
        self.verified.records += 1;
        let at = || format!("{} {}", received.shard_id, received.sequence_number);
        let Some(header) = Header::read(&received.record.data) else {
            return self.wrong(format!("{} was changed", at()));
        };
        if header.run != self.run || header.partition_key() != received.record.partition_key {
            return self.wrong(format!("{} is not of this run", at()));
        }
        let place = (header.connection, header.key);
        let ledger = self.keys.get(place.0 as usize).and_then(|keys| keys.get(place.1 as usize));
        let Some(ledger) = ledger.filter(|ledger| header.counter < ledger.sent) else {
            return self.wrong(format!("{} was never sent", at()));
        };
        if ledger.refused.contains(&header.counter) {
            self.wrong(format!("{} was refused and is there", at()));
        }
        let next = self.next.get(&place).copied().unwrap_or_default();
        if header.counter < next {
            let which = format!("record {} of key {}", header.counter, header.partition_key());
            return self.wrong(format!("{}, {which}, is doubled or out of order", at()));
        }
        self.miss(place, ledger, next, header.counter);
        self.next.insert(place, header.counter + 1);
    }

    /// Counts those of `from..to` that were acknowledged.
    fn miss(&mut self, place: (u32, u32), ledger: &KeyLedger, from: u64, to: u64) {
        let excused = |n: &u64| ledger.refused.contains(n) || ledger.unknown.contains(n);
        for counter in (from..to).filter(|counter| !excused(counter)) {
            self.verified.missing += 1;
            self.tell(format!("record {counter} of key {}-{} is missing", place.0, place.1));
        }
    }

    fn wrong(&mut self, finding: String) {
        self.verified.wrong += 1;
        self.tell(finding);
    }

    fn tell(&mut self, finding: String) {
        if self.verified.findings.len() < FINDINGS_MAX {
            self.verified.findings.push(finding);
        }
    }

    fn finish(mut self) -> Verified {
        let keys = self.keys;
        for (connection, keys) in (0..).zip(keys) {
            for (key, ledger) in (0..).zip(keys) {
                let next = self.next.get(&(connection, key)).copied().unwrap_or_default();
                self.miss((connection, key), ledger, next, ledger.sent);
            }
        }
        self.verified
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::BytesMut;
    use model::Timestamp;
    use weir_client::Record;

    use super::*;

    const RUN: u64 = 1;

    fn record(run: u64, counter: u64) -> Received {
        let header = Header { run, connection: 0, key: 0, counter, due: Duration::ZERO };
        let mut data = BytesMut::new();
        header.write(100, &mut data);
        Received {
            shard_id: "shardId-000000000000".into(),
            sequence_number: counter.to_string(),
            arrival: Timestamp::default(),
            record: Record::new("0-0", data.freeze()),
        }
    }

    /// Five records were sent; number 1 was refused, the fate of number 3 is unknown.
    fn verified(records: &[Received]) -> (u64, u64) {
        let ledger = KeyLedger { sent: 5, refused: [1].into(), unknown: [3].into() };
        let written = Written { keys: vec![vec![ledger]], ..Written::default() };
        let mut checker = Checker::new(RUN, &written);
        for record in records {
            checker.check(record);
        }
        let verified = checker.finish();
        assert_eq!(verified.findings.len() as u64, verified.missing + verified.wrong);
        (verified.missing, verified.wrong)
    }

    #[test]
    fn records_that_must_or_may_be_there_are_fine() {
        assert_eq!(verified(&[record(RUN, 0), record(RUN, 2), record(RUN, 4)]), (0, 0));
        let with_unknown = [record(RUN, 0), record(RUN, 2), record(RUN, 3), record(RUN, 4)];
        assert_eq!(verified(&with_unknown), (0, 0));
    }

    #[test]
    fn missing_doubled_reordered_refused_foreign_and_changed_records_are_found() {
        let fine = [record(RUN, 0), record(RUN, 2), record(RUN, 4)];
        assert_eq!(verified(&fine[..2]), (1, 0));
        assert_eq!(verified(&fine[1..]), (1, 0));
        assert_eq!(verified(&[]), (3, 0));
        let with = |extra: Received, at: usize| {
            let mut records = fine.to_vec();
            records.insert(at, extra);
            verified(&records)
        };
        assert_eq!(with(record(RUN, 0), 1), (0, 1), "doubled");
        assert_eq!(with(record(RUN, 3), 3), (0, 1), "out of order");
        assert_eq!(with(record(RUN, 1), 1), (0, 1), "refused");
        assert_eq!(with(record(RUN, 5), 3), (0, 1), "never sent");
        assert_eq!(with(record(2, 1), 1), (0, 1), "of another run");
        let mut changed = record(RUN, 3);
        let mut data = changed.record.data.to_vec();
        data[50] ^= 1;
        changed.record.data = data.into();
        assert_eq!(with(changed, 2), (0, 1), "changed");
    }
}

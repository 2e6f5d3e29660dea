//! What a request of 500 records of 1 KiB costs on the wire: `cargo bench -p wire`.
//! Figures are per request; divide by 500 for a record.

#![expect(clippy::unwrap_used, reason = "a benchmark has nobody to answer to")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use model::Timestamp;
use wire::codec::{decode_carefully, decode_input, encode};
use wire::kinesis::{
    GetRecordsOutput, PutRecordsInput, PutRecordsOutput, PutRecordsRequestEntry,
    PutRecordsResultEntry, Record,
};
use wire::sigv4::{Credentials, PayloadHash, Secret, parse, sign, signing_key};
use wire::{Encoding, HttpRequest};

const RECORDS: usize = 500;
const SEQUENCE_NUMBER: &str = "49674026002850188218576229259473476449429298564223254594";

fn payload(at: usize) -> Bytes {
    (0..1024).map(|byte| (at * 31 + byte * 7) as u8).collect()
}

fn request() -> PutRecordsInput {
    let entry = |at| PutRecordsRequestEntry {
        data: payload(at),
        explicit_hash_key: None,
        partition_key: Some(format!("customer-{at}")),
    };
    PutRecordsInput {
        records: (0..RECORDS).map(entry).collect(),
        stream_name: Some("orders".to_owned()),
        ..Default::default()
    }
}

fn put_answer() -> PutRecordsOutput {
    let entry = PutRecordsResultEntry {
        sequence_number: Some(SEQUENCE_NUMBER.to_owned()),
        shard_id: Some("shardId-000000000003".to_owned()),
        ..Default::default()
    };
    PutRecordsOutput { records: vec![entry; RECORDS], ..Default::default() }
}

fn get_answer() -> GetRecordsOutput {
    let record = |at| Record {
        sequence_number: SEQUENCE_NUMBER.to_owned(),
        approximate_arrival_timestamp: Some(Timestamp::from_millis(1_700_000_000_123)),
        data: payload(at),
        partition_key: Some(format!("customer-{at}")),
        encryption_type: None,
    };
    GetRecordsOutput { records: (0..RECORDS).map(record).collect(), ..Default::default() }
}

fn codecs(criterion: &mut Criterion) {
    for encoding in [Encoding::Json, Encoding::Cbor] {
        let mut group = criterion.benchmark_group(format!("{encoding}"));
        group.throughput(Throughput::Elements(RECORDS as u64));
        let body = encode(encoding, &request());
        group.bench_function("read PutRecords", |bencher| {
            bencher.iter(|| decode_input::<PutRecordsInput>(encoding, black_box(&body)).unwrap());
        });
        group.bench_function("read PutRecords carefully", |bencher| {
            bencher
                .iter(|| decode_carefully::<PutRecordsInput>(encoding, black_box(&body)).unwrap());
        });
        let answer = put_answer();
        group.bench_function("write PutRecords", |bencher| {
            bencher.iter(|| encode(encoding, black_box(&answer)));
        });
        let answer = get_answer();
        group.bench_function("write GetRecords", |bencher| {
            bencher.iter(|| encode(encoding, black_box(&answer)));
        });
        group.finish();
    }
}

fn signatures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("signature");
    let body = encode(Encoding::Json, &request());
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("hash the body", |bencher| {
        bencher.iter(|| PayloadHash::of(black_box(&body)));
    });
    group.finish();

    let now = Timestamp::from_seconds(1_795_476_667);
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    let credentials = Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret: secret.clone(),
        session_token: None,
    };
    let sent = [
        ("host", &b"localhost:4567"[..]),
        ("content-type", b"application/x-amz-json-1.1"),
        ("x-amz-target", b"Kinesis_20131202.PutRecords"),
    ];
    let plain =
        HttpRequest { method: "POST", path: "/", query: "", headers: sent.into_iter().collect() };
    let payload = PayloadHash::of(&body);
    let added = sign(&plain, payload, &credentials, "eu-west-1", now);
    let added = added.iter().map(|(name, value)| (*name, value.as_bytes()));
    let request = HttpRequest { headers: plain.headers.iter().chain(added).collect(), ..plain };
    let key = signing_key(&secret, "20261123", "eu-west-1");
    criterion.bench_function("signature/verify without the hash", |bencher| {
        bencher.iter(|| {
            let signed = parse(black_box(&request)).unwrap();
            signed.scope(now).unwrap();
            signed.verify(&request, payload, &key).unwrap();
        });
    });
}

criterion_group!(benches, codecs, signatures);
criterion_main!(benches);

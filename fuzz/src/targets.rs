//! The targets.

mod event_stream;
mod operations;
mod requests;
mod words;

/// Something that takes any bytes.
pub struct Target {
    /// What its corpus and its program are called.
    pub name: &'static str,
    /// How many mutations `cargo test` tries.
    pub mutations: u64,
    /// Panics if the reader of the bytes does, or reads them wrongly.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "json", mutations: 4000, run: operations::json },
    Target { name: "cbor", mutations: 4000, run: operations::cbor },
    Target { name: "answers", mutations: 2000, run: operations::answers },
    Target { name: "event_stream", mutations: 2000, run: event_stream::run },
    Target { name: "sigv4", mutations: 2000, run: requests::sigv4 },
    Target { name: "sts", mutations: 2000, run: requests::sts },
    Target { name: "envelope", mutations: 2000, run: requests::envelope },
    Target { name: "words", mutations: 4000, run: words::run },
];

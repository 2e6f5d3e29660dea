//! The targets.

mod event_stream;
mod http;
mod operations;
mod policy;
mod requests;
mod stored;
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

/// Every target: first what comes over the network, then what is on disk.
pub const TARGETS: &[Target] = &[
    Target { name: "http", mutations: 200, run: http::run },
    Target { name: "envelope", mutations: 2000, run: requests::envelope },
    Target { name: "sigv4", mutations: 2000, run: requests::sigv4 },
    Target { name: "sts", mutations: 2000, run: requests::sts },
    Target { name: "json", mutations: 4000, run: operations::json },
    Target { name: "cbor", mutations: 4000, run: operations::cbor },
    Target { name: "words", mutations: 4000, run: words::run },
    Target { name: "token", mutations: 2000, run: streams::fuzz::token },
    Target { name: "session", mutations: 2000, run: security::fuzz::session },
    Target { name: "policy", mutations: 2000, run: policy::run },
    Target { name: "answers", mutations: 2000, run: operations::answers },
    Target { name: "event_stream", mutations: 2000, run: event_stream::run },
    Target { name: "journal_file", mutations: 500, run: storage::fuzz::journal_file },
    Target { name: "chunk", mutations: 4000, run: storage::fuzz::chunk },
    Target { name: "segment", mutations: 4000, run: storage::fuzz::segment },
    Target { name: "manifest", mutations: 4000, run: storage::fuzz::manifest },
    Target { name: "table_entry", mutations: 2000, run: storage::fuzz::table_entry },
    Target { name: "catalog", mutations: 4000, run: stored::catalog },
    Target { name: "identity", mutations: 2000, run: stored::identity },
    Target { name: "key_ring", mutations: 2000, run: stored::key_ring },
];

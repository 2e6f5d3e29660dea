//! A client of the Kinesis API, for Weir and for whatever else speaks it.
//!
//! - [`Client`] makes single calls: typed, signed, over pooled connections, tried again when that
//!   may help.
//! - [`Producer`] gathers records into batches and gives a ticket for each.
//! - [`Subscription`] gives the records of one shard as they come (enhanced fan-out).
//! - [`Consumer`] reads all the shards of a stream, parents before children.
//!
//! ```no_run
//! use weir_client::{Client, ClientConfig, Consumer, ConsumerConfig, Producer, Record};
//!
//! # async fn example() -> Result<(), weir_client::Error> {
//! let client = Client::new(ClientConfig::default())?;
//!
//! let producer = Producer::start(client.clone(), "events");
//! let ticket = producer.put(Record::new("a key", "some bytes")).await?;
//! println!("it is on {}", ticket.await?.shard_id);
//!
//! let mut consumer = Consumer::open(client, ConsumerConfig::new("events")).await?;
//! while let Some(received) = consumer.next().await? {
//!     println!("{}: {:?}", received.record.partition_key, received.record.data);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What this is not: a library for applications that share the work of a stream; that takes
//! leases and checkpoints.

mod bodies;
mod client;
mod config;
mod consumer;
mod endpoint;
mod error;
mod pages;
mod pool;
mod producer;
mod retry;
mod subscription;
mod tls;

pub use wire::{ApiError, Call, Encoding, ErrorCode, admin, kinesis};

pub use client::{Client, World};
pub use config::{ClientCertificate, ClientConfig, Credentials, Trust};
pub use consumer::{Consumer, ConsumerConfig, Position, Received};
pub use error::{Error, Result};
pub use producer::{Producer, Record, Ticket, Written};
pub use subscription::Subscription;

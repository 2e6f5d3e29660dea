//! Kinesis on the wire: operations, shapes, codecs, signatures, errors.
//!
//! Everything that a client can see on the wire is spelled here and nowhere else: targets,
//! header names, member names, error codes and their texts. It is pure: bytes and values in,
//! bytes and values out. It owns no socket, no clock and no rule of what an operation does.
//!
//! ```text
//!  request ─ envelope::check ─ sigv4::verify ─ dispatch ── codec ── schema ── XInput ─┐
//!                                                                               Handlers
//!  response ───────────────── envelope::success / failure ── codec ────── XOutput ────┘
//! ```
//!
//! Invariants:
//! - The table in [`operation`] is the only list of operations.
//! - Verifying and signing share one canonical form.
//! - A decoder answers or refuses; it never panics, whatever the bytes, and never allocates more
//!   than a fixed multiple of what it was given.
//! - The quick decoders of the hot operations give exactly what the careful ones give; whatever
//!   they do not like, the careful ones explain.

pub mod admin;
pub mod codec;
pub mod envelope;
mod error;
pub mod event_stream;
pub mod kinesis;
pub mod operation;
mod request;
pub mod schema;
pub mod sigv4;
pub mod sts;
pub mod value;

pub use codec::Encoding;
pub use error::{ApiError, Error, ErrorCode, Result};
pub use operation::{
    AdminHandlers, Answer, Authority, Call, CallVisitor, Caller, Class, Events, Guard, Handlers,
    Operation, Reply, Services, Tags, Target, coverage, dispatch, reference, visit_calls,
};
pub use request::{Headers, HttpRequest};

//! Buffers that requests are encoded into, used again and again.
//!
//! A PutRecords body is large. A new buffer for each grows to its size step by step, each step a
//! copy, on memory that the system has just cleared and will be given back.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde::Serialize;
use wire::{Encoding, codec};

/// The most buffers that are kept.
const BUFFERS_MAX: usize = 8;
/// A larger buffer is not kept.
const BUFFER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Buffers that no request uses at the moment.
#[derive(Default)]
pub(crate) struct Bodies(Mutex<Vec<Vec<u8>>>);

impl Bodies {
    /// The body of a request.
    pub(crate) fn encode<T: Serialize>(&self, encoding: Encoding, value: &T) -> Bytes {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut buffer = kept.unwrap_or_default();
        codec::encode_onto(encoding, value, &mut buffer);
        buffer.into()
    }

    /// Keeps the buffer of a body, unless a request that was given up still has it.
    pub(crate) fn take_back(&self, body: Bytes) {
        let Ok(mut body) = body.try_into_mut() else { return };
        body.clear();
        let buffer = Vec::from(body);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < BUFFERS_MAX && buffer.capacity() <= BUFFER_BYTES_MAX {
            kept.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_nobody_else_has_it() {
        let bodies = Bodies::default();
        let long = "long".repeat(100);
        let body = bodies.encode(Encoding::Json, &long);
        let (first, elsewhere) = (body.as_ptr(), body.clone());
        bodies.take_back(body);
        let other = bodies.encode(Encoding::Json, &"other");
        assert_ne!(other.as_ptr(), first, "the first buffer is still in use");
        bodies.take_back(elsewhere);
        let again = bodies.encode(Encoding::Json, &"again");
        assert_eq!((again.as_ptr(), &again[..]), (first, &b"\"again\""[..]));
        assert_eq!(other, "\"other\"");
    }
}

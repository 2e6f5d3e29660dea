//! What can go wrong between a caller and the service.

use std::io;
use std::sync::Arc;

use wire::{ApiError, ErrorCode};

/// The result of a call.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed. Cheap to clone, so that every record of a failed batch can carry it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The endpoint cannot be used.
    #[error("cannot use the endpoint {endpoint:?}: {reason}")]
    Endpoint {
        /// The endpoint as it was given.
        endpoint: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No encrypted connection can be made with what is to be trusted or shown.
    #[error("cannot use TLS: {reason}")]
    Tls {
        /// Why not.
        reason: String,
    },
    /// The region or a part of the key has blanks or characters that no header can carry.
    #[error("{what} has characters that cannot be sent")]
    Unprintable {
        /// Which part of the configuration it is.
        what: &'static str,
    },
    /// The service answered with an error.
    #[error("{operation} failed: {error}")]
    Service {
        /// The operation that was called.
        operation: &'static str,
        /// What the service says.
        error: ApiError,
        /// The request's id, to find it in the server's traces.
        request_id: Option<String>,
    },
    /// No connection could be opened; nothing was sent.
    #[error("cannot connect to {endpoint}")]
    Connect {
        /// Where to.
        endpoint: String,
        /// Why not.
        source: Arc<io::Error>,
    },
    /// The connection broke. Whether the request took effect is unknown.
    #[error("the connection to {endpoint} broke during {operation}")]
    Broken {
        /// Where to.
        endpoint: String,
        /// The operation that was called.
        operation: &'static str,
        /// How it broke.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The attempt took too long. Whether the request took effect is unknown.
    #[error("{operation} was not answered within {seconds} s")]
    Timeout {
        /// The operation that was called.
        operation: &'static str,
        /// How long the client waited.
        seconds: u64,
    },
    /// The answer makes no sense.
    #[error("cannot understand the answer to {operation}: {reason}")]
    Answer {
        /// The operation that was called.
        operation: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The producer's task ended before this record was answered.
    #[error("the producer was stopped")]
    Stopped,
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    ///
    /// After [`Error::Broken`] and [`Error::Timeout`] a retried put may write its records twice.
    pub fn is_retryable(&self) -> bool {
        match self {
            // A certificate that is not trusted will not be later either.
            Self::Connect { source, .. } => source.kind() != io::ErrorKind::InvalidData,
            Self::Broken { .. } | Self::Timeout { .. } => true,
            Self::Service { error, .. } => error.code.is_retryable(),
            _ => false,
        }
    }

    /// What the service refused with, if it was the service.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Service { error, .. } => Some(error.code),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(code: ErrorCode) -> Error {
        let error = ApiError::new(code, "Rate exceeded");
        Error::Service { operation: "PutRecord", error, request_id: None }
    }

    #[test]
    fn throttles_and_the_servers_own_failures_are_retryable_and_refusals_are_not() {
        assert!(service(ErrorCode::ProvisionedThroughputExceeded).is_retryable());
        assert!(service(ErrorCode::InternalFailure).is_retryable());
        assert!(service(ErrorCode::ServiceUnavailable).is_retryable());
        assert!(!service(ErrorCode::ResourceNotFound).is_retryable());
        assert!(!service(ErrorCode::ExpiredIterator).is_retryable());
        assert!(Error::Timeout { operation: "PutRecord", seconds: 1 }.is_retryable());
        assert!(!Error::Stopped.is_retryable());
    }

    #[test]
    fn a_service_error_reads_like_a_sentence() {
        let text = service(ErrorCode::LimitExceeded).to_string();
        assert_eq!(text, "PutRecord failed: LimitExceededException: Rate exceeded");
    }
}

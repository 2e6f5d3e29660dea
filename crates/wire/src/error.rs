//! The errors of the API: their names, their statuses, and their two encodings.

use std::fmt;

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::codec::{self, Encoding};
use crate::value::Value;

/// What can be wrong with bytes that the other side sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not the format that they claim to be, or not the shape that was expected.
    #[error("malformed {encoding} body: {reason}")]
    Malformed {
        /// How the bytes were read.
        encoding: Encoding,
        /// What is wrong with them.
        reason: String,
    },
}

/// A result of this crate's readers.
pub type Result<T> = std::result::Result<T, Error>;

/// The name of an error, as clients switch on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorCode {
    /// The principal may not do this.
    AccessDenied,
    /// The call would have been carried out, but `DryRun` was set.
    DryRunOperation,
    /// The shard iterator is older than five minutes.
    ExpiredIterator,
    /// The pagination token is older than five minutes.
    ExpiredNextToken,
    /// The session of temporary credentials is over.
    ExpiredToken,
    /// The authorization lacks one of its parts.
    IncompleteSignature,
    /// The server failed; the caller may try again.
    InternalFailure,
    /// The same, as the model declares it and as an entry of PutRecords is told.
    InternalFailureException,
    /// An argument is wrong in a way that the shapes cannot express.
    InvalidArgument,
    /// The signature is not the one that the server calculates.
    InvalidSignature,
    /// The stream's key may not be used.
    KmsAccessDenied,
    /// The stream's key is disabled.
    KmsDisabled,
    /// The stream's key is in a state in which it cannot be used.
    KmsInvalidState,
    /// The stream's key does not exist.
    KmsNotFound,
    /// The account has no key service.
    KmsOptInRequired,
    /// The key service throttles.
    KmsThrottling,
    /// A limit of the account or of the control plane is reached.
    LimitExceeded,
    /// The request is not signed at all.
    MissingAuthenticationToken,
    /// A shard's throughput is used up.
    ProvisionedThroughputExceeded,
    /// The resource exists already, or is not in a state that allows this.
    ResourceInUse,
    /// There is no such resource.
    ResourceNotFound,
    /// The body is not what its content type says, or a member has the wrong type.
    Serialization,
    /// The server cannot take this now, for example because its disk is full.
    ServiceUnavailable,
    /// Too many calls, for the families that say it so.
    Throttling,
    /// There is no such operation, or it is not supported.
    UnknownOperation,
    /// There is no such access key.
    UnrecognizedClient,
    /// A member violates its constraints.
    Validation,
    /// A client's word for a code of another server that this table does not know.
    Unrecognized,
}

impl ErrorCode {
    /// Every code, in the order of the declaration.
    pub const ALL: [Self; 28] = [
        Self::AccessDenied,
        Self::DryRunOperation,
        Self::ExpiredIterator,
        Self::ExpiredNextToken,
        Self::ExpiredToken,
        Self::IncompleteSignature,
        Self::InternalFailure,
        Self::InternalFailureException,
        Self::InvalidArgument,
        Self::InvalidSignature,
        Self::KmsAccessDenied,
        Self::KmsDisabled,
        Self::KmsInvalidState,
        Self::KmsNotFound,
        Self::KmsOptInRequired,
        Self::KmsThrottling,
        Self::LimitExceeded,
        Self::MissingAuthenticationToken,
        Self::ProvisionedThroughputExceeded,
        Self::ResourceInUse,
        Self::ResourceNotFound,
        Self::Serialization,
        Self::ServiceUnavailable,
        Self::Throttling,
        Self::UnknownOperation,
        Self::UnrecognizedClient,
        Self::Validation,
        Self::Unrecognized,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::DryRunOperation => "DryRunOperationException",
            Self::ExpiredIterator => "ExpiredIteratorException",
            Self::ExpiredNextToken => "ExpiredNextTokenException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::IncompleteSignature => "IncompleteSignatureException",
            Self::InternalFailure => "InternalFailure",
            Self::InternalFailureException => "InternalFailureException",
            Self::InvalidArgument => "InvalidArgumentException",
            Self::InvalidSignature => "InvalidSignatureException",
            Self::KmsAccessDenied => "KMSAccessDeniedException",
            Self::KmsDisabled => "KMSDisabledException",
            Self::KmsInvalidState => "KMSInvalidStateException",
            Self::KmsNotFound => "KMSNotFoundException",
            Self::KmsOptInRequired => "KMSOptInRequired",
            Self::KmsThrottling => "KMSThrottlingException",
            Self::LimitExceeded => "LimitExceededException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::ProvisionedThroughputExceeded => "ProvisionedThroughputExceededException",
            Self::ResourceInUse => "ResourceInUseException",
            Self::ResourceNotFound => "ResourceNotFoundException",
            Self::Serialization => "SerializationException",
            Self::ServiceUnavailable => "ServiceUnavailableException",
            Self::Throttling => "ThrottlingException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::Validation => "ValidationException",
            Self::Unrecognized => "UnrecognizedError",
        }
    }

    /// The HTTP status that goes with the code.
    pub const fn http_status(self) -> u16 {
        match self {
            Self::InternalFailure | Self::InternalFailureException => 500,
            Self::ServiceUnavailable => 503,
            _ => 400,
        }
    }

    /// Whether the same call may succeed later without the caller changing it.
    pub const fn is_retryable(self) -> bool {
        matches!(
            self,
            Self::InternalFailure
                | Self::InternalFailureException
                | Self::KmsThrottling
                | Self::LimitExceeded
                | Self::ProvisionedThroughputExceeded
                | Self::ServiceUnavailable
                | Self::Throttling
        )
    }

    /// The code with this name; `prefix#Name` counts as `Name`.
    pub fn from_name(name: &str) -> Option<Self> {
        let bare = name.rsplit_once('#').map_or(name, |(_, bare)| bare);
        Self::ALL.into_iter().find(|code| code.name() == bare)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A refusal, as the client gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What clients switch on.
    pub code: ErrorCode,
    /// What people read. AWS sends none for a few codes.
    pub message: Option<String>,
}

impl ApiError {
    /// A refusal with a text.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()) }
    }

    /// A refusal without a text.
    pub const fn bare(code: ErrorCode) -> Self {
        Self { code, message: None }
    }

    /// The body of the response.
    pub fn encode(&self, encoding: Encoding) -> Bytes {
        codec::encode(encoding, self)
    }

    /// The refusal in a response with an error status. A body that is no error of this protocol,
    /// such as a proxy's page, becomes an error that says so: the caller needs one either way.
    pub fn decode(encoding: Encoding, status: u16, body: &Bytes) -> Self {
        let members = match codec::decode(encoding, body) {
            Ok(Value::Map(members)) => members,
            _ => Vec::new(),
        };
        let text = |name: &str| {
            members.iter().rev().find_map(|(key, value)| match value {
                Value::Str(text) if key == name => Some(text.to_string()),
                _ => None,
            })
        };
        let message = text("message").or_else(|| text("Message"));
        let name = text("__type").unwrap_or_else(|| format!("HTTP status {status}"));
        match ErrorCode::from_name(&name) {
            Some(code) => Self { code, message },
            None => Self::new(
                unrecognized(status),
                message.map_or_else(|| name.clone(), |message| format!("{name}: {message}")),
            ),
        }
    }
}

/// What to make of a code that is not in the table: the status still says who is at fault.
const fn unrecognized(status: u16) -> ErrorCode {
    match status {
        503 => ErrorCode::ServiceUnavailable,
        500.. => ErrorCode::InternalFailure,
        429 => ErrorCode::Throttling,
        _ => ErrorCode::Unrecognized,
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{}: {message}", self.code),
            None => f.write_str(self.code.name()),
        }
    }
}

impl std::error::Error for ApiError {}

impl Serialize for ApiError {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("__type", self.code.name())?;
        if let Some(message) = &self.message {
            // AWS spells the text of this one code differently, and clients show what they find.
            let key = if self.code == ErrorCode::Serialization { "Message" } else { "message" };
            map.serialize_entry(key, message)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_found_by_its_name_with_or_without_a_prefix() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_name(code.name()), Some(code));
            let prefixed = format!("com.amazonaws.kinesis#{}", code.name());
            assert_eq!(ErrorCode::from_name(&prefixed), Some(code));
        }
    }

    #[test]
    fn an_error_comes_back_from_both_encodings() {
        for code in ErrorCode::ALL {
            for error in [ApiError::bare(code), ApiError::new(code, "a \"text\" é")] {
                for encoding in [Encoding::Json, Encoding::Cbor] {
                    let body = error.encode(encoding);
                    assert_eq!(ApiError::decode(encoding, code.http_status(), &body), error);
                }
            }
        }
    }

    #[test]
    fn the_message_of_a_serialization_exception_has_a_capital_letter() {
        let error = ApiError::new(ErrorCode::Serialization, "no");
        let body = error.encode(Encoding::Json);
        assert_eq!(body, r#"{"__type":"SerializationException","Message":"no"}"#);
        let other = ApiError::new(ErrorCode::Validation, "no").encode(Encoding::Json);
        assert_eq!(other, r#"{"__type":"ValidationException","message":"no"}"#);
    }

    #[test]
    fn what_is_no_error_of_the_protocol_is_still_reported_with_its_status() {
        let page = Bytes::from_static(b"<html>bad gateway</html>");
        let error = ApiError::decode(Encoding::Json, 502, &page);
        assert_eq!(error.code, ErrorCode::InternalFailure);
        assert_eq!(error.message.as_deref(), Some("HTTP status 502"));
        let foreign = Bytes::from_static(br#"{"__type":"x#TeapotException","message":"short"}"#);
        let error = ApiError::decode(Encoding::Json, 400, &foreign);
        assert_eq!(error.code, ErrorCode::Unrecognized);
        assert_eq!(error.message.as_deref(), Some("x#TeapotException: short"));
    }
}

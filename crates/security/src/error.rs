//! What can go wrong with identities, policies and keys.

use wire::{ApiError, ErrorCode};

/// Why a call of this crate failed. Texts are AWS's where AWS has one, hence with capitals.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text or a file is not a master key.
    #[error("not a master key: {0}")]
    NotAMasterKey(String),
    /// A secret was wrapped under another master key than this one.
    #[error(
        "{what} is wrapped under another master key ({wrapped_under}) than the one given ({given})"
    )]
    WrongMasterKey {
        /// What was to be unwrapped.
        what: String,
        /// The fingerprint of the master key that wrapped it.
        wrapped_under: String,
        /// The fingerprint of the one that tried.
        given: String,
    },
    /// What is stored is not what was stored: storage vouches for the bytes, so somebody changed
    /// or moved them, or a program wrote them wrong.
    #[error("{0} is damaged or was put in another's place")]
    Corrupt(String),
    /// There is no such key or alias.
    #[error("{0}")]
    KmsNotFound(String),
    /// The key is disabled.
    #[error("{0}")]
    KmsDisabled(String),
    /// The key cannot be used as it is.
    #[error("{0}")]
    KmsInvalidState(String),
    /// The key is not for the caller.
    #[error("{0}")]
    KmsAccessDenied(String),
    /// An argument is wrong.
    #[error("{0}")]
    Invalid(String),
    /// It exists already, or its state does not allow this.
    #[error("{0}")]
    Conflict(String),
    /// The caller may not do this.
    #[error("{0}")]
    Denied(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// A quota is used up.
    #[error("{0}")]
    LimitExceeded(String),
    /// The node stops.
    #[error("the node stops")]
    Stopping,
    /// Storage refused or failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// What this crate's calls answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::KmsNotFound(_) => ErrorCode::KmsNotFound,
            Error::KmsDisabled(_) => ErrorCode::KmsDisabled,
            Error::KmsInvalidState(_) => ErrorCode::KmsInvalidState,
            Error::KmsAccessDenied(_) => ErrorCode::KmsAccessDenied,
            Error::Denied(_) => ErrorCode::AccessDenied,
            Error::NotFound(_) => ErrorCode::ResourceNotFound,
            Error::Invalid(_) => ErrorCode::InvalidArgument,
            Error::Conflict(_) => ErrorCode::ResourceInUse,
            Error::LimitExceeded(_) => ErrorCode::LimitExceeded,
            Error::Storage(storage) if storage.is_retryable() => {
                tracing::warn!(%error, "a request was put off");
                return Self::bare(ErrorCode::ServiceUnavailable);
            }
            Error::NotAMasterKey(_)
            | Error::WrongMasterKey { .. }
            | Error::Corrupt(_)
            | Error::Stopping
            | Error::Storage(_) => {
                tracing::error!(%error, "a request failed");
                return Self::bare(ErrorCode::InternalFailure);
            }
        };
        Self::new(code, error.to_string())
    }
}

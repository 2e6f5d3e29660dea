//! What can go wrong with identities, policies and keys.

/// Why a call of this crate failed.
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
    /// Storage refused or failed.
    #[error(transparent)]
    Storage(#[from] storage::Error),
}

/// What this crate's calls answer.
pub type Result<T> = std::result::Result<T, Error>;

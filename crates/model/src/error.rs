//! Text that is not the value it should be.

/// A text that does not spell the wanted value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct Error {
    wanted: &'static str,
    text: String,
}

impl Error {
    pub(crate) fn new(wanted: &'static str, text: &str) -> Self {
        Self { wanted, text: text.to_owned() }
    }
}

/// The result of reading a value from text.
pub type Result<T> = std::result::Result<T, Error>;

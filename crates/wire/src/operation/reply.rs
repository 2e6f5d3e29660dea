use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use serde::Serialize;

use crate::codec::{self, Encoding, Pieces};
use crate::kinesis::GetRecordsOutput;

/// The body of a successful answer.
pub enum Reply {
    /// It is there as a whole.
    Whole(Bytes),
    /// It has a known length and is encoded as it is sent.
    Pieces(Pieces),
    /// It comes by and by: messages of an event stream.
    Events(Events),
}

/// The messages of an event stream, encoded; the body ends when they end.
pub struct Events(Pin<Box<dyn Stream<Item = Bytes> + Send>>);

impl Events {
    /// Takes the messages.
    pub fn new(messages: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self(Box::pin(messages))
    }

    /// Gives the messages.
    pub fn into_messages(self) -> Pin<Box<dyn Stream<Item = Bytes> + Send>> {
        self.0
    }
}

/// What a handler answers.
pub trait Answer: Send {
    /// The body of the response.
    fn reply(self, encoding: Encoding) -> Reply;
}

impl<T: Serialize + Send> Answer for T {
    fn reply(self, encoding: Encoding) -> Reply {
        Reply::Whole(codec::encode(encoding, &self))
    }
}

impl GetRecordsOutput {
    /// An answer that may be large. Dispatch finds this before the trait's, which would encode it
    /// as a whole.
    pub(crate) fn reply(self, encoding: Encoding) -> Reply {
        Reply::Pieces(Pieces::new(encoding, self))
    }
}

impl Answer for Events {
    fn reply(self, _: Encoding) -> Reply {
        Reply::Events(self)
    }
}

//! One shard's records as they come.

use wire::event_stream::{Decoder, Event};
use wire::kinesis::SubscribeToShardEvent;
use wire::{Operation, codec};

use crate::pool::Opened;
use crate::{Client, Error, Result};

const OPERATION: &str = Operation::SubscribeToShard.name();

/// A shard as an enhanced fan-out consumer follows it; see [`Client::subscribe`].
pub struct Subscription {
    client: Client,
    answer: Opened,
    decoder: Decoder,
}

impl Subscription {
    pub(crate) fn new(client: Client, answer: Opened) -> Self {
        Self { client, answer, decoder: Decoder::default() }
    }

    /// The next event, or `None` when the service has ended the subscription: after five minutes,
    /// or at the end of the shard, which the event before told by its child shards. To go on, a
    /// new subscription starts after the last event's continuation. May be dropped and called
    /// again without losing an event.
    pub async fn next(&mut self) -> Result<Option<SubscribeToShardEvent>> {
        loop {
            match self.decoder.next_event().map_err(|error| unclear(error.to_string()))? {
                None => {}
                Some(Event::InitialResponse) => continue,
                Some(Event::Payload { kind, encoding, payload }) => {
                    if kind != SubscribeToShardEvent::KIND {
                        continue;
                    }
                    let event = codec::decode_output(encoding, &payload);
                    return event.map(Some).map_err(|error| unclear(error.to_string()));
                }
                Some(Event::Refusal(error)) => {
                    return Err(Error::Service { operation: OPERATION, error, request_id: None });
                }
            }
            let bytes = self.answer.next().await;
            match bytes.map_err(|failure| self.client.failed(OPERATION, failure))? {
                Some(bytes) => self.decoder.push(&bytes),
                None if self.decoder.is_empty() => return Ok(None),
                None => return Err(unclear("it ends within an event".into())),
            }
        }
    }
}

fn unclear(reason: String) -> Error {
    Error::Answer { operation: OPERATION, reason }
}

//! Which per-shard metrics of a stream are switched on: a set, kept as the bits of one byte.

use minicbor::data::Type;
use minicbor::decode::{Decode, Decoder, Error as DecodeError};
use minicbor::encode::{Encode, Encoder, Error as EncodeError, Write};

/// A metric that enhanced monitoring switches on. The number is the bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ShardMetric {
    IncomingBytes = 0,
    IncomingRecords = 1,
    OutgoingBytes = 2,
    OutgoingRecords = 3,
    WritesThrottled = 4,
    ReadsThrottled = 5,
    IteratorAge = 6,
}

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardMetrics(u8);

impl ShardMetric {
    /// Every one, in the order of AWS's model.
    pub(crate) const ALL: [Self; 7] = [
        Self::IncomingBytes,
        Self::IncomingRecords,
        Self::OutgoingBytes,
        Self::OutgoingRecords,
        Self::WritesThrottled,
        Self::ReadsThrottled,
        Self::IteratorAge,
    ];
}

impl ShardMetrics {
    pub(crate) fn contains(self, metric: ShardMetric) -> bool {
        self.0 & (1 << metric as u8) != 0
    }

    pub(crate) fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    pub(crate) fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = ShardMetric> {
        ShardMetric::ALL.into_iter().filter(move |metric| self.contains(*metric))
    }
}

impl FromIterator<ShardMetric> for ShardMetrics {
    fn from_iter<I: IntoIterator<Item = ShardMetric>>(metrics: I) -> Self {
        metrics.into_iter().fold(Self::default(), |set, metric| Self(set.0 | 1 << metric as u8))
    }
}

/// The empty set is null, so that a stream without monitoring is written as it always was.
impl<C> Encode<C> for ShardMetrics {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        if self.0 == 0 { encoder.null()?.ok() } else { encoder.u8(self.0)?.ok() }
    }

    fn is_nil(&self) -> bool {
        self.0 == 0
    }
}

impl<'b, C> Decode<'b, C> for ShardMetrics {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        if decoder.datatype()? == Type::Null {
            return decoder.null().map(|()| Self::default());
        }
        decoder.u8().map(Self)
    }

    fn nil() -> Option<Self> {
        Some(Self::default())
    }
}

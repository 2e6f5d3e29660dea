//! How values of `model` and `storage` are written inside catalog records.

use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use model::{HashKey, HashKeyRange, ShardId, Timestamp};
use storage::LogId;

use super::record::Distribution;

/// For `#[cbor(with = "cbor")]`.
pub(super) fn encode<C, T: Stored, W: Write>(
    value: &T,
    encoder: &mut Encoder<W>,
    _: &mut C,
) -> Result<(), EncodeError<W::Error>> {
    value.write(encoder)
}

/// For `#[cbor(with = "cbor")]`.
pub(super) fn decode<C, T: Stored>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<T, DecodeError> {
    T::read(decoder)
}

/// For `#[cbor(has_nil)]`: what a field is that an earlier version did not write.
pub(super) fn nil<T: Stored>() -> Option<T> {
    T::absent()
}

/// For `#[cbor(has_nil)]`: whether the field is left out at the end of a record.
pub(super) fn is_nil<T: Stored + PartialEq>(value: &T) -> bool {
    T::absent().as_ref() == Some(value)
}

/// A value with one way to be written.
pub(super) trait Stored: Sized {
    /// What it is when nothing is written, if that is possible.
    fn absent() -> Option<Self> {
        None
    }

    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>>;
    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError>;
}

/// Milliseconds.
impl Stored for Timestamp {
    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        encoder.u64(self.as_millis())?.ok()
    }

    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        decoder.u64().map(Self::from_millis)
    }
}

/// The number.
impl Stored for LogId {
    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        encoder.u64(self.0)?.ok()
    }

    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        decoder.u64().map(Self)
    }
}

/// The index.
impl Stored for ShardId {
    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        encoder.u32(self.index())?.ok()
    }

    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        decoder.u32().map(Self::new)
    }
}

/// Sixteen bytes, the highest first.
impl Stored for HashKey {
    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        encoder.bytes(&self.get().to_be_bytes())?.ok()
    }

    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let bytes = decoder.bytes()?.try_into();
        let bytes = bytes.map_err(|_| DecodeError::message("a hash key has 16 bytes"))?;
        Ok(Self::new(u128::from_be_bytes(bytes)))
    }
}

/// Start and end, one after the other in an array.
impl Stored for HashKeyRange {
    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        encoder.array(2)?;
        self.start().write(encoder)?;
        self.end().write(encoder)
    }

    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if decoder.array()? != Some(2) {
            return Err(DecodeError::message("a range has two ends"));
        }
        let (start, end) = (HashKey::read(decoder)?, HashKey::read(decoder)?);
        Self::new(start, end).ok_or_else(|| DecodeError::message("a range ends after it starts"))
    }
}

/// 0 by key, 1 evenly; a stream of an earlier version has none and is by key.
impl Stored for Distribution {
    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        encoder.u8(u8::from(*self == Self::Even))?.ok()
    }

    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match Option::<u32>::read(decoder)? {
            None | Some(0) => Ok(Self::ByKey),
            Some(1) => Ok(Self::Even),
            Some(_) => Err(DecodeError::message("a distribution is 0 or 1")),
        }
    }
}

/// The number.
impl Stored for u32 {
    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        encoder.u32(*self)?.ok()
    }

    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        decoder.u32()
    }
}

/// The value, or null.
impl<T: Stored> Stored for Option<T> {
    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        match self {
            Some(value) => value.write(encoder),
            None => encoder.null()?.ok(),
        }
    }

    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if decoder.datatype()? == minicbor::data::Type::Null {
            return decoder.null().map(|()| None);
        }
        T::read(decoder).map(Some)
    }
}

/// An array; null, which stands for a field that an earlier version did not write, is an empty one.
impl<T: Stored> Stored for Vec<T> {
    fn absent() -> Option<Self> {
        Some(Self::new())
    }

    fn write<W: Write>(&self, encoder: &mut Encoder<W>) -> Result<(), EncodeError<W::Error>> {
        encoder.array(self.len() as u64)?;
        self.iter().try_for_each(|value| value.write(encoder))
    }

    fn read(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        if decoder.datatype()? == minicbor::data::Type::Null {
            return decoder.null().map(|()| Self::new());
        }
        let length = decoder.array()?.ok_or_else(|| DecodeError::message("an open array"))?;
        (0..length).map(|_| T::read(decoder)).collect()
    }
}

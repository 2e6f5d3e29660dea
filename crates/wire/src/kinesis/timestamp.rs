//! How a moment passes through serde: marked, because the two encodings count it differently.

use model::Timestamp;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::codec::TIMESTAMP_MARK;

pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(TIMESTAMP_MARK, &time.as_millis())
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Timestamp, D::Error> {
    deserializer.deserialize_newtype_struct(TIMESTAMP_MARK, MillisVisitor)
}

struct MillisVisitor;

impl<'de> Visitor<'de> for MillisVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a moment")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Timestamp, D::Error> {
        Ok(Timestamp::from_millis(u64::deserialize(inner)?))
    }
}

/// The same for a member that may be absent.
pub(crate) mod option {
    use super::*;

    struct Moment(Timestamp);

    impl Serialize for Moment {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            super::serialize(&self.0, serializer)
        }
    }

    impl<'de> Deserialize<'de> for Moment {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            super::deserialize(deserializer).map(Self)
        }
    }

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(Moment).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Moment>::deserialize(deserializer)?.map(|moment| moment.0))
    }
}

//! Typed values into bytes, for both encodings.
//!
//! Members that are `None` are left out, not written as null: a member's name is taken back when
//! its value turns out to be absent.

use std::fmt;
use std::marker::PhantomData;

use serde::ser::{
    self, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer,
};

use super::TIMESTAMP_MARK;

/// What the encodings do differently. All of them append.
pub(super) trait Format {
    fn start_map(out: &mut Vec<u8>);
    fn end_map(out: &mut Vec<u8>);
    fn start_list(out: &mut Vec<u8>);
    /// What separates an element or an entry from the one before.
    fn item(out: &mut Vec<u8>, first: bool);
    /// What separates a name from its value.
    fn colon(out: &mut Vec<u8>);
    fn end_list(out: &mut Vec<u8>);
    /// A member's name and what separates it from the value. Names of members need no escapes.
    fn name(out: &mut Vec<u8>, first: bool, name: &'static str) {
        Self::item(out, first);
        Self::text(out, name);
        Self::colon(out);
    }
    fn text(out: &mut Vec<u8>, text: &str);
    fn integer(out: &mut Vec<u8>, number: i64);
    fn boolean(out: &mut Vec<u8>, truth: bool);
    /// What stands in front of a blob of so many bytes.
    fn start_blob(out: &mut Vec<u8>, length: usize);
    fn end_blob(out: &mut Vec<u8>);
    fn blob(out: &mut Vec<u8>, bytes: &[u8]);
    fn timestamp(out: &mut Vec<u8>, millis: u64);
}

/// A kind of value that no shape of the API has.
#[derive(Debug)]
pub(super) struct Unsupported(String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unsupported {}

impl ser::Error for Unsupported {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn unsupported<T>(kind: &str) -> Result<T, Unsupported> {
    Err(Unsupported(format!("no shape has a {kind}")))
}

/// Appends the bytes of `value`.
pub(super) fn write<F: Format, T: Serialize>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), Unsupported> {
    value.serialize(&mut Writer::<F> { out, absent: false, moment: false, format: PhantomData })
}

/// Appends the members of `value`, which is a structure, behind others.
pub(super) fn write_members<F: Format, T: Serialize>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), Unsupported> {
    let mut members = Vec::new();
    write::<F, T>(value, &mut members)?;
    let (mut start, mut end) = (Vec::new(), Vec::new());
    F::start_map(&mut start);
    F::end_map(&mut end);
    let members = &members[start.len()..members.len() - end.len()];
    if !members.is_empty() {
        F::item(out, false);
        out.extend_from_slice(members);
    }
    Ok(())
}

struct Writer<'o, F> {
    out: &'o mut Vec<u8>,
    /// Whether the last value was `None`, which wrote nothing.
    absent: bool,
    /// Whether the next number is a moment.
    moment: bool,
    format: PhantomData<F>,
}

impl<F: Format> Writer<'_, F> {
    /// Writes a named value, or nothing if the value is absent.
    fn member<T: Serialize + ?Sized>(
        &mut self,
        first: &mut bool,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        let before = self.out.len();
        F::name(self.out, *first, key);
        value.serialize(&mut *self)?;
        if self.absent {
            self.absent = false;
            self.out.truncate(before);
        } else {
            *first = false;
        }
        Ok(())
    }
}

impl<'w, 'o, F: Format> Serializer for &'w mut Writer<'o, F> {
    type Ok = ();
    type Error = Unsupported;
    type SerializeSeq = Elements<'w, 'o, F>;
    type SerializeTuple = Impossible<(), Unsupported>;
    type SerializeTupleStruct = Impossible<(), Unsupported>;
    type SerializeTupleVariant = Impossible<(), Unsupported>;
    type SerializeMap = Members<'w, 'o, F>;
    type SerializeStruct = Members<'w, 'o, F>;
    type SerializeStructVariant = Impossible<(), Unsupported>;

    fn serialize_bool(self, truth: bool) -> Result<(), Unsupported> {
        F::boolean(self.out, truth);
        Ok(())
    }

    fn serialize_i8(self, number: i8) -> Result<(), Unsupported> {
        self.serialize_i64(number.into())
    }

    fn serialize_i16(self, number: i16) -> Result<(), Unsupported> {
        self.serialize_i64(number.into())
    }

    fn serialize_i32(self, number: i32) -> Result<(), Unsupported> {
        self.serialize_i64(number.into())
    }

    fn serialize_i64(self, number: i64) -> Result<(), Unsupported> {
        F::integer(self.out, number);
        Ok(())
    }

    fn serialize_u8(self, number: u8) -> Result<(), Unsupported> {
        self.serialize_i64(number.into())
    }

    fn serialize_u16(self, number: u16) -> Result<(), Unsupported> {
        self.serialize_i64(number.into())
    }

    fn serialize_u32(self, number: u32) -> Result<(), Unsupported> {
        self.serialize_i64(number.into())
    }

    fn serialize_u64(self, number: u64) -> Result<(), Unsupported> {
        if std::mem::take(&mut self.moment) {
            F::timestamp(self.out, number);
            return Ok(());
        }
        match i64::try_from(number) {
            Ok(number) => self.serialize_i64(number),
            Err(_) => unsupported("number above 63 bits"),
        }
    }

    fn serialize_f32(self, _: f32) -> Result<(), Unsupported> {
        unsupported("fraction")
    }

    fn serialize_f64(self, _: f64) -> Result<(), Unsupported> {
        unsupported("fraction")
    }

    fn serialize_char(self, _: char) -> Result<(), Unsupported> {
        unsupported("character")
    }

    fn serialize_str(self, text: &str) -> Result<(), Unsupported> {
        F::text(self.out, text);
        Ok(())
    }

    fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Unsupported> {
        F::blob(self.out, bytes);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Unsupported> {
        self.absent = true;
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unsupported> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Unsupported> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unsupported> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unsupported> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        self.moment = name == TIMESTAMP_MARK;
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unsupported> {
        unsupported("variant with a value")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Unsupported> {
        F::start_list(self.out);
        Ok(Elements { writer: self, first: true })
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Unsupported> {
        unsupported("tuple")
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Unsupported> {
        unsupported("tuple")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Unsupported> {
        unsupported("variant with values")
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Unsupported> {
        F::start_map(self.out);
        Ok(Members { writer: self, first: true })
    }

    fn serialize_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, Unsupported> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Unsupported> {
        unsupported("variant with members")
    }
}

struct Elements<'w, 'o, F> {
    writer: &'w mut Writer<'o, F>,
    first: bool,
}

impl<F: Format> SerializeSeq for Elements<'_, '_, F> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        F::item(self.writer.out, self.first);
        self.first = false;
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Unsupported> {
        F::end_list(self.writer.out);
        Ok(())
    }
}

struct Members<'w, 'o, F> {
    writer: &'w mut Writer<'o, F>,
    first: bool,
}

impl<F: Format> SerializeStruct for Members<'_, '_, F> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Unsupported> {
        self.writer.member(&mut self.first, key, value)
    }

    fn end(self) -> Result<(), Unsupported> {
        F::end_map(self.writer.out);
        Ok(())
    }
}

impl<F: Format> SerializeMap for Members<'_, '_, F> {
    type Ok = ();
    type Error = Unsupported;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unsupported> {
        F::item(self.writer.out, self.first);
        self.first = false;
        key.serialize(&mut *self.writer)?;
        F::colon(self.writer.out);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unsupported> {
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), Unsupported> {
        F::end_map(self.writer.out);
        Ok(())
    }
}

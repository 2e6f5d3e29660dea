//! The format string of `weir tail -f`.

use std::io::{self, Write};

use weir_client::Received;

use super::rfc3339;

/// A parsed format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Format(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Data,
    DataLength,
    PartitionKey,
    Shard,
    SequenceNumber,
    Arrival,
    ArrivalMillis,
}

impl Format {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let piece = match (c, if matches!(c, '%' | '\\') { chars.next() } else { None }) {
                ('%', Some('s')) => Piece::Data,
                ('%', Some('S')) => Piece::DataLength,
                ('%', Some('k')) => Piece::PartitionKey,
                ('%', Some('p')) => Piece::Shard,
                ('%', Some('o')) => Piece::SequenceNumber,
                ('%', Some('t')) => Piece::Arrival,
                ('%', Some('T')) => Piece::ArrivalMillis,
                (mark, Some(next)) => {
                    literal.push(escaped(mark, next)?);
                    continue;
                }
                ('%' | '\\', None) => return Err(format!("nothing follows the last {c}")),
                (plain, None) => {
                    literal.push(plain);
                    continue;
                }
            };
            if !literal.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut literal)));
            }
            pieces.push(piece);
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self(pieces))
    }

    pub(super) fn write(&self, received: &Received, out: &mut impl Write) -> io::Result<()> {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.write_all(text.as_bytes())?,
                Piece::Data => out.write_all(&received.record.data)?,
                Piece::DataLength => write!(out, "{}", received.record.data.len())?,
                Piece::PartitionKey => out.write_all(received.record.partition_key.as_bytes())?,
                Piece::Shard => out.write_all(received.shard_id.as_bytes())?,
                Piece::SequenceNumber => out.write_all(received.sequence_number.as_bytes())?,
                Piece::Arrival => out.write_all(rfc3339(received.arrival).as_bytes())?,
                Piece::ArrivalMillis => write!(out, "{}", received.arrival.as_millis())?,
            }
        }
        Ok(())
    }
}

fn escaped(mark: char, next: char) -> Result<char, String> {
    match (mark, next) {
        ('%', '%') => Ok('%'),
        ('\\', 'n') => Ok('\n'),
        ('\\', 't') => Ok('\t'),
        ('\\', '\\') => Ok('\\'),
        _ => Err(format!("{mark}{next} means nothing")),
    }
}

#[cfg(test)]
mod tests {
    use model::Timestamp;
    use weir_client::Record;

    use super::*;

    #[test]
    fn every_field_can_be_printed() {
        let received = Received {
            shard_id: "shardId-000000000001".into(),
            sequence_number: "42".into(),
            arrival: Timestamp::from_millis(1500),
            record: Record::new("alice", "héllo"),
        };
        let format = Format::parse(r"%p|%o|%k|%t|%T|%S|%s|100%%\t\\\n").expect("it is a format");
        let mut out = Vec::new();
        format.write(&received, &mut out).expect("a vector takes it");
        assert_eq!(
            String::from_utf8(out).expect("it is UTF-8"),
            "shardId-000000000001|42|alice|1970-01-01T00:00:01.500Z|1500|6|héllo|100%\t\\\n"
        );
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, complaint) in
            [("%x", "%x means nothing"), (r"\q", r"\q means"), ("%", "follows")]
        {
            let error = Format::parse(text).expect_err(text);
            assert!(error.contains(complaint), "{error}");
        }
    }
}

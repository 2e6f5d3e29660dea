//! How keys are named: by id, by ARN, by alias. Pure.

use std::fmt;
use std::str::FromStr;

use runtime::Entropy;

use super::Realm;
use crate::error::{Error, Result};

/// The alias of the key that Weir makes by itself.
pub const KEY_ALIAS_OF_THE_NODE: &str = "alias/aws/kinesis";

const ALIAS: &str = "alias/";
/// Aliases that nobody but Weir makes.
const RESERVED: &str = "alias/aws/";
const ALIAS_CHARS_MAX: usize = 256;

/// The id of a key: a random UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyUuid(pub(super) [u8; 16]);

impl KeyUuid {
    pub(super) fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// The key's long name.
    pub fn arn(&self, realm: &Realm) -> String {
        arn(realm, &format!("key/{self}"))
    }
}

impl fmt::Display for KeyUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for KeyUuid {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let dashes = |at: &usize| matches!(at, 8 | 13 | 18 | 23);
        let digits: Vec<u8> = text
            .bytes()
            .enumerate()
            .filter(|(at, byte)| !(dashes(at) && *byte == b'-'))
            .map(|(_, byte)| char::from(byte).to_digit(16).map(|digit| digit as u8).ok_or(()))
            .collect::<Result<_, ()>>()?;
        if text.len() != 36 {
            return Err(());
        }
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        bytes.try_into().map(Self).map_err(|_| ())
    }
}

/// What a KeyId names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name {
    Key(KeyUuid),
    Alias(String),
}

/// Reads a KeyId as it is written by someone of `realm`.
pub(super) fn parse(realm: &Realm, key_id: &str) -> Result<Name> {
    let local = match key_id.strip_prefix("arn:") {
        Some(_) => local_part(realm, key_id)?,
        None if key_id.starts_with(ALIAS) => key_id,
        None => return key_id.parse().map(Name::Key).map_err(|()| invalid(key_id)),
    };
    match local.strip_prefix("key/") {
        Some(uuid) => uuid.parse().map(Name::Key).map_err(|()| no_such(realm, local)),
        None if local.len() > ALIAS.len() && local.starts_with(ALIAS) => {
            Ok(Name::Alias(local.to_owned()))
        }
        None => Err(invalid(key_id)),
    }
}

/// What follows the account in an ARN of this realm.
fn local_part<'k>(realm: &Realm, text: &'k str) -> Result<&'k str> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [_, partition, "kms", region, account, local] = parts[..] else {
        return Err(Error::KmsNotFound(format!("Invalid arn {text}")));
    };
    if partition != realm.region.partition() || region != realm.region.as_str() {
        return Err(Error::KmsNotFound(format!("Invalid arn {region}")));
    }
    if account != realm.account.to_string() {
        return Err(Error::KmsAccessDenied(
            "The ciphertext refers to a customer master key that does not exist, does not exist \
             in this region, or you are not allowed to access."
                .into(),
        ));
    }
    Ok(local)
}

/// Whether it names the key that Weir makes by itself.
pub(super) fn is_managed(realm: &Realm, key_id: &str) -> bool {
    matches!(parse(realm, key_id), Ok(Name::Alias(alias)) if alias == KEY_ALIAS_OF_THE_NODE)
}

/// An alias that somebody may make or take away.
pub(super) fn new_alias(text: &str) -> Result<String> {
    let invalid = |reason: &str| Err(Error::Invalid(format!("Invalid alias {text}: {reason}")));
    let Some(name) = text.strip_prefix(ALIAS) else {
        return invalid("an alias begins with alias/");
    };
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-');
    if name.is_empty() || text.len() > ALIAS_CHARS_MAX || !name.chars().all(allowed) {
        return invalid("up to 256 letters, digits, and / _ - are allowed");
    }
    if text.starts_with(RESERVED) {
        return invalid("those that begin with alias/aws/ are reserved");
    }
    Ok(text.to_owned())
}

pub(super) fn arn(realm: &Realm, local: &str) -> String {
    let Realm { account, region } = realm;
    format!("arn:{}:kms:{region}:{account}:{local}", region.partition())
}

pub(super) fn no_such(realm: &Realm, local: &str) -> Error {
    let arn = arn(realm, local);
    Error::KmsNotFound(match local.starts_with(ALIAS) {
        true => format!("Alias {arn} is not found."),
        false => format!("Key '{arn}' does not exist"),
    })
}

fn invalid(key_id: &str) -> Error {
    Error::KmsNotFound(format!("Invalid keyId '{key_id}'"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn realm() -> Realm {
        Realm { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    const UUID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn every_form_of_a_key_id_names_what_it_says() {
        let key = Name::Key(UUID.parse().unwrap());
        assert_eq!(parse(&realm(), UUID).unwrap(), key);
        let arn = format!("arn:aws:kms:eu-west-1:111122223333:key/{UUID}");
        assert_eq!(parse(&realm(), &arn).unwrap(), key);
        assert_eq!(UUID.parse::<KeyUuid>().unwrap().arn(&realm()), arn);
        let alias = || Name::Alias("alias/a/b".into());
        assert_eq!(parse(&realm(), "alias/a/b").unwrap(), alias());
        let arn = "arn:aws:kms:eu-west-1:111122223333:alias/a/b";
        assert_eq!(parse(&realm(), arn).unwrap(), alias());
        assert!(is_managed(&realm(), "arn:aws:kms:eu-west-1:111122223333:alias/aws/kinesis"));
    }

    #[test]
    fn what_is_elsewhere_or_nothing_is_refused_in_the_words_of_kms() {
        let text = |key_id: &str| parse(&realm(), key_id).unwrap_err().to_string();
        assert_eq!(text("key"), "Invalid keyId 'key'");
        assert_eq!(text("alias/"), "Invalid keyId 'alias/'");
        let abroad = format!("arn:aws:kms:us-east-1:111122223333:key/{UUID}");
        assert_eq!(text(&abroad), "Invalid arn us-east-1");
        let foreign = format!("arn:aws:kms:eu-west-1:999999999999:key/{UUID}");
        assert!(matches!(parse(&realm(), &foreign), Err(Error::KmsAccessDenied(_))));
        assert_eq!(text("arn:aws:s3:::bucket"), "Invalid arn arn:aws:s3:::bucket");
        assert_eq!(
            no_such(&realm(), "alias/x").to_string(),
            "Alias arn:aws:kms:eu-west-1:111122223333:alias/x is not found."
        );
    }

    #[test]
    fn aliases_of_aws_and_odd_ones_are_not_made() {
        assert_eq!(new_alias("alias/my/key_1-a").unwrap(), "alias/my/key_1-a");
        for text in ["key", "alias/", "alias/aws/kinesis", "alias/a b", "alias/ä"] {
            assert!(new_alias(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_id_reads_back_as_written(bytes in any::<[u8; 16]>()) {
            let uuid = KeyUuid(bytes);
            prop_assert_eq!(uuid.to_string().parse(), Ok(uuid));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            let _ = parse(&realm(), &text);
            let _ = text.parse::<KeyUuid>();
            let _ = new_alias(&text);
        }
    }
}

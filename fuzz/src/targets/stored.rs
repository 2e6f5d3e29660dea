//! Rows of tables: the first byte says how long the key is, then come the key and the value.

fn row(bytes: &[u8]) -> (&[u8], &[u8]) {
    let Some((length, rest)) = bytes.split_first() else { return (&[], &[]) };
    rest.split_at(rest.len().min(usize::from(*length)))
}

/// Streams, shards, consumers, accounts.
pub(crate) fn catalog(bytes: &[u8]) {
    let (key, value) = row(bytes);
    streams::fuzz::row(key, value);
}

/// Users, roles, policies, access keys.
pub(crate) fn identity(bytes: &[u8]) {
    let (key, value) = row(bytes);
    security::fuzz::identity(key, value);
}

/// Keys, aliases, data keys.
pub(crate) fn key_ring(bytes: &[u8]) {
    let (key, value) = row(bytes);
    security::fuzz::key_ring(key, value);
}

//! The one checksum of every format: CRC-32C (Castagnoli).

use crc_fast::{CrcAlgorithm, Digest, checksum};

/// The checksum of `bytes`.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    checksum(CrcAlgorithm::Crc32Iscsi, bytes) as u32
}

/// The checksum of `parts` in a row.
pub(crate) fn crc32c_of(parts: &[impl AsRef<[u8]>]) -> u32 {
    if let [part] = parts {
        return crc32c(part.as_ref());
    }
    let mut digest = Digest::new(CrcAlgorithm::Crc32Iscsi);
    for part in parts {
        digest.update(part.as_ref());
    }
    digest.finalize() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_castagnoli_polynomial() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c_of(&[&b"1234"[..], b"", b"56789"]), 0xe306_9283);
    }
}

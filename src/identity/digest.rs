//! Digests that stand for what must not be kept in clear.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

/// A SHA-256 digest: the same for the same bytes, and for nobody else's.
pub type Digest = [u8; 32];

/// The digest of these bytes.
pub fn of(bytes: &[u8]) -> Digest {
    let mut digested = Digest::default();
    for (to, from) in digested.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    digested
}

/// A digest in hexadecimal digits, as `sha256sum` writes it.
pub fn hex(digest: &Digest) -> String {
    written(digest)
}

/// The SHA-1 digest of a text in hexadecimal digits: a name that others give it, and no protection of anything.
pub fn sha1(text: &str) -> String {
    written(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
}

fn written(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(2 * digest.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_sha256sum_says() {
        assert_eq!(
            hex(&of(b"abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sha1("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}

//! Content codings, made. The one user of the compression libraries.

use std::io::{self, Read, Write};

use crate::semantics::content_coding::Coding;

/// Turns an identity body into a coded one, piece by piece. CPU-bound: to be run off the reactor.
pub struct Coder(Inner);

enum Inner {
    Gzip(Box<flate2::write::GzEncoder<Vec<u8>>>),
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
}

/// Of 0 to 9: what nginx's users arrive at; beyond it time grows faster than the body shrinks.
const GZIP_LEVEL: u32 = 5;
/// Of 0 to 11: smaller than gzip at about the same cost.
const BROTLI_QUALITY: u32 = 4;
/// log2 of brotli's window: 256 KiB, so that a coder costs about a mebibyte.
const BROTLI_WINDOW: u32 = 18;
const BROTLI_BUFFER: usize = 4096;

impl Coder {
    /// A coder for `coding`; `None` for identity, which needs none.
    pub fn new(coding: Coding) -> Option<Self> {
        match coding {
            Coding::Identity => None,
            Coding::Gzip => {
                let level = flate2::Compression::new(GZIP_LEVEL);
                Some(Self(Inner::Gzip(Box::new(flate2::write::GzEncoder::new(Vec::new(), level)))))
            }
            Coding::Brotli => {
                let writer = brotli::CompressorWriter::new(
                    Vec::new(),
                    BROTLI_BUFFER,
                    BROTLI_QUALITY,
                    BROTLI_WINDOW,
                );
                Some(Self(Inner::Brotli(Box::new(writer))))
            }
        }
    }

    /// Codes `bytes`; what comes out may be empty until more is written, flushed or finished.
    ///
    /// # Errors
    /// When the library refuses, which writing to memory gives it no reason to.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.0 {
            Inner::Gzip(writer) => writer.write_all(bytes),
            Inner::Brotli(writer) => writer.write_all(bytes),
        }
    }

    /// What has come out so far; after [`Coder::flush`] a reader can decode all that was written.
    pub fn take(&mut self) -> Vec<u8> {
        match &mut self.0 {
            Inner::Gzip(writer) => std::mem::take(writer.get_mut()),
            Inner::Brotli(writer) => std::mem::take(writer.get_mut()),
        }
    }

    /// Lets out what is held back, at some cost in size.
    ///
    /// # Errors
    /// As [`Coder::write`].
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Gzip(writer) => writer.flush(),
            Inner::Brotli(writer) => writer.flush(),
        }
    }

    /// Ends the coding and gives the rest of it.
    ///
    /// # Errors
    /// As [`Coder::write`].
    pub fn finish(self) -> io::Result<Vec<u8>> {
        match self.0 {
            Inner::Gzip(writer) => writer.finish(),
            Inner::Brotli(writer) => Ok(writer.into_inner()),
        }
    }
}

/// The body of `length` bytes that a gzip coding was made of; `None` where it was made of none of that length. Never
/// takes more room than that. CPU-bound.
pub fn gunzipped(coded: &[u8], length: usize) -> Option<Vec<u8>> {
    // What it claims to become is not yet there.
    let mut plain = Vec::with_capacity(length.min(coded.len().saturating_mul(LIKELY_RATIO)));
    let most = u64::try_from(length).ok()?.checked_add(1)?;
    let mut decoder = flate2::bufread::GzDecoder::new(coded).take(most);
    decoder.read_to_end(&mut plain).ok()?;
    (plain.len() == length).then_some(plain)
}

/// How many times as long a body is as its gzip coding, seldom more.
const LIKELY_RATIO: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(coding: Coding, coded: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        match coding {
            Coding::Gzip => flate2::read::GzDecoder::new(coded).read_to_end(&mut plain).unwrap(),
            Coding::Brotli => {
                brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain).unwrap()
            }
            Coding::Identity => unreachable!(),
        };
        plain
    }

    #[test]
    fn what_is_coded_in_pieces_decodes_to_the_whole() {
        let plain: Vec<u8> = (0..100_000u32).map(|n| (n % 251) as u8).collect();
        for coding in [Coding::Gzip, Coding::Brotli] {
            let mut coder = Coder::new(coding).unwrap();
            let mut coded = Vec::new();
            for piece in plain.chunks(7_001) {
                coder.write(piece).unwrap();
                coded.extend(coder.take());
            }
            coded.extend(coder.finish().unwrap());
            assert_eq!(decoded(coding, &coded), plain, "{coding:?}");
            assert!(coded.len() < plain.len() / 10, "{coding:?} shrinks what repeats itself");
        }
    }

    #[test]
    fn what_was_gzipped_is_had_back_at_its_very_length_or_not_at_all() {
        let plain = vec![b'a'; 1 << 20];
        let mut coder = Coder::new(Coding::Gzip).unwrap();
        coder.write(&plain).unwrap();
        let coded = coder.finish().unwrap();
        assert_eq!(gunzipped(&coded, plain.len()), Some(plain.clone()));
        for length in [0, 1, plain.len() - 1, plain.len() + 1, usize::MAX] {
            assert_eq!(gunzipped(&coded, length), None, "{length}");
        }
        assert_eq!(gunzipped(&coded[..coded.len() - 1], plain.len()), None);
        let mut flipped = coded;
        let last = flipped.len() - 6;
        flipped[last] ^= 1;
        assert_eq!(gunzipped(&flipped, plain.len()), None, "its checksum tells");
        assert_eq!(gunzipped(b"", 0), None);
    }

    #[test]
    fn identity_needs_no_coder() {
        assert!(Coder::new(Coding::Identity).is_none());
    }
}

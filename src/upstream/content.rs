//! Where the content of a response is in what comes after its head, and where it ends (RFC 9112 §6, §7).

use bytes::{Buf, Bytes};

use crate::body::BodyError;
use crate::semantics::framing::ResponseBody as Framing;

/// The most octets that may be spent on the extensions of chunks, and on trailer fields: nobody reads them.
const MOST_IGNORED: usize = 16 * 1024;

/// Content that is still to come.
#[derive(Debug)]
pub(super) enum Content {
    /// So many octets more.
    Length(u64),
    /// Chunks.
    Chunked(Chunks),
    /// Whatever comes before the connection ends.
    UntilClose,
}

/// What was taken out of what was received.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Content, not empty.
    Chunk(Bytes),
    /// Nothing: more has to be received.
    Nothing,
    /// Nothing: there is no more content.
    End,
}

impl Content {
    pub(super) fn new(framing: Framing) -> Self {
        match framing {
            Framing::None => Self::Length(0),
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunks::default()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    /// Takes the next piece of content out of what was `received`.
    pub(super) fn take(&mut self, received: &mut Bytes) -> Result<Taken, BodyError> {
        match self {
            Self::Length(0) => Ok(Taken::End),
            Self::Length(left) => Ok(take(left, received)),
            Self::Chunked(chunks) => chunks.take(received),
            Self::UntilClose if received.is_empty() => Ok(Taken::Nothing),
            Self::UntilClose => Ok(Taken::Chunk(std::mem::take(received))),
        }
    }

    /// Whether content that ends with the connection is whole.
    pub(super) fn ends_with_the_connection(&self) -> bool {
        matches!(self, Self::UntilClose | Self::Length(0))
    }

    /// How much is left, where that is known.
    pub(super) fn left(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::Chunked(_) | Self::UntilClose => None,
        }
    }

    /// True when all of it has been taken.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunks { at: At::End, .. }))
    }
}

/// Takes at most what is `left`, which is not nothing.
fn take(left: &mut u64, received: &mut Bytes) -> Taken {
    if received.is_empty() {
        return Taken::Nothing;
    }
    let most = usize::try_from(*left).unwrap_or(usize::MAX);
    let chunk = received.split_to(most.min(received.len()));
    *left -= chunk.len() as u64;
    Taken::Chunk(chunk)
}

/// The chunked transfer coding.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    at: At,
    ignored: usize,
}

/// What comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    /// The first digit of a chunk's size.
    #[default]
    Begin,
    /// Another digit, or what ends them.
    Size(u64),
    /// White space behind the size, in which no digit may follow.
    Space(u64),
    /// The extension of a chunk.
    Extension(u64),
    /// The line feed behind a chunk's size.
    SizeEnd(u64),
    /// So much of a chunk.
    Data(u64),
    /// The carriage return behind a chunk.
    DataEnd,
    /// The line feed behind it.
    DataEndLf,
    /// A trailer field, or the end.
    Trailer,
    /// The rest of a trailer field.
    TrailerLine,
    /// The line feed behind one.
    TrailerLf,
    /// The last line feed.
    LastLf,
    /// Nothing more.
    End,
}

impl Chunks {
    fn take(&mut self, received: &mut Bytes) -> Result<Taken, BodyError> {
        loop {
            match &mut self.at {
                At::End => return Ok(Taken::End),
                At::Data(left) => {
                    let taken = take(left, received);
                    if *left == 0 {
                        self.at = At::DataEnd;
                    }
                    return Ok(taken);
                }
                at => {
                    let Some(octet) = received.first().copied() else { return Ok(Taken::Nothing) };
                    received.advance(1);
                    let (before, next) = (*at, at.after(octet).ok_or(BodyError::Malformed)?);
                    *at = next;
                    if matches!(before, At::Extension(_) | At::Trailer | At::TrailerLine) {
                        self.ignored += 1;
                        if self.ignored > MOST_IGNORED {
                            return Err(BodyError::Malformed);
                        }
                    }
                }
            }
        }
    }
}

impl At {
    /// What comes after this octet; `None` if it has no place here. A line ends with CR LF and with nothing else.
    fn after(self, octet: u8) -> Option<Self> {
        Some(match (self, octet) {
            (Self::Begin, digit) => Self::Size(value_of(digit)?),
            (Self::Size(size) | Self::Space(size) | Self::Extension(size), b'\r') => {
                Self::SizeEnd(size)
            }
            // "chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )"
            (Self::Size(size) | Self::Space(size), b';') => Self::Extension(size),
            (Self::Size(size) | Self::Space(size), b' ' | b'\t') => Self::Space(size),
            (Self::Size(size), digit) => {
                Self::Size(size.checked_mul(16)?.checked_add(value_of(digit)?)?)
            }
            (Self::Extension(size), octet) if octet != b'\n' => Self::Extension(size),
            (Self::SizeEnd(0), b'\n') => Self::Trailer,
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataEnd, b'\r') => Self::DataEndLf,
            (Self::DataEndLf, b'\n') => Self::Begin,
            (Self::Trailer, b'\r') => Self::LastLf,
            (Self::TrailerLine, b'\r') => Self::TrailerLf,
            (Self::Trailer | Self::TrailerLine, octet) if octet != b'\n' => Self::TrailerLine,
            (Self::TrailerLf, b'\n') => Self::Trailer,
            (Self::LastLf, b'\n') => Self::End,
            _ => return None,
        })
    }
}

fn value_of(digit: u8) -> Option<u64> {
    char::from(digit).to_digit(16).map(u64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of `text`, received in pieces of `size`, and what is left of it.
    fn read(
        mut content: Content,
        text: &str,
        size: usize,
    ) -> Result<(String, bool, usize), BodyError> {
        let (mut read, mut unread) = (Vec::new(), Bytes::copy_from_slice(text.as_bytes()));
        let mut received = Bytes::new();
        loop {
            match content.take(&mut received)? {
                Taken::Chunk(chunk) => {
                    assert!(!chunk.is_empty());
                    read.extend_from_slice(&chunk);
                }
                Taken::End => {
                    assert!(content.is_over());
                    let left = received.len() + unread.len();
                    return Ok((String::from_utf8(read).unwrap(), true, left));
                }
                Taken::Nothing if unread.is_empty() => {
                    return Ok((String::from_utf8(read).unwrap(), false, 0));
                }
                Taken::Nothing => received = unread.split_to(size.min(unread.len())),
            }
        }
    }

    fn chunked(text: &str) -> Result<(String, bool, usize), BodyError> {
        let read_by = |size| read(Content::new(Framing::Chunked), text, size);
        let whole = read_by(usize::MAX);
        for size in 1..text.len() {
            assert_eq!(read_by(size), whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn a_length_is_kept_to() {
        let of = |length, text| read(Content::new(Framing::Length(length)), text, 2).unwrap();
        assert_eq!(of(5, "hello, world"), ("hello".into(), true, 7));
        assert_eq!(of(5, "hell"), ("hell".into(), false, 0));
        assert_eq!(of(0, "hello"), (String::new(), true, 5));
    }

    #[test]
    fn until_the_connection_ends() {
        let content = Content::new(Framing::UntilClose);
        assert!(content.ends_with_the_connection() && !content.is_over());
        assert_eq!(read(content, "hello", 2).unwrap(), ("hello".into(), false, 0));
    }

    #[test]
    fn chunks_are_put_together_and_all_else_is_left_out() {
        for (text, read) in [
            ("5\r\nhello\r\n0\r\n\r\n", "hello"),
            ("3;a=b\r\nhel\r\n02 \t;\"c\"\r\nlo\r\n000\r\n\r\n", "hello"),
            ("a\r\n0\r\n\r\n56789\r\n0\r\nTrailer: 1\r\nb: 2\r\n\r\n", "0\r\n\r\n56789"),
            ("A\r\n0123456789\r\n0;x\r\n\r\n", "0123456789"),
            ("0\r\n\r\n", ""),
        ] {
            assert_eq!(chunked(text), Ok((read.into(), true, 0)), "{text:?}");
        }
        assert_eq!(chunked("1\r\na\r\n0\r\n\r\nHTTP/1.1"), Ok(("a".into(), true, 8)));
    }

    #[test]
    fn chunks_that_do_not_end_are_not_whole() {
        let whole = "5;a\r\nhello\r\n0\r\na: b\r\n\r\n";
        for length in 0..whole.len() {
            assert!(!chunked(&whole[..length]).unwrap().1, "{length}");
        }
    }

    #[test]
    fn what_another_reader_might_frame_differently_is_malformed() {
        for text in [
            "\r\nhello",
            "g\r\n",
            "-1\r\na",
            "+1\r\na",
            "0x1\r\na",
            " 1\r\na",
            "1 1\r\na",
            "5\nhello",
            "5\r\rhello",
            "5;a\nhello\r\n",
            "5;a\rb\r\nhello",
            "5\r\nhello0\r\n",
            "5\r\nhello\n0\r\n\r\n",
            "5\r\nhello\r\r0\r\n",
            "0\r\na: b\n\r\n",
            "0\r\n\n",
            "10000000000000000\r\n",
        ] {
            assert_eq!(chunked(text), Err(BodyError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn what_nobody_reads_has_an_end() {
        let long = "x".repeat(MOST_IGNORED);
        let read_by = |text: &str| read(Content::new(Framing::Chunked), text, usize::MAX);
        assert!(read_by(&format!("1;{}\r\na\r\n0\r\n\r\n", &long[10..])).unwrap().1);
        assert_eq!(read_by(&format!("1;{long}x\r\n")), Err(BodyError::Malformed));
        assert_eq!(read_by(&format!("0\r\na: {long}")), Err(BodyError::Malformed));
        let many = "1;xxxxxxxxx\r\na\r\n".repeat(MOST_IGNORED / 10 + 1);
        assert_eq!(read_by(&many), Err(BodyError::Malformed));
    }
}

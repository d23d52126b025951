//! How stored responses stand in Redis: bytes that are read back exactly as they were written, or not at all.
//!
//! ```text
//! octets
//! 0-3    magic
//! 4-5    version of the format
//! 6      kind: a response, the names of the fields that responses vary on, or a note that there is none to be stored
//! 7      the credentials of the request that was answered
//! 8-23   the position in the log when the fetch began: epoch, record
//! 24-31  milliseconds from when it was asked for to when it was written
//! 32-39  milliseconds for which Redis was told to keep it
//! 40-47  milliseconds of the Unix epoch when it was written, by the clock of who wrote it
//! 48-55  octets of the whole
//! 56-    what is in it, each part behind its length
//! last   16 octets of the SHA-256 of all that stands before them
//! ```
//!
//! Numbers are written with the most significant octet first. What stands before octet 48 has the same place in every
//! value, so that the script that writes can compare it with what it finds.

mod octets;
mod response;

use std::time::Duration;

use bytes::Bytes;
use http::HeaderName;

use self::octets::{Reader, put};
use crate::caching::key::Key;
use crate::caching::stamp::Position;
use crate::caching::storability::Credentials;
use crate::clock::Timestamp;
use crate::identity::digest;

pub use self::response::Kept;
pub(super) use self::response::{length, response};

/// What each of our values begins with.
const MAGIC: [u8; 4] = *b"4BAY";
/// The version of the format that is written, and the only one that is read.
const VERSION: u16 = 1;
/// Octets before the first part.
const PROLOGUE: usize = 56;
const CHECKSUM: usize = 16;

/// What stands under a key.
#[derive(Debug)]
pub enum Value {
    /// A response.
    Response(Box<Kept>),
    /// The names of the request fields that select among the responses for the key.
    Varies(Vec<HeaderName>),
}

/// Why a value is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unreadable {
    /// Nothing of ours begins so.
    NotOurs,
    /// A later Forebay wrote it, in a format that is not known here.
    Newer,
    /// An earlier Forebay wrote it, in a format that is no longer read.
    Older,
    /// Its end is missing.
    Truncated,
    /// It is not as it was written.
    Checksum,
    /// It was written for another key, or for other requests than select it.
    OtherKey,
    /// Its parts are no whole.
    Malformed,
    /// It is longer than what is taken from Redis, or becomes longer than what is stored.
    TooLarge,
    /// Redis keeps it for ever, so that nobody can tell how old it is.
    NoTtl,
    /// It is no string, but a Redis value of another type.
    WrongType,
}

impl Unreadable {
    /// Every reason, in the order of the declaration.
    pub const ALL: [Self; 10] = [
        Self::NotOurs,
        Self::Newer,
        Self::Older,
        Self::Truncated,
        Self::Checksum,
        Self::OtherKey,
        Self::Malformed,
        Self::TooLarge,
        Self::NoTtl,
        Self::WrongType,
    ];

    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotOurs => "not-ours",
            Self::Newer => "newer-version",
            Self::Older => "older-version",
            Self::Truncated => "truncated",
            Self::Checksum => "checksum",
            Self::OtherKey => "other-key",
            Self::Malformed => "malformed",
            Self::TooLarge => "too-large",
            Self::NoTtl => "no-ttl",
            Self::WrongType => "wrong-type",
        }
    }

    /// Whether it is of use to nobody, as what a replica with another version or another configuration wrote may be.
    pub const fn is_rubbish(self) -> bool {
        !matches!(self, Self::Newer | Self::TooLarge)
    }
}

/// Under which circumstances something is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing {
    /// The position in the log when its fetch began.
    pub(super) position: Position,
    /// When.
    pub(super) now: Timestamp,
    /// For how long.
    pub(super) ttl: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Response = b'r' as isize,
    Varies = b'v' as isize,
}

/// What stands before the parts.
#[derive(Clone, Copy, Debug)]
struct Prologue {
    answered: Credentials,
    writing: Writing,
    since_asked: Duration,
}

/// The names of the fields that responses for a key vary on.
pub(super) fn varies(
    key: &[u8],
    names: impl Iterator<Item = HeaderName>,
    writing: Writing,
) -> Bytes {
    let mut value = begun(Kind::Varies, Credentials::default(), Duration::ZERO, writing);
    put(&mut value, key);
    for name in names {
        put(&mut value, name.as_str().as_bytes());
    }
    sealed(value)
}

/// What a value says that was read from under `key`. A body that has to be made of its coding has `longest` octets at the
/// most.
///
/// # Errors
/// Where it is not, octet for octet, what was written for that key.
pub(super) fn read(value: &Bytes, key: &Key, longest: usize) -> Result<Value, Unreadable> {
    is_ours(value)?;
    let mut prologue = Reader::new(value.slice(..PROLOGUE.min(value.len())));
    let short = || Unreadable::Truncated;
    prologue.skip(6).ok_or_else(short)?;
    let [kind] = prologue.octets().ok_or_else(short)?;
    let [answered] = prologue.octets().ok_or_else(short)?;
    let position = Position {
        epoch: prologue.number().ok_or_else(short)?,
        record: prologue.number().ok_or_else(short)?,
    };
    let since_asked = prologue.duration().ok_or_else(short)?;
    let ttl = prologue.duration().ok_or_else(short)?;
    let now = Timestamp::from_millis(prologue.number().ok_or_else(short)?);
    let length = prologue.number().ok_or_else(short)?;
    let at_hand = value.len() as u64;
    if at_hand < length {
        return Err(Unreadable::Truncated);
    }
    let sound = value.len().checked_sub(CHECKSUM).and_then(|end| value.split_at_checked(end));
    let (all, checksum) = sound.filter(|_| at_hand == length).ok_or(Unreadable::Malformed)?;
    if !digest::of(all).starts_with(checksum) {
        return Err(Unreadable::Checksum);
    }
    let answered = credentials(answered).ok_or(Unreadable::Malformed)?;
    let mut parts = Reader::new(value.slice(PROLOGUE.min(all.len())..all.len()));
    if parts.part().ok_or(Unreadable::Malformed)? != key.as_bytes() {
        return Err(Unreadable::OtherKey);
    }
    let value = match kind {
        b'r' => {
            let writing = Writing { position, now, ttl };
            let prologue = Prologue { answered, writing, since_asked };
            Value::Response(Box::new(Kept::read(&mut parts, prologue, longest)?))
        }
        b'v' => Value::Varies(names(&mut parts).ok_or(Unreadable::Malformed)?),
        _ => return Err(Unreadable::Malformed),
    };
    if parts.is_at_end() { Ok(value) } else { Err(Unreadable::Malformed) }
}

/// Whether a value that begins so is one that is read here.
///
/// # Errors
/// Why not.
pub(super) fn is_ours(start: &[u8]) -> Result<(), Unreadable> {
    let Some((magic, rest)) = start.split_first_chunk::<4>() else {
        return Err(Unreadable::NotOurs);
    };
    if *magic != MAGIC {
        return Err(Unreadable::NotOurs);
    }
    let (version, _) = rest.split_first_chunk::<2>().ok_or(Unreadable::Truncated)?;
    match u16::from_be_bytes(*version) {
        VERSION => Ok(()),
        version if version > VERSION => Err(Unreadable::Newer),
        _ => Err(Unreadable::Older),
    }
}

/// The names to the end of a value.
fn names(parts: &mut Reader) -> Option<Vec<HeaderName>> {
    let mut names = Vec::new();
    while !parts.is_at_end() {
        names.push(HeaderName::from_bytes(&parts.part()?).ok()?);
    }
    Some(names)
}

fn begun(kind: Kind, answered: Credentials, since_asked: Duration, writing: Writing) -> Vec<u8> {
    let Writing { position, now, ttl } = writing;
    let mut value = Vec::with_capacity(512);
    value.extend_from_slice(&MAGIC);
    value.extend_from_slice(&VERSION.to_be_bytes());
    value.push(kind as u8);
    value.push(bits(answered));
    for number in [position.epoch, position.record] {
        value.extend_from_slice(&number.to_be_bytes());
    }
    for duration in [since_asked, ttl] {
        octets::put_duration(&mut value, duration);
    }
    value.extend_from_slice(&now.as_millis().to_be_bytes());
    value.extend_from_slice(&[0; 8]);
    value
}

/// The value with its length and its checksum.
fn sealed(mut value: Vec<u8>) -> Bytes {
    let length = (value.len() + CHECKSUM) as u64;
    if let Some(place) = value.get_mut(PROLOGUE - 8..PROLOGUE) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    let checksum = digest::of(&value);
    value.extend(checksum.iter().take(CHECKSUM));
    value.into()
}

fn bits(credentials: Credentials) -> u8 {
    let Credentials { authorization, cookie, client_field } = credentials;
    u8::from(authorization) | u8::from(cookie) << 1 | u8::from(client_field) << 2
}

fn credentials(bits: u8) -> Option<Credentials> {
    let is_set = |bit: u8| bits >> bit & 1 == 1;
    (bits < 8).then(|| Credentials {
        authorization: is_set(0),
        cookie: is_set(1),
        client_field: is_set(2),
    })
}

#[cfg(test)]
mod tests;

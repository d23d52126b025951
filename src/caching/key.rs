//! What a stored response is stored under (RFC 9111 §2): scheme, authority, path and query, and whatever fields the
//! operator added.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, Method};

/// What stands before each part behind the resource's place.
const ABSENT: u8 = 0;
const PRESENT: u8 = 1;
const CONTENT: u8 = 2;

/// Makes keys. Their hashes are keyed with a secret of this process, so that nobody outside can make keys that collide.
#[derive(Clone, Debug, Default)]
pub struct Keyer(RandomState);

/// A cache key: its parts as bytes, each preceded by its length so that no two different requests have the same bytes,
/// and a hash of these. What is found by the hash is compared with the bytes before it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    bytes: Vec<u8>,
    hash: u64,
}

impl Keyer {
    /// The key of a resource. `parts` are the values of further fields that belong to it, absent ones too.
    pub fn key<'v>(
        &self,
        scheme: &str,
        authority: &str,
        path_and_query: &str,
        parts: impl Iterator<Item = Option<&'v [u8]>>,
    ) -> Key {
        let mut bytes =
            Vec::with_capacity(scheme.len() + authority.len() + path_and_query.len() + 16);
        for part in [scheme, authority, path_and_query] {
            push(&mut bytes, part.as_bytes());
        }
        for part in parts {
            match part {
                Some(value) => {
                    bytes.push(PRESENT);
                    push(&mut bytes, value);
                }
                None => bytes.push(ABSENT),
            }
        }
        self.hashed(bytes)
    }

    /// The key of a request for the resource with this `key`, of whose key its method and content are parts.
    pub fn with_content(&self, key: &Key, content: &Content<'_>) -> Key {
        let mut bytes = key.bytes.clone();
        // Nothing that begins so stands in the key of a request without content.
        bytes.push(CONTENT);
        push(&mut bytes, content.method.as_str().as_bytes());
        for name in [CONTENT_TYPE, CONTENT_ENCODING] {
            let lines = content.fields.get_all(name);
            bytes.push(u8::try_from(lines.iter().count()).unwrap_or(u8::MAX));
            lines.iter().for_each(|line| push(&mut bytes, line.as_bytes()));
        }
        push(&mut bytes, content.content);
        self.hashed(bytes)
    }

    fn hashed(&self, bytes: Vec<u8>) -> Key {
        let hash = self.0.hash_one(bytes.as_slice());
        Key { bytes, hash }
    }
}

/// Content that belongs to a key.
#[derive(Clone, Copy, Debug)]
pub struct Content<'c> {
    /// The method it came with.
    pub method: &'c Method,
    /// The fields it came with; those that say what it is belong to the key.
    pub fields: &'c HeaderMap,
    /// What is compared of it.
    pub content: &'c [u8],
}

impl Key {
    /// The whole key.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash it is looked up by.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    /// A hash of the key and something beside it.
    pub const fn hash_with(&self, salt: u8) -> u64 {
        self.hash.rotate_left(8).wrapping_add(salt as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { scheme, authority, path_and_query } = parts(&self.bytes);
        write!(f, "Key({scheme}://{authority}{path_and_query})")
    }
}

/// What a key says about where its resource is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts<'k> {
    /// `http` or `https`.
    pub scheme: &'k str,
    /// Host and, unless it is the scheme's default, port.
    pub authority: &'k str,
    /// Path and query as they are keyed and forwarded.
    pub path_and_query: &'k str,
}

/// Reads the first parts of a key's bytes; empty where these are no key's.
pub fn parts(key: &[u8]) -> Parts<'_> {
    let mut rest = key;
    let scheme = pull(&mut rest);
    let authority = pull(&mut rest);
    let path_and_query = pull(&mut rest);
    Parts { scheme, authority, path_and_query }
}

fn push(bytes: &mut Vec<u8>, part: &[u8]) {
    // A head is limited to far less than 4 GiB; were it not, a saturated length would still be followed by all bytes.
    bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend_from_slice(part);
}

fn pull<'k>(rest: &mut &'k [u8]) -> &'k str {
    let Some((length, after)) = rest.split_first_chunk::<4>() else { return "" };
    let length = u32::from_le_bytes(*length) as usize;
    let Some((part, after)) = after.split_at_checked(length) else { return "" };
    *rest = after;
    std::str::from_utf8(part).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::super::testing::fields;
    use super::*;

    fn key(scheme: &str, authority: &str, path: &str, parts: &[Option<&[u8]>]) -> Vec<u8> {
        Keyer::default().key(scheme, authority, path, parts.iter().copied()).bytes
    }

    #[test]
    fn no_two_requests_share_a_key() {
        let keys = [
            key("http", "a", "/x", &[]),
            key("https", "a", "/x", &[]),
            key("http", "b", "/x", &[]),
            key("http", "a", "/x?", &[]),
            key("http", "a/", "x", &[]),
            key("http", "a", "/x", &[None]),
            key("http", "a", "/x", &[Some(b"")]),
            key("http", "a", "/x", &[Some(b"v"), None]),
            key("http", "a", "/x", &[None, Some(b"v")]),
            key("http", "a", "/x\u{1}\u{1}\u{0}\u{0}\u{0}v", &[]),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{index}");
        }
    }

    #[test]
    fn no_two_contents_share_a_key() {
        let keyer = Keyer::default();
        let resource = keyer.key("http", "a", "/x", [Some(b"v".as_slice())].into_iter());
        let keyed = |method: Method, text: &str, content: &[u8]| {
            let content = Content { method: &method, fields: &fields(text), content };
            keyer.with_content(&resource, &content)
        };
        let json = "Content-Type: application/json";
        let gzip = "Content-Encoding: gzip";
        let keys = [
            resource.clone(),
            keyed(Method::POST, "", b""),
            keyed(Method::PUT, "", b""),
            keyed(Method::POST, "", b"{}"),
            keyed(Method::POST, json, b"{}"),
            keyed(Method::POST, &format!("{json}\n{json}"), b"{}"),
            keyed(Method::POST, &format!("{json}; charset=utf-8"), b"{}"),
            keyed(Method::POST, gzip, b"{}"),
            keyed(Method::POST, "Content-Type: gzip", b"{}"),
            keyed(Method::POST, &format!("{json}\n{gzip}"), b"{}"),
            keyer.key("http", "a", "/x", [Some(b"v".as_slice()), Some(b"POST")].into_iter()),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{index}");
        }
        assert_eq!(keyed(Method::POST, json, b"{}"), keys[4]);
        assert_eq!(parts(keys[4].as_bytes()), parts(resource.as_bytes()));
    }

    #[test]
    fn the_parts_can_be_read_back() {
        let key = key("http", "example.com:8080", "/a?b=c", &[Some(b"en")]);
        let expected =
            Parts { scheme: "http", authority: "example.com:8080", path_and_query: "/a?b=c" };
        assert_eq!(parts(&key), expected);
        assert_eq!(parts(&[1, 0]), Parts::default());
    }
}

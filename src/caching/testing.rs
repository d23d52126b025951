//! Heads built from text, for the tests of this floor.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// The field lines of `text`, one `Name: value` a line; `\xNN` stands for a byte.
pub(super) fn fields(text: &str) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').expect("a colon");
        let name: HeaderName = name.parse().expect("a field name");
        fields.append(name, HeaderValue::from_bytes(&bytes(value.trim())).expect("a field value"));
    }
    fields
}

pub(super) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn bytes(value: &str) -> Vec<u8> {
    let mut parts = value.split("\\x");
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(byte, 16).expect("two hex digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}

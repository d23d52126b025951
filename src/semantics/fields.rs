//! Field values as lines, lists and tokens (RFC 9110 §5).

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName};

#[cfg(test)]
mod tests;

/// The members of a list-based field, over all of its lines in order (RFC 9110 §5.6.1).
///
/// Splits at commas outside quoted strings, trims whitespace, skips empty members and members that are not ASCII.
pub fn list_members<'a>(
    fields: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> + use<'a> {
    fields.get_all(name).into_iter().flat_map(|line| Members::of(line.as_bytes()))
}

/// The members of one list-based value, as [`list_members`] has them.
pub fn members(value: &str) -> impl Iterator<Item = &str> {
    Members::of(value.as_bytes())
}

/// All lines of a field as one value; `None` where there is no line that is text.
pub fn combined<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut lines = fields.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    let first = lines.next()?;
    let Some(second) = lines.next() else { return Some(Cow::Borrowed(first)) };

    // "a recipient MAY combine multiple field lines within a field section that have the same field name into one
    // field line ... by appending each subsequent field line value to the initial field line value in order,
    // separated by a comma (",") and optional whitespace" (RFC 9110 §5.3)
    let mut value = [first, second].join(", ");
    for line in lines {
        value.push_str(", ");
        value.push_str(line);
    }
    Some(Cow::Owned(value))
}

/// Why a field that holds one value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSingle {
    /// It has several lines.
    Repeated,
    /// It holds octets other than visible ASCII, space and tab.
    NotText,
}

/// The value of a field that may have one line only; `Ok(None)` where it is absent.
pub fn single<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, NotSingle> {
    let mut lines = fields.get_all(name).into_iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => line.to_str().map(Some).map_err(|_| NotSingle::NotText),
        (Some(_), Some(_)) => Err(NotSingle::Repeated),
    }
}

/// Whether the text is a token (RFC 9110 §5.6.2).
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_tchar)
}

/// Takes out the fields whose name holds an underscore.
///
/// CGI and its descendants hand `Content_Length` and `Content-Length` to the application under one name, so such a
/// field could pass for one that was checked here.
pub fn remove_underscored(fields: &mut HeaderMap) {
    let doubtful: Vec<HeaderName> =
        fields.keys().filter(|name| name.as_str().contains('_')).cloned().collect();
    for name in doubtful {
        fields.remove(name);
    }
}

/// A list member with a weight, in thousandths: `gzip;q=0.5` is `("gzip", 500)`. `None` where the weight is malformed.
pub(crate) fn weighted(member: &str) -> Option<(&str, u16)> {
    let Some((value, parameter)) = member.split_once(';') else { return Some((member, 1000)) };
    // weight = OWS ";" OWS "q=" qvalue (RFC 9110 §12.4.2)
    let parameter = trim(parameter);
    let qvalue = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    Some((trim(value), thousandths(qvalue)?))
}

/// qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
fn thousandths(qvalue: &str) -> Option<u16> {
    let (whole, fraction) = qvalue.split_once('.').unwrap_or((qvalue, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.bytes().map(|digit| u16::from(digit - b'0')).chain([0; 3]);
    let fraction = digits.take(3).fold(0, |sum, digit| sum * 10 + digit);
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// Takes away optional whitespace at both ends (RFC 9110 §5.6.3).
pub(crate) fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_tchar(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&octet)
}

/// Walks one value's members.
struct Members<'a> {
    rest: Option<&'a [u8]>,
    /// Whether a quote opens a quoted string: not after one was found that nothing closes.
    quoting: bool,
}

impl<'a> Members<'a> {
    fn of(value: &'a [u8]) -> Self {
        Self { rest: Some(value), quoting: true }
    }

    /// The octets up to the next comma that separates members.
    fn raw(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let mut at = 0;
        while let Some(octet) = rest.get(at) {
            match octet {
                b',' => {
                    let (member, after) = rest.split_at(at);
                    self.rest = after.get(1..);
                    return Some(member);
                }
                // A quote that is never closed quotes nothing: `x="a, no-store` must not hide the `no-store`.
                b'"' if self.quoting => match quoted_length(rest.get(at..).unwrap_or_default()) {
                    Some(length) => at += length,
                    None => self.quoting = false,
                },
                _ => at += 1,
            }
        }
        self.rest = None;
        Some(rest)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        // "A recipient MUST parse and ignore a reasonable number of empty list elements" (RFC 9110 §5.6.1.2)
        loop {
            let raw = self.raw()?;
            let Ok(text) = str::from_utf8(raw) else { continue };
            let member = trim(text);
            if !member.is_empty() && member.is_ascii() {
                return Some(member);
            }
        }
    }
}

/// The length of the quoted string the octets begin with, both quotes included (RFC 9110 §5.6.4).
fn quoted_length(octets: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match octets.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

//! JSON texts that say the same made the same bytes, so that they can be compared as keys are (RFC 8259).
//!
//! A member's place in its object and the space between tokens say nothing, and neither does how a character of a string
//! is written. Everything else does: `1.0`, `1` and `1e0` are three numbers, as an application may tell them apart.

use std::borrow::Cow;

/// How deep arrays and objects may lie in one another.
const DEEPEST: usize = 64;

/// Why a text has no canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotCanonical {
    /// It is not JSON.
    Invalid,
    /// An object has two members of one name. RFC 8259 §4: "When the names within an object are not unique, the behavior
    /// of software that receives such an object is unpredictable."
    Ambiguous,
    /// More lies in one another than is looked into.
    TooDeep,
}

/// The canonical form of a JSON text: the members of objects in the order of their names' code points, nothing between
/// tokens, strings with as few escapes as there can be, numbers as written. Never longer than the text.
pub(super) fn canonical(text: &[u8]) -> Result<Vec<u8>, NotCanonical> {
    let text = std::str::from_utf8(text).map_err(|_| NotCanonical::Invalid)?;
    let mut reader = Reader { text, at: 0, out: Vec::with_capacity(text.len()) };
    reader.value(DEEPEST)?;
    reader.skip_space();
    if reader.at == text.len() { Ok(reader.out) } else { Err(NotCanonical::Invalid) }
}

/// Reads a text once, from its start to its end, and writes what it read.
struct Reader<'t> {
    text: &'t str,
    at: usize,
    out: Vec<u8>,
}

type Read<T> = Result<T, NotCanonical>;

impl<'t> Reader<'t> {
    /// A value in which others lie up to `depth` deep.
    fn value(&mut self, depth: usize) -> Read<()> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                let string = self.string()?;
                self.write_string(&string);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.literal(),
        }
    }

    fn object(&mut self, depth: usize) -> Read<()> {
        let depth = depth.checked_sub(1).ok_or(NotCanonical::TooDeep)?;
        self.at += 1;
        let start = self.out.len();
        // Each member's name, and where its form ends behind those before it.
        let mut members: Vec<(Cow<'t, str>, std::ops::Range<usize>)> = Vec::new();
        self.skip_space();
        let mut more = !self.takes(b'}');
        while more {
            self.skip_space();
            let name = self.string()?;
            let from = self.out.len() - start;
            self.write_string(&name);
            self.skip_space();
            self.expect(b':')?;
            self.out.push(b':');
            self.value(depth)?;
            members.push((name, from..self.out.len() - start));
            more = self.goes_on(b'}')?;
        }
        members.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        if members.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
            return Err(NotCanonical::Ambiguous);
        }
        let written = self.out.split_off(start);
        let ordered = members.into_iter().filter_map(|(_, member)| written.get(member));
        for (index, member) in ordered.enumerate() {
            self.out.push(if index == 0 { b'{' } else { b',' });
            self.out.extend_from_slice(member);
        }
        if written.is_empty() {
            self.out.push(b'{');
        }
        self.out.push(b'}');
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Read<()> {
        let depth = depth.checked_sub(1).ok_or(NotCanonical::TooDeep)?;
        self.at += 1;
        self.out.push(b'[');
        self.skip_space();
        let mut more = !self.takes(b']');
        while more {
            self.value(depth)?;
            more = self.goes_on(b']')?;
            if more {
                self.out.push(b',');
            }
        }
        self.out.push(b']');
        Ok(())
    }

    /// What a string says.
    fn string(&mut self) -> Read<Cow<'t, str>> {
        let start = self.at;
        self.expect(b'"')?;
        let mut escaped = false;
        loop {
            match self.peek().ok_or(NotCanonical::Invalid)? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    // Whatever is escaped: a quote is not the end.
                    self.at += 2;
                }
                // RFC 8259 §7: "All Unicode characters may be placed within the quotation marks, except for the
                // characters that MUST be escaped: quotation mark, reverse solidus, and the control characters".
                0..0x20 => return Err(NotCanonical::Invalid),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        let quoted = self.text.get(start..self.at).ok_or(NotCanonical::Invalid)?;
        if escaped {
            // A surrogate without its other is no code point, and is refused.
            serde_json::from_str(quoted).map(Cow::Owned).map_err(|_| NotCanonical::Invalid)
        } else {
            Ok(Cow::Borrowed(quoted.trim_matches('"')))
        }
    }

    /// §6: "number = [ minus ] int [ frac ] [ exp ]".
    fn number(&mut self) -> Read<()> {
        let start = self.at;
        self.takes(b'-');
        // "int = zero / ( digit1-9 *DIGIT )"
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        let written = self.text.get(start..self.at).ok_or(NotCanonical::Invalid)?;
        self.out.extend_from_slice(written.as_bytes());
        Ok(())
    }

    fn digits(&mut self) -> Read<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(NotCanonical::Invalid) }
    }

    fn literal(&mut self) -> Read<()> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let literal = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word));
        let literal = literal.ok_or(NotCanonical::Invalid)?;
        self.at += literal.len();
        self.out.extend_from_slice(literal.as_bytes());
        Ok(())
    }

    /// Behind a member or an element: whether another follows, or `end`.
    fn goes_on(&mut self, end: u8) -> Read<bool> {
        self.skip_space();
        if self.takes(end) {
            return Ok(false);
        }
        self.expect(b',').map(|()| true)
    }

    fn write_string(&mut self, string: &str) {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut self.out, string);
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Read<()> {
        if self.takes(byte) { Ok(()) } else { Err(NotCanonical::Invalid) }
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests;

//! Content codings, and which of them a client takes (RFC 9110 §8.4.1, §12.5.3).

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap};

use super::fields::{list_members, weighted};

#[cfg(test)]
mod tests;

/// More than this in Accept-Encoding is no list of codings any more. In octets, over all lines.
const LONGEST_LIST: usize = 8 * 1024;

/// The least weight of what is taken at all.
const LEAST: u16 = 1;

/// A content coding that we make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// None at all.
    Identity,
    /// gzip (§8.4.1.3)
    Gzip,
    /// br (RFC 7932)
    Brotli,
}

impl Coding {
    /// The coding's name in fields.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }

    /// The coding of that name.
    fn named(name: &str) -> Option<Self> {
        // "All content codings are case-insensitive" and "A recipient SHOULD consider "x-gzip" to be equivalent to
        // "gzip"." (§8.4.1, §8.4.1.3)
        [
            ("identity", Self::Identity),
            ("gzip", Self::Gzip),
            ("x-gzip", Self::Gzip),
            ("br", Self::Brotli),
        ]
        .into_iter()
        .find_map(|(known, coding)| name.eq_ignore_ascii_case(known).then_some(coding))
    }
}

/// The coding a message is in; `None` where it is one we do not make, or several.
pub fn of(fields: &HeaderMap) -> Option<Coding> {
    if fields.get_all(CONTENT_ENCODING).into_iter().any(|line| line.to_str().is_err()) {
        return None;
    }
    let mut codings = list_members(fields, &CONTENT_ENCODING);
    match (codings.next(), codings.next()) {
        (None, _) => Some(Coding::Identity),
        (Some(name), None) => Coding::named(name),
        (Some(_), Some(_)) => None,
    }
}

/// How much a client likes each coding, in thousandths; 0 is not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    identity: u16,
    gzip: u16,
    brotli: u16,
}

/// What a request's Accept-Encoding takes.
pub fn accepted(fields: &HeaderMap) -> Accepted {
    // "If no Accept-Encoding header field is in the request, any content coding is considered acceptable by the user
    // agent." But a client that is silent about codings may well know none, so they come last.
    if !fields.contains_key(ACCEPT_ENCODING) {
        return Accepted { identity: 1000, gzip: LEAST, brotli: LEAST };
    }
    let length: usize = fields.get_all(ACCEPT_ENCODING).into_iter().map(|line| line.len()).sum();
    if length > LONGEST_LIST {
        return Accepted { identity: 1000, gzip: 0, brotli: 0 };
    }

    let mut listed = Listed::default();
    for (name, weight) in list_members(fields, &ACCEPT_ENCODING).filter_map(weighted) {
        listed.add(name, weight);
    }
    Accepted {
        // "If the representation has no content coding, then it is acceptable by default unless specifically excluded
        // by the Accept-Encoding header field stating either "identity;q=0" or "*;q=0" without a more specific entry
        // for "identity"."
        identity: listed.identity.or(listed.any).unwrap_or(LEAST),
        // "If the representation's content coding is one of the content codings listed in the Accept-Encoding field
        // value, then it is acceptable unless it is accompanied by a qvalue of 0." "The asterisk "*" symbol in an
        // Accept-Encoding field matches any available content coding not explicitly listed in the field."
        gzip: listed.gzip.or(listed.any).unwrap_or(0),
        brotli: listed.brotli.or(listed.any).unwrap_or(0),
    }
}

impl Accepted {
    /// Whether the client takes the coding at all.
    pub fn takes(self, coding: Coding) -> bool {
        self.weight(coding) > 0
    }

    /// The available coding the client likes best. Those it likes alike go by the order of `available`, identity after
    /// all others. Identity where it takes none of them: a response in no coding is better than a 406.
    pub fn choose(self, available: &[Coding]) -> Coding {
        let is_identity = |coding: &&Coding| **coding == Coding::Identity;
        let coded = available.iter().filter(|coding| !is_identity(coding));
        let mut best = (Coding::Identity, 0);
        for coding in coded.chain(available.iter().filter(is_identity)) {
            let weight = self.weight(*coding);
            if weight > best.1 {
                best = (*coding, weight);
            }
        }
        best.0
    }

    fn weight(self, coding: Coding) -> u16 {
        match coding {
            Coding::Identity => self.identity,
            Coding::Gzip => self.gzip,
            Coding::Brotli => self.brotli,
        }
    }
}

/// The weights a field gives.
#[derive(Default)]
struct Listed {
    identity: Option<u16>,
    gzip: Option<u16>,
    brotli: Option<u16>,
    any: Option<u16>,
}

impl Listed {
    fn add(&mut self, name: &str, weight: u16) {
        let slot = match Coding::named(name) {
            Some(Coding::Identity) => &mut self.identity,
            Some(Coding::Gzip) => &mut self.gzip,
            Some(Coding::Brotli) => &mut self.brotli,
            None if name == "*" => &mut self.any,
            None => return,
        };
        // Of two weights for one coding the smaller: a refusal anywhere holds.
        *slot = Some(slot.map_or(weight, |known| known.min(weight)));
    }
}

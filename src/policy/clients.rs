//! Which clients a route lets in, by their addresses.

use std::net::IpAddr;

use crate::identity::networks::Networks;

/// `allow` and `deny`: what is denied is denied, whatever else is allowed; where something is allowed, nothing else is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// Empty: every address.
    pub allow: Networks,
    /// Addresses that are kept out.
    pub deny: Networks,
}

impl Clients {
    /// Whether a client with this address is let in.
    pub fn admit(&self, client: IpAddr) -> bool {
        !self.deny.contains(client) && (self.allow.is_empty() || self.allow.contains(client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_is_denied_and_beside_what_is_allowed_nothing_is() {
        let networks =
            |texts: &[&str]| texts.iter().map(|text| Networks::named(text).unwrap()).collect();
        for (allow, deny, client, admitted) in [
            (&[][..], &[][..], "192.0.2.1", true),
            (&["10.0.0.0/8"], &[], "10.255.0.1", true),
            (&["10.0.0.0/8"], &[], "11.0.0.1", false),
            (&["10.0.0.0/8"], &[], "::1", false),
            (&["10.0.0.0/8"], &["10.1.0.0/16"], "10.1.2.3", false),
            (&["10.1.0.0/16"], &["10.0.0.0/8"], "10.1.2.3", false),
            (&[], &["10.0.0.0/8"], "10.1.2.3", false),
            (&[], &["10.0.0.0/8"], "192.0.2.1", true),
            (&["10.0.0.0/8"], &[], "::ffff:10.1.2.3", true),
            (&[], &["10.0.0.0/8"], "::ffff:10.1.2.3", false),
            (&["2001:db8::/32"], &[], "2001:db8:1::1", true),
            (&["2001:db8::/32"], &[], "2001:db9::1", false),
        ] {
            let clients = Clients { allow: networks(allow), deny: networks(deny) };
            assert_eq!(clients.admit(client.parse().unwrap()), admitted, "{clients:?} {client}");
        }
    }
}

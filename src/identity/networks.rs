//! Ranges of addresses, as an operator writes them.

use std::net::IpAddr;

use ipnet::IpNet;

/// Some ranges of addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// What `private` stands for: addresses that the Internet does not route (RFC 1918, RFC 4193), and this machine's own.
const PRIVATE: [&str; 6] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "fc00::/7", "::1/128"];

impl Networks {
    /// The ranges that one word names: `10.0.0.0/8`, `2001:db8::1`, `private`.
    pub fn named(text: &str) -> Option<Self> {
        if text == "private" {
            return Some(Self(PRIVATE.iter().filter_map(|range| range.parse().ok()).collect()));
        }
        let range = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
        Some(Self(vec![as_compared(range)]))
    }

    /// Whether an address is in one of them; one that was mapped into IPv6 is the IPv4 address it was.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Self> for Networks {
    fn from_iter<I: IntoIterator<Item = Self>>(networks: I) -> Self {
        Self(networks.into_iter().flat_map(|networks| networks.0).collect())
    }
}

/// A range of mapped addresses as the range that was mapped.
fn as_compared(range: IpNet) -> IpNet {
    let IpNet::V6(mapped) = range else { return range };
    let v4 = mapped.addr().to_ipv4_mapped().zip(mapped.prefix_len().checked_sub(96));
    v4.and_then(|(address, length)| IpNet::new(address.into(), length).ok()).unwrap_or(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_addresses_it_names() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.1.2.3", "11.0.0.1"),
            ("10.9.9.9/8", "10.1.2.3", "11.0.0.1"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("10.0.0.0/8", "::ffff:10.1.2.3", "::ffff:11.0.0.1"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.1"),
            ("2001:db8::/32", "2001:db8::1", "2001:db9::1"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("private", "192.168.3.4", "192.0.2.1"),
            ("private", "127.0.0.1", "169.254.1.1"),
            ("private", "fd00::1", "2001:db8::1"),
            ("private", "::1", "::2"),
        ] {
            let networks = Networks::named(range).unwrap();
            assert!(networks.contains(inside.parse().unwrap()), "{range} {inside}");
            assert!(!networks.contains(outside.parse().unwrap()), "{range} {outside}");
        }
        assert!(!Networks::default().contains("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in
            ["", "10.0.0.0/33", "10.0.0", "localhost", "fe80::1%eth0", "Private", "10.0.0.0/-1"]
        {
            assert_eq!(Networks::named(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_add_up() {
        let networks: Networks =
            ["private", "192.0.2.0/24"].iter().filter_map(|text| Networks::named(text)).collect();
        assert!(["10.0.0.1", "192.0.2.9"].iter().all(|a| networks.contains(a.parse().unwrap())));
    }
}

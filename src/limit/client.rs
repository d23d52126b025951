//! Clients, known by a hash of who they are.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use super::Budget;
use super::window::Per;
use crate::identity::digest;

/// A client: a keyed hash of its name, of a fixed size however long that is. Two that collide, which nobody outside can
/// bring about, would share their buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client(u64);

/// A keyed hash of a secret, so wide that it can stand for it: neither how long it takes to find one nor what is in
/// memory tells anything of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest(u128);

/// Makes clients of names, with a secret of this process.
#[derive(Debug, Default)]
pub(super) struct Namer([RandomState; 2]);

impl Namer {
    /// The digest of a key that a client holds.
    pub(super) fn digest(&self, key: &[u8]) -> Digest {
        let [high, low] = &self.0;
        let half = |state: &RandomState| u128::from(state.hash_one(("key", key)));
        Digest(half(high) << 64 | half(low))
    }

    /// Whoever somebody else vouches for; `source` says who, as in the configuration.
    pub(super) fn named(&self, source: &str, name: &[u8]) -> Client {
        Client(self.0[0].hash_one((source, name)))
    }

    /// Whoever has an address, or one with the same first `ipv6_prefix` bits. An IPv4 address is never one that was mapped.
    pub(super) fn address(&self, address: IpAddr, ipv6_prefix: u8) -> Client {
        let bits = bits(address, ipv6_prefix);
        Client(self.0[0].hash_one(("ip", address.is_ipv4(), bits)))
    }
}

/// The bits of an address that make a client.
fn bits(address: IpAddr, ipv6_prefix: u8) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => {
            let host = 128_u32.saturating_sub(u32::from(ipv6_prefix));
            address.to_bits() & u128::MAX.checked_shl(host).unwrap_or(0)
        }
    }
}

/// A client's name in Redis, the same on all replicas: half of a digest, by which nobody sees who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SharedName(u128);

impl SharedName {
    /// Of whoever holds a key.
    pub(super) fn holder(key: &[u8]) -> Self {
        Self::of("key", key)
    }

    /// Of whoever somebody else vouches for; `source` says who, as in the configuration.
    pub(super) fn named(source: &str, name: &[u8]) -> Self {
        Self::of(source, name)
    }

    /// Of whoever has an address, as [`Namer::address`] tells them apart.
    pub(super) fn address(address: IpAddr, ipv6_prefix: u8) -> Self {
        let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        Self::of(family, &bits(address, ipv6_prefix).to_be_bytes())
    }

    /// Where one ends and the other begins is part of what is digested.
    fn of(source: &str, name: &[u8]) -> Self {
        let length = (source.len() as u64).to_be_bytes();
        let whole = digest::of(&[&length, source.as_bytes(), name].concat());
        Self(whole.first_chunk().map_or(0, |half| u128::from_be_bytes(*half)))
    }
}

impl fmt::Display for SharedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Digest {
    /// Whoever holds the key.
    pub(super) const fn client(self) -> Client {
        Client(self.0 as u64)
    }
}

impl Client {
    /// What the client's bucket is found by.
    pub(super) const fn bucket(self, budget: Budget, per: Per) -> u64 {
        let which = (budget as u64) * (Per::COUNT as u64) + per as u64;
        self.0 ^ which.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// One of `count` places, the same for all the client's buckets.
    pub(super) const fn place(self, count: usize) -> usize {
        // Hash tables use the outermost bits.
        (self.0 >> 32) as usize % count
    }
}

//! Tokens whose signature was found good.
//!
//! To verify a signature takes longer than all else that a hit does, and whether it is good depends on nothing but the
//! token's bytes and the key: this belongs to one verifier, which has one key. It is found by a SHA-256 digest of the whole
//! token, so that nobody can make another token that is found in its place, and no token is kept. Only good ones are
//! remembered, so that nobody without the key can push out others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::Claims;
use crate::identity::digest::Digest;

/// Tokens in each of two generations of a shard.
const GENERATION: usize = 256;
const SHARDS: usize = 16;
/// The longest token that is remembered, in bytes, and the most claims; all of them together hold some tens of mebibytes at
/// the very most.
const LONGEST: usize = 4096;
const MOST_CLAIMS: usize = 64;

/// What was found good, in a bounded number.
pub(super) struct Seen(Box<[Mutex<Shard>]>);

/// When the young are as many as may be, they grow old, and what was old is forgotten.
#[derive(Default)]
struct Shard {
    young: HashMap<Digest, Claims>,
    old: HashMap<Digest, Claims>,
}

impl Seen {
    pub(super) fn recall(&self, token: &Digest) -> Option<Claims> {
        let mut shard = self.shard(token)?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = shard.young.get(token) {
            return Some(claims.clone());
        }
        let claims = shard.old.remove(token)?;
        shard.keep(*token, claims.clone());
        Some(claims)
    }

    pub(super) fn remember(&self, token: Digest, length: usize, claims: &Claims) {
        if length <= LONGEST
            && claims.count() <= MOST_CLAIMS
            && let Some(shard) = self.shard(&token)
        {
            shard.lock().unwrap_or_else(PoisonError::into_inner).keep(token, claims.clone());
        }
    }

    fn shard(&self, token: &Digest) -> Option<&Mutex<Shard>> {
        self.0.get(usize::from(token[0]) % SHARDS)
    }
}

impl Shard {
    fn keep(&mut self, token: Digest, claims: Claims) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(token, claims);
    }
}

impl Default for Seen {
    fn default() -> Self {
        Self(std::iter::repeat_with(Mutex::default).take(SHARDS).collect())
    }
}

#[cfg(test)]
impl Seen {
    pub(super) fn count(&self) -> usize {
        let count = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap();
            shard.young.len() + shard.old.len()
        };
        self.0.iter().map(count).sum()
    }
}

//! HTTP caching as pure decisions (RFC 9111, RFC 5861, RFC 8246, RFC 9211, RFC 9213).
//!
//! A response that arrives is judged once: [`storability`] says whether it may be stored, [`storable_fields`] which of
//! its fields, [`vary`] what selects it, and [`terms`] works out everything a later hit needs. From then on [`reuse`]
//! only compares integers. [`validation`] and [`invalidation`] say what later responses do to a stored one.
//!
//! Nothing here reads a clock or does IO, and every decision is an enum whose variant is the reason: it goes into
//! `Cache-Status`, into the metrics and into the answer of `explain` unchanged.

pub mod cache_control;
pub mod cache_status;
mod coding_rules;
mod directive;
pub mod freshness;
pub mod invalidation;
pub mod key;
pub mod partial;
pub mod parts;
pub mod posted;
pub mod purge;
pub mod record;
mod reference;
pub mod representation_tag;
pub mod reuse;
pub mod rules;
pub mod stamp;
pub mod storability;
pub mod storable_fields;
pub mod stored;
mod targeted;
pub mod terms;
pub mod validation;
mod validators;
pub mod vary;
mod wall_time;

pub use coding_rules::CodingRules;
pub use rules::Rules;
pub use terms::Terms;
pub use wall_time::{BadWallTime, WallTime};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod round_trips;
#[cfg(test)]
mod sentences;
#[cfg(test)]
mod testing;

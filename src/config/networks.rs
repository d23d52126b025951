//! Networks: who is meant by their addresses.

use super::value::Value;
use super::wrong::Wrong;
use crate::identity::networks::Networks;

/// `10.0.0.0/8`, `192.0.2.1` or `private`, which is several.
pub(super) fn networks(value: &Value<'_>) -> Result<Networks, Wrong> {
    const WHAT: &str = "a network like \"10.0.0.0/8\", an address, or \"private\"";
    value.parsed(WHAT, Networks::named)
}

//! Who is asking.

pub mod networks;
pub mod peer;

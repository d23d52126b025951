//! Who is asking.

pub mod peer;

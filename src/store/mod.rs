//! Where stored responses are kept, and what is known to be no longer wanted.

pub mod codec;
mod index;
pub mod memory;
pub mod purged;
mod queue;
mod records;
pub mod redis;
pub mod remembered;
pub mod synced;

pub use memory::Memory;
pub use purged::Purged;
pub use records::Condemned;
pub use redis::{Read, Second, SecondSettings, Written};
pub use remembered::Remembered;
pub use synced::{Judged, Synced};

#[cfg(test)]
mod histories;
#[cfg(test)]
mod testing;

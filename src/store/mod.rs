//! Where stored responses are kept, and what is known to be no longer wanted.

pub mod codec;
mod index;
pub mod memory;
pub mod purged;
mod records;
pub mod remembered;
pub mod synced;

pub use memory::Memory;
pub use purged::Purged;
pub use records::Condemned;
pub use remembered::Remembered;
pub use synced::{Judged, Synced};

#[cfg(test)]
mod histories;
#[cfg(test)]
mod testing;

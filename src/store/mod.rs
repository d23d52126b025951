//! Where stored responses are kept, and what is known to be no longer wanted.

pub mod memory;
pub mod purged;
pub mod remembered;

pub use memory::Memory;
pub use purged::{Condemned, Purged};
pub use remembered::Remembered;

#[cfg(test)]
mod histories;
#[cfg(test)]
mod testing;

//! The operator's API: is it up, what does it count, forget this.

mod access;
mod api;
mod explaining;
mod order;
mod reply;
mod status;

pub use self::access::Access;
pub use self::api::{Abilities, Admin, Forget, NotReloaded, Reload, Reloaded, Unfinished};
pub use self::status::{Configuration, Memory, Readiness, Redis, Server};

#[cfg(test)]
mod tests;

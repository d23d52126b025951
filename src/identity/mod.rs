//! Who is asking: the other end of the connection, whom trusted proxies speak for, and whom a request names.
//!
//! [`asker::Asker`] answers all of it for one request, and only as far as it is asked.

pub mod asker;
pub mod cookies;
pub mod digest;
pub mod forwarded;
pub mod jwt;
pub mod networks;
pub mod peer;
pub mod shared_secret;
pub mod source;
pub mod whose;

pub use asker::{Asker, BadName, Named};
pub use forwarded::{Client, TrustedProxies};
pub use source::Source;
pub use whose::Identity;

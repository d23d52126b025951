//! The other replicas: those that share one Redis, and behave like one cache.

mod log;

pub use log::{Log, Receipt};

//! What messages mean, whoever carries them: RFC 9110 "HTTP Semantics" and the framing rules of RFC 9112 "HTTP/1.1".
//!
//! Everything here is a pure function over `http`'s types. Nothing knows the time, keeps state or panics, whatever
//! the bytes: what cannot be read is ignored where the RFC lets a recipient ignore it, and refused where two readers
//! could take it for different messages.

pub mod authority;
pub mod connection;
pub mod content_coding;
pub mod date;
pub mod entity_tag;
pub mod expect;
pub mod fields;
pub mod framing;
pub mod method;
pub mod preconditions;
pub mod present;
pub mod range;
pub mod target;

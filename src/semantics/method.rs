//! Common properties of methods (RFC 9110 §9.2).

use http::Method;

/// Whether the method is known to be safe (§9.2.1): its request asks for no change of state.
///
/// A method nobody here knows is not: an unknown method may change anything.
pub fn is_safe(method: &Method) -> bool {
    method.is_safe()
}

/// Whether several identical requests are meant to have the effect of one (§9.2.2): a lost one may be sent again.
pub fn is_idempotent(method: &Method) -> bool {
    method.is_idempotent()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s9_2_safe_and_idempotent_methods() {
        for (name, safe, idempotent) in [
            ("GET", true, true),
            ("HEAD", true, true),
            ("OPTIONS", true, true),
            ("TRACE", true, true),
            ("QUERY", true, true),
            ("PUT", false, true),
            ("DELETE", false, true),
            ("POST", false, false),
            ("PATCH", false, false),
            ("CONNECT", false, false),
            ("PURGE", false, false),
            ("get", false, false),
        ] {
            let method = Method::from_bytes(name.as_bytes()).unwrap();
            assert_eq!((is_safe(&method), is_idempotent(&method)), (safe, idempotent), "{name}");
        }
    }
}

//! What a request says of who sends it, as far as a route keeps answers apart by it.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName};

use super::Route;
use crate::caching::storability::Credentials;
use crate::identity::Source;
use crate::identity::cookies::{self, cookies};

impl Route {
    /// The credentials of a request that is not kept apart by them: neither is the identity derived from them, nor are they
    /// cookies in the key, nor ignored.
    pub fn credentials(&self, fields: &HeaderMap) -> Credentials {
        let is_foreign = |name: &HeaderName| fields.contains_key(name) && !self.derives_from(name);
        Credentials {
            authorization: is_foreign(&AUTHORIZATION),
            cookie: is_foreign(&COOKIE) && self.has_foreign_cookie(fields),
            client_field: self.client_fields.iter().any(is_foreign),
        }
    }

    /// Takes out the cookies that are ignored.
    pub fn strip_ignored_cookies(&self, fields: &mut HeaderMap) {
        cookies::remove(fields, |name| self.ignores(name));
    }

    /// The request fields that tell answers apart here, each once.
    pub fn varies_by(&self) -> impl Iterator<Item = &HeaderName> {
        let identity = self.identity.as_ref().map(Source::field);
        let cookie = (!self.key_cookies.is_empty()).then_some(&COOKIE);
        let others = identity.filter(|name| cookie != Some(*name)).into_iter().chain(cookie);
        self.key_headers.iter().chain(others.filter(|name| !self.key_headers.contains(name)))
    }

    /// Whether all of a field is what the identity is derived from.
    fn derives_from(&self, name: &HeaderName) -> bool {
        match &self.identity {
            Some(Source::Cookie(_)) | None => false,
            Some(source) => source.field() == name,
        }
    }

    fn has_foreign_cookie(&self, fields: &HeaderMap) -> bool {
        let names_none = self.ignore_cookies.is_empty()
            && self.key_cookies.is_empty()
            && !matches!(self.identity, Some(Source::Cookie(_)));
        names_none
            || cookies(fields).any(|cookie| !self.keys(cookie.name) && !self.ignores(cookie.name))
    }

    /// A cookie that tells answers apart is never ignored, whatever pattern it fits.
    fn ignores(&self, name: &[u8]) -> bool {
        self.ignore_cookies.iter().any(|glob| glob.matches_plain(name)) && !self.keys(name)
    }

    fn keys(&self, name: &[u8]) -> bool {
        let identity = match &self.identity {
            Some(Source::Cookie(cookie)) => Some(cookie),
            _ => None,
        };
        self.key_cookies.iter().chain(identity).any(|cookie| cookie.as_bytes() == name)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::PathPattern;
    use super::*;

    fn route(identity: &str, key_cookies: &[&str], ignore_cookies: &[&str]) -> Route {
        Route {
            identity: identity.parse().ok(),
            key_cookies: key_cookies.iter().map(|name| (*name).into()).collect(),
            ignore_cookies: ignore_cookies.iter().map(|glob| glob.parse().unwrap()).collect(),
            client_fields: [HeaderName::from_static("x-key")].into(),
            ..Route::new("r", PathPattern::everything())
        }
    }

    fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        lines.iter().map(line).collect()
    }

    /// `a`, `c` and `k` for Authorization, a cookie and a client's field.
    fn credentials(route: &Route, lines: &[(&'static str, &'static str)]) -> String {
        let found = route.credentials(&fields(lines));
        let marks = [(found.authorization, 'a'), (found.cookie, 'c'), (found.client_field, 'k')];
        marks.iter().filter(|(found, _)| *found).map(|(_, mark)| mark).collect()
    }

    #[test]
    fn what_the_identity_is_not_derived_from_is_a_credential() {
        let all = [("authorization", "Bearer x"), ("cookie", "s=1; t=2"), ("x-key", "k")];
        let one_cookie = [("cookie", "s=1")];
        for (identity, of_all, of_one_cookie) in [
            ("none", "ack", "c"),
            ("jwt:sub", "ck", "c"),
            ("header:authorization", "ck", "c"),
            ("header:x-key", "ac", "c"),
            ("trusted_header:x-key", "ac", "c"),
            ("header:x-other", "ack", "c"),
            ("header:cookie", "ak", ""),
            // The other cookie may be another session's.
            ("cookie:s", "ack", ""),
            ("cookie:S", "ack", "c"),
        ] {
            let route = route(identity, &[], &[]);
            assert_eq!(credentials(&route, &all), of_all, "{identity}");
            assert_eq!(credentials(&route, &one_cookie), of_one_cookie, "{identity}");
            assert_eq!(credentials(&route, &[]), "", "{identity}");
        }
    }

    #[test]
    fn cookies_in_the_key_and_ignored_ones_are_no_credentials() {
        for (key_cookies, ignored, cookie, expected) in [
            (&["locale"][..], &[][..], "locale=de", ""),
            (&["locale"], &[], "locale=de; s=1", "c"),
            (&["locale"], &["_ga*"], "locale=de; _ga=1; _gat=2", ""),
            (&[], &["_ga*"], "_ga=1", ""),
            (&[], &["_ga*"], "_GA=1", "c"),
            (&[], &["_ga"], "_gat=1", "c"),
            (&[], &["*"], "a=1; b=2", ""),
            (&[], &["_ga"], "", ""),
            (&[], &[], "", "c"),
            // Nobody decodes the names of cookies.
            (&[], &["_ga*"], "%5fga=1", "c"),
        ] {
            let route = route("none", key_cookies, ignored);
            assert_eq!(credentials(&route, &[("cookie", cookie)]), expected, "{cookie}");
        }
    }

    #[test]
    fn a_cookie_that_tells_answers_apart_is_never_ignored() {
        let route = route("cookie:s", &["locale"], &["*"]);
        let mut sent = fields(&[("cookie", "s=1; _ga=2; locale=de; t=3")]);
        assert_eq!(route.credentials(&sent), Credentials::default());
        route.strip_ignored_cookies(&mut sent);
        assert_eq!(sent[COOKIE], "s=1; locale=de");
    }

    #[test]
    fn what_tells_answers_apart_is_named_once() {
        for (identity, key_cookies, key_headers, expected) in [
            ("none", &[][..], &[][..], ""),
            ("none", &[], &["accept-language"], "accept-language"),
            ("jwt:sub", &[], &["accept-language"], "accept-language authorization"),
            ("cookie:s", &["locale"], &[], "cookie"),
            ("jwt:sub", &["locale"], &[], "authorization cookie"),
            ("header:x-key", &[], &["x-key"], "x-key"),
            ("trusted_header:x-user", &[], &[], "x-user"),
        ] {
            let key_headers = key_headers.iter().map(|name| name.parse().unwrap()).collect();
            let route = Route { key_headers, ..route(identity, key_cookies, &[]) };
            let names: Vec<_> = route.varies_by().map(HeaderName::as_str).collect();
            assert_eq!(names.join(" "), expected, "{identity}");
        }
    }
}

//! The cookies of a request (RFC 6265 §4.2, §5.4).

use std::borrow::Cow;

use http::header::{COOKIE, HeaderMap, HeaderValue};

/// A cookie as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cookie<'a> {
    /// Its name; all of it where there is no `=`, as applications may read it either way.
    pub name: &'a [u8],
    /// Its value, quotes and all.
    pub value: &'a [u8],
    /// Both as they stand in the field.
    pub text: &'a [u8],
}

/// The cookies of all Cookie lines, in order. What is empty between two semicolons is none.
pub fn cookies(fields: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    let lines = fields.get_all(COOKIE).into_iter().map(HeaderValue::as_bytes);
    lines.flat_map(|line| line.split(|byte| *byte == b';')).filter_map(|text| {
        let text = text.trim_ascii();
        let at = text.iter().position(|byte| *byte == b'=');
        let (name, value) = at.and_then(|at| text.split_at_checked(at)).unwrap_or((text, b""));
        // Applications take spaces around either for nothing: `a =1; a=2` is one cookie twice.
        let (name, value) = (name.trim_ascii(), value.strip_prefix(b"=").unwrap_or(value));
        (!text.is_empty()).then_some(Cookie { name, value: value.trim_ascii(), text })
    })
}

/// What stands for one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Valued<'a> {
    /// There is no such cookie.
    Absent,
    /// There is one.
    Once(&'a [u8]),
    /// There are several: which of them the application reads is anyone's guess.
    Repeated,
}

/// The value of the one cookie of that name.
pub fn valued<'a>(fields: &'a HeaderMap, name: &str) -> Valued<'a> {
    let mut named = cookies(fields).filter(|cookie| cookie.name == name.as_bytes());
    match (named.next(), named.next()) {
        (None, _) => Valued::Absent,
        (Some(cookie), None) => Valued::Once(cookie.value),
        (Some(_), Some(_)) => Valued::Repeated,
    }
}

/// All values of the cookies of that name, as one that no other list of values gives; `None` where there is none.
pub fn all_values<'a>(fields: &'a HeaderMap, name: &str) -> Option<Cow<'a, [u8]>> {
    let mut values = cookies(fields).filter(|cookie| cookie.name == name.as_bytes());
    let mut all = Cow::Borrowed(values.next()?.value);
    for cookie in values {
        // No value has a semicolon in it.
        all.to_mut().push(b';');
        all.to_mut().extend_from_slice(cookie.value);
    }
    Some(all)
}

/// Takes out the cookies that are `ignored`; the field too, where none is left. What is kept is kept as it came.
pub fn remove(fields: &mut HeaderMap, ignored: impl Fn(&[u8]) -> bool) {
    if !cookies(fields).any(|cookie| ignored(cookie.name)) {
        return;
    }
    let mut kept = Vec::new();
    for cookie in cookies(fields).filter(|cookie| !ignored(cookie.name)) {
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(cookie.text);
    }
    fields.remove(COOKIE);
    if !kept.is_empty()
        && let Ok(kept) = HeaderValue::from_bytes(&kept)
    {
        fields.insert(COOKIE, kept);
    }
}

/// Whether a cookie may be called so: a token (RFC 6265 §4.1.1).
pub fn is_cookie_name(name: &str) -> bool {
    crate::semantics::fields::is_token(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (COOKIE, HeaderValue::from_static(line))).collect()
    }

    fn text(bytes: &[u8]) -> &str {
        std::str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn cookies_stand_between_semicolons_on_any_line() {
        for (lines, expected) in [
            (&[][..], &[][..]),
            (&[""], &[]),
            (&["a=1"], &[("a", "1")]),
            (&["a=1; b=2;c=3 ;; ;"], &[("a", "1"), ("b", "2"), ("c", "3")]),
            (&["a=1", "b=2"], &[("a", "1"), ("b", "2")]),
            (&["a=1=2; b= \"x y\" ; c"], &[("a", "1=2"), ("b", "\"x y\""), ("c", "")]),
            (&["a =1; =2"], &[("a", "1"), ("", "2")]),
            (&["a=1, b=2"], &[("a", "1, b=2")]),
        ] {
            let fields = fields(lines);
            let found: Vec<_> = cookies(&fields).map(|c| (text(c.name), text(c.value))).collect();
            assert_eq!(found, expected, "{lines:?}");
        }
    }

    #[test]
    fn a_name_that_stands_twice_has_no_value() {
        for (lines, expected) in [
            (&["b=1"][..], Valued::Absent),
            (&["A=1"], Valued::Absent),
            (&["a=1"], Valued::Once(b"1")),
            (&["a="], Valued::Once(b"")),
            (&["a"], Valued::Once(b"")),
            (&["a=1; a=1"], Valued::Repeated),
            (&["a=1; b=1; a =2"], Valued::Repeated),
            (&["a=1", "a=2"], Valued::Repeated),
            (&["a=1; a"], Valued::Repeated),
        ] {
            assert_eq!(valued(&fields(lines), "a"), expected, "{lines:?}");
        }
    }

    #[test]
    fn no_two_lists_of_values_are_one() {
        let lists = [&["b=1"][..], &["a="], &["a=1"], &["a=1; a=2"], &["a=2; a=1"], &["a=1; a="]];
        let all: Vec<_> = lists.map(fields).to_vec();
        let values: Vec<_> = all.iter().map(|fields| all_values(fields, "a")).collect();
        for (index, value) in values.iter().enumerate() {
            assert!(!values[..index].contains(value), "{:?}", lists[index]);
        }
    }

    #[test]
    fn what_is_ignored_goes_and_the_rest_stays_as_it_came() {
        for (lines, expected) in [
            (&["a=1;b=2"][..], &["a=1;b=2"][..]),
            (&["_ga=1; a=1; _gid=2;b = 2"], &["a=1; b = 2"]),
            (&["_ga=1"], &[]),
            (&["_ga=1", "a=1", "_gid=2"], &["a=1"]),
            (&["_ga", "a"], &["a"]),
        ] {
            let mut fields = fields(lines);
            remove(&mut fields, |name| name.starts_with(b"_g"));
            let left: Vec<_> =
                fields.get_all(COOKIE).iter().map(|line| text(line.as_bytes())).collect();
            assert_eq!(left, expected, "{lines:?}");
        }
    }
}

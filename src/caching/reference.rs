//! References to URIs of the same origin (RFC 3986 §5.2, RFC 9110 §4.3.1).

use crate::semantics::authority;

/// The path and query a reference means, seen from `path_and_query` at `scheme` and `authority`; `None` if it is of
/// another origin or no reference.
pub(super) fn resolve(
    scheme: &str,
    authority: &str,
    path_and_query: &str,
    reference: &str,
) -> Option<String> {
    let reference = reference.split('#').next().unwrap_or_default();
    let reference = match split_scheme(reference) {
        Some((other, rest)) if other.eq_ignore_ascii_case(scheme) && rest.starts_with("//") => rest,
        Some(_) => return None,
        None => reference,
    };
    let (base, _) = split_query(path_and_query);
    let (path, query) = split_query(reference);
    let (path, query) = if let Some(rest) = path.strip_prefix("//") {
        let (other, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority::normal(scheme, other)? != authority {
            return None;
        }
        (path.to_owned(), query)
    } else if path.is_empty() {
        // "if (R.path == "") then T.path = Base.path; if defined(R.query) then T.query = R.query; else T.query =
        // Base.query;"
        (base.to_owned(), query.or(split_query(path_and_query).1))
    } else if path.starts_with('/') {
        (path.to_owned(), query)
    } else {
        // "… excluding any characters after the right-most "/" in the base URI path".
        let directory = base.rfind('/').map_or("/", |at| base.get(..=at).unwrap_or("/"));
        (format!("{directory}{path}"), query)
    };
    let path = without_dot_segments(&path);
    Some(query.map_or_else(|| path.clone(), |query| format!("{path}?{query}")))
}

/// `scheme ":" rest`; a colon after the first slash or question mark does not end a scheme.
fn split_scheme(reference: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = reference.split_once(':')?;
    (!scheme.contains(['/', '?'])).then_some((scheme, rest))
}

fn split_query(reference: &str) -> (&str, Option<&str>) {
    match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    }
}

/// RFC 3986 §5.2.4 for a path that is absolute or empty.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3986_s5_4_references_resolve_as_in_its_examples() {
        for (reference, expected) in [
            ("g:h", None),
            ("g", Some("/b/c/g")),
            ("./g", Some("/b/c/g")),
            ("g/", Some("/b/c/g/")),
            ("/g", Some("/g")),
            ("//g", None),
            ("//a", Some("/")),
            ("//a/x?y", Some("/x?y")),
            ("?y", Some("/b/c/d;p?y")),
            ("g?y", Some("/b/c/g?y")),
            ("#s", Some("/b/c/d;p?q")),
            ("g#s", Some("/b/c/g")),
            ("g?y#s", Some("/b/c/g?y")),
            (";x", Some("/b/c/;x")),
            ("", Some("/b/c/d;p?q")),
            (".", Some("/b/c/")),
            ("./", Some("/b/c/")),
            ("..", Some("/b/")),
            ("../", Some("/b/")),
            ("../g", Some("/b/g")),
            ("../..", Some("/")),
            ("../../g", Some("/g")),
            ("../../../g", Some("/g")),
            ("/./g", Some("/g")),
            ("/../g", Some("/g")),
            ("g.", Some("/b/c/g.")),
            ("..g", Some("/b/c/..g")),
            ("./g/.", Some("/b/c/g/")),
            ("g/./h", Some("/b/c/g/h")),
            ("g/../h", Some("/b/c/h")),
            ("g?y/../x", Some("/b/c/g?y/../x")),
            ("g?a:b", Some("/b/c/g?a:b")),
            ("http:g", None),
        ] {
            let resolved = resolve("http", "a", "/b/c/d;p?q", reference);
            assert_eq!(resolved.as_deref(), expected, "{reference}");
        }
    }

    #[test]
    fn rfc_9110_s4_3_1_an_origin_is_scheme_host_and_port() {
        for (reference, same) in [
            ("http://a.example/x", true),
            ("HTTP://A.EXAMPLE:80/x", true),
            ("https://a.example/x", false),
            ("http://a.example:8080/x", false),
            ("http://b.example/x", false),
            ("http://a.example@b.example/x", false),
            ("http://user@a.example/x", false),
            ("http:///x", false),
        ] {
            let expected = same.then_some("/x");
            let resolved = resolve("http", "a.example", "/", reference);
            assert_eq!(resolved.as_deref(), expected, "{reference}");
        }
    }
}

use super::*;
use crate::policy::BadTemplate;

fn path_pattern() -> PathPattern {
    "/users/{id}".parse().unwrap()
}

/// What `text` invalidates for `POST /users/7?q=a b` on `example.com`.
fn expanded(text: &str) -> Option<Invalidation> {
    let path = "/users/7";
    let captures = path_pattern().captures(path).unwrap();
    let template = InvalidateTemplate::parse(text, &path_pattern()).unwrap();
    let (query, host) = ("q=a b", "example.com");
    template.expand(Values { captures: &captures, path, query, identity: None, host })
}

#[test]
fn there_are_five_kinds() {
    let cases = [
        ("tag:user:{id}", Some(Invalidation::Tag("user:7".into()))),
        ("tag:{host}", Some(Invalidation::Tag("example.com".into()))),
        ("tag:u:{identity}", None),
        ("prefix:/users/{identity}/", None),
        ("url:/users/{identity}", None),
        ("tag:{query:absent}", None),
        ("tag:q:{query:q}", None),
        ("prefix:/api/{id}/", Some(Invalidation::Prefix("/api/7/".into()))),
        ("url:/api?id={id}", Some(Invalidation::Url("/api?id=7".into()))),
        ("url:/", Some(Invalidation::Url("/".into()))),
        ("route:user profile", Some(Invalidation::Route("user profile".into()))),
        ("all", Some(Invalidation::All)),
    ];
    for (text, expected) in cases {
        assert_eq!(expanded(text), expected, "{text}");
    }
}

#[test]
fn a_bad_line_is_refused_where_it_is_bad() {
    let cases = [
        ("", 0, TemplateFault::UnknownKind),
        ("/api/", 0, TemplateFault::UnknownKind),
        ("key:a", 0, TemplateFault::UnknownKind),
        ("Tag:a", 0, TemplateFault::UnknownKind),
        ("all:a", 0, TemplateFault::UnknownKind),
        ("tag:", 4, TemplateFault::Empty),
        ("prefix:", 7, TemplateFault::Empty),
        ("route:", 6, TemplateFault::Empty),
        ("prefix:api", 7, TemplateFault::NoLeadingSlash),
        ("url:http://example.com/", 4, TemplateFault::NoLeadingSlash),
        ("url:{id}", 4, TemplateFault::NoLeadingSlash),
        ("tag:user:{name}", 10, TemplateFault::UnknownName),
        ("prefix:/a/{id", 10, TemplateFault::Unclosed),
        ("tag:a b", 5, TemplateFault::Blank),
    ];
    for (text, offset, fault) in cases {
        assert_eq!(
            InvalidateTemplate::parse(text, &path_pattern()),
            Err(BadTemplate { offset, fault }),
            "{text}"
        );
    }
}

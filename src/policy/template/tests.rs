use proptest::prelude::*;

use super::*;

fn path_pattern() -> PathPattern {
    "/users/{id}/{*rest}".parse().unwrap()
}

/// `template` filled in for `GET /users/7/a%20b?date=%31&empty=&sp=a b` on `example.com`.
fn with_values<T>(template: &str, then: impl FnOnce(&Template, Values<'_>) -> T) -> T {
    let pattern = path_pattern();
    let path = "/users/7/a%20b";
    let captures = pattern.captures(path).unwrap();
    let values = Values {
        captures: &captures,
        path,
        query: "date=%31&empty=&sp=a b",
        identity: Some("alice"),
        host: "example.com",
    };
    then(&Template::parse(template, &pattern).unwrap(), values)
}

#[test]
fn names_are_filled_in_and_nothing_is_decoded() {
    let cases = [
        ("plain", "plain"),
        ("user:{id}", "user:7"),
        ("{id}{id}", "77"),
        ("{rest}", "a%20b"),
        ("date:{query:date}", "date:%31"),
        ("{query:empty}|{query:absent}|", "||"),
        ("{host}/{id}", "example.com/7"),
        ("user:{identity}", "user:alice"),
        ("{{{id}}}", "{7}"),
        ("{{id}}", "{id}"),
        ("a{{b}}c", "a{b}c"),
        ("\u{e9}{id}", "\u{e9}7"),
    ];
    for (template, expected) in cases {
        assert_eq!(with_values(template, Template::expand), expected, "{template}");
    }
}

#[test]
fn a_tag_is_something_without_spaces() {
    let cases = [
        ("user:{id}", Some("user:7")),
        ("user:{query:absent}", Some("user:")),
        ("{query:absent}", None),
        ("{query:empty}{query:absent}", None),
        ("x:{query:sp}", None),
    ];
    for (template, expected) in cases {
        assert_eq!(with_values(template, Template::expand_tag).as_deref(), expected, "{template}");
    }
}

#[test]
fn values_that_were_not_captured_are_empty() {
    let template = Template::parse("a{id}b", &path_pattern()).unwrap();
    let none = Captures::default();
    let values = Values { captures: &none, path: "/", query: "", identity: None, host: "" };
    assert_eq!(template.expand(values), "ab");
}

#[test]
fn nothing_is_named_after_nobody() {
    let none = Captures::default();
    let nobody = Values { captures: &none, path: "/", query: "", identity: None, host: "a" };
    for (template, expected) in [("user:{identity}", None), ("{host}", Some("a"))] {
        let template = Template::parse(template, &path_pattern()).unwrap();
        assert_eq!(template.names_identity(), expected.is_none());
        assert_eq!(template.expand_tag(nobody).as_deref(), expected);
    }
}

#[test]
fn a_bad_template_is_refused_where_it_is_bad() {
    let cases = [
        ("", 0, TemplateFault::Empty),
        ("user:{user_id}", 6, TemplateFault::UnknownName),
        ("{}", 1, TemplateFault::UnknownName),
        ("{query:}", 1, TemplateFault::UnknownName),
        ("{query}", 1, TemplateFault::UnknownName),
        ("{*rest}", 1, TemplateFault::UnknownName),
        ("{ id }", 1, TemplateFault::UnknownName),
        ("u:{Identity}", 3, TemplateFault::UnknownName),
        ("a{id", 1, TemplateFault::Unclosed),
        ("{id}{", 4, TemplateFault::Unclosed),
        ("a}", 1, TemplateFault::Unopened),
        ("{id}}", 4, TemplateFault::Unopened),
        ("a b", 1, TemplateFault::Blank),
        ("{id}\n", 4, TemplateFault::Blank),
        ("a\u{a0}", 1, TemplateFault::Blank),
    ];
    for (template, offset, fault) in cases {
        assert_eq!(
            Template::parse(template, &path_pattern()),
            Err(BadTemplate { offset, fault }),
            "{template}"
        );
    }
}

proptest! {
    #[test]
    fn no_template_makes_anything_panic(text in "\\PC{0,12}|[{}a:id*\u{e9} ]{0,16}", path in any::<String>()) {
        match Template::parse(&text, &path_pattern()) {
            Ok(template) => {
                let captures = path_pattern().captures("/users/7/rest").unwrap();
                template.expand_tag(Values { captures: &captures, path: &path, query: &path, identity: Some(&path), host: &path });
            }
            Err(bad) => prop_assert!(text.is_char_boundary(bad.offset), "{:?}", bad),
        }
    }

    #[test]
    fn a_tag_is_never_empty_and_never_has_spaces(query in any::<String>(), host in any::<String>()) {
        let template = Template::parse("{query:a}{host}{identity}", &path_pattern()).unwrap();
        let values = Values { captures: &Captures::default(), path: "/", query: &query, identity: Some(&host), host: &host };
        if let Some(tag) = template.expand_tag(values) {
            prop_assert_eq!(tag.split_whitespace().collect::<Vec<_>>(), vec![tag.as_str()]);
        }
    }
}

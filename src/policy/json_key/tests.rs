use proptest::prelude::*;

use super::*;

fn form(text: &str) -> Result<String, NotCanonical> {
    canonical(text.as_bytes()).map(|form| String::from_utf8(form).unwrap())
}

#[test]
fn what_says_the_same_has_the_same_form() {
    for (texts, expected) in [
        (
            &[r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, " {\t\"b\" :\n2 ,\r\"a\": 1 } "][..],
            r#"{"a":1,"b":2}"#,
        ),
        (&[r#"{"z":{"y":[1,{"d":1,"c":2}]},"a":{}}"#], r#"{"a":{},"z":{"y":[1,{"c":2,"d":1}]}}"#),
        (&[r#""\u0041\/\u00e9\t""#, "\"A/é\\t\"", r#""\u0041\/é\u0009""#], "\"A/é\\t\""),
        (&[r#""\ud83d\ude00""#, "\"😀\""], "\"😀\""),
        (&[r#"{"\u0062":1,"a":2}"#, r#"{"a":2,"b":1}"#], r#"{"a":2,"b":1}"#),
        (&[r#""\"\\""#, r#""\u0022\u005c""#], r#""\"\\""#),
        (&["\"\u{7f}\u{2028}\"", r#""\u007f\u2028""#], "\"\u{7f}\u{2028}\""),
        (&["[ ]", "[]", "[\n]"], "[]"),
        (&["{ }", "{}"], "{}"),
        (&[" true "], "true"),
        (&["[null,false , true]"], "[null,false,true]"),
        (&[r#"{"":1,"a":2}"#], r#"{"":1,"a":2}"#),
        // By code points, not by UTF-16 units.
        (
            &["{\"\u{ff5e}\":1,\"\u{1f600}\":2}", "{\"\u{1f600}\":2,\"\u{ff5e}\":1}"],
            "{\"\u{ff5e}\":1,\"\u{1f600}\":2}",
        ),
    ] {
        for text in texts {
            assert_eq!(form(text).as_deref(), Ok(expected), "{text}");
        }
    }
}

#[test]
fn what_says_another_thing_has_another_form() {
    let texts = [
        "1",
        "1.0",
        "1.00",
        "1e0",
        "1E0",
        "1e+0",
        "10e-1",
        "-1",
        "0",
        "-0",
        "0.0",
        "100",
        "1e2",
        "12345678901234567890",
        "12345678901234567891",
        "\"1\"",
        "true",
        "\"true\"",
        "null",
        "[]",
        "{}",
        "[1]",
        "[[1]]",
        "[1,1]",
        "[1,2]",
        "[2,1]",
        "[12]",
        r#"{"a":1}"#,
        r#"{"a":"1"}"#,
        r#"{"a":1.0}"#,
        r#"{"A":1}"#,
        r#"{"a":{"b":1}}"#,
        r#"{"a":{},"b":1}"#,
        r#"{"a,b":1}"#,
        r#""a\",\"b""#,
        r#"["a","b"]"#,
        r#""""#,
        r#"" ""#,
        r#""  ""#,
        r#""\u0000""#,
        "\"\u{e9}\"",
        "\"e\u{301}\"",
    ];
    let forms: Vec<_> = texts.iter().map(|text| form(text).unwrap()).collect();
    for (index, form) in forms.iter().enumerate() {
        assert!(!forms[..index].contains(form), "{}", texts[index]);
    }
}

#[test]
fn rfc_8259_what_is_not_json_has_none() {
    for text in [
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "1 2",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "'a'",
        "\"",
        "\"\\\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\n\"",
        "\"\t\"",
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 1]",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\" 1}",
        "[}",
        "{]",
        "// a\n1",
        "\u{feff}1",
        "1\u{a0}",
        "\"\\é\"",
        "1\0",
    ] {
        assert_eq!(form(text), Err(NotCanonical::Invalid), "{text:?}");
    }
    assert_eq!(canonical(b"\"\xff\""), Err(NotCanonical::Invalid));
    assert_eq!(canonical(b"\"\xed\xa0\x80\""), Err(NotCanonical::Invalid), "a surrogate in UTF-8");
}

#[test]
fn rfc_8259_s4_an_object_with_two_members_of_one_name_has_none() {
    for text in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"\u0061":3}"#,
        r#"[{"b":{"":1,"":1}}]"#,
    ] {
        assert_eq!(form(text), Err(NotCanonical::Ambiguous), "{text}");
    }
}

#[test]
fn what_lies_too_deep_has_none() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(form(&nested(DEEPEST)), Ok(nested(DEEPEST)));
    assert_eq!(form(&nested(DEEPEST + 1)), Err(NotCanonical::TooDeep));
    assert_eq!(form(&"{\"a\":".repeat(DEEPEST + 1)), Err(NotCanonical::TooDeep));
    assert_eq!(form(&"[".repeat(1_000_000)), Err(NotCanonical::TooDeep));
}

/// JSON as a tree, its numbers as they are to be written.
#[derive(Clone, Debug)]
enum Tree {
    Plain(String),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Tree {
    /// Written with `space` between tokens, members in the order they have or in the other, strings escaped or not.
    fn write(&self, space: &str, backwards: bool, escaped: bool) -> String {
        let string = |text: &str| match escaped {
            true => format!(
                "\"{}\"",
                text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>()
            ),
            false => serde_json::to_string(text).unwrap(),
        };
        let write = |tree: &Self| tree.write(space, backwards, escaped);
        match self {
            Self::Plain(plain) => plain.clone(),
            Self::Text(text) => string(text),
            Self::Array(items) => {
                let items: Vec<_> = items.iter().map(write).collect();
                format!("[{space}{}{space}]", items.join(&format!("{space},{space}")))
            }
            Self::Object(members) => {
                let mut members: Vec<_> = members
                    .iter()
                    .map(|(name, tree)| format!("{}{space}:{space}{}", string(name), write(tree)))
                    .collect();
                if backwards {
                    members.reverse();
                }
                format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
            }
        }
    }
}

fn trees() -> impl Strategy<Value = Tree> {
    let plain = "(true|false|null|-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?)";
    let leaf = prop_oneof![plain.prop_map(Tree::Plain), any::<String>().prop_map(Tree::Text)];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Tree::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..5)
                .prop_map(|members| Tree::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn however_it_is_written_it_has_one_form(tree in trees(), space in "[ \t\r\n]{0,2}") {
        let form = canonical(tree.write("", false, false).as_bytes()).unwrap();
        for (backwards, escaped) in [(false, true), (true, false), (true, true)] {
            let text = tree.write(&space, backwards, escaped);
            prop_assert_eq!(&canonical(text.as_bytes()).unwrap(), &form, "{}", text);
        }
        prop_assert_eq!(&canonical(&form).unwrap(), &form);
    }

    #[test]
    fn a_form_says_what_its_text_says(tree in trees()) {
        let text = tree.write(" ", true, true);
        let form = canonical(text.as_bytes()).unwrap();
        // A number out of range is none to that reader.
        if let Ok(said) = serde_json::from_str::<serde_json::Value>(&text) {
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&form).unwrap(), said);
        }
        prop_assert!(form.len() <= text.len());
    }

    #[test]
    fn what_is_json_to_others_is_json_to_us(text in "[\\[\\]{}:,\"\\\\u0-9eE.+ \n\tabtrfalsn-]{0,24}") {
        let ours = canonical(text.as_bytes());
        match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            Ok(_) => prop_assert!(ours != Err(NotCanonical::Invalid) || text.contains("\\u"), "{text}"),
            Err(_) => prop_assert_eq!(ours.ok(), None, "{}", text),
        }
    }
}

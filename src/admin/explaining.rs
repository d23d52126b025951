//! `/api/explain?method=GET&url=/a&header=name:%20value`: what would be done with a request.

use http::header::ACCEPT;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::reply::{self, Problem};
use crate::body::Body;
use crate::explain::{Explanation, Question};

/// What is asked: `method` (GET), `url`, `header` as often as need be, `data` (its content), `client` (its address); of a response that it
/// might get, `status` and `response_header`.
pub(super) fn question(head: &Parts) -> Result<Question, Problem> {
    let (mut method, mut url) = ("GET".to_owned(), None);
    let (mut client, mut status, mut content) = (None, None, String::new());
    let (mut fields, mut response_fields) = (Vec::new(), Vec::new());
    let parameters = head.uri.query().unwrap_or_default().split('&');
    for parameter in parameters.filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = decoded(value).ok_or_else(|| bad(format!("{name}: not UTF-8")))?;
        match name {
            "method" => method = value,
            "url" => url = Some(value),
            "header" => fields.push(value),
            "data" => content = value,
            "client" => client = Some(value),
            "status" => status = Some(value),
            "response_header" => response_fields.push(value),
            _ => {
                return Err(bad(format!(
                    "{name}: expected method, url, header, data, client, status or response_header"
                )));
            }
        }
    }
    let url = url.ok_or_else(|| bad("url: missing".to_owned()))?;
    let mut question =
        Question::new(&method, &url, fields.iter().map(String::as_str)).map_err(bad)?;
    question = question.with_content(content);
    if let Some(client) = client {
        question = question.from_client(&client).map_err(bad)?;
    }
    if status.is_some() || !response_fields.is_empty() {
        let status = status.as_deref().unwrap_or("200");
        let fields = response_fields.iter().map(String::as_str);
        question = question.answered(status, fields).map_err(bad)?;
    }
    Ok(question)
}

/// Text for people, JSON for those who accept it.
pub(super) fn answer(fields: &HeaderMap, explanation: &Explanation) -> Response<Body> {
    let accepted = fields.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if accepted.contains("json") {
        reply::json(StatusCode::OK, &Topics(explanation))
    } else {
        reply::text("text/plain; charset=utf-8", explanation.to_string())
    }
}

/// An object with a list of lines for each topic.
struct Topics<'a>(&'a Explanation);

impl Serialize for Topics<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let topics = self.0.topics();
        let mut map = serializer.serialize_map(Some(topics.len()))?;
        for (topic, lines) in topics {
            map.serialize_entry(topic, lines)?;
        }
        map.end()
    }
}

fn bad(why: String) -> Problem {
    Problem::Content(why)
}

/// A value as forms have it: `%20` and `+` are spaces.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.split_first_chunk::<2>().filter(|_| *first == b'%');
        let escaped = escaped.and_then(|(digits, after)| {
            let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        match escaped {
            Some((byte, after)) => {
                bytes.push(byte);
                rest = after;
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

//! Whether two responses are the same to a client, one straight from an application and one through a proxy.

use std::collections::BTreeMap;
use std::io::Read;

use serde_json::Value;

use crate::support::Response;

/// What a proxy says, or says in its own way (RFC 9110 §7.6): that of a connection, its framing and the cache's own words.
const THE_PROXYS: [&str; 8] = [
    "age",
    "cache-status",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "transfer-encoding",
    "via",
];

/// What a proxy adds to a request, takes out of it (RFC 9110 §7.6.1) or asks for in its own way, as an application that
/// echoes its requests shows it.
const ECHOED_OF_THE_PROXY: [&str; 8] = [
    "accept-encoding",
    "connection",
    "traceparent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-request-id",
];

/// What of a response is another at each request, so that only its presence is compared.
#[derive(Clone, Copy, Default)]
pub(crate) struct Changing {
    pub(crate) fields: &'static [&'static str],
    pub(crate) content: bool,
}

/// In which ways the response that came `through` differs from the one that came `straight`.
pub(crate) fn differences(
    method: &str,
    straight: &Response,
    through: &Response,
    changing: Changing,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, straight: String, through: String| {
        if straight != through {
            found.push(format!("{what}: {straight} became {through}"));
        }
    };
    differ("status", straight.status().to_string(), through.status().to_string());
    if straight.status() != through.status() {
        return found; // The rest follows from it.
    }
    differ("end", format!("{:?}", straight.end), format!("{:?}", through.end));
    differ("trailers", format!("{:?}", straight.trailers), format!("{:?}", through.trailers));

    let recoded = straight.field("content-encoding") != through.field("content-encoding");
    let (before, after) = (fields(straight), fields(through));
    for name in before.keys().chain(after.keys().filter(|name| !before.contains_key(*name))) {
        let (had, has) = (before.get(name), after.get(name));
        let allowed = match name.as_str() {
            name if changing.fields.contains(&name) => had.is_some() == has.is_some(),
            "etag" => had.is_none() || (recoded && has.is_some()),
            "vary" => includes(straight, through, "vary"),
            // That parts can be had is the cache's to say: it can cut them out of what it stores.
            "accept-ranges" => had.is_none(),
            "content-encoding" => had.is_none(),
            _ => false,
        };
        if !allowed {
            differ(name, format!("{had:?}"), format!("{has:?}"));
        }
    }
    if let Some(length) = through.field("content-length").filter(|_| has_content(method, through)) {
        differ("declared length", through.body.len().to_string(), length.to_owned());
    }
    if !changing.content {
        differ("content", content(straight), content(through));
    }
    found
}

fn has_content(method: &str, response: &Response) -> bool {
    method != "HEAD" && !matches!(response.status(), 204 | 304)
}

fn fields(response: &Response) -> BTreeMap<String, Vec<&str>> {
    let mut fields: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, value) in &response.head.fields {
        let name = name.to_ascii_lowercase();
        if !THE_PROXYS.contains(&name.as_str()) {
            fields.entry(name).or_default().push(value);
        }
    }
    fields
}

/// Every member of that field before is one behind.
fn includes(before: &Response, behind: &Response, name: &str) -> bool {
    let members = |response: &Response| -> Vec<String> {
        let lines = response.all(name);
        let members = lines.iter().flat_map(|line| line.split(','));
        members.map(|member| member.trim().to_ascii_lowercase()).collect()
    };
    let behind = members(behind);
    members(before).iter().all(|member| behind.contains(member))
}

/// The content without its coding and, where it is an echo, without what the proxy added to the request.
fn content(response: &Response) -> String {
    let bytes = decoded(response);
    let is_json = response.field("content-type").is_some_and(|kind| kind.contains("json"));
    // Several values one behind the other are a stream of them.
    let values: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_slice(&bytes).into_iter().collect();
    match values {
        Ok(mut values) if is_json => {
            values.iter_mut().for_each(forget_the_proxys);
            format!("{values:?}")
        }
        _ => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => format!("{:?}", error.as_bytes()),
        },
    }
}

/// The content without its coding.
pub(crate) fn decoded(response: &Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    let coded = response.body.as_slice();
    let coding = if coded.is_empty() { None } else { response.field("content-encoding") };
    match coding {
        Some("gzip") => flate2::read::MultiGzDecoder::new(coded).read_to_end(&mut bytes).unwrap(),
        Some("deflate") => flate2::read::ZlibDecoder::new(coded).read_to_end(&mut bytes).unwrap(),
        Some("br") => brotli::Decompressor::new(coded, 4096).read_to_end(&mut bytes).unwrap(),
        None => {
            bytes.extend_from_slice(coded);
            0
        }
        Some(coding) => panic!("{coding} is not a coding of these applications"),
    };
    bytes
}

fn forget_the_proxys(value: &mut Value) {
    if let Some(fields) = value.get_mut("headers").and_then(Value::as_object_mut) {
        fields.retain(|name, _| !ECHOED_OF_THE_PROXY.contains(&name.to_ascii_lowercase().as_str()));
    }
}

//! httpbin: what it answers straight, it answers through Forebay, the first time and from the store.

use crate::app::{App, program};
use crate::likeness::{decoded, differences};
use crate::support::{Client, Directory, Forebay, Launch, Response, noise};

mod cases;

use cases::{Case, cases};

const WITH_THREADS: [&str; 2] = ["--threads=8", "--keep-alive=30"];

/// What gunicorn does when it is told nothing: processes that serve one request after the other and keep no connection.
const WITH_PROCESSES: [&str; 1] = ["--workers=2"];

const DEFAULT_TTL: &str = "[cache]\ndefault_ttl = \"1m\"";

#[track_caller]
fn start_httpbin(directory: &Directory, workers: &[&str]) -> App {
    let mut arguments = vec!["--bind=127.0.0.1:0", "--no-control-socket"];
    arguments.extend(workers);
    arguments.push("httpbin:app");
    App::start("gunicorn", &arguments, directory, "Listening at")
}

#[test]
fn without_a_lifetime_everything_goes_through_as_it_is() {
    compare(&WITH_PROCESSES, "", &[], |case| case.is_fresh_by_itself);
}

#[test]
fn with_a_default_lifetime_hits_are_the_same_too() {
    let compressed = compare(&WITH_THREADS, DEFAULT_TTL, &[], |case| {
        case.is_fresh_by_itself || case.may_be_stored
    });
    // Some of the cases ask for it.
    assert!((5..30).contains(&compressed), "{compressed}");
}

#[test]
fn what_is_compressed_on_the_way_is_the_same_when_decoded() {
    let fields = [("Accept-Encoding", "gzip, deflate, br")];
    let compressed = compare(&WITH_THREADS, DEFAULT_TTL, &fields, |case| {
        case.is_fresh_by_itself || case.may_be_stored
    });
    assert!(compressed > 10, "{compressed}");
}

/// Every case: straight, then twice through Forebay. `is_hit` tells whether the second answer comes from the store. Gives
/// the number of answers that Forebay compressed.
#[track_caller]
fn compare(
    workers: &[&str],
    config: &str,
    fields: &[(&str, &str)],
    is_hit: impl Fn(&Case) -> bool,
) -> usize {
    let directory = Directory::new();
    let app = start_httpbin(&directory, workers);
    let forebay = Launch::new(&app.url(), config).start();
    let mut wrong = Vec::new();
    let mut compressed = 0;
    for (number, mut case) in cases().into_iter().enumerate() {
        case.add_fields(fields);
        // Each has a key of its own, though many ask for the same target.
        let host = format!("case-{number}.test");
        let straight = ask(&mut app.connect_as(&host), &case);
        let mut client = Client::connect(forebay.address(), &host);
        let first = ask(&mut client, &case);
        if first.says_close() {
            client = Client::connect(forebay.address(), &host);
        }
        let second = ask(&mut client, &case);
        let mut note = |what: String, response: &Response| {
            wrong.push(format!("{case}\n  {what}\n  ({})", response.cache_status()));
        };
        compressed +=
            usize::from(second.field("content-encoding") != straight.field("content-encoding"));
        let from_store = is_hit(&case);
        for (time, response) in [("first", &first), ("second", &second)] {
            match case.right_status.filter(|_| from_store) {
                Some(status) if status == response.status() => {}
                Some(status) => {
                    note(format!("{time}: not {status}, {}", response.status()), response)
                }
                None => differences(case.method, &straight, response, case.changing)
                    .into_iter()
                    .for_each(|difference| note(format!("{time}: {difference}"), response)),
            }
        }
        // The second may have come while the first was still being put away.
        let spares_the_app = second.is_hit() || second.cache_parameter("collapsed").is_some();
        if spares_the_app != from_store {
            note(format!("spares the application: {spares_the_app}"), &second);
        }
        if spares_the_app && decoded(&first) != decoded(&second) {
            note("the second is not what was stored".to_owned(), &second);
        }
        if second.is_hit() && second.status() == 200 {
            compare_with_head(
                &|| Client::connect(forebay.address(), &host),
                &case,
                &second,
                &mut note,
            );
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    compressed
}

/// HEAD says what GET said, and the tag that GET gave makes it a 304.
fn compare_with_head(
    connect: &impl Fn() -> Client,
    case: &Case,
    hit: &Response,
    note: &mut impl FnMut(String, &Response),
) {
    let fields = case.fields();
    let head = connect().request("HEAD", &case.target, &fields, b"");
    let said = |response: &Response| {
        let mut fields = response.head.fields.clone();
        // They count seconds.
        fields.retain(|(name, _)| !["age", "cache-status"].contains(&name.as_str()));
        fields.sort();
        fields
    };
    if head.status() != 200 || said(&head) != said(hit) {
        note(format!("HEAD: {:?} is not {:?}", said(&head), said(hit)), &head);
    }
    let Some(tag) = hit.field("etag").filter(|tag| tag.ends_with('"')) else { return };
    let mut fields = fields;
    fields.push(("If-None-Match", tag));
    let validated = connect().request("GET", &case.target, &fields, b"");
    if validated.status() != 304 || validated.field("etag") != Some(tag) {
        note(format!("If-None-Match: {tag}: {}", validated.head.raw), &validated);
    }
}

#[track_caller]
fn ask(client: &mut Client, case: &Case) -> Response {
    client.request(case.method, &case.target, &case.fields(), &case.body)
}

/// httpbin's own tags and conditions are not those of RFC 9110; where they are, this is what becomes of them.
#[test]
fn conditions_are_met_as_they_should_be() {
    let directory = Directory::new();
    let app = start_httpbin(&directory, &WITH_THREADS);
    let forebay = Launch::new(&app.url(), DEFAULT_TTL).start();
    let conditions = [
        ("If-None-Match", "\"abc\"", 304),
        ("If-None-Match", "W/\"abc\"", 304),
        ("If-None-Match", "\"other\", \"abc\"", 304),
        ("If-None-Match", "*", 304),
        ("If-None-Match", "\"other\"", 200),
        ("If-Match", "\"abc\"", 200),
        ("If-Match", "*", 200),
        ("If-Match", "\"other\"", 412),
        ("If-Match", "W/\"abc\"", 412),
    ];
    for (number, (name, value, status)) in conditions.into_iter().enumerate() {
        let mut client = Client::connect(forebay.address(), &format!("condition-{number}.test"));
        for time in ["first", "second"] {
            let response = client.get_with("/etag/%22abc%22", &[(name, value)]);
            assert_eq!(response.status(), status, "{time} {name}: {value}");
            if status != 412 {
                assert_eq!(response.field("etag"), Some("\"abc\""), "{time} {name}: {value}");
            }
        }
    }
}

/// TRACE would show a client what only the application should see; 304 answers nothing that was asked.
#[test]
fn what_is_not_for_clients_is_answered_by_us() {
    let directory = Directory::new();
    let app = start_httpbin(&directory, &WITH_THREADS);
    let forebay = Launch::new(&app.url(), "").start();
    for (method, target, status) in [
        ("TRACE", "/anything", 405),
        ("GET", "/status/304", 502),
        ("HEAD", "/status/304", 502),
        ("POST", "/status/304", 502),
    ] {
        let response = forebay.request(method, target, &[], b"");
        assert_eq!(response.status(), status, "{method} {target}");
    }
}

/// A client with cookies, redirects and digests, as programs use them.
#[test]
fn a_session_of_a_real_client_is_the_same() {
    let directory = Directory::new();
    let app = start_httpbin(&directory, &WITH_THREADS);
    let forebay = Launch::new(&app.url(), DEFAULT_TTL).start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps/httpbin/session.py");
    let run = |url: String| {
        let output = std::process::Command::new(program("python"))
            .args([script, &url])
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let straight = run(app.url());
    assert!(straight.lines().count() > 20, "{straight}");
    for time in ["first", "second"] {
        assert_eq!(run(format!("http://{}", forebay.address())), straight, "{time}");
    }
}

/// Content without a length, in chunks, both ways.
#[test]
fn a_chunked_upload_arrives_whole() {
    let directory = Directory::new();
    let app = start_httpbin(&directory, &WITH_THREADS);
    let forebay = Launch::new(&app.url(), "").start();
    let data: Vec<u8> = noise(300_000).iter().map(|byte| b'a' + byte % 26).collect();
    let mut request = b"POST /anything HTTP/1.1\r\nHost: app.test\r\nContent-Type: text/plain\r\n\
        Transfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in data.chunks(7001) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    for mut client in [app.connect_as("app.test"), forebay.connect()] {
        client.send(&request);
        let echo = client.read().expect_status(200).json();
        assert_eq!(echo["data"].as_str().map(str::as_bytes), Some(data.as_slice()));
    }
}

/// What an application must not answer with is an error of ours, and the next request is not harmed.
#[test]
fn an_interim_status_as_the_only_answer_is_an_error_of_ours() {
    let directory = Directory::new();
    let app = start_httpbin(&directory, &WITH_THREADS);
    let config = "[upstream]\nresponse_timeout = \"2s\"";
    let forebay: Forebay = Launch::new(&app.url(), config).start();
    for status in [100, 101, 102, 103, 150] {
        let response = forebay.get(&format!("/status/{status}"));
        assert!(matches!(response.status(), 502 | 504), "{status}: {}", response.head.raw);
        let next = forebay.get("/base64/aGVsbG8=");
        assert_eq!((next.status(), next.text().as_str()), (200, "hello"), "after {status}");
    }
}

//! The requests, through all that httpbin has.

use std::fmt;

use crate::likeness::Changing;

/// One request.
pub(super) struct Case {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    pub(super) changing: Changing,
    /// Whether the answer has a lifetime of its own.
    pub(super) is_fresh_by_itself: bool,
    /// Whether it is stored where the configuration gives it a lifetime.
    pub(super) may_be_stored: bool,
    /// The right answer where it is made of what is stored, and httpbin makes another.
    pub(super) right_status: Option<u16>,
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.target)?;
        self.fields.iter().try_for_each(|(name, value)| write!(formatter, " [{name}: {value}]"))
    }
}

impl Case {
    fn new(method: &'static str, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            fields: Vec::new(),
            body: Vec::new(),
            changing: Changing::default(),
            is_fresh_by_itself: false,
            may_be_stored: method == "GET",
            right_status: None,
        }
    }

    fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.field("Content-Type", kind)
    }

    /// It is another answer each time, in these fields and perhaps in its content.
    fn changing(mut self, fields: &'static [&'static str], content: bool) -> Self {
        self.changing = Changing { fields, content };
        self
    }

    fn fresh_by_itself(mut self) -> Self {
        self.is_fresh_by_itself = true;
        self
    }

    fn never_stored(mut self) -> Self {
        self.may_be_stored = false;
        self
    }

    /// RFC 9110 wants this status, and httpbin gives another, or says something else with it.
    fn rightly(mut self, status: u16) -> Self {
        self.right_status = Some(status);
        self
    }

    pub(super) fn fields(&self) -> Vec<(&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Adds fields to it that it does not have.
    pub(super) fn add_fields(&mut self, fields: &[(&str, &str)]) {
        for (name, value) in fields {
            if !self.fields.iter().any(|(field, _)| field.eq_ignore_ascii_case(name)) {
                self.fields.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
    }
}

/// All of them.
pub(super) fn cases() -> Vec<Case> {
    [
        methods(),
        statuses(),
        redirects(),
        cookies(),
        credentials(),
        formats(),
        dynamic(),
        caching(),
        inspection(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

fn methods() -> Vec<Case> {
    let mut cases = Vec::new();
    for method in METHODS {
        cases.push(Case::new(method, "/anything"));
        cases.push(Case::new(method, "/anything/a%20b/c%2Fd?x=1&x=2&empty=&%C3%A9=%26"));
        cases.push(Case::new(method, "/delay/0"));
        cases.push(Case::new(method, "/redirect-to?url=/get").never_stored());
    }
    for method in METHODS.into_iter().chain(["PROPFIND"]) {
        for path in ["/get", "/post", "/put", "/patch", "/delete"] {
            let case = Case::new(method, path);
            // 405 is not among what a default lifetime is for.
            cases.push(if path == "/get" { case } else { case.never_stored() });
        }
    }
    for (method, path) in [
        ("POST", "/post"),
        ("PUT", "/put"),
        ("PATCH", "/patch"),
        ("DELETE", "/delete"),
        ("POST", "/anything"),
    ] {
        let case = || Case::new(method, path);
        cases.extend([
            case().body("application/x-www-form-urlencoded", "a=1&b=two+words&b=%C3%A9&c="),
            case().body("application/json", r#"{"a": [1, 2.50, null], "b": "é"}"#),
            case().body("text/plain; charset=utf-8", "a\r\n\r\nb"),
            case().body("application/octet-stream", vec![0, 255, 13, 10, 128]),
            case()
                .body("application/x-www-form-urlencoded", "a=".to_owned() + &"x".repeat(200_000)),
            case().body("multipart/form-data; boundary=edge", MULTIPART),
            case().field("Expect", "100-continue").body("text/plain", "expected"),
            case().body("application/json", "not json"),
        ]);
    }
    cases.push(
        Case::new("OPTIONS", "/anything")
            .field("Origin", "https://other.test")
            .field("Access-Control-Request-Method", "PUT")
            .field("Access-Control-Request-Headers", "X-One, X-Two"),
    );
    cases
}

const MULTIPART: &str = "--edge\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\nvalue\r\n\
    --edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\n\
    first\r\nsecond\r\n--edge--\r\n";

fn statuses() -> Vec<Case> {
    let codes = [
        200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 299, 300, 301, 302, 303, 305, 307, 308,
        400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417,
        418, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505,
        506, 507, 508, 510, 511, 520, 599,
    ];
    let mut cases = Vec::new();
    for code in codes {
        let has_lifetime = matches!(code, 200 | 203 | 204 | 300 | 301 | 308);
        for method in ["GET", "HEAD", "POST"] {
            let case = Case::new(method, format!("/status/{code}"));
            cases.push(if has_lifetime { case } else { case.never_stored() });
        }
    }
    cases.push(Case::get("/status/notanumber").never_stored());
    cases.push(Case::get("/no-such-page").never_stored());
    cases.push(Case::get("/deny"));
    cases.push(Case::get("/robots.txt"));
    cases
}

fn redirects() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "/redirect/1",
        "/redirect/3",
        "/redirect/3?absolute=true",
        "/relative-redirect/1",
        "/relative-redirect/2",
        "/absolute-redirect/1",
        "/absolute-redirect/2",
        "/redirect-to?url=https%3A%2F%2Fother.test%2Fa%3Fb%3Dc%23d",
        "/redirect-to?url=//other.test/&status_code=307",
        "/redirect-to?url=%C3%A9",
        "/links/4",
    ]
    .into_iter()
    .map(|target| Case::get(target).never_stored())
    .collect();
    cases.push(Case::get("/redirect-to?url=/get&status_code=301"));
    cases.push(Case::get("/redirect-to?url=/get&status_code=308"));
    cases.push(Case::get("/links/4/0"));
    cases.push(Case::get("/links/4/2"));
    cases
}

fn cookies() -> Vec<Case> {
    vec![
        Case::get("/cookies"),
        Case::get("/cookies").field("Cookie", "a=1; b=two").never_stored(),
        Case::get("/cookies/set/flavour/vanilla").never_stored(),
        Case::get("/cookies/set?a=1&b=2&c=3").never_stored(),
        Case::get("/cookies/delete?a&b").field("Cookie", "a=1; b=2").never_stored(),
        Case::get("/get").field("Cookie", "a=1").never_stored(),
    ]
}

fn credentials() -> Vec<Case> {
    let basic = "Basic dXNlcjpwYXNzd2Q=";
    let get = |target: &str| Case::get(target).never_stored();
    vec![
        get("/basic-auth/user/passwd"),
        get("/basic-auth/user/passwd").field("Authorization", basic),
        get("/basic-auth/user/other").field("Authorization", basic),
        get("/hidden-basic-auth/user/passwd"),
        get("/hidden-basic-auth/user/passwd").field("Authorization", basic),
        get("/bearer"),
        get("/bearer").field("Authorization", "Bearer some-token"),
        get("/bearer").field("Authorization", basic),
        get("/digest-auth/auth/user/passwd").changing(&["www-authenticate"], false),
        get("/digest-auth/auth-int/user/passwd/SHA-256/1").changing(&["www-authenticate"], false),
        get("/digest-auth/auth/user/passwd")
            .field(
                "Authorization",
                "Digest username=\"user\", nonce=\"1\", uri=\"/\", response=\"2\"",
            )
            .changing(&["www-authenticate"], false),
        get("/headers").field("Authorization", basic),
    ]
}

fn formats() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "/",
        "/html",
        "/xml",
        "/json",
        "/gzip",
        "/deflate",
        "/brotli",
        "/encoding/utf8",
        "/forms/post",
        "/image",
        "/image/png",
        "/image/jpeg",
        "/image/webp",
        "/image/svg",
        "/static/favicon.ico",
    ]
    .into_iter()
    .flat_map(|target| [Case::get(target), Case::new("HEAD", target)])
    .collect();
    for case in cases.iter_mut().filter(|case| case.target.starts_with("/static/")) {
        // Flask says `no-cache` of its files, and gives them validators.
        case.may_be_stored = false;
    }
    for accept in ["image/webp", "image/svg+xml", "image/jpeg", "image/*;q=0.5", "text/html"] {
        let case = Case::get("/image").field("Accept", accept);
        cases.push(if accept == "text/html" { case.never_stored() } else { case });
    }
    for coding in ["gzip", "deflate", "br", "identity", "gzip;q=0, *", "zstd"] {
        for target in [
            "/html",
            "/json",
            "/gzip",
            "/brotli",
            "/encoding/utf8",
            "/image/png",
            "/bytes/5000?seed=1",
        ] {
            cases.push(Case::get(target).field("Accept-Encoding", coding));
        }
    }
    cases
}

fn dynamic() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "/stream/1",
        "/stream/20",
        "/stream/100",
        "/stream-bytes/0?seed=1",
        "/stream-bytes/1?seed=1",
        "/stream-bytes/100000?seed=7",
        "/stream-bytes/5000?seed=7&chunk_size=1",
        "/bytes/0?seed=1",
        "/bytes/1?seed=1",
        "/bytes/102400?seed=3",
        "/drip?numbytes=5&duration=0.2",
        "/drip?numbytes=3&duration=0&code=203",
        "/delay/0.1",
        "/base64/SFRUUEJJTiBpcyBhd2Vzb21l",
        "/base64/not-base-64",
        "/range/1",
        "/range/26",
        "/range/102400",
        "/range/30000?chunk_size=1000&duration=0.1",
    ]
    .into_iter()
    .map(Case::get)
    .collect();
    cases.push(Case::get("/range/0").never_stored());
    cases.push(Case::get("/drip?numbytes=0").never_stored());
    cases.push(Case::get("/drip?numbytes=10&duration=0&code=500").never_stored());
    cases.push(Case::get("/uuid").changing(&[], true));
    for range in ["bytes=0-0", "bytes=10-19", "bytes=-5", "bytes=25-", "bytes=x", "lines=1-2"] {
        cases.push(Case::get("/range/26").field("Range", range));
    }
    for (range, status) in [("bytes=0-", 206), ("bytes=0-25", 206), ("bytes=5-2", 200)] {
        cases.push(Case::get("/range/26").field("Range", range).rightly(status));
    }
    // While nothing is stored the origin's own 416 is the answer, even to the first of these, which it should satisfy.
    for range in ["bytes=20-99", "bytes=26-", "bytes=90-99"] {
        cases.push(Case::get("/range/26").field("Range", range).never_stored());
    }
    cases.push(Case::new("HEAD", "/range/26").field("Range", "bytes=0-4"));
    cases.push(Case::new("HEAD", "/stream/3"));
    cases.push(Case::new("HEAD", "/bytes/9?seed=1"));
    cases
}

fn caching() -> Vec<Case> {
    let get = Case::get;
    vec![
        get("/cache").changing(&["etag", "last-modified"], false),
        get("/cache/60").fresh_by_itself(),
        get("/cache/0").never_stored(),
        Case::new("HEAD", "/cache/60"),
        get("/cache/60").field("Authorization", "Bearer public").fresh_by_itself(),
        get("/cache/60").field("Cookie", "a=1").fresh_by_itself(),
        get("/etag/abc"),
        get("/etag/%22abc%22"),
        get("/response-headers?Cache-Control=max-age%3D60").fresh_by_itself(),
        get("/response-headers?Cache-Control=no-store").never_stored(),
        get("/response-headers?Cache-Control=private%2C%20max-age%3D60").never_stored(),
        get("/response-headers?Cache-Control=max-age%3D60&ETag=%22v1%22").fresh_by_itself(),
        get("/response-headers?Cache-Control=max-age%3D60&ETag=W%2F%22v1%22").fresh_by_itself(),
        get("/response-headers?Cache-Control=max-age%3D60&Vary=Accept-Language")
            .field("Accept-Language", "cs")
            .fresh_by_itself(),
        get("/response-headers?Cache-Control=max-age%3D60&Vary=*").never_stored(),
        get("/response-headers?Expires=Thu%2C%2001%20Dec%202050%2016%3A00%3A00%20GMT")
            .fresh_by_itself(),
        get("/response-headers?Cache-Control=max-age%3D60&Set-Cookie=a%3D1").never_stored(),
    ]
}

fn inspection() -> Vec<Case> {
    vec![
        Case::get("/headers"),
        Case::get("/headers")
            .field("X-Custom", "one")
            .field("X-Custom", "two")
            .field("X-Empty", ""),
        Case::get("/headers")
            .field("Accept-Language", "cs, en;q=0.5")
            .field("Referer", "http://a.test/?b"),
        Case::get("/headers").field("Connection", "x-hop, close"),
        Case::get("/headers?show_env=1"),
        Case::get("/ip"),
        Case::get("/user-agent"),
        Case::get("/user-agent").field("User-Agent", "tests/1.0 (a comment)"),
        Case::get("/get?a=1&b=2&a=3&c"),
        Case::get("/get?q=%22quoted%22&plus=a+b&percent=%25&utf8=%E2%9C%93&semi=a;b"),
        Case::get("/get?"),
        Case::get("/anything/..;/a//b/%2e%2e/c"),
        Case::get("/get").field("Origin", "https://other.test"),
        Case::get("/response-headers?X-One=1&X-Two=a%20b&X-One=2"),
        Case::get("/response-headers?Link=%3C%2Fa%3E%3B%20rel%3Dnext&Link=%3C%2Fb%3E"),
        Case::get("/response-headers?Content-Type=text%2Fplain"),
        Case::get("/response-headers?Server=custom&X-Latin=%C3%A9"),
        Case::new("POST", "/response-headers?X-One=1"),
    ]
}

//! Datasette over a database of 120 000 rows, with the configuration that the README shows.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::app::{App, program};
use crate::likeness::{Changing, decoded, differences};
use crate::support::{
    Directory, Forebay, HOST, Launch, Response, eventually, ms, read_all, stay_silent,
};

/// What the README shows.
const CONFIG: &str = include_str!("datasette.toml");

/// A page whose query takes a good part of a second.
const SLOW: &str = "/trees/giants";

/// Datasette and a Forebay in front of it.
struct Bench {
    datasette: App,
    forebay: Forebay,
    _directory: Directory,
}

impl Bench {
    #[track_caller]
    fn start(config: &str) -> Self {
        let directory = Directory::new();
        let database = directory.path().join("trees.db");
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps");
        let made =
            Command::new(program("python")).arg(own.join("trees.py")).arg(&database).status();
        assert!(made.unwrap().success(), "the database is made");
        let queries = own.join("trees.json");
        let mut arguments = vec!["serve".as_ref(), "--port=0".as_ref()];
        // Immutable, so that it counts the rows once and not for as long as it likes.
        arguments.extend(["--immutable".as_ref(), database.as_os_str()]);
        arguments.extend(["--metadata".as_ref(), queries.as_os_str()]);
        // The machine may be busy: nothing is to be left out because it took too long.
        let settings =
            ["sql_time_limit_ms 60000", "facet_time_limit_ms 60000", "suggest_facets off"];
        for (name, value) in settings.iter().filter_map(|setting| setting.split_once(' ')) {
            arguments.extend(["--setting", name, value].map(OsStr::new));
        }
        let datasette = App::start("datasette", &arguments, &directory, "Uvicorn running on");
        let forebay = Launch::new(&datasette.url(), config)
            .environment("FOREBAY_UPSTREAM__SERVERS", &format!("[\"{}\"]", datasette.url()))
            .start();
        Self { datasette, forebay, _directory: directory }
    }

    /// How many requests for that target Datasette answered.
    fn seen(&self, target: &str) -> usize {
        self.datasette.count(&format!(" {target} HTTP/1.1\""))
    }
}

/// The content without the times that Datasette says its queries took.
fn content(response: &Response) -> String {
    let text = String::from_utf8(decoded(response)).unwrap();
    ["Queries took ", "\"query_ms\": "].into_iter().fold(text, |text, before| {
        let Some((head, tail)) = text.split_once(before) else { return text };
        format!("{head}{before}{}", tail.trim_start_matches(|letter: char| !",m}".contains(letter)))
    })
}

#[test]
fn pages_are_the_same_and_datasette_makes_each_once() {
    let bench = Bench::start(CONFIG);
    let targets = [
        ("/", true),
        ("/trees", true),
        ("/trees.json", true),
        ("/trees/trees", true),
        ("/trees/trees?species=Acer&_sort_desc=height&_facet=district", true),
        ("/trees/trees.json?_size=max&_shape=array", true),
        ("/trees/trees.csv?_size=10", true),
        ("/trees/trees/5", true),
        ("/trees/trees/5.json", true),
        (SLOW, true),
        ("/trees/giants.json", true),
        ("/trees?sql=select+count(*)+from+trees", true),
        ("/-/static/app.css", true),
        ("/-/databases.json", true),
        ("/trees/no-such-table", false),
        ("/trees/trees/0", false),
        ("/trees?sql=no+sql", false),
        ("//", false),
    ];
    for (target, is_stored) in targets {
        let straight = bench.datasette.connect_as(HOST).get(target);
        let first = bench.forebay.get(target);
        eventually("it is put away", || {
            !is_stored || bench.forebay.get(target).expect_status(200).is_hit()
        });
        let second = bench.forebay.get(target);
        assert_eq!(second.is_hit(), is_stored, "{target}: {}", second.head.raw);
        for response in [&first, &second] {
            let changing = Changing { fields: &[], content: true };
            let found = differences("GET", &straight, response, changing);
            assert!(found.is_empty(), "{target}: {found:?}");
            assert_eq!(content(response), content(&straight), "{target}");
        }
        if is_stored {
            assert_eq!(second.body, first.body, "{target}");
            // One straight, one through.
            eventually(&format!("two of {target} are seen"), || bench.seen(target) == 2);
        }
    }
}

#[test]
fn fifty_at_once_on_a_cold_page_are_one_request() {
    let bench = Bench::start(CONFIG);
    // Nothing is answered before all have asked.
    bench.datasette.signal("STOP");
    let mut clients = bench.forebay.burst(50, SLOW);
    bench.forebay.wait_for_clients(50);
    bench.datasette.signal("CONT");
    let pages = read_all(&mut clients);
    for page in &pages {
        assert_eq!((page.status(), page.is_whole()), (200, true), "{}", page.head.raw);
        assert_eq!(page.body, pages[0].body, "all have the same page");
    }
    assert!(pages[0].text().contains("Platanus"), "{}", pages[0].text());
    eventually("it is in Datasette's log", || bench.seen(SLOW) == 1);
    bench.forebay.hit(SLOW);
    assert_eq!(bench.seen(SLOW), 1);
}

#[test]
fn a_stale_page_is_served_at_once_and_fetched_once() {
    let bench = Bench::start(&CONFIG.replace("\"5m\"", "\"1s\""));
    let old = bench.forebay.get(SLOW).expect_status(200);
    stay_silent(ms(1500));
    // Whoever waited for Datasette would wait for ever.
    bench.datasette.signal("STOP");
    let mut clients = bench.forebay.burst(50, SLOW);
    for page in read_all(&mut clients) {
        assert_eq!((page.status(), page.is_hit()), (200, true), "{}", page.head.raw);
        assert_eq!(page.body, old.body);
    }
    bench.datasette.signal("CONT");
    eventually("it is fetched", || bench.seen(SLOW) == 2);
    stay_silent(ms(300));
    assert_eq!(bench.seen(SLOW), 2, "by one request");
    // It tells how long its query took.
    eventually("there is a new page", || bench.forebay.get(SLOW).body != old.body);
}

#[test]
fn a_browser_is_spared_what_it_has_and_most_of_what_it_has_not() {
    let bench = Bench::start(CONFIG);
    let plain = bench.forebay.get("/trees/trees");
    eventually("it is put away", || bench.forebay.get("/trees/trees").is_hit());
    let mut tags = Vec::new();
    for (accepted, coding) in [("identity", None), ("gzip", Some("gzip")), ("gzip, br", Some("br"))]
    {
        let fields = [("Accept-Encoding", accepted)];
        let page = bench.forebay.get_with("/trees/trees", &fields).expect_status(200);
        assert_eq!(page.field("content-encoding"), coding, "{}", page.head.raw);
        assert_eq!(decoded(&page), plain.body, "{accepted}");
        let is_smaller = page.body.len() * 3 < plain.body.len();
        assert_eq!(is_smaller, coding.is_some(), "{accepted}: {}", page.body.len());
        let vary = page.all("vary").join(",").to_ascii_lowercase();
        assert!(vary.contains("cookie") && vary.contains("accept-encoding"), "{vary}");
        let tag = page.field("etag").expect("a tag").to_owned();
        let fields = [fields[0], ("If-None-Match", tag.as_str())];
        let validated = bench.forebay.get_with("/trees/trees", &fields).expect_status(304);
        assert_eq!((validated.body.len(), validated.field("etag")), (0, Some(tag.as_str())));
        tags.push(tag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 3, "each coding has its own: {tags:?}");
    assert_eq!(bench.seen("/trees/trees"), 1);
}

#[test]
fn while_datasette_is_down_its_pages_are_there() {
    let mut bench = Bench::start(&CONFIG.replace("\"5m\"", "\"1s\"").replace("\"1h\"", "\"0s\""));
    let page = bench.forebay.get(SLOW).expect_status(200);
    let data = bench.forebay.get("/trees/giants.json").expect_status(200);
    bench.datasette.kill();
    stay_silent(ms(1500));
    for _ in 0..3 {
        bench.forebay.get(SLOW).expect(200, &page.body);
        bench.forebay.get("/trees/giants.json").expect(200, &data.body);
    }
    bench.forebay.get("/trees/trees").expect_status(502);
}

/// Whoever is logged in gets pages of their own.
#[test]
fn pages_for_cookies_are_made_each_time() {
    let bench = Bench::start(CONFIG);
    bench.forebay.get("/trees").expect_status(200);
    for _ in 0..2 {
        let page = bench.forebay.get_with("/trees", &[("Cookie", "ds_actor=somebody")]);
        assert!(!page.is_hit(), "{}", page.head.raw);
    }
    eventually("they are in Datasette's log", || bench.seen("/trees") == 3);
    eventually("the first is still there", || bench.forebay.get("/trees").is_hit());
}

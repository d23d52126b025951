//! Requests of several users in any order and at the same time: nobody ever gets what was made for another.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::token::{bearer, forged, jwt};
use crate::support::{Client, Exchange, Forebay, Origin, Reply, ms, ok, stay_silent};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Event {
    /// A request of one user, read before anything else happens.
    Ask(usize, usize),
    /// Requests that are all under way at once.
    Together(Vec<(usize, usize)>),
    /// A request whose client leaves before it is answered.
    Leave(usize, usize),
    Write(usize, usize),
    PurgeTag(usize),
    PurgeAll {
        soft: bool,
    },
    /// Another configuration, in which each still has answers of their own.
    Reload(usize),
}

/// What the origin does with each: fresh, slow and fresh, stale at once, stale and then failing, not to be stored.
const TARGETS: [&str; 6] = ["fresh", "slow", "revalidate", "failing", "no-store", "conditional"];
/// alice twice, bob, carol, somebody who forges alice's token, one whose token has expired, nobody.
const USERS: usize = 7;
/// Of whom the first are known by their subject.
const KNOWN: usize = 4;
/// Where answers are kept apart by the subject, and by the whole credential.
const SUBJECT: &str = "";
const WHOLE: &str = "/whole";

fn events() -> impl Strategy<Value = Vec<Event>> {
    let request = (0..USERS, 0..TARGETS.len());
    let event = prop_oneof![
        4 => request.clone().prop_map(|(user, target)| Event::Ask(user, target)),
        4 => prop::collection::vec(request.clone(), 2..10).prop_map(Event::Together),
        1 => request.clone().prop_map(|(user, target)| Event::Leave(user, target)),
        1 => request.prop_map(|(user, target)| Event::Write(user, target)),
        1 => (0..USERS).prop_map(Event::PurgeTag),
        1 => any::<bool>().prop_map(|soft| Event::PurgeAll { soft }),
        1 => (0..3_usize).prop_map(Event::Reload),
    ];
    prop::collection::vec(event, 1..25)
}

/// Answers with the credential that it was shown.
fn answer(exchange: &mut Exchange<'_>) {
    let reply = ok(exchange.field("authorization").unwrap_or("nobody"));
    let target = exchange.target().to_owned();
    let control = |reply: Reply, value: &str| reply.field("cache-control", value);
    let reply = match target.rsplit('/').next().unwrap_or_default() {
        "fresh" => control(reply, "max-age=600"),
        "slow" => {
            stay_silent(ms(5));
            control(reply, "private, max-age=600")
        }
        "revalidate" => control(reply, "max-age=0, stale-while-revalidate=600"),
        "failing" if exchange.number().is_multiple_of(3) => Reply::new(503).content("failed"),
        "failing" => control(reply, "max-age=0, stale-if-error=600"),
        "conditional" if exchange.field("if-none-match").is_some() => {
            Reply::new(304).field("etag", "\"v\"")
        }
        "conditional" => control(reply, "no-cache").field("etag", "\"v\""),
        _ => control(reply, "no-store"),
    };
    exchange.reply(&reply);
}

/// One of the configurations.
fn configuration(number: usize) -> String {
    let more =
        ["", "ttl_by_status = { 404 = \"1s\" }\n", "collapse = false\nstale_if_error = \"1s\"\n"];
    let route = |path: &str, identity: &str| {
        format!(
            "[[route]]\npath = \"{path}\"\nidentity = \"{identity}\"\ntags = [\"user:{{identity}}\"]\ndefault_ttl = \"1h\"\n{}",
            more[number]
        )
    };
    let jwt = jwt() + &format!("leeway = \"{number}s\"\n");
    let (subject, whole) = (format!("{SUBJECT}/{{*rest}}"), format!("{WHOLE}/{{*rest}}"));
    format!("[server]\nwatch = false\n[log]\naccess = \"off\"\n{jwt}")
        + &route(&subject, "jwt:sub")
        + &route(&whole, "header:authorization")
}

struct Bench<'o> {
    origin: &'o Origin,
    forebay: Forebay,
    credentials: Vec<Option<String>>,
}

impl<'o> Bench<'o> {
    fn start(origin: &'o Origin) -> Self {
        let expired =
            forged("carol").into_iter().find(|(_, word)| *word == "token-expired").unwrap();
        let other_key = forged("alice").swap_remove(4);
        let credentials = vec![
            Some(bearer("alice")),
            // The same token: two connections of one user.
            None,
            Some(bearer("bob")),
            Some(bearer("carol")),
            Some(other_key.0),
            Some(expired.0),
            None,
        ];
        let forebay = Forebay::start(origin, &configuration(0));
        let mut bench = Self { origin, forebay, credentials };
        bench.credentials[1] = bench.credentials[0].clone();
        bench
    }

    fn fields(&self, user: usize) -> Vec<(&'static str, &str)> {
        self.credentials[user]
            .iter()
            .map(|credential| ("authorization", credential.as_str()))
            .collect()
    }

    fn send(&self, user: usize, method: &str, target: &str) -> Client {
        let mut client = self.forebay.connect();
        client.send_request(method, target, &self.fields(user), b"");
        client
    }

    /// What a user is answered with is theirs, or nobody's at all.
    fn check(
        &self,
        kept_apart_by: &str,
        user: usize,
        client: &mut Client,
    ) -> Result<(), TestCaseError> {
        let response = client.read();
        let own = self.credentials[user].as_deref().unwrap_or("nobody");
        if response.status() == 200 {
            prop_assert_eq!(response.text(), own, "user {}: {}", user, response.head.raw);
        } else {
            prop_assert!(matches!(response.status(), 502 | 503), "{}", response.head.raw);
        }
        // Who is not known is never answered from the store; a whole credential is known by itself, good or not.
        let is_known = user < KNOWN || kept_apart_by == WHOLE && user < USERS - 1;
        prop_assert!(is_known || !response.is_reused(), "user {}: {}", user, response.head.raw);
        Ok(())
    }

    fn play(
        &self,
        kept_apart_by: &str,
        case: usize,
        events: &[Event],
    ) -> Result<(), TestCaseError> {
        let path = |target: &usize| format!("{kept_apart_by}/{case}/{}", TARGETS[*target]);
        for event in events {
            match event {
                Event::Ask(user, target) => {
                    self.check(kept_apart_by, *user, &mut self.send(*user, "GET", &path(target)))?;
                }
                Event::Together(requests) => {
                    let mut clients: Vec<_> = requests
                        .iter()
                        .map(|(user, target)| (*user, self.send(*user, "GET", &path(target))))
                        .collect();
                    for (user, client) in &mut clients {
                        self.check(kept_apart_by, *user, client)?;
                    }
                }
                Event::Leave(user, target) => self.send(*user, "GET", &path(target)).leave(),
                Event::Write(user, target) => {
                    self.check(
                        kept_apart_by,
                        *user,
                        &mut self.send(*user, "DELETE", &path(target)),
                    )?;
                }
                Event::PurgeTag(user) => {
                    let name = ["alice", "alice", "bob", "carol"].get(*user).unwrap_or(&"nobody");
                    self.forebay.purge(&format!(r#"{{"tag":"user:{name}"}}"#)).expect_status(200);
                }
                Event::Reload(number) => {
                    self.forebay.configure(self.origin, &configuration(*number));
                    self.forebay.reload().expect_status(200);
                }
                Event::PurgeAll { soft } => {
                    let what = format!(r#"{{"all":true,"soft":{soft}}}"#);
                    self.forebay.purge(&what).expect_status(200);
                }
            }
        }
        Ok(())
    }
}

#[test]
fn nobody_ever_gets_what_was_made_for_another() {
    let origin = Origin::start(answer);
    let bench = Bench::start(&origin);
    let case = std::cell::Cell::new(0);
    let config = Config { cases: 60, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&events(), |events| {
        case.set(case.get() + 1);
        for kept_apart_by in [SUBJECT, WHOLE] {
            bench.play(kept_apart_by, case.get(), &events)?;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let hits = bench.forebay.metric("forebay_cache_lookups_total", &[("result", "hit")]);
    assert!(hits > 20.0, "only {hits} hits: it proves nothing");
}

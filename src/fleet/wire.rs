//! Questions and answers as Redis has them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::question::{Answer, Joined, Numbered, Place, Question};
use crate::caching::purge::Selector;
use crate::caching::record::{self, Record};
use crate::caching::stamp::Position;
use crate::redis::{Command, Link, Operation, Reply, Script, Trouble};

/// Records kept at least: a replica that missed more joins again.
const MOST_RECORDS: usize = 16_384;
/// Selectors of which the last purge is known. As many as a replica keeps.
const MOST_SELECTORS: usize = 65_536;
/// Records known to be there when they are appended again.
const MOST_NONCES: usize = 32_768;
/// Records told at once, at the most.
const PAGE: usize = 256;
/// Bytes of selectors told at once, about.
const PAGE_BYTES: usize = 256 << 10;
/// Selectors of a snapshot told at once.
const SNAPSHOT_PAGE: usize = 1000;

macro_rules! script {
    ($name:literal) => {
        Script::new(concat!(
            include_str!("scripts/log.lua"),
            include_str!(concat!("scripts/", $name, ".lua"))
        ))
    };
}

static JOIN: Script = script!("join");
static SNAPSHOT: Script = script!("snapshot");
static SYNC: Script = script!("sync");
static APPEND: Script = script!("append");
static RECEIPT: Script = script!("receipt");

/// The log at the other end of a link.
#[derive(Debug)]
pub(super) struct Wire {
    link: Arc<Link>,
    keys: [Bytes; 5],
    /// Who asks.
    replica: Bytes,
    max_unsynced: Bytes,
    pub(super) most_selectors: usize,
}

impl Wire {
    /// `replica`: a name that no other has.
    pub(super) fn new(link: Arc<Link>, replica: String, max_unsynced: Duration) -> Self {
        let keys = ["", ":records", ":selectors", ":replicas", ":nonces"];
        Self {
            keys: keys.map(|rest| link.key("log", rest)),
            link,
            replica: replica.into(),
            max_unsynced: text(max_unsynced.as_millis()),
            most_selectors: MOST_SELECTORS,
        }
    }

    pub(super) const fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Asks the log.
    pub(super) async fn ask(&self, question: &Question) -> Result<Answer, Trouble> {
        let who = [self.replica.clone(), self.max_unsynced.clone()];
        let (operation, script, arguments) = match question {
            Question::Join { at, epoch, nonce } => {
                let new = [text(epoch), text(nonce)];
                (Operation::Sync, &JOIN, place(at).into_iter().chain(who).chain(new).collect())
            }
            Question::Snapshot { epoch, from, until } => {
                let arguments = vec![text(epoch), text(from), text(until), text(SNAPSHOT_PAGE)];
                (Operation::Sync, &SNAPSHOT, arguments)
            }
            Question::Sync(at) => {
                let page = [text(PAGE), text(PAGE_BYTES)];
                (Operation::Sync, &SYNC, place(at).into_iter().chain(who).chain(page).collect())
            }
            Question::Append(records) => {
                (Operation::Append, &APPEND, appended(records, self.most_selectors))
            }
        };
        let reply = self.link.run(operation, script, &self.keys, arguments).await?;
        answer(question, &reply).ok_or(Trouble::Malformed)
    }

    /// Whether nobody uses any more what a record purged; `None`: there is no such record.
    pub(super) async fn is_applied(&self, at: Place) -> Result<Option<bool>, Trouble> {
        let arguments = place(&at).into_iter().chain([self.max_unsynced.clone()]).collect();
        let reply = self.link.run(Operation::Receipt, &RECEIPT, &self.keys, arguments).await?;
        match word(&reply) {
            Some("APPLIED") => Ok(Some(true)),
            Some("WAITING") => Ok(Some(false)),
            Some("RESET") => Ok(None),
            _ => Err(Trouble::Malformed),
        }
    }

    /// Is no longer waited for. Nothing may be served from then on.
    pub(super) async fn leave(&self) -> Result<(), Trouble> {
        let [_, _, _, replicas, _] = &self.keys;
        let command = Command::new("HDEL", replicas.clone()).with(self.replica.clone());
        self.link.ask(Operation::Sync, command).await.map(|_| ())
    }
}

fn text(value: impl ToString) -> Bytes {
    value.to_string().into()
}

fn place(at: &Place) -> [Bytes; 3] {
    [text(at.position.epoch), text(at.position.record), text(at.nonce)]
}

fn appended(records: &[Arc<Record>], most_selectors: usize) -> Vec<Bytes> {
    let mut arguments = [MOST_RECORDS, most_selectors, MOST_NONCES].map(text).to_vec();
    for record in records {
        let kind = if record.soft { "s" } else { "h" };
        let count = record.selectors.len();
        arguments.extend([text(record.nonce), text(kind), text(count)]);
        arguments.extend(record.selectors.iter().map(text));
    }
    arguments
}

fn answer(question: &Question, reply: &Reply) -> Option<Answer> {
    let parts = reply.list()?;
    if let [reset] = parts
        && word(reset) == Some("RESET")
    {
        return Some(Answer::Reset);
    }
    match (question, parts) {
        (Question::Join { .. }, [epoch, first, first_nonce, last, last_nonce, replicas]) => {
            let epoch = number(epoch)?;
            let place = |record, nonce| {
                let position = Position { epoch, record: number(record)? };
                Some(Place { position, nonce: word(nonce)?.parse().ok()? })
            };
            Some(Answer::Joined(Joined {
                first: place(first, first_nonce)?,
                last: place(last, last_nonce)?,
                replicas: count(replicas)?,
            }))
        }
        (Question::Snapshot { .. }, [_, horizon, found]) => {
            let pairs = found.list()?.chunks_exact(2);
            let is_full = pairs.len() >= SNAPSHOT_PAGE;
            // What begins the log selects nothing.
            let newest = pairs.filter_map(|pair| newest(&pair[0], &pair[1])).collect();
            Some(Answer::Snapshot { horizon: number(horizon)?, newest, is_full })
        }
        (Question::Sync(_), [_, last, horizon, doubt, is_noted, replicas, records]) => {
            Some(Answer::Records {
                last: number(last)?,
                horizon: number(horizon)?,
                doubt: Duration::from_millis(number(doubt)?),
                is_noted: number(is_noted)? > 0,
                replicas: count(replicas)?,
                records: records.list()?.iter().map(numbered).collect::<Option<_>>()?,
            })
        }
        (Question::Append(records), [_, epoch, numbers]) => {
            let numbers: Vec<_> = numbers.list()?.iter().map(number).collect::<Option<_>>()?;
            let epoch = number(epoch)?;
            (numbers.len() == records.len()).then_some(Answer::Logged { epoch, numbers })
        }
        _ => None,
    }
}

fn numbered(reply: &Reply) -> Option<Numbered> {
    let [record, nonce, kind, selectors @ ..] = reply.list()? else { return None };
    let selectors = selectors.iter().map(selector).collect();
    let soft = word(kind)? == "s";
    let nonce = word(nonce)?.parse().ok()?;
    let number = number(record)?;
    Some(Numbered { number, record: Arc::new(Record { nonce, selectors, soft }) })
}

fn newest(member: &Reply, score: &Reply) -> Option<(u64, Selector, bool)> {
    let number = number(score).unwrap_or(u64::MAX);
    match word(member).and_then(|member| member.split_once(':')) {
        Some(("h", selector)) => Some((number, record::selector(selector), false)),
        Some(("s", selector)) => Some((number, record::selector(selector), true)),
        None if word(member) == Some("g") => None,
        _ => Some((number, Selector::All, false)),
    }
}

/// What cannot be read covers everything.
fn selector(reply: &Reply) -> Selector {
    word(reply).map_or(Selector::All, record::selector)
}

fn word(reply: &Reply) -> Option<&str> {
    std::str::from_utf8(reply.bytes()?).ok()
}

fn number(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Integer(number) => u64::try_from(*number).ok(),
        Reply::Bytes(_) => word(reply)?.parse().ok(),
        Reply::Nil | Reply::List(_) => None,
    }
}

fn count(reply: &Reply) -> Option<usize> {
    number(reply).and_then(|number| usize::try_from(number).ok())
}

//! An origin that serves a file, and parts of it.

use std::sync::{Arc, Mutex};

use super::{Exchange, Origin, Reply};

/// What an origin has, and how it tells one version from the next.
#[derive(Clone)]
pub(crate) struct Version {
    content: Vec<u8>,
    fields: Vec<(&'static str, String)>,
}

impl Version {
    pub(crate) fn new(content: impl Into<Vec<u8>>, etag: &str) -> Self {
        Self {
            content: content.into(),
            fields: vec![("etag", etag.to_owned()), ("cache-control", "max-age=60".to_owned())],
        }
    }

    pub(crate) fn unmarked(content: impl Into<Vec<u8>>) -> Self {
        Self { content: content.into(), fields: vec![("cache-control", "max-age=60".to_owned())] }
    }

    pub(crate) fn field(mut self, name: &'static str, value: &str) -> Self {
        self.fields.retain(|(other, _)| *other != name);
        self.fields.push((name, value.to_owned()));
        self
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn reply(&self, status: u16) -> Reply {
        let fields = self.fields.iter();
        fields.fold(Reply::new(status), |reply, (name, value)| reply.field(name, value.clone()))
    }

    /// As a file server answers: `bytes=A-B`, `bytes=A-` and `bytes=-N`, If-Range, If-None-Match.
    pub(crate) fn answer(&self, exchange: &Exchange<'_>) -> Reply {
        if exchange.field("if-none-match").is_some_and(|tag| Some(tag) == self.get("etag")) {
            return self.reply(304);
        }
        let known = exchange.field("if-range").is_none_or(|validator| {
            Some(validator) == self.get("etag") || Some(validator) == self.get("last-modified")
        });
        let range = exchange.field("range").filter(|_| known).and_then(|value| {
            let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
            let end = self.content.len();
            Some(match (first.parse::<usize>(), last.parse::<usize>()) {
                (Ok(first), Ok(last)) => first..(last + 1).min(end),
                (Ok(first), Err(_)) => first..end,
                (Err(_), Ok(count)) => end - count.min(end)..end,
                _ => return None,
            })
        });
        match range {
            None => self.reply(200).content(self.content.clone()),
            Some(range) if range.is_empty() => Reply::new(416)
                .field("content-range", format!("bytes */{}", self.content.len()))
                .field("cache-control", "max-age=60"),
            Some(range) => {
                part(&self.content, range.start, range.end - 1).fold_into(self.reply(206))
            }
        }
    }
}

/// A part and where it lies.
pub(crate) struct Cut {
    content: Vec<u8>,
    said: String,
}

pub(crate) fn part(whole: &[u8], first: usize, last: usize) -> Cut {
    Cut {
        content: whole[first..=last].to_vec(),
        said: format!("bytes {first}-{last}/{}", whole.len()),
    }
}

impl Cut {
    pub(crate) fn fold_into(self, reply: Reply) -> Reply {
        reply.field("content-range", self.said).content(self.content)
    }
}

/// An origin that serves a file.
pub(crate) fn file(version: Version) -> Origin {
    Origin::start(move |exchange| {
        let reply = version.answer(exchange);
        exchange.reply(&reply);
    })
}

/// An origin whose file can be replaced.
pub(crate) fn changing(version: Version) -> (Origin, Arc<Mutex<Version>>) {
    let current = Arc::new(Mutex::new(version));
    let origin = Origin::start({
        let current = Arc::clone(&current);
        move |exchange| {
            let version = current.lock().unwrap().clone();
            let reply = version.answer(exchange);
            exchange.reply(&reply);
        }
    });
    (origin, current)
}

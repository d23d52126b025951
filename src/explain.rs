//! What would be done with a request, and why, on one screen.
//!
//! Nothing is decided here. The request was taken apart by the service as any other is, and every line asks the function
//! that decides; so this cannot disagree with what is done.

mod debug;
mod identity;
mod key;
mod limit;
mod question;
mod route;
mod stored;
mod storing;
mod words;

use std::fmt;
use std::sync::Arc;

use http::header::LOCATION;
use http::{HeaderMap, Method, Response, StatusCode};

use crate::body::Body;
use crate::cache::{Cache, Inquiry, Tiers};
use crate::clock::Timestamp;
use crate::limit::Place;
use crate::policy::Policy;

pub use debug::debug_field;
pub use question::{BadQuestion, Question};

/// The most lines an explanation has.
const SCREEN: usize = 40;

/// What is explained.
#[derive(Debug)]
pub struct Matter<'a> {
    /// The request, as the service understands it.
    pub inquiry: &'a Arc<Inquiry>,
    /// The routes there are.
    pub policy: &'a Policy,
    /// The budgets it would be charged to, where any limit holds.
    pub place: Option<Place<'a>>,
    /// What is stored, where the proxy is running.
    pub cache: Option<&'a Arc<Cache>>,
    /// Where responses are stored.
    pub tiers: Tiers,
    /// The response to judge; `None` judges those that applications usually give.
    pub response: Option<&'a (StatusCode, HeaderMap)>,
    /// The time.
    pub now: Timestamp,
}

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// The scheme it came by.
    pub scheme: &'a str,
    /// Host and, unless it is the scheme's default, port.
    pub authority: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query, empty if there is none.
    pub query: &'a str,
}

/// Lines, by what they are about.
#[derive(Debug, Default)]
pub struct Explanation(Vec<(&'static str, Vec<String>)>);

/// Explains what would be done with a request.
pub fn explain(matter: &Matter<'_>) -> Explanation {
    let mut explanation = Explanation::default();
    let inquiry = matter.inquiry;
    let asked = Asked {
        method: &inquiry.method,
        scheme: inquiry.client.scheme.as_str(),
        authority: &inquiry.authority,
        path: inquiry.asked.path(),
        query: inquiry.asked.query().unwrap_or_default(),
    };
    route::explain(asked, matter.policy, &mut explanation);
    route::explain_forwarding(inquiry, &mut explanation);
    identity::explain(matter, &mut explanation);
    limit::explain(matter, &mut explanation);
    key::explain(matter, &mut explanation);
    stored::explain(matter, &mut explanation);
    storing::explain(matter, &mut explanation);
    explanation.fit();
    explanation
}

/// Explains what is done with a request that is answered without asking anybody, for a reason that is a word.
pub fn explain_unasked(
    asked: Asked<'_>,
    policy: &Policy,
    why: &str,
    response: &Response<Body>,
) -> Explanation {
    let mut explanation = Explanation::default();
    route::explain(asked, policy, &mut explanation);
    explanation.say("answer", format!("{} by ourselves: {why}", response.status().as_u16()));
    if let Some(location) = response.headers().get(LOCATION) {
        explanation.say("answer", format!("location {}", words::printable(location.as_bytes())));
    }
    explanation.fit();
    explanation
}

impl Explanation {
    /// Of a request that cannot be understood, for this reason.
    pub fn malformed(status: StatusCode, reason: &str) -> Self {
        let mut explanation = Self::default();
        explanation.say("answer", format!("{} by ourselves: {reason}", status.as_u16()));
        explanation
    }

    /// What is said, by what it is about.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = (&'static str, &[String])> {
        self.0.iter().map(|(topic, lines)| (*topic, lines.as_slice()))
    }

    /// Adds a line about `topic`, below those there are about it.
    fn say(&mut self, topic: &'static str, line: impl Into<String>) {
        match self.0.iter_mut().find(|(known, _)| *known == topic) {
            Some((_, lines)) => lines.push(line.into()),
            None => self.0.push((topic, vec![line.into()])),
        }
    }

    /// Leaves lines out of what takes most of them until all is on one screen.
    fn fit(&mut self) {
        let mut left_out = vec![0_usize; self.0.len()];
        while self.0.iter().map(|(_, lines)| lines.len()).sum::<usize>() > SCREEN {
            let longest =
                (0..self.0.len()).max_by_key(|at| self.0.get(*at).map(|(_, lines)| lines.len()));
            let Some(at) = longest else { return };
            let (Some((_, lines)), Some(left_out)) = (self.0.get_mut(at), left_out.get_mut(at))
            else {
                return;
            };
            if *left_out > 0 {
                lines.pop();
            }
            // The line that says so takes the place of another.
            lines.pop();
            *left_out += 1;
            lines.push(format!("and {left_out} more"));
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (topic, lines) in &self.0 {
            for (number, line) in lines.iter().enumerate() {
                let topic = if number == 0 { topic } else { "" };
                writeln!(f, "{topic:12}{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_longer_than_a_screen() {
        let mut explanation = Explanation::default();
        explanation.say("short", "once");
        for number in 0..100 {
            explanation.say("long", format!("line {number}"));
            explanation.say("other", format!("line {number}"));
        }
        explanation.fit();
        let text = explanation.to_string();
        assert_eq!(text.lines().count(), SCREEN, "{text}");
        for (topic, lines) in explanation.topics() {
            let Some((last, shown)) = lines.split_last() else { panic!("{topic} is empty") };
            if topic != "short" {
                assert_eq!(*last, format!("and {} more", 100 - shown.len()));
            }
        }
        assert!(text.starts_with("short       once\nlong        line 0\n            line 1\n"));
    }
}

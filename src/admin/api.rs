//! A handler like the public one, for `/livez`, `/readyz`, `/metrics` and what is below `/api`.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as _;
use serde::Serialize;
use tokio::sync::Mutex;

use super::access::{Access, Denied, Grant};
use super::explaining;
use super::order::{Order, wait};
use super::reply::{self, Problem};
use super::status::Readiness;
use crate::body::{Answer, Body};
use crate::caching::purge::Purge;
use crate::counters::{self, Counters};
use crate::explain::{Explanation, Question};
use crate::identity::peer::Peer;
use crate::purges::{Done, Purges};

/// The most a purge may be described in.
const CONTENT: usize = 64 << 10;
/// What may stand in the query of a question about a purge.
const WAIT: &str = "expected no query, or how long to wait, like ?wait=1s or ?wait=500ms";
/// Wrong tokens are answered one after the other, each after this long, so that guessing is slow.
const WRONG_TOKEN_DELAY: Duration = Duration::from_millis(100);

/// Forgets stored responses, and tells of it; or fails, having forgotten some or none.
pub type Forget =
    dyn Fn(Purge) -> Pin<Box<dyn Future<Output = Result<Done, Unfinished>> + Send>> + Send + Sync;

/// A purge that did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished;

/// Reads the configuration again.
pub type Reload =
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<Reloaded, NotReloaded>> + Send>> + Send + Sync;

/// The configuration was read again and is in force.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reloaded {
    /// The keys that take effect at the next start.
    pub restart_pending: Vec<&'static str>,
    /// What may not be meant as it is.
    pub warnings: Vec<String>,
}

/// Why the configuration is the same as before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReloaded {
    /// The file is wrong: every error, with its place.
    Bad(Vec<String>),
    /// There is no file.
    NoFile,
    /// The program is about to stop.
    Stopping,
    /// It was not read to its end.
    Unfinished,
}

/// What the API can do, given by the program around it.
#[derive(Clone)]
pub struct Abilities {
    /// How the program is.
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// What it counts.
    pub counters: Arc<Counters>,
    /// Forgets stored responses.
    pub forget: Arc<Forget>,
    /// Says what would be done with a request.
    pub explain: Arc<dyn Fn(&Question) -> Explanation + Send + Sync>,
    /// Reads the configuration again.
    pub reload: Arc<Reload>,
    /// The purges so far.
    pub purges: Arc<Purges>,
}

/// The operator's API.
#[derive(Debug)]
pub struct Admin {
    access: ArcSwap<Access>,
    abilities: Abilities,
    wrong_tokens: Mutex<()>,
}

impl Admin {
    /// The API with these abilities, for those who have access.
    pub fn new(access: Access, abilities: Abilities) -> Arc<Self> {
        Arc::new(Self {
            access: ArcSwap::from_pointee(access),
            abilities,
            wrong_tokens: Mutex::new(()),
        })
    }

    /// Has requests from now on judged by this access.
    pub fn adopt(&self, access: Access) {
        self.access.store(Arc::new(access));
    }

    /// Answers one request.
    pub fn handle(self: &Arc<Self>, request: Request<Body>, peer: &Peer) -> Answer {
        let (head, body) = request.into_parts();
        let grant = match self.access.load().grant(&head, peer) {
            Ok(grant) => grant,
            Err(Denied::WrongToken) => return Answer::later(Arc::clone(self).refuse_token()),
            Err(denied) => return Answer::now(reply::problem(&Problem::Denied(denied))),
        };
        let path = head.uri.path();
        let (allowed, is_allowed) = match path {
            "/api/purge" | "/api/reload" => ("POST", head.method == Method::POST),
            _ => ("GET, HEAD", head.method == Method::GET || head.method == Method::HEAD),
        };
        let answer = match path {
            _ if !is_allowed && is_known(path) => Err(Problem::Method(allowed)),
            "/livez" => Ok(reply::json(StatusCode::OK, &serde_json::json!({"status": "alive"}))),
            "/readyz" => Ok(self.readyz(grant)),
            "/metrics" => Ok(reply::text(counters::CONTENT_TYPE, self.abilities.counters.encode())),
            "/api/explain" => explaining::question(&head).map(|question| {
                explaining::answer(&head.headers, &(self.abilities.explain)(&question))
            }),
            "/api/purge" if !is_json(&head.headers) => Err(Problem::MediaType),
            "/api/purge" => return Answer::later(Arc::clone(self).purge(body)),
            "/api/reload" if !is_json(&head.headers) && head.headers.contains_key(CONTENT_TYPE) => {
                Err(Problem::MediaType)
            }
            "/api/reload" => return Answer::later(Arc::clone(self).reload()),
            _ => match path.strip_prefix("/api/purge/").map(|id| self.abilities.purges.find(id)) {
                Some(Some(done)) => match head.uri.query().map_or(Some(Duration::ZERO), wait) {
                    Some(within) => {
                        return Answer::later(async move { done.outcome(within).await });
                    }
                    None => Err(Problem::Content(WAIT.to_owned())),
                },
                _ => Err(Problem::NotFound),
            },
        };
        Answer::now(answer.unwrap_or_else(|problem| reply::problem(&problem)))
    }

    fn readyz(&self, grant: Grant) -> Response<Body> {
        let readiness = (self.abilities.readiness)();
        let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        reply::json(status, &readiness.report(grant == Grant::Full))
    }

    async fn reload(self: Arc<Self>) -> Response<Body> {
        match (self.abilities.reload)().await {
            Ok(reloaded) => reply::json(StatusCode::OK, &reloaded),
            Err(why) => reply::problem(&Problem::NotReloaded(why)),
        }
    }

    async fn purge(self: Arc<Self>, body: Body) -> Response<Body> {
        let order = match read(body).await {
            Ok(content) => Order::read(&content).map_err(Problem::Content),
            Err(problem) => Err(problem),
        };
        let purge = match order {
            Ok(purge) => purge,
            Err(problem) => return reply::problem(&problem),
        };
        match (self.abilities.forget)(purge).await {
            Ok(done) => self.abilities.purges.answer(&done).await,
            Err(Unfinished) => reply::problem(&Problem::Unfinished),
        }
    }

    async fn refuse_token(self: Arc<Self>) -> Response<Body> {
        let _turn = self.wrong_tokens.lock().await;
        tokio::time::sleep(WRONG_TOKEN_DELAY).await;
        reply::problem(&Problem::Denied(Denied::WrongToken))
    }
}

fn is_known(path: &str) -> bool {
    matches!(
        path,
        "/livez" | "/readyz" | "/metrics" | "/api/explain" | "/api/purge" | "/api/reload"
    ) || path.starts_with("/api/purge/")
}

/// A page of another site can send any text, but not this type, without asking us first.
fn is_json(fields: &HeaderMap) -> bool {
    let media_type =
        fields.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// The whole content, if it is not too much.
async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    let mut body = Box::pin(body);
    let mut content = Vec::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        let Ok(data) = frame.map_err(|_| Problem::Unread)?.into_data() else { continue };
        if content.len() + data.len() > CONTENT {
            return Err(Problem::TooLarge);
        }
        content.extend_from_slice(&data);
    }
    Ok(content)
}

impl fmt::Debug for Abilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Abilities").finish_non_exhaustive()
    }
}

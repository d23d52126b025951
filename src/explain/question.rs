//! The request that is asked about.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::header::HOST;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};

use crate::body::{Body, Limited};
use crate::identity::peer::{Peer, Scheme};

/// A stranger, as documents have one (RFC 5737).
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// A request that nobody made.
#[derive(Debug)]
pub struct Question {
    method: Method,
    scheme: Scheme,
    target: PathAndQuery,
    fields: HeaderMap,
    content: Bytes,
    client: IpAddr,
    /// The response that the application would give.
    pub response: Option<(StatusCode, HeaderMap)>,
}

/// What cannot be asked, and why.
pub type BadQuestion = String;

impl Question {
    /// A request with this `method` for this `url`, which may be a path alone, with these `fields` (`name: value`).
    ///
    /// # Errors
    /// [`BadQuestion`] where one of these is not what it should be.
    pub fn new<'f>(
        method: &str,
        url: &str,
        fields: impl IntoIterator<Item = &'f str>,
    ) -> Result<Self, BadQuestion> {
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| format!("{method:?} is no method"))?;
        let bad_url = || format!("expected a URL like http://example.com/a or a path, not {url:?}");
        let uri: Uri = url.parse().map_err(|_| bad_url())?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            None if url.starts_with('/') => Scheme::Http,
            _ => return Err(bad_url()),
        };
        let mut fields = read_fields(fields)?;
        if !fields.contains_key(HOST) {
            let host = uri.authority().map_or("localhost", |authority| authority.as_str());
            fields.insert(HOST, HeaderValue::from_str(host).map_err(|_| bad_url())?);
        }
        let target = uri.path_and_query().cloned().ok_or_else(bad_url)?;
        let (content, client, response) = (Bytes::new(), STRANGER, None);
        Ok(Self { method, scheme, target, fields, content, client, response })
    }

    /// With this content.
    #[must_use]
    pub fn with_content(self, content: impl Into<Bytes>) -> Self {
        Self { content: content.into(), ..self }
    }

    /// Asked by this client, rather than by a stranger.
    ///
    /// # Errors
    /// [`BadQuestion`] where that is no address.
    pub fn from_client(self, client: &str) -> Result<Self, BadQuestion> {
        let client =
            client.parse().map_err(|_| format!("expected an IP address, not {client:?}"))?;
        Ok(Self { client, ..self })
    }

    /// Answered with this `status` and these `fields`.
    ///
    /// # Errors
    /// [`BadQuestion`] where one of these is not what it should be.
    pub fn answered<'f>(
        self,
        status: &str,
        fields: impl IntoIterator<Item = &'f str>,
    ) -> Result<Self, BadQuestion> {
        let status = StatusCode::from_bytes(status.as_bytes())
            .map_err(|_| format!("expected a status like 200, not {status:?}"))?;
        Ok(Self { response: Some((status, read_fields(fields)?)), ..self })
    }

    /// Its head as the service gets it.
    pub fn head(&self) -> Parts {
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = self.method.clone();
        parts.uri = Uri::from(self.target.clone());
        parts.headers = self.fields.clone();
        parts
    }

    /// Its content as the service gets it, all of it at hand.
    pub fn body(&self) -> Body {
        if self.content.is_empty() {
            return Body::Empty;
        }
        let (content, length) = (Body::from(self.content.clone()), self.content.len() as u64);
        Body::stream(Limited::new(content, length))
    }

    /// Who asks.
    pub fn peer(&self) -> Peer {
        Peer::tcp(SocketAddr::new(self.client, 0), self.scheme)
    }
}

fn read_fields<'f>(lines: impl IntoIterator<Item = &'f str>) -> Result<HeaderMap, BadQuestion> {
    let mut fields = HeaderMap::new();
    for line in lines {
        let field = line.split_once(':').and_then(|(name, value)| {
            let name: HeaderName = name.trim().parse().ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let (name, value) =
            field.ok_or_else(|| format!("expected a field like \"name: value\", not {line:?}"))?;
        fields.append(name, value);
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_request() {
        let fields = ["Accept: a", "accept:b"];
        let question = Question::new("PUT", "https://example.com:8443/a?b", fields).unwrap();
        let parts = question.head();
        assert_eq!((parts.method, parts.uri.to_string()), (Method::PUT, "/a?b".to_owned()));
        assert_eq!(parts.headers[HOST], "example.com:8443");
        assert_eq!(parts.headers.get_all("accept").iter().count(), 2);
        assert_eq!(question.peer().scheme, Scheme::Https);
        let question = Question::new("GET", "/a", ["Host: b"]).unwrap();
        assert_eq!(question.head().headers[HOST], "b");
        assert_eq!(question.from_client("::1").unwrap().peer().address.ip().to_string(), "::1");
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        for (method, url, field) in [
            ("G T", "/", "a: b"),
            ("GET", "a", "a: b"),
            ("GET", "ftp://h/", "a: b"),
            ("GET", "http://", "a: b"),
            ("GET", "*", "a: b"),
            ("GET", "/", "a"),
            ("GET", "/", "a b: c"),
            ("GET", "/", "a: \n"),
        ] {
            let question = Question::new(method, url, [field]);
            assert_eq!(question.is_err(), !field.ends_with('\n'), "{method} {url} {field}");
        }
        let question = || Question::new("GET", "/", []).unwrap();
        assert!(question().from_client("nobody").is_err());
        assert!(question().answered("99", []).is_err());
        assert!(question().answered("200", ["x"]).is_err());
    }
}

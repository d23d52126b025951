//! What a proxy answers, to be answered by a ceiling that decides nothing.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, ETAG, HOST, HeaderName, HeaderValue, IF_NONE_MATCH,
    TRANSFER_ENCODING,
};
use hyper::http::response::Parts;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A response.
pub type Answer = (Parts, Bytes);

/// What one path is answered with.
#[derive(Debug)]
pub struct Answers {
    /// As it is.
    pub plain: Answer,
    /// With `If-None-Match`.
    pub not_modified: Answer,
    /// With `Accept-Encoding: gzip`.
    pub gzip: Answer,
}

impl Answers {
    /// Asks the proxy at `like` for `path`.
    ///
    /// # Errors
    ///
    /// When it gives no response.
    pub async fn fetch(like: SocketAddr, path: &str) -> io::Result<Self> {
        let plain = fetch(like, path, None).await?;
        let tag = plain.0.headers.get(ETAG).cloned();
        let not_modified = fetch(like, path, tag.map(|tag| (IF_NONE_MATCH, tag))).await?;
        let gzip = Some((ACCEPT_ENCODING, HeaderValue::from_static("gzip")));
        Ok(Self { plain, not_modified, gzip: fetch(like, path, gzip).await? })
    }
}

async fn fetch(
    from: SocketAddr,
    path: &str,
    field: Option<(HeaderName, HeaderValue)>,
) -> io::Result<Answer> {
    let stream = TcpStream::connect(from).await?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::task::spawn_local(connection);
    let mut request = Request::get(path).header(HOST, from.to_string());
    if let Some((name, value)) = field {
        request = request.header(name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    // Of the connection that it came on.
    head.headers.remove(CONNECTION);
    head.headers.remove(TRANSFER_ENCODING);
    Ok((head, body))
}

//! A bare hyper server, the ceiling: `bare ADDRESS LIKE PATH...`
//!
//! It fetches each path from the proxy at LIKE: as it is, with `If-None-Match`, and with `Accept-Encoding: gzip`. From then on
//! it answers with what it got, the same fields and the same bytes, and decides nothing.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;
use forebay_bench_tools::{run, serve};
use http_body_util::{BodyExt, Empty, Full};
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, ETAG, HOST, HeaderName, HeaderValue, IF_NONE_MATCH,
    TRANSFER_ENCODING,
};
use hyper::http::response::Parts;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

type Answer = (Parts, Bytes);

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut address = || -> io::Result<SocketAddr> {
        let address =
            arguments.next().ok_or_else(|| io::Error::other("bare ADDRESS LIKE PATH..."))?;
        address.parse().map_err(io::Error::other)
    };
    let (listen, like) = (address()?, address()?);
    run(async move {
        let mut answers = HashMap::new();
        for path in arguments {
            let answer = Answers::fetch(like, &path).await?;
            answers.insert(path, answer);
        }
        let answers = Rc::new(answers);
        serve(listen, move |request| {
            let answer = answers.get(request.uri().path()).map(|answers| answers.of(&request));
            async move { answer.unwrap_or_default() }
        })
        .await
    })
}

/// What one path is answered with.
struct Answers {
    plain: Answer,
    not_modified: Answer,
    gzip: Answer,
}

impl Answers {
    async fn fetch(like: SocketAddr, path: &str) -> io::Result<Self> {
        let plain = fetch(like, path, None).await?;
        let tag = plain.0.headers.get(ETAG).cloned();
        let not_modified = fetch(like, path, tag.map(|tag| (IF_NONE_MATCH, tag))).await?;
        let gzip = Some((ACCEPT_ENCODING, HeaderValue::from_static("gzip")));
        Ok(Self { plain, not_modified, gzip: fetch(like, path, gzip).await? })
    }

    fn of<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        let fields = request.headers();
        let (head, body) = if fields.contains_key(IF_NONE_MATCH) {
            &self.not_modified
        } else if fields.get(ACCEPT_ENCODING).is_some_and(|codings| codings == "gzip") {
            &self.gzip
        } else {
            &self.plain
        };
        Response::from_parts(head.clone(), Full::new(body.clone()))
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

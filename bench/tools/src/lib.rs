//! What the programs of the bench have in common.

pub mod answers;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Connections that may wait to be accepted: more than any burst has.
const BACKLOG: u32 = 4096;

/// Runs `future` and all it spawns on this one thread.
///
/// # Errors
///
/// Those of `future`, and of starting the runtime.
pub fn run<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, future)
}

/// What a ceiling is started with: `ADDRESS LIKE PATH...`
///
/// # Errors
///
/// When these are no addresses.
pub fn ceiling_arguments() -> io::Result<(SocketAddr, SocketAddr, Vec<String>)> {
    let mut arguments = std::env::args().skip(1);
    let mut address = || -> io::Result<SocketAddr> {
        let address = arguments.next().ok_or_else(|| io::Error::other("ADDRESS LIKE PATH..."))?;
        address.parse().map_err(io::Error::other)
    };
    let (listen, like) = (address()?, address()?);
    Ok((listen, like, arguments.collect()))
}

/// Serves HTTP/1.1 with hyper's defaults until the process ends.
///
/// # Errors
///
/// When `address` cannot be listened on.
pub async fn serve<H, F>(address: SocketAddr, handler: H) -> io::Result<()>
where
    H: Fn(Request<Incoming>) -> F + Clone + 'static,
    F: Future<Output = Response<Full<Bytes>>> + 'static,
{
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let handler = handler.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| {
                let answer = handler(request);
                async move { Ok::<_, Infallible>(answer.await) }
            });
            // A client that goes away is no news here.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

//! Many clients at the same moment: `burst ADDRESS PATH CLIENTS`.
//!
//! All connections are opened first. Then each sends one request, and what counts is the time from that one moment to the
//! last byte of its response. One line of JSON tells the result.

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use forebay_bench_tools::run;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// From the last connection to the requests: every server has accepted, and is idle again.
const SETTLE: Duration = Duration::from_millis(500);
/// A request without its whole response by then has failed.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, clients] = arguments.as_slice() else {
        return Err(io::Error::other("burst ADDRESS PATH CLIENTS"));
    };
    let address = address.parse().map_err(io::Error::other)?;
    let clients = clients.parse().map_err(io::Error::other)?;
    let line = run(async move { Ok(burst(address, path, clients).await?.to_json()) })?;
    println!("{line}");
    Ok(())
}

async fn burst(address: SocketAddr, path: &str, clients: usize) -> io::Result<Outcome> {
    let mut streams = Vec::with_capacity(clients);
    for _ in 0..clients {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        stream.writable().await?;
        streams.push(stream);
    }
    tokio::time::sleep(SETTLE).await;

    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let start = Instant::now();
    let mut reading = JoinSet::new();
    for stream in streams {
        // So short a request always fits into an empty socket buffer.
        let sent = stream.try_write(request.as_bytes()).is_ok_and(|sent| sent == request.len());
        reading.spawn_local(async move {
            if !sent {
                return None;
            }
            let response = tokio::time::timeout(PATIENCE, response(stream)).await.ok()?.ok()??;
            Some((response, start.elapsed()))
        });
    }
    let sent = start.elapsed();

    let mut outcome = Outcome { clients, sent, ..Outcome::default() };
    while let Some(read) = reading.join_next().await {
        match read.ok().flatten() {
            Some((Response { status: 200, body }, took)) => {
                outcome.bodies.insert(body);
                outcome.latencies.push(took);
            }
            _ => outcome.failed += 1,
        }
    }
    outcome.latencies.sort_unstable();
    Ok(outcome)
}

#[derive(Default)]
struct Outcome {
    clients: usize,
    /// Without a whole response of status 200.
    failed: usize,
    /// The different ones.
    bodies: HashSet<Vec<u8>>,
    /// In ascending order.
    latencies: Vec<Duration>,
    /// How long it took to send all requests.
    sent: Duration,
}

impl Outcome {
    fn to_json(&self) -> String {
        format!(
            r#"{{"clients":{},"failed":{},"bodies":{},"sent_ms":{:.2},"min_ms":{:.2},"p50_ms":{:.2},"p90_ms":{:.2},"p99_ms":{:.2},"max_ms":{:.2}}}"#,
            self.clients,
            self.failed,
            self.bodies.len(),
            millis(self.sent),
            self.latency(0),
            self.latency(50),
            self.latency(90),
            self.latency(99),
            self.latency(100),
        )
    }

    /// The latency in milliseconds that `percent` of the responses did not exceed.
    fn latency(&self, percent: usize) -> f64 {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1);
        self.latencies.get(rank - 1).copied().map_or(0.0, millis)
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

struct Response {
    status: u16,
    body: Vec<u8>,
}

/// Reads until the response is whole; `None` when the connection ends before.
async fn response(mut stream: TcpStream) -> io::Result<Option<Response>> {
    let mut read = Vec::with_capacity(4096);
    loop {
        if stream.read_buf(&mut read).await? == 0 {
            return Ok(None);
        }
        if let Some(response) = parse(&read) {
            return Ok(Some(response));
        }
    }
}

/// The response, when `read` holds all of it. Knows what a server may send to a GET: a length, or chunks.
fn parse(read: &[u8]) -> Option<Response> {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, rest) = (std::str::from_utf8(read.get(..end)?).ok()?, read.get(end + 4..)?);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut length = None;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok();
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            return Some(Response { status, body: unchunk(rest)? });
        }
    }
    let body = rest.get(..length?)?.to_vec();
    Some(Response { status, body })
}

/// What the chunks hold, when the last one is there.
fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let line = std::str::from_utf8(rest.get(..end)?).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = rest.get(end + 2..)?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_counts_once_it_is_whole() {
        let responses: [&[u8]; 2] = [
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
        ];
        for whole in responses {
            let body = parse(whole).map(|response| (response.status, response.body));
            assert_eq!(body, Some((200, b"hello".to_vec())));
            // Of the last chunk nothing is needed after its size.
            for part in (0..whole.len() - 2).map(|end| &whole[..end]) {
                assert!(parse(part).is_none(), "{}", String::from_utf8_lossy(part));
            }
        }
    }
}

//! An epoll loop, the ceiling above all: `epoll ADDRESS LIKE PATH...`
//!
//! It fetches each path from the proxy at LIKE as `bare` does, and writes what it got, head and body in one slice, to whoever
//! asks for it. Of a request it reads the path and whether two names are in it: no server does less.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use forebay_bench_tools::answers::{Answer, Answers};
use forebay_bench_tools::{ceiling_arguments, run};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;
/// Longer than any head that the bench sends.
const HEAD: usize = 4096;

fn main() -> io::Result<()> {
    let (listen, like, paths) = ceiling_arguments()?;
    let site = run(async move {
        let mut site = Site::new();
        for path in paths {
            let Answers { plain, not_modified, gzip } = Answers::fetch(like, &path).await?;
            site.insert(path.into_bytes(), [plain, not_modified, gzip].map(rendered));
        }
        Ok(site)
    })?;
    serve(listen, &site)
}

/// By path: the response, the same with `If-None-Match`, and with `Accept-Encoding`.
type Site = HashMap<Vec<u8>, [Vec<u8>; 3]>;

fn rendered((head, body): Answer) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
    for (name, value) in &head.headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&body);
    bytes
}

fn serve(address: SocketAddr, site: &Site) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(EVENTS);
    let mut listener = TcpListener::bind(address)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut clients: Vec<Option<Client<'_>>> = Vec::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            let Token(index) = event.token();
            if event.token() == LISTENER {
                while let Ok((mut stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    let both = Interest::READABLE | Interest::WRITABLE;
                    poll.registry().register(&mut stream, Token(clients.len()), both)?;
                    clients.push(Some(Client { stream, head: Vec::new(), left: &[] }));
                }
            } else if let Some(place) = clients.get_mut(index)
                && place.as_mut().is_some_and(|client| client.goes_on(site).is_err())
            {
                *place = None;
            }
        }
    }
}

struct Client<'a> {
    stream: TcpStream,
    /// What has come of a request.
    head: Vec<u8>,
    /// What has yet to be written.
    left: &'a [u8],
}

impl<'a> Client<'a> {
    /// Reads and writes what can be. An error when it has gone.
    fn goes_on(&mut self, site: &'a Site) -> io::Result<()> {
        self.write()?;
        if !self.left.is_empty() {
            return Ok(());
        }
        let mut buffer = [0; HEAD];
        let count = match self.stream.read(&mut buffer) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        // There was room for more, so this was all: of what comes next the kernel tells.
        self.head.extend_from_slice(&buffer[..count]);
        if self.head.ends_with(b"\r\n\r\n") {
            self.left = answer(&self.head, site).ok_or(ErrorKind::InvalidInput)?;
            self.head.clear();
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.left.is_empty() {
            match self.stream.write(self.left) {
                Ok(count) => self.left = &self.left[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// What is written to whoever sent this head; `None` to a stranger.
fn answer<'a>(head: &[u8], site: &'a Site) -> Option<&'a [u8]> {
    let path = head.split(|byte| *byte == b' ').nth(1)?;
    let [plain, not_modified, gzip] = site.get(path)?;
    let has = |name: &[u8]| head.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name));
    Some(if has(b"\r\nif-none-match:") {
        not_modified
    } else if has(b"\r\naccept-encoding: gzip\r\n") {
        gzip
    } else {
        plain
    })
}

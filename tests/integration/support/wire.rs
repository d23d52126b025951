//! HTTP/1.1 as bytes on a connection, read leniently: what came is recorded, not judged.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::PATIENCE;

/// A start line and its fields, each byte a char (ISO 8859-1), so that nothing is lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    pub(crate) start: String,
    pub(crate) fields: Vec<(String, String)>,
    /// As it came, with the empty line.
    pub(crate) raw: String,
}

impl Head {
    fn parse(raw: &[u8]) -> Self {
        let raw: String = raw.iter().map(|byte| char::from(*byte)).collect();
        let mut lines =
            raw.trim_start_matches("\r\n").split("\r\n").filter(|line| !line.is_empty());
        let start = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .map(|line| line.split_once(':').unwrap_or((line, "")))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Self { start, fields, raw }
    }

    /// The first field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Every line of that name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The word of the start line at that place, counted from 0.
    pub(crate) fn word(&self, place: usize) -> &str {
        self.start.splitn(3, ' ').nth(place).unwrap_or_default()
    }

    pub(crate) fn request_framing(&self) -> Framing {
        self.declared_framing().unwrap_or(Framing::None)
    }

    pub(crate) fn response_framing(&self, to_head: bool) -> Framing {
        let status = self.word(1);
        if to_head || status.starts_with('1') || status == "204" || status == "304" {
            return Framing::None;
        }
        self.declared_framing().unwrap_or(Framing::UntilClose)
    }

    fn declared_framing(&self) -> Option<Framing> {
        if self.field("transfer-encoding").is_some() {
            return Some(Framing::Chunked);
        }
        self.field("content-length").map(|length| Framing::Length(length.parse().unwrap_or(0)))
    }
}

/// How a message's content is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// Why no more bytes came, or that none were missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Whole,
    /// The connection was closed (FIN).
    Closed,
    /// The connection was reset (RST).
    Reset,
    /// Nothing came for a long time.
    Silent,
    /// Bytes came that are not chunked coding.
    Malformed,
}

/// What stood between a head and the next.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
    pub(crate) end: End,
}

/// One end of a connection, with what was read and not yet used.
pub(crate) struct Wire {
    stream: Arc<TcpStream>,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: Arc<TcpStream>) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// False when the peer does not take it any more.
    pub(crate) fn send(&self, bytes: &[u8]) -> bool {
        (&*self.stream).write_all(bytes).is_ok()
    }

    /// Bytes read beyond what was asked for.
    pub(crate) fn unread(&self) -> &[u8] {
        &self.buffer
    }

    pub(crate) fn head(&mut self) -> Result<Head, End> {
        let mut looked_at = 0;
        loop {
            // Empty lines before a head are no head.
            let from = self.buffer.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let start = looked_at.max(from);
            if let Some(at) = find(&self.buffer[start..], b"\r\n\r\n") {
                let raw: Vec<u8> = self.buffer.drain(..start + at + 4).collect();
                return Ok(Head::parse(&raw));
            }
            looked_at = self.buffer.len().saturating_sub(3);
            self.more()?;
        }
    }

    pub(crate) fn content(&mut self, framing: Framing) -> Content {
        let mut content = Content { bytes: Vec::new(), trailers: Vec::new(), end: End::Whole };
        match framing {
            Framing::None => {}
            Framing::Length(length) => {
                while (content.bytes.len() as u64) < length && content.end == End::Whole {
                    match self.some(usize::try_from(length).unwrap() - content.bytes.len()) {
                        Ok(bytes) => content.bytes.extend_from_slice(&bytes),
                        Err(end) => content.end = end,
                    }
                }
            }
            Framing::UntilClose => loop {
                match self.some(usize::MAX) {
                    Ok(bytes) => content.bytes.extend_from_slice(&bytes),
                    Err(End::Closed) => break,
                    Err(end) => {
                        content.end = end;
                        break;
                    }
                }
            },
            Framing::Chunked => loop {
                match self.chunk(&mut content.bytes) {
                    Ok(0) => {
                        self.trailers(&mut content);
                        break;
                    }
                    Ok(_) => {}
                    Err(end) => {
                        content.end = end;
                        break;
                    }
                }
            },
        }
        content
    }

    /// Appends one chunk's data; its size, 0 for the last chunk. What arrived of a broken chunk is appended too.
    pub(crate) fn chunk(&mut self, into: &mut Vec<u8>) -> Result<usize, End> {
        let line = self.line()?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| End::Malformed)?;
        if size == 0 {
            return Ok(0);
        }
        let mut missing = size;
        while missing > 0 {
            let bytes = self.some(missing)?;
            missing -= bytes.len();
            into.extend_from_slice(&bytes);
        }
        if self.line()?.is_empty() { Ok(size) } else { Err(End::Malformed) }
    }

    /// At least one byte, at most `most`.
    pub(crate) fn some(&mut self, most: usize) -> Result<Vec<u8>, End> {
        if self.buffer.is_empty() {
            self.more()?;
        }
        let count = most.min(self.buffer.len());
        Ok(self.buffer.drain(..count).collect())
    }

    /// Waits until the peer ends the connection, whatever it still sends; `Silent` when it does not.
    pub(crate) fn end(&mut self) -> End {
        loop {
            self.buffer.clear();
            if let Err(end) = self.more() {
                return end;
            }
        }
    }

    pub(crate) fn set_patience(&self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).unwrap();
    }

    pub(crate) fn finish_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    pub(crate) fn close(&self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Makes the close of this connection a reset, and drops this end of it.
    pub(crate) fn arm_reset(&self) {
        let _ = socket2::SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO));
    }

    fn trailers(&mut self, content: &mut Content) {
        loop {
            match self.line() {
                Ok(line) if line.is_empty() => return,
                Ok(line) => {
                    let (name, value) = line.split_once(':').unwrap_or((&line, ""));
                    content.trailers.push((name.to_owned(), value.trim().to_owned()));
                }
                Err(end) => {
                    content.end = end;
                    return;
                }
            }
        }
    }

    fn line(&mut self) -> Result<String, End> {
        loop {
            if let Some(at) = find(&self.buffer, b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
                return Ok(line[..at].iter().map(|byte| char::from(*byte)).collect());
            }
            self.more()?;
        }
    }

    fn more(&mut self) -> Result<(), End> {
        let mut block = [0; 64 * 1024];
        loop {
            match (&*self.stream).read(&mut block) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => {
                    self.buffer.extend_from_slice(&block[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(ending(&error)),
            }
        }
    }
}

fn ending(error: &io::Error) -> End {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => End::Silent,
        _ => End::Reset,
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

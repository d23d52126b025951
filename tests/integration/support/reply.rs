//! A response the origin gives.

/// A status, fields and content; how it is framed on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    fields: Vec<(String, String)>,
    content: Vec<u8>,
    chunked: bool,
}

/// 200 with this content and no word about its lifetime.
pub(crate) fn ok(content: impl Into<Vec<u8>>) -> Reply {
    Reply::new(200).content(content)
}

/// 200 with this content, fresh for a minute.
pub(crate) fn fresh(content: impl Into<Vec<u8>>) -> Reply {
    ok(content).field("cache-control", "max-age=60")
}

impl Reply {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, fields: Vec::new(), content: Vec::new(), chunked: false }
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn field(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn content(mut self, content: impl Into<Vec<u8>>) -> Self {
        self.content = content.into();
        self
    }

    /// Without a Content-Length, in chunks.
    pub(crate) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// As sent in answer to a request of that method.
    pub(crate) fn bytes(&self, method: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Reason\r\n", self.status);
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let bodiless = matches!(self.status, 100..=199 | 204 | 304);
        if self.chunked && !bodiless {
            head.push_str("Transfer-Encoding: chunked\r\n");
        } else if !bodiless {
            head.push_str(&format!("Content-Length: {}\r\n", self.content.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        if !bodiless && method != "HEAD" {
            if self.chunked {
                for chunk in self.content.chunks(16 * 1024) {
                    bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    bytes.extend_from_slice(chunk);
                    bytes.extend_from_slice(b"\r\n");
                }
                bytes.extend_from_slice(b"0\r\n\r\n");
            } else {
                bytes.extend_from_slice(&self.content);
            }
        }
        bytes
    }
}

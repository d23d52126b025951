//! `respond`: what a route answers by itself.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use super::kinds::file;
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;
use crate::policy::{Content, Location, PathPattern, Reply};

/// The longest content, in bytes.
const LONGEST: u64 = 1 << 20;

/// The table `respond` of a route with this `path`; `None` where it is not given, or something is wrong with it.
pub(super) fn respond(table: &Table<'_>, path: Option<&PathPattern>) -> Option<Reply> {
    let status = table.find("status", status);
    let location = table.find("location", |value| location(value, path));
    let body = table.find("body", |value| {
        let text = value.string("a string")?;
        bounded(text.len() as u64)?;
        Ok(Bytes::copy_from_slice(text.as_bytes()))
    });
    let in_file = table.find("file", |value| {
        let path = file(value)?;
        Ok((content_of(&path)?, kind_of(&path)))
    });
    let kind = table.find("content_type", content_type);

    if table.has("body") && table.has("file") {
        table.refuse("file", "expected either this or body, not both");
    }
    let has_content = table.has("body") || table.has("file");
    if table.has("content_type") && !has_content {
        table.warn("content_type", "has no effect without body or file");
    }
    if table.has("location") && has_content {
        table.refuse("location", "expected either this or content, not both");
    }
    if !table.is_given() {
        return None;
    }
    let says_nothing = ["status", "location", "content_type"].iter().all(|key| !table.has(key));
    if says_nothing && !has_content {
        table.refuse("status", "missing: expected it, or location, body or file");
    }
    let status = match (table.has("status"), table.has("location")) {
        (true, _) => status?,
        (false, true) => StatusCode::FOUND,
        (false, false) => StatusCode::OK,
    };
    if table.has("location") && !is_redirect(status) {
        table.refuse("status", "expected 301, 302, 303, 307 or 308 beside location");
    } else if is_redirect(status) && !table.has("location") {
        table.refuse("status", "expected location beside it, as this is a redirect");
    }
    if has_content && matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT) {
        table
            .refuse("status", format!("a response with status {} has no content", status.as_str()));
    }
    let (bytes, default_kind) = match (body, in_file) {
        (Some(body), _) => (Some(body), "text/plain; charset=utf-8"),
        (None, Some((content, kind))) => (Some(content), kind),
        (None, None) => (None, ""),
    };
    let kind = kind.unwrap_or(HeaderValue::from_static(default_kind));
    let content = bytes.map(|bytes| Content::new(bytes, kind));
    Some(Reply { status, location: location.flatten(), content })
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn status(value: &Value<'_>) -> Result<StatusCode, Wrong> {
    let number = value.integer().and_then(|number| u16::try_from(number).ok());
    let status = number.and_then(|number| StatusCode::from_u16(number).ok());
    match status {
        Some(StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED) => {
            Err(Wrong::because("only a request can make this the answer"))
        }
        Some(status) if (200..=599).contains(&status.as_u16()) => Ok(status),
        _ => Err(Wrong::expected("a status from 200 to 599, like 308")),
    }
}

fn location(value: &Value<'_>, path: Option<&PathPattern>) -> Result<Option<Location>, Wrong> {
    let text = value.string("a URL like \"https://www.example.com/{rest}\"")?;
    let parsed = path.map(|path| Location::parse(&text, path)).transpose();
    parsed.map_err(|bad| Wrong::because(bad.to_string()).at(bad.offset))
}

fn content_type(value: &Value<'_>) -> Result<HeaderValue, Wrong> {
    value.parsed("a media type like \"text/html; charset=utf-8\"", |text| {
        let sound = text.contains('/') && text.trim() == text && text.is_ascii();
        HeaderValue::from_str(text).ok().filter(|_| sound)
    })
}

fn bounded(length: u64) -> Result<(), Wrong> {
    if length > LONGEST { Err(Wrong::because("expected at most 1MiB")) } else { Ok(()) }
}

/// The file is read once, so that no request waits for a disk.
fn content_of(path: &Path) -> Result<Bytes, Wrong> {
    let read = || {
        let mut content = Vec::new();
        let file = std::fs::File::open(path)?;
        // Anything else may never end, or never begin.
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::other("it is no regular file"));
        }
        file.take(LONGEST + 1).read_to_end(&mut content)?;
        Ok(content)
    };
    let content = read().map_err(|why| Wrong::because(format!("cannot be read: {why}")))?;
    bounded(content.len() as u64)?;
    Ok(Bytes::from(content))
}

/// The media type that the end of a file's name stands for.
fn kind_of(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "txt" => "text/plain; charset=utf-8",
        "html" | "htm" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "xml" => "application/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "pdf" => "application/pdf",
        _ => "application/octet-stream",
    }
}

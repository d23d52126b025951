//! Where a message ends (RFC 9112 §6). What two readers could disagree on is refused.

use http::header::{CONTENT_LENGTH, HeaderMap, TRANSFER_ENCODING};
use http::{Method, StatusCode, Version};

use super::fields::{is_token, members};

#[cfg(test)]
mod tests;

/// How the body of a request is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    /// There is none.
    None,
    /// By a length, in octets. Zero where the client said so.
    Length(u64),
    /// By the chunked transfer coding.
    Chunked,
}

/// How the body of a response is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseBody {
    /// There is none, whatever the fields say.
    None,
    /// By a length, in octets.
    Length(u64),
    /// By the chunked transfer coding.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// The framing of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseFraming {
    /// How its body is delimited.
    pub body: ResponseBody,
    /// Another reader might have found its end elsewhere: the connection must not be used again.
    pub ambiguous: bool,
}

/// Why the end of a message cannot be known for certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFraming {
    /// A Content-Length is not a number of octets below 2^64.
    LengthInvalid,
    /// There are several lengths.
    LengthsDiffer,
    /// There are both a Content-Length and a Transfer-Encoding.
    LengthAndTransferEncoding,
    /// A Transfer-Encoding came with a version of HTTP that has none.
    TransferEncodingVersion,
    /// Transfer-Encoding is not one line that says `chunked`.
    TransferEncodingInvalid,
    /// The body went through a transfer coding besides chunked.
    TransferCodingUnknown,
}

impl BadFraming {
    /// The status code for a request that is framed like this; the connection closes with it. For a response it is
    /// always 502.
    pub fn status(self) -> StatusCode {
        match self {
            // "A server that receives a request message with a transfer coding it does not understand SHOULD respond
            // with 501 (Not Implemented)." (§6.1)
            Self::TransferCodingUnknown => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// One word for logs and error documents.
    pub fn reason(self) -> &'static str {
        match self {
            Self::LengthInvalid => "content-length-invalid",
            Self::LengthsDiffer => "content-lengths-differ",
            Self::LengthAndTransferEncoding => "content-length-and-transfer-encoding",
            Self::TransferEncodingVersion => "transfer-encoding-version",
            Self::TransferEncodingInvalid => "transfer-encoding-invalid",
            Self::TransferCodingUnknown => "transfer-coding-unknown",
        }
    }
}

/// How the body of a request is delimited.
///
/// "Request message framing is independent of method semantics": a GET may have a body as well as a POST.
pub fn request_framing(version: Version, fields: &HeaderMap) -> Result<RequestBody, BadFraming> {
    if fields.contains_key(TRANSFER_ENCODING) {
        chunked(version, fields)?;
        // "A server MAY reject a request that contains both Content-Length and Transfer-Encoding" (§6.1)
        if fields.contains_key(CONTENT_LENGTH) {
            return Err(BadFraming::LengthAndTransferEncoding);
        }
        return Ok(RequestBody::Chunked);
    }
    // "If this is a request message and none of the above are true, then the message body length is zero (no message
    // body is present)." (§6.3)
    Ok(content_length(fields)?.map_or(RequestBody::None, RequestBody::Length))
}

/// How the body of a response to a request with the method is delimited. CONNECT, which we never send, is left out.
pub fn response_framing(
    version: Version,
    status: StatusCode,
    request_method: &Method,
    fields: &HeaderMap,
) -> Result<ResponseFraming, BadFraming> {
    let coded = fields.contains_key(TRANSFER_ENCODING);

    // "Any response to a HEAD request and any response with a 1xx (Informational), 204 (No Content), or 304 (Not
    // Modified) status code is always terminated by the first empty line after the header fields, regardless of the
    // header fields present in the message" (§6.3)
    let announces = request_method == Method::HEAD || status == StatusCode::NOT_MODIFIED;
    let empty = status.is_informational() || status == StatusCode::NO_CONTENT;
    if announces || empty {
        // Here the fields speak of what a GET would have brought. But "A server MUST NOT send a Transfer-Encoding
        // header field in any response with a status code of 1xx (Informational) or 204 (No Content)" (§6.1), nor a
        // Content-Length (RFC 9110 §8.6): one that does may send a body as well.
        let ambiguous = empty && (coded || fields.contains_key(CONTENT_LENGTH));
        return Ok(ResponseFraming { body: ResponseBody::None, ambiguous });
    }

    if is_in_no_coding(version, fields) {
        return Ok(ResponseFraming { body: ResponseBody::UntilClose, ambiguous: false });
    }
    if coded {
        // A response in a coding that there is: we asked for none but chunked (no TE), could not undo it, and would
        // pass it on as if it were content.
        chunked(version, fields)?;
        // "If a message is received with both a Transfer-Encoding and a Content-Length header field, the
        // Transfer-Encoding overrides the Content-Length. Such a message might indicate an attempt to perform ...
        // response splitting" (§6.3)
        let ambiguous = fields.contains_key(CONTENT_LENGTH);
        return Ok(ResponseFraming { body: ResponseBody::Chunked, ambiguous });
    }

    let body = content_length(fields)?.map_or(ResponseBody::UntilClose, ResponseBody::Length);
    // "a server MUST NOT generate content in a 205 response" (RFC 9110 §15.3.6): some readers do not look for any.
    let ambiguous = status == StatusCode::RESET_CONTENT && body != ResponseBody::Length(0);
    Ok(ResponseFraming { body, ambiguous })
}

/// Whether the message names one transfer coding that there is not, so that nobody can have applied it.
///
/// "If a Transfer-Encoding header field is present in a response and the chunked transfer coding is not the final
/// encoding, the message body length is determined by reading the connection until it is closed by the server." (§6.3)
fn is_in_no_coding(version: Version, fields: &HeaderMap) -> bool {
    /// IANA's transfer codings, and the content codings that somebody could have taken for one.
    const KNOWN: [&str; 9] = [
        "br",
        "compress",
        "deflate",
        "gzip",
        "identity",
        "trailers",
        "x-compress",
        "x-gzip",
        "zstd",
    ];
    let mut lines = fields.get_all(TRANSFER_ENCODING).into_iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let is_another = |name: &str| {
        let name = name.to_ascii_lowercase();
        is_token(&name) && !name.contains("chunked") && !KNOWN.contains(&name.as_str())
    };
    // Beside a length, it is one of two ways to read the message.
    version == Version::HTTP_11
        && !fields.contains_key(CONTENT_LENGTH)
        && line.to_str().is_ok_and(is_another)
}

/// Checks that Transfer-Encoding is one line, and that line exactly `chunked`.
///
/// hyper looks at the last member alone, so `,chunked`, `identity, chunked` and two lines would all pass for chunked
/// there, and for something else elsewhere.
fn chunked(version: Version, fields: &HeaderMap) -> Result<(), BadFraming> {
    // "A server or client that receives an HTTP/1.0 message containing a Transfer-Encoding header field MUST treat
    // the message as if the framing is faulty, even if a Content-Length is present" (§6.1)
    if version != Version::HTTP_11 {
        return Err(BadFraming::TransferEncodingVersion);
    }
    let mut lines = fields.get_all(TRANSFER_ENCODING).into_iter();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return Err(BadFraming::TransferEncodingInvalid);
    };
    let value = line.to_str().map_err(|_| BadFraming::TransferEncodingInvalid)?;
    // "All transfer-coding names are case-insensitive" (§7)
    if value.eq_ignore_ascii_case("chunked") {
        return Ok(());
    }
    // "If a Transfer-Encoding header field is present in a request and the chunked transfer coding is not the final
    // encoding, the message body length cannot be determined reliably; the server MUST respond with the 400 (Bad
    // Request) status code and then close the connection." (§6.3)
    Err(if is_other_coding_then_chunked(value) {
        BadFraming::TransferCodingUnknown
    } else {
        BadFraming::TransferEncodingInvalid
    })
}

/// Whether the value is sound, and says that the body went through another coding before it was chunked.
fn is_other_coding_then_chunked(value: &str) -> bool {
    let mut codings: Vec<&str> = members(value).collect();
    let last = codings.pop();
    last.is_some_and(|last| last.eq_ignore_ascii_case("chunked"))
        && !codings.is_empty()
        // "A sender MUST NOT apply the chunked transfer coding more than once to a message body" (§6.1)
        && codings.iter().all(|coding| is_token(coding) && !coding.eq_ignore_ascii_case("chunked"))
}

/// The one length that all Content-Length lines agree on.
fn content_length(fields: &HeaderMap) -> Result<Option<u64>, BadFraming> {
    // "If a message is received without Transfer-Encoding and with an invalid Content-Length header field, then the
    // message framing is invalid and the recipient MUST treat it as an unrecoverable error, unless the field value can
    // be successfully parsed as a comma-separated list, all values in the list are valid, and all values in the list
    // are the same (in which case, the message is processed with that single value used as the Content-Length field
    // value)." (§6.3)
    let mut agreed = None;
    for line in fields.get_all(CONTENT_LENGTH) {
        for value in line.to_str().map_err(|_| BadFraming::LengthInvalid)?.split(',') {
            let length =
                octets(value.trim_matches([' ', '\t'])).ok_or(BadFraming::LengthInvalid)?;
            if agreed.is_some_and(|agreed| agreed != length) {
                return Err(BadFraming::LengthsDiffer);
            }
            agreed = Some(length);
        }
    }
    Ok(agreed)
}

/// Content-Length = 1*DIGIT. `u64::from_str` would take `+5` as well.
fn octets(value: &str) -> Option<u64> {
    value.bytes().all(|octet| octet.is_ascii_digit()).then(|| value.parse().ok())?
}

//! What the client library answers, in our words.

use fred::error::{Error, ErrorKind};
use fred::types::Value;

use super::{Reply, Trouble};

/// An answer as a reply.
pub(super) fn reply(value: Value) -> Result<Reply, Trouble> {
    Ok(match value {
        Value::Null => Reply::Nil,
        Value::Boolean(is_so) => Reply::Integer(is_so.into()),
        Value::Integer(number) => Reply::Integer(number),
        Value::Double(number) => Reply::Bytes(number.to_string().into()),
        Value::String(text) => Reply::Bytes(text.into_inner()),
        Value::Bytes(bytes) => Reply::Bytes(bytes),
        Value::Array(values) => {
            Reply::List(values.into_iter().map(reply).collect::<Result<_, _>>()?)
        }
        Value::Map(_) | Value::Queued => return Err(Trouble::Malformed),
    })
}

/// Whether another node of a cluster has the key. If it is there to stay, the library knows by now.
pub(super) fn is_redirection(error: &Error) -> bool {
    *error.kind() == ErrorKind::Routing && error.details().starts_with("Too many redirections")
}

/// What an error comes to. Errors of Redis begin with a word; a script's say more before it only in old versions.
pub(super) fn trouble(error: &Error) -> Trouble {
    match error.details().split_whitespace().next().unwrap_or_default() {
        "OOM" => return Trouble::Full,
        "READONLY" | "MISCONF" | "NOREPLICAS" => return Trouble::ReadOnly,
        "WRONGTYPE" => return Trouble::WrongType,
        "NOAUTH" | "WRONGPASS" | "NOPERM" => return Trouble::Denied,
        // It answers, and says that it cannot answer anything.
        "LOADING" | "BUSY" | "MASTERDOWN" | "CLUSTERDOWN" => return Trouble::Unreachable,
        _ => {}
    }
    match error.kind() {
        // Of a key that is under way from one node to another.
        _ if is_redirection(error) => Trouble::Refused,
        ErrorKind::Auth => Trouble::Denied,
        ErrorKind::Timeout => Trouble::Timeout,
        ErrorKind::IO
        | ErrorKind::Tls
        | ErrorKind::Canceled
        | ErrorKind::Routing
        | ErrorKind::Cluster
        | ErrorKind::Sentinel
        | ErrorKind::Backpressure => Trouble::Unreachable,
        ErrorKind::Protocol | ErrorKind::Parse => Trouble::Malformed,
        _ => Trouble::Refused,
    }
}

//! What is heard of a request before the response that answers it.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::expect::Gate;
use super::head::{self, BadHead, ResponseHead};
use crate::body::Interim;

/// Who hears of interim responses.
#[derive(Default)]
pub(super) struct Hearing {
    /// Opened by a 100.
    pub(super) gate: Option<Gate>,
    /// Where the others go.
    pub(super) interim: Option<Interim>,
}

impl Hearing {
    /// Takes heads out of what was `received`, up to the one that answers. `None` while it has not come.
    pub(super) fn final_head(&self, received: &mut Bytes) -> Result<Option<ResponseHead>, BadHead> {
        while let Some(head) = head::parse(received)? {
            // A 101 is the last that is said in HTTP.
            if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                return Ok(Some(head));
            }
            self.hear(head.status, &head.fields);
        }
        Ok(None)
    }

    fn hear(&self, status: StatusCode, fields: &HeaderMap) {
        if status == StatusCode::CONTINUE
            && let Some(gate) = &self.gate
        {
            gate.open();
        }
        if let Some(interim) = &self.interim {
            interim.send(status, fields);
        }
    }
}

//! What was served becomes the response that is sent.

mod arriving;
mod declared;
mod downstream;
mod fields;
mod partial;
mod representation;
mod stored;
pub mod synthetic;

pub use declared::declared;

use http::Response;

use crate::body::Body;
use crate::cache::{Content, Inquiry, Served};
use crate::caching::cache_control::FOREBAY_CACHE_CONTROL;
use crate::caching::cache_status::Handling;
use crate::clock::Timestamp;

/// The response to an inquiry.
pub fn respond(served: Served, inquiry: &Inquiry, now: Timestamp) -> Response<Body> {
    // What is a request's own is still what is kept.
    let kept = matches!(
        served.content,
        Content::Stored(_) | Content::Arriving { .. } | Content::Own { .. }
    );
    let is_ours = matches!(served.content, Content::Failed(_));
    let is_hit = served.status.handling == Handling::Hit;
    let mut response = of_content(served.content, is_hit, inquiry, now);
    if !is_ours {
        let status = response.status();
        downstream::tell(response.headers_mut(), status, inquiry, kept);
    }
    if let Some(permit) = &inquiry.permit {
        permit.tell(response.headers_mut(), now);
    }
    // It speaks to this cache alone. CDN-Cache-Control goes on: RFC 9213 §3.1: "CDN caches that use CDN-Cache-Control
    // will typically forward this header field so that downstream CDN caches can use it as well."
    response.headers_mut().remove(&FOREBAY_CACHE_CONTROL);
    fields::say(response.headers_mut(), &served.status);
    // The operator has the last word, when nothing here will look at these fields again.
    inquiry.route.response_fields.apply(response.headers_mut());
    response
}

fn of_content(content: Content, is_hit: bool, inquiry: &Inquiry, now: Timestamp) -> Response<Body> {
    match content {
        Content::Stored(stored) => stored::respond(&stored, is_hit, inquiry, now),
        Content::Arriving { arriving, reader } => {
            arriving::respond(&arriving, reader, inquiry, now)
        }
        Content::Own { shared, fields } => {
            let mut response = of_content(*shared, is_hit, inquiry, now);
            response.headers_mut().extend(fields);
            response
        }
        Content::Fetched(response) => representation::conditioned(response, inquiry),
        Content::Forwarded(response) => response,
        Content::Failed(failure) => synthetic::failure(failure, inquiry),
    }
}

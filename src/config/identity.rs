//! Who asks, and which of what they send counts: keys of `[server]`, `[cache]` and routes.

use std::sync::Arc;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::kinds::{list_of, one_of};
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;
use crate::caching::cache_control::response_directives;
use crate::caching::rules::Overrides;
use crate::identity::Source;
use crate::identity::cookies::is_cookie_name;
use crate::policy::{BadGlob, NameGlob, Route};

/// `"header:NAME"` and so on; the empty string is none.
pub(super) fn source(value: &Value<'_>) -> Result<Option<Source>, Wrong> {
    let text = value.string("a string like \"jwt:sub\"")?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|bad: crate::identity::source::BadSource| Wrong::because(bad.to_string()))
}

/// The field in which proxies name the client's address.
pub(super) fn client_ip_header(value: &Value<'_>) -> Result<Option<HeaderName>, Wrong> {
    const WHAT: &str = "a field name like \"x-forwarded-for\" or \"x-real-ip\"";
    let text = value.string(WHAT)?;
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| Wrong::expected(WHAT))?;
    // It names more than addresses, and in a grammar of its own.
    if name == "forwarded" || name.as_str().contains('_') {
        return Err(Wrong::expected(WHAT));
    }
    Ok(Some(name))
}

/// The name of a cookie.
pub(super) fn cookie(value: &Value<'_>) -> Result<Box<str>, Wrong> {
    const WHAT: &str = "a cookie's name like \"locale\"";
    let text = value.string(WHAT)?;
    if is_cookie_name(&text) { Ok(text.into()) } else { Err(Wrong::expected(WHAT)) }
}

/// The name of a cookie, or its beginning and a `*`.
pub(super) fn cookie_glob(value: &Value<'_>) -> Result<NameGlob, Wrong> {
    let text = value.string("a cookie's name like \"_ga\" or \"_ga*\"")?;
    text.parse().map_err(|bad: BadGlob| Wrong::because(bad.to_string()).at(bad.offset))
}

/// What Cache-Control says instead.
pub(super) fn cache_control(value: &Value<'_>) -> Result<HeaderValue, Wrong> {
    const WHAT: &str = "a Cache-Control like \"private, no-cache\"";
    let text = value.string(WHAT)?;
    let is_blank = text.trim().is_empty();
    HeaderValue::try_from(&*text).ok().filter(|_| !is_blank).ok_or_else(|| Wrong::expected(WHAT))
}

/// The route's `override`, given whether its answers are `shared`.
pub(super) fn overrides(table: &Table<'_>, shared: bool) -> Overrides {
    const OVERRULED: [(&str, &str); 4] = [
        ("no-cache", "no-cache"),
        ("must-revalidate", "must-revalidate"),
        ("private", "private"),
        ("no-store", "no-store"),
    ];
    let named = table.find("override", list_of("directives", one_of(&OVERRULED)));
    let mut overrides = Overrides::default();
    for directive in named.into_iter().flatten() {
        match directive {
            "no-cache" => overrides.no_cache = true,
            "must-revalidate" => overrides.must_revalidate = true,
            _ if !shared => {
                table.refuse("override", format!("{directive:?} needs shared = true beside it"));
            }
            "private" => overrides.private = true,
            _ => overrides.no_store = true,
        }
    }
    overrides
}

/// What is said of a `jwt:` that nobody could verify.
pub(super) const NEEDS_JWT: &str = "\"jwt:\" needs [jwt], which says what tokens are verified with";

/// What is said of a `trusted_header:` that nobody is trusted to send.
pub(super) const NEEDS_PROXIES: &str =
    "\"trusted_header:\" is believed from server.trusted_proxies, and there are none";

/// Where a route's identity is found: where it says itself; where all routes do, unless its answers are shared.
pub(super) fn identity(
    table: &Table<'_>,
    default: &Option<Source>,
    shared: bool,
) -> Option<Source> {
    match table.find("identity", source) {
        Some(own) => {
            if own.is_some() && shared {
                let message = "contradicts identity: either everybody has the same answers, or each has their own";
                table.refuse("shared", message);
            }
            own
        }
        None => default.clone().filter(|_| !shared),
    }
}

/// Reports a `client_cache_control` that would have one identity's answers given to others.
pub(super) fn refuse_sharing(table: &Table<'_>, route: &Route) {
    let Some(instead) = route.client_cache_control.as_ref().filter(|_| route.identity.is_some())
    else {
        return;
    };
    let said = response_directives(&HeaderMap::from_iter([(CACHE_CONTROL, instead.clone())]));
    if said.public || said.s_maxage.is_some() {
        let message = "lets caches share what this route keeps apart by identity; say \"private\"";
        table.refuse("client_cache_control", message);
    }
}

/// Reports `{identity}` where there is none.
pub(super) fn refuse_unnamed(table: &Table<'_>, route: &Route) {
    let in_tags = route.tags.iter().any(|tag| tag.names_identity());
    let in_invalidates = route.invalidates.iter().any(|template| template.names_identity());
    for (key, names) in [("tags", in_tags), ("invalidates", in_invalidates)] {
        if names && route.identity.is_none() {
            table.refuse(key, "\"{identity}\" needs identity in this route, or in [cache]");
        }
    }
}

/// Tells every route by which fields clients are told apart anywhere: those that name an identity, and what `others` names. Where
/// one route takes a field for a credential, no other gives the answer to it to everybody. And which fields proxies alone may
/// send: those of `claims`, too.
pub(super) fn share_client_fields<'s>(
    routes: &mut [&mut Route],
    others: impl Iterator<Item = &'s Source>,
    claims: impl Iterator<Item = &'s Source>,
) {
    let identities = routes.iter().filter_map(|route| route.identity.clone());
    let sources: Vec<Source> = identities.chain(others.cloned()).collect();
    let claims: Vec<Source> = sources.iter().cloned().chain(claims.cloned()).collect();
    let fields = |sources: &[Source], is_wanted: fn(&Source) -> bool| -> Arc<[HeaderName]> {
        let mut names: Vec<_> =
            sources.iter().filter(|source| is_wanted(source)).map(|s| s.field().clone()).collect();
        names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        names.dedup();
        names.into()
    };
    let client_fields = fields(&sources, |source| {
        let name = source.field();
        name != http::header::AUTHORIZATION && name != http::header::COOKIE
    });
    let proxy_claims = fields(&claims, |source| matches!(source, Source::TrustedHeader(_)));
    for route in routes {
        route.client_fields = Arc::clone(&client_fields);
        route.proxy_claims = Arc::clone(&proxy_claims);
    }
}

//! `[rate_limit]`: how much each client may ask for.

use std::fs;

use toml::de::DeValue;

use super::Secret;
use super::identity::{NEEDS_JWT, NEEDS_PROXIES};
use super::kinds::{boolean, count, file, one_of};
use super::nearest::nearest;
use super::problem::Problem;
use super::rate::windows;
use super::reader::Reader;
use super::source::Source as File;
use super::syntax;
use super::table::Table;
use super::value::{Raw, Value};
use super::wrong::Wrong;
use crate::identity::Source;
use crate::limit::{self, OnRedisFailure, TierSettings};

/// `[rate_limit]`, where it limits anybody.
#[derive(Clone, Debug, PartialEq)]
pub struct RateLimitSettings {
    /// The rules.
    pub limits: limit::Settings,
    /// The keys that clients hold, each with its tier's position. From `clients` or the file `clients_file`.
    pub clients: Vec<(Secret, usize)>,
}

impl RateLimitSettings {
    /// Reads the table, if it is `given`; `None` where it limits nobody.
    fn read(table: &Table<'_>, given: bool, has_redis: bool) -> Option<Self> {
        let enabled = table.get("enabled", "true", boolean);
        let sources = table.get("client", r#"["ip"]"#, sources);
        let deny_unknown =
            table.get("unknown_key", "anonymous", one_of(&[("anonymous", false), ("deny", true)]));
        let ipv6_prefix = table.get("ipv6_prefix", "64", count(1, 128));
        let default_tier = table.get("default_tier", "anonymous", name);
        let on_redis_failure = table.get("on_redis_failure", "local", one_of(&ON_REDIS_FAILURE));
        if table.has("on_redis_failure") && !has_redis {
            let message =
                "has no effect, as there is no [redis] that limits would be shared through";
            table.warn("on_redis_failure", message);
        }
        let tier = table.find("tier", tier_source);
        let tiers = table.find("tiers", tiers);
        let known = Known(tiers.as_deref());
        let listed = table.find("clients", |value| clients(value, known));
        let in_file = table.find("clients_file", |value| clients_file(value, known));
        if table.has("clients") && table.has("clients_file") {
            table.refuse("clients_file", "expected either this or clients, not both");
        }
        let clients = listed.or(in_file).unwrap_or_default();
        if !clients.is_empty() && !sources.iter().any(Source::is_secret) {
            let key = if table.has("clients") { "clients" } else { "clients_file" };
            table.warn(key, "has no effect, as no header: or cookie: in client names such keys");
        }
        if given && enabled && !table.has("tiers") {
            table.warn("tiers", "nobody is limited, as there are no tiers");
        }
        let position = known.position(&default_tier);
        if position.is_none() {
            table.refuse("default_tier", known.without(&default_tier));
        }
        let limits = limit::Settings {
            sources,
            deny_unknown,
            ipv6_prefix: u8::try_from(ipv6_prefix).unwrap_or(128),
            default_tier: position?,
            tiers: tiers?,
            tier,
            on_redis_failure: has_redis.then_some(on_redis_failure),
        };
        enabled.then_some(Self { limits, clients })
    }
}

const ON_REDIS_FAILURE: [(&str, OnRedisFailure); 4] = [
    ("local", OnRedisFailure::Local),
    ("share", OnRedisFailure::Share),
    ("allow", OnRedisFailure::Allow),
    ("deny", OnRedisFailure::Deny),
];

/// The table, if it is `given`. `has_jwt`: whether there is a `[jwt]`; `has_proxies`: whether any are trusted; `has_redis`:
/// whether limits are shared.
pub(super) fn rate_limit(
    table: &Table<'_>,
    given: bool,
    has_jwt: bool,
    has_proxies: bool,
    has_redis: bool,
) -> Option<RateLimitSettings> {
    let settings = RateLimitSettings::read(table, given, has_redis)?;
    let limit::Settings { sources, tier, .. } = &settings.limits;
    let sources = sources.iter().map(|source| ("client", source));
    for (key, source) in sources.chain(tier.iter().map(|source| ("tier", source))) {
        match source {
            Source::Claim(_) if !has_jwt => table.refuse(key, NEEDS_JWT),
            Source::TrustedHeader(_) if !has_proxies => table.warn(key, NEEDS_PROXIES),
            _ => {}
        }
    }
    Some(settings)
}

/// The tiers there are; `None` where that is not known.
#[derive(Clone, Copy)]
struct Known<'t>(Option<&'t [TierSettings]>);

impl<'t> Known<'t> {
    /// A tier's position; any, where nothing is known.
    fn position(self, name: &str) -> Option<usize> {
        self.0.map_or(Some(0), |tiers| tiers.iter().position(|tier| tier.name == name))
    }

    fn names(self) -> impl Iterator<Item = &'t str> {
        self.0.unwrap_or_default().iter().map(|tier| tier.name.as_str())
    }

    /// What to say where no tier has the name.
    fn without(self, name: &str) -> String {
        match nearest(name, self.names()) {
            Some(meant) => format!("no tier has the name {name:?}; did you mean {meant:?}?"),
            None => format!("no tier has the name {name:?}"),
        }
    }
}

/// `["header:x-api-key", "jwt:sub", "ip"]`: the last is what is left for whom nothing before it names.
fn sources(value: &Value<'_>) -> Result<Vec<Source>, Wrong> {
    let sources = value.items(
        "sources like \"header:x-api-key\", \"jwt:sub\" or \"ip\"",
        |value| match value.string("a source like \"header:x-api-key\", \"jwt:sub\" or \"ip\"")? {
            address if address == "ip" => Ok(None),
            source => parsed(&source).map(Some),
        },
    )?;
    let named = sources.iter().take_while(|source| source.is_some()).count();
    if sources.len() > named + 1 {
        return Err(Wrong::because("every client has an address: nothing after \"ip\" is asked"));
    }
    Ok(sources.into_iter().flatten().collect())
}

/// What a client says of itself gives it no tier.
fn tier_source(value: &Value<'_>) -> Result<Source, Wrong> {
    const WHAT: &str = "\"jwt:CLAIM\" or \"trusted_header:NAME\"";
    let source = parsed(&value.string(WHAT)?)?;
    if source.is_secret() { Err(Wrong::expected(WHAT)) } else { Ok(source) }
}

fn parsed(text: &str) -> Result<Source, Wrong> {
    text.parse().map_err(|bad| Wrong::because(format!("{bad}")))
}

fn tiers(value: &Value<'_>) -> Result<Vec<TierSettings>, Wrong> {
    const WHAT: &str = "a table like { anonymous = [\"30/h\"] }, one tier at least";
    let tiers = value.pairs(WHAT, |name, value| {
        check_name(name)?;
        tier(name, value)
    })?;
    if value.toml().is_some_and(|toml| toml.as_table().is_some_and(|table| table.is_empty())) {
        return Err(Wrong::expected(WHAT));
    }
    Ok(tiers)
}

/// A list of rates, or a table of one for each budget.
fn tier(name: &str, value: &Value<'_>) -> Result<TierSettings, Wrong> {
    let (requests, forwarded) = (Vec::new(), Vec::new());
    let mut tier = TierSettings { name: name.to_owned(), requests, forwarded };
    if !value.toml().is_some_and(|toml| toml.is_table()) {
        tier.requests = value.take(windows).unwrap_or_default();
        return Ok(tier);
    }
    // A tier whose rates are wrong is a tier all the same: whoever names it is right.
    let budgets = value.pairs("a table", |budget, value| match budget {
        "requests" | "forwarded" => {
            Ok((budget == "forwarded", value.take(windows).unwrap_or_default()))
        }
        _ => Err(Wrong::because("unknown key; expected requests or forwarded")),
    })?;
    for (forwarded, windows) in budgets {
        *(if forwarded { &mut tier.forwarded } else { &mut tier.requests }) = windows;
    }
    Ok(tier)
}

/// Keys that clients hold, each with the name of its tier.
fn clients(value: &Value<'_>, known: Known<'_>) -> Result<Vec<(Secret, usize)>, Wrong> {
    value
        .secret_pairs("a table like { \"key-7f3a\" = \"professional\" }", |key, tier| {
            if key.is_empty() {
                return Err(Wrong::because("a key of no characters is no key"));
            }
            let name = tier.string("the name of a tier")?;
            let unknown =
                || Wrong::expected("the name of a tier").meant_one_of(&name, known.names());
            Ok((Secret::new(key), known.position(&name).ok_or_else(unknown)?))
        })
        .map_err(Wrong::without_value)
}

/// The same, in a file of their own.
fn clients_file(value: &Value<'_>, known: Known<'_>) -> Result<Vec<(Secret, usize)>, Wrong> {
    let path = file(value)?;
    let text = fs::read_to_string(&path)
        .map_err(|why| Wrong::because(format!("cannot be read: {why}")))?;
    let source = File::new(&path.to_string_lossy(), &text);
    let document = match syntax::parse(&source) {
        Ok(document) => DeValue::Table(document),
        Err(problems) => {
            let key = || value.key.to_owned();
            let problems = problems.into_iter().map(|problem| Problem { key: key(), ..problem });
            value.reader.adopt(problems);
            return Ok(Vec::new());
        }
    };
    let reader = Reader::new(source, &[], value.reader.environment());
    let origin = reader.origin_at(0);
    let raw = Raw::Toml(&document);
    let listed = clients(&Value { reader: &reader, key: value.key, origin, offset: 0, raw }, known);
    value.reader.adopt(reader.finish().problems);
    listed
}

fn name(value: &Value<'_>) -> Result<String, Wrong> {
    Ok(value.string("the name of a tier")?.into_owned())
}

/// Tiers are labels of the metrics.
fn check_name(name: &str) -> Result<(), Wrong> {
    const LONGEST: usize = 100;
    if name.is_empty() || name.len() > LONGEST || name.contains(char::is_control) {
        return Err(Wrong::because(format!("expected a name of 1 to {LONGEST} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

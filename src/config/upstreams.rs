//! All upstreams together: the default and those that routes name.

use super::UpstreamSettings;
use super::address::OwnAddresses;
use super::nearest::nearest;
use super::problem::Origin;
use super::table::Table;
use super::upstream::{self, DEFAULT};
use super::value::Value;
use super::wrong::Wrong;
use crate::policy::Policy;
use crate::trust::Authorities;
use crate::upstream::Settings;

/// The upstreams as configured, `[upstream]` first.
pub(super) struct Upstreams {
    all: Vec<UpstreamSettings>,
    /// Where each stands.
    origins: Vec<Origin>,
}

impl Upstreams {
    pub(super) fn read(root: &Table<'_>, own: &OwnAddresses) -> Self {
        let mut origins = Vec::new();
        let mut read = |name: &str, table: &Table<'_>| {
            origins.push(table.origin().clone());
            let settings = with_authorities(table, upstream::read(table, own));
            UpstreamSettings { name: name.to_owned(), settings }
        };
        let all = root.table("upstream", |base| {
            let default = read(DEFAULT, base);
            let named = root.named("upstreams", base, |name, table| {
                refuse_name(table, name);
                read(name, table)
            });
            [vec![default], named].concat()
        });
        Self { all, origins }
    }

    /// The position of the upstream that is named.
    pub(super) fn position(&self, value: &Value<'_>) -> Result<usize, Wrong> {
        let text = value.string("an upstream's name")?;
        let named = self.all.iter().position(|upstream| upstream.name == text);
        named.ok_or_else(|| {
            let names = self.all.iter().map(|upstream| &*upstream.name);
            let message = match nearest(&text, names) {
                Some(meant) => {
                    format!("no upstream has the name {text:?}; did you mean {meant:?}?")
                }
                None => format!("no upstream has the name {text:?}"),
            };
            Wrong::because(message)
        })
    }

    /// All of them; says which of them no route of the `policy` names.
    pub(super) fn used_by(self, policy: &Policy, root: &Table<'_>) -> Vec<UpstreamSettings> {
        let is_used = |index| policy.routes().iter().any(|route| route.upstream == index);
        for (index, (upstream, origin)) in self.all.iter().zip(self.origins).enumerate().skip(1) {
            if !is_used(index) {
                let key = format!("upstreams.{}", upstream.name);
                root.doubt(origin, &key, "has no effect, as no route names this upstream");
            }
        }
        self.all
    }
}

/// Routes, metrics and `explain` show the name.
fn refuse_name(table: &Table<'_>, name: &str) {
    const LONGEST: usize = 100;
    let message = if name == DEFAULT {
        format!("{DEFAULT:?} is the name of [upstream]")
    } else if name.is_empty() || name.len() > LONGEST || name.contains(char::is_control) {
        format!("expected a name of 1 to {LONGEST} characters")
    } else {
        return;
    };
    table.report(table.origin().clone(), table.name(), message);
}

/// Whom the machine trusts, where servers speak TLS and nothing else is said.
fn with_authorities(table: &Table<'_>, mut settings: Settings) -> Settings {
    let has_tls = settings.servers.iter().any(|server| server.is_tls());
    if has_tls && settings.authorities.is_none() && !table.has("ca") {
        settings.authorities = Authorities::of_system().ok();
        if settings.authorities.is_none() {
            table.refuse("servers", "this machine trusts no certificates; name some with ca");
        }
    }
    settings
}

//! `forebay purge`: makes a running proxy forget stored responses.

mod client;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use serde::Deserialize;

use self::client::{Client, Target};
use super::say::{complain, say};
use super::{Exit, FileOption, file};
use crate::caching::purge::{BadSelector, Selector};
use crate::config::{AdminAddress, AdminSettings, Environment};

/// The environment's name for the token.
const TOKEN: &str = "FOREBAY_ADMIN__TOKEN";
/// Where an admin listener is, unless it is put elsewhere.
const USUAL: &str = "http://127.0.0.1:8090";

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["url", "prefix", "tag", "route", "all"])))]
pub(super) struct Options {
    /// The admin listener: http://HOST:PORT or unix:PATH; else the configuration's, else http://127.0.0.1:8090
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    admin: Option<Target>,
    #[command(flatten)]
    file: FileOption,
    /// The token it asks for; better in $FOREBAY_ADMIN__TOKEN, which other users of this machine do not see
    #[arg(long)]
    token: Option<String>,
    /// The response of this URL, or of this path on every host
    #[arg(long, value_parser = checked(Selector::url))]
    url: Option<String>,
    /// All whose URL, or path, begins with this
    #[arg(long, value_parser = checked(Selector::prefix))]
    prefix: Option<String>,
    /// All that carry one of these tags
    #[arg(long, num_args = 1.., value_parser = checked(Selector::tag))]
    tag: Vec<String>,
    /// All that this route stored
    #[arg(long, value_parser = checked(Selector::route))]
    route: Option<String>,
    /// All
    #[arg(long)]
    all: bool,
    /// Keep them, but validate each before it is used again
    #[arg(long)]
    soft: bool,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
    /// How long other replicas may take; a machine alone has purged before it answers
    #[arg(long, value_name = "DURATION")]
    wait: Option<String>,
}

/// Accepts what `parse` can read, as it was written.
fn checked(
    parse: fn(&str) -> Result<Selector, BadSelector>,
) -> impl Fn(&str) -> Result<String, BadSelector> + Clone + Send + Sync + 'static {
    move |text| parse(text).map(|_| text.to_owned())
}

/// What is answered.
#[derive(Deserialize)]
struct Done {
    id: String,
    matched: u64,
}

/// What is answered instead.
#[derive(Deserialize)]
struct Problem {
    code: String,
    detail: Option<String>,
}

pub(super) fn run(options: &Options) -> Exit {
    match purge(options, &Environment::of_process()) {
        Ok(Done { id, matched }) => {
            say(format_args!("id={id} matched={matched}"));
            Exit::Done
        }
        Err(error) => {
            complain(error);
            Exit::Failed
        }
    }
}

fn purge(options: &Options, environment: &Environment) -> Result<Done, String> {
    let client = client(options, environment)?;
    let (status, content) = client
        .post("/api/purge", &options.order())
        .map_err(|error| format!("{}: {error}", client.target))?;
    if status == 200 {
        let done = serde_json::from_slice(&content);
        return done.map_err(|error| format!("{}: not a proxy's answer: {error}", client.target));
    }
    let why = match serde_json::from_slice(&content) {
        Ok(Problem { code, detail: Some(detail) }) => format!("{code}: {detail}"),
        Ok(Problem { code, detail: None }) => code,
        Err(_) => "no reason given".to_owned(),
    };
    Err(format!("{}: {status} {why}", client.target))
}

impl Options {
    /// What is asked for, as the admin listener reads it.
    fn order(&self) -> String {
        serde_json::json!({
            "url": self.url.as_slice(),
            "prefix": self.prefix.as_slice(),
            "tag": self.tag,
            "route": self.route.as_slice(),
            "all": self.all,
            "soft": self.soft,
            "dry_run": self.dry_run,
        })
        .to_string()
    }
}

/// Whom to ask, and with which token. The file's token goes to the file's listener only.
fn client(options: &Options, environment: &Environment) -> Result<Client, String> {
    let token = options.token.as_deref().or(environment.get(TOKEN)).map(str::to_owned);
    if let Some(target) = &options.admin {
        return Client::new(target.clone(), token);
    }
    match file::read(options.file.config.as_deref(), environment) {
        Ok(file) => {
            let admin = file.loaded.settings.admin;
            let token =
                token.or_else(|| admin.token.as_ref().map(|token| token.expose().to_owned()));
            Client::new(listener(&admin)?, token)
        }
        Err(file::NoFile::Absent) => Client::new(Target::parse(USUAL)?, token),
        Err(error) => Err(format!("{error}\nor name the listener: --admin {USUAL}")),
    }
}

/// Where the configured listener is reached from this machine.
fn listener(admin: &AdminSettings) -> Result<Target, String> {
    if !admin.enabled {
        return Err("the configuration has no admin listener".to_owned());
    }
    match &admin.listen {
        AdminAddress::Unix(path) => Ok(Target::Unix(PathBuf::from(path))),
        AdminAddress::Tcp(address) if address.port() == 0 => {
            Err("the configuration leaves the admin port open: name it with --admin".to_owned())
        }
        AdminAddress::Tcp(address) => {
            let mut address = *address;
            if address.ip().is_unspecified() {
                address.set_ip(match address.ip() {
                    IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                });
            }
            Ok(Target::Tcp(address.to_string()))
        }
    }
}

#[cfg(test)]
mod tests;

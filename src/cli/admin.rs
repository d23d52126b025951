//! Asking a running proxy: which admin listener, with which token.

mod client;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use self::client::{Client, Target};
use super::{FileOption, file};
use crate::config::{AdminAddress, AdminSettings, Environment};

/// The environment's name for the token.
const TOKEN: &str = "FOREBAY_ADMIN__TOKEN";
/// Where an admin listener is, unless it is put elsewhere.
const USUAL: &str = "http://127.0.0.1:8090";

/// Whom to ask.
#[derive(Debug, Args)]
pub(super) struct AdminOptions {
    /// The admin listener: http://HOST:PORT or unix:PATH; else the configuration's, else http://127.0.0.1:8090
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    admin: Option<Target>,
    #[command(flatten)]
    file: FileOption,
    /// The token it asks for; better in $FOREBAY_ADMIN__TOKEN, which other users of this machine do not see
    #[arg(long)]
    token: Option<String>,
}

/// Why what was asked for was not done.
#[derive(Debug)]
pub(super) enum NotDone {
    /// The proxy says why.
    Refused(Refused),
    /// It could not be asked, or did not answer.
    Unasked(String),
}

/// What is answered instead.
#[derive(Debug, Deserialize)]
pub(super) struct Refused {
    #[serde(skip)]
    target: String,
    #[serde(default)]
    status: u16,
    pub(super) code: String,
    pub(super) detail: Option<String>,
}

impl AdminOptions {
    /// Posts JSON, and gives what is answered.
    pub(super) fn post<T: DeserializeOwned>(
        &self,
        environment: &Environment,
        path: &str,
        json: &str,
    ) -> Result<T, NotDone> {
        self.ask(environment, path, Some(json))
    }

    /// Gives what is answered to a question.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        environment: &Environment,
        path: &str,
    ) -> Result<T, NotDone> {
        self.ask(environment, path, None)
    }

    fn ask<T: DeserializeOwned>(
        &self,
        environment: &Environment,
        path: &str,
        json: Option<&str>,
    ) -> Result<T, NotDone> {
        let client = self.client(environment).map_err(NotDone::Unasked)?;
        let failed =
            |error: &dyn fmt::Display| NotDone::Unasked(format!("{}: {error}", client.target));
        let (status, content) = client.ask(path, json).map_err(|error| failed(&error))?;
        if status == 200 {
            return serde_json::from_slice(&content)
                .map_err(|error| failed(&format_args!("not a proxy's answer: {error}")));
        }
        match serde_json::from_slice(&content) {
            Ok(refused) => {
                let target = client.target.to_string();
                Err(NotDone::Refused(Refused { target, status, ..refused }))
            }
            Err(_) => Err(failed(&format_args!("{status} no reason given"))),
        }
    }

    /// Whom to ask, and with which token. The file's token goes to the file's listener only.
    fn client(&self, environment: &Environment) -> Result<Client, String> {
        let token = self.token.as_deref().or(environment.get(TOKEN)).map(str::to_owned);
        if let Some(target) = &self.admin {
            return Client::new(target.clone(), token);
        }
        match file::read(self.file.config.as_deref(), environment) {
            Ok((_, loaded)) => {
                let admin = loaded.settings.admin;
                let token =
                    token.or_else(|| admin.token.as_ref().map(|token| token.expose().to_owned()));
                Client::new(listener(&admin)?, token)
            }
            Err(file::NoFile::Absent) => Client::new(Target::parse(USUAL)?, token),
            Err(error) => Err(format!("{error}\nor name the listener: --admin {USUAL}")),
        }
    }
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unasked(why) => f.write_str(why),
            Self::Refused(Refused { target, status, code, detail }) => {
                write!(f, "{target}: {status} {code}")?;
                detail.iter().try_for_each(|detail| write!(f, ": {detail}"))
            }
        }
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

//! Which configuration file is meant, and what it says.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::{self, Environment, Loaded};

/// Where a configuration is looked for when none is named.
const USUAL: [&str; 2] = ["config.toml", "/etc/forebay/config.toml"];

/// A configuration and the file it stands in.
#[derive(Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) loaded: Loaded,
}

/// Why there is no configuration.
#[derive(Debug)]
pub(super) enum NoFile {
    /// None is named, and none is at the usual places.
    Absent,
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// It is wrong.
    Wrong(config::Errors),
}

/// Reads the file that is `named`, else the one in `FOREBAY_CONFIG`, else one at a usual place.
pub(super) fn read(named: Option<&Path>, environment: &Environment) -> Result<File, NoFile> {
    let from_environment = || environment.get("FOREBAY_CONFIG").filter(|path| !path.is_empty());
    let path = named
        .or_else(|| from_environment().map(Path::new))
        .or_else(|| USUAL.map(Path::new).into_iter().find(|path| path.exists()))
        .ok_or(NoFile::Absent)?;
    let text =
        fs::read_to_string(path).map_err(|error| NoFile::Unreadable(path.to_owned(), error))?;
    let loaded =
        config::load(&text, &path.to_string_lossy(), environment).map_err(NoFile::Wrong)?;
    Ok(File { path: path.to_owned(), loaded })
}

impl fmt::Display for NoFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => {
                write!(f, "no configuration at {}: name one with --config FILE", USUAL.join(" or "))
            }
            Self::Unreadable(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Wrong(errors) => errors.fmt(f),
        }
    }
}

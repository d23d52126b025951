//! Which configuration file is meant, and what it says.

use std::fmt;
use std::path::Path;

use crate::config::{Environment, File, Loaded, Unusable};

/// Where a configuration is looked for when none is named.
const USUAL: [&str; 2] = ["config.toml", "/etc/forebay/config.toml"];

/// Why there is no configuration.
#[derive(Debug)]
pub(super) enum NoFile {
    /// None is named, and none is at the usual places.
    Absent,
    /// It is not one.
    Unusable(Unusable),
}

/// Reads the file that is `named`, else the one in `FOREBAY_CONFIG`, else one at a usual place.
pub(super) fn read(
    named: Option<&Path>,
    environment: &Environment,
) -> Result<(File, Loaded), NoFile> {
    let from_environment = || environment.get("FOREBAY_CONFIG").filter(|path| !path.is_empty());
    let path = named
        .or_else(|| from_environment().map(Path::new))
        .or_else(|| USUAL.map(Path::new).into_iter().find(|path| path.exists()))
        .ok_or(NoFile::Absent)?;
    let mut file = File::new(path, environment.clone());
    let loaded = file.read().map_err(NoFile::Unusable)?;
    Ok((file, loaded))
}

impl fmt::Display for NoFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => {
                write!(f, "no configuration at {}: name one with --config FILE", USUAL.join(" or "))
            }
            Self::Unusable(unusable) => unusable.fmt(f),
        }
    }
}

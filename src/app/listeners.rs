//! The addresses we listen on.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::StartError;
use crate::config::AdminAddress;
use crate::server::{self, Listener};

/// Listens for clients, and tells on which address.
pub(super) fn public(address: &SocketAddr) -> Result<(Listener, SocketAddr), StartError> {
    let bound = server::bind(*address).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((Listener::Tcp(listener), address))
    });
    bound.map_err(|error| StartError::Bind(address.to_string(), error))
}

/// Listens for the operator, and tells where.
pub(super) fn admin(address: &AdminAddress) -> Result<(Listener, String), StartError> {
    match address {
        AdminAddress::Tcp(address) => {
            let (listener, address) = public(address)?;
            Ok((listener, format!("http://{address}")))
        }
        AdminAddress::Unix(path) => {
            let shown = |path: &PathBuf| format!("unix:{}", path.display());
            let listener =
                server::bind_unix(path).map_err(|error| StartError::Bind(shown(path), error))?;
            Ok((Listener::Unix(listener), shown(path)))
        }
    }
}

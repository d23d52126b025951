//! The far end of an upgraded connection, on its way from the upstream to the server.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection that is read and written.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// What a 101 response carries in its extensions: the upgraded connection to the upstream, to be taken once.
#[derive(Clone)]
pub struct Tunnel(Arc<Mutex<Option<TunnelEnd>>>);

/// The upstream's end of a tunnel.
pub struct TunnelEnd {
    /// The upgraded connection.
    pub upstream: Box<dyn Duplex>,
    /// The tunnel is closed when nothing has moved in either direction for so long.
    pub idle_timeout: Duration,
    /// Whatever must live as long as the tunnel: permits, gauges.
    pub guard: Box<dyn Any + Send>,
}

impl Tunnel {
    /// Wraps `end` for the response's extensions.
    pub fn new(end: TunnelEnd) -> Self {
        Self(Arc::new(Mutex::new(Some(end))))
    }

    /// The upstream's end; `None` if it was taken before.
    pub fn take(&self) -> Option<TunnelEnd> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tunnel")
    }
}

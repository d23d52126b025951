//! The sockets connections come from.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net;

/// Connections the kernel keeps for us until we accept them.
const BACKLOG: i32 = 4096;

/// A socket that connections come from.
#[derive(Debug)]
pub enum Listener {
    /// On a port.
    Tcp(TcpListener),
    /// On a path.
    Unix(UnixListener),
}

/// A listener watched by a runtime.
pub(super) enum Acceptor {
    Tcp(net::TcpListener),
    Unix(net::UnixListener),
}

/// A connection that was accepted and is watched by no runtime yet.
pub(super) enum Accepted {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Acceptor {
    /// Has the runtime this runs on watch `listener`.
    pub(super) fn new(listener: Listener) -> io::Result<Self> {
        Ok(match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Self::Tcp(net::TcpListener::from_std(listener)?)
            }
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                Self::Unix(net::UnixListener::from_std(listener)?)
            }
        })
    }

    /// Waits for a connection.
    pub(super) async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok(Accepted::tcp(stream.into_std()?, address))
            }
            Self::Unix(listener) => Ok(Accepted::Unix(listener.accept().await?.0.into_std()?)),
        }
    }

    /// Has nobody watch the listener any more.
    pub(super) fn into_listener(self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(listener) => Listener::Tcp(listener.into_std()?),
            Self::Unix(listener) => Listener::Unix(listener.into_std()?),
        })
    }
}

impl Listener {
    /// Accepts a connection that is there already.
    pub(super) fn accept_queued(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Accepted::tcp(stream, address))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                Ok(Accepted::Unix(stream))
            }
        }
    }
}

impl Accepted {
    fn tcp(stream: TcpStream, address: SocketAddr) -> Self {
        // Answers are written whole; waiting for more to send with them only delays them. This fails when the peer has
        // gone again, which is found out soon enough.
        let _ = stream.set_nodelay(true);
        Self::Tcp(stream, address)
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Listener {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

/// Listens on `address`; port 0 chooses one.
///
/// # Errors
///
/// The address is not ours, is taken, or needs privileges.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last connections of its predecessor to be forgotten.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Listens on the Unix socket at `path`, for its owner alone (mode 0600). A socket left behind there by a process that
/// is gone is replaced.
///
/// # Errors
///
/// The path cannot be written to, is something else than a socket, or somebody listens on it.
pub fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket()) {
        match UnixStream::connect(path) {
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(_) => fs::remove_file(path)?,
        }
    }
    // Nobody else gets a connection in between: the socket has its final name only once it has its mode.
    let mut unready = path.as_os_str().to_owned();
    unready.push(format!(".{}", std::process::id()));
    let listener = UnixListener::bind(&unready)?;
    let named = fs::set_permissions(&unready, fs::Permissions::from_mode(0o600)).and_then(|()| {
        // A link, unlike a rename, replaces nothing.
        fs::hard_link(&unready, path)
    });
    fs::remove_file(&unready)?;
    named?;
    Ok(listener)
}

//! The way to a server: by the addresses of its name, or by a path.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

use super::addresses::Addresses;
use super::failure::Failure;
use super::server_address::ServerAddress;
use super::stream::Stream;
use super::tls::Tls;
use crate::clock::Clock;

/// How long a Unix socket whose queue is full is left alone.
const QUEUE_FULL: Duration = Duration::from_millis(5);

/// How a server is reached.
pub(super) enum Dialer {
    Tcp(Arc<Addresses>),
    Tls(Arc<Addresses>, Tls, Box<str>),
    Unix(PathBuf),
}

impl Dialer {
    pub(super) fn new(server: &ServerAddress, tls: &Tls) -> Self {
        match server {
            ServerAddress::Tcp { host, port, tls: false } => Self::Tcp(Addresses::new(host, *port)),
            ServerAddress::Tcp { host, port, tls: true } => {
                Self::Tls(Addresses::new(host, *port), tls.clone(), host.as_str().into())
            }
            ServerAddress::Unix(path) => Self::Unix(path.clone()),
        }
    }

    /// Makes a connection within `timeout`, trying the server's addresses in turn. An address that does not answer takes
    /// its share of the time only.
    pub(super) async fn dial(&self, timeout: Duration, clock: &Clock) -> Result<Stream, Failure> {
        let addresses = match self {
            Self::Tcp(addresses) | Self::Tls(addresses, ..) => addresses,
            Self::Unix(path) => return within(timeout, unix(path)).await,
        };
        let began = clock.now();
        let known = tokio::time::timeout(timeout, addresses.get(clock)).await;
        let known = known.map_err(|_| Failure::ConnectTimeout)?;
        let mut failure = Failure::Unresolved;
        for (address, untried) in known.iter().zip((1..=known.len() as u32).rev()) {
            let left = timeout.saturating_sub(clock.now().saturating_since(began));
            match within(left / untried, self.open(*address)).await {
                Ok(stream) => {
                    addresses.prefer(*address);
                    return Ok(stream);
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn open(&self, address: SocketAddr) -> Result<Stream, Failure> {
        let tcp = TcpStream::connect(address).await.map_err(|_| Failure::ConnectFailed)?;
        let _ = tcp.set_nodelay(true);
        match self {
            Self::Tls(_, tls, host) => tls.connect(host, tcp).await.map(Box::new).map(Stream::Tls),
            Self::Tcp(_) | Self::Unix(_) => Ok(Stream::Tcp(tcp)),
        }
    }
}

async fn within(
    timeout: Duration,
    opening: impl Future<Output = Result<Stream, Failure>>,
) -> Result<Stream, Failure> {
    tokio::time::timeout(timeout, opening).await.unwrap_or(Err(Failure::ConnectTimeout))
}

async fn unix(path: &Path) -> Result<Stream, Failure> {
    loop {
        match UnixStream::connect(path).await {
            Ok(stream) => return Ok(Stream::Unix(stream)),
            // A TCP connection would be waited for by the kernel.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(QUEUE_FULL).await;
            }
            Err(_) => return Err(Failure::ConnectFailed),
        }
    }
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;

    use super::*;

    /// A listener whose queue is full, and what fills it: it answers no SYN.
    async fn unanswering() -> (std::net::TcpListener, Vec<TcpStream>) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let listener = std::net::TcpListener::from(socket);
        let mut filling = Vec::new();
        let connect = || TcpStream::connect(listener.local_addr().unwrap());
        while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), connect()).await {
            filling.push(stream.unwrap());
        }
        (listener, filling)
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_leaves_time_for_the_next() {
        let (silent, _filling) = unanswering().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (addresses, clock) = (Addresses::new("origin.example", 80), Clock::system());
        let known = [silent.local_addr().unwrap(), listener.local_addr().unwrap()];
        addresses.learn(known.to_vec(), clock.now());
        let dialer = Dialer::Tcp(Arc::clone(&addresses));
        assert!(dialer.dial(Duration::from_secs(1), &clock).await.is_ok());
        let first = addresses.get(&clock).await.first().copied();
        assert_eq!(first, Some(known[1]), "the one that worked is first now");
        listener.accept().await.unwrap();
    }

    #[tokio::test]
    async fn a_unix_socket_whose_queue_is_full_is_waited_for() {
        let path = std::env::temp_dir().join(format!("forebay-dial-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let _queued = UnixStream::connect(&path).await.unwrap();
        let clock = Clock::system();
        let dialer = Dialer::Unix(path.clone());
        let failed = dialer.dial(Duration::from_millis(50), &clock).await;
        assert!(matches!(failed, Err(Failure::ConnectTimeout)));
        let (dialled, accepted) =
            tokio::join!(dialer.dial(Duration::from_secs(10), &clock), async { socket.accept() });
        assert!(dialled.is_ok() && accepted.is_ok());
        std::fs::remove_file(path).unwrap();
    }
}

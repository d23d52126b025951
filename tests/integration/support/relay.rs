//! A way to a server that can be cut, held, joined again, and made to lead elsewhere.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, Weak};
use std::thread;

/// Passes bytes on between whoever connects to it and a server. It stops when dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    to: SocketAddr,
    way: Way,
    streams: Vec<Weak<TcpStream>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Bytes go in and do not come out.
    Held,
    /// Connections end as soon as they are made.
    Cut,
    Gone,
}

impl Relay {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { to: server, way: Way::Open, streams: Vec::new() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.state.lock().unwrap().way == Way::Gone {
                    return;
                }
                accepting.connect(client);
            }
        });
        Self { address, shared }
    }

    /// What stands in `redis.url` of who goes this way.
    pub(crate) fn redis_url(&self) -> String {
        format!("redis://{}/0", self.address)
    }

    /// Ends every connection, and each new one at once.
    pub(crate) fn cut(&self) {
        self.shared.set(Way::Cut);
        self.shared.end_all();
    }

    /// Lets nothing pass any more; every connection stays.
    pub(crate) fn hold(&self) {
        self.shared.set(Way::Held);
    }

    /// Lets everything pass again.
    pub(crate) fn join(&self) {
        self.shared.set(Way::Open);
    }

    /// Ends every connection; new ones lead to another server.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        self.shared.state.lock().unwrap().to = server;
        self.shared.end_all();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.set(Way::Gone);
        self.shared.end_all();
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn set(&self, way: Way) {
        self.state.lock().unwrap().way = way;
        self.changed.notify_all();
    }

    fn end_all(&self) {
        for stream in self.state.lock().unwrap().streams.drain(..).filter_map(|weak| weak.upgrade())
        {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        let mut state = self.state.lock().unwrap();
        if state.way == Way::Cut {
            return;
        }
        let Ok(server) = TcpStream::connect(state.to) else { return };
        let (client, server) = (Arc::new(client), Arc::new(server));
        state.streams.retain(|stream| stream.strong_count() > 0);
        state.streams.extend([Arc::downgrade(&client), Arc::downgrade(&server)]);
        for (from, to) in [(&client, &server), (&server, &client)] {
            let (shared, from, to) = (Arc::clone(self), Arc::clone(from), Arc::clone(to));
            thread::spawn(move || shared.pass(&from, &to));
        }
    }

    fn pass(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let state = self.state.lock().unwrap();
            drop(self.changed.wait_while(state, |state| state.way == Way::Held).unwrap());
            if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

//! An origin's Unix socket.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use super::Origin;

/// Has `origin` answer on the Unix socket at `path` too.
pub(crate) fn listen_on(path: &Path, origin: &Origin) {
    let listener = UnixListener::bind(path).unwrap();
    let origin = origin.authority();
    thread::spawn(move || {
        for here in listener.incoming().map_while(Result::ok) {
            let there = TcpStream::connect(&origin).unwrap();
            let (up_from, up_to) = (here.try_clone().unwrap(), there.try_clone().unwrap());
            thread::spawn(move || upwards(up_from, up_to));
            thread::spawn(move || downwards(there, here));
        }
    });
}

fn upwards(mut from: UnixStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

fn downwards(mut from: TcpStream, mut to: UnixStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

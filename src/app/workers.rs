//! The threads that serve: each with a runtime of its own, so that a connection never changes its core.

use std::io;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// Threads for blocking work, per worker: coding, name look-ups, purges.
const BLOCKING_THREADS: usize = 8;

/// Running workers. They stop, and drop what they have, when this is dropped.
pub(super) struct Workers {
    handles: Vec<Handle>,
    stop: watch::Sender<()>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Workers {
    /// Starts `count` of them, one at least.
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let (stop, stopped) = watch::channel(());
        let mut workers = Self { handles: Vec::new(), stop, threads: Vec::new() };
        for number in 0..count.max(1) {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(BLOCKING_THREADS)
                .build()?;
            workers.handles.push(runtime.handle().clone());
            let mut stopped = stopped.clone();
            let thread =
                thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                    // Ends when the sender is gone.
                    runtime.block_on(async { while stopped.changed().await.is_ok() {} });
                    runtime.shutdown_background();
                })?;
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    /// The runtimes, to spawn on.
    pub(super) fn handles(&self) -> Vec<Handle> {
        self.handles.clone()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop = watch::channel(()).0;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

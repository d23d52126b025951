//! What waits to be done in the background: bounded in number and in bytes, and of each key the newest alone.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// Work to be done, in the order it came.
#[derive(Debug)]
pub(super) struct Queue<T> {
    most: usize,
    most_bytes: usize,
    waiting: Mutex<Waiting<T>>,
    ready: Notify,
    idle: Notify,
}

#[derive(Debug)]
struct Waiting<T> {
    order: VecDeque<Bytes>,
    work: HashMap<Bytes, (T, usize)>,
    bytes: usize,
    /// Taken, and not done yet.
    in_hand: usize,
}

impl<T> Queue<T> {
    /// A queue with room for so much.
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        let (order, work) = (VecDeque::new(), HashMap::new());
        let waiting = Mutex::new(Waiting { order, work, bytes: 0, in_hand: 0 });
        Self { most, most_bytes, waiting, ready: Notify::new(), idle: Notify::new() }
    }

    /// Adds work that holds on to so many bytes, in place of what waits for the same key. False: there is no room for it,
    /// and what waited is outdated.
    pub(super) fn push(&self, key: Bytes, work: T, bytes: usize) -> bool {
        let mut waiting = self.lock();
        let before = waiting.work.remove(&key);
        waiting.bytes -= before.as_ref().map_or(0, |(_, bytes)| *bytes);
        let has_place = before.is_some();
        let is_full = !has_place && waiting.work.len() >= self.most;
        if is_full || bytes > self.most_bytes.saturating_sub(waiting.bytes) {
            if has_place {
                waiting.order.retain(|other| *other != key);
            }
            return false;
        }
        waiting.bytes += bytes;
        if !has_place {
            waiting.order.push_back(key.clone());
        }
        waiting.work.insert(key, (work, bytes));
        drop(waiting);
        self.ready.notify_one();
        true
    }

    /// Waits for work. [`Queue::done`] is to be called when it is.
    pub(super) async fn next(&self) -> (Bytes, T) {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.ready.notified().await;
        }
    }

    /// What was taken is done.
    pub(super) fn done(&self) {
        let mut waiting = self.lock();
        waiting.in_hand = waiting.in_hand.saturating_sub(1);
        if waiting.is_idle() {
            self.idle.notify_waiters();
        }
    }

    /// Waits until there is nothing left to do.
    pub(super) async fn emptied(&self) {
        loop {
            let idle = self.idle.notified();
            if self.lock().is_idle() {
                return;
            }
            idle.await;
        }
    }

    fn take(&self) -> Option<(Bytes, T)> {
        let mut waiting = self.lock();
        let key = waiting.order.pop_front()?;
        let (work, bytes) = waiting.work.remove(&key)?;
        waiting.bytes -= bytes;
        waiting.in_hand += 1;
        Some((key, work))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Waiting<T> {
    fn is_idle(&self) -> bool {
        self.in_hand == 0 && self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &'static str) -> Bytes {
        Bytes::from_static(name.as_bytes())
    }

    fn all(queue: &Queue<u32>) -> Vec<(Bytes, u32)> {
        std::iter::from_fn(|| queue.take()).collect()
    }

    #[test]
    fn of_each_key_the_newest_is_done_in_the_place_of_the_oldest() {
        let queue = Queue::new(10, 100);
        assert!(queue.push(key("a"), 1, 1) && queue.push(key("b"), 2, 1));
        assert!(queue.push(key("a"), 3, 1));
        assert_eq!(all(&queue), [(key("a"), 3), (key("b"), 2)]);
        assert!(queue.take().is_none());
    }

    #[test]
    fn there_is_never_more_than_there_is_room_for() {
        let queue = Queue::new(2, 100);
        assert!(queue.push(key("a"), 1, 60));
        assert!(!queue.push(key("b"), 2, 41), "too many bytes");
        assert!(queue.push(key("b"), 3, 40));
        assert!(!queue.push(key("c"), 4, 0), "too many");
        assert!(queue.push(key("a"), 5, 10), "its own place is its own room");
        assert!(queue.push(key("b"), 6, 90));
        assert_eq!(all(&queue), [(key("a"), 5), (key("b"), 6)]);
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn what_is_outdated_is_not_done_where_there_is_no_room_for_what_is_newer() {
        let queue = Queue::new(2, 100);
        assert!(queue.push(key("a"), 1, 60) && queue.push(key("b"), 2, 30));
        assert!(!queue.push(key("a"), 3, 80));
        assert_eq!(all(&queue), [(key("b"), 2)]);
    }

    #[tokio::test]
    async fn who_waits_for_the_end_waits_for_what_is_in_hand_too() {
        let queue = Queue::new(2, 100);
        queue.emptied().await;
        queue.push(key("a"), 1, 1);
        assert_eq!(queue.next().await, (key("a"), 1));
        let mut end = std::pin::pin!(queue.emptied());
        let mut now = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(end.as_mut().poll(&mut now).is_pending());
        queue.done();
        assert!(end.as_mut().poll(&mut now).is_ready());
    }
}

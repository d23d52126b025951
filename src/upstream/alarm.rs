//! A timer for waits that are hardly ever as long as they may be.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::Sleep;

use crate::clock::{Clock, Timestamp};

/// Goes off at a moment that may be another each time. To set a timer costs more than to look at one, so it is not set
/// again as long as it goes off early enough: when it does, what was waited for has mostly come long since.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    /// When the timer goes off.
    set_to: Timestamp,
}

impl Alarm {
    /// Ready once it is `until`, by `clock`.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        until: Timestamp,
        clock: &Clock,
    ) -> Poll<()> {
        loop {
            if self.set_to <= until
                && let Some(sleep) = &mut self.sleep
                && sleep.as_mut().poll(cx).is_pending()
            {
                return Poll::Pending;
            }
            let left = until.saturating_since(clock.now());
            if left.is_zero() {
                return Poll::Ready(());
            }
            match &mut self.sleep {
                Some(sleep) => sleep.set(tokio::time::sleep(left)),
                None => self.sleep = Some(Box::pin(tokio::time::sleep(left))),
            }
            self.set_to = until;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn it_is_never_early_whatever_it_was_set_to_before() {
        let (mut alarm, clock) = (Alarm::default(), Clock::system());
        for millis in [30, 5, 60, 0, 20] {
            let until = clock.now() + Duration::from_millis(millis);
            // Looked at, and then waited for a moment that is sooner or later.
            let _ = poll_fn(|cx| {
                Poll::Ready(alarm.poll(cx, until + Duration::from_millis(10), &clock))
            })
            .await;
            poll_fn(|cx| alarm.poll(cx, until, &clock)).await;
            assert!(clock.now() >= until);
        }
    }
}

//! Finds out whether Redis answers, and tells of it when that changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::link::Core;
use super::{Command, Operation, Trouble};

/// How often Redis is asked whether it answers.
const INTERVAL: Duration = Duration::from_millis(500);
/// Answers in a row after which it is believed to be back.
const SETTLED: u32 = 3;

/// Told of what becomes of the link.
pub trait Events: Send + Sync + 'static {
    /// Redis does not answer any more, or has not since the start; why.
    fn lost(&self, why: Trouble) {
        let _ = why;
    }

    /// Redis answers.
    fn found(&self) {}
}

impl Events for () {}

/// Asks, as long as it is polled.
pub(super) async fn watch(core: Arc<Core>) {
    let mut news = News::default();
    loop {
        sleep(INTERVAL).await;
        let answer = core.ask(Operation::Probe, Command::alone("PING")).await;
        let is_up = core.is_up();
        if let Some(counters) = &core.around.counters {
            counters.up(is_up);
        }
        let trouble = (!is_up).then(|| answer.err().unwrap_or(Trouble::Unreachable));
        match news.of(trouble) {
            Some(Some(why)) => core.around.events.lost(why),
            Some(None) => core.around.events.found(),
            None => {}
        }
    }
}

/// What of it is news.
#[derive(Debug, Default)]
struct News {
    /// What was told last: whether it is up.
    told: Option<bool>,
    answers: u32,
}

impl News {
    /// What is to be told: `Some(None)`, that it answers; `Some(Some(why))`, that it does not. One that comes and goes is
    /// told of once.
    fn of(&mut self, trouble: Option<Trouble>) -> Option<Option<Trouble>> {
        let is_up = trouble.is_none();
        self.answers = if is_up { self.answers.saturating_add(1) } else { 0 };
        let is_settled = !is_up || self.told.is_none() || self.answers >= SETTLED;
        (is_settled && self.told.replace(is_up) != Some(is_up)).then_some(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_told_of_once() {
        const LOST: Option<Trouble> = Some(Trouble::Timeout);
        for (name, history, told) in [
            ("there from the start", &[None, None, None][..], "+.."),
            ("never there", &[LOST, LOST, LOST], "-.."),
            ("lost and found", &[None, LOST, LOST, None, None, None, None], "+-...+."),
            ("to and fro", &[None, LOST, None, None, LOST, None, LOST], "+-....."),
        ] {
            let mut news = News::default();
            let said: String = history
                .iter()
                .map(|trouble| match news.of(*trouble) {
                    None => '.',
                    Some(None) => '+',
                    Some(Some(_)) => '-',
                })
                .collect();
            assert_eq!(said, told, "{name}");
        }
    }
}

//! Whether a server is well, as far as asking it tells: pure counting.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use http::uri::PathAndQuery;

use super::failure::Failure;

/// How servers are asked whether they are well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthSettings {
    /// What each server is asked for; `None`: they are not asked.
    pub path: Option<PathAndQuery>,
    /// From one question to the next.
    pub interval: Duration,
    /// For the connection and the answer's head.
    pub timeout: Duration,
    /// So many bad answers in a row make a server unhealthy.
    pub unhealthy_after: usize,
    /// So many good answers in a row make it healthy again.
    pub healthy_after: usize,
}

/// What came of asking once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Answered(StatusCode),
    Failed(Failure),
}

impl Finding {
    /// True for 2xx and 3xx: an application that sends us elsewhere, to its login perhaps, is there.
    fn is_good(self) -> bool {
        matches!(self, Self::Answered(status) if status.is_success() || status.is_redirection())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(status) => write!(f, "status-{}", status.as_u16()),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

/// What asking a server has told so far. It is healthy until found otherwise: at a start nobody waits for the checks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Health {
    is_healthy: bool,
    /// Answers in a row that say the contrary.
    contrary: usize,
}

impl Default for Health {
    fn default() -> Self {
        Self { is_healthy: true, contrary: 0 }
    }
}

impl Health {
    /// Whether the server is healthy now, where this finding changes it.
    pub(super) fn note(&mut self, finding: Finding, settings: &HealthSettings) -> Option<bool> {
        if finding.is_good() == self.is_healthy {
            self.contrary = 0;
            return None;
        }
        self.contrary += 1;
        let needed =
            if self.is_healthy { settings.unhealthy_after } else { settings.healthy_after };
        if self.contrary < needed {
            return None;
        }
        *self = Self { is_healthy: !self.is_healthy, contrary: 0 };
        Some(self.is_healthy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` is a good answer, `-` a bad one; what is expected after each: `.` no change, `u` unhealthy, `h` healthy.
    #[test]
    fn only_so_many_in_a_row_change_anything() {
        for (unhealthy_after, healthy_after, answers, expected) in [
            (3, 2, "+++---", ".....u"),
            (3, 2, "--+--+---", "........u"),
            (3, 2, "---+-++", "..u...h"),
            (3, 2, "----++++", "..u..h.."),
            (3, 2, "---++---", "..u.h..u"),
            (1, 1, "-+-+", "uhuh"),
            (1, 3, "-++-+++", "u.....h"),
        ] {
            let settings = HealthSettings {
                path: None,
                interval: Duration::ZERO,
                timeout: Duration::ZERO,
                unhealthy_after,
                healthy_after,
            };
            let mut health = Health::default();
            let changes: String = answers
                .chars()
                .map(|answer| {
                    let status =
                        if answer == '+' { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
                    match health.note(Finding::Answered(status), &settings) {
                        None => '.',
                        Some(true) => 'h',
                        Some(false) => 'u',
                    }
                })
                .collect();
            assert_eq!(changes, expected, "{unhealthy_after}/{healthy_after} {answers}");
        }
    }

    #[test]
    fn good_is_2xx_and_3xx() {
        for (finding, good) in [
            (Finding::Answered(StatusCode::OK), true),
            (Finding::Answered(StatusCode::NO_CONTENT), true),
            (Finding::Answered(StatusCode::FOUND), true),
            (Finding::Answered(StatusCode::SWITCHING_PROTOCOLS), false),
            (Finding::Answered(StatusCode::NOT_FOUND), false),
            (Finding::Answered(StatusCode::SERVICE_UNAVAILABLE), false),
            (Finding::Failed(Failure::ConnectTimeout), false),
        ] {
            assert_eq!(finding.is_good(), good, "{finding}");
        }
    }
}

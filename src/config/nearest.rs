//! The known spelling that a wrong one was probably meant to be.

/// The candidate nearest to `word`, if it is near: at most a third of the letters differ, or one is the other's beginning.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let lower = word.to_ascii_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| is_near(&lower, candidate))
        .min_by_key(|candidate| strsim::osa_distance(&lower, candidate))
}

fn is_near(word: &str, candidate: &str) -> bool {
    let third = word.len().max(candidate.len()) / 3;
    let begins = word.len() >= 3 && (candidate.starts_with(word) || word.starts_with(candidate));
    begins || strsim::osa_distance(word, candidate) <= third.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        for (word, expected) in [
            ("tll", Some("ttl")),
            ("defualt_ttl", Some("default_ttl")),
            ("Listen", Some("listen")),
            ("stale-if-error", Some("stale_if_error")),
            ("default", Some("default_ttl")),
            ("listening", Some("listen")),
            ("proxy", None),
            ("", None),
        ] {
            let known = ["ttl", "default_ttl", "listen", "stale_if_error"];
            assert_eq!(nearest(word, known), expected, "{word}");
        }
    }
}

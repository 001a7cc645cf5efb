//! Truncation of answers: the part of a relay's or platform's answer that is stored.

/// The largest part of an answer that is stored, in bytes: a hostile server may send without end.
const MAX_ANSWER_BYTES: usize = 1_000;

/// Returns the start of an answer, at most [`MAX_ANSWER_BYTES`] long, cut between characters.
pub(super) fn truncated(answer: &str) -> &str {
    &answer[..answer.floor_char_boundary(MAX_ANSWER_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_is_cut_between_characters() {
        assert_eq!(truncated(&"é".repeat(800)).chars().count(), 500);
        assert_eq!(truncated("250 ok"), "250 ok");
    }
}

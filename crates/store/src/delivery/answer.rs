//! The part of an answer that is kept.

/// How much of an answer is kept: a hostile server talks for ever.
const LONGEST_ANSWER: usize = 1_000;

/// The start of an answer, at most [`LONGEST_ANSWER`] bytes.
pub(super) fn shortened(answer: &str) -> &str {
    &answer[..answer.floor_char_boundary(LONGEST_ANSWER)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_answer_is_cut_between_characters() {
        assert_eq!(shortened(&"é".repeat(800)).chars().count(), 500);
        assert_eq!(shortened("250 ok"), "250 ok");
    }
}

//! "Did you mean" suggestions: the known name closest to a misspelt one.

/// Returns the candidate nearest to `word` by edit distance, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The cost grows with the product of the lengths, and nothing this long is a typing mistake.
    if word.len() > 80 {
        return None;
    }
    let word = word.to_lowercase().replace('_', "-");
    let length = word.chars().count();
    // Any two words of one or two letters are near each other.
    let allowed = if length < 3 { 0 } else { (length / 3).max(1) };
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= 80)
        .map(|candidate| {
            (strsim::osa_distance(&word, &candidate.to_lowercase().replace('_', "-")), candidate)
        })
        .filter(|&(distance, _)| distance <= allowed)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Returns a help sentence for `word` where one of `candidates` belongs: the nearest one, or the
/// first 20 of them. `what` names the candidates in the plural.
pub fn suggestion<'a>(word: &str, what: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<_> = candidates.into_iter().collect();
    if let Some(meant) = nearest(word, candidates.iter().copied()) {
        return format!("Did you mean `{meant}`?");
    }
    match candidates.len() {
        0 => format!("There are no {what} yet."),
        count => {
            let shown: Vec<_> = candidates.iter().take(20).map(|name| format!("`{name}`")).collect();
            let more = if count > 20 { format!(" and {} more", count - 20) } else { String::new() };
            format!("The {what} are {}{more}.", shown.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 4] = ["call_to_action", "subject", "step", "link"];

    #[test]
    fn a_misspelt_word_finds_its_name() {
        assert_eq!(nearest("subjetc", KEYS), Some("subject"));
        assert_eq!(nearest("call-to-action", KEYS), Some("call_to_action"));
        assert_eq!(nearest("Steps", KEYS), Some("step"));
        assert_eq!(nearest("goal", KEYS), None);
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(nearest(&"x".repeat(1000), KEYS), None);
    }

    #[test]
    fn the_suggestion_names_the_nearest_or_all() {
        assert_eq!(suggestion("lnk", "keys", KEYS), "Did you mean `link`?");
        assert_eq!(suggestion("zzz", "keys", ["a", "b"]), "The keys are `a`, `b`.");
        assert_eq!(suggestion("zzz", "channels", []), "There are no channels yet.");
    }
}

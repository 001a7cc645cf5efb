//! "Did you mean": the known name that is closest to what somebody wrote.

/// Returns the candidate nearest to `word`, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distance grows with the product of the lengths; nothing so long is a slip of the finger.
    if word.len() > 80 {
        return None;
    }
    let word = word.to_lowercase().replace('_', "-");
    let length = word.chars().count();
    // In a word of one or two letters everything is near to everything.
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

/// A sentence that helps somebody who wrote `word` where one of `candidates` belongs: the nearest one, or
/// all of them. `what` names them in the plural.
pub fn advice<'a>(word: &str, what: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
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
    fn a_slip_finds_its_name() {
        assert_eq!(nearest("subjetc", KEYS), Some("subject"));
        assert_eq!(nearest("call-to-action", KEYS), Some("call_to_action"));
        assert_eq!(nearest("Steps", KEYS), Some("step"));
        assert_eq!(nearest("goal", KEYS), None);
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(nearest(&"x".repeat(1000), KEYS), None);
    }

    #[test]
    fn advice_names_the_nearest_or_all() {
        assert_eq!(advice("lnk", "keys", KEYS), "Did you mean `link`?");
        assert_eq!(advice("zzz", "keys", ["a", "b"]), "The keys are `a`, `b`.");
        assert_eq!(advice("zzz", "channels", []), "There are no channels yet.");
    }
}

/// The known word that the user most likely meant, if one is near enough to say so.
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let flat = |text: &str| text.to_lowercase().replace(['-', '_', ' '], "");
    let wanted = flat(written);
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&wanted, &flat(word)), word))
        .filter(|(distance, word)| {
            let longest = written.chars().count().max(word.chars().count());
            // A third of the word may be wrong; of a very short word, one letter.
            *distance <= (longest / 3).max(1) && *distance < longest
        })
        .min_by_key(|(distance, word)| (*distance, word.len()))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn finds_misspellings_but_not_strangers() {
        let known = ["polling_interval", "cooldown", "within", "up"];
        assert_eq!(nearest("pollingInterval", known), Some("polling_interval"));
        assert_eq!(nearest("cooldwon", known), Some("cooldown"));
        assert_eq!(nearest("histogram", known), None);
    }
}

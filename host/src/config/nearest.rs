//! The known word that an unknown one was probably meant to be.

/// The known key that was most likely meant: at most a third of its letters differ.
pub(super) fn nearest(name: &str, known: &[&'static str]) -> Option<&'static str> {
    let plain = name.to_lowercase().replace('_', "-");
    known
        .iter()
        .map(|key| (distance(&plain, key), *key))
        .filter(|(distance, key)| *distance <= (key.len() / 3).max(1))
        .min()
        .map(|(_, key)| key)
}

/// Letters to insert, remove or replace between two words (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (above, letter) in one.chars().enumerate() {
        let mut left = above + 1;
        let mut next = vec![left];
        for (pair, against) in row.windows(2).zip(other.chars()) {
            let &[diagonal, up] = pair else { continue };
            let replaced = diagonal + usize::from(letter != against);
            left = replaced.min(up + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

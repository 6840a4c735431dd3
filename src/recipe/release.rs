//! Releases by their numbers.

use std::cmp::Ordering;

use super::{Recipe, Release};

/// Which of two releases is the newer one; none where one of them has no numbers (`latest`).
pub fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(numbers(a)?.cmp(&numbers(b)?))
}

/// `v1.7.0-rc1` is 1, 7, 0: what follows the numbers does not tell releases apart.
fn numbers(release: &str) -> Option<Vec<u64>> {
    let text = release.strip_prefix('v').unwrap_or(release);
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let mut numbers: Vec<u64> = text[..end]
        .split('.')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    // 1.7 and 1.7.0 are the same.
    while numbers.last() == Some(&0) && numbers.len() > 1 {
        numbers.pop();
    }
    Some(numbers)
}

impl Recipe {
    /// The releases that lie behind `from`, up to and including `to`.
    pub fn releases_between(&self, from: &str, to: &str) -> impl Iterator<Item = &Release> {
        self.releases.iter().filter(move |release| {
            compare(&release.version, from) == Some(Ordering::Greater)
                && compare(&release.version, to).is_some_and(Ordering::is_le)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_have_an_order() {
        for (a, b, order) in [
            ("v1.6.3", "v1.7.0", Some(Ordering::Less)),
            ("v1.10.0", "1.9.9", Some(Ordering::Greater)),
            ("v1.7", "v1.7.0", Some(Ordering::Equal)),
            ("v1.7.0-rc1", "v1.7.0", Some(Ordering::Equal)),
            ("latest", "v1.7.0", None),
            ("", "v1.7.0", None),
        ] {
            assert_eq!(compare(a, b), order, "{a} and {b}");
        }
    }
}

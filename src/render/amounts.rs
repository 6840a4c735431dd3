//! Times, sizes and how far something is.

use crate::event::ProgressUnit;

/// How far something is.
pub(super) fn progress(done: u64, total: Option<u64>, unit: ProgressUnit) -> String {
    let amount = |n| match unit {
        ProgressUnit::Bytes => bytes(n),
        ProgressUnit::Layers => n.to_string(),
        ProgressUnit::Seconds => seconds(n),
    };
    let unit = match unit {
        ProgressUnit::Layers => " layers",
        ProgressUnit::Bytes | ProgressUnit::Seconds => "",
    };
    match total {
        Some(total) => format!("{} of {}{unit}", amount(done), amount(total)),
        None => format!("{}{unit}", amount(done)),
    }
}

pub(super) fn time(millis: u64) -> String {
    match millis {
        0..=9_999 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => seconds(millis / 1000),
    }
}

pub(super) fn seconds(n: u64) -> String {
    match n {
        0..=119 => format!("{n} s"),
        120..=7_199 => format!("{} min", n / 60),
        _ => format!("{} h {} min", n / 3600, n % 3600 / 60),
    }
}

pub(super) fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(time(1234), "1.2 s");
        assert_eq!(time(61_000), "61 s");
        assert_eq!(seconds(3600), "60 min");
        assert_eq!(seconds(7260), "2 h 1 min");
    }
}

//! Backups that are kept, for people.

use super::amounts::bytes;
use crate::event::{BackupRow, Proof};

/// A line for each, and one above.
pub fn backup_lines(rows: &[BackupRow]) -> Vec<String> {
    if rows.is_empty() {
        return vec!["this project has no backups".to_owned()];
    }
    let head = [
        "BACKUP",
        "TAKEN",
        "RELEASE",
        "SIZE",
        "TABLES",
        "ROWS",
        "PROVEN BY",
    ];
    let mut table = vec![head.map(str::to_owned)];
    table.extend(rows.iter().filter_map(cells));
    let mut widths = [0; 7];
    for row in &table {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths);
        let cells = cells.map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines: Vec<String> = table.iter().map(line).collect();
    let trouble = |row: &BackupRow| Some(format!("! {}: {}", row.id, row.trouble.as_ref()?));
    lines.extend(rows.iter().filter_map(trouble));
    lines
}

fn cells(row: &BackupRow) -> Option<[String; 7]> {
    let facts = row.facts.as_ref()?;
    Some([
        row.id.clone(),
        facts.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        facts.release.clone().unwrap_or_else(|| "-".to_owned()),
        bytes(facts.bytes),
        facts.tables.to_string(),
        facts.rows.to_string(),
        match facts.proof {
            Proof::List => "reading it back",
            Proof::Restore => "a restore",
        }
        .to_owned(),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::BackupFacts;

    #[test]
    fn columns_stand_below_each_other() {
        let row = |id: &str, facts| BackupRow {
            id: id.to_owned(),
            path: "/x".into(),
            facts,
            trouble: None,
        };
        let facts = BackupFacts {
            at: jiff::Timestamp::UNIX_EPOCH,
            exact: true,
            release: None,
            bytes: 2048,
            proof: Proof::Restore,
            tables: 1,
            rows: 7,
        };
        let broken = BackupRow {
            trouble: Some("it is gone".to_owned()),
            ..row("w5i08uc505/online", None)
        };
        let lines = backup_lines(&[row("w5i08uc505/exact", Some(facts)), broken]);
        assert_eq!(
            lines,
            [
                "BACKUP            TAKEN                 RELEASE  SIZE      TABLES  ROWS  PROVEN BY",
                "w5i08uc505/exact  1970-01-01T00:00:00Z  -        2.00 KiB  1       7     a restore",
                "! w5i08uc505/online: it is gone",
            ]
        );
    }
}

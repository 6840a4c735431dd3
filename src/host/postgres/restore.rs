//! The way back: into a new database first, then both names in one transaction.

use super::prove::{folder_of, same_counts};
use super::tools::{Tools, jobs};
use super::{Postgres, identifier, literal};
use crate::host::{Backup, Content, DumpFormat, HostError, Locale};

impl Postgres {
    pub(super) async fn take_restore(&self, backup: &Backup, name: &str) -> Result<(), HostError> {
        backup.check_files()?;
        let tools = self.tools(folder_of(backup)).await?;
        let restored = self.restore_by(&tools, backup, name).await;
        let put_away = self.put_away(tools).await;
        restored?;
        put_away?;
        self.copy_attributes(&self.login.database, name).await
    }

    /// Makes database `name` anew from a dump and compares the two; returns what it holds, where
    /// it can be reached over the network.
    pub(super) async fn restore_by(
        &self,
        tools: &Tools,
        backup: &Backup,
        name: &str,
    ) -> Result<Option<Content>, HostError> {
        self.drop_database(name).await?;
        self.administer(&create(name, &backup.locale)).await?;
        let jobs = jobs();
        let mut words = vec!["pg_restore", "--exit-on-error", "-d", name];
        // A dump that is fed is read from its beginning to its end.
        if backup.format == DumpFormat::Directory || !matches!(tools, Tools::Inside(_)) {
            words.extend(["-j", &jobs]);
        }
        let administrator = self.administrator().await?;
        let restorer = administrator.as_ref().unwrap_or(self);
        restorer
            .run_tool(tools, &words, &backup.path, |_| {})
            .await?;
        let restored = self.content_of(name).await?;
        match (&backup.content, &restored) {
            (_, None) => {}
            (Some(content), Some(restored)) => {
                if let Some(what) = content.differs_from(restored) {
                    return Err(HostError::Unexpected(format!(
                        "the dump `{}` does not restore to what was dumped: {what}",
                        backup.path.display()
                    )));
                }
            }
            (None, Some(restored)) => same_counts(&restored.rows(), &backup.tables)?,
        }
        Ok(restored)
    }

    pub(super) async fn take_swap(&self, replacement: &str, aside: &str) -> Result<(), HostError> {
        let app = &self.login.database;
        let rename = |from: &str, to: &str| {
            let (from, to) = (identifier(from), identifier(to));
            format!("ALTER DATABASE {from} RENAME TO {to}")
        };
        let swap = [rename(app, aside), rename(replacement, app)].join("; ");
        self.alone(&[app, replacement], &format!("BEGIN; {swap}; COMMIT"))
            .await
    }
}

/// An empty database that orders its texts as the dumped one did.
fn create(name: &str, locale: &Locale) -> String {
    let plain = format!(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
        identifier(name),
        literal(&locale.encoding),
        literal(&locale.collate),
        literal(&locale.ctype)
    );
    let own = locale.locale.as_deref().map(literal);
    match (locale.provider.as_deref(), own) {
        (Some("i"), Some(own)) => format!("{plain} LOCALE_PROVIDER icu ICU_LOCALE {own}"),
        (Some("b"), Some(own)) => format!("{plain} LOCALE_PROVIDER builtin BUILTIN_LOCALE {own}"),
        (Some("c"), _) => format!("{plain} LOCALE_PROVIDER libc"),
        _ => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_ordered_as_before() {
        let mut locale = Locale {
            encoding: "UTF8".to_owned(),
            collate: "sv_SE.utf8".to_owned(),
            ctype: "C".to_owned(),
            provider: None,
            locale: None,
        };
        let plain = "CREATE DATABASE \"a\" TEMPLATE template0 ENCODING 'UTF8' \
                     LC_COLLATE 'sv_SE.utf8' LC_CTYPE 'C'";
        assert_eq!(create("a", &locale), plain);
        locale.provider = Some("i".to_owned());
        locale.locale = Some("sv".to_owned());
        let icu = format!("{plain} LOCALE_PROVIDER icu ICU_LOCALE 'sv'");
        assert_eq!(create("a", &locale), icu);
    }
}

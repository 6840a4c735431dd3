//! The environment of the app, as the new containers would get it. No value is ever shown.

use base64::Engine;

use super::{refusal, warning};
use crate::event::{Finding, Severity};
use crate::host::Secret;
use crate::inventory::Inventory;
use crate::recipe::{Format, Variable};

pub(super) fn check(inventory: &Inventory) -> Vec<Finding> {
    let variables = inventory.recipe.variables.iter();
    variables
        .filter_map(|variable| judge(inventory, variable))
        .collect()
}

fn judge(inventory: &Inventory, variable: &Variable) -> Option<Finding> {
    let Variable {
        service, name, why, ..
    } = variable;
    inventory.model.services.get(service)?;
    let matters = |sql: &String| {
        let database = inventory.database.as_ref();
        database.and_then(|database| database.conditions.get(sql)) == Some(&true)
    };
    if !variable.when.as_ref().is_none_or(matters) {
        return None;
    }
    let cure = format!("set `{name}` in the environment of service `{service}`");
    let Some(value) = value(inventory, service, name) else {
        let text = format!("`{name}` of service `{service}` is missing or empty: {why}");
        return match variable.missing? {
            Severity::Warning => Some(warning("variable-missing", text, cure)),
            Severity::Refusal => Some(refusal("variable-missing", text, cure)),
        };
    };
    if variable
        .templates
        .iter()
        .any(|template| fits(template, value.expose()))
    {
        return Some(refusal(
            "variable-template",
            format!("`{name}` of service `{service}` still has the value of a template: {why}"),
            cure,
        ));
    }
    if variable.format == Some(Format::FernetKey) && !is_fernet_key(&value) {
        return Some(refusal(
            "variable-malformed",
            format!(
                "`{name}` of service `{service}` is no Fernet key (32 bytes in url-safe base64, 44 \
                 characters): {why}"
            ),
            format!("{cure}; if it was another one before, put that one back"),
        ));
    }
    let other = variable.same_in.as_ref()?;
    inventory.model.services.get(other)?;
    let theirs = self::value(inventory, other, name)?;
    (theirs != value).then(|| {
        refusal(
            "variable-differs",
            format!("`{name}` is not the same in services `{service}` and `{other}`: {why}"),
            format!("set `{name}` of both services to the same value"),
        )
    })
}

/// Its value, unless it is empty.
fn value(inventory: &Inventory, service: &str, name: &str) -> Option<Secret> {
    let value = inventory.model.services.get(service)?.variable(name)?;
    (!value.expose().trim().is_empty()).then_some(value)
}

fn fits(template: &str, value: &str) -> bool {
    let (template, value) = (template.to_lowercase(), value.trim().to_lowercase());
    match template.strip_suffix('*') {
        Some(beginning) => value.starts_with(beginning),
        None => value == template,
    }
}

fn is_fernet_key(value: &Secret) -> bool {
    // Python's decoder, which the app uses, takes both alphabets.
    let key = value.expose().trim().replace('+', "-").replace('/', "_");
    let decoded = base64::engine::general_purpose::URL_SAFE.decode(key);
    decoded.is_ok_and(|bytes| bytes.len() == 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fernet_key_is_32_bytes_in_url_safe_base64() {
        for (key, good) in [
            ("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=", true),
            ("cw/0x689RpI+jtRR7oE8h/eQsKImvJapLeSbXpwF4e4=", true),
            ("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4", false),
            ("c2hvcnQ=", false),
            ("", false),
        ] {
            assert_eq!(is_fernet_key(&Secret::new(key)), good, "{key}");
        }
    }

    #[test]
    fn templates_are_whole_values_or_beginnings() {
        assert!(fits("CHANGE_ME*", "change_me_jwt_secret"));
        assert!(fits("secret", "Secret"));
        assert!(!fits("secret", "secret-but-long-and-random"));
    }
}

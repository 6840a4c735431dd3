//! Logins to registries, from where the `docker` command has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine;
use bollard::auth::DockerCredentials;
use serde::Deserialize;

use crate::host::process::{Program, ask};
use crate::host::{HostError, files};

const HUB: &str = "https://index.docker.io/v1/";

/// The user's Docker configuration folder. Read anew for each use, so a login is seen at once.
#[derive(Debug, Clone)]
pub struct Credentials {
    folder: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Config {
    auths: BTreeMap<String, Auth>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    identitytoken: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

impl Credentials {
    /// Reads from `config.json` in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The login for the registry of a repository, if the user has one.
    pub async fn of(&self, repository: &str) -> Result<Option<DockerCredentials>, HostError> {
        let path = self.folder.join("config.json");
        let Some(text) = files::read_text(&path)? else {
            return Ok(None);
        };
        let config: Config = serde_json::from_str(&text).map_err(|error| {
            HostError::Unexpected(format!("cannot read `{}`: {error}", path.display()))
        })?;
        let registry = registry(repository);
        if let Some(helper) = config.helpers.get(registry).or(config.store.as_ref()) {
            return self.helped(helper, registry).await;
        }
        let auth = config
            .auths
            .get(registry)
            .or_else(|| config.auths.get(&format!("https://{registry}")));
        Ok(auth.and_then(|auth| decode(auth, registry)))
    }

    async fn helped(
        &self,
        helper: &str,
        registry: &str,
    ) -> Result<Option<DockerCredentials>, HostError> {
        let name = format!("docker-credential-{helper}");
        let path = which::which(&name).map_err(|error| {
            HostError::Unexpected(format!(
                "cannot find the credential helper `{name}`: {error}"
            ))
        })?;
        let program = Program {
            path,
            args: vec!["get".to_owned()],
            folder: self.folder.clone(),
            set: Vec::new(),
            unset: &[],
        };
        // A helper that has no login for the registry ends with an error; the registry then
        // decides whether it needs one.
        let Ok(answer) = ask(&program, registry).await else {
            return Ok(None);
        };
        let Ok(helped) = serde_json::from_str::<Helped>(&answer) else {
            return Ok(None);
        };
        let token = helped.username == "<token>";
        Ok(Some(DockerCredentials {
            username: (!token).then_some(helped.username),
            identitytoken: token.then(|| helped.secret.clone()),
            password: (!token).then_some(helped.secret),
            serveraddress: Some(registry.to_owned()),
            ..DockerCredentials::default()
        }))
    }
}

fn decode(auth: &Auth, registry: &str) -> Option<DockerCredentials> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(&auth.auth)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (user, password) = text.split_once(':')?;
    Some(DockerCredentials {
        username: Some(user.to_owned()),
        password: Some(password.to_owned()),
        identitytoken: auth.identitytoken.clone(),
        serveraddress: Some(registry.to_owned()),
        ..DockerCredentials::default()
    })
}

/// The key under which Docker keeps the login of a repository.
fn registry(repository: &str) -> &str {
    match repository.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => match host {
            "docker.io" | "index.docker.io" => HUB,
            host => host,
        },
        _ => HUB,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_belongs_to_the_registry_that_docker_would_ask() {
        let cases = [
            ("postgres", HUB),
            ("library/postgres", HUB),
            ("docker.io/library/postgres", HUB),
            ("ghcr.io/org/app", "ghcr.io"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000"),
            ("localhost/app", "localhost"),
        ];
        for (repository, key) in cases {
            assert_eq!(registry(repository), key, "{repository}");
        }
    }

    #[tokio::test]
    async fn a_login_is_read_and_a_missing_one_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let credentials = Credentials::new(folder.path().to_owned());
        assert!(
            credentials
                .of("r.example/x")
                .await
                .expect("no file is fine")
                .is_none()
        );
        let auth = base64::engine::general_purpose::STANDARD.encode("me:a:b");
        let config = serde_json::json!({"auths": {"r.example": {"auth": auth}}});
        files::replace(
            &folder.path().join("config.json"),
            config.to_string().as_bytes(),
        )
        .expect("written");
        let login = credentials
            .of("r.example/x")
            .await
            .expect("read")
            .expect("a login");
        assert_eq!(login.username.as_deref(), Some("me"));
        assert_eq!(login.password.as_deref(), Some("a:b"));
        assert!(
            credentials
                .of("other.example/x")
                .await
                .expect("read")
                .is_none()
        );
    }
}

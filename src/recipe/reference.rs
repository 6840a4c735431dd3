//! What a reference to an image says.

/// A reference, taken apart: `host:5000/x/eneo-backend:v1@sha256:…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference<'a> {
    /// Where the image is, without tag and digest.
    pub repository: &'a str,
    /// Its tag, where one is named.
    pub tag: Option<&'a str>,
    /// Its digest, where it is pinned by one.
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Takes it apart.
    pub fn parse(reference: &'a str) -> Self {
        let (named, digest) = match reference.split_once('@') {
            Some((named, digest)) => (named, Some(digest)),
            None => (reference, None),
        };
        // A colon before the last slash belongs to the host's port.
        let (repository, tag) = match named.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
            _ => (named, None),
        };
        Self {
            repository,
            tag,
            digest,
        }
    }
}

/// The last part of an image's repository: `eneo-backend` of `host:5000/x/eneo-backend:v1@sha…`.
pub fn image_name(image: &str) -> &str {
    let repository = Reference::parse(image).repository;
    repository.rsplit('/').next().unwrap_or(repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_a_repository_and_may_have_a_tag_and_a_digest() {
        for (reference, repository, tag, digest) in [
            ("redis", "redis", None, None),
            ("redis:8", "redis", Some("8"), None),
            ("host:5000/redis", "host:5000/redis", None, None),
            (
                "host:5000/redis:8@sha256:00",
                "host:5000/redis",
                Some("8"),
                Some("sha256:00"),
            ),
        ] {
            let wanted = Reference {
                repository,
                tag,
                digest,
            };
            assert_eq!(Reference::parse(reference), wanted, "{reference}");
            assert_eq!(image_name(reference), "redis");
        }
    }
}

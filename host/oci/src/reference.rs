//! Where a policy is: `oci://REGISTRY/REPOSITORY[:TAG][@sha256:HEX]`.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

/// A SHA-256, written `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

impl Digest {
    const ALGORITHM: &str = "sha256:";

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Digest(format!("{}{hex}", Self::ALGORITHM))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 digits alone.
    pub fn hex(&self) -> &str {
        self.0.strip_prefix(Self::ALGORITHM).unwrap_or(&self.0)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Digest {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Digest, ReferenceError> {
        let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        match text.strip_prefix(Self::ALGORITHM) {
            Some(hex) if hex.len() == 64 && hex.bytes().all(lower) => Ok(Digest(text.to_owned())),
            _ => Err(ReferenceError::Digest(text.to_owned())),
        }
    }
}

/// A repository of a registry and, in it, a tag, a digest or both. With a digest it names one content for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("`{0}` does not start with `oci://`; hint: oci://REGISTRY/REPOSITORY@sha256:HEX")]
    Scheme(String),
    #[error("`{0}` has no repository; hint: oci://REGISTRY/REPOSITORY@sha256:HEX")]
    NoRepository(String),
    #[error(
        "`{0}` is no registry; hint: a host name or IPv4 address, with `:PORT` if it has one; an IPv6 address in brackets"
    )]
    Registry(String),
    #[error("`{0}` is no repository; hint: lower-case letters and digits, with `.`, `_`, `-` and `/` between them")]
    Repository(String),
    #[error("`{0}` is no tag; hint: at most 128 letters, digits, `_`, `.` and `-`, the first none of the last two")]
    Tag(String),
    #[error("`{0}` is no digest; hint: `sha256:` and 64 lower-case hexadecimal digits")]
    Digest(String),
}

impl Reference {
    const SCHEME: &str = "oci://";

    /// `HOST[:PORT]`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    pub fn repository(&self) -> &str {
        &self.repository
    }

    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// The same with this digest: what a strategy names.
    #[must_use]
    pub fn pinned(&self, digest: &Digest) -> Reference {
        Reference { digest: Some(digest.clone()), ..self.clone() }
    }

    /// `REGISTRY/REPOSITORY`: what a signature says that it is for.
    pub fn identity(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// Whether the registry is this machine by its name or address.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = match self.registry.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => self.registry.split(':').next().unwrap_or(&self.registry),
        };
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}", Self::SCHEME, self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Reference, ReferenceError> {
        let rest = text.strip_prefix(Self::SCHEME).ok_or_else(|| ReferenceError::Scheme(text.to_owned()))?;
        let (registry, path) = rest.split_once('/').ok_or_else(|| ReferenceError::NoRepository(text.to_owned()))?;
        let (path, digest) = match path.split_once('@') {
            Some((path, digest)) => (path, Some(digest.parse()?)),
            None => (path, None),
        };
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        if repository.is_empty() {
            return Err(ReferenceError::NoRepository(text.to_owned()));
        }
        if !is_registry(registry) {
            return Err(ReferenceError::Registry(registry.to_owned()));
        }
        if repository.len() > 255 || !repository.split('/').all(is_component) {
            return Err(ReferenceError::Repository(repository.to_owned()));
        }
        if let Some(tag) = tag.as_deref().filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(tag.to_owned()));
        }
        Ok(Reference { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }
}

fn is_registry(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => ("v6", port.strip_prefix(':')),
            _ => return false,
        },
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let number =
        |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    host.len() <= 253 && host.split('.').all(label) && port.is_none_or(number)
}

/// One part of a repository's path, as the OCI distribution specification has it: alphanumerics with single separators inside,
/// a separator being `.`, `_`, `__` or any number of `-`.
fn is_component(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let inside = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    text.bytes().next().is_some_and(letter)
        && text.bytes().last().is_some_and(letter)
        && inside
            .filter(|gap| !gap.is_empty())
            .all(|gap| matches!(gap, "." | "_" | "__") || gap.bytes().all(|b| b == b'-'))
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn parts(text: &str) -> (String, String, Option<String>, Option<String>) {
        let reference: Reference = text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"));
        assert_eq!(reference.to_string(), text, "a reference prints as it was written");
        let Reference { registry, repository, tag, digest } = reference;
        (registry, repository, tag, digest.map(|digest| digest.to_string()))
    }

    #[test]
    fn a_reference_has_a_registry_a_repository_and_perhaps_a_tag_and_a_digest() {
        let pair = |registry: &str, repository: &str| (registry.to_owned(), repository.to_owned());
        for (text, (registry, repository), tag, digest) in [
            (
                "oci://registry.example/policies/spread".to_owned(),
                pair("registry.example", "policies/spread"),
                None,
                None,
            ),
            ("oci://localhost:5000/a:v1".to_owned(), pair("localhost:5000", "a"), Some("v1"), None),
            (format!("oci://r.example/a__b-c.d/e@{HEX}"), pair("r.example", "a__b-c.d/e"), None, Some(HEX)),
            (format!("oci://127.0.0.1:5000/a:1.0_x@{HEX}"), pair("127.0.0.1:5000", "a"), Some("1.0_x"), Some(HEX)),
            ("oci://[::1]:5000/a".to_owned(), pair("[::1]:5000", "a"), None, None),
        ] {
            assert_eq!(parts(&text), (registry, repository, tag.map(str::to_owned), digest.map(str::to_owned)));
        }
    }

    #[test]
    fn what_is_no_reference_is_refused_with_the_part_that_is_wrong() {
        for (text, wrong) in [
            ("registry.example/a", "`registry.example/a` does not start with `oci://`"),
            ("https://registry.example/a", "does not start with `oci://`"),
            ("oci://registry.example", "has no repository"),
            ("oci://registry.example/", "has no repository"),
            ("oci:///a", "`` is no registry"),
            ("oci://host:99999/a", "`host:99999` is no registry"),
            ("oci://host:/a", "`host:` is no registry"),
            ("oci://user@host/a", "`user@host` is no registry"),
            ("oci://[::1/a", "`[::1` is no registry"),
            ("oci://host/Policies", "`Policies` is no repository"),
            ("oci://host/a//b", "`a//b` is no repository"),
            ("oci://host/../b", "`../b` is no repository"),
            ("oci://host/a..b", "`a..b` is no repository"),
            ("oci://host/a:", "`` is no tag"),
            ("oci://host/a:-x", "`-x` is no tag"),
            ("oci://host/a:b/c", "`b/c` is no tag"),
            ("oci://host/a@sha256:12", "`sha256:12` is no digest"),
            ("oci://host/a@sha512:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "is no digest"),
            ("oci://host/a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", "is no digest"),
        ] {
            let error = text.parse::<Reference>().expect_err(text).to_string();
            assert!(error.contains(wrong), "`{text}`: {error}");
        }
    }

    #[test]
    fn only_names_and_addresses_of_this_machine_are_loopback() {
        let loopback = |text: &str| text.parse::<Reference>().expect(text).is_loopback();
        for yes in ["oci://localhost/a", "oci://localhost:5000/a", "oci://127.8.9.1:1/a", "oci://[::1]:5000/a"] {
            assert!(loopback(yes), "{yes}");
        }
        for no in ["oci://localhost.example/a", "oci://10.0.0.1:5000/a", "oci://127.0.0.1.example/a", "oci://[::2]/a"] {
            assert!(!loopback(no), "{no}");
        }
    }
}

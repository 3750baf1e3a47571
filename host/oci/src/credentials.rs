//! Who we are to a registry: the configuration files that container tools write.

use std::{env, io::Read as _, path::PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;

use crate::reference::Reference;

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Credentials {
    /// `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`; nobody where there is none, or none for the registry.
    #[default]
    DockerConfig,
    /// A file of the same form, such as the `.dockerconfigjson` of a Kubernetes image pull secret. It has to exist.
    File(PathBuf),
    /// Nobody.
    Anonymous,
}

#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is no docker configuration; hint: {{\"auths\": {{\"REGISTRY\": {{\"auth\": \"BASE64\"}}}}}}", path.display())]
    Malformed { path: PathBuf },
    #[error("the credential helper that `{}` names failed: {what}", path.display())]
    Helper { path: PathBuf, what: String },
    #[error("`{}` has an identity token, which is not supported; hint: log in with a password or an access token", path.display())]
    IdentityToken { path: PathBuf },
}

/// More than any docker configuration has.
const CONFIG_BYTES: u64 = 4 << 20;

impl Credentials {
    /// May run a credential helper, which may block.
    pub(crate) fn of(&self, reference: &Reference) -> Result<RegistryAuth, CredentialsError> {
        let (path, required) = match self {
            Credentials::Anonymous => return Ok(RegistryAuth::Anonymous),
            Credentials::File(path) => (path.clone(), true),
            Credentials::DockerConfig => match docker_config() {
                Some(path) => (path, false),
                None => return Ok(RegistryAuth::Anonymous),
            },
        };
        let mut text = Vec::new();
        match std::fs::File::open(&path).and_then(|file| file.take(CONFIG_BYTES).read_to_end(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
                return Ok(RegistryAuth::Anonymous);
            }
            Err(source) => return Err(CredentialsError::Read { path, source }),
        }
        for name in names(reference) {
            match docker_credential::get_credential_from_reader(text.as_slice(), &name) {
                Ok(DockerCredential::UsernamePassword(user, password)) => {
                    return Ok(RegistryAuth::Basic(user, password));
                }
                Ok(DockerCredential::IdentityToken(_)) => return Err(CredentialsError::IdentityToken { path }),
                Err(CredentialRetrievalError::NoCredentialConfigured) => {}
                Err(error) => match wrong(error) {
                    Wrong::NotThere => {}
                    Wrong::Malformed => return Err(CredentialsError::Malformed { path }),
                    Wrong::Helper(what) => return Err(CredentialsError::Helper { path, what }),
                },
            }
        }
        Ok(RegistryAuth::Anonymous)
    }
}

enum Wrong {
    NotThere,
    Malformed,
    Helper(String),
}

fn wrong(error: CredentialRetrievalError) -> Wrong {
    match error {
        // What all helpers print for a registry that they do not know.
        CredentialRetrievalError::HelperFailure { stdout, .. } if stdout.contains("credentials not found") => {
            Wrong::NotThere
        }
        CredentialRetrievalError::HelperFailure { helper, stdout, stderr } => {
            let said = if stderr.trim().is_empty() { stdout } else { stderr };
            Wrong::Helper(format!("`{helper}` says `{}`", said.trim()))
        }
        CredentialRetrievalError::HelperCommunicationError => Wrong::Helper("it cannot be run".to_owned()),
        CredentialRetrievalError::MalformedHelperResponse => Wrong::Helper("its answer is not understood".to_owned()),
        CredentialRetrievalError::CredentialDecodingError
        | CredentialRetrievalError::CredentialMismatchError
        | CredentialRetrievalError::ConfigNotFound
        | CredentialRetrievalError::ConfigReadError
        | CredentialRetrievalError::NoCredentialConfigured => Wrong::Malformed,
    }
}

/// `$DOCKER_CONFIG` and `$HOME` as the docker command reads them.
fn docker_config() -> Option<PathBuf> {
    let of_home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
    env::var_os("DOCKER_CONFIG").map(PathBuf::from).or_else(of_home).map(|folder| folder.join("config.json"))
}

/// The keys under which tools have written a registry's credentials, the most particular first.
fn names(reference: &Reference) -> Vec<String> {
    let registry = reference.registry();
    let mut names = vec![reference.identity(), registry.to_owned(), format!("https://{registry}")];
    if matches!(registry, "docker.io" | "index.docker.io" | "registry-1.docker.io") {
        names.push("https://index.docker.io/v1/".to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `alice:secret` in base64.
    const ALICE: &str = "YWxpY2U6c2VjcmV0";

    fn of(config: &str, reference: &str) -> Result<RegistryAuth, CredentialsError> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.json");
        std::fs::write(&path, config).expect("a file");
        Credentials::File(path).of(&reference.parse().expect("a reference"))
    }

    #[test]
    fn a_registry_is_found_by_its_name_its_address_and_its_repository() {
        let alice = RegistryAuth::Basic("alice".to_owned(), "secret".to_owned());
        for key in [
            "registry.example:5000",
            "https://registry.example:5000",
            "https://registry.example:5000/v2/",
            "registry.example:5000/team/a",
        ] {
            let config = format!(r#"{{"auths": {{"{key}": {{"auth": "{ALICE}"}}}}}}"#);
            assert_eq!(of(&config, "oci://registry.example:5000/team/a").expect(key), alice, "{key}");
        }
        let hub = format!(r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{ALICE}"}}}}}}"#);
        assert_eq!(of(&hub, "oci://docker.io/team/a").expect("docker.io"), alice);
    }

    #[test]
    fn another_registrys_credentials_are_not_sent() {
        let config = format!(r#"{{"auths": {{"registry.example": {{"auth": "{ALICE}"}}}}}}"#);
        for reference in ["oci://registry.example.org/a", "oci://registry.example:5000/a", "oci://other.example/a"] {
            assert_eq!(of(&config, reference).expect(reference), RegistryAuth::Anonymous);
        }
    }

    #[test]
    fn a_broken_file_is_named_and_its_content_is_not() {
        for config in ["not json, secret", r#"{"auths": {"r.example": {"auth": "c2VjcmV0"}}}"#] {
            let error = of(config, "oci://r.example/a").expect_err(config).to_string();
            assert!(error.contains("config.json` is no docker configuration"), "{error}");
            assert!(!error.contains("secret") && !error.contains("c2VjcmV0"), "{error}");
        }
        let absent =
            Credentials::File("/nonexistent/config.json".into()).of(&"oci://r.example/a".parse().expect("a reference"));
        assert!(absent.expect_err("it is not there").to_string().contains("cannot read `/nonexistent/config.json`"));
    }

    #[test]
    fn an_identity_token_is_refused_by_name() {
        let config = r#"{"auths": {"r.example": {"identitytoken": "abc"}}}"#;
        let error = of(config, "oci://r.example/a").expect_err("not supported").to_string();
        assert!(error.contains("identity token"), "{error}");
    }
}

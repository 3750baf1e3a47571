//! One act's conversation with a registry: who we are, bounded reading, one deadline.

use std::{future::Future, sync::OnceLock, time::Duration};

use oci_client::{
    RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    errors::OciDistributionError,
    secrets::RegistryAuth,
};
use reqwest::{StatusCode, header, header::HeaderValue};

use crate::{
    error::Error,
    manifest::MANIFEST_TYPE,
    options::{Options, Scheme},
    reference::{Digest, Reference},
};

/// Of a registry's own words in an error.
const SAID_BYTES: usize = 300;
/// Of the answer to a request that failed.
const ERROR_BYTES: u64 = 64 << 10;

/// Runs an act on a thread and a runtime of its own, so that callers on a runtime's thread may call it too.
pub(crate) fn blocking<T: Send>(
    reference: &Reference,
    deadline: Duration,
    act: impl Future<Output = Result<T, Error>> + Send,
) -> Result<T, Error> {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Client)?;
        let outcome = runtime.block_on(async { tokio::time::timeout(deadline, act).await });
        // A name's resolution or a credential helper may still hang on a thread; it is not waited for.
        runtime.shutdown_background();
        outcome.unwrap_or_else(|_| {
            Err(Error::Deadline { registry: reference.registry().to_owned(), seconds: deadline.as_secs_f64() })
        })
    };
    std::thread::scope(|scope| match scope.spawn(run).join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// An answer that was read whole.
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

pub(crate) struct Session {
    reference: Reference,
    http: reqwest::Client,
    /// Speaks the protocols of authentication and of uploads. What it would read without a bound is read by `http`.
    pub oci: oci_client::Client,
    pub auth: RegistryAuth,
    /// Of a registry that hands out tokens.
    token: Option<String>,
    base: String,
}

impl Session {
    /// Says who we are, for reading or for writing as well.
    pub async fn open(
        reference: &Reference,
        options: &Options,
        operation: RegistryOperation,
    ) -> Result<Session, Error> {
        install_ring();
        let plain = is_plain(options.scheme, reference);
        let roots = roots(options)?;
        let mut http = reqwest::Client::builder().https_only(!plain).user_agent(AGENT);
        if !roots.is_empty() {
            let wrong = |source: reqwest::Error| Error::Http(source.into());
            let of = roots.iter().map(|pem| reqwest::Certificate::from_pem(pem));
            http = http.tls_certs_merge(of.collect::<Result<Vec<_>, _>>().map_err(wrong)?);
        }
        let config = ClientConfig {
            protocol: if plain { ClientProtocol::Http } else { ClientProtocol::Https },
            extra_root_certificates: roots
                .into_iter()
                .map(|data| Certificate { encoding: CertificateEncoding::Pem, data })
                .collect(),
            user_agent: AGENT,
            ..ClientConfig::default()
        };
        let oci = oci_client::Client::try_from(config).map_err(|source| Error::Http(source.into()))?;
        let auth = credentials(reference, options).await?;
        let image = image(reference);
        let token = match oci.auth(&image, &auth, operation).await {
            Ok(token) => token,
            Err(OciDistributionError::AuthenticationFailure(said)) => {
                return Err(unauthorized(reference, said.as_bytes()));
            }
            Err(source) => {
                return Err(Error::Unreachable { registry: reference.registry().to_owned(), source: source.into() });
            }
        };
        let base = format!(
            "{}://{}/v2/{}",
            if plain { "http" } else { "https" },
            image.resolve_registry(),
            image.repository()
        );
        Ok(Session {
            reference: reference.clone(),
            http: http.build().map_err(|source| Error::Http(source.into()))?,
            oci,
            auth,
            token,
            base,
        })
    }

    /// What the registry has at `manifests/...` or `blobs/...`; no more of it than `limit` bytes is ever held.
    pub async fn get(&self, path: &str, accept: &str, what: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let Answer { status, body } = self.ask(path, accept, what, limit).await?;
        let registry = self.reference.registry().to_owned();
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::NOT_FOUND => Err(Error::Missing { registry, what: what.to_owned() }),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(unauthorized(&self.reference, &body)),
            status => {
                Err(Error::Status { registry, what: what.to_owned(), status: status.as_u16(), said: said(&body) })
            }
        }
    }

    async fn ask(&self, path: &str, accept: &str, what: &str, limit: u64) -> Result<Answer, Error> {
        let request = self.http.get(format!("{}/{path}", self.base)).header(header::ACCEPT, accept);
        let request = match (&self.token, &self.auth) {
            (Some(token), _) => request.bearer_auth(token),
            (None, RegistryAuth::Basic(user, password)) => request.basic_auth(user, Some(password)),
            (None, RegistryAuth::Bearer(_) | RegistryAuth::Anonymous) => request,
        };
        let unreachable = |source: reqwest::Error| Error::Unreachable {
            registry: self.reference.registry().to_owned(),
            source: source.into(),
        };
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let limit = if status.is_success() { limit } else { limit.min(ERROR_BYTES) };
        let too_large = || Error::TooLarge { what: what.to_owned(), limit };
        if status.is_success() && response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if (body.len() + chunk.len()) as u64 > limit {
                if status.is_success() {
                    return Err(too_large());
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    }

    /// A blob of this size and digest.
    pub async fn blob(&self, digest: &Digest, bytes: u64, what: &str) -> Result<Vec<u8>, Error> {
        let body = match self.get(&format!("blobs/{digest}"), "*/*", what, bytes).await {
            // Its limit is what the manifest says.
            Err(Error::TooLarge { what, limit }) => {
                return Err(Error::Size { what, found: limit.saturating_add(1), said: limit });
            }
            other => other?,
        };
        if body.len() as u64 != bytes {
            return Err(Error::Size { what: what.to_owned(), found: body.len() as u64, said: bytes });
        }
        let found = Digest::of(&body);
        if found != *digest {
            return Err(Error::Digest { what: what.to_owned(), expected: digest.clone(), found });
        }
        Ok(body)
    }

    /// Uploads a blob, unless the registry has it.
    pub async fn push_blob(&self, bytes: &[u8]) -> Result<(), Error> {
        let pushed = self.oci.push_blob(&self.image(), bytes.to_vec(), Digest::of(bytes).as_str()).await;
        pushed.map(drop).map_err(|source| self.push_failed(source))
    }

    /// Puts a manifest under a tag; its blobs have to be there.
    pub async fn push_manifest(&self, tag: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let image = self.image();
        let tagged =
            oci_client::Reference::with_tag(image.registry().to_owned(), image.repository().to_owned(), tag.to_owned());
        let pushed = self.oci.push_manifest_raw(&tagged, bytes, HeaderValue::from_static(MANIFEST_TYPE)).await;
        pushed.map(drop).map_err(|source| self.push_failed(source))
    }

    /// As the client of the uploads names it.
    fn image(&self) -> oci_client::Reference {
        image(&self.reference)
    }

    fn push_failed(&self, source: OciDistributionError) -> Error {
        match source {
            OciDistributionError::UnauthorizedError { .. } => unauthorized(&self.reference, b""),
            OciDistributionError::ServerError { code: 401 | 403, message, .. } => {
                unauthorized(&self.reference, message.as_bytes())
            }
            OciDistributionError::AuthenticationFailure(said) => unauthorized(&self.reference, said.as_bytes()),
            source => Error::Push { registry: self.reference.registry().to_owned(), source: Box::new(source) },
        }
    }
}

const AGENT: &str = concat!("nicety/", env!("CARGO_PKG_VERSION"));

fn is_plain(scheme: Scheme, reference: &Reference) -> bool {
    match scheme {
        Scheme::PlainHttp => true,
        Scheme::Https => false,
        Scheme::ByHost => reference.is_loopback(),
    }
}

/// Our TLS has no provider of its own built in. Another one that the process has already chosen serves as well.
fn install_ring() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
}

async fn credentials(reference: &Reference, options: &Options) -> Result<RegistryAuth, Error> {
    let (of, owned) = (options.credentials.clone(), reference.clone());
    // A credential helper may block.
    let found = tokio::task::spawn_blocking(move || of.of(&owned)).await;
    found
        .map_err(|error| Error::Client(error.into()))?
        .map_err(|source| Error::Credentials { registry: reference.registry().to_owned(), source: Box::new(source) })
}

/// Each certificate of the file by itself.
fn roots(options: &Options) -> Result<Vec<Vec<u8>>, Error> {
    const END: &str = "-----END CERTIFICATE-----";
    let Some(path) = &options.roots else { return Ok(Vec::new()) };
    let wrong = |source: Box<dyn std::error::Error + Send + Sync>| Error::Roots { path: path.clone(), source };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.into()))?;
    let each: Vec<Vec<u8>> =
        text.split_inclusive(END).filter(|pem| pem.contains(END)).map(|pem| pem.trim().as_bytes().to_vec()).collect();
    if each.is_empty() {
        return Err(wrong("there is no PEM certificate in it".into()));
    }
    for pem in &each {
        reqwest::Certificate::from_pem(pem).map_err(|error| wrong(error.into()))?;
    }
    Ok(each)
}

fn image(reference: &Reference) -> oci_client::Reference {
    let registry = match reference.registry() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        other => other.to_owned(),
    };
    let repository = match reference.repository() {
        official if registry == "docker.io" && !official.contains('/') => format!("library/{official}"),
        other => other.to_owned(),
    };
    oci_client::Reference::with_tag(registry, repository, reference.tag().unwrap_or("latest").to_owned())
}

fn unauthorized(reference: &Reference, body: &[u8]) -> Error {
    Error::Unauthorized {
        registry: reference.registry().to_owned(),
        repository: reference.repository().to_owned(),
        said: said(body),
    }
}

/// The messages of the specification's error document, else the beginning of what there is, without what a terminal would obey.
fn said(body: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Errors {
        errors: Vec<One>,
    }
    #[derive(serde::Deserialize)]
    struct One {
        code: String,
        #[serde(default)]
        message: String,
    }
    let text = match serde_json::from_slice::<Errors>(body) {
        Ok(Errors { errors }) => {
            errors.iter().map(|one| format!("{} {}", one.code, one.message)).collect::<Vec<_>>().join(", ")
        }
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let short: String = text.trim().chars().filter(|c| !c.is_control()).take(SAID_BYTES).collect();
    if short.is_empty() { "it says nothing".to_owned() } else { format!("`{short}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_loopback_is_spoken_to_in_the_open_unless_it_is_asked_for() {
        let plain = |scheme: Scheme, text: &str| is_plain(scheme, &text.parse().expect("a reference"));
        let (near, far) = ("oci://127.0.0.1:5000/a", "oci://registry.example/a");
        assert!(plain(Scheme::ByHost, near) && !plain(Scheme::ByHost, far));
        assert!(plain(Scheme::PlainHttp, near) && plain(Scheme::PlainHttp, far));
        assert!(!plain(Scheme::Https, near) && !plain(Scheme::Https, far));
    }

    #[test]
    fn a_registrys_words_are_quoted_short_and_without_control_characters() {
        assert_eq!(said(br#"{"errors": [{"code": "DENIED", "message": "not you"}]}"#), "`DENIED not you`");
        assert_eq!(said(b"\x1b[31mred\n"), "`[31mred`");
        assert_eq!(said(&[b'x'; 5000]).len(), SAID_BYTES + 2);
        assert_eq!(said(b""), "it says nothing");
    }
}

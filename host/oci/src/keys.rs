//! Keys of signatures: ECDSA on P-256, as PEM.

use std::{fmt, fs, io::Read, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::{
    ecdsa::{
        DerSignature, SigningKey, VerifyingKey,
        signature::{Signer as _, Verifier as _},
    },
    elliptic_curve::Generate as _,
    pkcs8::{
        DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding, der::pem,
    },
};

use crate::{encrypted, reference::Digest};

/// Who may sign. Its text is PEM, `BEGIN PUBLIC KEY`.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// At least one public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys(Vec<PublicKey>);

/// Who signs. It is never printed by accident.
pub struct PrivateKey(SigningKey);

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("cannot read key `{path}`")]
    Read {
        path: String,
        #[source]
        source: std::io::Error,
    },
    #[error("there is no public key in it; hint: PEM, `-----BEGIN PUBLIC KEY-----`")]
    NoPublicKey,
    #[error(
        "it is no public key of ECDSA on P-256; hint: `nicety policy keygen` and `cosign generate-key-pair` make one"
    )]
    PublicKey,
    #[error("it is a private key, where public keys are listed; hint: name the `.pub` beside it")]
    Private,
    #[error(
        "there is no private key in it; hint: PEM, `BEGIN PRIVATE KEY` (PKCS#8) or cosign's `BEGIN ENCRYPTED SIGSTORE PRIVATE KEY`"
    )]
    NoPrivateKey,
    #[error("it is `{label}`, which is not read; hint: PKCS#8, as `openssl pkcs8 -topk8 -nocrypt` writes it")]
    Label { label: String },
    #[error("it is no private key of ECDSA on P-256; hint: `nicety policy keygen` makes one")]
    PrivateKey,
    #[error("it is encrypted; hint: give its password in the variable COSIGN_PASSWORD")]
    NeedsPassword,
    #[error("the password in COSIGN_PASSWORD is not that of the key, or the key is damaged")]
    Password,
    #[error("it is encrypted in a way that is not read: {0}; hint: as cosign does, scrypt and nacl/secretbox")]
    Encryption(String),
    #[error("the system gives no random numbers")]
    Random,
    #[error("cannot write the key")]
    Encode,
}

/// More than a hundred keys.
const KEYS_BYTES: u64 = 64 << 10;

const END: &str = "-----END ";
/// What cosign has called the same format.
const ENCRYPTED: [&str; 2] = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];

/// A file of keys.
pub(crate) fn read(path: &Path) -> Result<String, KeyError> {
    let mut text = String::new();
    let read = fs::File::open(path).and_then(|file| file.take(KEYS_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(text),
        Err(source) => Err(KeyError::Read { path: path.display().to_string(), source }),
    }
}

impl Keys {
    pub fn one(key: PublicKey) -> Keys {
        Keys(vec![key])
    }

    /// All keys of a PEM text, at least one; anything between them is a comment.
    pub fn from_pem(text: &str) -> Result<Keys, KeyError> {
        let keys = blocks(text).map(PublicKey::from_pem).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() { Err(KeyError::NoPublicKey) } else { Ok(Keys(keys)) }
    }

    pub fn read(path: &Path) -> Result<Keys, KeyError> {
        Keys::from_pem(&read(path)?)
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, more: Keys) -> Keys {
        self.0.extend(more.0);
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = &PublicKey> {
        self.0.iter()
    }
}

impl PublicKey {
    /// One PEM block.
    pub fn from_pem(text: &str) -> Result<PublicKey, KeyError> {
        let block = blocks(text).next().ok_or(KeyError::NoPublicKey)?;
        if block.contains("PRIVATE KEY-----") {
            return Err(KeyError::Private);
        }
        VerifyingKey::from_public_key_pem(block.trim()).map(PublicKey).map_err(|_| KeyError::PublicKey)
    }

    pub fn to_pem(&self) -> Result<String, KeyError> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|_| KeyError::Encode)
    }

    /// SHA-256 of the key's DER in hexadecimal: `openssl pkey -pubin -outform DER | sha256sum`.
    pub fn fingerprint(&self) -> String {
        let der = self.0.to_public_key_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default();
        Digest::of(&der).hex().to_owned()
    }

    /// Whether it made this signature, in base64 of DER, of the message.
    pub(crate) fn made(&self, signature: &DerSignature, message: &[u8]) -> bool {
        self.0.verify(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

impl PrivateKey {
    pub fn generate() -> Result<PrivateKey, KeyError> {
        SigningKey::try_generate().map(PrivateKey).map_err(|_| KeyError::Random)
    }

    /// PKCS#8, or cosign's own encrypted form, for which the password is needed.
    pub fn from_pem(text: &str, password: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
        let block = blocks(text).find(|block| block.contains("PRIVATE KEY-----")).ok_or(KeyError::NoPrivateKey)?.trim();
        let (label, bytes) = pem::decode_vec(block.as_bytes()).map_err(|_| KeyError::NoPrivateKey)?;
        let der = match label {
            "PRIVATE KEY" => bytes,
            label if ENCRYPTED.contains(&label) => encrypted::open(&bytes, password.ok_or(KeyError::NeedsPassword)?)?,
            label => return Err(KeyError::Label { label: label.to_owned() }),
        };
        SigningKey::from_pkcs8_der(&der).map(PrivateKey).map_err(|_| KeyError::PrivateKey)
    }

    pub fn read(path: &Path, password: Option<&[u8]>) -> Result<PrivateKey, KeyError> {
        PrivateKey::from_pem(&read(path)?, password)
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(*self.0.verifying_key())
    }

    /// PEM: PKCS#8, or with a password as cosign encrypts it.
    pub fn to_pem(&self, password: Option<&[u8]>) -> Result<String, KeyError> {
        let der = self.0.to_pkcs8_der().map_err(|_| KeyError::Encode)?;
        let (label, bytes) = match password {
            None => ("PRIVATE KEY", der.as_bytes().to_vec()),
            Some(password) => ("ENCRYPTED SIGSTORE PRIVATE KEY", encrypted::seal(der.as_bytes(), password)?),
        };
        pem::encode_string(label, LineEnding::LF, &bytes).map_err(|_| KeyError::Encode)
    }

    /// Base64 of a DER signature. Deterministic (RFC 6979): the same message gets the same signature.
    pub(crate) fn sign(&self, message: &[u8]) -> String {
        let signature: DerSignature = self.0.sign(message);
        STANDARD.encode(signature.as_bytes())
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.public().fingerprint())
    }
}

/// The PEM blocks of a text, without what stands before and after each.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, from) = rest.split_at_checked(rest.find("-----BEGIN ")?)?;
        let end = from.find(END)?;
        let after = end + END.len();
        let length = from.get(after..)?.find("-----").map(|found| after + found + 5)?;
        let (block, tail) = from.split_at_checked(length)?;
        rest = tail;
        Some(block)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sealed by libsodium, with OpenSSL's scrypt; the password is `correct horse`.
    const ENCRYPTED_KEY: &str = include_str!("keys/encrypted.key");
    const ENCRYPTED_PUB: &str = include_str!("keys/encrypted.pub");

    fn refused(found: Result<impl fmt::Debug, KeyError>, wrong: &str) {
        let error = found.expect_err(wrong).to_string();
        assert!(error.contains(wrong), "{error}");
    }

    #[test]
    fn a_key_that_another_program_encrypted_is_opened_by_its_password_alone() {
        let key = PrivateKey::from_pem(ENCRYPTED_KEY, Some(b"correct horse")).expect("its password");
        assert_eq!(key.public(), PublicKey::from_pem(ENCRYPTED_PUB).expect("a public key"));
        refused(PrivateKey::from_pem(ENCRYPTED_KEY, Some(b"wrong horse")), "is not that of the key");
        refused(PrivateKey::from_pem(ENCRYPTED_KEY, None), "COSIGN_PASSWORD");
    }

    #[test]
    fn a_key_survives_being_written_and_read_in_the_open_and_encrypted() {
        let key = PrivateKey::generate().expect("a key");
        for password in [None, Some(b"secret".as_slice())] {
            let text = key.to_pem(password).expect("PEM");
            assert_eq!(PrivateKey::from_pem(&text, password).expect("the same key").public(), key.public());
        }
        let public = key.public().to_pem().expect("PEM");
        assert_eq!(PublicKey::from_pem(&public).expect("the same key"), key.public());
    }

    #[test]
    fn a_list_of_keys_has_all_of_them_and_at_least_one() {
        let (one, two) =
            (PrivateKey::generate().expect("a key").public(), PrivateKey::generate().expect("a key").public());
        let text = format!("# ours\n{}theirs:\n\n{}", one.to_pem().expect("PEM"), two.to_pem().expect("PEM"));
        let keys = Keys::from_pem(&text).expect("two keys");
        assert_eq!(keys.iter().collect::<Vec<_>>(), [&one, &two]);
        refused(Keys::from_pem(""), "there is no public key in it");
        refused(Keys::from_pem("-----BEGIN PUBLIC KEY-----\nAAAA"), "there is no public key in it");
        refused(
            Keys::from_pem(&format!("{text}-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")),
            "it is no public key of ECDSA",
        );
        refused(
            Keys::from_pem(&PrivateKey::generate().expect("a key").to_pem(None).expect("PEM")),
            "it is a private key",
        );
    }

    #[test]
    fn a_key_that_would_take_all_memory_is_refused() {
        for cost in [
            r#""N":1073741824,"r":8,"p":1"#,
            r#""N":65536,"r":4294967295,"p":1"#,
            r#""N":65537,"r":8,"p":1"#,
            r#""N":0,"r":8,"p":1"#,
        ] {
            let document = format!(
                r#"{{"kdf":{{"name":"scrypt","params":{{{cost}}},"salt":"AAAA"}},"cipher":{{"name":"nacl/secretbox","nonce":"{}"}},"ciphertext":"{}"}}"#,
                "A".repeat(32),
                "A".repeat(32)
            );
            let text =
                pem::encode_string("ENCRYPTED SIGSTORE PRIVATE KEY", LineEnding::LF, document.as_bytes()).expect("PEM");
            refused(
                PrivateKey::from_pem(&text, Some(b"x")),
                "it is encrypted in a way that is not read: scrypt with N",
            );
        }
    }

    #[test]
    fn a_private_key_shows_nothing_of_itself() {
        let key = PrivateKey::generate().expect("a key");
        assert_eq!(format!("{key:?}"), format!("PrivateKey(of {})", key.public().fingerprint()));
    }
}

//! Policies in registries: pushed, pulled, signed and verified. The only crate that knows OCI.
//!
//! Nothing that a registry says is believed: a manifest is hashed against the digest of the reference, a module against the digest
//! in that manifest, both read no further than their limit; a signature is checked against keys that the caller has. The same
//! holds for what the store on disk gives back.
//!
//! All functions block, each within its deadline, and may be called from anywhere, an async runtime's thread too.

mod component;
mod credentials;
mod encrypted;
mod error;
mod fetch;
mod keys;
mod manifest;
mod options;
mod pull;
mod push;
mod reference;
mod session;
mod sign;
mod signature;
mod store;

pub use credentials::{Credentials, CredentialsError};
pub use error::Error;
pub use fetch::{FetchOptions, fetch};
pub use keys::{KeyError, Keys, PrivateKey, PublicKey};
pub use options::{Options, Scheme};
pub use pull::{Pulled, pull};
pub use push::push;
pub use reference::{Digest, Reference, ReferenceError};
pub use sign::{Outcome, Signed, Verified, sign, verify};
pub use store::retain;

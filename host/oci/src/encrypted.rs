//! The encrypted private keys of cosign: a key derived by scrypt from a password opens a NaCl secretbox (XSalsa20-Poly1305), all of it
//! described by a JSON document.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::elliptic_curve::Generate as _;
use poly1305::{Poly1305, universal_hash::KeyInit as _};
use salsa20::{
    XSalsa20,
    cipher::{KeyIvInit as _, StreamCipher as _},
};
use serde::{Deserialize, Serialize};

use crate::keys::KeyError;

/// What cosign chooses today.
const COST: Cost = Cost { n: 65536, r: 8, p: 1 };
/// Of scrypt, for keys of others: 128 * N * r bytes.
const MEMORY: u64 = 1 << 30;
const TAG: usize = 16;

#[derive(Serialize, Deserialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Cost,
    salt: String,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
struct Cost {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

pub(crate) fn open(document: &[u8], password: &[u8]) -> Result<Vec<u8>, KeyError> {
    let unread = |what: &str| KeyError::Encryption(what.to_owned());
    let Sealed { kdf, cipher, ciphertext } =
        serde_json::from_slice(document).map_err(|error| KeyError::Encryption(error.to_string()))?;
    if kdf.name != "scrypt" || cipher.name != "nacl/secretbox" {
        return Err(KeyError::Encryption(format!("by `{}` and `{}`", kdf.name, cipher.name)));
    }
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| unread("its base64 is broken"));
    let nonce: [u8; 24] = decode(&cipher.nonce)?.try_into().map_err(|_| unread("its nonce has not 24 bytes"))?;
    let sealed = decode(&ciphertext)?;
    let (tag, text) = sealed.split_at_checked(TAG).ok_or_else(|| unread("its ciphertext is cut off"))?;
    let (mut stream, authenticator) = streams(&derive(password, &decode(&kdf.salt)?, kdf.params)?, nonce);
    // The tag guards against damage and a wrong password; who measures time here has the file and can try passwords at will.
    if authenticator.compute_unpadded(text).as_slice() != tag {
        return Err(KeyError::Password);
    }
    let mut clear = text.to_vec();
    stream.apply_keystream(&mut clear);
    Ok(clear)
}

pub(crate) fn seal(clear: &[u8], password: &[u8]) -> Result<Vec<u8>, KeyError> {
    let salt = <[u8; 32]>::try_generate().map_err(|_| KeyError::Random)?;
    let nonce = <[u8; 24]>::try_generate().map_err(|_| KeyError::Random)?;
    let (mut stream, authenticator) = streams(&derive(password, &salt, COST)?, nonce);
    let mut text = clear.to_vec();
    stream.apply_keystream(&mut text);
    let mut sealed = authenticator.compute_unpadded(&text).to_vec();
    sealed.append(&mut text);
    let document = Sealed {
        kdf: Kdf { name: "scrypt".to_owned(), params: COST, salt: STANDARD.encode(salt) },
        cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: STANDARD.encode(nonce) },
        ciphertext: STANDARD.encode(sealed),
    };
    serde_json::to_vec(&document).map_err(|_| KeyError::Encode)
}

fn derive(password: &[u8], salt: &[u8], cost: Cost) -> Result<[u8; 32], KeyError> {
    let Cost { n, r, p } = cost;
    let unread = || KeyError::Encryption(format!("scrypt with N {n}, r {r}, p {p}"));
    let bounded = n.checked_mul(128).and_then(|bytes| bytes.checked_mul(r.into())).is_some_and(|bytes| bytes <= MEMORY);
    if !n.is_power_of_two() || !bounded || p > 16 {
        return Err(unread());
    }
    let log = u8::try_from(n.trailing_zeros()).map_err(|_| unread())?;
    let mut key = [0; 32];
    let params = scrypt::Params::new(log, r, p).map_err(|_| unread())?;
    scrypt::scrypt(password, salt, &params, &mut key).map_err(|_| unread())?;
    Ok(key)
}

/// The box's two halves: its keystream after the first 32 bytes, and those 32 bytes as the key of the authenticator.
fn streams(key: &[u8; 32], nonce: [u8; 24]) -> (XSalsa20, Poly1305) {
    let mut stream = XSalsa20::new(key.into(), &nonce.into());
    let mut first = poly1305::Key::default();
    stream.apply_keystream(&mut first);
    (stream, Poly1305::new(&first))
}

//! How a policy written in Rust becomes a component. The built-in policies and those of other authors are built in the same way,
//! so this alone may use wit-component's encoder.

use std::{
    env,
    path::{Path, PathBuf},
};

/// What policies are compiled for: no operating system, hence no imports but the contract's.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// A small stack and memory that holds a usual decision from the start: with both, a decision in a fresh sandbox takes less than
/// half the time that the defaults need, because nothing grows and less is cleared. No names: cargo's `strip` passes over packages
/// that have settings of their own.
pub const FLAGS: [&str; 3] = ["-Clink-arg=-zstack-size=65536", "-Clink-arg=--initial-memory=262144", "-Cstrip=symbols"];

/// The flags, and what keeps this machine's paths out of the module.
pub fn flags() -> Vec<String> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(&env::var_os("HOME").unwrap_or_default()).join(".cargo"));
    FLAGS.map(str::to_owned).into_iter().chain([remap(&home, "cargo")]).collect()
}

/// The flag that lets a module speak of `to` instead of a path of this machine.
pub fn remap(from: &Path, to: &str) -> String {
    format!("--remap-path-prefix={}={to}", from.display())
}

/// The custom section in which the macro leaves the contract for the encoder.
const CONTRACT: &[u8] = b"component-type:";

/// The component of a core module that the SDK's macro made.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    // Without it the encoder makes an empty component.
    if !module.windows(CONTRACT.len()).any(|bytes| bytes == CONTRACT) {
        return Err("the module says nothing of the contract".to_owned());
    }
    wit_component::ComponentEncoder::default()
        .validate(true)
        .module(module)
        .and_then(|mut encoder| encoder.encode())
        .map(|component| without_names(&component))
        .map_err(|error| format!("{error:#}"))
}

/// A component or module without its own custom sections, which hold names for debuggers: an eighth of a small policy. What cannot
/// be read as sections stays as it is.
pub fn without_names(component: &[u8]) -> Vec<u8> {
    let (header, mut rest) = component.split_at(component.len().min(8));
    let mut kept = header.to_vec();
    while let [id, tail @ ..] = rest {
        let (mut size, mut length_bytes) = (0_usize, 0);
        for byte in tail.iter().take(5) {
            size |= usize::from(byte & 0x7f) << (7 * length_bytes);
            length_bytes += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let Some((section, after)) = rest.split_at_checked(1 + length_bytes + size) else { return component.to_vec() };
        if *id != 0 {
            kept.extend_from_slice(section);
        }
        rest = after;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custom_sections_go_and_all_others_stay() {
        let header = *b"\0asm\x0d\0\x01\0";
        let custom = [0, 3, 1, b'n', 7];
        let types = [1, 2, 9, 9];
        assert_eq!(without_names(&[&header[..], &custom, &types, &custom].concat()), [&header[..], &types].concat());
    }

    #[test]
    fn what_is_cut_off_stays_as_it_is() {
        let cut = b"\0asm\x0d\0\x01\0\x01\x7fabc";
        assert_eq!(without_names(cut), cut);
        assert_eq!(without_names(b"\0as"), b"\0as");
    }

    #[test]
    fn what_is_no_module_of_the_sdk_gets_an_error() {
        assert!(encode(b"\0asm\x01\0\0\0").is_err());
        assert!(encode(b"text").is_err());
    }
}

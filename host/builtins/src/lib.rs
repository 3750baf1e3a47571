//! The built-in policies as WebAssembly components, built from `policies/` by the build script. A leaf crate, so that a change to
//! a policy recompiles neither the engine nor anything above it.

include!(concat!(env!("OUT_DIR"), "/builtins.rs"));

/// The component of `builtin:NAME`.
pub fn get(name: &str) -> Option<&'static [u8]> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, component)| *component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_component_is_under_64_kib() {
        for (name, component) in ALL {
            assert!(component.len() < 64 * 1024, "`{name}` has {} bytes", component.len());
        }
    }

    #[test]
    fn a_policy_is_found_by_name() {
        let component = get("all").unwrap();
        assert!(component.starts_with(b"\0asm"));
        assert_eq!(get("none-such"), None);
    }
}

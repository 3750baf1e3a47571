//! What a component may import and must export. Checked before anything of it runs.

use nicety_core::facts::Kind;
use wasmtime::{
    Engine,
    component::{Component, types::ComponentItem},
};

/// The version that `wit/policy.wit` has, and that the bindings are made from.
const NEWEST: &str = "0.1.0";
/// Versions of the contract that this host serves, newest first. Each has its frozen text in `wit/MAJOR.MINOR/`; a second one comes with
/// a module that converts between the two.
pub const SERVED: &[&str] = &[NEWEST];
const PACKAGE: &str = "nicety:policy/";

/// The instance that holds the only function of the host.
pub(crate) fn log() -> String {
    format!("{PACKAGE}log@{NEWEST}")
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    #[error(
        "it is {found}, not a WebAssembly component; hint: a policy is built with the macro of the SDK and `wit-component`"
    )]
    NotAComponent { found: &'static str },
    #[error(
        "it imports `{import}`; a policy may import nothing but `nicety:policy/log`: no clock, files, network, environment or randomness"
    )]
    ForeignImport { import: String },
    #[error("it exports no extension point; it must export one of {}, version {}", extension_points(), served())]
    NoExtensionPoint,
    #[error("it exports {found}; a policy has exactly one extension point")]
    SeveralExtensionPoints { found: String },
    #[error("it does not export `nicety:policy/describe`")]
    NoDescription,
    #[error("it speaks `{interface}`; this host serves version {}", served())]
    Version { interface: String },
    #[error("its `{interface}` is not that of the contract: {message}; this host serves version {}", served())]
    Shape { interface: &'static str, message: String },
}

/// Looks at the first bytes alone, so that nothing is spawned for what cannot be a component.
pub(crate) fn check_header(module: &[u8]) -> Result<(), ContractError> {
    let found = match module {
        [0, b'a', b's', b'm', _, 0, 1, 0, ..] => return Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => "a core WebAssembly module",
        [0, b'a', b's', b'm', ..] => "WebAssembly of an unknown version",
        [] => "empty",
        [0x7f, b'E', b'L', b'F', ..] => "an ELF file",
        text if std::str::from_utf8(text).is_ok_and(|text| text.trim_start().starts_with('(')) => "WebAssembly as text",
        text if std::str::from_utf8(text).is_ok() => "text",
        _ => "neither WebAssembly nor text",
    };
    Err(ContractError::NotAComponent { found })
}

/// All that `check` could have against a component, and not only the first of it.
pub(crate) fn breaches(engine: &Engine, component: &Component) -> Vec<ContractError> {
    let shape = component.component_type();
    let mut breaches: Vec<ContractError> =
        shape.imports(engine).filter_map(|(name, import)| importable(engine, name, &import.ty).err()).collect();
    let exports = shape.exports(engine).filter_map(|(name, _)| interface(name)?.err());
    breaches.extend(exports);
    // What exports lack can be said only when what they have is understood.
    if let Err(lacking) = exported(engine, component)
        && !breaches.contains(&lacking)
    {
        breaches.push(lacking);
    }
    breaches
}

/// The component's extension point.
pub(crate) fn check(engine: &Engine, component: &Component) -> Result<Kind, ContractError> {
    for (name, import) in component.component_type().imports(engine) {
        importable(engine, name, &import.ty)?;
    }
    exported(engine, component)
}

/// Whether a component may import this: `log`, or an interface of ours that has nothing but types.
fn importable(engine: &Engine, name: &str, import: &ComponentItem) -> Result<(), ContractError> {
    let foreign = || ContractError::ForeignImport { import: name.to_owned() };
    let interface = interface(name).ok_or_else(foreign)??;
    let ComponentItem::ComponentInstance(instance) = import else { return Err(foreign()) };
    let only_types = instance.exports(engine).all(|(_, item)| matches!(item.ty, ComponentItem::Type(_)));
    if interface == "log" || only_types { Ok(()) } else { Err(foreign()) }
}

fn exported(engine: &Engine, component: &Component) -> Result<Kind, ContractError> {
    let component = component.component_type();
    let mut described = false;
    let mut kinds = Vec::new();
    for (name, _) in component.exports(engine) {
        let Some(interface) = interface(name) else { continue };
        let interface = interface?;
        described |= interface == "describe";
        kinds.extend(Kind::ALL.into_iter().filter(|kind| kind.name() == interface));
    }
    match (described, kinds.as_slice()) {
        (_, []) => Err(ContractError::NoExtensionPoint),
        (false, _) => Err(ContractError::NoDescription),
        (true, [kind]) => Ok(*kind),
        (true, several) => Err(ContractError::SeveralExtensionPoints { found: quoted(several) }),
    }
}

/// The interface of our own package that a name speaks of, at a version that is served; None for a foreign name. Versions are
/// compatible within their minor one.
fn interface(name: &str) -> Option<Result<&str, ContractError>> {
    let (interface, version) = name.strip_prefix(PACKAGE)?.split_once('@')?;
    let minor = |version: &str| version.rsplit_once('.').map(|(minor, _)| minor.to_owned());
    let served = SERVED.iter().any(|served| minor(served) == minor(version));
    Some(if served { Ok(interface) } else { Err(ContractError::Version { interface: name.to_owned() }) })
}

/// The name under which a component exports a kind's `decide`; wasmtime finds compatible versions under it too.
pub(crate) fn extension_point(kind: Kind) -> String {
    format!("{PACKAGE}{}@{NEWEST}", kind.name())
}

fn extension_points() -> String {
    quoted(&Kind::ALL)
}

fn quoted(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| format!("`{}`", kind.name())).collect::<Vec<_>>().join(", ")
}

fn served() -> String {
    SERVED.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_component_is_named() {
        let found = |bytes: &[u8]| match check_header(bytes) {
            Err(ContractError::NotAComponent { found }) => found,
            other => panic!("{other:?}"),
        };
        assert_eq!(found(b"\0asm\x01\0\0\0"), "a core WebAssembly module");
        assert_eq!(found(b"(component)"), "WebAssembly as text");
        assert_eq!(found(b"kind: Network"), "text");
        assert_eq!(found(b"\x7fELF\x02"), "an ELF file");
        assert_eq!(found(b"\xff\xfe\x00"), "neither WebAssembly nor text");
        assert_eq!(found(b""), "empty");
        assert_eq!(check_header(b"\0asm\x0d\0\x01\0"), Ok(()));
    }

    #[test]
    fn a_patch_of_a_served_version_is_served_and_another_minor_is_not() {
        assert_eq!(interface("nicety:policy/attach@0.1.7"), Some(Ok("attach")));
        assert!(matches!(interface("nicety:policy/attach@0.2.0"), Some(Err(ContractError::Version { .. }))));
        assert_eq!(interface("wasi:cli/environment@0.2.0"), None);
    }
}

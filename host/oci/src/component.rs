//! What a component imports and exports, by name.

use serde::Serialize;
use wasmparser::{Encoding, Parser, Payload};

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Names {
    pub imports: Vec<String>,
    pub exports: Vec<String>,
}

/// Names on the outside of a component; the text of an error says why there are none.
pub(crate) fn names(module: &[u8]) -> Result<Names, String> {
    let mut names = Names::default();
    let mut depth = 0_u32;
    if !module.starts_with(b"\0asm") {
        return Err("it is no WebAssembly: it does not start with `\\0asm`".to_owned());
    }
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(broken)? {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(
                    "it is a core module; hint: a policy is a component, as `nicety policy build` makes".to_owned()
                );
            }
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    names.imports.push(import.map_err(broken)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    names.exports.push(export.map_err(broken)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn broken(error: wasmparser::BinaryReaderError) -> String {
    format!("it is no WebAssembly: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(id: u8, content: &[u8]) -> Vec<u8> {
        let mut section = vec![id, u8::try_from(content.len()).expect("short")];
        section.extend(content);
        section
    }

    /// A vector with one import or export: an instance, called `name`.
    fn one(name: &str, rest: &[u8]) -> Vec<u8> {
        let mut one = vec![1, 0, u8::try_from(name.len()).expect("short")];
        one.extend(name.as_bytes());
        one.extend(rest);
        one
    }

    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn the_names_of_a_component_are_those_on_its_outside() {
        let (import, export) = (10, 11);
        let inner = [COMPONENT, &section(import, &one("inner", &[5, 0]))].concat();
        let module = [
            COMPONENT,
            &section(import, &one("nicety:policy/types@0.1.0", &[5, 0])),
            &section(4, &inner),
            &section(export, &one("nicety:policy/attach@0.1.0", &[5, 0, 0])),
        ]
        .concat();
        let expected = Names {
            imports: vec!["nicety:policy/types@0.1.0".to_owned()],
            exports: vec!["nicety:policy/attach@0.1.0".to_owned()],
        };
        assert_eq!(names(&module), Ok(expected));
    }

    #[test]
    fn what_is_no_component_is_refused_with_what_it_is() {
        let refused = |module: &[u8], wrong: &str| {
            let error = names(module).expect_err(wrong);
            assert!(error.contains(wrong), "{error}");
        };
        refused(b"\0asm\x01\0\0\0", "it is a core module");
        refused(b"#!/bin/sh", "it is no WebAssembly");
        refused(b"", "it is no WebAssembly");
        refused(&COMPONENT[..6], "it is no WebAssembly");
        refused(&[COMPONENT, &[10, 200]].concat(), "it is no WebAssembly");
    }
}

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

//! Everything that can be said of a module, for its author: loading stops at the first thing that is wrong, this does not.

use std::sync::Arc;

use wasmtime::component::Component;

use crate::{
    compile,
    contract::{self, ContractError},
    engine::{Engine, LoadError, digest},
    policy::Policy,
};

#[derive(Debug)]
pub struct Inspection {
    /// Names as the component has them.
    pub imports: Vec<String>,
    pub exports: Vec<String>,
    /// Of the machine code. None: it was not compiled.
    pub code_bytes: Option<usize>,
    /// Every way in which imports and exports break the contract.
    pub breaches: Vec<ContractError>,
    /// What loading says.
    pub policy: Result<Policy, LoadError>,
}

impl Engine {
    /// Compiles a module, always anew, and looks at it from all sides.
    pub fn inspect(&self, module: &[u8]) -> Inspection {
        let unseen = |error: LoadError| Inspection {
            imports: Vec::new(),
            exports: Vec::new(),
            code_bytes: None,
            breaches: Vec::new(),
            policy: Err(error),
        };
        if let Err(error) = contract::check_header(module) {
            return unseen(error.into());
        }
        let code = match compile::in_child(&self.0.config.compile, module, &self.0.config.compile_limits) {
            Ok(code) => code,
            Err(error) => return unseen(error.into()),
        };
        match self.link(&code) {
            Ok(component) => self.seen(component, code.len(), digest(module)),
            Err(error) => unseen(error),
        }
    }

    fn seen(&self, component: Component, code_bytes: usize, digest: String) -> Inspection {
        let wasmtime = &self.0.wasmtime;
        let shape = component.component_type();
        let names = |(name, _): (&str, _)| name.to_owned();
        Inspection {
            imports: shape.imports(wasmtime).map(names).collect(),
            exports: shape.exports(wasmtime).map(names).collect(),
            code_bytes: Some(code_bytes),
            breaches: contract::breaches(wasmtime, &component),
            policy: Policy::describe(Arc::clone(&self.0), component, digest),
        }
    }
}

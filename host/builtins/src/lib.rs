//! The built-in policies as WebAssembly components.

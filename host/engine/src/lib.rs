//! The only crate that knows wasmtime: compiles policies in a child process, loads and runs them.

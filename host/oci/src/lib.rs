//! Policies in registries: pushed, pulled, signed and verified. The only crate that knows OCI.

//! The only crate that touches Linux networking.

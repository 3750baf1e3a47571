//! Decision records on disk and in memory: bounded, rotated, compressed.

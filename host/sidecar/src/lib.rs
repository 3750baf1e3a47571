//! Decisions over a local socket, for whoever keeps its own plumbing.

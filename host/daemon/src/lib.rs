//! The node daemon: one file per CNI verb around the functional core.

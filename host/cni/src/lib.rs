//! CNI 0.3.0 to 1.1.0 as types, and the frame between shim and daemon.

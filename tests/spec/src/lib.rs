//! Rows of the specifications and reference systems that Nicety is held to.

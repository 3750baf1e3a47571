//! Nicety against real API servers: they are started here, one set for each test binary.

//! Durable records and leases: the only crate that knows redb.

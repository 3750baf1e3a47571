//! Promises of strategies: everything about a set is checked before it is used, each link of a chain narrows what the one before
//! left, and a policy that fails or lies decides nothing.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what the tests share fails them loudly")]

mod policies;

mod building;
mod chains;
mod failures;
mod gateways;
mod networks;
mod trials;

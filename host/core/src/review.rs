//! What no policy may break, whatever it is asked and whoever wrote it (invariant I4). Every function returns every finding; none
//! means that the answer may be applied. Paths name places in the policy's answer.

pub(crate) mod capped;
mod gateways;
mod masters;
mod requests;
mod selection;
pub(crate) mod text;

pub use gateways::{distribution, filter};
pub use masters::masters;
pub use requests::{REQUESTS_MAX, attach, request};
pub use selection::selection;
pub use text::REASON_MAX;

//! Folders that policy authors start from, and the build of what they write. It alone holds the templates and the SDKs; it links no
//! engine, so what it builds is tried elsewhere.

mod lang;
mod name;
mod project;

pub mod build;
pub mod new;

pub use lang::Lang;
pub use name::{NameError, PolicyName};
pub use project::{PROJECT_FILE, Project, ProjectError};

//! Commands that make and build the folders of policy authors: `new` and `build`.

use std::path::PathBuf;

use clap::Args;
use nicety_authoring::Lang;
use nicety_core::facts::Kind;

#[derive(Debug, Args)]
pub struct PolicyNew {
    /// In kebab-case
    pub name: String,
    /// attach, nic-selection, gateway-filter or gateway-distribution
    #[arg(long, value_parser = crate::policy::new::kind)]
    pub kind: Kind,
    /// rust, python or javascript
    #[arg(long, value_parser = crate::policy::new::lang)]
    pub lang: Lang,
    /// Where the folder NAME is made
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub into: PathBuf,
}

#[derive(Debug, Args)]
pub struct PolicyBuild {
    /// With `policy.json` in it
    #[arg(value_name = "DIR", default_value = ".")]
    pub folder: PathBuf,
}

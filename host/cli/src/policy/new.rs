//! `nicety policy new`: a folder to start from.

use std::process::ExitCode;

use nicety_authoring::{Lang, Project, new};
use nicety_core::facts::Kind;

use crate::{args::PolicyNew, text::say};

pub(super) fn run(arguments: &PolicyNew) -> anyhow::Result<ExitCode> {
    let project = Project { name: arguments.name.parse()?, kind: arguments.kind, lang: arguments.lang };
    let folder = new::create(&project, &arguments.into)?;
    say(&format!("made `{}`; README.md says what is in it", folder.display()));
    Ok(ExitCode::SUCCESS)
}

/// For the command line.
pub(crate) fn kind(name: &str) -> Result<Kind, String> {
    one_of(name, &Kind::ALL, Kind::name)
}

pub(crate) fn lang(name: &str) -> Result<Lang, String> {
    one_of(name, &Lang::ALL, Lang::name)
}

fn one_of<T: Copy>(name: &str, all: &[T], name_of: impl Fn(T) -> &'static str) -> Result<T, String> {
    let names = || all.iter().map(|one| format!("`{}`", name_of(*one))).collect::<Vec<_>>().join(", ");
    all.iter().find(|one| name_of(**one) == name).copied().ok_or_else(|| format!("it is one of {}", names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_or_language_that_does_not_exist_is_answered_with_those_that_do() {
        assert_eq!(kind("gateway-filter"), Ok(Kind::GatewayFilter));
        assert_eq!(lang("javascript"), Ok(Lang::JavaScript));
        assert_eq!(lang("js"), Err("it is one of `rust`, `python`, `javascript`".to_owned()));
        assert!(kind("ipam").unwrap_err().contains("`nic-selection`"));
    }
}

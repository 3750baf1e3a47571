//! Names of attributes that this host knows: the list of `wit/attributes.md`, and any name with an owner's domain in front of it
//! (`example.org/rail`), which is between that owner's own policies and manifests.

/// Registered names, sorted.
pub const ATTRIBUTES: &[&str] = &["class", "masters", "nics", "pci-upstream", "target", "tenant", "unready-reason"];

/// True for a registered name and for one with a domain.
pub fn is_known(name: &str) -> bool {
    ATTRIBUTES.contains(&name) || name.split_once('/').is_some_and(|(domain, rest)| is_domain(domain) && is_word(rest))
}

fn is_domain(text: &str) -> bool {
    text.contains('.') && text.split('.').all(is_word)
}

fn is_word(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(edge) && text.ends_with(edge) && text.chars().all(|c| edge(c) || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_that_of_the_contract() {
        let table = include_str!("../../../../wit/attributes.md").lines();
        let mut documented: Vec<&str> = table.filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        documented.sort_unstable();
        documented.dedup();
        assert_eq!(ATTRIBUTES, documented);
    }

    #[test]
    fn a_name_is_registered_or_has_an_owner() {
        for good in ["example.org/rail", "a.b/c-1"] {
            assert!(is_known(good), "{good}");
        }
        for bad in
            ["", "rail", "rail/x", "example.org/", "Example.org/x", "example.org/x/y", ".org/x", "example.org/-x"]
        {
            assert!(!is_known(bad), "{bad}");
        }
    }
}

//! Policies as an author writes them, from the outside of the crate.

mod allow_healthy;
mod fast_first;

#[test]
fn the_readme_shows_a_policy_that_works() {
    assert!(include_str!("../../README.md").contains(include_str!("fast_first.rs")));
}

#[test]
fn a_definition_describes_itself() {
    let description = (fast_first::definition().describe)();
    assert_eq!((description.name.as_str(), description.version.as_str()), ("fast-first", env!("CARGO_PKG_VERSION")));
    assert!(description.config_schema.contains("Bits per second below which"));
    let description = (allow_healthy::definition().describe)();
    assert_eq!((description.requires, description.wants), (vec!["tenant".to_owned()], vec!["target".to_owned()]));
}

#[test]
fn a_config_is_checked_by_the_policys_own_rules() {
    let validate = allow_healthy::definition().validate_config;
    assert_eq!(validate(r#"{"least": 1}"#), Ok(()));
    assert_eq!(validate("{}"), Err(vec!["`least` is 0 and would allow nothing to be dropped".to_owned()]));
    assert!(validate(r#"{"lest": 1}"#).unwrap_err()[0].contains("unknown field `lest`"));
}

//! Policies in a real registry (Debian's `docker-registry`, on loopback), and signatures that other programs judge and make. Without them the tests say so, and fail where NICETY_REQUIRE has `registry`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "all of this is tests, which clippy cannot see without the usual harness"
)]

mod hostile;
mod judge;
mod lab;
mod modules;
mod signatures;

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

/// A test's name and its function; a function that nobody lists is dead code, which the compiler reports.
type Test = (&'static str, fn());

macro_rules! tests {
    ($($group:ident: $($name:ident),+;)+) => {
        const TESTS: &[Test] = &[$($((concat!(stringify!($group), "::", stringify!($name)), $group::$name)),+),+];
    };
}

tests! {
    modules:
        a_module_comes_back_as_it_was_pushed_under_its_digest,
        the_same_module_always_gets_the_same_digest,
        the_artifact_has_the_standard_layout,
        a_fetched_module_is_had_again_when_the_registry_is_gone,
        a_damaged_store_is_mended_from_the_registry_and_never_believed,
        a_store_forgets_what_nobody_needs_and_nothing_else,
        what_is_not_in_the_registry_is_named,
        a_tampered_module_or_manifest_is_refused,
        a_module_over_the_limit_is_refused_before_it_is_read,
        credentials_are_needed_used_and_asked_for,
        credentials_come_from_a_helper_too,
        a_registry_with_a_certificate_of_its_own_is_trusted_only_by_it;
    signatures:
        a_signed_policy_is_fetched_and_an_unsigned_one_is_not,
        another_key_does_not_do,
        several_signatures_stand_side_by_side_and_none_is_added_twice,
        a_signature_moved_to_another_policy_is_refused,
        a_signature_moved_to_another_repository_is_refused,
        a_changed_payload_is_refused,
        a_kept_signature_counts_for_its_key_alone_and_cannot_be_forged;
    judge:
        a_policy_survives_other_programs,
        our_signature_is_one_for_openssl,
        a_signature_by_openssl_is_one_for_us_and_ours_goes_beside_it;
    hostile:
        an_unreachable_registry_is_named_at_once,
        a_silent_registry_is_left_at_the_deadline,
        a_registry_that_drips_is_left_at_the_deadline,
        a_token_is_asked_for_with_the_credentials_and_then_used,
        an_endless_manifest_is_not_read,
        an_endless_module_is_not_read,
        a_call_from_an_async_runtime_works;
}

fn main() -> ExitCode {
    if env::var_os(modules::CHILD).is_some() {
        modules::child();
        return ExitCode::SUCCESS;
    }
    if let Err(missing) = lab::missing() {
        println!("registry tests cannot run here: {missing}");
        let required = env::var("NICETY_REQUIRE").is_ok_and(|list| list.split(',').any(|part| part == "registry"));
        return if required { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    let filters: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let (mut passed, mut failed) = (0, Vec::new());
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        let ended = catch_unwind(AssertUnwindSafe(test));
        println!("test {name} ... {}", if ended.is_ok() { "ok" } else { "FAILED" });
        if ended.is_ok() { passed += 1 } else { failed.push(*name) }
    }
    println!("\n{passed} passed, {} failed", failed.len());
    failed.iter().for_each(|name| println!("    {name}"));
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

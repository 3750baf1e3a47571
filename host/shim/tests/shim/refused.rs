//! Calls that the shim refuses by itself: no daemon listens in any of these, and none is waited for.

use std::time::Duration;

use super::{Ended, Run, shim};

fn refused(changed: &[(&str, &str)], stdin: &str) -> (u64, Ended) {
    let ended = shim(changed, stdin);
    assert!(ended.took < Duration::from_secs(8), "{:?}", ended.took);
    (ended.code(), ended)
}

#[test]
fn bad_input_is_a_cni_error_with_exit_code_one() {
    let run = Run::new();
    let good = run.netconf();
    let add = ("CNI_COMMAND", "ADD");
    let long = "x".repeat(16);
    let oversized = format!("{good}{}", " ".repeat(1024 * 1024));
    type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, u64, &'a str);
    let rows: [Row; 9] = [
        (&[], &good, 4, "CNI_COMMAND: is missing"),
        (&[("CNI_COMMAND", "MOVE")], &good, 4, "`MOVE` is none of"),
        (&[add, ("CNI_IFNAME", &long)], &good, 4, "is longer than 15 bytes"),
        (&[add, ("CNI_CONTAINERID", "")], &good, 4, "CNI_CONTAINERID: is missing"),
        (&[add, ("CNI_NETNS", "")], &good, 4, "CNI_NETNS: is missing"),
        (&[add], "{", 6, "is not JSON"),
        (&[add], &oversized, 6, "larger than 1048576 bytes"),
        (&[add], &good.replace("1.1.0", "0.2.0"), 1, "version `0.2.0`"),
        (&[add], &good.replace("\"default\"", "[]"), 7, "network: is a list, not text"),
    ];
    for (variables, stdin, code, part) in rows {
        let (given, ended) = refused(variables, stdin);
        assert_eq!(given, code, "{}", ended.stdout);
        assert!(ended.stdout.contains(part), "{part} in {}", ended.stdout);
    }
    assert!(!run.tombstones().exists());
}

#[test]
fn a_namespace_that_cannot_be_opened_fails_add_and_check_by_its_path() {
    let run = Run::new();
    for verb in ["ADD", "CHECK"] {
        let (code, ended) = refused(&[("CNI_COMMAND", verb), ("CNI_NETNS", "/run/netns/gone")], &run.netconf());
        assert_eq!(code, 8, "{verb}");
        assert!(ended.stdout.contains("cannot open the network namespace `/run/netns/gone`"), "{}", ended.stdout);
    }
}

#[test]
fn a_person_at_a_terminal_is_told_what_this_is() {
    let (_, ended) = refused(&[], "");
    assert!(
        ended.stdout.contains("hint: this is a CNI plugin, which a container runtime executes"),
        "{}",
        ended.stdout
    );
}

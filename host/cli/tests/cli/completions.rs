//! `completions`, and the exit codes in the help.

use std::process::Command;

use crate::lab::{file, folder, nicety, of};

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let said = nicety(&["completions", shell]).done().out;
        assert!(said.contains("policy") && said.contains("inspect"), "{shell}");
    }
    nicety(&["completions", "command.com"]).refused(2, &["bash"]);
}

#[test]
fn bash_completes_with_it() {
    let folder = folder("completions");
    let script = file(&folder, "nicety.bash", nicety(&["completions", "bash"]).done().out);
    let ask = format!(
        ". '{script}'; COMP_WORDS=(nicety policy ins); COMP_CWORD=2; _nicety nicety ins policy; echo \"${{COMPREPLY[@]}}\""
    );
    assert_eq!(of(Command::new("bash").args(["-c", &ask]).output().unwrap()).done().out, "inspect\n");
}

#[test]
fn the_help_tells_the_exit_codes() {
    for arguments in [&["--help"][..], &["policy", "--help"]] {
        let help = nicety(arguments).done().out;
        for line in ["0  done", "1  it failed", "2  the command line is wrong", "3  the answer is no"] {
            assert!(help.contains(line), "{line}: {help}");
        }
    }
}

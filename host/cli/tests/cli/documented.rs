//! What the page about `nicety policy` shows is what happens: every `console` block of it is typed into a shell, in an empty folder
//! that it shares with the blocks before, and what is printed must be what the page prints.
//!
//! `$ ` starts a command and `> ` continues it; the rest is its output, both streams, in which `...` stands for anything within a line
//! and alone on a line for any lines. `(exit code 3)` at its end says that the command ended so; otherwise it ended well.

use std::{env, fs, process::Command};

use crate::lab::{folder, of, repository};

struct Step {
    command: String,
    shown: Vec<String>,
    code: i32,
}

/// The commands of all `console` blocks of a page.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (true, line) => match (line.strip_prefix("$ "), line.strip_prefix("> "), steps.last_mut()) {
                (Some(command), _, _) => steps.push(Step { command: command.to_owned(), shown: Vec::new(), code: 0 }),
                (None, Some(more), Some(step)) => step.command.push_str(&format!("\n{more}")),
                (None, None, Some(step)) => {
                    match line.strip_prefix("(exit code ").and_then(|rest| rest.strip_suffix(')')) {
                        Some(code) => step.code = code.parse().unwrap(),
                        None => step.shown.push(line.to_owned()),
                    }
                }
                (None, _, None) => panic!("a block starts with `{line}`"),
            },
            (false, _) => {}
        }
    }
    steps
}

fn fits(shown: &[String], printed: &[&str]) -> bool {
    match (shown, printed) {
        ([], []) => true,
        ([any, rest @ ..], printed) if any == "..." => {
            (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
        }
        ([line, rest @ ..], [first, others @ ..]) => line_fits(line, first) && fits(rest, others),
        _ => false,
    }
}

fn line_fits(shown: &str, printed: &str) -> bool {
    match shown.split_once("...") {
        None => shown == printed,
        Some((start, rest)) => printed.strip_prefix(start).is_some_and(|printed| {
            (0..=printed.len()).any(|at| printed.is_char_boundary(at) && line_fits(rest, &printed[at..]))
        }),
    }
}

#[test]
fn every_example_of_the_page_does_what_it_shows() {
    let page = fs::read_to_string(repository().join("docs/policy.md")).unwrap();
    let (scratch, beside) = (folder("documented"), folder("documented-bin"));
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_nicety"), beside.join("nicety")).unwrap();
    let path = format!("{}:{}", beside.display(), env::var("PATH").unwrap());
    let steps = steps(&page);
    assert!(steps.len() >= 10, "{} examples", steps.len());
    for Step { command, shown, code } in steps {
        let run = format!("exec 2>&1\n{command}");
        let output = Command::new("bash").args(["-c", &run]).current_dir(&scratch).env("PATH", &path).output().unwrap();
        let said = of(output);
        assert_eq!(said.code, code, "{command}\n{}", said.out);
        let printed: Vec<&str> = said.out.lines().collect();
        assert!(fits(&shown, &printed), "{command}\nshown:\n{}\nprinted:\n{}", shown.join("\n"), said.out);
    }
}

//! `nicety completions`: what a shell asks for when Tab is pressed, from the command line's own types.

use clap::CommandFactory;

use crate::{
    args::{Arguments, Completions},
    text::say,
};

pub fn run(arguments: &Completions) {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "nicety", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
}

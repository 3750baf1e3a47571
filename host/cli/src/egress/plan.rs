//! `nicety egress plan` and `nicety egress picture`: computed by the daemon, of what it knows. In a cluster `kubectl nicety egress` has both.

use std::process::ExitCode;

use nicety_daemon::admin::view::egress::{Picture, PlanView, PlanWanted};

use super::NO;
use crate::{
    args::{EgressPicture, EgressPlan},
    client,
    text::say,
};

/// 3 where a pod would lose its gateway, more would be captured without one, or nothing would be decided.
pub fn run(arguments: &EgressPlan) -> anyhow::Result<ExitCode> {
    let EgressPlan { change, socket } = arguments;
    let (without, strategy) = (change.without.clone(), change.strategy.clone());
    let wanted = PlanWanted { without, manifests: change.manifests()?, strategy };
    let plan: PlanView = client::post(&socket.socket, "/v1/egress/plan", &serde_json::to_vec(&wanted)?)?;
    say(if socket.json { serde_json::to_string_pretty(&plan)? } else { plan.text.clone() }.trim_end());
    Ok(if plan.is_bad() { NO.into() } else { ExitCode::SUCCESS })
}

pub fn draw(arguments: &EgressPicture) -> anyhow::Result<ExitCode> {
    let EgressPicture { policy, socket } = arguments;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    anyhow::ensure!(policy.chars().all(legal), "`{policy}` is no name of a policy");
    let picture: Picture = client::get(&socket.socket, &format!("/v1/egress/picture/{policy}"))?;
    say(&if socket.json { serde_json::to_string_pretty(&picture)? } else { picture.svg });
    Ok(ExitCode::SUCCESS)
}

//! `nicety policy shadow`: how candidates compare with what decides.

use std::process::ExitCode;

use nicety_deciding::shadow::{Compared, Pair};

use crate::{
    args::Socket,
    client,
    text::{aligned, say},
};

pub(super) fn run(socket: &Socket) -> anyhow::Result<ExitCode> {
    let shadows: Compared = client::get(&socket.socket, "/v1/shadow")?;
    say(&if socket.json { serde_json::to_string_pretty(&shadows)? } else { page(&shadows) });
    Ok(ExitCode::SUCCESS)
}

fn page(shadows: &Compared) -> String {
    if shadows.pairs.is_empty() {
        return "no candidate has been asked since the daemon started; hint: `shadow: [STRATEGY]` at a strategy, then a pod".to_owned();
    }
    let mut parts: Vec<String> = shadows.pairs.iter().map(pair).collect();
    if shadows.skipped > 0 {
        parts.push(format!("{} more runs did not fit the budget of processor time", shadows.skipped));
    }
    parts.join("\n\n")
}

fn pair(pair: &Pair) -> String {
    let total: u64 = pair.agreements.iter().map(|agreed| agreed.count).sum();
    let mut lines = vec![format!(
        "`{}` beside `{}`: {total} decisions compared, {} us each on average",
        pair.candidate, pair.strategy, pair.mean_us
    )];
    let counts: Vec<[String; 3]> = pair
        .agreements
        .iter()
        .map(|agreed| {
            let percent = agreed.count.saturating_mul(1000).checked_div(total).unwrap_or_default();
            [
                format!("  {}", agreed.agreement),
                agreed.count.to_string(),
                format!("{}.{} %", percent / 10, percent % 10),
            ]
        })
        .collect();
    lines.push(aligned(&counts));
    for difference in &pair.differences {
        lines.push(format!("  {} x {} (last: {})", difference.count, difference.object, difference.last));
        lines.push(format!("      now:       {}", difference.live));
        lines.push(format!("      candidate: {}", difference.candidate));
    }
    lines.join("\n")
}

//! `nicety explain`: why a pod got the network cards that it has, or none.

mod candidates;
mod said;

use nicety_core::record::{Attached, Record, State, Timings, decision::DecisionRecord};
use nicety_daemon::{
    admin::view::Explained,
    explain::{Wanted, from_journal},
};

use crate::{
    args, client,
    text::{aligned, say, utc},
};

pub fn run(arguments: &args::Explain) -> anyhow::Result<()> {
    let args::Explain { of, history, journal, socket } = arguments;
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    anyhow::ensure!(of.chars().all(legal), "`{of}` is neither a container ID nor NAMESPACE/POD");
    let found: Vec<Explained> = match journal {
        Some(path) => {
            // Names what is wrong with the path; the search itself takes what it can get.
            nicety_journal::files(path)?;
            from_journal(path, &Wanted::new(of))
        }
        None => {
            let history = if *history { "&history" } else { "" };
            client::get(&socket.socket, &format!("/v1/explain?of={of}{history}"))?
        }
    };
    if socket.json {
        say(&serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    anyhow::ensure!(
        !found.is_empty(),
        "nothing is remembered of `{of}`; hint: `nicety status` counts what is attached"
    );
    let otherwise = match journal {
        Some(_) => "the journal does not say what is attached now",
        None => "nothing of it is attached now",
    };
    say(&found.iter().map(|one| add(one, otherwise)).collect::<Vec<_>>().join("\n\n"));
    Ok(())
}

/// One ADD: who asked, what each policy said, what came of it; `otherwise` when there is no record of it.
fn add(explained: &Explained, otherwise: &str) -> String {
    let Explained { decisions, record } = explained;
    let mut lines: Vec<String> = decisions.first().map(|first| head(first, record.as_ref())).unwrap_or_default();
    let mut asked = None;
    for decision in decisions {
        // The policies of one chain are asked the same.
        if asked != Some(&decision.asked) {
            asked = Some(&decision.asked);
            lines.push(format!("\n  {}", decision.asked));
            lines.extend(said::question(decision).into_iter().map(|line| format!("    {line}")));
        }
        lines.extend(said::answer(decision).into_iter().map(|line| format!("    {line}")));
    }
    match record {
        Some(record) => lines.extend(attached(record)),
        None => lines.push(format!("\n  {otherwise}")),
    }
    lines.join("\n")
}

fn head(first: &DecisionRecord, record: Option<&Record>) -> Vec<String> {
    let pod = &first.pod;
    let state = match record.map(|record| record.state) {
        Some(State::Attached) => ": attached",
        Some(State::Applying) => ": being attached",
        Some(State::Detaching) => ": being taken back",
        None => "",
    };
    let mut lines = vec![format!("pod {}/{}{state}", pod.namespace, pod.name)];
    let of = first.key.as_ref();
    let of = of.map(|key| format!(", container {}, {} of `{}`", key.container, key.ifname, key.netconf));
    lines.push(format!(
        "  ADD {} at {}{}; strategies of generation {}",
        first.id,
        utc(first.time),
        of.unwrap_or_default(),
        first.generation
    ));
    lines
}

/// The plan as it was carried out, and where the time went.
fn attached(record: &Record) -> Vec<String> {
    let interface = |interface: &Attached| {
        let on = interface.nic.as_ref().map_or_else(String::new, |nic| format!(" on {}", nic.name));
        let mtu = interface.mtu.map_or_else(String::new, |mtu| format!(" mtu {mtu}"));
        let reserved = match interface.reserved {
            0 => String::new(),
            bits => format!(" {} reserved", said::rate(bits)),
        };
        let routes = interface.routes.iter().map(|route| match route.via {
            Some(via) => format!("{} via {via}", route.to),
            None => route.to.to_string(),
        });
        [
            format!("    {}", interface.ifname),
            format!("{}{on}{mtu}{reserved}", interface.link.name()),
            interface.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            interface.network.to_string(),
            routes.collect::<Vec<_>>().join(", "),
        ]
    };
    let head = ["    IFNAME", "LINK", "ADDRESSES", "NETWORK", "ROUTES"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(record.interfaces.iter().map(interface)).collect();
    let Timings { decide_us, lease_us, apply_us } = record.timings;
    let total = decide_us + lease_us + apply_us;
    vec![
        "\n  plan".to_owned(),
        aligned(&rows),
        format!("\n  took {total} us: {decide_us} to decide, {lease_us} to lease and record, {apply_us} in the kernel"),
    ]
}

#[cfg(test)]
mod tests;

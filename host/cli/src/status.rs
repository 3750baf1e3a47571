//! `nicety status`.

use nicety_daemon::admin::view;
use nicety_deciding::listing::Strategy;

use crate::{
    args::Socket,
    client,
    text::{aligned, say},
};

pub fn run(socket: &Socket) -> anyhow::Result<()> {
    let status: view::Status = client::get(&socket.socket, "/v1/status")?;
    say(&if socket.json { serde_json::to_string_pretty(&status)? } else { page(&status) });
    Ok(())
}

fn page(status: &view::Status) -> String {
    let mut parts = vec![format!(
        "node {}, generation {}, {} attachments, {} leases, {} calls served (nicety {})",
        status.node, status.generation, status.records, status.leases, status.served, status.version
    )];
    let listed =
        |title: &str, lines: Vec<String>| (!lines.is_empty()).then(|| format!("{title}\n  {}", lines.join("\n  ")));
    parts.push(source(&status.source));
    let refused = match &status.source {
        view::Source::Folder { .. } => "the manifests on disk are NOT in force; the generation above is:",
        view::Source::Kubernetes { .. } => "NOT in force as it is written:",
    };
    parts.extend(listed(refused, status.refused.iter().map(ToString::to_string).collect()));
    let bad = status.conditions.iter().filter(|condition| !condition.status && condition.kind != "ManifestsInForce");
    let bad = bad.map(|condition| format!("{}: {}: {}", condition.kind, condition.reason, condition.message)).collect();
    parts.extend(listed("conditions that are not as they should be:", bad));
    parts.extend(listed("of the inventory overlay:", status.overlay.iter().map(ToString::to_string).collect()));
    let unfinished = status.unfinished.iter().map(|key| format!("{key}: its DEL or GC will finish it")).collect();
    parts.extend(listed("unfinished attachments:", unfinished));
    parts.extend(status.egress.as_ref().map(egress));
    parts.push(networks(&status.networks));
    parts.push(nics(&status.nics));
    parts.push(strategies(&status.strategies));
    parts.join("\n\n")
}

fn source(source: &view::Source) -> String {
    let (reachable, since, heard, now, unready, feeds) = match source {
        view::Source::Folder { folder } => return format!("objects from folder {folder}"),
        view::Source::Kubernetes { reachable, since, heard, now, unready, feeds, .. } => {
            (reachable, since, heard, now, unready, feeds)
        }
    };
    let ago = |then: &u64| format!("{} s", now.saturating_sub(*then) / 1000);
    let answers = match (reachable, since) {
        (Some(true), Some(since)) => format!("which has answered for {}", ago(since)),
        (_, Some(since)) => format!("which has NOT answered for {}", ago(since)),
        (_, None) => "which was not asked yet".to_owned(),
    };
    let age = heard
        .as_ref()
        .map_or_else(|| "nothing is known of it".to_owned(), |heard| format!("known as of {} ago", ago(heard)));
    let mut parts = vec![format!("objects from the Kubernetes API, {answers}; {age}")];
    parts.extend(unready.as_ref().map(|why| format!("nothing can be attached yet: {why}")));
    let head = ["WATCH", "OBJECTS", "HEARD", "STATE"].map(str::to_owned);
    let lines = feeds.iter().map(|feed| {
        let heard = feed.heard.as_ref().map_or_else(|| "-".to_owned(), |heard| format!("{} ago", ago(heard)));
        [feed.name.clone(), feed.objects.to_string(), heard, format!("{}, for {}", feed.state, ago(&feed.since))]
    });
    parts.push(aligned(&std::iter::once(head).chain(lines).collect::<Vec<_>>()));
    parts.join("\n\n")
}

fn egress(egress: &view::EgressLine) -> String {
    let view::EgressLine { policies, pods, held, unassigned, gateways, dead } = egress;
    format!(
        "egress: {policies} policies, {pods} pods of this node captured, {unassigned} of them without a gateway ({held} held), {gateways} gateways ({dead} nodes dead); more: \
         `nicety egress show`"
    )
}

fn networks(networks: &[view::Network]) -> String {
    let head = ["NETWORK", "LINK", "LEASES", "NICS", "READY"].map(str::to_owned);
    let lines = networks.iter().map(|network| {
        let ready = network.unready.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}"));
        [network.name.clone(), network.link.clone(), network.leases.to_string(), network.nics.join(","), ready]
    });
    aligned(&std::iter::once(head).chain(lines).collect::<Vec<_>>())
}

fn nics(nics: &[view::Nic]) -> String {
    let head = ["NIC", "STATE", "NUMA", "ATTACHMENTS", "ADDRESSES"].map(str::to_owned);
    let lines = nics.iter().map(|nic| {
        let numa = nic.numa.map_or_else(|| "-".to_owned(), |numa| numa.to_string());
        [nic.name.clone(), nic.state.clone(), numa, nic.attachments.to_string(), nic.addresses.join(" ")]
    });
    aligned(&std::iter::once(head).chain(lines).collect::<Vec<_>>())
}

fn strategies(strategies: &[Strategy]) -> String {
    let head = ["STRATEGY", "POLICY", "BESIDE", "DECIDES"].map(str::to_owned);
    let lines = strategies.iter().map(|strategy| {
        let policy = match &strategy.policy {
            Some(policy) => format!("{} {}", policy.name, policy.digest.get(..12).unwrap_or(&policy.digest)),
            None => strategy.pipeline.join(" > "),
        };
        let canary = strategy.canary.iter().map(|canary| match canary.score.rolled_back {
            true => format!("{} (rolled back)", canary.strategy),
            false => format!("{} ({} %)", canary.strategy, canary.terms.percent),
        });
        let shadows = strategy.shadow.iter().map(|candidate| format!("{candidate} (shadow)"));
        let beside = canary.chain(shadows).collect::<Vec<_>>().join(", ");
        [strategy.name.clone(), policy, beside, strategy.decides.join(", ")]
    });
    aligned(&std::iter::once(head).chain(lines).collect::<Vec<_>>())
}

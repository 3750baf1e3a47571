//! The assignment of one policy as a picture for people: a bar per gateway, as long as it has pods, cut by namespace; its role and health beside
//! it. SVG by hand, on no ground of its own, in colours that stand on white and on black.

use std::{collections::BTreeMap, fmt::Write};

use nicety_core::egress::health::Health;

use crate::{
    assembly::Assembly,
    gateways::{Member, Role},
};

/// Namespaces that have a colour of their own; the rest share the last.
const COLOURS: [&str; 6] = ["#3b82c4", "#d9822b", "#2f9e6e", "#b0569b", "#8a7a2e", "#7d8590"];
const INK: &str = "#7d8590";
const BAR: f64 = 520.0;
const LEFT: f64 = 300.0;
const WIDTH: f64 = 1000.0;
const ROW: f64 = 30.0;
const TOP: f64 = 92.0;

/// None: there is no such policy.
pub fn draw(assembly: &Assembly, policy: &str) -> Option<String> {
    assembly.view().policies.get(policy)?;
    let members = assembly.members(policy);
    let mut pods: BTreeMap<&str, usize> = BTreeMap::new();
    let mut bars: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    let (mut all, mut none) = (0, 0);
    for (pod, primary, ..) in assembly.assigned(policy) {
        all += 1;
        *pods.entry(pod.namespace.as_str()).or_default() += 1;
        match primary {
            Some(id) => *bars.entry(id.as_str()).or_default().entry(pod.namespace.as_str()).or_default() += 1,
            None => none += 1,
        }
    }
    let mut namespaces: Vec<(&str, usize)> = pods.into_iter().collect();
    namespaces.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    let place = |name: &str| {
        let place = namespaces.iter().position(|(known, _)| *known == name).unwrap_or(COLOURS.len());
        place.min(COLOURS.len() - 1)
    };
    let colour = |place: usize| COLOURS.get(place).copied().unwrap_or(INK);
    let largest = bars.values().map(|bar| bar.values().sum::<usize>()).max().unwrap_or(0).max(1);
    let scale = BAR / largest as f64;

    let height = TOP + ROW * (members.len() as f64 + 1.0) + 56.0;
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13" role="img">"#
    );
    let _ = writeln!(svg, "<title>Egress policy {}: pods by gateway</title>", escaped(policy));
    text(&mut svg, (16.0, 28.0), "font-size=\"18\" font-weight=\"600\"", &format!("Egress policy {policy}"));
    let active = members.iter().filter(|member| member.role == Role::Active).count();
    let subtitle = format!("{all} pods, {active} active of {} gateways, {none} pods without one", members.len());
    text(&mut svg, (16.0, 48.0), "", &subtitle);
    let mut x = 16.0;
    for (index, (name, count)) in namespaces.iter().enumerate().take(COLOURS.len()) {
        let last = index + 1 == COLOURS.len() && namespaces.len() > COLOURS.len();
        let label =
            if last { format!("{} more namespaces", namespaces.len() - index) } else { format!("{name} ({count})") };
        let _ = writeln!(svg, r#"<rect x="{x}" y="62" width="12" height="12" rx="2" fill="{}"/>"#, colour(index));
        text(&mut svg, (x + 17.0, 73.0), "", &label);
        x += 17.0 + 8.0 * label.chars().count() as f64 + 16.0;
    }
    for (row, member) in members.iter().enumerate() {
        let y = TOP + ROW * row as f64;
        let bar = member.id().and_then(|id| bars.get(id.as_str()));
        gateway(&mut svg, y, member);
        let mut parts = [0; COLOURS.len()];
        for (namespace, count) in bar.into_iter().flatten() {
            if let Some(part) = parts.get_mut(place(namespace)) {
                *part += count;
            }
        }
        let mut x = LEFT;
        for (index, count) in parts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            let width = count as f64 * scale;
            let faded = if member.role == Role::Active { "" } else { " fill-opacity=\"0.45\"" };
            let _ = writeln!(
                svg,
                r#"<rect x="{x:.1}" y="{:.1}" width="{width:.1}" height="18" fill="{}"{faded}/>"#,
                y + 4.0,
                colour(index)
            );
            x += width;
        }
        let total: usize = parts.iter().sum();
        text(&mut svg, (x + 6.0, y + 18.0), "", &format!("{total}{}", role(member)));
    }
    let y = TOP + ROW * (members.len() as f64 + 1.0);
    let _ = writeln!(svg, r#"<line x1="{LEFT}" y1="{y}" x2="{}" y2="{y}" stroke="{INK}"/>"#, LEFT + BAR);
    for (at, count) in [(0.0, 0), (0.5, largest / 2), (1.0, largest)] {
        let x = LEFT + BAR * at;
        text(&mut svg, (x, y + 18.0), "text-anchor=\"middle\"", &count.to_string());
    }
    text(&mut svg, (LEFT + BAR / 2.0, y + 38.0), "text-anchor=\"middle\"", "pods that leave through the gateway");
    svg.push_str("</svg>\n");
    Some(svg)
}

/// The name at the left, and whether it lives.
fn gateway(svg: &mut String, y: f64, member: &Member) {
    let (colour, word) = match member.health.health {
        Health::Healthy => ("#2f9e6e", "healthy"),
        Health::Unhealthy => ("#d64545", "unhealthy"),
        Health::Unknown => ("#c9a227", "of unknown health"),
    };
    let _ = writeln!(svg, r#"<circle cx="22" cy="{}" r="5" fill="{colour}"><title>{word}</title></circle>"#, y + 13.0);
    let name = member.id().map_or_else(|| member.node.to_string(), |id| id.to_string());
    // A long one is cut in the middle of nothing that tells it apart: its end.
    let shown: String = match name.chars().count() {
        0..=36 => name.clone(),
        long => format!("…{}", name.chars().skip(long - 35).collect::<String>()),
    };
    text(svg, (34.0, y + 18.0), "", &shown);
}

fn role(member: &Member) -> String {
    match (member.role, member.why) {
        (Role::Active, _) => String::new(),
        (Role::Draining, _) => ", draining".to_owned(),
        (Role::Standby, Some(crate::gateways::Why::Unhealthy)) => ", unhealthy".to_owned(),
        (Role::Standby, _) if member.gateway.is_none() => ", no way out".to_owned(),
        (Role::Standby, _) => ", standby".to_owned(),
    }
}

fn text(svg: &mut String, (x, y): (f64, f64), more: &str, text: &str) {
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" fill="{INK}" {more}>{}</text>"#, escaped(text));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

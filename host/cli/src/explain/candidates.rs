//! What a policy did with each candidate, beside the facts in which the candidates differ: what is equal for all decided nothing.

use nicety_core::{
    decision::Selection,
    facts::nic_selection::{Facts, LinkState, Nic},
};

use super::said::rate;

/// One line per candidate: kept ones in their order, then dropped ones.
pub fn table(facts: &Facts, selection: &Selection) -> Vec<String> {
    let kept = selection.chosen.iter().enumerate().map(|(place, choice)| {
        let reserve = choice.reserve.map_or_else(String::new, |bits| format!("; {} reserved", rate(bits)));
        (format!("kept {}", place + 1), choice.candidate, format!("{}{reserve}", choice.reason))
    });
    let dropped =
        selection.dropped.iter().map(|verdict| ("dropped".to_owned(), verdict.candidate, verdict.reason.clone()));
    let columns = distinguishing(facts);
    let rows: Vec<Vec<String>> = kept
        .chain(dropped)
        .map(|(fate, candidate, reason)| {
            let place = candidate as usize;
            let name = facts.candidates.get(place).map_or("?", |nic| &nic.name);
            let cells = columns.iter().map(|column| column.get(place).cloned().unwrap_or_default());
            [fate, name.to_owned()].into_iter().chain(cells).chain([reason]).collect()
        })
        .collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns.len() + 2).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: Vec<String>| {
        let (reason, cells) =
            row.split_last().map_or((String::new(), &[][..]), |(reason, cells)| (reason.clone(), cells));
        let cells: Vec<String> = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}  {reason}", cells.join("  ")).trim_end().to_owned()
    };
    rows.into_iter().map(line).collect()
}

/// Per column a cell for each candidate; only columns whose cells are not all the same.
fn distinguishing(facts: &Facts) -> Vec<Vec<String>> {
    let or_none = |value: Option<String>| value.unwrap_or_default();
    let of_nics: [fn(&Nic) -> Option<String>; 11] = [
        |nic| {
            (nic.state != LinkState::Up).then(|| match nic.state {
                LinkState::Down => "down".to_owned(),
                LinkState::Up | LinkState::Unknown => "state unknown".to_owned(),
            })
        },
        |nic| nic.speed.map(rate),
        |nic| nic.numa.map(|numa| format!("NUMA {numa}")),
        |nic| nic.card.map(|card| format!("card {card}")),
        |nic| nic.upstream.map(|upstream| format!("behind {upstream}")),
        |nic| (!nic.driver.is_empty()).then(|| nic.driver.clone()),
        |nic| Some(format!("mtu {}", nic.mtu)),
        |nic| nic.rdma.then(|| "RDMA".to_owned()),
        |nic| nic.functions.map(|functions| format!("{} of {} VFs free", functions.free, functions.total)),
        |nic| {
            Some(match nic.attachments() {
                1 => "1 attachment".to_owned(),
                count => format!("{count} attachments"),
            })
        },
        |nic| (nic.promised > 0).then(|| format!("{} promised", rate(nic.promised))),
    ];
    let mut columns: Vec<Vec<String>> =
        of_nics.iter().map(|cell| facts.candidates.iter().map(|nic| or_none(cell(nic))).collect()).collect();
    let member =
        |list: &[u32], place: u32, name: &str| if list.contains(&place) { name.to_owned() } else { String::new() };
    let places = || (0u32..).zip(&facts.candidates).map(|(place, _)| place);
    columns.push(places().map(|place| member(&facts.taken, place, "taken")).collect());
    for class in &facts.classes {
        let name = format!("class {}", class.name);
        columns.push(places().map(|place| member(&class.members, place, &name)).collect());
    }
    columns.retain(|cells| cells.windows(2).any(|pair| pair.first() != pair.last()));
    columns
}

//! The controller in a large cluster, measured: real API server and etcd, a real controller process, and nodes that are objects alone.
//! A row is a promise of SPECIFICATION.md with what was measured; the exit status says whether all were kept.
//!
//! `nicety-scale [--nodes 1000] [--many 5000] [--json FILE]`

#![expect(clippy::print_stdout, reason = "a table on standard output is what it is for")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use kube::api::ListParams;
use nicety_tests_k8s::{Lab, Process, Seen, Verb, controller_instead, missing, objects, required, secs, until};
use serde_json::{Value, json};

const NICS: u8 = 4;
const NETWORK: &str = "rails";

fn main() -> anyhow::Result<ExitCode> {
    if let Some(ended) = controller_instead() {
        return Ok(ended);
    }
    if let Some(missing) = missing() {
        println!("k8s scale cannot run here: {missing}");
        return Ok(if required() { ExitCode::FAILURE } else { ExitCode::SUCCESS });
    }
    let settings = Settings::read()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let rows = runtime.block_on(measure(&settings))?;
    if let Some(file) = settings.json {
        let all: Vec<Value> = rows.iter().map(Row::json).collect();
        std::fs::write(&file, serde_json::to_vec_pretty(&all)?).with_context(|| format!("`{}`", file.display()))?;
    }
    Ok(if rows.iter().all(Row::kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Settings {
    nodes: u16,
    many: u16,
    json: Option<PathBuf>,
}

impl Settings {
    fn read() -> anyhow::Result<Self> {
        let mut settings = Self { nodes: 1_000, many: 5_000, json: None };
        let mut arguments = std::env::args().skip(1);
        while let Some(flag) = arguments.next() {
            let value = arguments.next().with_context(|| format!("`{flag}` needs a value"))?;
            match flag.as_str() {
                "--nodes" => settings.nodes = value.parse()?,
                "--many" => settings.many = value.parse()?,
                "--json" => settings.json = Some(value.into()),
                _ => bail!("there is no flag `{flag}`"),
            }
        }
        Ok(settings)
    }
}

/// One figure, and the most that it may be.
struct Row {
    name: String,
    value: f64,
    most: Option<f64>,
    unit: &'static str,
}

impl Row {
    fn new(name: String, value: f64, most: impl Into<Option<f64>>, unit: &'static str) -> Self {
        let row = Self { name, value, most: most.into(), unit };
        let bound = row.most.map(|most| format!("<= {most}")).unwrap_or_default();
        let verdict = if row.kept() { "" } else { "  NOT KEPT" };
        println!("{:64} {:>10.2} {:14} {bound}{verdict}", row.name, row.value, row.unit);
        row
    }

    fn kept(&self) -> bool {
        self.most.is_none_or(|most| self.value <= most)
    }

    fn json(&self) -> Value {
        json!({"row": self.name, "value": self.value, "most": self.most, "unit": self.unit})
    }
}

async fn measure(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let Settings { nodes, many, .. } = *settings;
    let lab = Lab::start(NICS).await?;
    let controller = lab.controller().await?;
    let began = Instant::now();
    lab.fleet.join(0..nodes).await?;
    println!("{nodes} nodes are there after {:.1} s", began.elapsed().as_secs_f32());
    let mut rows = Vec::new();

    let began = Instant::now();
    lab.network(NETWORK, "172.16.0.0/12", 13).await?;
    let wanted = usize::from(nodes) * usize::from(NICS);
    blocks_are(&lab, wanted, secs(300)).await?;
    rows.push(Row::new(
        format!("{wanted} blocks of {nodes} nodes, from empty"),
        began.elapsed().as_secs_f64(),
        20.0,
        "s",
    ));
    rows.push(Row::new("most requests in a second meanwhile".into(), count(lab.proxy.peak()), None, "requests"));
    quiet(&lab).await?;

    lab.proxy.forget();
    let began = Instant::now();
    lab.fleet.join([nodes]).await?;
    // From the server's cache: a read of all blocks from etcd would be what is measured.
    let own =
        ListParams::default().match_any().labels(&format!("nicety.dev/node={}", nicety_tests_k8s::Fleet::name(nodes)));
    let api = objects(&lab.client(), "IPBlock");
    until("the new node has its blocks", secs(30), async || Ok(api.list(&own).await?.items.len() == usize::from(NICS)))
        .await?;
    rows.push(Row::new(format!("one node joins {nodes}: its blocks"), began.elapsed().as_secs_f64(), 1.0, "s"));
    quiet(&lab).await?;
    rows.push(Row::new("writes of the controller for it".into(), count(lab.proxy.count(written)), 10.0, "writes"));

    lab.proxy.forget();
    let watched = secs(30);
    tokio::time::sleep(watched).await; // the length of the measurement
    let per_second = count(lab.proxy.seen().len()) / watched.as_secs_f64();
    let bound = f64::from(nodes) / 100.0;
    rows.push(Row::new(
        "requests a second of the controller when nothing happens".into(),
        per_second,
        bound,
        "requests/s",
    ));
    rows.push(memory(&controller, nodes)?);

    // Away, and back: what was missed is read again, and nothing is written.
    lab.proxy.down();
    tokio::time::sleep(secs(20)).await; // long enough for every watch to have given up and tried again
    lab.proxy.forget();
    lab.proxy.up();
    until("it watches again", secs(90), async || Ok(lab.proxy.count(|seen| seen.verb == Verb::Watch) >= 4)).await?;
    quiet(&lab).await?;
    rows.push(Row::new("most requests in a second of its recovery".into(), count(lab.proxy.peak()), 100.0, "requests"));
    rows.push(Row::new("writes of its recovery".into(), count(lab.proxy.count(written)), 0.0, "writes"));

    if many > nodes {
        lab.fleet.join(nodes + 1..many).await?;
        blocks_are(&lab, usize::from(many) * usize::from(NICS), secs(600)).await?;
        quiet(&lab).await?;
        rows.push(memory(&controller, many)?);
    }
    Ok(rows)
}

fn memory(controller: &Process, nodes: u16) -> anyhow::Result<Row> {
    let mebibytes = count(usize::try_from(controller.resident()? >> 20)?);
    Ok(Row::new(format!("resident memory of the controller at {nodes} nodes"), mebibytes, 150.0, "MiB"))
}

/// Counted by the server, since reading thousands of them again and again would be what is measured.
async fn blocks_are(lab: &Lab, wanted: usize, patience: Duration) -> anyhow::Result<()> {
    let api = objects(&lab.client(), "IPBlock");
    until(&format!("{wanted} blocks"), patience, async || {
        let first = api.list(&ListParams::default().limit(1)).await?;
        let rest = first.metadata.remaining_item_count.and_then(|rest| usize::try_from(rest).ok()).unwrap_or(0);
        Ok(first.items.len() + rest >= wanted)
    })
    .await?;
    Ok(())
}

/// Waits until the controller has written nothing for two seconds.
async fn quiet(lab: &Lab) -> anyhow::Result<()> {
    let mut last = (usize::MAX, Instant::now());
    until("the controller is quiet", secs(120), async || {
        let now = lab.proxy.count(written);
        if now != last.0 {
            last = (now, Instant::now());
        }
        Ok(last.1.elapsed() > secs(2))
    })
    .await?;
    Ok(())
}

fn written(seen: &Seen) -> bool {
    seen.writes() && seen.resource != "leases"
}

#[expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

//! The controller by itself, for tests and measurements: the whole of it without the rest of `nicety`. What is shipped is
//! `nicety controller`.

use anyhow::{Context, bail};
use nicety_controller::Config;

#[tokio::main(worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter()).init();
    let mut config = Config { identity: format!("nicety-controller-{}", std::process::id()), ..Config::default() };
    let mut arguments = std::env::args().skip(1);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().with_context(|| format!("`{flag}` needs a value"))?;
        match flag.as_str() {
            "--kubeconfig" => config.kubeconfig = Some(value.into()),
            "--namespace" => config.namespace = value,
            "--lease" => config.lease = value,
            "--identity" => config.identity = value,
            "--metrics" => config.metrics = Some(value.parse().context("`--metrics` is an address and a port")?),
            _ => bail!("there is no flag `{flag}`"),
        }
    }
    nicety_controller::run(config).await
}

fn filter() -> tracing_subscriber::EnvFilter {
    tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into())
}

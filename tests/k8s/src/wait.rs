//! Waiting for a state: looked at again and again until it holds or the time is up. Never for an event, which may be missed.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::process::Process;

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Looks until `holds` says true; the error names what was waited for and the last error seen. Returns how long it took.
pub async fn until(
    what: &str,
    patience: Duration,
    mut holds: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<Duration> {
    let start = Instant::now();
    loop {
        // A look that hangs must not outlast the patience.
        let left = patience.saturating_sub(start.elapsed()).max(Duration::from_millis(100));
        let last = match tokio::time::timeout(left, holds()).await {
            Ok(Ok(true)) => return Ok(start.elapsed()),
            Ok(Ok(false)) => None,
            Ok(Err(error)) => Some(error),
            Err(_) => Some(anyhow::anyhow!("the last look did not come back")),
        };
        if start.elapsed() >= patience {
            let said = last.map(|error| format!(": {error:#}")).unwrap_or_default();
            anyhow::bail!("not within {patience:?}: {what}{said}");
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Waits until a program that was just started answers, but no longer than it runs.
pub(crate) async fn answers(
    process: &mut Process,
    what: &str,
    mut asked: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    // Long, for machines that have other things to do: here one such start took half a minute.
    let waited = until(what, secs(120), async || Ok(process.ended()?.is_some() || asked().await?)).await;
    process.still_runs()?;
    waited.with_context(|| process.tail(20)).map(drop)
}

//! What others do to what is ours in the kernel, or to links that packets leave by, is put right as soon as the kernel tells of it. Without
//! that the next look would, after its time.

use std::{
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use nicety_datapath::Watch;
use tokio::time::sleep;
use tracing::warn;

use crate::node::Node;
use nicety_deciding::chain;

/// Who changes rules or links changes several.
const SETTLE: Duration = Duration::from_millis(100);
/// Others may change things without end: so long nothing more is put right.
const REST: Duration = Duration::from_millis(900);

/// Runs until its task is dropped. Where nothing was ever captured and nothing left, nobody listens.
pub async fn follow(node: Arc<Node>) {
    let mut listens = false;
    loop {
        // Both arms are cancel-safe: what is not taken here is there the next time.
        let links = tokio::select! {
            () = node.egress.rules.notified() => false,
            () = node.egress.stirred.notified() => true,
        };
        if !node.egress.is_active() {
            continue;
        }
        if !listens {
            listens = true;
            listen(&node);
        }
        sleep(SETTLE).await;
        let worker = node.clone();
        // Most of the time it was us.
        let by_others = move || links || worker.egress.work().kernel.is_touched();
        if tokio::task::spawn_blocking(by_others).await.unwrap_or(true) {
            node.egress.repair();
        }
        sleep(REST).await;
    }
}

/// Its thread waits in the kernel, and ends with the process or when the kernel tells no more.
fn listen(node: &Arc<Node>) {
    let node = Arc::downgrade(node);
    let opened = Watch::open().map_err(|error| chain(&error));
    let started = opened.and_then(|watch| {
        let thread = thread::Builder::new().name("rules".to_owned());
        thread.spawn(move || tell(watch, &node)).map_err(|error| error.to_string())
    });
    if let Err(error) = started {
        warn!(error, "what others do to rules of egress is put right late");
    }
}

fn tell(mut watch: Watch, node: &Weak<Node>) {
    loop {
        let waited = watch.wait();
        let Some(node) = node.upgrade() else { return };
        node.egress.rules.notify_one();
        if let Err(error) = waited {
            warn!(error = %chain(&error), "what others do to rules of egress is put right late");
            return;
        }
        drop(node);
        // What is told meanwhile waits, or is missed and known to be.
        thread::sleep(SETTLE);
    }
}

//! The file system of the run directory is full. A limit on the size of files stands in for it: the kernel refuses to grow the
//! file in the same call.

use std::{path::Path, process::Command};

use nicety_core::record::Record;
use nicety_store::{AcquireError, Store, Wanted};

use crate::fixture::{START, assert_leases_match_records, claim, key, open, record};

/// Where the limited process writes.
const DIR: &str = "NICETY_STORE_TEST_FULL_DIR";

/// A pod whose record takes 64 KiB.
fn add(store: &Store, container: &str) -> Result<(), AcquireError<std::convert::Infallible>> {
    let (key, ifname, claims) = (key(container), "net1".parse().unwrap(), [claim("rail", "10.0.0.0/16")]);
    let make = |leases: &[Vec<_>]| Ok(Record { request: "x".repeat(64 << 10), ..record(&key, leases) });
    store.acquire(&key, &[Wanted { ifname: &ifname, claims: &claims }], START, make).map(drop)
}

fn fill(dir: &Path) {
    let store = open(dir);
    let mut pods = 0;
    let refused = loop {
        match add(&store, &format!("c{pods}")) {
            Ok(()) => pods += 1,
            Err(error) => break error,
        }
    };
    let message = refused.to_string();
    assert!(message.contains("hint: is the file system of the run directory full?"), "{message}");
    assert!(pods > 2, "the limit is too low to tell anything: {pods}");

    assert_eq!(store.records().len(), pods);
    assert!(store.get(&key(&format!("c{pods}"))).is_none());
    assert_leases_match_records(&store, &["rail"]);

    // DEL makes room, and the next ADD has it.
    for gone in ["c0", "c1"] {
        store.release(&key(gone), START).unwrap();
    }
    add(&store, "next").unwrap();
    let known = store.records();
    drop(store);
    let store = open(dir);
    assert_eq!(store.records(), known);
    assert_leases_match_records(&store, &["rail"]);
}

#[test]
fn a_full_file_system_refuses_an_add_and_not_a_del() {
    if let Some(dir) = std::env::var_os(DIR) {
        return fill(Path::new(&dir));
    }
    let dir = tempfile::tempdir().unwrap();
    // 512-byte blocks: 8 MiB. The signal that would come with the refusal is ignored, as it is on a full file system.
    let limited = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 16384; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "full::a_full_file_system_refuses_an_add_and_not_a_del", "--nocapture"])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&limited.stdout);
    assert!(
        limited.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&limited.stderr)
    );
}

//! What may be opened, and what is refused without being touched.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use nicety_core::egress::{hold::Hold, share::PodKey};
use nicety_store::{FILE, FORMAT, OpenError, Store};
use redb::{Database, ReadableDatabase, TableDefinition};

use crate::fixture::{START, claim, fixture, key, lease_one, open};

const META: TableDefinition<&str, u64> = TableDefinition::new("nicety");

fn refusal(dir: &Path) -> OpenError {
    Store::open(dir).unwrap_err()
}

#[test]
fn the_directory_is_made_and_the_file_is_for_its_owner_alone() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("run/nicety");
    open(&dir);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&dir.join(FILE))), (0o700, 0o600));
}

#[test]
fn a_file_with_wider_permissions_is_closed_to_others() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path());
    let path = dir.path().join(FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    open(dir.path());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_second_daemon_is_refused_while_the_first_runs() {
    let fixture = fixture();
    let refused = refusal(fixture.dir.path());
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().ends_with("hint: only one daemon runs per run directory"), "{refused}");
    fixture.reopen();
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_was() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim("rail", "10.0.0.0/24"), START).unwrap();
    let (dir, store) = (fixture.dir, fixture.store);
    drop(store);
    let set_format = |format| {
        let database = Database::open(dir.path().join(FILE)).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert("format", format).unwrap();
        transaction.commit().unwrap();
    };
    set_format(FORMAT + 1);

    let message = refusal(dir.path()).to_string();
    assert!(message.contains(&format!("has format {}, written by a newer version", FORMAT + 1)), "{message}");
    assert!(message.contains("hint: start the newer version again"), "{message}");
    let database = Database::open(dir.path().join(FILE)).unwrap();
    let kept = database.begin_read().unwrap().open_table(META).unwrap().get("format").unwrap().unwrap().value();
    assert_eq!(kept, FORMAT + 1);
    drop(database);

    set_format(FORMAT);
    assert!(open(dir.path()).get(&key("c1")).is_some());
}

#[test]
fn a_file_of_something_else_is_refused_and_left_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE);
    fs::write(&path, "{\"version\": \"another-ipam/1\"}").unwrap();
    let refused = refusal(dir.path());
    assert!(matches!(refused, OpenError::Foreign { .. }), "{refused:?}");
    assert!(refused.to_string().contains("hint: move it away"), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"version\": \"another-ipam/1\"}");
}

#[test]
fn a_database_of_something_else_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::create(dir.path().join(FILE)).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<&str, &str>::new("nicety")).unwrap().insert("format", "?").unwrap();
    transaction.commit().unwrap();
    drop(database);
    assert!(matches!(refusal(dir.path()), OpenError::Foreign { .. }));
}

#[test]
fn a_file_that_was_cut_short_is_refused_as_damaged() {
    let fixture = fixture();
    lease_one(&fixture.store, "c1", claim("rail", "10.0.0.0/24"), START).unwrap();
    let (dir, store) = (fixture.dir, fixture.store);
    drop(store);
    let path = dir.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    for length in [16, 300, 4096, whole.len() / 2] {
        fs::write(&path, &whole[..length]).unwrap();
        let refused = refusal(dir.path());
        assert!(matches!(refused, OpenError::Damaged { .. }), "{length}: {refused:?}");
    }
}

#[test]
fn no_damaged_byte_is_taken_for_a_record_or_brings_the_daemon_down() {
    let fixture = fixture();
    for pod in 0..20 {
        lease_one(&fixture.store, &format!("c{pod}"), claim("rail", "10.0.0.0/24"), START).unwrap();
    }
    let (dir, store) = (fixture.dir, fixture.store);
    let known = store.records();
    drop(store);
    let path = dir.path().join(FILE);
    let whole = fs::read(&path).unwrap();
    let mut refused = 0;
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap();
    for position in (0..used).step_by(used / 400) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x5a;
        fs::write(&path, &damaged).unwrap();
        match Store::open(dir.path()) {
            // Where nothing reads, nothing is damaged.
            Ok(store) => assert_eq!(store.records(), known, "byte {position}"),
            Err(error) => {
                assert!(error.to_string().contains("hint: move it away"), "byte {position}: {error}");
                assert!(fs::read(&path).unwrap() == damaged, "byte {position}: the file was changed");
                refused += 1;
            }
        }
    }
    assert!(refused > 20, "only {refused} were noticed");
}

#[test]
fn a_kill_while_the_file_is_first_made_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("state.new"), [0; 300]).unwrap();
    open(dir.path());
    assert!(!dir.path().join("state.new").exists());
}

#[test]
fn what_is_changed_on_the_host_for_networks_outlives_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert!(store.underlay().is_empty());
    store.keep_underlay(|underlay| _ = underlay.tables.insert("rails".parse().unwrap(), 11_007)).unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.underlay().tables[&"rails".parse().unwrap()], 11_007);
    store.keep_underlay(|underlay| underlay.tables.clear()).unwrap();
    drop(store);
    assert!(open(dir.path()).underlay().is_empty());
}

#[test]
fn who_waits_for_a_gateway_waits_after_a_restart_too_and_no_longer_than_its_attachment() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let pod = PodKey { namespace: "shop".to_owned(), name: "web".to_owned(), uid: "1".to_owned() };
    let addresses = ["10.1.0.9".parse().unwrap()].into();
    let hold = Hold { pod, addresses, beside: Default::default(), policies: ["out".to_owned()].into() };
    assert!(!store.hold(&key("c1"), hold.clone()).unwrap(), "there is no such attachment");
    lease_one(&store, "c1", claim("rail", "10.0.0.0/24"), START).unwrap();
    assert!(store.hold(&key("c1"), hold.clone()).unwrap());
    drop(store);
    let store = open(dir.path());
    assert_eq!(*store.holds()[&key("c1")], hold);
    store.release(&key("c1"), START).unwrap();
    assert!(store.holds().is_empty());
    drop(store);
    assert!(open(dir.path()).holds().is_empty());
}

#[test]
fn what_is_kept_about_egress_outlives_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(store.egress("marks"), None);
    store.keep_egress("marks", "{}".to_owned()).unwrap();
    store.keep_egress("marks", r#"{"a":1}"#.to_owned()).unwrap();
    drop(store);
    assert_eq!(open(dir.path()).egress("marks").as_deref(), Some(r#"{"a":1}"#));
}

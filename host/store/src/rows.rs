//! The tables, and the changes that one transaction makes to them.

use std::{net::IpAddr, sync::Arc};

use nicety_core::{
    cluster::underlay::Underlay,
    egress::hold::Hold,
    ids::{AttachmentKey, NetworkName},
    millis::Millis,
    record::{PodRef, Record},
};
use redb::{
    Database, ReadableDatabase, ReadableTable, StorageError, Table, TableDefinition, TableError, WriteTransaction,
};

use crate::network::Holder;

const META: TableDefinition<&str, u64> = TableDefinition::new("nicety");
/// The record as JSON.
const RECORDS: TableDefinition<Key, &[u8]> = TableDefinition::new("records");
const LEASES: TableDefinition<Place, Held> = TableDefinition::new("leases");
/// When it was released, in milliseconds since the epoch.
const COOLING: TableDefinition<Place, u64> = TableDefinition::new("cooling");
/// ADD, step -> decision as JSON.
const DECISIONS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("decisions");
/// One row: what is changed on the host for networks as a whole, as JSON. A file of a version before it has no such table.
const UNDERLAY: TableDefinition<&str, &[u8]> = TableDefinition::new("underlay");
/// Attachments whose pods wait for their egress gateways, as JSON. A file of a version before it has no such table, nor the next.
const HOLDS: TableDefinition<Key, &[u8]> = TableDefinition::new("egress-holds");
/// What else the daemon keeps about egress, by name, as JSON.
const EGRESS: TableDefinition<&str, &[u8]> = TableDefinition::new("egress");

/// NetConf name, container, CNI_IFNAME.
type Key = (&'static str, &'static str, &'static str);
/// Network, and the 4 or 16 octets of an address.
type Place = (&'static str, &'static [u8]);
/// NetConf name, container, CNI_IFNAME, interface, length of the on-link prefix.
type Held = (&'static str, &'static str, &'static str, &'static str, u8);

const FORMAT_KEY: &str = "format";
const UNDERLAY_KEY: &str = "node";

/// One row written or removed.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    PutRecord(Arc<Record>),
    RemoveRecord(AttachmentKey),
    PutLease(NetworkName, IpAddr, Holder),
    RemoveLease(NetworkName, IpAddr),
    PutCooling(NetworkName, IpAddr, Millis),
    RemoveCooling(NetworkName, IpAddr),
    PutDecision { id: u64, step: u32, json: Vec<u8> },
    RemoveDecision { id: u64, step: u32 },
    PutUnderlay(Arc<Underlay>),
    PutHold(AttachmentKey, Arc<Hold>),
    RemoveHold(AttachmentKey),
    PutEgress(String, Arc<str>),
}

/// All rows, for the mirror in memory. Of decisions only what finds them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub records: Vec<Record>,
    pub leases: Vec<(NetworkName, IpAddr, Holder)>,
    pub cooling: Vec<(NetworkName, IpAddr, Millis)>,
    pub decisions: Vec<KeptDecision>,
    pub underlay: Underlay,
    pub holds: Vec<(AttachmentKey, Hold)>,
    pub egress: Vec<(String, String)>,
}

#[derive(Debug)]
pub(crate) struct KeptDecision {
    pub id: u64,
    pub step: u32,
    pub owner: Owner,
    pub bytes: usize,
}

/// Whom a decision was made for: all of a `DecisionRecord` that is read at start.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Owner {
    #[serde(default)]
    pub key: Option<AttachmentKey>,
    pub pod: PodRef,
}

/// Why rows could not be read.
#[derive(Debug)]
pub(crate) enum LoadError {
    Read(Box<redb::Error>),
    /// A row that this crate would not have written.
    Damaged(String),
}

pub(crate) fn initialize(database: &Database, format: u64) -> Result<(), Box<redb::Error>> {
    fn run(database: &Database, format: u64) -> Result<(), redb::Error> {
        let transaction = database.begin_write()?;
        transaction.open_table(META)?.insert(FORMAT_KEY, format)?;
        transaction.open_table(RECORDS)?;
        transaction.open_table(LEASES)?;
        transaction.open_table(COOLING)?;
        transaction.open_table(DECISIONS)?;
        transaction.commit()?;
        Ok(())
    }
    run(database, format).map_err(Box::new)
}

/// None: these are not our tables.
pub(crate) fn format(database: &Database) -> Result<Option<u64>, Box<redb::Error>> {
    fn run(database: &Database) -> Result<Option<u64>, redb::Error> {
        match database.begin_read()?.open_table(META) {
            Ok(table) => Ok(table.get(FORMAT_KEY)?.map(|format| format.value())),
            Err(TableError::TableDoesNotExist(_) | TableError::TableTypeMismatch { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
    run(database).map_err(Box::new)
}

/// Applies all changes in their order, or none.
pub(crate) fn write(database: &Database, changes: &[Change]) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    {
        // Opened when first needed: an idle table costs a transaction nothing.
        let (mut records, mut leases, mut cooling, mut decisions) = (None, None, None, None);
        for change in changes {
            match change {
                Change::PutRecord(record) => {
                    let json = serde_json::to_vec(record.as_ref()).map_err(|error| StorageError::Io(error.into()))?;
                    opened(&mut records, &transaction, RECORDS)?.insert(parts(&record.key), json.as_slice())?;
                }
                Change::RemoveRecord(key) => {
                    opened(&mut records, &transaction, RECORDS)?.remove(parts(key))?;
                }
                Change::PutLease(network, address, holder) => {
                    let (netconf, container, ifname) = parts(&holder.key);
                    let value = (netconf, container, ifname, holder.ifname.as_str(), holder.prefix);
                    opened(&mut leases, &transaction, LEASES)?
                        .insert((network.as_str(), octets(*address).as_ref()), value)?;
                }
                Change::RemoveLease(network, address) => {
                    opened(&mut leases, &transaction, LEASES)?.remove((network.as_str(), octets(*address).as_ref()))?;
                }
                Change::PutCooling(network, address, released) => {
                    opened(&mut cooling, &transaction, COOLING)?
                        .insert((network.as_str(), octets(*address).as_ref()), released.0)?;
                }
                Change::RemoveCooling(network, address) => {
                    opened(&mut cooling, &transaction, COOLING)?
                        .remove((network.as_str(), octets(*address).as_ref()))?;
                }
                Change::PutDecision { id, step, json } => {
                    opened(&mut decisions, &transaction, DECISIONS)?.insert((*id, *step), json.as_slice())?;
                }
                Change::RemoveDecision { id, step } => {
                    opened(&mut decisions, &transaction, DECISIONS)?.remove((*id, *step))?;
                }
                Change::PutUnderlay(underlay) => {
                    let json = serde_json::to_vec(underlay.as_ref()).map_err(|error| StorageError::Io(error.into()))?;
                    transaction.open_table(UNDERLAY)?.insert(UNDERLAY_KEY, json.as_slice())?;
                }
                Change::PutHold(key, hold) => {
                    let json = serde_json::to_vec(hold.as_ref()).map_err(|error| StorageError::Io(error.into()))?;
                    transaction.open_table(HOLDS)?.insert(parts(key), json.as_slice())?;
                }
                Change::RemoveHold(key) => {
                    transaction.open_table(HOLDS)?.remove(parts(key))?;
                }
                Change::PutEgress(name, text) => {
                    transaction.open_table(EGRESS)?.insert(name.as_str(), text.as_bytes())?;
                }
            }
        }
    }
    transaction.commit()?;
    Ok(())
}

fn opened<'a, 't, K: redb::Key + 'static, V: redb::Value + 'static>(
    table: &'a mut Option<Table<'t, K, V>>,
    transaction: &'t WriteTransaction,
    definition: TableDefinition<'_, K, V>,
) -> Result<&'a mut Table<'t, K, V>, TableError> {
    match table {
        Some(table) => Ok(table),
        empty => Ok(empty.insert(transaction.open_table(definition)?)),
    }
}

pub(crate) fn load(database: &Database) -> Result<Rows, LoadError> {
    let mut rows = Rows::default();
    let transaction = database.begin_read().map_err(read)?;
    for row in transaction.open_table(RECORDS).map_err(read)?.iter().map_err(read)? {
        let (key, json) = row.map_err(read)?;
        let record: Record = serde_json::from_slice(json.value()).map_err(|error| {
            let (netconf, container, ifname) = key.value();
            LoadError::Damaged(format!("record `{netconf}/{container}/{ifname}`: {error}"))
        })?;
        rows.records.push(record);
    }
    for row in transaction.open_table(LEASES).map_err(read)?.iter().map_err(read)? {
        let (key, value) = row.map_err(read)?;
        let (network, address) = place(key.value())?;
        let (netconf, container, ifname, interface, prefix) = value.value();
        let key = AttachmentKey { netconf: name(netconf)?, container: name(container)?, ifname: name(ifname)? };
        rows.leases.push((network, address, Holder { key, ifname: name(interface)?, prefix }));
    }
    for row in transaction.open_table(COOLING).map_err(read)?.iter().map_err(read)? {
        let (key, released) = row.map_err(read)?;
        let (network, address) = place(key.value())?;
        rows.cooling.push((network, address, Millis(released.value())));
    }
    for row in transaction.open_table(DECISIONS).map_err(read)?.iter().map_err(read)? {
        let (key, json) = row.map_err(read)?;
        let (id, step) = key.value();
        let damaged = |error| LoadError::Damaged(format!("decision {id} step {step}: {error}"));
        let owner = serde_json::from_slice(json.value()).map_err(damaged)?;
        rows.decisions.push(KeptDecision { id, step, owner, bytes: json.value().len() });
    }
    match transaction.open_table(UNDERLAY) {
        Ok(table) => {
            let json = table.get(UNDERLAY_KEY).map_err(read)?;
            let parsed = json.map(|json| serde_json::from_slice(json.value())).transpose();
            rows.underlay =
                parsed.map_err(|error| LoadError::Damaged(format!("underlay: {error}")))?.unwrap_or_default();
        }
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(error) => return Err(read(error)),
    }
    match transaction.open_table(HOLDS) {
        Ok(table) => {
            for row in table.iter().map_err(read)? {
                let (key, json) = row.map_err(read)?;
                let (netconf, container, ifname) = key.value();
                let hold = serde_json::from_slice(json.value())
                    .map_err(|error| LoadError::Damaged(format!("hold `{netconf}/{container}/{ifname}`: {error}")))?;
                let key = AttachmentKey { netconf: name(netconf)?, container: name(container)?, ifname: name(ifname)? };
                rows.holds.push((key, hold));
            }
        }
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(error) => return Err(read(error)),
    }
    match transaction.open_table(EGRESS) {
        Ok(table) => {
            for row in table.iter().map_err(read)? {
                let (name, text) = row.map_err(read)?;
                let damaged = |_| LoadError::Damaged(format!("egress row `{}` is no text", name.value()));
                let text = std::str::from_utf8(text.value()).map_err(damaged)?.to_owned();
                rows.egress.push((name.value().to_owned(), text));
            }
        }
        Err(TableError::TableDoesNotExist(_)) => {}
        Err(error) => return Err(read(error)),
    }
    Ok(rows)
}

/// ADD, step and decision as JSON.
pub(crate) type DecisionRow = (u64, u32, Vec<u8>);

/// The decisions asked for, in that order, as far as they are there.
pub(crate) fn decisions(database: &Database, wanted: &[(u64, u32)]) -> Result<Vec<DecisionRow>, Box<redb::Error>> {
    fn run(database: &Database, wanted: &[(u64, u32)]) -> Result<Vec<DecisionRow>, redb::Error> {
        let table = database.begin_read()?.open_table(DECISIONS)?;
        let mut found = Vec::new();
        for (id, step) in wanted {
            if let Some(json) = table.get((*id, *step))? {
                found.push((*id, *step, json.value().to_vec()));
            }
        }
        Ok(found)
    }
    run(database, wanted).map_err(Box::new)
}

fn parts(key: &AttachmentKey) -> (&str, &str, &str) {
    (key.netconf.as_str(), key.container.as_str(), key.ifname.as_str())
}

/// 4 or 16 octets in network order, which sort as addresses do.
fn octets(address: IpAddr) -> Octets {
    match address {
        IpAddr::V4(address) => Octets::V4(address.octets()),
        IpAddr::V6(address) => Octets::V6(address.octets()),
    }
}

enum Octets {
    V4([u8; 4]),
    V6([u8; 16]),
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        match self {
            Octets::V4(octets) => octets,
            Octets::V6(octets) => octets,
        }
    }
}

fn place((network, octets): (&str, &[u8])) -> Result<(NetworkName, IpAddr), LoadError> {
    let address =
        <[u8; 4]>::try_from(octets).map(IpAddr::from).or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
    let address = address.map_err(|_| LoadError::Damaged(format!("an address of {} octets", octets.len())))?;
    Ok((name(network)?, address))
}

fn name<T: std::str::FromStr<Err = nicety_core::ids::InvalidName>>(text: &str) -> Result<T, LoadError> {
    text.parse().map_err(|error: nicety_core::ids::InvalidName| LoadError::Damaged(error.to_string()))
}

fn read(error: impl Into<redb::Error>) -> LoadError {
    LoadError::Read(Box::new(error.into()))
}

//! The lock file of a policy's folder: the versions of our own, so that a machine which has built Nicety needs no network. What our
//! other crates make a package depend on by their features stays in it, and cargo takes that out when it builds the policy first.

use std::collections::BTreeMap;

const SDK: &str = "nicety-policy-sdk";
/// What a policy depends on besides the SDK.
const DIRECT: [&str; 2] = ["schemars", "serde"];
/// Stands for the policy; `new` puts its name here.
const POLICY: &str = "my-policy";

struct Package<'text> {
    name: &'text str,
    version: &'text str,
    block: &'text str,
}

pub fn of_a_policy(lock: &str) -> Result<String, String> {
    let (header, _) = lock.split_once("\n[[package]]").ok_or("Cargo.lock lists no package")?;
    let packages: Vec<Package> = lock
        .split("[[package]]\n")
        .skip(1)
        .filter_map(|block| {
            Some(Package { name: field(block, "name")?, version: field(block, "version")?, block: block.trim() })
        })
        .collect();
    let mut needed: BTreeMap<(&str, &str), &Package> = BTreeMap::new();
    let mut to_visit = vec![SDK];
    to_visit.extend(DIRECT);
    while let Some(dependency) = to_visit.pop() {
        // "name", or "name version" where the lock has several.
        let (name, version) = dependency.split_once(' ').unwrap_or((dependency, ""));
        let found =
            packages.iter().find(|package| package.name == name && (version.is_empty() || package.version == version));
        let package = found.ok_or_else(|| format!("Cargo.lock has no package `{dependency}`"))?;
        if needed.insert((package.name, package.version), package).is_none() {
            to_visit.extend(dependencies(package.block));
        }
    }
    let version = needed.keys().find(|(name, _)| *name == SDK).map_or("", |(_, version)| version);
    let direct = [SDK, DIRECT[0], DIRECT[1]].map(|name| format!(" \"{name}\",\n")).concat();
    let policy = format!("name = \"{POLICY}\"\nversion = \"{version}\"\ndependencies = [\n{direct}]");
    let policy = Package { name: POLICY, version, block: &policy };
    needed.insert((POLICY, version), &policy);
    let mut text = header.trim_end().to_owned() + "\n";
    for package in needed.values() {
        text += &format!("\n[[package]]\n{}\n", package.block);
    }
    // A version stands in a dependency only where there is a choice.
    for (name, version) in needed.keys() {
        if needed.keys().filter(|(other, _)| other == name).count() == 1 {
            text = text.replace(&format!("\"{name} {version}\""), &format!("\"{name}\""));
        }
    }
    Ok(text)
}

fn field<'text>(block: &'text str, key: &str) -> Option<&'text str> {
    block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
}

fn dependencies(block: &str) -> impl Iterator<Item = &str> {
    let list = block.split_once("dependencies = [\n").and_then(|(_, rest)| rest.split_once(']'));
    list.map_or("", |(list, _)| list).lines().map(|line| line.trim().trim_matches([',', '"']))
}

//! Makes components of the hostile guests, against the frozen text of version 0.1 of the contract: each `hostile/guests/NAME.wat` holds the fields of a core module, which the prelude
//! completes. Lines that start with `;;;` say what is different about its contract:
//! `world: ITEMS` (instead of the nic-selection world), `version: X` (of the contract), `without: FIELD` (taken out of the contract).

use std::{
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

const WORLD: &str = "include nicety:policy/nic-selection-policy@0.1.0;";
const VERSION: &str = "0.1.0";

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let sources = Sources::read(&here)?;
    let mut guests: Vec<PathBuf> = fs::read_dir(here.join("hostile/guests"))?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    guests.sort();
    let mut list = String::from("&[\n");
    for guest in guests {
        let name = guest.file_stem().and_then(|stem| stem.to_str()).ok_or("a guest without a name")?;
        let component =
            component(&fs::read_to_string(&guest)?, &sources).map_err(|error| format!("{name}: {error:#}"))?;
        let file = out.join(name).with_extension("wasm");
        fs::write(&file, component)?;
        writeln!(list, "    ({name:?}, include_bytes!({file:?})),")?;
    }
    for (name, source) in bombs()? {
        let file = out.join(name).with_extension("wasm");
        fs::write(&file, component(&source, &sources).map_err(|error| format!("{name}: {error:#}"))?)?;
        writeln!(list, "    ({name:?}, include_bytes!({file:?})),")?;
    }
    fs::write(out.join("guests.rs"), list + "]\n")?;
    Ok(())
}

struct Sources {
    contract: String,
    environment: String,
    prelude: String,
}

impl Sources {
    fn read(here: &Path) -> Result<Sources, Box<dyn Error>> {
        let read = |path: &str| {
            let path = here.join(path);
            println!("cargo::rerun-if-changed={}", path.display());
            fs::read_to_string(path)
        };
        println!("cargo::rerun-if-changed={}", here.join("hostile/guests").display());
        Ok(Sources {
            contract: read("../../wit/0.1/policy.wit")?,
            environment: read("hostile/wit/environment.wit")?,
            prelude: read("hostile/prelude.wat")?,
        })
    }
}

fn component(guest: &str, sources: &Sources) -> Result<Vec<u8>, Box<dyn Error>> {
    let said =
        |key: &str| guest.lines().find_map(|line| line.strip_prefix(";;; ")?.strip_prefix(key)?.strip_prefix(": "));
    let version = said("version").unwrap_or(VERSION);
    let mut contract = sources.contract.clone();
    if let Some(field) = said("without") {
        contract = contract.replacen(field, "", 1);
    }
    let text = |text: &str| text.replace(VERSION, version);
    let mut resolve = Resolve::default();
    resolve.push_str("policy.wit", &text(&contract))?;
    resolve.push_str("environment.wit", &sources.environment)?;
    let world = text(said("world").unwrap_or(WORLD));
    let package = resolve.push_str("guest.wit", &format!("package hostile:guest; world guest {{ {world} }}"))?;
    let world = resolve.select_world(&[package], Some("guest"))?;
    let mut module = wat::parse_str(text(&format!("(module {guest}\n{})", sources.prelude)))?;
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
    Ok(ComponentEncoder::default().validate(true).module(&module)?.encode()?)
}

/// Guests that are made to be compiled and never called, with the size that their component has at most.
fn bombs() -> Result<Vec<(&'static str, String)>, std::fmt::Error> {
    Ok(vec![
        ("compile-bomb", bomb(1, 3_000)?),
        // Below 25 and 250 KiB.
        ("compile-bomb-25", bomb(1, 900)?),
        ("compile-bomb-250", bomb(10, 900)?),
        ("function-swarm", swarm(25_000)?),
    ])
}

const DECIDE: &str =
    "(func (export \"nicety:policy/nic-selection@0.1.0#decide\") (param i32) (result i32) (i32.const 0x800))\n";

/// Valid functions that are small to send and huge to compile: every one of `depth` locals changes in the innermost of as many
/// nested loops and is carried through each of them, so that a compiler in SSA form needs their product in values.
fn bomb(functions: usize, depth: usize) -> Result<String, std::fmt::Error> {
    let mut guest = String::from(DECIDE);
    for _ in 0..functions {
        guest.push_str("(func (local");
        guest.push_str(&" i64".repeat(depth));
        guest.push_str(")\n");
        guest.push_str(&"loop ".repeat(depth));
        for local in 0..depth {
            write!(guest, "(local.set {local} (i64.add (local.get {local}) (i64.const 1))) ")?;
        }
        for label in 0..depth {
            write!(guest, "(br_if {label} (i32.load (i32.const 8))) ")?;
        }
        guest.push_str(&"end ".repeat(depth));
        guest.push_str(")\n");
    }
    Ok(guest)
}

/// Thousands of small functions, none of which is bad.
fn swarm(functions: usize) -> Result<String, std::fmt::Error> {
    let mut guest = String::from(DECIDE);
    for number in 0..functions {
        writeln!(guest, "(func (result i32) (i32.const {}))", number % 64)?;
    }
    Ok(guest)
}

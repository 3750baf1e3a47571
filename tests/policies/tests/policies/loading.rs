//! Loading: from the compiler once, then from the cache, a thousand times over.

use std::{fs, path::Path};

use nicety_core::{decision::Decision, evaluate::Evaluator};
use nicety_engine::{Cache, CacheStats, CompileCommand, Engine, EngineConfig};
use nicety_tests_policies::memory::resident;

use crate::lab::{config, decide, guest, in_own_process};

const ROOM: u64 = 256 << 20;

fn caching(folder: &Path) -> Engine {
    Engine::new(EngineConfig { cache: Some(Cache::open(folder, ROOM).unwrap()), ..config() }).unwrap()
}

/// One that has no compiler at all, so that what it loads was in the cache.
fn without_compiler(folder: &Path) -> Engine {
    let compile = CompileCommand { program: "/nonexistent".into(), arguments: Vec::new() };
    Engine::new(EngineConfig { compile, cache: Some(Cache::open(folder, ROOM).unwrap()), ..config() }).unwrap()
}

/// The only file in a folder.
fn file(folder: &Path) -> std::path::PathBuf {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn a_module_is_compiled_once_per_machine() {
    let folder = tempfile::tempdir().unwrap();
    let engine = caching(folder.path());
    let first = engine.load(guest("honest")).unwrap();
    assert_eq!(engine.cache_stats(), CacheStats { misses: 1, ..CacheStats::default() });
    let restarted = without_compiler(folder.path());
    let again = restarted.load(guest("honest")).unwrap();
    assert_eq!(restarted.cache_stats(), CacheStats { hits: 1, ..CacheStats::default() });
    assert_eq!((again.description(), again.digest()), (first.description(), first.digest()));
    assert!(matches!(decide(&again).outcome, Ok(Decision::Selection(_))));
    assert_eq!(decide(&again), decide(&first), "fuel, log and answer");
    restarted.load(guest("trap")).unwrap_err();
}

#[test]
fn a_damaged_file_is_compiled_anew_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    caching(folder.path()).load(guest("honest")).unwrap();
    let file = file(folder.path());
    let whole = fs::read(&file).unwrap();
    for harm in [&whole[..whole.len() / 2], b"", &[&whole[..], b"!"].concat()] {
        fs::write(&file, harm).unwrap();
        assert!(without_compiler(folder.path()).load(guest("honest")).is_err(), "it is not believed");
        assert!(!file.exists(), "and does not stay");
        let engine = caching(folder.path());
        engine.load(guest("honest")).unwrap();
        assert_eq!(fs::read(&file).unwrap(), whole);
    }
}

#[test]
fn the_code_of_one_module_is_not_believed_to_be_anothers() {
    let folder = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    caching(folder.path()).load(guest("honest")).unwrap();
    caching(other.path()).load(guest("no-candidate")).unwrap();
    let place = file(folder.path());
    fs::copy(file(other.path()), &place).unwrap();
    assert!(without_compiler(folder.path()).load(guest("honest")).is_err());
    assert!(!place.exists());
}

#[test]
fn what_is_no_policy_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let engine = caching(folder.path());
    for name in ["endless-start", "foreign-import", "speechless", "newer"] {
        engine.load(guest(name)).unwrap_err();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_thousand_reloads_leave_memory_flat() {
    in_own_process("loading::a_thousand_reloads_leave_memory_flat", || {
        let folder = tempfile::tempdir().unwrap();
        let engine = caching(folder.path());
        let modules: Vec<&[u8]> = nicety_builtins::ALL
            .iter()
            .map(|(_, module)| *module)
            .chain([guest("honest"), guest("log-flood")])
            .collect();
        let reload =
            |times: usize| modules.iter().cycle().take(times).for_each(|module| drop(engine.load(module).unwrap()));
        reload(50);
        let before = resident().unwrap();
        reload(1_000);
        let after = resident().unwrap();
        assert_eq!(engine.cache_stats().hits, 1_050 - modules.len() as u64);
        assert!(after < before + (2 << 20), "{before} bytes before, {after} after");
    });
}

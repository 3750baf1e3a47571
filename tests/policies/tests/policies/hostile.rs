//! Guests that break every rule they can reach. Each is contained within its limits, says why it failed, and leaves the next decision
//! of an honest policy as it was.

use std::{
    fs,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nicety_core::{
    decision::{Choice, Decision, Selection},
    evaluate::{Evaluation, Evaluator, Failure, Refusal},
    facts::{Facts, Kind},
    finding::{self, Finding},
    review,
};
use nicety_engine::{CompileCommand, CompileError, CompileLimits, ContractError, Limits, LoadError, compile::in_child};

use crate::lab::{alone, config, decide, engine, facts, guest, load, resident};

const MIB: u64 = 1 << 20;

/// What every guest of the folder answers when it means no harm.
fn first() -> Decision {
    let chosen = vec![Choice { candidate: 0, reserve: None, reason: "first".to_owned() }];
    Decision::Selection(Selection { chosen, ..Default::default() })
}

/// Runs a guest; the failure, and proof that nobody else noticed.
fn failure(name: &str) -> Failure {
    let _alone = alone();
    let outcome = decide(&load(name).unwrap()).outcome;
    assert_eq!(decide(&load("honest").unwrap()).outcome, Ok(first()), "the next decision");
    match outcome {
        Err(Refusal::Failed(failure)) => failure,
        other => panic!("{name}: {other:?}"),
    }
}

/// What the engine says of a guest that it does not take; the whole chain, as a user reads it.
fn refusal(name: &str) -> (LoadError, String) {
    let _alone = alone();
    let error = load(name).unwrap_err();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    (error, text)
}

/// What review finds in a decision on the facts of these tests.
fn findings(decision: Decision) -> Vec<Finding> {
    match (facts(), decision) {
        (Facts::NicSelection(facts), Decision::Selection(selection)) => review::selection(&facts, &selection),
        other => panic!("{other:?}"),
    }
}

fn limits() -> Limits {
    Limits::of(Kind::NicSelection)
}

#[test]
fn an_honest_guest_is_heard() {
    let policy = load("honest").unwrap();
    assert_eq!(policy.kind(), Kind::NicSelection);
    assert_eq!((policy.description().name.as_str(), policy.description().config_schema.as_str()), ("hostile", "{}"));
    assert_eq!(policy.validate_config("{}"), Ok(vec![]));
    let Evaluation { outcome, fuel, log } = decide(&policy);
    assert_eq!(outcome, Ok(first()));
    assert_eq!(findings(first()), [], "and may be believed");
    assert!((1..1_000).contains(&fuel), "{fuel}");
    assert_eq!(log, []);
}

#[test]
fn an_honest_filter_is_heard() {
    let policy = load("honest-filter").unwrap();
    assert_eq!(policy.kind(), Kind::GatewayFilter);
    let outcome = policy.evaluate("{}", &Facts::GatewayFilter(Default::default())).outcome;
    assert_eq!(outcome, Ok(Decision::Allowed(vec![1])));
}

#[test]
fn an_endless_loop_ends_with_its_fuel() {
    assert_eq!(failure("endless-loop"), Failure::Fuel { limit: limits().fuel });
}

#[test]
fn an_endless_loop_with_endless_fuel_ends_with_its_time() {
    let policy = load("endless-loop").unwrap().limited(Limits { fuel: u64::MAX, milliseconds: 50, ..limits() });
    let started = Instant::now();
    assert_eq!(decide(&policy).outcome, Err(Refusal::Failed(Failure::Deadline { milliseconds: 50 })));
    assert!(started.elapsed() >= Duration::from_millis(50), "{:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn fuel_is_used_alike_each_time() {
    let policy = load("log-flood").unwrap();
    assert_eq!(decide(&policy).fuel, decide(&policy).fuel);
}

#[test]
fn a_guest_that_loops_before_it_is_called_is_not_loaded() {
    assert!(matches!(refusal("endless-start").0, LoadError::Describe(Failure::Fuel { .. })));
}

#[test]
fn a_memory_balloon_is_held_at_its_limit() {
    assert_eq!(failure("memory-balloon"), Failure::Memory { bytes: limits().memory });
}

#[test]
fn a_table_balloon_is_held_too() {
    assert_eq!(failure("table-balloon"), Failure::Memory { bytes: limits().memory });
}

#[test]
fn a_guest_that_is_refused_memory_may_still_answer() {
    let _alone = alone();
    assert_eq!(decide(&load("modest-balloon").unwrap()).outcome, Ok(first()));
}

#[test]
fn a_deep_recursion_ends_with_its_stack() {
    assert_eq!(failure("deep-recursion"), Failure::Stack);
}

#[test]
fn a_trap_is_reported_in_its_own_words() {
    let message = "wasm `unreachable` instruction executed".to_owned();
    assert_eq!(failure("trap"), Failure::Trap { message });
    assert_eq!(failure("wild-access"), Failure::Trap { message: "out of bounds memory access".to_owned() });
}

#[test]
fn an_answer_that_is_a_bomb_is_not_copied() {
    let output = Failure::Output { bytes: limits().output_bytes };
    assert_eq!(failure("aliased-bomb"), output, "one text, a thousand times");
    assert_eq!(failure("crumb-bomb"), output, "a million texts of one byte");
}

#[test]
fn an_answer_outside_of_the_contract_is_refused() {
    for (name, says) in [("stray-pointer", "out of bounds"), ("broken-text", "utf-8"), ("unknown-case", "discriminant")]
    {
        let Failure::Contract { message } = failure(name) else { panic!("{name}") };
        assert!(message.contains(says), "{name}: {message}");
    }
}

#[test]
fn a_flood_of_the_log_is_cut_and_says_so() {
    let _alone = alone();
    let Evaluation { outcome, log, .. } = decide(&load("log-flood").unwrap());
    assert_eq!(outcome, Ok(first()), "the log decides nothing");
    let bytes: usize = log.iter().map(|line| line.message.len()).sum();
    assert!(log.len() < 100 && bytes as u64 <= limits().log_bytes + 100, "{} lines, {bytes} bytes", log.len());
    assert!(log.last().unwrap().message.contains("more log lines were dropped"), "{:?}", log.last());
}

#[test]
fn nothing_of_a_decision_outlives_it() {
    let policy = load("rememberer").unwrap();
    for _ in 0..3 {
        assert_eq!(decide(&policy).outcome, Ok(first()));
    }
}

#[test]
fn a_foreign_import_is_refused_by_its_name() {
    let (error, text) = refusal("foreign-import");
    let import = "wasi:cli/environment@0.2.0".to_owned();
    assert!(
        matches!(error, LoadError::Contract(ContractError::ForeignImport { import: ref found }) if *found == import)
    );
    assert!(text.contains("`wasi:cli/environment@0.2.0`") && text.contains("nicety:policy/log"), "{text}");
}

#[test]
fn a_guest_of_another_contract_is_told_which_is_served() {
    for (name, says) in [
        ("newer", "@0.2.0`; this host serves version 0.1.0"),
        ("misshapen", "fields"),
        ("pointless", "it exports no extension point; it must export one of `attach`, `nic-selection`"),
        ("two-faced", "it exports `gateway-filter`, `nic-selection`; a policy has exactly one extension point"),
        ("speechless", "its `config-schema` is not JSON"),
        ("demanding", "it requires the attribute `moon-phase`, which this host does not know"),
    ] {
        let (_, text) = refusal(name);
        assert!(text.contains(says), "{name}: {text}");
    }
    assert!(refusal("misshapen").1.contains("this host serves version 0.1.0"));
}

#[test]
fn what_is_no_component_is_refused_in_plain_words() {
    for (module, says) in [
        (&b"\0asm\x01\0\0\0"[..], "a core WebAssembly module, not a WebAssembly component"),
        (b"(component)", "WebAssembly as text"),
        (b"apiVersion: v1", "it is text"),
        (b"\0asm\x0d\0\x01\0\xff", "the module is not valid"),
    ] {
        let error = engine().load(module).unwrap_err();
        let text =
            format!("{error}: {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default());
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn a_bomb_to_compile_ends_within_the_childs_limits() {
    let _alone = alone();
    let before = resident();
    let started = Instant::now();
    let error = load("compile-bomb").unwrap_err();
    let took = started.elapsed();
    assert!(
        matches!(error, LoadError::Compile(CompileError::Cpu { .. } | CompileError::Memory { .. })),
        "{error:?} after {took:?}"
    );
    assert!(guest("compile-bomb").len() < 100_000, "small enough to be let in");
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert!(resident() < before + 4 * 1024, "{} KiB more", resident() - before);
    assert_eq!(decide(&load("honest").unwrap()).outcome, Ok(first()));
}

#[test]
fn a_module_that_takes_too_much_memory_to_compile_says_so() {
    let limits = CompileLimits { memory_bytes: 160 * MIB, cpu_seconds: 20, ..CompileLimits::default() };
    let error = in_child(&config().compile, guest("compile-bomb"), &limits).unwrap_err();
    assert!(matches!(error, CompileError::Memory { .. }), "{error:?}");
}

#[test]
fn a_compiler_that_does_not_end_is_killed() {
    let forever = CompileCommand { program: "/bin/sleep".into(), arguments: vec!["600".into()] };
    let limits = CompileLimits { wall: Duration::from_millis(100), ..CompileLimits::default() };
    let started = Instant::now();
    let error = in_child(&forever, guest("honest"), &limits).unwrap_err();
    assert!(matches!(error, CompileError::Deadline { .. }) && started.elapsed() < Duration::from_secs(10), "{error:?}");
}

#[test]
fn a_compiler_that_writes_without_end_is_cut_off() {
    let endless = CompileCommand { program: "/bin/cat".into(), arguments: vec!["/dev/zero".into()] };
    let error = in_child(&endless, guest("honest"), &CompileLimits::default()).unwrap_err();
    assert!(matches!(error, CompileError::Output { .. }), "{error:?}");
}

#[test]
fn the_compiler_shuts_itself_in_before_it_reads() {
    let CompileCommand { program, arguments } = config().compile;
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    let status = || fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    // 2: a filter is in force
    while !status().contains("Seccomp:\t2") && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let status = status();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(status.contains("Seccomp:\t2") && status.contains("NoNewPrivs:\t1"), "{status}");
}

#[test]
fn a_module_that_is_too_large_is_not_even_compiled() {
    let limit = config().compile_limits.input_bytes;
    let mut module = guest("honest").to_vec();
    module.resize(usize::try_from(limit).unwrap() + 1, 0);
    let error = engine().load(&module).unwrap_err();
    assert!(matches!(error, LoadError::Compile(CompileError::Input { .. })), "{error:?}");
}

#[test]
fn a_choice_that_is_no_candidate_is_found_in_review() {
    let outcome = decide(&load("no-candidate").unwrap()).outcome;
    let text = finding::list(&findings(outcome.unwrap()));
    assert!(text.contains("chosen[0]") && text.contains('7'), "{text}");
}

#[test]
fn a_policy_is_not_asked_what_it_does_not_decide() {
    let asked = Facts::Attach(Default::default());
    let outcome = load("honest").unwrap().evaluate("{}", &asked).outcome;
    let failure = Failure::Kind { policy: Kind::NicSelection, asked: Kind::Attach };
    assert_eq!(outcome, Err(Refusal::Failed(failure)));
}

#[test]
fn a_hostile_crowd_leaves_no_memory_behind() {
    let _alone = alone();
    let crowd: Vec<_> =
        ["memory-balloon", "aliased-bomb", "crumb-bomb", "log-flood", "deep-recursion", "trap", "endless-loop"]
            .map(|name| load(name).unwrap())
            .into();
    let round = || {
        for policy in &crowd {
            decide(policy);
        }
    };
    // Once for what is kept for the next decision: the warm sandbox, the allocator's own.
    round();
    let before = resident();
    for _ in 0..20 {
        round();
    }
    let after = resident();
    assert!(after < before + 3 * 1024, "{before} KiB before, {after} KiB after");
}

#[test]
fn decisions_wait_for_a_sandbox_and_say_when_none_came_free() {
    let engine = nicety_engine::Engine::new(nicety_engine::EngineConfig { sandboxes: 1, ..config() }).unwrap();
    let slow = engine.load(guest("endless-loop")).unwrap();
    let slow = slow.limited(Limits { fuel: u64::MAX, milliseconds: 500, ..limits() });
    let honest = engine.load(guest("honest")).unwrap();
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| slow.evaluate("{}", &facts()));
        // Until the loop holds the only sandbox.
        let impatient = honest.clone().waiting(Duration::ZERO);
        let deadline = Instant::now() + Duration::from_millis(400);
        let turned_away = std::iter::repeat_with(|| decide(&impatient).outcome)
            .take_while(|_| Instant::now() < deadline)
            .any(|outcome| outcome == Err(Refusal::Failed(Failure::Busy { milliseconds: 0 })));
        assert!(turned_away, "a sandbox for two");
        assert_eq!(decide(&honest.waiting(Duration::from_secs(10))).outcome, Ok(first()), "patience is rewarded");
        assert!(matches!(busy.join().unwrap().outcome, Err(Refusal::Failed(Failure::Deadline { .. }))));
    });
}

#[test]
fn thirty_threads_on_a_small_pool_all_get_their_decision() {
    let engine = nicety_engine::Engine::new(nicety_engine::EngineConfig { sandboxes: 4, ..config() }).unwrap();
    let honest = engine.load(guest("honest")).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| (0..200).for_each(|_| assert_eq!(decide(&honest).outcome, Ok(first()))));
        }
    });
}

#[test]
fn the_process_that_decides_holds_little_memory() {
    let _alone = alone();
    let policies: Vec<_> = (0..8).map(|_| load("honest").unwrap()).collect();
    policies.iter().for_each(|policy| assert_eq!(decide(policy).outcome, Ok(first())));
    assert!(resident() * 1024 < 64 * MIB, "{} KiB", resident());
}

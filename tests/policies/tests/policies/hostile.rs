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
    facts::{Facts, Kind, attach},
    finding::{self, Finding},
    review,
};
use nicety_engine::{CompileCommand, CompileError, CompileLimits, ContractError, Limits, LoadError, compile::in_child};

use nicety_tests_policies::memory::resident;

use crate::lab::{alone, config, decide, engine, facts, guest, in_own_process, left_behind, load};

const MIB: u64 = 1 << 20;

/// What every guest of the folder answers when it means no harm.
fn first() -> Decision {
    let chosen = vec![Choice { candidate: 0, reserve: None, reason: "first".to_owned() }];
    Decision::Selection(Selection { chosen, ..Default::default() })
}

/// Runs a guest; the failure, and proof that nobody else noticed.
fn failure(name: &str) -> Failure {
    let _alone = alone();
    let (policy, honest) = (load(name).unwrap(), load("honest").unwrap());
    // The least of some: the other tests of this process take and give back memory as well.
    let left = (0..4).map(|_| left_behind(|| drop(decide(&policy)))).min().unwrap();
    assert!(left < 4 * MIB, "{name} leaves {left} bytes");
    let outcome = decide(&policy).outcome;
    assert_eq!(decide(&honest).outcome, Ok(first()), "the next decision");
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
    assert_eq!(failure("crumb-bomb"), output, "four million texts of one byte");
    assert_eq!(failure("giant-reason"), output, "one text of ten million");
}

#[test]
fn an_answer_outside_of_the_contract_is_refused() {
    for (name, says) in [
        ("stray-pointer", "out of bounds"),
        ("giant-list", "out of bounds"),
        ("broken-text", "utf-8"),
        ("broken-log", "utf-8"),
        ("unknown-case", "discriminant"),
    ] {
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
    in_own_process("hostile::a_bomb_to_compile_ends_within_the_childs_limits", || {
        for (name, most) in [("compile-bomb", 250), ("compile-bomb-25", 25), ("compile-bomb-250", 250)] {
            assert!(guest(name).len() < most << 10, "{name} is small enough to be let in: {}", guest(name).len());
            let before = resident().unwrap();
            let started = Instant::now();
            let error = load(name).unwrap_err();
            let took = started.elapsed();
            assert!(
                matches!(error, LoadError::Compile(CompileError::Cpu { seconds: 4 } | CompileError::Memory { .. })),
                "{name}: {error:?} after {took:?}"
            );
            assert!(took < Duration::from_secs(20), "{name}: {took:?}");
            let left = resident().unwrap().saturating_sub(before);
            assert!(left < 4 * MIB, "{name}: {left} bytes");
            assert_eq!(decide(&load("honest").unwrap()).outcome, Ok(first()));
        }
    });
}

#[test]
fn thousands_of_small_functions_are_no_bomb() {
    let _alone = alone();
    let module = guest("function-swarm");
    assert!((100 << 10..250 << 10).contains(&module.len()), "{}", module.len());
    assert_eq!(decide(&load("function-swarm").unwrap()).outcome, Ok(first()));
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
    let _alone = alone();
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
    let twice = finding::list(&findings(decide(&load("twice").unwrap()).outcome.unwrap()));
    assert!(twice.contains("chosen[1]") && twice.contains("dropped[0]"), "{twice}");
}

#[test]
fn names_that_no_interface_can_have_are_found_in_review() {
    let facts =
        attach::Facts { networks: vec![attach::Offer { ready: true, ..Default::default() }], ..Default::default() };
    let found = |name: &str| {
        let decision = load(name).unwrap().evaluate("{}", &Facts::Attach(facts.clone())).outcome;
        let Ok(Decision::Requests(requests)) = decision else { panic!("{name}: {decision:?}") };
        finding::list(&review::attach(&facts, &requests))
    };
    let namesakes = found("namesakes");
    assert!(namesakes.contains("requests[1]") && namesakes.contains("`net1`"), "{namesakes}");
    let climber = found("climber");
    assert!(climber.contains("requests[0].ifname") && climber.contains("../../proc/x"), "{climber}");
}

#[test]
fn a_nan_has_the_same_bits_however_it_was_made() {
    let policy = load("nan-games").unwrap();
    for _ in 0..3 {
        let Ok(Decision::Selection(selection)) = decide(&policy).outcome else { panic!() };
        assert_eq!(selection.chosen[0].reserve, Some(0x7ff8_0000_0000_0000));
    }
}

#[test]
fn a_loop_just_below_its_fuel_may_answer_and_delays_nobody_else() {
    let _alone = alone();
    let (slow, honest) = (load("slow-loop").unwrap(), load("honest").unwrap());
    for _ in 0..5 {
        let evaluation = decide(&slow);
        assert_eq!(evaluation.outcome, Ok(first()));
        assert!((limits().fuel * 7 / 10..limits().fuel).contains(&evaluation.fuel), "{}", evaluation.fuel);
        assert_eq!(decide(&honest).outcome, Ok(first()));
    }
}

#[test]
fn a_panic_with_a_long_message_is_a_trap_and_a_line_in_the_log() {
    let alone = alone();
    let Evaluation { outcome, log, .. } = decide(&load("long-panic").unwrap());
    let message = "wasm `unreachable` instruction executed".to_owned();
    assert_eq!(outcome, Err(Refusal::Failed(Failure::Trap { message })));
    assert_eq!(log.len(), 1);
    assert!(log[0].message.contains("1 more log lines were dropped"), "{log:?}");
    drop(alone);
    assert_eq!(failure("endless-panic"), Failure::Output { bytes: limits().output_bytes });
}

#[test]
fn a_name_that_is_not_text_is_no_name() {
    let (_, text) = refusal("broken-name");
    assert!(text.contains("utf-8"), "{text}");
}

#[test]
fn a_schema_that_is_not_one_is_for_its_readers_to_refuse() {
    let policy = load("schemaless").unwrap();
    let error = nicety_objects::schema::compile_check(&policy.description().config_schema).unwrap_err();
    assert!(error.to_string().contains("neither an object nor a boolean"), "{error}");
}

#[test]
fn a_policy_is_not_asked_what_it_does_not_decide() {
    let asked = Facts::Attach(Default::default());
    let outcome = load("honest").unwrap().evaluate("{}", &asked).outcome;
    let failure = Failure::Kind { policy: Kind::NicSelection, asked: Kind::Attach };
    assert_eq!(outcome, Err(Refusal::Failed(failure)));
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
    in_own_process("hostile::the_process_that_decides_holds_little_memory", || {
        let policies: Vec<_> = (0..8).map(|_| load("honest").unwrap()).collect();
        policies.iter().for_each(|policy| assert_eq!(decide(policy).outcome, Ok(first())));
        assert!(resident().unwrap() < 64 * MIB, "{} bytes", resident().unwrap());
    });
}

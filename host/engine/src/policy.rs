//! A loaded policy. Each call has a sandbox of its own: a fresh store and instance, gone when it has answered.

use std::{fmt, sync::Arc, time::Duration};

use nicety_core::{
    decision::Decision,
    evaluate::{Evaluation, Evaluator, Failure, LogLine, Refusal},
    facts::{Description, Facts, Kind, registry},
};
use wasmtime::{
    Store,
    component::{Component, ComponentExportIndex, Instance, InstancePre, Lift, Lower, TypedFunc},
};

use crate::{
    bindings::{
        exports::nicety::policy::{describe, gateway_distribution::Assignment, nic_selection::Selection},
        nicety::policy::types::{Denial, Request},
    },
    contract::{self, ContractError},
    convert,
    engine::{Inner, LoadError},
    facts::{attach, gateways, nic_selection},
    failure,
    limits::Limits,
    sandbox::Sandbox,
    ticker::Ticker,
};

/// A policy that has been loaded and described. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    engine: Arc<Inner>,
    pre: InstancePre<Sandbox>,
    describe: describe::GuestIndices,
    decide: Decide,
    description: Arc<Description>,
    digest: Arc<str>,
    limits: Limits,
    wait: Duration,
}

/// Where a policy's `decide` is, and what it decides.
#[derive(Clone)]
struct Decide {
    kind: Kind,
    index: ComponentExportIndex,
}

/// Config and facts in, an answer or a denial out.
type TypedDecide<'a, F, T> = TypedFunc<(&'a str, F), (Result<T, Denial>,)>;

/// One decision and what it used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    pub evaluation: Evaluation,
    /// Most linear memory that the policy had, in bytes.
    pub memory: u64,
}

/// One run of something in a sandbox.
struct Run<T> {
    result: Result<T, Failure>,
    fuel: u64,
    memory: u64,
    log: Vec<LogLine>,
}

impl Policy {
    /// Checks a component against the contract, and calls its `describe`.
    pub(crate) fn describe(engine: Arc<Inner>, component: Component, digest: String) -> Result<Policy, LoadError> {
        let kind = contract::check(&engine.wasmtime, &component)?;
        let no_decide = |kind: Kind| {
            let message = "it has no function `decide`".to_owned();
            LoadError::Contract(ContractError::Shape { interface: kind.name(), message })
        };
        let shape = |interface| {
            move |error: wasmtime::Error| {
                LoadError::Contract(ContractError::Shape { interface, message: format!("{error:#}") })
            }
        };
        let pre = engine.linker.instantiate_pre(&component).map_err(shape("log"))?;
        let wait = engine.config.wait;
        let mut policy = Policy {
            describe: describe::GuestIndices::new(&pre).map_err(shape("describe"))?,
            decide: Decide::find(kind, &component).ok_or_else(|| no_decide(kind))?,
            engine,
            pre,
            description: Arc::default(),
            digest: digest.into(),
            limits: Limits::of(kind),
            wait,
        };
        let mut misshapen = None;
        let limits = policy.limits.describing();
        let run = policy.run(&limits, limits.output_bytes, |store, instance| {
            let checked = policy.decide.check(store, instance).map_err(shape(kind.name()));
            match checked.and_then(|()| policy.describe.load(&mut *store, instance).map_err(shape("describe"))) {
                Ok(guest) => guest.call_describe(store).map(Some),
                Err(error) => {
                    misshapen = Some(error);
                    Ok(None)
                }
            }
        });
        if let Some(error) = misshapen {
            return Err(error);
        }
        if let Some(description) = run.result.map_err(LoadError::Describe)? {
            policy.description = Arc::new(usable(convert::description(description))?);
        }
        Ok(policy)
    }

    /// The same policy under other limits; memory is at most what the engine's sandboxes have.
    pub fn limited(self, limits: Limits) -> Policy {
        let memory = limits.memory.min(self.engine.config.memory);
        Policy { limits: Limits { memory, ..limits }, ..self }
    }

    /// The same policy, waiting so long for a sandbox; zero only tries, as a shadow run should.
    pub fn waiting(self, wait: Duration) -> Policy {
        Policy { wait, ..self }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// `output` bounds what the host keeps of one call's answer, in bytes.
    fn run<T>(
        &self,
        limits: &Limits,
        output: u64,
        call: impl FnOnce(&mut Store<Sandbox>, &Instance) -> wasmtime::Result<T>,
    ) -> Run<T> {
        let engine = &*self.engine;
        let Some(_slot) = engine.slots.acquire(self.wait) else {
            let milliseconds = u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX);
            return Run { result: Err(Failure::Busy { milliseconds }), fuel: 0, memory: 0, log: Vec::new() };
        };
        let _running = engine.ticker.running();
        let mut store = Store::new(&engine.wasmtime, Sandbox::new(limits));
        store.limiter(|sandbox| sandbox);
        store.set_hostcall_fuel(usize::try_from(output).unwrap_or(usize::MAX));
        store.set_epoch_deadline(Ticker::ticks(limits.milliseconds));
        let result = store
            .set_fuel(limits.fuel)
            .and_then(|()| self.pre.instantiate(&mut store))
            .and_then(|instance| call(&mut store, &instance));
        let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
        let result = result.map_err(|error| failure::of(&error, limits, output, store.data().starved));
        let memory = limits.memory.saturating_sub(store.data().memory_left);
        Run { result, fuel, memory, log: store.into_data().into_log() }
    }

    /// Runs `decide` and turns its answer into a decision.
    fn asked<T>(
        &self,
        facts: &Facts,
        call: impl FnOnce(&mut Store<Sandbox>, &Instance) -> wasmtime::Result<Result<T, Denial>>,
        decision: impl FnOnce(T) -> Result<Decision, Failure>,
    ) -> Measured {
        let Run { result, fuel, memory, log } = self.run(&self.limits, self.limits.output_for(facts), call);
        let outcome = match result {
            Ok(Ok(answer)) => decision(answer).map_err(Refusal::Failed),
            Ok(Err(denial)) => Err(Refusal::Denied(convert::denial(denial))),
            Err(failure) => Err(Refusal::Failed(failure)),
        };
        Measured { evaluation: Evaluation { outcome, fuel, log }, memory }
    }

    /// Evaluates, and says what memory that took; time is for the caller to measure.
    pub fn measured(&self, config: &str, facts: &Facts) -> Measured {
        let to = &*self.description;
        match (self.decide.kind, facts) {
            (Kind::Attach, Facts::Attach(attach)) => {
                let wire = convert::attach_facts(attach, to);
                self.asked(
                    facts,
                    |store, instance| self.decide.call(store, instance, config, wire),
                    |requests| convert::requests(requests).map(Decision::Requests),
                )
            }
            (Kind::NicSelection, Facts::NicSelection(selection)) => {
                let wire = convert::nic_selection_facts(selection, to);
                self.asked(
                    facts,
                    |store, instance| self.decide.call(store, instance, config, wire),
                    |selection| Ok(Decision::Selection(convert::selection(selection))),
                )
            }
            (Kind::GatewayFilter, Facts::GatewayFilter(gateways)) => {
                let wire = convert::gateway_facts(gateways, to);
                self.asked(
                    facts,
                    |store, instance| self.decide.call(store, instance, config, wire),
                    |allowed| Ok(Decision::Allowed(allowed)),
                )
            }
            (Kind::GatewayDistribution, Facts::GatewayDistribution(gateways)) => {
                let wire = convert::gateway_facts(gateways, to);
                self.asked(
                    facts,
                    |store, instance| self.decide.call(store, instance, config, wire),
                    |assignment| Ok(Decision::Assignment(convert::assignment(assignment))),
                )
            }
            (policy, facts) => {
                let failure = Failure::Kind { policy, asked: facts.kind() };
                let outcome = Err(Refusal::Failed(failure));
                Measured { evaluation: Evaluation { outcome, fuel: 0, log: Vec::new() }, memory: 0 }
            }
        }
    }
}

impl Evaluator for Policy {
    fn kind(&self) -> Kind {
        self.decide.kind
    }

    fn description(&self) -> &Description {
        &self.description
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn validate_config(&self, config: &str) -> Result<Vec<String>, Failure> {
        let limits = self.limits.describing();
        let run = self.run(&limits, limits.output_bytes, |store, instance| {
            self.describe.load(&mut *store, instance)?.call_validate_config(store, config)
        });
        Ok(run.result?.err().unwrap_or_default())
    }

    fn evaluate_if_free(&self, config: &str, facts: &Facts) -> Evaluation {
        self.clone().waiting(Duration::ZERO).evaluate(config, facts)
    }

    fn evaluate(&self, config: &str, facts: &Facts) -> Evaluation {
        self.measured(config, facts).evaluation
    }
}

impl Decide {
    fn find(kind: Kind, component: &Component) -> Option<Decide> {
        let (_, interface) = component.get_export(None, contract::extension_point(kind))?;
        Some(Decide { kind, index: component.get_export_index(Some(&interface), "decide")? })
    }

    /// Compares the types of `decide` with the contract's.
    fn check(&self, store: &mut Store<Sandbox>, instance: &Instance) -> wasmtime::Result<()> {
        match self.kind {
            Kind::Attach => self.typed::<attach::Facts<'_>, Vec<Request>>(store, instance).map(drop),
            Kind::NicSelection => self.typed::<nic_selection::Facts<'_>, Selection>(store, instance).map(drop),
            Kind::GatewayFilter => self.typed::<gateways::Facts<'_>, Vec<u64>>(store, instance).map(drop),
            Kind::GatewayDistribution => self.typed::<gateways::Facts<'_>, Assignment>(store, instance).map(drop),
        }
    }

    #[expect(
        unsafe_code,
        reason = "wasmtime compares the types anew for every instance when it is asked in its safe words"
    )]
    fn call<F: Lower, T: Lift>(
        &self,
        store: &mut Store<Sandbox>,
        instance: &Instance,
        config: &str,
        facts: F,
    ) -> wasmtime::Result<Result<T, Denial>> {
        let decide = instance
            .get_func(&mut *store, self.index)
            .ok_or_else(|| wasmtime::Error::msg("`decide` is not a function"))?;
        // SAFETY: `check` has compared these types with the component's when it was loaded, for the kind that the caller has just
        // matched, and every instance of a component has its types.
        // JUSTIFICATION: comparing 100 fields again takes a twentieth of a decision.
        let decide: TypedDecide<'_, F, T> = unsafe { TypedFunc::new_unchecked(decide) };
        let (answer,) = decide.call(store, (config, facts))?;
        Ok(answer)
    }

    fn typed<'a, F: Lower, T: Lift>(
        &self,
        store: &mut Store<Sandbox>,
        instance: &Instance,
    ) -> wasmtime::Result<TypedDecide<'a, F, T>> {
        instance.get_typed_func(store, self.index)
    }
}

/// A description that the rest of the host can work with. Whether the schema is a good one is for its readers to say.
fn usable(description: Description) -> Result<Description, LoadError> {
    let unusable = |message: String| Err(LoadError::Description { message });
    if description.name.is_empty() {
        return unusable("its `name` is empty".to_owned());
    }
    if let Some(unknown) = description.requires.iter().find(|name| !registry::is_known(name)) {
        return unusable(format!("it requires the attribute `{unknown}`, which this host does not know"));
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(&description.config_schema) {
        Ok(_) => Ok(description),
        Err(error) => unusable(format!("its `config-schema` is not JSON: {error}")),
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.description.name)
            .field("version", &self.description.version)
            .field("kind", &self.kind())
            .field("digest", &self.digest)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

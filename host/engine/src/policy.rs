//! A loaded policy. Each call has a sandbox of its own: a fresh store and instance, gone when it has answered.

use std::{fmt, sync::Arc, time::Duration};

use nicety_core::{
    decision::Decision,
    evaluate::{Evaluation, Evaluator, Failure, LogLine, Refusal},
    facts::{Description, Facts, Kind},
};
use wasmtime::{
    Store,
    component::{Component, Instance, InstancePre},
};

use crate::{
    bindings::{
        exports::nicety::policy::{attach, describe, gateway_distribution, gateway_filter, nic_selection},
        nicety::policy::types::Denial,
    },
    contract::{self, ContractError},
    convert,
    engine::{Inner, LoadError},
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

/// Where a policy's `decide` is, and thereby its kind.
#[derive(Clone)]
enum Decide {
    Attach(attach::GuestIndices),
    NicSelection(nic_selection::GuestIndices),
    GatewayFilter(gateway_filter::GuestIndices),
    GatewayDistribution(gateway_distribution::GuestIndices),
}

/// One run of something in a sandbox.
struct Run<T> {
    result: Result<T, Failure>,
    fuel: u64,
    log: Vec<LogLine>,
}

impl Policy {
    /// Checks a component against the contract, and calls its `describe`.
    pub(crate) fn describe(engine: Arc<Inner>, component: Component, digest: String) -> Result<Policy, LoadError> {
        let kind = contract::check(&engine.wasmtime, &component)?;
        let shape = |interface| {
            move |error: wasmtime::Error| {
                LoadError::Contract(ContractError::Shape { interface, message: format!("{error:#}") })
            }
        };
        let pre = engine.linker.instantiate_pre(&component).map_err(shape("log"))?;
        let wait = engine.config.wait;
        let mut policy = Policy {
            describe: describe::GuestIndices::new(&pre).map_err(shape("describe"))?,
            decide: Decide::find(kind, &pre).map_err(shape(kind.name()))?,
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
            return Run { result: Err(Failure::Busy { milliseconds }), fuel: 0, log: Vec::new() };
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
        Run { result, fuel, log: store.into_data().into_log() }
    }

    /// Runs `decide` and turns its answer into a decision.
    fn decide<T>(
        &self,
        facts: &Facts,
        call: impl FnOnce(&mut Store<Sandbox>, &Instance) -> wasmtime::Result<Result<T, Denial>>,
        decision: impl FnOnce(T) -> Result<Decision, Failure>,
    ) -> Evaluation {
        let Run { result, fuel, log } = self.run(&self.limits, self.limits.output_for(facts), call);
        let outcome = match result {
            Ok(Ok(answer)) => decision(answer).map_err(Refusal::Failed),
            Ok(Err(denial)) => Err(Refusal::Denied(convert::denial(denial))),
            Err(failure) => Err(Refusal::Failed(failure)),
        };
        Evaluation { outcome, fuel, log }
    }
}

impl Evaluator for Policy {
    fn kind(&self) -> Kind {
        self.decide.kind()
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

    fn evaluate(&self, config: &str, facts: &Facts) -> Evaluation {
        let to = &*self.description;
        match (&self.decide, facts) {
            (Decide::Attach(guest), Facts::Attach(attach)) => {
                let wire = convert::attach_facts(attach, to);
                self.decide(
                    facts,
                    |store, instance| guest.load(&mut *store, instance)?.call_decide(store, config, &wire),
                    |requests| convert::requests(requests).map(Decision::Requests),
                )
            }
            (Decide::NicSelection(guest), Facts::NicSelection(selection)) => {
                let wire = convert::nic_selection_facts(selection, to);
                self.decide(
                    facts,
                    |store, instance| guest.load(&mut *store, instance)?.call_decide(store, config, &wire),
                    |selection| Ok(Decision::Selection(convert::selection(selection))),
                )
            }
            (Decide::GatewayFilter(guest), Facts::GatewayFilter(gateways)) => {
                let wire = convert::gateway_facts(gateways, to);
                self.decide(
                    facts,
                    |store, instance| guest.load(&mut *store, instance)?.call_decide(store, config, &wire),
                    |allowed| Ok(Decision::Allowed(allowed)),
                )
            }
            (Decide::GatewayDistribution(guest), Facts::GatewayDistribution(gateways)) => {
                let wire = convert::gateway_facts(gateways, to);
                self.decide(
                    facts,
                    |store, instance| guest.load(&mut *store, instance)?.call_decide(store, config, &wire),
                    |assignment| Ok(Decision::Assignment(convert::assignment(assignment))),
                )
            }
            (decide, facts) => {
                let failure = Failure::Kind { policy: decide.kind(), asked: facts.kind() };
                Evaluation { outcome: Err(Refusal::Failed(failure)), fuel: 0, log: Vec::new() }
            }
        }
    }
}

impl Decide {
    fn find(kind: Kind, pre: &InstancePre<Sandbox>) -> wasmtime::Result<Decide> {
        Ok(match kind {
            Kind::Attach => Decide::Attach(attach::GuestIndices::new(pre)?),
            Kind::NicSelection => Decide::NicSelection(nic_selection::GuestIndices::new(pre)?),
            Kind::GatewayFilter => Decide::GatewayFilter(gateway_filter::GuestIndices::new(pre)?),
            Kind::GatewayDistribution => Decide::GatewayDistribution(gateway_distribution::GuestIndices::new(pre)?),
        })
    }

    /// Compares the types of `decide` with the contract's.
    fn check(&self, store: &mut Store<Sandbox>, instance: &Instance) -> wasmtime::Result<()> {
        match self {
            Decide::Attach(guest) => guest.load(store, instance).map(drop),
            Decide::NicSelection(guest) => guest.load(store, instance).map(drop),
            Decide::GatewayFilter(guest) => guest.load(store, instance).map(drop),
            Decide::GatewayDistribution(guest) => guest.load(store, instance).map(drop),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Decide::Attach(_) => Kind::Attach,
            Decide::NicSelection(_) => Kind::NicSelection,
            Decide::GatewayFilter(_) => Kind::GatewayFilter,
            Decide::GatewayDistribution(_) => Kind::GatewayDistribution,
        }
    }
}

/// A description that the rest of the host can work with. Whether the schema is a good one is for its readers to say.
fn usable(description: Description) -> Result<Description, LoadError> {
    let unusable = |message: String| Err(LoadError::Description { message });
    if description.name.is_empty() {
        return unusable("its `name` is empty".to_owned());
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

//! Which policies and strategies are in force: the newest that can be. A document that cannot be built changes nothing and is told in
//! the status of every policy; a policy that is wrong freezes itself alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use nicety_core::finding::Finding;
use nicety_k8s::Backoff;
use nicety_objects::{EgressPolicy, Set, Strategies, manifest::Object, strategies::CONFIG_MAP};
use nicety_strategies::{Shadowed, StrategySet, Tried};

use super::{undecided::undecided, world::EgressSnapshot};

/// Makes strategies run. The controller itself knows no sandbox.
pub trait Deciding: Send + Sync {
    /// May take seconds: modules are fetched and compiled. Relative paths lead nowhere.
    fn build(&self, document: &Strategies) -> Result<StrategySet, Vec<Finding>>;

    /// Asks candidates what has been answered, beside everything else. Never waits. Whether it is taken.
    fn try_out(&self, trial: Trial) -> bool;
}

/// An answer, and the candidates that are to be asked the same.
pub struct Trial {
    /// The EgressPolicy.
    pub policy: String,
    pub shadowed: Vec<Shadowed>,
    /// Is given what came of it: fewer where there was no room to ask.
    pub tell: Box<dyn FnOnce(Vec<Tried>) + Send>,
}

/// A module that could not be fetched may be there later.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub struct InForce {
    /// Of what was assembled last: policies, and strategies with the policies' own choices.
    objects: Set,
    /// As written, of the set that runs; outer None: none ever ran.
    written: Option<Option<Strategies>>,
    running: Option<(Strategies, Arc<StrategySet>)>,
    failed: Option<Failed>,
    /// Policies that name a strategy which is not there: whatever was decided for them stays.
    undecided: BTreeSet<String>,
    /// The set that runs with those left out.
    without: Option<(BTreeSet<String>, Arc<StrategySet>, Arc<StrategySet>)>,
    /// What is wrong with single policies.
    pub refused: BTreeMap<String, Vec<Finding>>,
    /// What is wrong with the strategies. Empty: the newest run.
    pub wrong: Vec<Finding>,
}

struct Failed {
    document: Strategies,
    findings: Vec<Finding>,
    backoff: Backoff,
    again: Instant,
}

impl InForce {
    /// Of all policies those that are in force, in their newest version that can be.
    pub fn policies(&self) -> &BTreeMap<String, EgressPolicy> {
        &self.objects.egress_policies
    }

    /// None: there has been no document that can run, so that nothing can be decided.
    pub fn set(&mut self) -> Option<Arc<StrategySet>> {
        let (_, set) = self.running.as_ref()?;
        if self.undecided.is_empty() {
            return Some(set.clone());
        }
        if let Some((names, of, without)) = &self.without
            && (names, Arc::as_ptr(of)) == (&self.undecided, Arc::as_ptr(set))
        {
            return Some(without.clone());
        }
        let mut without = StrategySet::clone(set);
        let nobody = undecided()?.gateway_distribution.default;
        let overrides = self.undecided.iter().map(|name| (name.clone(), nobody.clone()));
        without.gateway_distribution.overrides.extend(overrides);
        let without = Arc::new(without);
        self.without = Some((self.undecided.clone(), set.clone(), without.clone()));
        Some(without)
    }

    /// When to try again what failed.
    pub fn wake(&self) -> Option<Instant> {
        self.failed.as_ref().map(|failed| failed.again)
    }

    pub fn renew(&mut self, snapshot: &EgressSnapshot, deciding: &dyn Deciding, now: Instant) {
        self.refused.clear();
        self.wrong.clear();
        if snapshot.policies.is_empty() {
            // Nothing is compiled for nobody.
            return self.objects.egress_policies.clear();
        }
        let mut policies = Vec::new();
        for (name, item) in &snapshot.policies {
            match &item.policy {
                Ok(policy) => policies.push(Object::EgressPolicy(policy.clone())),
                Err(findings) => {
                    self.refused.insert(name.clone(), findings.clone());
                    policies.extend(self.objects.egress_policies.get(name).cloned().map(Object::EgressPolicy));
                }
            }
        }
        let written = match snapshot.strategies.as_ref().map(|item| &item.object) {
            None => None,
            Some(Ok(Object::Strategies(strategies))) => Some(strategies.clone()),
            Some(Ok(_)) => Some(self.unreadable(&[Finding::new("", "is not a document of strategies")])),
            Some(Err(findings)) => Some(self.unreadable(findings)),
        };
        if self.wrong.is_empty() {
            let (set, refused) = assemble(&policies, written.as_ref(), &self.objects);
            match self.build(&set.strategies, deciding, now) {
                Ok(()) => {
                    self.refused.extend(refused);
                    (self.written, self.failed) = (Some(written), None);
                    return self.adopt(set, snapshot);
                }
                Err(findings) => self.wrong = findings,
            }
        }
        // The strategies of before, with the policies of now.
        let written = self.written.clone().flatten();
        let (set, refused) = assemble(&policies, written.as_ref(), &self.objects);
        self.refused.extend(refused);
        if self.running.is_some()
            && let Err(findings) = self.build(&set.strategies, deciding, now)
        {
            self.wrong.extend(findings);
        }
        self.adopt(set, snapshot);
    }

    fn adopt(&mut self, set: Set, snapshot: &EgressSnapshot) {
        self.objects = set;
        self.undecided.retain(|name| self.refused.contains_key(name));
        // The default is not what a policy asks for whose own strategy was taken away.
        let chosen = &self.objects.strategies.gateway_distribution.overrides;
        let lost = self.objects.egress_policies.values().filter(|policy| policy.strategy.is_some());
        self.undecided.extend(lost.map(|policy| policy.name.clone()).filter(|name| !chosen.contains_key(name)));
        for (name, item) in &snapshot.policies {
            let Ok(policy) = &item.policy else { continue };
            if !self.objects.egress_policies.contains_key(name) {
                let policy = EgressPolicy { strategy: None, ..policy.clone() };
                self.objects.egress_policies.insert(name.clone(), policy);
                self.undecided.insert(name.clone());
            }
        }
    }

    fn unreadable(&mut self, findings: &[Finding]) -> Strategies {
        self.wrong = findings.to_vec();
        Strategies::default()
    }

    fn build(&mut self, document: &Strategies, deciding: &dyn Deciding, now: Instant) -> Result<(), Vec<Finding>> {
        if self.running.as_ref().is_some_and(|(running, _)| running == document) {
            return Ok(());
        }
        let mut backoff = Backoff::new(FIRST, LONGEST);
        if let Some(failed) = self.failed.take_if(|failed| failed.document == *document) {
            if failed.again > now {
                let findings = failed.findings.clone();
                self.failed = Some(failed);
                return Err(findings);
            }
            backoff = failed.backoff;
        }
        match deciding.build(document) {
            Ok(set) => {
                self.running = Some((document.clone(), Arc::new(set)));
                Ok(())
            }
            Err(findings) => {
                let again = now + backoff.next();
                self.failed = Some(Failed { document: document.clone(), findings: findings.clone(), backoff, again });
                Err(findings)
            }
        }
    }
}

/// Policies beside strategies, and what is wrong with single policies.
fn assemble(policies: &[Object], written: Option<&Strategies>, before: &Set) -> (Set, BTreeMap<String, Vec<Finding>>) {
    let written = written.cloned().map(Object::Strategies);
    let (set, refused) = Set::assemble(policies.iter().chain(&written), before);
    // What the document says of networks is the daemons' to judge, which know them.
    let of_policies = refused.into_iter().filter(|refused| refused.kind == "EgressPolicy");
    (set, of_policies.map(|refused| (refused.name, refused.findings)).collect())
}

/// As a status and a log tell it.
pub fn wrong(findings: &[Finding]) -> String {
    format!("ConfigMap `{CONFIG_MAP}`: {}", nicety_core::finding::list(findings))
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failed").field("findings", &self.findings).finish_non_exhaustive()
    }
}

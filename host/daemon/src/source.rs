//! Where objects come from: a folder of manifests, or a Kubernetes API. Decisions do not know which.

use std::path::{Path, PathBuf};

use nicety_core::finding::Finding;
use nicety_deciding::Policies;
use nicety_k8s::mirror::{Before, Feed, Known, Mirror};
use nicety_objects::{Set, Strategies, manifest::Object};
use tracing::warn;

use crate::{
    cluster::Cluster,
    world::{Taken, World},
};

#[derive(Debug)]
pub enum Source {
    Folder(PathBuf),
    Cluster(Box<Cluster>),
}

/// Objects and strategies that may be in force together.
#[derive(Debug)]
pub struct Found {
    pub objects: Set,
    pub taken: Taken,
    /// What is written and not in force. Of a folder never anything: it is taken whole or not at all.
    pub refused: Vec<Finding>,
    /// Why nothing can be decided yet.
    pub unready: Option<String>,
}

/// Without one of these an answer would be made of nothing.
const NEEDED: [Feed; 4] = [Feed::Networks, Feed::DeviceClasses, Feed::Blocks, Feed::Strategies];

impl Source {
    /// `before`: the world in force, of which an API's objects keep what is broken now.
    pub fn read(&self, policies: &Policies, before: Option<&World>) -> Result<Found, Vec<Finding>> {
        match self {
            Source::Folder(folder) => {
                let objects = Set::load(folder)?;
                let built = policies.build(&objects.strategies, folder)?;
                Ok(Found { taken: Taken::of(built, String::new()), objects, refused: Vec::new(), unready: None })
            }
            Source::Cluster(cluster) => of_cluster(&cluster.mirror, policies, before),
        }
    }

    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Source::Folder(_) => None,
            Source::Cluster(cluster) => Some(cluster),
        }
    }
}

fn of_cluster(mirror: &Mirror, policies: &Policies, before: Option<&World>) -> Result<Found, Vec<Finding>> {
    let unknown = mirror.health().unknown(&NEEDED);
    let strategies = mirror.strategies();
    let nothing = Set::default();
    let in_force = before.map_or(&nothing, |world| &world.objects);
    let objects = objects(mirror);
    let all = objects.iter().chain(&strategies).map(|known| &*known.object);
    let (set, left_out) = Set::assemble(all, in_force);
    let mut refused = frozen(mirror);
    refused.extend(left_out.into_iter().flat_map(|one| {
        let at = format!("{} {}", one.kind, one.name);
        one.findings.into_iter().map(move |finding| below(&at, finding))
    }));
    let mut unready = (!unknown.is_empty()).then(|| {
        let names: Vec<&str> = unknown.iter().map(|feed| feed.name()).collect();
        format!("the Kubernetes API has not told yet what there is of: {}", names.join(", "))
    });
    let version = strategies.as_ref().map(|known| known.version.clone()).unwrap_or_default();
    let found = match policies.build(&set.strategies, Path::new("/")) {
        Ok(built) => {
            mirror.take_strategies(&version);
            Found { taken: Taken::of(built, version), objects: set, refused, unready }
        }
        Err(findings) => {
            refused.extend(findings.into_iter().map(|finding| below("ConfigMap nicety-strategies", finding)));
            let (taken, set) = match before.filter(|world| !world.origin.is_stand_in()) {
                Some(world) => (Taken { set: world.strategies.clone(), origin: world.origin.clone() }, set),
                None => match again(mirror, policies, &objects) {
                    Some(before) => before,
                    None => {
                        unready.get_or_insert_with(|| {
                            "the strategies of the cluster cannot be used, and there are none from before".to_owned()
                        });
                        let built = policies.build(&Strategies::default(), Path::new("/"))?;
                        (Taken::stand_in(built), set)
                    }
                },
            };
            Found { taken, objects: set, refused, unready }
        }
    };
    Ok(found)
}

/// The strategies that were in force before this process started, and objects that go with them.
fn again(mirror: &Mirror, policies: &Policies, objects: &[Known]) -> Option<(Taken, Set)> {
    let (version, strategies) = mirror.strategies_taken()?;
    let all = objects.iter().map(|known| &*known.object).chain(std::iter::once(&*strategies));
    let (set, _) = Set::assemble(all, &Set::default());
    match policies.build(&set.strategies, Path::new("/")) {
        Ok(built) => Some((Taken::of(built, version), set)),
        Err(findings) => {
            warn!(?findings, "the strategies that were in force before cannot be used any more");
            None
        }
    }
}

/// Everything but the strategies, and without this node's blocks that are being deleted: nothing more is handed out from them.
fn objects(mirror: &Mirror) -> Vec<Known> {
    let going = |known: &Known| match &*known.object {
        Object::IpBlock(block) => known.deleting && block.node == *mirror.node(),
        _ => false,
    };
    let blocks = mirror.blocks().into_iter().filter(|known| !going(known));
    mirror.networks().into_iter().chain(mirror.classes()).chain(blocks).chain(mirror.egress_policies()).collect()
}

fn frozen(mirror: &Mirror) -> Vec<Finding> {
    let all = mirror.frozen().into_iter().flat_map(|one| {
        let which = match one.before {
            Before::InForce => "its version before is in force",
            Before::Nothing => "nothing of it is in force",
        };
        let at = format!("{} {} ({which})", one.feed.name(), one.name);
        one.findings.into_iter().map(move |finding| below(&at, finding))
    });
    all.collect()
}

fn below(at: &str, finding: Finding) -> Finding {
    let path = if finding.path.is_empty() { at.to_owned() } else { format!("{at}: {}", finding.path) };
    Finding { path, ..finding }
}

//! Slices that are kept, and changed where a node's part has changed. What comes out is what `pack` makes of the whole part; where lists would
//! overflow, it is `pack` that is asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use nicety_core::{
    egress::share::{GatewayId, Share},
    ids::NodeName,
};
use nicety_objects::{
    EgressSlice,
    egress_slice::{
        EgressSliceSpec, name_of, number_of,
        spec::{MAX_GATEWAYS, MAX_SENDERS, SliceEndpoint, SliceSender},
    },
};

use super::{part::Part, parts};
use crate::{Assembly, assembly::Touched, view::Name};

/// Every node's slices.
#[derive(Debug, Clone, Default)]
pub struct Slices(BTreeMap<NodeName, Packed>);

/// One node's slices, by number.
#[derive(Debug, Clone)]
pub struct Packed {
    node: NodeName,
    parts: BTreeMap<u32, Part>,
}

impl Slices {
    /// Slices as they are, by name. What cannot be read is left out.
    pub fn of<'a>(slices: impl IntoIterator<Item = (&'a str, &'a Arc<EgressSliceSpec>)>) -> Slices {
        let mut all = Slices::default();
        for (name, spec) in slices {
            let (Some(number), Ok(node)) = (number_of(name), spec.node.parse()) else { continue };
            all.node(&node).parts.insert(number, Part::of(spec.clone()));
        }
        all
    }

    fn node(&mut self, node: &NodeName) -> &mut Packed {
        self.0.entry(node.clone()).or_insert_with(|| Packed::new(node))
    }

    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.0.keys()
    }

    /// By name.
    pub fn all(&self) -> impl Iterator<Item = (String, &Arc<EgressSliceSpec>)> {
        self.0.values().flat_map(Packed::slices)
    }

    /// Makes them what the assembly says of these nodes. By name those that are others now; None: it is gone.
    pub fn renew(
        &mut self,
        assembly: &Assembly,
        nodes: &BTreeMap<NodeName, Touched>,
    ) -> BTreeMap<String, Option<Arc<EgressSliceSpec>>> {
        let mut changed = BTreeMap::new();
        for (node, touched) in nodes {
            changed.extend(self.changed(node, |packed| packed.renew(assembly, touched)));
        }
        changed
    }

    /// Makes a node's slices what `share` says. As `renew` answers.
    pub fn replace(&mut self, node: &NodeName, share: &Share) -> BTreeMap<String, Option<Arc<EgressSliceSpec>>> {
        self.changed(node, |packed| {
            let before = packed.parts.clone();
            let parts = packed.anew(share, &before);
            packed.put(parts, before)
        })
    }

    fn changed(
        &mut self,
        node: &NodeName,
        change: impl FnOnce(&mut Packed) -> BTreeSet<u32>,
    ) -> BTreeMap<String, Option<Arc<EgressSliceSpec>>> {
        let packed = self.node(node);
        let numbers = change(packed).into_iter();
        let changed = numbers.map(|number| (name_of(node, number), packed.get(number).cloned())).collect();
        if packed.parts.is_empty() {
            self.0.remove(node);
        }
        changed
    }
}

impl Packed {
    pub fn new(node: &NodeName) -> Packed {
        Packed { node: node.clone(), parts: BTreeMap::new() }
    }

    pub fn get(&self, number: u32) -> Option<&Arc<EgressSliceSpec>> {
        self.parts.get(&number).map(|part| &part.spec)
    }

    /// By name.
    pub fn slices(&self) -> impl Iterator<Item = (String, &Arc<EgressSliceSpec>)> {
        self.parts.iter().map(|(number, part)| (name_of(&self.node, *number), &part.spec))
    }

    /// Numbers of slices that came, went or are others.
    pub fn renew(&mut self, assembly: &Assembly, touched: &Touched) -> BTreeSet<u32> {
        let pods = |name| (name, assembly.slice_endpoint(&self.node, name));
        let pods: Vec<(&Name, Option<SliceEndpoint>)> = touched.pods.iter().map(pods).collect();
        let exits = pods.iter().filter_map(|(_, now)| now.as_ref()).map(|now| now.exits.len()).sum();
        let is_certain =
            !touched.all && touched.gateways.is_empty() && self.parts.values().all(|part| part.is_far_from_full(exits));
        // What is certain to have room is changed where it is; a copy of all would be most of the work.
        let before = if is_certain { None } else { Some(self.parts.clone()) };
        if !touched.all && self.change(assembly, touched, pods).is_some() {
            let changed = self.parts.iter_mut().filter_map(|(number, part)| part.has_changed().then_some(*number));
            let changed = changed.collect();
            self.parts.retain(|_, part| !part.is_empty());
            return changed;
        }
        let before = before.unwrap_or_else(|| self.parts.clone());
        let parts = self.anew(&assembly.share(&self.node), &before);
        self.put(parts, before)
    }

    /// Whole parts in place of those before. Which are others now.
    fn put(&mut self, mut parts: BTreeMap<u32, Part>, before: BTreeMap<u32, Part>) -> BTreeSet<u32> {
        parts.retain(|_, part| !part.is_empty());
        let mut changed: BTreeSet<u32> = before.keys().chain(parts.keys()).copied().collect();
        // What is the same stays the same object, which others may hold too.
        for (number, was) in before {
            if let Some(part) = parts.get_mut(&number).filter(|part| part.spec == was.spec) {
                *part = was;
                changed.remove(&number);
            }
        }
        self.parts = parts;
        changed
    }

    /// From the whole part.
    fn anew(&self, share: &Share, before: &BTreeMap<u32, Part>) -> BTreeMap<u32, Part> {
        let read = |(number, part): (&u32, &Part)| {
            // What cannot be read back says nothing of where things were.
            let slice = EgressSlice::new(String::new(), (*part.spec).clone()).ok();
            (*number, slice.map(|slice| slice.part).unwrap_or_default())
        };
        let before: BTreeMap<u32, Share> = before.iter().map(read).collect();
        let before = before.iter().map(|(number, share)| (*number, share)).collect();
        let parts = parts(share, &before).into_iter();
        parts.map(|(number, share)| (number, Part::of(Arc::new(EgressSliceSpec::of(&self.node, &share))))).collect()
    }

    /// None: something would overflow, or is not known.
    fn change(
        &mut self,
        assembly: &Assembly,
        touched: &Touched,
        pods: Vec<(&Name, Option<SliceEndpoint>)>,
    ) -> Option<()> {
        // Where gateways are told that no exit names.
        let homes: Vec<(&Arc<GatewayId>, Option<u32>)> = assembly
            .unasked(&self.node)
            .into_iter()
            .map(|id| {
                (id, self.parts.iter().find(|(_, part)| part.find(id.as_str()).is_ok()).map(|(number, _)| *number))
            })
            .collect();
        self.gateways(assembly, touched);
        self.pods(assembly, touched, pods)?;
        self.unasked(assembly, homes)?;
        self.senders(assembly, touched);
        Some(())
    }

    fn part(&mut self, number: u32) -> &mut Part {
        self.parts.entry(number).or_insert_with(|| Part::empty(&self.node))
    }

    /// Those that are there no longer go with the last exit that names them.
    fn gateways(&mut self, assembly: &Assembly, touched: &Touched) {
        for id in &touched.gateways {
            let Some(gateway) = assembly.gateway(id) else { continue };
            for part in self.parts.values_mut().filter(|part| part.find(id.as_str()).is_ok()) {
                part.tell(id, gateway);
            }
        }
    }

    fn pods(
        &mut self,
        assembly: &Assembly,
        touched: &Touched,
        pods: Vec<(&Name, Option<SliceEndpoint>)>,
    ) -> Option<()> {
        let gateways = |id: &GatewayId| assembly.gateway(id);
        let mut new = Vec::new();
        for (name, now) in pods {
            let there = self.parts.values_mut().find_map(|part| Some((part.place(name).ok()?, part)));
            let Some((place, part)) = there else {
                new.extend(now.map(|now| (name, now)));
                continue;
            };
            let was = part.spec.endpoints.get(place);
            if was == now.as_ref() {
                continue;
            }
            // One of another UID is another pod.
            let same = was.zip(now.as_ref()).is_some_and(|(was, now)| was.uid == now.uid);
            part.remove(place);
            match now {
                Some(now) if same => part.insert(place, now, &gateways)?,
                now => new.extend(now.map(|now| (name, now))),
            }
        }
        if !self.parts.values().all(Part::holds) {
            return None;
        }
        let mut first = 0;
        for (name, endpoint) in new {
            while !self.part(first).has_room_for(&endpoint) {
                first += 1;
            }
            let part = self.part(first);
            let place = part.place(name).err()?;
            part.insert(place, endpoint, &gateways)?;
        }
        // An exit that was not touched may name a gateway that is there no longer.
        let gone = |id: &Arc<GatewayId>| assembly.gateway(id).is_none() && self.is_named(id);
        if touched.gateways.iter().any(gone) { None } else { Some(()) }
    }

    /// Whether an exit does.
    fn is_named(&self, id: &GatewayId) -> bool {
        self.parts.values().any(|part| part.names(id.as_str()))
    }

    /// One that exits name is told there; another once, where it was or in the first slice with room.
    fn unasked(&mut self, assembly: &Assembly, homes: Vec<(&Arc<GatewayId>, Option<u32>)>) -> Option<()> {
        let (there, new): (Vec<_>, Vec<_>) =
            homes.into_iter().filter(|(id, _)| !self.is_named(id)).partition(|(_, home)| home.is_some());
        for (number, part) in &mut self.parts {
            part.keep(|id| there.iter().any(|(own, home)| &***own == id && *home == Some(*number)));
        }
        for (id, home) in there {
            let gateway = assembly.gateway(id)?;
            self.part(home?).tell(id, gateway);
        }
        if self.parts.values().any(|part| part.named.len() > MAX_GATEWAYS) {
            return None;
        }
        let mut first = 0;
        for (id, _) in new {
            while self.part(first).named.len() >= MAX_GATEWAYS {
                first += 1;
            }
            let gateway = assembly.gateway(id)?;
            self.part(first).tell(id, gateway);
        }
        Some(())
    }

    fn senders(&mut self, assembly: &Assembly, touched: &Touched) {
        let mut new = Vec::new();
        for sender in &touched.senders {
            let now = assembly.sender(&self.node, sender).map(|addresses| SliceSender::of(sender, addresses));
            match self.parts.values_mut().find_map(|part| Some((part.find_sender(sender).ok()?, part))) {
                Some((place, part)) => part.put_sender(Ok(place), now),
                None => new.extend(now.map(|now| (sender, now))),
            }
        }
        let mut first = 0;
        for (sender, now) in new {
            while self.part(first).spec.senders.len() >= MAX_SENDERS {
                first += 1;
            }
            let part = self.part(first);
            part.put_sender(part.find_sender(sender), Some(now));
        }
    }
}

#[cfg(test)]
mod tests;

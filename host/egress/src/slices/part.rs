//! One slice as it is kept: as it is written, with what its lists do not say by themselves.

use std::sync::Arc;

use nicety_core::{
    egress::share::{Gateway, GatewayId},
    ids::NodeName,
};
use nicety_objects::egress_slice::{
    EgressSliceSpec,
    spec::{MAX_ENDPOINTS, MAX_EXITS_TOGETHER, MAX_GATEWAYS, SliceEndpoint, SliceGateway, SliceSender},
};

use crate::view::Name;

/// All lists are in order, as `EgressSliceSpec::of` makes them.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) spec: Arc<EgressSliceSpec>,
    /// For each gateway of the slice: which it is, and how often exits of the slice name it.
    pub(super) named: Vec<(GatewayId, u32)>,
    exits: usize,
    /// Whether something of it is another than when it was last asked.
    changed: bool,
}

impl Part {
    pub(super) fn empty(node: &NodeName) -> Part {
        Part::of(Arc::new(EgressSliceSpec { node: node.to_string(), ..EgressSliceSpec::default() }))
    }

    pub(super) fn of(spec: Arc<EgressSliceSpec>) -> Part {
        let id = |gateway: &SliceGateway| {
            let way = match (&gateway.interface, gateway.egress_ips.as_slice()) {
                (Some(name), _) => name.clone(),
                (None, []) => "default".to_owned(),
                (None, addresses) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join("+"),
            };
            (GatewayId::from(format!("{}/{way}", gateway.node)), 0)
        };
        let named = spec.gateways.iter().map(id).collect();
        let exits = spec.endpoints.iter().map(|endpoint| endpoint.exits.len()).sum();
        let mut part = Part { spec, named, exits, changed: false };
        let spec = part.spec.clone();
        for id in spec.endpoints.iter().flat_map(ids) {
            part.counts(id, true);
        }
        part
    }

    pub(super) fn is_empty(&self) -> bool {
        let EgressSliceSpec { node: _, cluster: _, gateways, endpoints, senders, watches } = &*self.spec;
        gateways.is_empty() && endpoints.is_empty() && senders.is_empty() && watches.is_empty()
    }

    /// Asked once.
    pub(super) fn has_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether so many exits more have room in any case.
    pub(super) fn is_far_from_full(&self, exits: usize) -> bool {
        self.named.len() + 2 * exits <= MAX_GATEWAYS && self.exits + exits <= MAX_EXITS_TOGETHER
    }

    /// To be changed. Who else holds it keeps it as it was.
    fn spec(&mut self) -> &mut EgressSliceSpec {
        self.changed = true;
        Arc::make_mut(&mut self.spec)
    }

    /// Where a pod is, or would be.
    pub(super) fn place(&self, name: &Name) -> Result<usize, usize> {
        let of = |endpoint: &SliceEndpoint| {
            (endpoint.namespace.as_str(), endpoint.name.as_str()).cmp(&(name.0.as_str(), name.1.as_str()))
        };
        self.spec.endpoints.binary_search_by(of)
    }

    /// Gateways that exits name; the others may be told elsewhere.
    fn needed(&self) -> usize {
        self.named.iter().filter(|(_, exits)| *exits > 0).count()
    }

    /// Whether one more pod has room, by the rule of `pack`.
    pub(super) fn has_room_for(&self, endpoint: &SliceEndpoint) -> bool {
        let mut more: Vec<&str> = ids(endpoint).filter(|id| !self.names(id)).collect();
        more.sort_unstable();
        more.dedup();
        let full = self.spec.endpoints.len() >= MAX_ENDPOINTS
            || self.needed() + more.len() > MAX_GATEWAYS
            || self.exits + endpoint.exits.len() > MAX_EXITS_TOGETHER;
        !full || self.spec.endpoints.is_empty()
    }

    /// Whether what was changed in place still has.
    pub(super) fn holds(&self) -> bool {
        self.spec.endpoints.len() <= 1 || (self.needed() <= MAX_GATEWAYS && self.exits <= MAX_EXITS_TOGETHER)
    }

    pub(super) fn names(&self, id: &str) -> bool {
        self.find(id).is_ok_and(|place| self.named.get(place).is_some_and(|(_, exits)| *exits > 0))
    }

    pub(super) fn find(&self, id: &str) -> Result<usize, usize> {
        self.named.binary_search_by(|(known, _)| known.as_str().cmp(id))
    }

    /// None: the exits name a gateway that is not known.
    pub(super) fn insert<'a>(
        &mut self,
        place: usize,
        endpoint: SliceEndpoint,
        gateways: &impl Fn(&GatewayId) -> Option<&'a Gateway>,
    ) -> Option<()> {
        for id in ids(&endpoint) {
            if !self.counts(id, true) {
                let id = GatewayId::from(id.to_owned());
                self.tell(&id, gateways(&id)?);
                self.counts(id.as_str(), true);
            }
        }
        self.exits += endpoint.exits.len();
        let spec = self.spec();
        spec.endpoints.insert(place.min(spec.endpoints.len()), endpoint);
        Some(())
    }

    /// Gateways that nobody names any longer stay until `keep`.
    pub(super) fn remove(&mut self, place: usize) {
        if place >= self.spec.endpoints.len() {
            return;
        }
        let endpoint = self.spec().endpoints.remove(place);
        self.exits -= endpoint.exits.len();
        for id in ids(&endpoint) {
            self.counts(id, false);
        }
    }

    /// Whether the gateway is there to be counted.
    fn counts(&mut self, id: &str, more: bool) -> bool {
        let place = self.find(id);
        let Some((_, exits)) = place.ok().and_then(|place| self.named.get_mut(place)) else { return false };
        *exits = if more { *exits + 1 } else { exits.saturating_sub(1) };
        true
    }

    /// Has a gateway be as it is now.
    pub(super) fn tell(&mut self, id: &GatewayId, gateway: &Gateway) {
        let gateway = SliceGateway::from(gateway);
        match self.find(id.as_str()) {
            Ok(place) => {
                if self.spec.gateways.get(place) != Some(&gateway)
                    && let Some(told) = self.spec().gateways.get_mut(place)
                {
                    *told = gateway;
                }
            }
            Err(place) => {
                self.named.insert(place, (id.clone(), 0));
                self.spec().gateways.insert(place, gateway);
            }
        }
    }

    /// Of gateways that no exit names only these stay.
    pub(super) fn keep(&mut self, these: impl Fn(&GatewayId) -> bool) {
        let stays: Vec<bool> = self.named.iter().map(|(id, exits)| *exits > 0 || these(id)).collect();
        if stays.iter().all(|stays| *stays) {
            return;
        }
        let mut of_named = stays.iter();
        self.named.retain(|_| of_named.next().copied().unwrap_or(true));
        let mut of_gateways = stays.iter();
        self.spec().gateways.retain(|_| of_gateways.next().copied().unwrap_or(true));
    }

    pub(super) fn find_sender(&self, node: &NodeName) -> Result<usize, usize> {
        self.spec.senders.binary_search_by(|sender| sender.node.as_str().cmp(node.as_str()))
    }

    /// None: it goes.
    pub(super) fn put_sender(&mut self, place: Result<usize, usize>, sender: Option<SliceSender>) {
        match (place, sender) {
            (Ok(place), Some(sender)) => {
                if self.spec.senders.get(place) != Some(&sender)
                    && let Some(told) = self.spec().senders.get_mut(place)
                {
                    *told = sender;
                }
            }
            (Ok(place), None) => drop(self.spec().senders.remove(place)),
            (Err(place), Some(sender)) => self.spec().senders.insert(place, sender),
            (Err(_), None) => (),
        }
    }
}

/// Every gateway that the exits of a pod name, as often as they do.
fn ids(endpoint: &SliceEndpoint) -> impl Iterator<Item = &str> {
    endpoint.exits.iter().flat_map(|exit| exit.primary.iter().chain(&exit.standby)).map(String::as_str)
}

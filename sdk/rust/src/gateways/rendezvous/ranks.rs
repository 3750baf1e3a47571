//! What gateways are worth to an endpoint. For 100,000 endpoints and 64 gateways that is asked 6,400,000 times, so that each look has to be
//! a handful of instructions, and a turn of the loop, at which the sandbox looks at fuel and time, many looks.

use super::{
    super::{
        Facts, Gateway, NONE,
        hash::{minus_log2, mix, text},
    },
    Wish,
};

/// What a gateway is worth to an endpoint: more is better. The last 16 bits are its place from behind, so that of two of equal worth the
/// earlier one is worth more, and nobody needs to carry along whose it is. Never 0.
pub(super) type Worth = u64;
const PLACE: u64 = 0xffff;

/// Gateways as they are ranked.
pub(super) struct Ranks {
    /// By index of a gateway.
    all: Vec<Ranked>,
    /// Those that take new endpoints, side by side in their order: each endpoint looks at all of them.
    open: Vec<Ranked>,
    /// All weights are: then nobody needs logarithms.
    equal: bool,
}

#[derive(Clone, Copy)]
struct Ranked {
    seed: u64,
    /// Odd.
    factor: u64,
    /// Its place among those that are open, from behind: it does not depend on the order of the facts.
    place: u64,
    /// 2^31 by the weight: a division for each look would be most of the work. A logarithm is at most 2^32.
    share: u64,
    /// At least so much longer an endpoint waits for each 2^32th part that its hash is below the most: a bound for most looks, in place of
    /// a logarithm.
    rate: u64,
    weight: u32,
    /// Its index in the facts.
    gateway: u32,
}

impl Ranks {
    pub(super) fn of(facts: &Facts, open: &[u32]) -> Ranks {
        let ranked = |(index, gateway): (u32, &Gateway)| {
            let weight = gateway.weight;
            let share = (1 << 31) / u64::from(weight.max(1));
            let seed = text(gateway.id.as_bytes());
            // -log2(1 - x) is at least x by ln(2), and never less as it is computed here: 26 bits behind the point, where x has 32.
            let rate = share * 1_442_695 / 1_000_000 / 64;
            Ranked { seed, factor: mix(seed) | 1, weight, share, rate, place: PLACE, gateway: index }
        };
        let mut all: Vec<Ranked> = (0..).zip(&facts.gateways).map(ranked).collect();
        for (place, gateway) in (0..PLACE).zip(open) {
            if let Some(ranked) = all.get_mut(*gateway as usize) {
                ranked.place = PLACE - place;
            }
        }
        let open: Vec<Ranked> = open.iter().filter_map(|gateway| all.get(*gateway as usize).copied()).collect();
        let equal = open.iter().all(|ranked| Some(ranked.weight) == open.first().map(|first| first.weight));
        Ranks { all, open, equal }
    }

    /// How many gateways the facts have, open or not.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    pub(super) fn weight(&self, gateway: u32) -> u32 {
        self.all.get(gateway as usize).map_or(0, |ranked| ranked.weight)
    }

    pub(super) fn worth(&self, key: u64, gateway: u32) -> Worth {
        let Some(ranked) = self.all.get(gateway as usize) else { return 1 };
        if self.equal { ranked.by_hash(key) } else { ranked.by_weight(ranked.hash(key)) }
    }

    /// The two best of those that an endpoint may use.
    #[inline]
    pub(super) fn best(&self, facts: &Facts, endpoint: usize, key: u64) -> Wish {
        let Two { first, second } = match (facts.allowed.is_empty(), self.equal) {
            (true, true) => self.two_by_hash(key),
            (true, false) => self.two_by_weight(key),
            (false, _) => {
                let allowed = self.open.iter().filter(|ranked| facts.allows(endpoint, ranked.gateway));
                allowed.fold(Two::NONE, |two, ranked| two.or(self.worth(key, ranked.gateway)))
            }
        };
        let whose = |worth: Worth| match worth {
            0 => NONE,
            worth => self.open.get((PLACE - (worth & PLACE)) as usize).map_or(NONE, |ranked| ranked.gateway),
        };
        Wish { first: whose(first), second: whose(second) }
    }

    /// Without a branch: which it would take, nobody can foretell.
    #[inline]
    fn two_by_hash(&self, key: u64) -> Two {
        let (eights, rest) = self.open.as_chunks::<8>();
        let of = |ranked: &Ranked| ranked.by_hash(key);
        let two = eights.iter().fold(Two::NONE, |two, [a, b, c, d, e, f, g, h]| {
            let two = two.or(of(a)).or(of(b)).or(of(c)).or(of(d));
            two.or(of(e)).or(of(f)).or(of(g)).or(of(h))
        });
        rest.iter().fold(two, |two, ranked| two.or(of(ranked)))
    }

    /// Of most gateways it is known without a logarithm that two others are worth more.
    #[inline]
    fn two_by_weight(&self, key: u64) -> Two {
        let (fours, rest) = self.open.as_chunks::<4>();
        // Who waits longer than this is neither of the two.
        let mut longest = u64::MAX;
        let mut look = |two: Two, ranked: &Ranked| {
            let hash = ranked.hash(key);
            if (!hash >> 32).wrapping_mul(ranked.rate) > longest {
                return two;
            }
            let two = two.or(ranked.by_weight(hash));
            longest = !two.second | PLACE;
            two
        };
        let mut two = Two::NONE;
        for [a, b, c, d] in fours {
            two = look(two, a);
            two = look(two, b);
            two = look(two, c);
            two = look(two, d);
        }
        rest.iter().fold(two, look)
    }
}

impl Ranked {
    #[inline(always)]
    fn hash(&self, key: u64) -> u64 {
        // The key is mixed already. A factor of the gateway's own carries each bit to the top, where the order is made, in another way
        // than its neighbours': with one factor for all, some gateways would be the best of more endpoints than others.
        (key ^ self.seed).wrapping_mul(self.factor)
    }

    #[inline(always)]
    fn by_hash(&self, key: u64) -> Worth {
        (self.hash(key) & !PLACE) | self.place
    }

    /// The hash as an exponential waiting time, shorter for more weight: the first to come is chosen by weight.
    #[inline]
    fn by_weight(&self, hash: u64) -> Worth {
        let waiting = minus_log2(hash).wrapping_mul(self.share);
        (!waiting & !PLACE) | self.place
    }
}

/// The most and the next; 0 where there is none.
#[derive(Clone, Copy)]
struct Two {
    first: Worth,
    second: Worth,
}

impl Two {
    const NONE: Two = Two { first: 0, second: 0 };

    #[inline(always)]
    fn or(self, worth: Worth) -> Two {
        Two { first: self.first.max(worth), second: self.second.max(self.first.min(worth)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts;

    fn gateways(weight: impl Fn(u32) -> u32) -> Facts {
        let gateway = |number: u32| Gateway {
            weight: weight(number),
            ..facts::gateway(&format!("gw-{number}"), &format!("192.168.1.{}", number + 1))
        };
        facts::gateways((0..67).map(gateway), facts::endpoints(&[]))
    }

    #[test]
    fn the_two_best_are_those_of_a_look_at_all() {
        let weights: [fn(u32) -> u32; 5] =
            [|_| 1, |n| n + 1, |n| 1 + n % 3, |n| 1 << (n % 32), |n| if n == 7 { u32::MAX } else { 1 }];
        for weight in weights {
            let facts = gateways(weight);
            let open = facts.open();
            let ranks = Ranks::of(&facts, &open);
            for key in (0..2_000).map(mix).chain([0, 1, u64::MAX]) {
                let mut all: Vec<(Worth, u32)> = open.iter().map(|one| (ranks.worth(key, *one), *one)).collect();
                all.sort_unstable_by(|one, other| other.cmp(one));
                let Wish { first, second } = ranks.best(&facts, 0, key);
                assert_eq!((first, second), (all[0].1, all[1].1), "{key}");
            }
        }
    }

    #[test]
    fn the_bound_is_never_above_what_is_waited() {
        for weight in [1, 2, 3, 7, 100, 65_537, u32::MAX] {
            let facts = gateways(|_| weight);
            let ranked = Ranks::of(&facts, &facts.open()).open[0];
            let near = (0..64).flat_map(|shift| [u64::MAX << shift, u64::MAX >> shift, 1 << shift, (1 << shift) - 1]);
            for hash in near.chain((0..100_000).map(mix)) {
                let waiting = minus_log2(hash) * ranked.share;
                assert!((!hash >> 32) * ranked.rate <= waiting, "{hash} by {weight}");
            }
        }
    }
}

//! The packet filter of a program, by difference.

use std::time::Instant;

use nicety_core::egress::{
    program::Program,
    table::{Table, change::between},
};

use crate::{Datapath, Error};

impl Datapath {
    /// By difference to what was left, or, if anybody has changed rules since, to what is there. Returns how much that was.
    pub(crate) fn filter(&mut self, program: &Program, deadline: Instant) -> Result<usize, Error> {
        let table = Table::of(&self.settings, program);
        let now = self.nft.generation(deadline)?;
        let known = self.left.take().filter(|(_, left)| left.is_some() && *left == now).map(|(shown, _)| shown);
        let fresh = known.is_none();
        if fresh {
            self.refusing = None;
        }
        let shown = match known {
            Some(shown) => Some(shown),
            None => self.nft.read(deadline)?,
        };
        let mut changes = between(shown.as_ref(), &table);
        match self.nft.commit(&changes, deadline) {
            Err(error) if error.is_stale() && !fresh => {
                let shown = self.nft.read(deadline)?;
                changes = between(shown.as_ref(), &table);
                self.nft.commit(&changes, deadline)?;
            }
            other => other?,
        }
        let generation = self.nft.generation(deadline)?;
        // Somebody else's transaction between ours and this look would go unseen: only a step of one is ours.
        let step = u32::from(!changes.is_empty());
        let alone = now.zip(generation).is_some_and(|(before, after)| after == before.wrapping_add(step));
        self.left = Some((table.shown(), generation.filter(|_| alone)));
        Ok(changes.len())
    }
    /// Looks for chains of others that drop, once anybody has changed rules. What cannot be read is looked for the next time: nothing of
    /// ours depends on it.
    pub(crate) fn look_for_refusing(&mut self, deadline: Instant) {
        if self.refusing.is_none() {
            self.refusing = self.nft.refusing(deadline).ok();
        }
    }
}

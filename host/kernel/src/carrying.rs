//! Waits until links that were just set up carry packets. A veth is up when the kernel has worked off the event that its other end came
//! up, which it does in its own time: until then its queue, and the bridge that it is a port of, drop what is sent. A pod whose first
//! question for its neighbor is dropped asks again after a second.

use std::{
    thread,
    time::{Duration, Instant},
};

use netlink_packet_route::link::State;

use crate::{
    conversation::{Conversation, ConversationError},
    links,
};

/// A link that takes longer is left to come up by itself: that is no reason to refuse a pod.
const PATIENCE: Duration = Duration::from_millis(500);
/// From one look to the next.
const SHORTEST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_millis(5);

/// Returns when all of them do, or after half a second; a link that is gone is not waited for. In the calling thread.
pub fn wait(conversation: &mut Conversation, names: &[&str], deadline: Instant) -> Result<(), ConversationError> {
    let until = deadline.min(Instant::now() + PATIENCE);
    let mut pause = SHORTEST;
    loop {
        let rows = links::by_name(conversation, names, deadline)?;
        if rows.iter().flatten().all(|row| row.operational == State::Up) || Instant::now() + pause >= until {
            return Ok(());
        }
        thread::sleep(pause);
        pause = (2 * pause).min(LONGEST);
    }
}

//! How each watch fares, for people and for whoever must not answer from nothing. Pure: times are given.

use std::collections::BTreeMap;

use nicety_core::millis::Millis;

use super::feed::Feed;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    pub feeds: BTreeMap<Feed, FeedHealth>,
    /// Since when the server answers, or since when it does not. None: it was not asked yet.
    pub server: Option<(Answers, Millis)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    Yes,
    No,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedHealth {
    pub phase: Phase,
    /// Of the phase.
    pub since: Millis,
    /// When it was last known that what is kept is what the server has.
    pub heard: Option<Millis>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Nothing was ever heard.
    Unknown,
    /// As it was when it was saved.
    Saved,
    Live,
    /// The server does not know the kind: its CustomResourceDefinition is not there yet.
    Missing,
    Failing(String),
}

/// Why a watch does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The kind is not served.
    Missing,
    /// The server answered that it will not.
    Refused(String),
    /// There was no answer.
    Away(String),
}

impl Default for Health {
    fn default() -> Health {
        let unknown = FeedHealth { phase: Phase::Unknown, since: Millis(0), heard: None };
        Health { feeds: Feed::ALL.into_iter().map(|feed| (feed, unknown.clone())).collect(), server: None }
    }
}

impl Health {
    pub fn loaded(&mut self, feed: Feed, saved: Millis, now: Millis) {
        self.feeds.insert(feed, FeedHealth { phase: Phase::Saved, since: now, heard: Some(saved) });
    }

    pub fn heard(&mut self, feed: Feed, now: Millis) {
        self.answers(Answers::Yes, now);
        self.phase(feed, Phase::Live, now);
        if let Some(health) = self.feeds.get_mut(&feed) {
            health.heard = Some(now);
        }
    }

    pub fn failed(&mut self, feed: Feed, failure: &Failure, now: Millis) {
        match failure {
            Failure::Missing => {
                self.answers(Answers::Yes, now);
                self.phase(feed, Phase::Missing, now);
            }
            Failure::Refused(why) => {
                self.answers(Answers::Yes, now);
                self.phase(feed, Phase::Failing(why.clone()), now);
            }
            Failure::Away(why) => {
                self.answers(Answers::No, now);
                self.phase(feed, Phase::Failing(why.clone()), now);
            }
        }
    }

    /// Those of which nothing was ever known: whoever answers from them answers from nothing.
    pub fn unknown(&self, among: &[Feed]) -> Vec<Feed> {
        let known = |feed: &&Feed| self.feeds.get(feed).is_some_and(|health| health.heard.is_some());
        among.iter().filter(|feed| !known(feed)).copied().collect()
    }

    /// As [`Health::unknown`], without what the server said that it has not even the kind of: there can be none.
    pub fn untold(&self, among: &[Feed]) -> Vec<Feed> {
        let missing = |feed: &Feed| self.feeds.get(feed).is_some_and(|health| health.phase == Phase::Missing);
        self.unknown(among).into_iter().filter(|feed| !missing(feed)).collect()
    }

    /// The oldest moment that any of it stands for.
    pub fn oldest(&self) -> Option<Millis> {
        self.feeds.values().filter_map(|health| health.heard).min()
    }

    fn phase(&mut self, feed: Feed, phase: Phase, now: Millis) {
        let health =
            self.feeds.entry(feed).or_insert_with(|| FeedHealth { phase: Phase::Unknown, since: now, heard: None });
        // Another word for the same trouble does not make it younger.
        let same = std::mem::discriminant(&health.phase) == std::mem::discriminant(&phase);
        let since = if same { health.since } else { now };
        *health = FeedHealth { phase, since, heard: health.heard };
    }

    fn answers(&mut self, answers: Answers, now: Millis) {
        if self.server.is_none_or(|(before, _)| before != answers) {
            self.server = Some((answers, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_refuses_is_there_and_one_that_does_not_answer_is_away() {
        let mut health = Health::default();
        health.heard(Feed::Pods, Millis(1));
        health.failed(Feed::Networks, &Failure::Refused("forbidden".to_owned()), Millis(2));
        assert_eq!(health.server, Some((Answers::Yes, Millis(1))));
        health.failed(Feed::Pods, &Failure::Away("refused".to_owned()), Millis(3));
        health.failed(Feed::Pods, &Failure::Away("timed out".to_owned()), Millis(4));
        assert_eq!(health.server, Some((Answers::No, Millis(3))));
        let pods = &health.feeds[&Feed::Pods];
        assert_eq!((pods.since, pods.heard), (Millis(3), Some(Millis(1))));
        assert_eq!(pods.phase, Phase::Failing("timed out".to_owned()));
    }

    #[test]
    fn what_was_saved_is_known_and_what_was_never_heard_is_not() {
        let mut health = Health::default();
        health.loaded(Feed::Networks, Millis(5), Millis(9));
        health.failed(Feed::Blocks, &Failure::Missing, Millis(9));
        assert_eq!(health.unknown(&[Feed::Networks, Feed::Blocks, Feed::Pods]), [Feed::Blocks, Feed::Pods]);
        assert_eq!(health.untold(&[Feed::Networks, Feed::Blocks, Feed::Pods]), [Feed::Pods]);
        health.failed(Feed::Pods, &Failure::Refused("forbidden".to_owned()), Millis(10));
        assert_eq!(health.untold(&[Feed::Pods]), [Feed::Pods]);
        assert_eq!(health.oldest(), Some(Millis(5)));
    }
}

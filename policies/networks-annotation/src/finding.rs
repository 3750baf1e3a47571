//! All that is wrong with what a pod asks for, as one denial.

use nicety_policy_sdk::{Denial, attach::Offer};

/// The code of what is not written as it should be.
const INVALID: &str = "invalid-annotation";

#[derive(Debug, Default)]
pub struct Findings {
    list: Vec<Finding>,
}

#[derive(Debug)]
struct Finding {
    code: &'static str,
    message: String,
    /// Does time mend it?
    retryable: bool,
    object: Option<String>,
}

impl Findings {
    /// `path` names the place as the author of the annotation knows it.
    pub fn push(&mut self, path: &str, message: &str) {
        self.add(path, INVALID, message, None);
    }

    /// A finding with a code and an object of its own.
    pub fn add(&mut self, path: &str, code: &'static str, message: &str, object: Option<String>) {
        let message = [path, ": ", message].concat();
        self.list.push(Finding { code, message, retryable: false, object });
    }

    /// A network that is on offer and cannot be used now.
    pub fn not_ready(&mut self, path: &str, offer: &Offer) {
        let Denial { message, .. } = offer.not_ready();
        self.add(path, "network-not-ready", &message, Some(offer.name.clone()));
        if let Some(last) = self.list.last_mut() {
            last.retryable = true;
        }
    }

    /// One denial of everything. It may be tried again only when nothing but time is missing, and it has the code and object of
    /// the first finding that time does not mend.
    pub fn into_denial(self, whole: &str, object: &str) -> Result<(), Denial> {
        let Some(first) = self.list.iter().find(|finding| !finding.retryable).or(self.list.first()) else {
            return Ok(());
        };
        let mut message = [whole, ": "].concat();
        for (place, finding) in self.list.iter().enumerate() {
            message.push_str(if place == 0 { "" } else { "; " });
            message.push_str(&finding.message);
        }
        let object = first.object.as_deref().unwrap_or(object);
        Err(Denial { retryable: first.retryable, ..Denial::new(first.code, message) }.about(object))
    }
}

//! The taint that keeps pods away from a node until its networks work. This controller alone writes it.

use k8s_openapi::api::core::v1::Taint;
use kube::api::DynamicObject;

pub const KEY: &str = "nicety.dev/not-ready";
const EFFECT: &str = "NoSchedule";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    Tainted,
    Clean,
}

pub fn is_tainted(taints: &[Taint]) -> bool {
    taints.iter().any(|taint| taint.key == KEY)
}

/// The list as it should be; None when it is so already. Others' taints stay, in their order.
pub fn wanted(now: &[Taint], wish: Wish) -> Option<Vec<Taint>> {
    match (wish, is_tainted(now)) {
        (Wish::Tainted, true) | (Wish::Clean, false) => None,
        (Wish::Clean, true) => Some(now.iter().filter(|taint| taint.key != KEY).cloned().collect()),
        (Wish::Tainted, false) => {
            let ours = Taint { key: KEY.to_owned(), effect: EFFECT.to_owned(), ..Taint::default() };
            Some(now.iter().cloned().chain([ours]).collect())
        }
    }
}

pub fn of(node: &DynamicObject) -> Vec<Taint> {
    let taints = node.data.pointer("/spec/taints").cloned().unwrap_or_default();
    serde_json::from_value(taints).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_taint_comes_and_goes() {
        let other = Taint { key: "example.com/broken".into(), effect: "NoExecute".into(), ..Taint::default() };
        let both = wanted(std::slice::from_ref(&other), Wish::Tainted).unwrap();
        assert_eq!((both.len(), both[1].effect.as_str()), (2, "NoSchedule"));
        assert_eq!(wanted(&both, Wish::Tainted), None);
        assert_eq!(wanted(&both, Wish::Clean), Some(vec![other]));
        assert_eq!(wanted(&[], Wish::Clean), None);
    }
}

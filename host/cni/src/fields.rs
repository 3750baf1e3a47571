//! Reads typed fields out of a JSON object and lists what is wrong under each field's full path. Keys are matched as Go's decoder
//! matches them, exactly first and then without regard to case: containerd writes `HostPort` where podman writes `hostPort`.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Map, Value};

use crate::finding::Finding;

/// One object and where it stands.
pub(crate) struct Fields<'v, 'f> {
    object: &'v Map<String, Value>,
    path: String,
    findings: &'f mut Vec<Finding>,
}

impl<'v, 'f> Fields<'v, 'f> {
    pub(crate) fn new(object: &'v Map<String, Value>, path: &str, findings: &'f mut Vec<Finding>) -> Fields<'v, 'f> {
        Fields { object, path: path.to_owned(), findings }
    }

    /// None, and a finding, when the value is not an object.
    pub(crate) fn of(value: &'v Value, path: &str, findings: &'f mut Vec<Finding>) -> Option<Fields<'v, 'f>> {
        match value {
            Value::Object(object) => Some(Fields::new(object, path, findings)),
            other => {
                findings.push(Finding::new(path, format!("is {}, not an object", kind(other))));
                None
            }
        }
    }

    /// The value, unless it is absent or null.
    pub(crate) fn value(&self, key: &str) -> Option<&'v Value> {
        let loosely = || self.object.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        self.object.get(key).or_else(loosely).filter(|value| !value.is_null())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.object.contains_key(key)
    }

    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    pub(crate) fn wrong(&mut self, key: &str, message: impl Into<String>) {
        let path = self.path(key);
        self.findings.push(Finding::new(path, message));
    }

    fn typed<T>(&mut self, key: &str, what: &str, read: impl FnOnce(&'v Value) -> Option<T>) -> Option<T> {
        let value = self.value(key)?;
        let typed = read(value);
        if typed.is_none() {
            self.wrong(key, format!("is {}, not {what}", shown(value)));
        }
        typed
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        self.typed(key, "text", |value| value.as_str().map(str::to_owned))
    }

    /// Text that is not empty, parsed by `read`; `what` says what it should have been.
    pub(crate) fn parsed<T>(&mut self, key: &str, what: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        if self.value(key).and_then(Value::as_str) == Some("") {
            return None;
        }
        self.typed(key, what, |value| read(value.as_str()?))
    }

    pub(crate) fn number(&mut self, key: &str) -> Option<u64> {
        self.typed(key, "a number of zero or more", Value::as_u64)
    }

    pub(crate) fn u32(&mut self, key: &str) -> Option<u32> {
        self.typed(key, "a number of 0 to 4294967295", |value| u32::try_from(value.as_u64()?).ok())
    }

    pub(crate) fn integer(&mut self, key: &str) -> Option<i64> {
        self.typed(key, "a whole number", Value::as_i64)
    }

    pub(crate) fn flag(&mut self, key: &str) -> Option<bool> {
        self.typed(key, "true or false", Value::as_bool)
    }

    pub(crate) fn object(&mut self, key: &str) -> Option<Fields<'v, '_>> {
        let value = self.value(key)?;
        let path = self.path(key);
        Fields::of(value, &path, self.findings)
    }

    /// This object itself, to be passed on as it is.
    pub(crate) fn whole(&self) -> Map<String, Value> {
        self.object.clone()
    }

    /// The whole object under `key`, for values that are passed on as they are.
    pub(crate) fn map(&mut self, key: &str) -> Option<Map<String, Value>> {
        self.typed(key, "an object", |value| value.as_object().cloned())
    }

    pub(crate) fn entries(&mut self, key: &str) -> Option<&'v Map<String, Value>> {
        self.typed(key, "an object", Value::as_object)
    }

    pub(crate) fn list(&mut self, key: &str) -> Option<&'v [Value]> {
        self.typed(key, "a list", |value| value.as_array().map(Vec::as_slice))
    }

    /// Each object of a list, read by `read`; an element that is no object, or that `read` gives up on, is left out.
    pub(crate) fn objects<T>(&mut self, key: &str, read: impl Fn(&mut Fields<'v, '_>) -> Option<T>) -> Option<Vec<T>> {
        let list = self.list(key)?;
        let path = self.path(key);
        let element = |(index, value)| {
            let mut fields = Fields::of(value, &format!("{path}[{index}]"), self.findings)?;
            read(&mut fields)
        };
        Some(list.iter().enumerate().filter_map(element).collect())
    }

    /// Each text of a list, parsed by `read`.
    pub(crate) fn texts<T>(&mut self, key: &str, what: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let list = self.list(key)?;
        let mut all = Vec::with_capacity(list.len());
        for (index, value) in list.iter().enumerate() {
            match value.as_str().and_then(&read) {
                Some(parsed) => all.push(parsed),
                None => self.wrong(&format!("{key}[{index}]"), format!("is {}, not {what}", shown(value))),
            }
        }
        Some(all)
    }
}

/// An address with its length, or a bare one, which has its full length. Host bits are kept.
pub(crate) fn address(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// A 48-bit hardware address in its one form: lower case, colons.
pub(crate) fn mac(text: &str) -> Option<String> {
    let octets: Vec<&str> = text.split([':', '-']).collect();
    let octet = |text: &&str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_hexdigit());
    (octets.len() == 6 && octets.iter().all(octet)).then(|| octets.join(":").to_ascii_lowercase())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A short value as it stands, a long one by its kind.
fn shown(value: &Value) -> String {
    match value {
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) if text.len() <= 64 => format!("`{text}`"),
        other => kind(other).to_owned(),
    }
}

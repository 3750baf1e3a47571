//! Changes a JSON document by its structure: random bytes hardly ever make another document that is one.

use libfuzzer_sys::fuzzer_mutate;
use serde_json::{Map, Value, json};

/// Numbers at which arithmetic and indexes break.
const NUMBERS: [u64; 14] = [0, 1, 2, 3, 15, 63, 64, 65, 254, 255, 0x7fff_ffff, 0xffff_fffe, u32::MAX as u64, u64::MAX];

const TEXTS: [&str; 24] = [
    "",
    " ",
    "lo",
    "eth0",
    "net1",
    "net1-0",
    "fifteen-bytes-x",
    "sixteen-bytes-xx",
    "a\nb",
    "\u{0}",
    "ü",
    "0.0.0.0/0",
    "10.0.0.1/32",
    "10.0.0.255/24",
    "127.0.0.1",
    "224.0.0.1",
    "::/0",
    "fe80::1/64",
    "fd00::1/127",
    "ff:ff:ff:ff:ff:ff",
    "02:00:00:00:00:01",
    "0000:08:00.0",
    "own-network",
    "delegated",
];

/// xorshift64*: the fuzzer gives a seed, and the same seed gives the same change.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let drawn = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(drawn).unwrap_or(0) % bound.max(1)
    }
}

/// For `fuzz_mutator!`. One time in eight, and whenever the input is no JSON, bytes are changed as the fuzzer likes.
pub fn json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut chance = Chance(u64::from(seed) << 1 | 1);
    let parsed = data.get(..size).and_then(|text| serde_json::from_slice::<Value>(text).ok());
    let changed = match parsed {
        Some(mut document) if chance.below(8) > 0 => {
            for _ in 0..=chance.below(3) {
                let donor = pick(&document, chance.below(count(&document))).cloned().unwrap_or(Value::Null);
                let place = chance.below(count(&document));
                change(&mut document, place, donor, &mut chance);
            }
            serde_json::to_vec(&document).ok()
        }
        _ => None,
    };
    match changed.filter(|text| text.len() <= max_size) {
        Some(text) => {
            data[..text.len()].copy_from_slice(&text);
            text.len()
        }
        None => fuzzer_mutate(data, size, max_size),
    }
}

/// Nodes of a document.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// Node number `place`, counted from the root downwards.
fn pick(value: &Value, place: usize) -> Option<&Value> {
    let children: Vec<&Value> = match value {
        _ if place == 0 => return Some(value),
        Value::Array(values) => values.iter().collect(),
        Value::Object(fields) => fields.values().collect(),
        _ => return None,
    };
    let mut left = place - 1;
    for child in children {
        let nodes = count(child);
        if left < nodes {
            return pick(child, left);
        }
        left -= nodes;
    }
    None
}

fn change(value: &mut Value, place: usize, donor: Value, chance: &mut Chance) {
    if place == 0 {
        *value = changed(value.take(), donor, chance);
        return;
    }
    let children: Vec<&mut Value> = match value {
        Value::Array(values) => values.iter_mut().collect(),
        Value::Object(fields) => fields.values_mut().collect(),
        _ => return,
    };
    let mut left = place - 1;
    for child in children {
        let nodes = count(child);
        if left < nodes {
            return change(child, left, donor, chance);
        }
        left -= nodes;
    }
}

/// Another value in the place of this one, of the same type more often than not.
fn changed(value: Value, donor: Value, chance: &mut Chance) -> Value {
    match (chance.below(8), value) {
        (0, _) => donor,
        (1, value) if !value.is_object() => match chance.below(5) {
            0 => Value::Null,
            1 => json!(chance.below(2) == 0),
            2 => json!([donor]),
            3 => json!(NUMBERS[chance.below(NUMBERS.len())]),
            _ => json!(TEXTS[chance.below(TEXTS.len())]),
        },
        (_, Value::Bool(flag)) => json!(!flag),
        (_, Value::Number(number)) => number_near(number.as_u64().unwrap_or_default(), chance),
        (_, Value::String(text)) => Value::String(text_near(text, chance)),
        (_, Value::Array(values)) => Value::Array(list_near(values, donor, chance)),
        (_, Value::Object(fields)) => Value::Object(fields_near(fields, donor, chance)),
        (_, Value::Null) => donor,
    }
}

fn number_near(number: u64, chance: &mut Chance) -> Value {
    match chance.below(4) {
        0 => json!(number.wrapping_add(1)),
        1 => json!(number.wrapping_sub(1)),
        2 => json!(number ^ 1 << chance.below(64)),
        _ => json!(NUMBERS[chance.below(NUMBERS.len())]),
    }
}

fn text_near(text: String, chance: &mut Chance) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let place = chance.below(letters.len() + 1);
    match chance.below(6) {
        0 => return TEXTS[chance.below(TEXTS.len())].to_owned(),
        1 => letters.truncate(place),
        2 => letters.insert(place, char::from(u8::try_from(32 + chance.below(95)).unwrap_or(b'x'))),
        3 if place < letters.len() => drop(letters.remove(place)),
        4 => letters.extend(letters.clone()),
        _ => {
            if let Some(letter) = letters.get_mut(place) {
                *letter = char::from(u8::try_from(chance.below(256)).unwrap_or(b'x'));
            }
        }
    }
    letters.into_iter().collect()
}

fn list_near(mut values: Vec<Value>, donor: Value, chance: &mut Chance) -> Vec<Value> {
    let place = chance.below(values.len() + 1);
    match chance.below(5) {
        0 => values.insert(place, donor),
        1 if place < values.len() => drop(values.remove(place)),
        2 => values.extend(values.get(place).cloned()),
        3 => values.truncate(place),
        _ => values.rotate_left(place),
    }
    values
}

/// Field names are worth more than what they hold, so they come and go as they are.
fn fields_near(mut fields: Map<String, Value>, donor: Value, chance: &mut Chance) -> Map<String, Value> {
    match donor {
        Value::Object(others) if chance.below(2) == 0 => fields.extend(others),
        _ => {
            if let Some(name) = fields.keys().nth(chance.below(fields.len())).cloned() {
                fields.remove(&name);
            }
        }
    }
    fields
}

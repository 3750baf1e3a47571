use std::time::{Duration, Instant};

use serde_json::json;

use super::*;

fn lines(schema: Value, instance: Value) -> Vec<String> {
    check(&schema, &instance).iter().map(Finding::to_string).collect()
}

fn config() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["rail"],
        "properties": {
            "rail": {"type": "integer", "minimum": 0, "maximum": 7},
            "tiers": {"type": "array", "items": {"$ref": "#/$defs/Tier"}},
            "name": {"type": "string", "pattern": "^[a-z]+$"},
        },
        "$defs": {"Tier": {"enum": ["gold", "silver"]}},
    })
}

#[test]
fn everything_that_is_wrong_is_found_at_once_with_its_path() {
    assert_eq!(
        lines(config(), json!({"rial": 1, "tiers": ["gold", "gilt"], "name": "A"})),
        [
            "name: `A` does not match `^[a-z]+$`",
            "rail: is missing",
            "rial: is not a known field; hint: did you mean `rail`?",
            "tiers[1]: `gilt` is none of `gold`, `silver`",
        ]
    );
    let quoted = "rail: is `3`, but must be of type integer; hint: write it without quotes";
    assert_eq!(lines(config(), json!({"rail": "3"})), [quoted]);
    assert_eq!(lines(config(), json!({"rail": 9})), ["rail: `9` is more than 7"]);
    assert_eq!(lines(config(), json!([])), ["is a list, but must be of type object"]);
}

#[test]
fn a_good_instance_has_no_findings() {
    assert_eq!(lines(config(), json!({"rail": 3, "tiers": ["gold"], "name": "a"})), [] as [&str; 0]);
}

#[test]
fn of_several_shapes_the_meant_one_is_explained() {
    let fallback = json!({
        "type": "object",
        "properties": {"fallback": {"type": "string"}},
        "required": ["fallback"],
        "additionalProperties": false,
    });
    let schema = json!({"properties": {"onFailure": {"oneOf": [{"const": "deny"}, fallback]}}});
    assert_eq!(
        lines(schema.clone(), json!({"onFailure": {"fallbak": "x"}})),
        ["onFailure.fallback: is missing", "onFailure.fallbak: is not a known field; hint: did you mean `fallback`?"]
    );
    assert_eq!(lines(schema, json!({"onFailure": 3})), ["onFailure: `3` has none of the shapes that are legal here"]);
}

#[test]
fn a_text_that_is_no_schema_is_refused_with_the_reason() {
    let refused = |text: &str| compile_check(text).unwrap_err().to_string();
    let no_schema = "the schema is not a JSON Schema: ";
    assert!(refused("{").starts_with("the schema is not JSON: "));
    assert!(refused("3").starts_with(no_schema));
    assert!(refused(r#"{"items": {"type": "strnig"}}"#).starts_with(&format!("{no_schema}items.type: the value")));
    assert!(refused(r#"{"pattern": "(?=a)a"}"#).starts_with(no_schema), "look-around is not linear");
    assert!(refused(r#"{"pattern": "((a{1000}){1000}){1000}"}"#).starts_with(no_schema));
    let long = " ".repeat(MAX_BYTES + 1);
    assert_eq!(compile_check(&long), Err(SchemaError::TooLong { bytes: long.len() }));
    assert!(compile_check(&config().to_string()).is_ok());
    assert!(compile_check("true").is_ok());
}

#[test]
fn nothing_is_fetched_for_a_schema() {
    for reference in ["https://example.com/schema.json", "file:///etc/passwd", "other.json"] {
        let refused = compile_check(&json!({"$ref": reference}).to_string()).unwrap_err();
        assert!(matches!(refused, SchemaError::Endless { .. }), "{refused}");
    }
    // The library itself would not either, were the bound above ever relaxed.
    assert!(options().build(&json!({"$ref": "https://example.com/schema.json"})).is_err());
}

#[test]
fn a_schema_without_end_is_refused() {
    let refused = |schema: Value| compile_check(&schema.to_string()).unwrap_err().to_string();
    let loops = json!({"$ref": "#/$defs/a", "$defs": {"a": {"not": {"$ref": "#/$defs/a"}}}});
    assert!(refused(json!({"$ref": "#"})).contains("leads back to itself"));
    assert!(refused(loops).contains("leads back to itself"));
    assert!(refused(json!({"$dynamicRef": "#x"})).contains("`$dynamicRef` is not served"));
    let mut definitions = serde_json::Map::new();
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        definitions.insert(format!("d{level}"), json!({"allOf": [next, next]}));
    }
    definitions.insert("d40".to_owned(), json!(true));
    assert!(refused(json!({"$ref": "#/$defs/d0", "$defs": definitions})).contains("more than 100000 nodes"));
}

#[test]
fn a_catastrophic_pattern_takes_no_time() {
    let schema = json!({"type": "string", "pattern": "^(a+)+$"});
    let started = Instant::now();
    let found = check(&schema, &json!(format!("{}!", "a".repeat(100_000))));
    assert_eq!(found.len(), 1);
    assert!(found[0].message.len() < 200, "the message repeats the whole instance");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_long_chain_of_references_is_refused_before_it_fills_the_stack() {
    let mut definitions = serde_json::Map::new();
    for level in 0..5_000 {
        definitions.insert(format!("d{level}"), json!({"$ref": format!("#/$defs/d{}", level + 1)}));
    }
    definitions.insert("d5000".to_owned(), json!(true));
    let chain = json!({"$ref": "#/$defs/d0", "$defs": definitions}).to_string();
    assert!(chain.len() < MAX_BYTES);
    // The small stack of a thread that was made for something else.
    let refused = std::thread::Builder::new().stack_size(512 << 10).spawn(move || compile_check(&chain)).unwrap();
    let refused = refused.join().unwrap().unwrap_err().to_string();
    assert!(refused.contains("more than 256 levels"), "{refused}");
}

#[test]
fn a_crowd_of_costly_patterns_is_refused_before_any_is_compiled() {
    let pattern = |index: usize| json!({"pattern": format!("{index}(\\pL{{20}}){{20}}")});
    let crowd = |count: usize| json!({"allOf": (0..count).map(pattern).collect::<Vec<_>>()}).to_string();
    let started = Instant::now();
    let refused = compile_check(&crowd(5_000)).unwrap_err().to_string();
    assert!(refused.contains("more than 64 patterns"), "{refused}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    let by_name = json!({"patternProperties": (0..65).map(|index| (index.to_string(), json!(true))).collect::<serde_json::Map<_, _>>()});
    assert!(compile_check(&by_name.to_string()).unwrap_err().to_string().contains("more than 64 patterns"));
    let started = Instant::now();
    // Refused for their size one by one or let in: in either case soon.
    let _ = compile_check(&crowd(64));
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn an_object_that_takes_no_fields_says_so() {
    let schema = json!({ "type": "object", "additionalProperties": false });
    assert_eq!(lines(schema.clone(), json!({ "x": 1 })), ["has a field, and none is known here; hint: leave it empty"]);
    assert_eq!(lines(schema, json!({})), [""; 0]);
}

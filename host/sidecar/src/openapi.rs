//! The OpenAPI 3.1 document, made from the types that are read and written.

use nicety_core::{
    decision::Assignment,
    facts::{attach, gateways, nic_selection},
};
use nicety_deciding::shadow::Compared;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::{
    shape,
    view::{Answered, Error, Health, Networks, Nics, Recorded, Strategies},
};

/// Behind the name of a type whose answers have another shape than its bodies: fields that may be left out in a body always stand
/// in an answer.
const ANSWERED: &str = "Answered";

/// The whole document.
pub fn document() -> Value {
    let (mut bodies, mut answers) = (shape::of_bodies(), shape::of_answers());
    let mut paths = json!({
        "/v1/decisions/attach": { "post": decision::<attach::Facts, Networks>(&mut bodies, &mut answers, &ATTACH) },
        "/v1/decisions/nic-selection": {
            "post": decision::<nic_selection::Facts, Nics>(&mut bodies, &mut answers, &NIC_SELECTION),
        },
        "/v1/decisions/gateway-distribution": {
            "post": decision::<gateways::Facts, Assignment>(&mut bodies, &mut answers, &GATEWAY_DISTRIBUTION),
        },
        "/v1/strategies": { "get": look::<Strategies>(&mut answers, "strategies", "The strategies in force.") },
        "/v1/shadow": { "get": look::<Compared>(&mut answers, "shadow", "How candidates in shadow compare with what decides.") },
        "/v1/records/{id}": { "get": look::<Recorded>(&mut answers, "record", "A decision as it is remembered.") },
        "/v1/health": { "get": look::<Health>(&mut answers, "health", "Answers while decisions are made.") },
        "/v1/openapi.json": { "get": {
            "operationId": "document",
            "summary": "This document.",
            "responses": { "200": content("An OpenAPI 3.1 document.", json!({ "type": "object" })), "400": problem("400") },
        } },
    });
    if let Some(of_network) = paths.pointer_mut("/~1v1~1decisions~1nic-selection/post") {
        of_network["parameters"] = json!([{
            "name": "network",
            "in": "query",
            "description": "The network whose strategy is asked. Without it, or without a strategy of its own: the default one.",
            "schema": { "type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$" },
        }]);
    }
    if let Some(record) = paths.pointer_mut("/~1v1~1records~1{id}/get") {
        record["parameters"] = json!([{
            "name": "id",
            "in": "path",
            "required": true,
            "description": "The field `record` of a decision.",
            "schema": { "type": "integer", "minimum": 0, "maximum": u64::MAX },
        }]);
        record["responses"]["404"] = problem("404");
    }
    let error = shape::bounded(answers.subschema_for::<Error>());
    let schemas = merged(shape::definitions(bodies), shape::definitions(answers), &mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Nicety engine",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Decisions by sandboxed policies",
            "description": "HTTP/1.1 on a unix socket. Numbers are whole and may have 64 bits: read them as such. Fields that are \
                not known are refused. A body that does not fit its schema is answered 400, one whose facts contradict each \
                other (an index that leads nowhere, a list that is not sorted) 422; both with every finding.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "http://localhost", "description": "The unix socket; the host is not looked at." }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": PROBLEMS.iter().map(|(status, description)| {
                let mut problem = content(description, error.clone());
                if *status == "503" {
                    problem["headers"] = json!({ "Retry-After": {
                        "description": "Seconds.",
                        "schema": { "type": "integer", "minimum": 0 },
                    } });
                }
                ((*status).to_owned(), problem)
            }).collect::<Map<String, Value>>(),
        },
    })
}

/// Answers that are no answers, by status.
const PROBLEMS: &[(&str, &str)] = &[
    ("400", "The query or the body does not have the documented shape; every finding names its field."),
    ("404", "There is nothing there."),
    ("408", "The body was not there in time."),
    ("413", "The body is too large."),
    ("415", "The body is not JSON."),
    ("422", "The body has the documented shape, and its facts contradict each other; every finding names its field."),
    ("503", "As much is under way as may be; the same request may be sent again."),
    ("504", "There was no decision in time."),
];

struct Words {
    id: &'static str,
    summary: &'static str,
    description: &'static str,
    /// JSON.
    example: &'static str,
}

const ATTACH: Words = Words {
    id: "attach",
    summary: "Which networks a pod is attached to.",
    description: "The strategy is that of the network on offer with `default`, or the default one.",
    example: include_str!("openapi/attach.json"),
};

const NIC_SELECTION: Words = Words {
    id: "nicSelection",
    summary: "Which NICs serve one attachment.",
    description: "The candidates are the network's NICs on this node; the requested number is taken from what the strategy leaves.",
    example: include_str!("openapi/nic-selection.json"),
};

const GATEWAY_DISTRIBUTION: Words = Words {
    id: "gatewayDistribution",
    summary: "Which gateway each endpoint leaves through.",
    description: "The strategy is that of the egress policy that the field `policy` names, or the default one. Lists of \
        endpoints are parallel; 4294967295 stands for no index.",
    example: include_str!("openapi/gateway-distribution.json"),
};

fn decision<Body: JsonSchema, Decision: JsonSchema>(
    bodies: &mut SchemaGenerator,
    answers: &mut SchemaGenerator,
    Words { id, summary, description, example }: &Words,
) -> Value {
    let body = shape::bounded(bodies.subschema_for::<Body>());
    let answer = shape::bounded(answers.subschema_for::<Answered<Decision>>());
    let example: Value = serde_json::from_str(example).unwrap_or_default();
    let mut responses =
        json!({ "200": content("What came of it: a decision, a denial, or a policy that failed.", answer) });
    for (status, _) in PROBLEMS.iter().filter(|(status, _)| *status != "404") {
        responses[*status] = problem(status);
    }
    let media = json!({ "schema": body, "examples": { "usual": { "value": example } } });
    json!({
        "operationId": id,
        "summary": summary,
        "description": description,
        "requestBody": { "required": true, "content": { "application/json": media } },
        "responses": responses,
    })
}

fn look<Answer: JsonSchema>(answers: &mut SchemaGenerator, id: &str, summary: &str) -> Value {
    let answer = shape::bounded(answers.subschema_for::<Answer>());
    json!({
        "operationId": id,
        "summary": summary,
        "responses": { "200": content(summary, answer), "400": problem("400") },
    })
}

fn content(description: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn problem(status: &str) -> Value {
    json!({ "$ref": format!("#/components/responses/{status}") })
}

/// The definitions of both: those of answers that differ from the body's get names of their own.
fn merged(bodies: Map<String, Value>, answers: Map<String, Value>, paths: &mut Value) -> Value {
    // Renaming changes who differs: whoever refers to a renamed definition differs too.
    let mut renamed: Vec<String> = Vec::new();
    loop {
        let differs = |name: &str, schema: &Value| {
            bodies.get(name).is_some_and(|body| body != schema || renamed.iter().any(|other| refers(schema, other)))
        };
        let more: Vec<String> = answers
            .iter()
            .filter(|(name, schema)| !renamed.contains(name) && differs(name, schema))
            .map(|(name, _)| name.clone())
            .collect();
        if more.is_empty() {
            break;
        }
        renamed.extend(more);
    }
    let mut all = bodies;
    for (name, mut schema) in answers {
        rename(&mut schema, &renamed);
        let name = if renamed.contains(&name) { name + ANSWERED } else { name };
        all.insert(name, schema);
    }
    for operation in paths.as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for responses in operation.as_object_mut().into_iter().flat_map(|methods| methods.values_mut()) {
            rename(&mut responses["responses"], &renamed);
        }
    }
    Value::Object(all)
}

fn reference(name: &str) -> String {
    format!("#/components/schemas/{name}")
}

fn refers(schema: &Value, name: &str) -> bool {
    match schema {
        Value::Object(object) => {
            object.get("$ref").and_then(Value::as_str) == Some(&reference(name))
                || object.values().any(|inner| refers(inner, name))
        }
        Value::Array(entries) => entries.iter().any(|inner| refers(inner, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn rename(schema: &mut Value, renamed: &[String]) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::String(to)) = object.get_mut("$ref")
                && renamed.iter().any(|name| *to == reference(name))
            {
                to.push_str(ANSWERED);
            }
            object.values_mut().for_each(|inner| rename(inner, renamed));
        }
        Value::Array(entries) => entries.iter_mut().for_each(|inner| rename(inner, renamed)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every `$ref` in the document.
    fn references(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                into.extend(object.get("$ref").and_then(Value::as_str).map(str::to_owned));
                object.values().for_each(|inner| references(inner, into));
            }
            Value::Array(entries) => entries.iter().for_each(|inner| references(inner, into)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_definition_is_used() {
        let document = document();
        let mut found = Vec::new();
        references(&document, &mut found);
        for reference in &found {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            assert!(found.contains(&reference(name)), "{name} is not used");
        }
    }

    #[test]
    fn fields_that_may_be_left_out_in_a_body_stand_in_an_answer() {
        let document = document();
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Request"].get("required"), None);
        assert!(schemas["RequestAnswered"]["required"].as_array().unwrap().len() > 10);
    }

    #[test]
    fn the_examples_are_bodies_that_pass() {
        use crate::decide::Question;
        fn check<Q: Question>(words: &Words) {
            let facts: Q = crate::shape::read(words.example.as_bytes()).unwrap();
            assert_eq!(facts.check(), []);
        }
        check::<attach::Facts>(&ATTACH);
        check::<nic_selection::Facts>(&NIC_SELECTION);
        check::<gateways::Facts>(&GATEWAY_DISTRIBUTION);
    }
}

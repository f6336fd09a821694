//! A small JSON Schema check for our own committed schema: the keywords it uses, no others.

use serde_json::Value;

/// Panics where `value` is not what `schema` asks for.
#[cfg_attr(not(feature = "signals"), allow(dead_code))]
pub(crate) fn check(schema: &Value, value: &Value) {
    let mut wrong = Vec::new();
    walk(schema, schema, value, "", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn walk(root: &Value, schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let Some(rules) = schema.as_object() else {
        return; // `true`: anything
    };
    let mut bad = |what: String| wrong.push(format!("{at}: {what}"));
    for (keyword, rule) in rules {
        match keyword.as_str() {
            "type" if !types(rule).any(|t| is(value, t)) => bad(format!("{value} is no {rule}")),
            "const" if rule != value => bad(format!("{value} is not {rule}")),
            "minimum" if value.as_f64() < rule.as_f64() => bad(format!("{value} < {rule}")),
            "required" => {
                for name in rule.as_array().into_iter().flatten() {
                    if value.get(name.as_str().unwrap_or_default()).is_none() {
                        bad(format!("{name} is missing"));
                    }
                }
            }
            "minItems" | "maxItems" => {
                let (n, limit) = (value.as_array().map_or(0, Vec::len) as u64, rule.as_u64());
                if (keyword == "minItems") == (Some(n) < limit) && Some(n) != limit {
                    bad(format!("{n} items, {keyword} {rule}"));
                }
            }
            "$schema"
            | "$defs"
            | "title"
            | "description"
            | "format"
            | "type"
            | "const"
            | "minimum"
            | "properties"
            | "items"
            | "anyOf"
            | "oneOf"
            | "$ref"
            | "additionalProperties" => {}
            other => bad(format!("the check does not know the keyword {other}")),
        }
    }
    if let Some(name) = rules.get("$ref").and_then(Value::as_str) {
        let target = root
            .pointer(name.trim_start_matches('#'))
            .expect("a definition");
        walk(root, target, value, at, wrong);
    }
    for keyword in ["anyOf", "oneOf"] {
        let Some(ways) = rules.get(keyword).and_then(Value::as_array) else {
            continue;
        };
        let fits = ways.iter().any(|way| {
            let mut inner = Vec::new();
            walk(root, way, value, at, &mut inner);
            inner.is_empty()
        });
        if !fits {
            wrong.push(format!("{at}: none of {keyword} fits {value}"));
        }
    }
    members(root, rules, value, at, wrong);
}

fn members(
    root: &Value,
    rules: &serde_json::Map<String, Value>,
    value: &Value,
    at: &str,
    wrong: &mut Vec<String>,
) {
    let known = rules.get("properties").and_then(Value::as_object);
    for (name, inner) in value.as_object().into_iter().flatten() {
        let rule = known.and_then(|k| k.get(name));
        match (rule, rules.get("additionalProperties")) {
            (Some(rule), _) => walk(root, rule, inner, &format!("{at}/{name}"), wrong),
            (None, Some(Value::Bool(false))) => wrong.push(format!("{at}: {name} is not known")),
            (None, Some(rule)) => walk(root, rule, inner, &format!("{at}/{name}"), wrong),
            (None, None) => {}
        }
    }
    if let (Some(rule), Some(items)) = (rules.get("items"), value.as_array()) {
        for (i, inner) in items.iter().enumerate() {
            walk(root, rule, inner, &format!("{at}/{i}"), wrong);
        }
    }
}

fn types(rule: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match rule {
        Value::Array(list) => Box::new(list.iter().filter_map(Value::as_str)),
        other => Box::new(other.as_str().into_iter()),
    }
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

#[test]
fn the_check_finds_what_is_wrong() {
    let schema = serde_json::json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"$ref": "#/$defs/pair"}},
        "$defs": {"pair": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer", "minimum": 0}}},
    });
    check(&schema, &serde_json::json!({"a": [1, 2]}));
    for bad in [
        serde_json::json!({}),
        serde_json::json!({"a": [1]}),
        serde_json::json!({"a": [1, 2, 3]}),
        serde_json::json!({"a": [1, -2]}),
        serde_json::json!({"a": [1, 0.5]}),
        serde_json::json!({"a": [1, 2], "b": 1}),
    ] {
        let mut wrong = Vec::new();
        walk(&schema, &schema, &bad, "", &mut wrong);
        assert!(!wrong.is_empty(), "{bad}");
    }
}

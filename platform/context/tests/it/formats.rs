//! JSON in, JSON out: kinds, formats, errors that name the member, nothing that panics.

use conurb_base::{Coded, TimeMs};
use conurb_context::{
    Attribute, AttributeValue, ContextCache, ContextLimits, Entity, Format, Node, Projection,
    Reader, View, entity_json, feature_json, intern, parse_json,
};
use conurb_store::Document;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::city;

const ALL: &str = r#"{
  "id": "urn:ngsi-ld:T:1", "type": ["T", "U"], "scope": ["/a/b", "/c"],
  "p": {"type": "Property", "value": 3.5, "unitCode": "KMH", "observedAt": "2026-03-02T08:00:00.5Z",
        "sub": {"type": "Relationship", "object": "urn:x:1"}},
  "many": [{"type": "Property", "value": 1}, {"type": "Property", "value": 2, "datasetId": "urn:d:2"}],
  "r": {"type": "Relationship", "object": ["urn:x:1", "urn:x:2"], "objectType": "T"},
  "g": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1.5, 2]}},
  "l": {"type": "LanguageProperty", "languageMap": {"en": "a", "fr": ["b", "c"]}},
  "v": {"type": "VocabProperty", "vocab": "T"},
  "vs": {"type": "VocabProperty", "vocab": ["non-commercial", "https://x.y/z"]},
  "li": {"type": "ListProperty", "valueList": [1, "a", {"b": 2}]},
  "lr": {"type": "ListRelationship", "objectList": [{"object": "urn:x:1"}, {"object": "urn:x:1"}]},
  "j": {"type": "JsonProperty", "json": {"id": null, "type": [1]}}
}"#;

#[test]
fn all_kinds_come_back_as_they_were_sent() {
    let city = city();
    let e = city.entity(ALL).unwrap();
    let sent: Value = serde_json::from_str(ALL).unwrap();
    assert_eq!(entity_json(&e, &city.ctx, &View::default()), sent);
}

#[test]
fn simplified_and_concise_read_as_the_standard_shows_them() {
    let city = city();
    let e = city.entity(ALL).unwrap();
    let view = |format| View {
        format,
        ..View::default()
    };
    let simple = entity_json(&e, &city.ctx, &view(Format::Simplified));
    assert_eq!(simple["p"], json!(3.5));
    assert_eq!(
        simple["many"],
        json!({"dataset": {"@none": 1, "urn:d:2": 2}})
    );
    assert_eq!(
        simple["l"],
        json!({"languageMap": {"en": "a", "fr": ["b", "c"]}})
    );
    assert_eq!(simple["lr"], json!(["urn:x:1", "urn:x:1"]));
    let concise = entity_json(&e, &city.ctx, &view(Format::Concise));
    assert_eq!(
        concise["g"],
        json!({"type": "Point", "coordinates": [1.5, 2]})
    );
    assert_eq!(concise["lr"], json!({"objectList": ["urn:x:1", "urn:x:1"]}));
    assert_eq!(concise["p"]["sub"], json!({"object": "urn:x:1"}));
}

#[test]
fn views_pick_languages_datasets_and_geometry() {
    let city = city();
    let e = city.entity(ALL).unwrap();
    let view = View {
        pick: Some(Projection::parse("id,l,many", &city.ctx).unwrap()),
        lang: Some("fr".into()),
        datasets: Some(View::parse_datasets("urn:d:2")),
        ..View::default()
    };
    // `l` has no instance of that dataset
    assert_eq!(
        entity_json(&e, &city.ctx, &view),
        json!({"id": "urn:ngsi-ld:T:1", "many": {"type": "Property", "value": 2, "datasetId": "urn:d:2"}})
    );
    let view = View {
        datasets: None,
        ..view
    };
    assert_eq!(
        entity_json(&e, &city.ctx, &view)["l"],
        json!({"type": "Property", "value": ["b", "c"], "lang": "fr"})
    );
    let g = city.ctx.expand("g").unwrap();
    let f = feature_json(&e, &city.ctx, &View::default(), Some(&g));
    assert_eq!(
        f["geometry"],
        json!({"type": "Point", "coordinates": [1.5, 2]})
    );
    assert_eq!(f["type"], "Feature");
    assert!(feature_json(&e, &city.ctx, &View::default(), None)["geometry"].is_null());
}

#[test]
fn errors_name_the_member() {
    let city = city();
    let cases = [
        (r#"{"type": "T"}"#, "id"),
        (r#"{"id": "x", "type": "T"}"#, "id"),
        (r#"{"id": "urn:x:1"}"#, "type"),
        (r#"{"id": "urn:x:1", "type": []}"#, "type"),
        (r#"{"id": "urn:x:1", "type": "T", "scope": "a"}"#, "scope"),
        (r#"{"id": "urn:x:1", "type": "T", "a b": 1}"#, "a b"),
        (
            r#"{"id": "urn:x:1", "type": "T", "datasetId": "urn:d:1"}"#,
            "datasetId",
        ),
        (r#"{"id": "urn:x:1", "type": "T", "a": null}"#, "a"),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": "urn:ngsi-ld:null"}"#,
            "a",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"value": {"b": null}}}"#,
            "a.value.b",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"value": [1, null]}}"#,
            "a.value[1]",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"type": "Property"}}"#,
            "a.value",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"type": "Property", "object": "urn:x:2"}}"#,
            "a.object",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"type": "Thing", "value": 1}}"#,
            "a.type",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"value": 1, "observedAt": "soon"}}"#,
            "a.observedAt",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"value": 1, "b": {"object": "x y"}}}"#,
            "a.b.object",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"value": 1, "@context": {}}}"#,
            "a.@context",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": [{"value": 1}, {"value": 2}]}"#,
            "a[1].datasetId",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [1]}}}"#,
            "a.value",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": {"languageMap": {"en": 1}}}"#,
            "a.languageMap.en",
        ),
        (
            r#"{"id": "urn:x:1", "type": "T", "a": 1, "https://uri.etsi.org/ngsi-ld/default-context/a": 1}"#,
            "https://uri.etsi.org/ngsi-ld/default-context/a",
        ),
    ];
    for (text, path) in cases {
        let e = city.entity(text).unwrap_err();
        assert_eq!(e.status(), 400, "{text}");
        assert_eq!(
            e.at().and_then(|a| a.path).as_deref(),
            Some(path),
            "{text}: {e}"
        );
        assert_eq!(
            e.problem().problem_type,
            "https://uri.etsi.org/ngsi-ld/errors/BadRequestData"
        );
    }
}

#[test]
fn sizes_are_bounded() {
    let cache = ContextCache::default();
    let ctx = cache.core();
    let limits = ContextLimits {
        attributes_per_entity: 10,
        ..ContextLimits::default()
    };
    let mut m = Map::new();
    m.insert("id".into(), json!("urn:x:1"));
    m.insert("type".into(), json!("T"));
    for i in 0..20 {
        m.insert(format!("a{i}"), json!(i));
    }
    let v = Value::Object(m);
    let e = Reader::new(&ctx, &limits)
        .entity(&Node::from(&v))
        .unwrap_err();
    assert_eq!(e.status(), 413);
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9f64..1e9).prop_map(Value::from),
        "[a-zA-Z0-9 äé]{0,8}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn attribute_value() -> impl Strategy<Value = AttributeValue> {
    let uri = "urn:ngsi-ld:[a-z]{1,4}:[0-9]{1,3}";
    let uris = || prop::collection::vec(uri.prop_map(std::sync::Arc::<str>::from), 1..4);
    prop_oneof![
        4 => value().prop_map(AttributeValue::Property),
        1 => uris().prop_map(AttributeValue::Relationship),
        1 => (-180.0..180.0, -90.0..90.0).prop_map(|(x, y): (f64, f64)| AttributeValue::Geo(json!({"type": "Point", "coordinates": [x, y]}))),
        1 => prop::collection::btree_map("[a-z]{2}", "[a-z]{0,5}", 1..3)
            .prop_map(|m| AttributeValue::Language(m.into_iter().map(|(k, v)| (k, json!(v))).collect())),
        1 => prop::collection::vec("[a-z]{1,5}", 1..3).prop_map(|v| AttributeValue::Vocab(
            v.iter().map(|n| intern(&format!("https://x.y/{n}"))).collect(), v.len() > 1)),
        1 => prop::collection::vec(value(), 0..3).prop_map(AttributeValue::List),
        1 => uris().prop_map(AttributeValue::ListRelationship),
        1 => value().prop_map(AttributeValue::Json),
    ]
}

fn attribute(depth: u32) -> BoxedStrategy<Attribute> {
    let sub = if depth == 0 {
        Just(Vec::new()).boxed()
    } else {
        prop::collection::btree_map("s[a-z]{1,3}", attribute(depth - 1), 0..2)
            .prop_map(|m| {
                m.into_iter()
                    .map(|(n, a)| {
                        (
                            intern(&format!("https://uri.etsi.org/ngsi-ld/default-context/{n}")),
                            vec![a],
                        )
                    })
                    .collect()
            })
            .boxed()
    };
    (
        attribute_value(),
        prop::option::of(0i64..4_000_000_000_000),
        sub,
    )
        .prop_map(|(value, time, sub)| {
            let mut a = Attribute::of(value);
            a.observed_at = time.map(TimeMs);
            a.sub = sub;
            a
        })
        .boxed()
}

fn entity() -> impl Strategy<Value = Entity> {
    prop::collection::btree_map("a[a-z0-9_]{1,4}", attribute(1), 0..5).prop_map(|m| {
        let mut e = Entity::new(
            "urn:ngsi-ld:T:1",
            intern("https://uri.etsi.org/ngsi-ld/default-context/T"),
        );
        for (n, a) in m {
            e.attributes.push((
                intern(&format!("https://uri.etsi.org/ngsi-ld/default-context/{n}")),
                vec![a],
            ));
        }
        e
    })
}

fn round_trip(e: &Entity, format: Format) -> Entity {
    let cache = ContextCache::default();
    let limits = ContextLimits::default();
    let ctx = cache.core();
    let text = entity_json(
        e,
        &ctx,
        &View {
            format,
            ..View::default()
        },
    )
    .to_string();
    Reader::new(&ctx, &limits)
        .entity(&parse_json(text.as_bytes()).unwrap())
        .unwrap_or_else(|err| panic!("{err}: {text}"))
}

proptest! {
    #[test]
    fn normalized_and_concise_lose_nothing(e in entity()) {
        prop_assert_eq!(&round_trip(&e, Format::Normalized), &e);
        prop_assert_eq!(&round_trip(&e, Format::Concise), &e);
    }

    #[test]
    fn the_stored_form_loses_nothing(e in entity()) {
        let mut bytes = Vec::new();
        e.encode(&mut bytes);
        prop_assert_eq!(&Entity::decode(&bytes).unwrap(), &e);
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_entity(e in entity(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut bytes = Vec::new();
        e.encode(&mut bytes);
        let i = at.index(bytes.len());
        bytes[i] ^= 1 << bit;
        let _ = Entity::decode(&bytes);
        prop_assert!(Entity::decode(&bytes[..i]).is_err());
    }

    #[test]
    fn any_json_is_read_or_refused(v in value(), nulls in any::<bool>()) {
        let cache = ContextCache::default();
        let limits = ContextLimits::default();
        let ctx = cache.core();
        for r in [Reader::new(&ctx, &limits), Reader::new(&ctx, &limits).simplified()] {
            let n = Node::from(&v);
            let _ = r.entity(&n);
            let _ = r.fragment(&n, Some("urn:x:1"), nulls);
            let _ = r.merge_patch(&n, Some("urn:x:1"));
            let _ = r.partial("a", &n);
        }
        let _ = cache.resolve(&v);
    }

    #[test]
    fn mutated_entities_never_panic(at in any::<prop::sample::Index>(), with in prop::sample::select(vec!["null", "1", "[]", "{}", "\"x\"", "\"urn:ngsi-ld:null\"", "[{}]", "{\"type\":\"Point\"}"])) {
        let mut whole: Value = serde_json::from_str(ALL).unwrap();
        let mut pointers = Vec::new();
        walk(&whole, String::new(), &mut pointers);
        let p = &pointers[at.index(pointers.len())];
        *whole.pointer_mut(p).unwrap() = serde_json::from_str(with).unwrap();
        let cache = ContextCache::default();
        let limits = ContextLimits::default();
        let ctx = cache.core();
        let n = Node::from(&whole);
        let r = Reader::new(&ctx, &limits);
        if let Ok(e) = r.entity(&n) {
            let again = entity_json(&e, &ctx, &View::default());
            prop_assert_eq!(r.entity(&Node::from(&again)).unwrap(), e);
        }
        let _ = r.merge_patch(&n, None);
        let _ = r.fragment(&n, None, true);
    }
}

fn walk(v: &Value, at: String, out: &mut Vec<String>) {
    match v {
        Value::Object(m) => m
            .iter()
            .for_each(|(k, v)| walk(v, format!("{at}/{k}"), out)),
        Value::Array(a) => a
            .iter()
            .enumerate()
            .for_each(|(i, v)| walk(v, format!("{at}/{i}"), out)),
        _ => {}
    }
    out.push(at);
}

//! The table of writes (clause 5.6), row by row.

use conurb_base::Coded;
use conurb_context::{ChangeKind, ContextError, OpOutcome, UpsertMode, Which, WriteOp, parse_json};
use serde_json::json;

use crate::support::{City, START, city};

const E: &str = "urn:ngsi-ld:Road:1";
const ROAD: &str = r#"{"id": "urn:ngsi-ld:Road:1", "type": "Road",
  "speed": {"type": "Property", "value": 50, "unitCode": "KMH", "observedAt": "2026-03-02T07:59:00Z",
            "quality": {"type": "Property", "value": "good"}},
  "name": {"en": "Main", "value": "Main"},
  "address": {"value": {"street": "A", "no": 1}}}"#;

fn road() -> City {
    let city = city();
    let text = ROAD.replace(r#""en": "Main", "#, "");
    assert_eq!(city.create(&text).unwrap(), OpOutcome::Created);
    city.clock.advance_ms(1000);
    city
}

fn fragment(
    city: &City,
    text: &str,
    nulls: bool,
) -> Result<conurb_context::Fragment, ContextError> {
    let node = parse_json(text.as_bytes())?;
    city.engine
        .reader(&city.ctx)
        .fragment(&node, Some(E), nulls)
}

fn speed(city: &City) -> conurb_context::Attribute {
    let name = city.name("speed");
    city.get(E).unwrap().attribute(&name).unwrap().clone()
}

#[test]
fn create_once_and_see_it_in_the_batch() {
    let city = road();
    let again = city
        .create(&ROAD.replace(r#""en": "Main", "#, ""))
        .unwrap_err();
    assert_eq!((again.status(), again.code()), (409, "CNB-CONTEXT-0004"));
    let e2 = city
        .entity(r#"{"id":"urn:x:2","type":"Road","speed":1}"#)
        .unwrap();
    let applied = city.apply(vec![
        WriteOp::Create(e2.clone()),
        WriteOp::Create(e2.clone()),
        WriteOp::Delete { id: e2.id.clone() },
        WriteOp::Delete { id: e2.id.clone() },
    ]);
    let codes: Vec<u16> = applied
        .outcomes
        .iter()
        .map(|o| o.as_ref().map_or_else(Coded::status, |_| 0))
        .collect();
    assert_eq!(codes, [0, 409, 0, 404]);
    let kinds: Vec<ChangeKind> = applied.changes.iter().map(|c| c.kind).collect();
    assert_eq!(kinds, [ChangeKind::Created, ChangeKind::Deleted]);
    assert!(city.get("urn:x:2").is_none());
}

#[test]
fn upsert_replaces_or_updates() {
    let city = road();
    let new = city
        .entity(r#"{"id":"urn:ngsi-ld:Road:1","type":"Street","speed":60}"#)
        .unwrap();
    city.one(WriteOp::Upsert {
        entity: new.clone().into(),
        mode: UpsertMode::Update,
    })
    .unwrap();
    let e = city.get(E).unwrap();
    assert_eq!(e.types.len(), 2);
    assert_eq!(e.attributes.len(), 3);
    assert_eq!(speed(&city).number(), Some(60.0));
    assert!(
        speed(&city).unit_code.is_none(),
        "the whole instance was replaced"
    );
    assert_eq!(speed(&city).created_at, START);
    city.one(WriteOp::Upsert {
        entity: new.into(),
        mode: UpsertMode::Replace,
    })
    .unwrap();
    let e = city.get(E).unwrap();
    assert_eq!((e.types.len(), e.attributes.len()), (1, 1));
    assert_eq!((e.created_at, e.modified_at), (START, START.plus_s(1)));
}

#[test]
fn append_keeps_with_no_overwrite() {
    let city = road();
    let f = fragment(
        &city,
        r#"{"speed": 70, "lanes": 2, "type": "Street"}"#,
        false,
    )
    .unwrap();
    let out = city
        .one(WriteOp::Append {
            fragment: f,
            no_overwrite: true,
        })
        .unwrap();
    let OpOutcome::Updated {
        updated,
        not_updated,
    } = out
    else {
        panic!("{out:?}")
    };
    assert_eq!(updated, [city.name("lanes")]);
    assert_eq!(not_updated[0].0, city.name("speed"));
    assert_eq!(speed(&city).number(), Some(50.0));
    assert!(fragment(&city, r#"{"speed": null}"#, false).is_err());
}

#[test]
fn delete_attribute_by_instance() {
    let city = road();
    let f = fragment(&city, r#"{"speed": [{"value": 1, "datasetId": "urn:d:1"}, {"value": 2, "datasetId": "urn:d:2"}]}"#, false).unwrap();
    city.one(WriteOp::Append {
        fragment: f,
        no_overwrite: false,
    })
    .unwrap();
    let name = city.name("speed");
    assert_eq!(city.get(E).unwrap().instances(&name).unwrap().len(), 3);
    let delete = |which| WriteOp::DeleteAttribute {
        id: E.into(),
        name: name.clone(),
        which,
    };
    city.one(delete(Which::Default)).unwrap();
    assert!(city.get(E).unwrap().attribute(&name).is_none());
    assert_eq!(city.one(delete(Which::Default)).unwrap_err().status(), 404);
    city.one(delete(Which::Dataset("urn:d:1".into()))).unwrap();
    city.one(delete(Which::All)).unwrap();
    assert!(city.get(E).unwrap().instances(&name).is_none());
    assert_eq!(city.one(delete(Which::All)).unwrap_err().status(), 404);
}

#[test]
fn merge_goes_to_any_depth() {
    let city = road();
    let reader = city.engine.reader(&city.ctx);
    let body = json!({"speed": {"value": 55, "quality": null}, "address": {"value": {"no": null, "zip": "1"}}, "name": "urn:ngsi-ld:null"});
    let patch = reader
        .merge_patch(&crate::support::node(&body), Some(E))
        .unwrap();
    city.one(WriteOp::Merge(patch)).unwrap();
    let s = speed(&city);
    assert_eq!(s.number(), Some(55.0));
    assert_eq!(s.unit_code.as_deref(), Some("KMH"));
    assert!(s.sub.is_empty());
    let e = city.get(E).unwrap();
    let address = e.attribute(&city.name("address")).unwrap();
    assert_eq!(
        address.value,
        conurb_context::AttributeValue::Property(json!({"street": "A", "zip": "1"}))
    );
    assert!(e.attribute(&city.name("name")).is_none());
}

fn partial(city: &City, text: &str) -> Result<OpOutcome, ContextError> {
    let node = parse_json(text.as_bytes())?;
    let patch = city.engine.reader(&city.ctx).partial("speed", &node)?;
    city.one(WriteOp::PartialAttribute {
        id: E.into(),
        name: city.name("speed"),
        patch,
    })
}

#[test]
fn update_replaces_instances_adds_and_deletes() {
    let city = road();
    let f = fragment(
        &city,
        r#"{"speed": {"value": 40}, "lanes": 2, "name": null, "scope": "/x", "gone": null}"#,
        true,
    )
    .unwrap();
    let out = city.one(WriteOp::Update(f)).unwrap();
    let OpOutcome::Updated {
        updated,
        not_updated,
    } = out
    else {
        panic!("{out:?}")
    };
    assert_eq!(updated.len(), 3);
    let left: Vec<&str> = not_updated
        .iter()
        .map(|(n, _)| city.ctx.compact(n))
        .map(|c| match c {
            std::borrow::Cow::Borrowed(b) => b,
            std::borrow::Cow::Owned(_) => "",
        })
        .collect();
    assert_eq!(
        left,
        ["scope", "gone"],
        "no scope to replace, nothing to delete"
    );
    let s = speed(&city);
    assert_eq!(s.number(), Some(40.0));
    assert!(s.sub.is_empty(), "sub-attributes not sent are gone");
    assert_eq!((s.created_at, s.modified_at), (START, START.plus_s(1)));
    assert!(city.get(E).unwrap().attribute(&city.name("name")).is_none());
    let missing = fragment(&city, "{}", true).unwrap();
    assert_eq!(
        city.one(WriteOp::Update(missing)).unwrap(),
        OpOutcome::Unchanged
    );
}

#[test]
fn partial_overwrites_members_and_deletes_by_null() {
    let city = road();
    partial(&city, r#"{"value": 41, "unitCode": null}"#).unwrap();
    let s = speed(&city);
    assert_eq!(s.number(), Some(41.0));
    assert!(s.unit_code.is_none());
    assert!(
        s.observed_at.is_some() && s.sub.len() == 1,
        "the others stay"
    );
    partial(&city, r#"{"quality": "urn:ngsi-ld:null"}"#).unwrap();
    assert!(speed(&city).sub.is_empty());
    for (text, status) in [
        ("{}", 400),
        (r#"{"type": "Relationship", "object": "urn:x:1"}"#, 400),
        (r#"{"value": 1, "datasetId": "urn:d:1"}"#, 404),
    ] {
        assert_eq!(partial(&city, text).unwrap_err().status(), status, "{text}");
    }
    partial(&city, r#"{"value": null}"#).unwrap();
    assert!(
        city.get(E)
            .unwrap()
            .attribute(&city.name("speed"))
            .is_none()
    );
    assert_eq!(partial(&city, r#"{"value": 1}"#).unwrap_err().status(), 404);
}

#[test]
fn replace_sets_anew_and_keeps_created_at() {
    let city = road();
    let new = city
        .entity(r#"{"id": "urn:ngsi-ld:Road:1", "type": "Street", "speed": 1}"#)
        .unwrap();
    city.one(WriteOp::Replace(new.clone())).unwrap();
    let e = city.get(E).unwrap();
    assert_eq!((e.types.len(), e.attributes.len()), (1, 1));
    assert_eq!(e.created_at, START);
    assert_eq!(speed(&city).created_at, START);
    let other = conurb_context::Entity {
        id: "urn:x:9".into(),
        ..new
    };
    assert_eq!(city.one(WriteOp::Replace(other)).unwrap_err().status(), 404);
}

#[test]
fn replace_attribute_keeps_the_kind() {
    let city = road();
    let replace = |name: &str, text: &str| {
        let node = parse_json(text.as_bytes()).unwrap();
        let attribute = city
            .engine
            .reader(&city.ctx)
            .attribute(name, &node)
            .unwrap();
        city.one(WriteOp::ReplaceAttribute {
            id: E.into(),
            name: city.name(name),
            attribute,
        })
    };
    replace("speed", r#"{"value": 7}"#).unwrap();
    assert!(speed(&city).sub.is_empty());
    assert_eq!(
        replace("speed", r#"{"object": "urn:x:1"}"#)
            .unwrap_err()
            .status(),
        400
    );
    assert_eq!(
        replace("lanes", r#"{"value": 7}"#).unwrap_err().status(),
        404
    );
}

#[test]
fn scope_follows_its_own_rules() {
    let city = road();
    let append = |text: &str, no_overwrite| {
        let fragment = fragment(&city, text, false).unwrap();
        city.one(WriteOp::Append {
            fragment,
            no_overwrite,
        })
        .unwrap();
        city.get(E).unwrap().scope.join(",")
    };
    assert_eq!(append(r#"{"scope": ["/a", "/b"]}"#, false), "/a,/b");
    assert_eq!(append(r#"{"scope": "/c"}"#, true), "/a,/b,/c");
    assert_eq!(append(r#"{"scope": "/d"}"#, false), "/d");
    let delete = WriteOp::DeleteAttribute {
        id: E.into(),
        name: city.name("scope"),
        which: Which::Default,
    };
    city.one(delete.clone()).unwrap();
    assert!(city.get(E).unwrap().scope.is_empty());
    assert_eq!(city.one(delete).unwrap_err().status(), 404);
}

#[test]
fn merge_simplified_keeps_the_stored_kind() {
    let city = road();
    let f = fragment(
        &city,
        r#"{"title": {"languageMap": {"en": "a", "fr": "b"}}, "at": {"object": "urn:x:1"}}"#,
        false,
    )
    .unwrap();
    city.one(WriteOp::Append {
        fragment: f,
        no_overwrite: false,
    })
    .unwrap();
    let merge = |body: serde_json::Value| {
        let reader = city.engine.reader(&city.ctx).simplified();
        let mut patch = reader
            .merge_patch(&crate::support::node(&body), Some(E))
            .unwrap();
        patch.lang = Some("en".into());
        patch.observed_at = Some(START);
        city.one(WriteOp::Merge(patch))
    };
    merge(json!({"title": "c", "at": "urn:x:2", "speed": 3, "address": {"no": null}})).unwrap();
    let e = city.get(E).unwrap();
    let value = |n: &str| e.attribute(&city.name(n)).unwrap().value.clone();
    let map = json!({"en": "c", "fr": "b"}).as_object().unwrap().clone();
    assert_eq!(
        value("title"),
        conurb_context::AttributeValue::Language(map)
    );
    assert_eq!(
        value("at"),
        conurb_context::AttributeValue::Relationship(vec!["urn:x:2".into()])
    );
    assert_eq!(
        value("address"),
        conurb_context::AttributeValue::Property(json!({"street": "A"}))
    );
    assert_eq!(
        speed(&city).observed_at,
        Some(START),
        "it had one and brought none"
    );
    assert_eq!(merge(json!({"at": 5})).unwrap_err().status(), 400);
}

#[test]
fn every_write_leaves_observations_and_one_commit() {
    let city = road();
    let before = city.engine.stores().entities.last_seq();
    let a = city
        .entity(r#"{"id": "urn:x:1", "type": "T", "n": 1}"#)
        .unwrap();
    let b = city
        .entity(r#"{"id": "urn:x:1", "type": "T", "n": 2}"#)
        .unwrap();
    let applied = city.apply(vec![WriteOp::upsert(a), WriteOp::upsert(b)]);
    assert_eq!(applied.seq, before + 1);
    assert!(applied.changes.iter().all(|c| c.seq == applied.seq));
    assert_eq!(
        applied.changes[1]
            .before
            .as_ref()
            .unwrap()
            .number(&city.name("n")),
        Some(1.0)
    );
    let series = city.engine.stores().series.series_of("urn:x:1").unwrap();
    let far = conurb_base::TimeMs(i64::MAX);
    let points = city
        .engine
        .stores()
        .series
        .range(&series[0], START, far, 10, false)
        .unwrap();
    assert_eq!(points.len(), 2);
    let nothing = city.apply(vec![WriteOp::Delete {
        id: "urn:x:404".into(),
    }]);
    assert!(
        nothing.changes.is_empty() && nothing.seq == applied.seq,
        "no empty commit"
    );
}

#[test]
fn hosted_contexts_outlive_the_engine() {
    let city = road();
    city.engine
        .host_context(
            "https://a.b/c",
            &json!({"@context": {"flow": "https://x.y/flow"}}),
        )
        .unwrap();
    let again = conurb_context::ContextEngine::open(
        city.engine.stores().clone(),
        city.engine.clock().clone(),
        std::sync::Arc::new(conurb_context::ContextCache::default()),
        conurb_context::ContextLimits::default(),
    )
    .unwrap();
    assert!(again.contexts().resolve_url("https://a.b/c").is_ok());
}

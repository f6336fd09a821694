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

//! From payloads to entities: values, units, flags, gaps and refusals.

use conurb_base::{Coded, TimeMs};
use conurb_context::{DEFAULT_VOCAB, Entity};
use conurb_perceive::{Mapping, PayloadLimits, PerceiveError, QUALITY, Quality, REASON};
use proptest::prelude::*;
use serde_json::json;

pub(crate) const NOW: &str = "2026-03-02T08:15:10Z";

pub(crate) fn now() -> TimeMs {
    TimeMs::from_iso(NOW).unwrap()
}

/// The mapping that the documentation shows.
pub(crate) fn documented() -> Mapping {
    let page = include_str!("../../../../docs/connect/mqtt.md");
    let text = page
        .split("```")
        .find_map(|b| b.strip_prefix("toml\n"))
        .unwrap();
    Mapping::from_toml(text, "docs/connect/mqtt.md").unwrap()
}

pub(crate) fn name(term: &str) -> String {
    format!("{DEFAULT_VOCAB}{term}")
}

fn quality(entity: &Entity, term: &str) -> Quality {
    Quality::of(entity.attribute(&name(term)).unwrap()).unwrap()
}

fn apply(payload: &str) -> Result<Vec<Entity>, PerceiveError> {
    documented().apply(payload.as_bytes(), "city/flow/gate-7", now())
}

#[test]
fn the_documented_mapping_gives_the_documented_entity() {
    let entities = apply(r#"{"speed": 43.2, "occ": 12.5, "ts": "2026-03-02T08:15:00Z"}"#).unwrap();
    let e = &entities[0];
    assert_eq!(&*e.id, "urn:ngsi-ld:TrafficFlowObserved:gate-7");
    assert!(e.is_a(&name("TrafficFlowObserved")));
    let speed = e.attribute(&name("averageVehicleSpeed")).unwrap();
    assert_eq!(
        (speed.number(), speed.unit_code.as_deref()),
        (Some(43.2), Some("KMH"))
    );
    assert_eq!(
        speed.observed_at,
        Some(TimeMs::from_iso("2026-03-02T08:15:00Z").unwrap())
    );
    let occupancy = e.attribute(&name("occupancy")).unwrap();
    assert_eq!(
        (occupancy.number(), occupancy.unit_code.as_deref()),
        (Some(0.125), Some("C62"))
    );
    assert_eq!(quality(e, "occupancy"), Quality::Good);
}

#[test]
fn doubtful_values_are_stored_as_they_came_with_flag_and_reason() {
    let at = "\"ts\": \"2026-03-02T08:15:00Z\"";
    let e = &apply(&format!("{{\"speed\": 300, \"occ\": 10, {at}}}")).unwrap()[0];
    assert_eq!(quality(e, "averageVehicleSpeed"), Quality::OutOfRange);
    assert_eq!(e.number(&name("averageVehicleSpeed")), Some(300.0));
    let flag = &e.attribute(&name("averageVehicleSpeed")).unwrap().sub[0];
    assert_eq!(&*flag.0, QUALITY);
    assert_eq!(&*flag.1[0].sub[0].0, REASON);
    assert_eq!(
        flag.1[0].sub[0].1[0].text(),
        Some("300 is outside 0 to 250")
    );
    let e = &apply(&format!("{{\"speed\": 200, {at}}}")).unwrap()[0];
    assert_eq!(quality(e, "averageVehicleSpeed"), Quality::Suspect);
    let e = &apply(r#"{"speed": 50, "ts": "2026-03-02T08:00:00Z"}"#).unwrap()[0];
    assert_eq!(quality(e, "averageVehicleSpeed"), Quality::Late);
}

#[test]
fn a_gap_stays_a_gap() {
    let e = &apply(r#"{"speed": 50, "occ": null, "ts": "2026-03-02T08:15:00Z"}"#).unwrap()[0];
    assert_eq!(e.attributes.len(), 1);
}

#[test]
fn a_bad_record_is_named_and_does_not_lose_the_others() {
    let payload = r#"[{"speed": 1, "ts": "2026-03-02T08:15:00Z"},
        {"speed": 2, "ts": "2026-03-02T08:16:00Z"}, {"speed": 3, "ts": "yesterday"},
        {"speed": "fast", "occ": 5, "ts": "2026-03-02T08:15:00Z"}, {"speed": "NaN", "ts": "2026-03-02T08:15:00Z"}, 7, {}]"#;
    let mapped = documented()
        .map(payload.as_bytes(), "city/flow/g", now())
        .unwrap();
    assert_eq!(mapped.entities.len(), 2);
    let texts: Vec<String> = mapped.refused.iter().map(ToString::to_string).collect();
    let parts = [
        "record 1, /ts: 2026-03-02T08:16:00Z is 50000 ms in the future",
        "record 2, /ts: \"yesterday\"",
        "record 3, /speed: \"fast\" is no number",
        "record 4, /speed: NaN",
        "record 5, /ts: no time",
        "record 6, /ts",
    ];
    assert_eq!(texts.len(), parts.len(), "{texts:?}");
    for (text, part) in texts.iter().zip(parts) {
        assert!(text.contains(part), "{text} should contain {part}");
    }
    assert!(apply(payload).is_err(), "apply is all or nothing");
}

#[test]
fn csv_and_plain_numbers_are_read() {
    let text = r#"
[[source]]
id = "csv"
topic = "csv/#"
format = "csv"
columns = ["dev", "when", "temp"]
separator = ";"
keys = { dev = "dev" }
entity = "urn:ngsi-ld:WeatherObserved:{dev}"
type = "WeatherObserved"
observed_at = { from = "when", format = "unix_s" }
[[source.field]]
from = "temp"
attribute = "temperature"
unit = "degF"
to = "CEL"

[[source]]
id = "plain"
topic = "level/+/now"
format = "number"
keys = { station = "topic:2" }
entity = "urn:ngsi-ld:WaterObserved:{station}"
type = "https://example.org/WaterObserved"
[[source.field]]
from = "payload"
attribute = "https://example.org/level"
unit = "cm"
to = "m"
"#;
    let m = Mapping::from_toml(text, "m.toml").unwrap();
    let seconds = now().0 / 1000;
    let lines = format!("a;{seconds};50\r\n\nb;{seconds};\"212\"\n");
    let entities = m.apply(lines.as_bytes(), "csv/x/y", now()).unwrap();
    assert_eq!(entities.len(), 2);
    assert!((entities[1].number(&name("temperature")).unwrap() - 100.0).abs() < 1e-9);
    let e = &m.apply(b" 250 \n", "level/bridge/now", now()).unwrap()[0];
    assert_eq!(
        (&*e.id, e.number("https://example.org/level")),
        ("urn:ngsi-ld:WaterObserved:bridge", Some(2.5))
    );
    assert_eq!(
        e.attribute("https://example.org/level")
            .unwrap()
            .observed_at,
        Some(now())
    );
}

#[test]
fn limits_and_rubbish_are_errors_with_a_code() {
    let m = documented().with_limits(PayloadLimits {
        bytes_max: 64,
        records_max: 2,
        id_bytes_max: 60,
    });
    let code = |payload: &[u8], topic: &str| m.apply(payload, topic, now()).unwrap_err().code();
    assert_eq!(code(&[b' '; 65], "city/flow/a"), "CNB-PERCEIVE-0005");
    assert_eq!(code(b"[1,2,3]", "city/flow/a"), "CNB-PERCEIVE-0005");
    assert_eq!(code(b"{\"speed\": 1", "city/flow/a"), "CNB-PERCEIVE-0004");
    assert_eq!(code(b"\xff\xfe", "city/flow/a"), "CNB-PERCEIVE-0004");
    assert_eq!(code(b"{}", "elsewhere"), "CNB-PERCEIVE-0003");
    let good = br#"{"speed":1,"ts":"2026-03-02T08:15:00Z"}"#;
    assert_eq!(code(good, "city/flow/a b"), "CNB-PERCEIVE-0006");
    assert_eq!(
        code(good, &format!("city/flow/{}", "x".repeat(60))),
        "CNB-PERCEIVE-0006"
    );
    let deep = "[".repeat(100_000);
    assert!(
        documented()
            .apply(deep.as_bytes(), "city/flow/a", now())
            .is_err()
    );
}

proptest! {
    #[test]
    fn no_payload_panics_and_no_entity_is_without_observed_at(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        value in any::<f64>(),
    ) {
        let m = documented();
        let _ = m.map(&bytes, "city/flow/a", now());
        let text = json!({"speed": value, "occ": value.to_string(), "ts": NOW}).to_string();
        if let Ok(mapped) = m.map(text.as_bytes(), "city/flow/a", now()) {
            for e in mapped.entities {
                for (_, instances) in &e.attributes {
                    prop_assert!(instances[0].observed_at.is_some() && instances[0].number().is_some());
                }
            }
        }
    }
}

//! Queries, history and subscriptions over a small city.

use std::sync::Arc;

use conurb_base::Coded;
use conurb_context::{
    Delivery, NotificationSink, Query, QueryParams, Subscriptions, TemporalFormat, TemporalParams,
    TemporalQuery, WriteOp, history_json, parse_json,
};
use serde_json::{Value, json};

use crate::support::{City, city};

fn town() -> City {
    let city = city();
    for text in [
        r#"{"id": "urn:r:1", "type": "Road", "scope": "/a/b", "speed": {"value": 50, "quality": "good", "observedAt": "2026-03-02T07:00:00Z"}, "name": "Main",
            "location": {"type": "Point", "coordinates": [13.4, 52.5]}, "tags": {"value": ["x", "y"]}}"#,
        r#"{"id": "urn:r:2", "type": ["Road", "Bridge"], "speed": 30, "name": {"languageMap": {"en": "Long", "de": "Lang"}},
            "address": {"value": {"street": {"name": "Hafen"}, "open": true}}, "location": {"type": "Point", "coordinates": [13.5, 52.5]}}"#,
        r#"{"id": "urn:r:3", "type": "Light", "at": {"object": "urn:r:1"}, "color": {"vocab": "red"}, "since": {"value": "2026-03-01T00:00:00Z"}}"#,
    ] {
        city.create(text).unwrap();
    }
    city
}

fn ids(city: &City, params: QueryParams) -> Result<String, conurb_context::ContextError> {
    let q = Query::parse(
        &QueryParams {
            local: true,
            ..params
        },
        &city.ctx,
        city.engine.limits(),
    )?;
    let page = city.engine.query(&q)?;
    Ok(page.entities.iter().map(|e| &e.id[6..]).collect())
}

fn q(city: &City, q: &str) -> String {
    ids(
        city,
        QueryParams {
            q: Some(q.into()),
            ..QueryParams::default()
        },
    )
    .unwrap_or_else(|e| e.status().to_string())
}

#[test]
fn q_speaks_the_whole_grammar() {
    let city = town();
    for (text, found) in [
        ("speed", "12"),
        ("speed==50", "1"),
        ("speed!=50", "2"),
        ("speed>30", "1"),
        ("speed>=30;speed<50", "2"),
        ("speed<=30|color", "23"),
        ("speed==30..50", "12"),
        ("speed==30,31", "2"),
        ("speed!=30,31", "1"),
        ("speed>=\"30\"", ""),
        ("speed!=\"30\"", "12"),
        ("(speed==50|speed==30);name==\"Main\"", "1"),
        ("color|speed==50;name==\"No\"", "3"),
        ("name==Lang", "2"),
        ("name[en]==\"Long\"", "2"),
        ("name[fr]", ""),
        ("name[*]==Lang", "2"),
        ("name~=^Ma", "1"),
        ("name!~=^Ma", "2"),
        ("speed.quality==\"good\"", "1"),
        ("speed.observedAt<2026-03-02T08:00:00Z", "1"),
        ("address[street.name]==Hafen", "2"),
        ("address[open]==true", "2"),
        ("tags==y", "1"),
        ("tags!=y", ""),
        ("at==urn:r:1", "3"),
        ("at>urn:r:0", ""),
        ("color==red", "3"),
        ("since>2026-02-28T00:00:00Z", "3"),
        ("createdAt>2026-01-01T00:00:00Z", "123"),
        // what cannot be read is refused
        ("", "400"),
        ("speed==", "400"),
        ("speed=5", "400"),
        ("(speed", "400"),
        ("speed>1,2", "400"),
        ("name~=(", "400"),
        ("speed;", "400"),
        ("name[", "400"),
        ("name==\"x", "400"),
        ("at{speed}>5", "501"),
    ] {
        assert_eq!(q(&city, text), found, "{text}");
    }
    let many = vec!["a"; 300].join(";");
    assert_eq!(q(&city, &many), "403");
    assert_eq!(q(&city, &"(".repeat(5000)), "403");
}

#[test]
fn filters_select_and_pages_count() {
    let city = town();
    let p = QueryParams::default;
    let kind = |t: &str| {
        ids(
            &city,
            QueryParams {
                kind: Some(t.into()),
                ..p()
            },
        )
        .unwrap()
    };
    assert_eq!(kind("Road"), "12");
    assert_eq!(kind("Bridge,Light"), "23");
    assert_eq!(kind("(Road;Bridge)|Light"), "23");
    assert_eq!(kind("*"), "123");
    assert_eq!(
        ids(
            &city,
            QueryParams {
                scope_q: Some("/a/#".into()),
                ..p()
            }
        )
        .unwrap(),
        "1"
    );
    assert_eq!(
        ids(
            &city,
            QueryParams {
                id_pattern: Some("[23]$".into()),
                ..p()
            }
        )
        .unwrap(),
        "23"
    );
    assert_eq!(
        ids(
            &city,
            QueryParams {
                id: Some("urn:r:3,urn:r:1,urn:r:9".into()),
                ..p()
            }
        )
        .unwrap(),
        "13"
    );
    let near = QueryParams {
        georel: Some("near;maxDistance==1000".into()),
        geometry: Some("Point".into()),
        coordinates: Some(json!("[13.4,52.505]")),
        ..p()
    };
    assert_eq!(ids(&city, near).unwrap(), "1");
    let half = QueryParams {
        georel: Some("within".into()),
        ..p()
    };
    assert_eq!(ids(&city, half).unwrap_err().status(), 400);
    let wide = Query::parse(&p(), &city.ctx, city.engine.limits()).unwrap_err();
    assert_eq!(wide.status(), 400);
    let page = QueryParams {
        local: true,
        limit: Some(1),
        offset: 1,
        count: true,
        ..p()
    };
    let page = city
        .engine
        .query(&Query::parse(&page, &city.ctx, city.engine.limits()).unwrap())
        .unwrap();
    assert_eq!(
        (page.total, page.more, &*page.entities[0].id),
        (Some(3), true, "urn:r:2")
    );
}

#[test]
fn what_expired_is_not_returned() {
    let city = city();
    city.create(r#"{"id": "urn:r:1", "type": "T", "expiresAt": "2026-03-02T08:00:02Z", "a": {"value": 1, "expiresAt": "2026-03-02T08:00:01Z"}}"#).unwrap();
    let a = city.name("a");
    assert!(
        city.engine
            .retrieve("urn:r:1", None)
            .unwrap()
            .attribute(&a)
            .is_some()
    );
    city.clock.advance_ms(1000);
    assert!(
        city.engine
            .retrieve("urn:r:1", None)
            .unwrap()
            .attribute(&a)
            .is_none()
    );
    city.clock.advance_ms(1000);
    assert_eq!(
        city.engine.retrieve("urn:r:1", None).unwrap_err().status(),
        404
    );
    city.create(r#"{"id": "urn:r:1", "type": "T"}"#).unwrap();
}

#[test]
fn history_is_read_back_by_time() {
    let city = city();
    for i in 0..5 {
        let text = format!(
            r#"{{"id": "urn:r:1", "type": "T", "n": {{"value": {i}, "observedAt": "2026-03-02T0{i}:00:00Z"}}, "s": "v{i}"}}"#
        );
        city.one(WriteOp::upsert(city.entity(&text).unwrap()))
            .unwrap();
        city.clock.advance_ms(1000);
    }
    city.one(WriteOp::Delete {
        id: "urn:r:1".into(),
    })
    .unwrap();
    let read = |p: TemporalParams| {
        let q = TemporalQuery::parse(&p, &city.ctx).unwrap();
        let h = city.engine.history("urn:r:1", &q).unwrap();
        history_json(&h, &city.ctx, q.format)
    };
    let values = |p: TemporalParams| {
        read(TemporalParams {
            format: Some("temporalValues".into()),
            attrs: Some("n".into()),
            ..p
        })["n"]["values"]
            .as_array()
            .map(|a| a.iter().map(|v| v[0].clone()).collect::<Value>())
            .unwrap_or_default()
    };
    let p = TemporalParams::default;
    let at = |rel: &str, t: &str| TemporalParams {
        timerel: Some(rel.into()),
        time_at: Some(t.into()),
        ..p()
    };
    assert_eq!(values(at("before", "2026-03-02T02:00:00Z")), json!([0, 1]));
    assert_eq!(
        values(TemporalParams {
            end_time_at: Some("2026-03-02T03:00:00Z".into()),
            ..at("between", "2026-03-02T01:00:00Z")
        }),
        json!([1, 2])
    );
    assert_eq!(
        values(TemporalParams {
            last_n: Some(2),
            ..at("before", "2026-03-02T04:00:00Z")
        }),
        json!([3, 2])
    );
    let whole = read(p());
    assert_eq!(
        whole["n"].as_array().unwrap().len(),
        6,
        "five values and the deletion"
    );
    assert_eq!(whole["n"][5]["value"], "urn:ngsi-ld:null");
    assert!(whole["n"][5]["deletedAt"].is_string());
    assert_eq!(whole["s"][1]["value"], "v1");
    assert_ne!(whole["n"][0]["instanceId"], whole["n"][1]["instanceId"]);
    for bad in [
        at("after", "x"),
        TemporalParams {
            time_at: Some("2026-03-02T00:00:00Z".into()),
            ..p()
        },
    ] {
        assert_eq!(
            TemporalQuery::parse(&bad, &city.ctx).unwrap_err().status(),
            400
        );
    }
    let aggr = TemporalParams {
        aggr_methods: Some("sum".into()),
        ..p()
    };
    assert_eq!(
        TemporalQuery::parse(&aggr, &city.ctx).unwrap_err().status(),
        501
    );
    assert_eq!(TemporalQuery::default().format, TemporalFormat::Normalized);
    city.engine.forget_history("urn:r:1").unwrap();
    assert_eq!(
        city.engine
            .history("urn:r:1", &TemporalQuery::default())
            .unwrap_err()
            .status(),
        404
    );
}

struct Watch {
    city: Arc<conurb_context::ContextEngine>,
    clock: Arc<conurb_base::ManualClock>,
    subs: Subscriptions,
    ctx: Arc<conurb_context::LdContext>,
}

#[derive(Default)]
struct Box1(std::sync::Mutex<Vec<Delivery>>);

impl NotificationSink for Box1 {
    fn deliver(&self, d: Delivery) {
        self.0.lock().unwrap().push(d);
    }
}

fn watch() -> Watch {
    let City { engine, clock, ctx } = city();
    let city = Arc::new(engine);
    let subs = Subscriptions::open(city.clone()).unwrap();
    Watch {
        city,
        clock,
        subs,
        ctx,
    }
}

impl Watch {
    fn subscribe(&self, more: Value) -> Result<Arc<str>, conurb_context::ContextError> {
        let mut doc = json!({
            "type": "Subscription",
            "entities": [{"type": "T"}],
            "notification": {"endpoint": {"uri": "http://localhost:1/n"}, "format": "simplified"}
        });
        for (k, v) in more.as_object().unwrap() {
            doc[k] = v.clone();
        }
        self.subs.create(&doc, &self.ctx)
    }

    fn write(&self, text: &str) -> Vec<Value> {
        let e = self
            .city
            .reader(&self.ctx)
            .entity(&parse_json(text.as_bytes()).unwrap())
            .unwrap();
        self.run(WriteOp::upsert(e))
    }

    fn run(&self, op: WriteOp) -> Vec<Value> {
        let applied = self.city.apply(vec![op]).unwrap();
        let sink = Box1::default();
        self.subs.notify(&applied.changes, &sink);
        sink.0
            .into_inner()
            .unwrap()
            .into_iter()
            .map(|mut d| d.body["data"].take())
            .collect()
    }

    fn due(&self) -> Vec<Value> {
        self.subs
            .due()
            .into_iter()
            .map(|mut d| d.body["data"].take())
            .collect()
    }
}

#[test]
fn subscriptions_match_by_type_attribute_and_q() {
    let w = watch();
    w.subscribe(json!({"id": "urn:s:1", "watchedAttributes": ["a"], "q": "a>5"}))
        .unwrap();
    assert!(
        w.write(r#"{"id": "urn:e:1", "type": "T", "a": 1}"#)
            .is_empty(),
        "q does not fit"
    );
    assert_eq!(
        w.write(r#"{"id": "urn:e:1", "type": "T", "a": 9}"#),
        [json!([{"id": "urn:e:1", "type": "T", "a": 9}])]
    );
    assert!(
        w.write(r#"{"id": "urn:e:1", "type": "T", "a": 9}"#)
            .is_empty(),
        "the value is the same"
    );
    assert!(
        w.write(r#"{"id": "urn:e:1", "type": "T", "b": 1}"#)
            .is_empty(),
        "not watched"
    );
    assert!(
        w.write(r#"{"id": "urn:e:2", "type": "U", "a": 9}"#)
            .is_empty(),
        "another type"
    );
    assert_eq!(
        w.subs.get("urn:s:1").unwrap()["notification"]["timesSent"],
        1
    );
    w.subs.report("urn:s:1", false);
    assert_eq!(
        w.subs.get("urn:s:1").unwrap()["notification"]["status"],
        "failed"
    );
}

#[test]
fn deletions_are_told_to_those_who_ask() {
    let w = watch();
    w.subscribe(json!({"notificationTrigger": ["attributeDeleted", "entityDeleted"]}))
        .unwrap();
    assert!(
        w.write(r#"{"id": "urn:e:1", "type": "T", "a": 1, "b": 2}"#)
            .is_empty()
    );
    let name = w.ctx.expand("a").unwrap();
    let which = conurb_context::Which::Default;
    let told = w.run(WriteOp::DeleteAttribute {
        id: "urn:e:1".into(),
        name,
        which,
    });
    assert_eq!(
        told,
        [json!([{"id": "urn:e:1", "type": "T", "b": 2, "a": "urn:ngsi-ld:null"}])]
    );
    let told = w.run(WriteOp::Delete {
        id: "urn:e:1".into(),
    });
    assert_eq!(told[0][0]["deletedAt"], "2026-03-02T08:00:00Z");
    assert!(told[0][0].get("b").is_none());
}

#[test]
fn changes_show_what_was() {
    let w = watch();
    w.subscribe(json!({"notification": {"endpoint": {"uri": "mqtt://h/t"}, "showChanges": true}}))
        .unwrap();
    w.write(r#"{"id": "urn:e:1", "type": "T", "a": 1}"#);
    let told = w.write(r#"{"id": "urn:e:1", "type": "T", "a": 2}"#);
    assert_eq!(
        told[0][0]["a"],
        json!({"type": "Property", "value": 2, "previousValue": 1})
    );
}

#[test]
fn throttling_sends_the_latest_and_drops_nothing() {
    let w = watch();
    w.subscribe(json!({"throttling": 0.5})).unwrap();
    assert_eq!(
        w.write(r#"{"id": "urn:e:1", "type": "T", "a": 1}"#).len(),
        1
    );
    for i in 2..5 {
        w.clock.advance_ms(100);
        assert!(
            w.write(&format!(r#"{{"id": "urn:e:1", "type": "T", "a": {i}}}"#))
                .is_empty()
        );
        assert!(w.due().is_empty());
    }
    w.clock.advance_ms(250);
    assert_eq!(w.due(), [json!([{"id": "urn:e:1", "type": "T", "a": 4}])]);
    assert!(w.due().is_empty());
}

#[test]
fn periods_pauses_and_expiry() {
    let w = watch();
    w.subscribe(json!({"id": "urn:s:1", "timeInterval": 10}))
        .unwrap();
    assert!(
        w.write(r#"{"id": "urn:e:1", "type": "T", "a": 1}"#)
            .is_empty()
    );
    assert_eq!(w.due().len(), 1);
    assert!(w.due().is_empty());
    w.clock.advance_ms(10_000);
    assert_eq!(w.due().len(), 1);
    w.subs
        .update("urn:s:1", &json!({"isActive": false}), &w.ctx)
        .unwrap();
    assert_eq!(w.subs.get("urn:s:1").unwrap()["status"], "paused");
    w.clock.advance_ms(10_000);
    assert!(w.due().is_empty());
    let soon = w.city.clock().now().plus_s(5).to_iso();
    w.subs
        .update(
            "urn:s:1",
            &json!({"isActive": true, "expiresAt": soon}),
            &w.ctx,
        )
        .unwrap();
    w.clock.advance_ms(6_000);
    assert_eq!(w.subs.get("urn:s:1").unwrap()["status"], "expired");
    let e = w
        .subs
        .update("urn:s:1", &json!({"isActive": true}), &w.ctx)
        .unwrap_err();
    assert_eq!(e.status(), 400);
    let again = Subscriptions::open(w.city.clone()).unwrap();
    assert_eq!(again.list().len(), 1, "kept in the registry");
    w.subs.delete("urn:s:1").unwrap();
    assert_eq!(w.subs.delete("urn:s:1").unwrap_err().status(), 404);
    assert!(
        Subscriptions::open(w.city.clone())
            .unwrap()
            .list()
            .is_empty()
    );
}

#[test]
fn broken_subscriptions_are_refused() {
    let w = watch();
    let endpoint = json!({"uri": "http://h"});
    for (more, status) in [
        (json!({"type": "X"}), 400),
        (json!({"entities": []}), 400),
        (json!({"entities": [{"id": "urn:e:1"}]}), 400),
        (json!({"watchedAttributes": []}), 400),
        (json!({"timeInterval": 5, "throttling": 5}), 400),
        (json!({"notificationTrigger": ["never"]}), 400),
        (json!({"expiresAt": "2020-01-01T00:00:00Z"}), 400),
        (json!({"q": "a=="}), 400),
        (json!({"throttling": -1}), 400),
        (
            json!({"notification": {"endpoint": {"uri": "ftp://h"}}}),
            400,
        ),
        (
            json!({"notification": {"endpoint": endpoint, "format": "simplified", "showChanges": true}}),
            400,
        ),
        (
            json!({"notification": {"endpoint": endpoint, "join": "flat"}}),
            501,
        ),
        (json!({"csf": "x==1"}), 501),
        (json!({"jsonldContext": "https://no.where/c"}), 504),
    ] {
        assert_eq!(
            w.subscribe(more.clone()).unwrap_err().status(),
            status,
            "{more}"
        );
    }
    w.subscribe(json!({"id": "urn:s:1"})).unwrap();
    assert_eq!(
        w.subscribe(json!({"id": "urn:s:1"})).unwrap_err().status(),
        409
    );
}

//! Writes of one entity and its attributes.

use serde_json::json;

use super::city;

const ONE: &str = "entities/urn:ngsi-ld:Vehicle:1";

#[tokio::test]
async fn create_answers_201_with_location_and_409_the_second_time() {
    let city = city();
    let body = r#"{"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "speed": 3}"#;
    let first = city.post("entities", body).await;
    assert_eq!((first.status, first.length), (201, 0));
    assert_eq!(
        first.header("location"),
        "/ngsi-ld/v1/entities/urn:ngsi-ld:Vehicle:1"
    );
    let second = city.post("entities/", body).await;
    assert_eq!(second.status, 409);
    assert_eq!(second.header("content-type"), "application/json");
    assert_eq!(
        second.body["type"],
        "https://uri.etsi.org/ngsi-ld/errors/AlreadyExists"
    );
    assert_eq!(second.body["title"], "The resource exists already");
}

#[tokio::test]
async fn replace_sets_anew_merge_keeps_and_delete_removes() {
    let city = city();
    city.vehicles().await;
    let put = city
        .ask("PUT", ONE, &[], r#"{"type": "Vehicle", "fuel": 5}"#)
        .await;
    assert_eq!((put.status, put.length), (204, 0));
    let now = city.get(&format!("{ONE}?options=keyValues")).await;
    assert_eq!(
        now.body,
        json!({"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "fuel": 5})
    );
    let patch = city
        .ask(
            "PATCH",
            ONE,
            &[("content-type", "application/merge-patch+json")],
            r#"{"speed": 7, "fuel": null}"#,
        )
        .await;
    assert_eq!(patch.status, 204);
    let now = city.get(&format!("{ONE}?format=simplified")).await;
    assert_eq!(
        now.body,
        json!({"id": "urn:ngsi-ld:Vehicle:1", "type": "Vehicle", "speed": 7})
    );
    assert_eq!(city.ask("DELETE", ONE, &[], "").await.status, 204);
    for (method, body) in [
        ("GET", ""),
        ("DELETE", ""),
        ("PATCH", "{\"a\": 1}"),
        ("PUT", "{\"type\": \"V\", \"a\": 1}"),
    ] {
        let gone = city.ask(method, ONE, &[], body).await;
        assert_eq!(gone.status, 404, "{method}");
        assert_eq!(
            gone.body["type"],
            "https://uri.etsi.org/ngsi-ld/errors/ResourceNotFound"
        );
    }
}

#[tokio::test]
async fn attributes_are_appended_updated_patched_replaced_deleted() {
    let city = city();
    city.vehicles().await;
    let attrs = format!("{ONE}/attrs");
    assert_eq!(city.post(&attrs, r#"{"fuel": 5}"#).await.status, 204);
    let kept = city
        .post(
            &format!("{attrs}?options=noOverwrite"),
            r#"{"fuel": 6, "seats": 4}"#,
        )
        .await;
    assert_eq!(kept.status, 207);
    let fuel = "https://uri.etsi.org/ngsi-ld/default-context/fuel";
    assert_eq!(kept.body["notUpdated"][0]["attributeName"], fuel);
    assert_eq!(
        kept.body["updated"],
        json!(["https://uri.etsi.org/ngsi-ld/default-context/seats"])
    );
    let update = city.ask("PATCH", &attrs, &[], r#"{"fuel": 8}"#).await;
    assert_eq!(update.status, 204);
    let one = format!("{attrs}/fuel");
    let partial = city.ask("PATCH", &one, &[], r#"{"value": 9}"#).await;
    assert_eq!(partial.status, 204);
    let ld = city
        .ask(
            "PATCH",
            &one,
            &[("content-type", "application/ld+json")],
            r#"{"@context": [], "unitCode": "LTR"}"#,
        )
        .await;
    assert_eq!(ld.status, 204, "{ld:?}");
    let now = city.get(ONE).await;
    assert_eq!(
        now.body["fuel"],
        json!({"type": "Property", "value": 9, "unitCode": "LTR"})
    );
    let put = city
        .ask("PUT", &one, &[], r#"{"type": "Property", "value": 1}"#)
        .await;
    assert_eq!(put.status, 204);
    assert_eq!(
        city.get(ONE).await.body["fuel"],
        json!({"type": "Property", "value": 1})
    );
    assert_eq!(city.ask("DELETE", &one, &[], "").await.status, 204);
    assert_eq!(city.ask("DELETE", &one, &[], "").await.status, 404);
    let gone = city.ask("PATCH", &one, &[], r#"{"value": 9}"#).await;
    assert_eq!(gone.status, 404);
}

#[tokio::test]
async fn wrong_writes_name_what_is_wrong() {
    let city = city();
    city.vehicles().await;
    let speed = format!("{ONE}/attrs/speed");
    let cases = [
        ("POST", "entities".to_owned(), "{", "InvalidRequest"),
        ("POST", "entities".to_owned(), "[]", "InvalidRequest"),
        (
            "POST",
            "entities".to_owned(),
            r#"{"type": "T"}"#,
            "BadRequestData",
        ),
        (
            "POST",
            "entities".to_owned(),
            r#"{"id": "urn:x:1", "type": "T", "a": null}"#,
            "BadRequestData",
        ),
        (
            "PUT",
            ONE.to_owned(),
            r#"{"id": "urn:x:other", "type": "T"}"#,
            "BadRequestData",
        ),
        ("PATCH", speed.clone(), "{}", "BadRequestData"),
        (
            "PATCH",
            speed.clone(),
            r#"{"type": "Relationship", "object": "urn:x:1"}"#,
            "BadRequestData",
        ),
        (
            "PATCH",
            format!("{ONE}/attrs/scope"),
            r#"{"value": 1}"#,
            "BadRequestData",
        ),
        (
            "PATCH",
            format!("{ONE}?options=nonsense"),
            r#"{"a": 1}"#,
            "InvalidRequest",
        ),
        (
            "PATCH",
            format!("{ONE}?observedAt=now"),
            r#"{"a": 1}"#,
            "InvalidRequest",
        ),
        (
            "DELETE",
            format!("{speed}?deleteAll=true&datasetId=urn:d:1"),
            "",
            "InvalidRequest",
        ),
    ];
    for (method, path, body, kind) in cases {
        let reply = city.ask(method, &path, &[], body).await;
        assert_eq!(reply.status, 400, "{method} {path} {body}");
        assert_eq!(
            reply.body["type"],
            format!("https://uri.etsi.org/ngsi-ld/errors/{kind}"),
            "{method} {path} {body}: {reply:?}"
        );
    }
}

#[tokio::test]
async fn the_type_selects_on_writes_too() {
    let city = city();
    city.vehicles().await;
    let wrong = city
        .ask("DELETE", &format!("{ONE}?type=Bus"), &[], "")
        .await;
    assert_eq!(wrong.status, 404);
    let right = city
        .ask("DELETE", &format!("{ONE}?type=Vehicle"), &[], "")
        .await;
    assert_eq!(right.status, 204);
}

#[tokio::test]
async fn a_full_queue_is_429_and_nothing_is_written() {
    let city = city();
    city.set_full(true);
    let body = r#"{"id": "urn:x:1", "type": "T"}"#;
    let reply = city.post("entities", body).await;
    assert_eq!((reply.status, reply.header("retry-after")), (429, "1"));
    assert_eq!(reply.body["title"], "Intake is full");
    let batch = city
        .post("entityOperations/upsert", &format!("[{body}]"))
        .await;
    assert_eq!(batch.status, 429);
    city.set_full(false);
    assert_eq!(city.get("entities/urn:x:1").await.status, 404);
}

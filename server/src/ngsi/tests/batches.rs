//! Batches: one write per request, 204 or the ids that are new, 207 with who failed.

use serde_json::json;

use super::city;

fn two(a: u32, b: u32) -> String {
    format!(
        r#"[{{"id": "urn:x:1", "type": "T", "a": {a}}}, {{"id": "urn:x:2", "type": "T", "b": {b}}}]"#
    )
}

#[tokio::test]
async fn upsert_creates_then_replaces_in_one_write_each() {
    let city = city();
    let first = city.post("entityOperations/upsert", &two(1, 1)).await;
    assert_eq!(first.status, 201);
    assert_eq!(first.body, json!(["urn:x:1", "urn:x:2"]));
    let again = city
        .post("entityOperations/upsert?options=replace", &two(2, 2))
        .await;
    assert_eq!((again.status, again.length), (204, 0));
    assert_eq!(city.writes(), 2);
    let mixed = city
        .post(
            "entityOperations/upsert?options=update",
            r#"[{"id": "urn:x:1", "z": 9}, {"id": "urn:x:3", "type": "T"}]"#,
        )
        .await;
    assert_eq!((mixed.status, &mixed.body), (201, &json!(["urn:x:3"])));
    let one = city.get("entities/urn:x:1?format=keyValues").await;
    assert_eq!(
        one.body,
        json!({"id": "urn:x:1", "type": "T", "a": 2, "z": 9})
    );
}

#[tokio::test]
async fn bad_elements_do_not_spoil_the_others() {
    let city = city();
    let reply = city
        .post(
            "entityOperations/upsert",
            r#"[{"id": "urn:x:1", "type": "T"}, {"id": "no uri", "type": "T"}, {"id": "urn:x:2", "type": "T", "a": null}, {"id": "urn:x:3"}]"#,
        )
        .await;
    assert_eq!(reply.status, 207);
    assert_eq!(reply.body["success"], json!(["urn:x:1"]));
    let errors = reply.body["errors"].as_array().unwrap();
    let ids: Vec<_> = errors
        .iter()
        .map(|e| e["entityId"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["no uri", "urn:x:2", "urn:x:3"]);
    for e in errors {
        assert_eq!(e["error"]["status"], 400);
        assert_eq!(
            e["error"]["type"],
            "https://uri.etsi.org/ngsi-ld/errors/BadRequestData"
        );
    }
    assert_eq!(city.get("entities/urn:x:1").await.status, 200);
    assert_eq!(city.get("entities/urn:x:2").await.status, 404);
}

#[tokio::test]
async fn create_update_merge_delete() {
    let city = city();
    let made = city.post("entityOperations/create", &two(1, 1)).await;
    assert_eq!(
        (made.status, &made.body),
        (201, &json!(["urn:x:1", "urn:x:2"]))
    );
    let again = city.post("entityOperations/create", &two(1, 1)).await;
    assert_eq!(again.status, 207);
    assert_eq!(again.body["errors"][0]["error"]["status"], 409);
    let update = r#"[{"id": "urn:x:1", "a": 5, "c": 6}]"#;
    let kept = city
        .post("entityOperations/update?options=noOverwrite", update)
        .await;
    assert_eq!(kept.status, 204);
    let one = city.get("entities/urn:x:1?format=keyValues").await;
    assert_eq!(
        one.body,
        json!({"id": "urn:x:1", "type": "T", "a": 1, "c": 6})
    );
    assert_eq!(
        city.post("entityOperations/update", update).await.status,
        204
    );
    let merge = r#"[{"id": "urn:x:1", "a": null}, {"id": "urn:x:9", "a": 1}]"#;
    let merged = city.post("entityOperations/merge", merge).await;
    assert_eq!(merged.status, 207);
    assert_eq!(merged.body["errors"][0]["entityId"], "urn:x:9");
    assert_eq!(merged.body["errors"][0]["error"]["status"], 404);
    let one = city.get("entities/urn:x:1?format=keyValues").await;
    assert_eq!(one.body, json!({"id": "urn:x:1", "type": "T", "c": 6}));
    let delete = city
        .post("entityOperations/delete", r#"["urn:x:1", "urn:x:2"]"#)
        .await;
    assert_eq!(delete.status, 204);
    let again = city.post("entityOperations/delete", r#"["urn:x:1"]"#).await;
    assert_eq!(again.status, 207);
}

#[tokio::test]
async fn shapes_that_are_no_batch_are_400() {
    let city = city();
    for (path, body) in [
        ("upsert", "{}"),
        ("upsert", "[]"),
        ("upsert", "[null]"),
        ("upsert", "[1]"),
        ("delete", "[{}]"),
        ("upsert?options=replace,update", "[{}]"),
        ("upsert?options=append", "[{}]"),
        (
            "upsert",
            r#"[{"@context": [], "id": "urn:x:1", "type": "T"}]"#,
        ),
    ] {
        let reply = city.post(&format!("entityOperations/{path}"), body).await;
        assert_eq!(reply.status, 400, "{path} {body}");
    }
    assert_eq!(city.writes(), 0);
}

#[tokio::test]
async fn each_element_of_json_ld_has_its_context() {
    let city = city();
    let ld = [("content-type", "application/ld+json")];
    let body = r#"[{"@context": {"a": "http://x.org/a"}, "id": "urn:x:1", "type": "T", "a": 1},
                   {"@context": {"a": "http://y.org/a"}, "id": "urn:x:2", "type": "T", "a": 1}]"#;
    assert_eq!(
        city.ask("POST", "entityOperations/upsert", &ld, body)
            .await
            .status,
        201
    );
    assert_eq!(
        city.get("entities/urn:x:1").await.body["http://x.org/a"]["value"],
        1
    );
    assert_eq!(
        city.get("entities/urn:x:2").await.body["http://y.org/a"]["value"],
        1
    );
    let without =
        r#"[{"@context": {}, "id": "urn:x:1", "type": "T"}, {"id": "urn:x:2", "type": "T"}]"#;
    let reply = city
        .ask("POST", "entityOperations/upsert", &ld, without)
        .await;
    assert_eq!(reply.status, 400);
}

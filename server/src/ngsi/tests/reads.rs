//! Retrieve, query, history, contexts.

use serde_json::{Value, json};

use super::city;

const ONE: &str = "entities/urn:ngsi-ld:Vehicle:1";

fn ids(body: &Value) -> Vec<&str> {
    let all = body.as_array().unwrap();
    all.iter().map(|e| e["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn retrieve_in_three_media_types() {
    let city = city();
    city.vehicles().await;
    let json = city.get(ONE).await;
    assert_eq!(json.status, 200);
    assert_eq!(json.header("content-type"), "application/json");
    assert!(json.links()[0].contains("ngsi-ld-core-context-v1.9.jsonld"));
    assert!(json.body.get("@context").is_none());
    let ld = city
        .ask("GET", ONE, &[("accept", "application/ld+json")], "")
        .await;
    assert_eq!(ld.header("content-type"), "application/ld+json");
    assert!(ld.links().is_empty());
    assert!(
        ld.body["@context"]
            .as_str()
            .unwrap()
            .contains("core-context")
    );
    let geo = city
        .ask("GET", ONE, &[("accept", "application/geo+json")], "")
        .await;
    assert_eq!(geo.body["type"], "Feature");
    assert_eq!(geo.body["geometry"]["coordinates"], json!([1, 2]));
    assert!(geo.body.get("@context").is_some());
    let geo = city
        .ask(
            "GET",
            "entities?type=Vehicle",
            &[
                ("accept", "application/json;q=0.1, application/geo+json"),
                ("prefer", "body=json"),
            ],
            "",
        )
        .await;
    assert_eq!(geo.body["type"], "FeatureCollection");
    assert_eq!((geo.links().len(), geo.body.get("@context")), (1, None));
}

#[tokio::test]
async fn views_pick_omit_and_show_times() {
    let city = city();
    city.vehicles().await;
    let pick = city
        .get(&format!("{ONE}?pick=id,speed&format=concise"))
        .await;
    assert_eq!(
        pick.body,
        json!({"id": "urn:ngsi-ld:Vehicle:1", "speed": {"value": 10, "observedAt": "2026-03-02T08:00:01Z"}})
    );
    let omit = city
        .get(&format!("{ONE}?omit=speed,location&options=sysAttrs"))
        .await;
    assert_eq!(omit.body["createdAt"], "2026-03-02T08:00:00Z");
    assert!(omit.body.get("speed").is_none());
    assert_eq!(city.get(&format!("{ONE}?attrs=nothing")).await.status, 404);
    assert_eq!(city.get(&format!("{ONE}?type=Bus")).await.status, 404);
    assert_eq!(
        city.get(&format!("{ONE}?attrs=speed&pick=speed"))
            .await
            .status,
        400
    );
    assert_eq!(city.get(&format!("{ONE}?format=xml")).await.status, 400);
    assert_eq!(
        city.get(&format!("{ONE}?geometryProperty=location"))
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn queries_filter_count_and_page() {
    let city = city();
    city.vehicles().await;
    let all = city
        .get("entities?type=Vehicle&q=speed%3E10&count=true&limit=1")
        .await;
    assert_eq!(all.status, 200);
    assert_eq!(ids(&all.body), ["urn:ngsi-ld:Vehicle:2"]);
    assert_eq!(all.header("ngsild-results-count"), "2");
    let next = all
        .links()
        .into_iter()
        .find(|l| l.contains("rel=\"next\""))
        .unwrap();
    assert_eq!(
        next,
        "</ngsi-ld/v1/entities?type=Vehicle&q=speed%3E10&count=true&limit=1&offset=1>; rel=\"next\"; type=\"application/json\""
    );
    assert!(!all.links().iter().any(|l| l.contains("rel=\"prev\"")));
    let last = city
        .get("entities?type=Vehicle&q=speed%3E10&limit=1&offset=1")
        .await;
    assert_eq!(ids(&last.body), ["urn:ngsi-ld:Vehicle:3"]);
    assert!(
        last.links()
            .iter()
            .any(|l| l.contains("offset=0>; rel=\"prev\""))
    );
    assert!(!last.links().iter().any(|l| l.contains("rel=\"next\"")));
    let by_id = city
        .get("entities?type=*&id=urn:ngsi-ld:Vehicle:3,urn:ngsi-ld:Vehicle:1")
        .await;
    assert_eq!(
        ids(&by_id.body),
        ["urn:ngsi-ld:Vehicle:1", "urn:ngsi-ld:Vehicle:3"]
    );
    let pattern = city.get("entities?type=Vehicle&idPattern=:2$").await;
    assert_eq!(ids(&pattern.body), ["urn:ngsi-ld:Vehicle:2"]);
    let near = city
        .get("entities?type=Vehicle&georel=near;maxDistance==1000&geometry=Point&coordinates=%5B3,2%5D")
        .await;
    assert_eq!(ids(&near.body), ["urn:ngsi-ld:Vehicle:3"]);
    let none = city.get("entities?type=Vehicle&limit=0&count=true").await;
    assert_eq!(
        (
            none.body,
            none.headers["ngsild-results-count"].to_str().unwrap()
        ),
        (json!([]), "3")
    );
}

#[tokio::test]
async fn queries_that_do_not_fit_are_refused() {
    let city = city();
    for (query, status) in [
        ("", 400),
        ("?id=urn:x:1", 400),
        ("?type=A&limit=0", 400),
        ("?type=A&limit=x", 400),
        ("?type=A&limit=100000", 400),
        ("?type=A&georel=near", 400),
        ("?type=A&q=((", 400),
        ("?type=A&nonsense=1", 400),
        ("?type=A&type=B", 400),
        ("?type=%FF", 400),
        ("?type=*&local=false", 400),
        ("?type=A&join=flat", 501),
        ("?type=A&orderBy=speed", 501),
        ("?type=A&csf=x", 501),
        ("?type=A&entityMap=true", 501),
    ] {
        let reply = city.get(&format!("entities{query}")).await;
        assert_eq!(reply.status, status, "{query}: {:?}", reply.body);
        assert!(reply.body["detail"].is_string());
    }
}

#[tokio::test]
async fn a_query_can_be_posted() {
    let city = city();
    city.vehicles().await;
    let body = r#"{"type": "Query", "entities": [{"type": "Vehicle"}], "q": "speed<25", "pick": ["id", "speed"],
        "geoQ": {"georel": "near;maxDistance==500000", "geometry": "Point", "coordinates": [1, 2]}}"#;
    let reply = city
        .post("entityOperations/query?format=keyValues&limit=5", body)
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        reply.body,
        json!([{"id": "urn:ngsi-ld:Vehicle:1", "speed": 10}, {"id": "urn:ngsi-ld:Vehicle:2", "speed": 20}])
    );
    for (body, status) in [
        (r#"{"entities": [{"type": "Vehicle"}]}"#, 400),
        (r#"{"type": "Query"}"#, 400),
        (r#"{"type": "Query", "entities": [{"id": "urn:x:1"}]}"#, 400),
        (r#"{"type": "Query", "entities": [], "x": 1}"#, 400),
        (
            r#"{"type": "Query", "entities": [{"type": "A"}], "join": "flat"}"#,
            501,
        ),
        (
            r#"{"type": "Query", "entities": [{"type": "A", "id": "urn:x:1"}, {"type": "B"}]}"#,
            501,
        ),
    ] {
        let reply = city.post("entityOperations/query", body).await;
        assert_eq!(reply.status, status, "{body}");
    }
}

#[tokio::test]
async fn history_is_read_and_forgotten() {
    let city = city();
    city.vehicles().await;
    let path = "temporal/entities/urn:ngsi-ld:Vehicle:1";
    let later = r#"{"speed": {"value": 12, "observedAt": "2026-03-02T09:00:00Z"}}"#;
    assert_eq!(city.post(&format!("{ONE}/attrs"), later).await.status, 204);
    let values = city
        .get(&format!("{path}?options=temporalValues&attrs=speed"))
        .await;
    assert_eq!(
        values.body["speed"]["values"],
        json!([[10, "2026-03-02T08:00:01Z"], [12, "2026-03-02T09:00:00Z"]])
    );
    let after = city
        .get(&format!(
            "{path}?timerel=after&timeAt=2026-03-02T08:30:00Z&lastN=1&attrs=speed"
        ))
        .await;
    assert_eq!(after.body["speed"].as_array().map(Vec::len), Some(1));
    let many = city
        .get("temporal/entities?type=Vehicle&timerel=after&timeAt=2026-03-02T08:30:00Z&attrs=speed")
        .await;
    assert_eq!(ids(&many.body), ["urn:ngsi-ld:Vehicle:1"]);
    for (query, status) in [
        ("?type=Vehicle", 400),
        ("?type=Vehicle&timerel=after&timeAt=x", 400),
        (
            "?type=Vehicle&q=speed%3E1&timerel=after&timeAt=2026-03-02T08:30:00Z",
            501,
        ),
    ] {
        let reply = city.get(&format!("temporal/entities{query}")).await;
        assert_eq!(reply.status, status, "{query}");
    }
    for (query, status) in [
        ("?timeproperty=createdAt", 501),
        ("?aggrMethods=avg&format=aggregatedValues", 501),
        ("?lastN=0", 400),
    ] {
        assert_eq!(
            city.get(&format!("{path}{query}")).await.status,
            status,
            "{query}"
        );
    }
    assert_eq!(city.ask("DELETE", path, &[], "").await.status, 204);
    assert_eq!(city.ask("DELETE", path, &[], "").await.status, 404);
    assert_eq!(city.get("temporal/entities/urn:x:none").await.status, 404);
}

#[tokio::test]
async fn contexts_are_hosted_used_listed_and_deleted() {
    let city = city();
    let body = r#"{"@context": {"pace": "http://x.org/pace"}}"#;
    let made = city
        .ask(
            "POST",
            "jsonldContexts",
            &[("host", "city.example:8440")],
            body,
        )
        .await;
    assert_eq!(made.status, 201);
    let place = made
        .header("location")
        .strip_prefix("/ngsi-ld/v1/")
        .unwrap();
    let link = format!(
        "<http://city.example:8440/ngsi-ld/v1/{place}>; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\""
    );
    let entity = r#"{"id": "urn:x:1", "type": "T", "pace": 1}"#;
    let with = [("link", link.as_str())];
    assert_eq!(
        city.ask("POST", "entities", &with, entity).await.status,
        201
    );
    let compact = city.ask("GET", "entities/urn:x:1", &with, "").await;
    assert_eq!(compact.body["pace"]["value"], 1);
    assert_eq!(compact.links(), [link.as_str()]);
    let full = city.get("entities/urn:x:1").await;
    assert_eq!(full.body["http://x.org/pace"]["value"], 1);
    assert_eq!(
        city.get(place).await.body,
        json!({"@context": {"pace": "http://x.org/pace"}})
    );
    let hosted = city.get("jsonldContexts?kind=Hosted&details=true").await;
    assert_eq!(hosted.body[0]["kind"], "Hosted");
    assert_eq!(city.ask("DELETE", place, &[], "").await.status, 204);
    assert_eq!(city.get(place).await.status, 404);
    let gone = city.ask("GET", "entities/urn:x:1", &with, "").await;
    assert_eq!(gone.status, 504);
    assert_eq!(city.post("jsonldContexts", "{}").await.status, 400);
    assert_eq!(city.get("jsonldContexts?kind=Odd").await.status, 400);
}

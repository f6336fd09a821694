//! What every resource refuses, and what is not there.

use axum::body::Body;
use axum::http::Request;

use super::city;

const ENTITY: &str = r#"{"id": "urn:x:1", "type": "T"}"#;

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405_with_allow() {
    let city = city();
    for path in [
        "",
        "nothing",
        "entities/a/b",
        "entityOperations/purge",
        "entities//attrs",
    ] {
        let reply = city.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(reply.body["code"], "CNB-NGSI-0001");
    }
    for (method, path, allow) in [
        ("PUT", "entities", "GET, POST, DELETE"),
        ("POST", "entities/urn:x:1", "GET, PUT, PATCH, DELETE"),
        ("GET", "entities/urn:x:1/attrs", "POST, PATCH"),
        ("GET", "entityOperations/upsert", "POST"),
        ("DELETE", "subscriptions", "GET, POST"),
        ("POST", "types", "GET"),
    ] {
        let reply = city.ask(method, path, &[], "{}").await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, allow),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn what_the_standard_has_and_we_lack_is_501_and_says_so() {
    let city = city();
    for (method, path) in [
        ("DELETE", "entities"),
        ("POST", "temporal/entities"),
        ("POST", "temporal/entities/urn:x:1/attrs"),
        ("DELETE", "temporal/entities/urn:x:1/attrs/a"),
        ("PATCH", "temporal/entities/urn:x:1/attrs/a/b"),
        ("POST", "temporal/entityOperations/query"),
        ("GET", "entities/urn:x:1/attrs/a/value"),
        ("GET", "types"),
        ("GET", "types/T"),
        ("GET", "attributes"),
        ("GET", "attributes/a"),
        ("GET", "csourceRegistrations"),
        ("POST", "csourceSubscriptions"),
        ("GET", "csourceRegistrations/urn:x:1"),
        ("POST", "entityMaps"),
        ("GET", "entityMaps/urn:x:1"),
        ("GET", "info/sourceIdentity"),
        ("POST", "snapshots"),
        ("POST", "snapshots/urn:x:1/clone"),
    ] {
        let reply = city.ask(method, path, &[], "{}").await;
        assert_eq!(reply.status, 501, "{method} {path}");
        assert_eq!(
            reply.body["type"],
            "https://uri.etsi.org/ngsi-ld/errors/OperationNotSupported"
        );
        let detail = reply.body["detail"].as_str().unwrap();
        assert!(detail.contains(path), "{detail}");
    }
}

#[tokio::test]
async fn lengths_and_media_types_are_checked_before_bodies() {
    let city = city();
    let post = || {
        Request::builder()
            .method("POST")
            .uri("/ngsi-ld/v1/entities")
    };
    let json = ("content-type", "application/json");
    let no_length = post()
        .header(json.0, json.1)
        .body(Body::from(ENTITY))
        .unwrap();
    let reply = city.raw(no_length).await;
    assert_eq!((reply.status, reply.length), (411, 0));
    let large = post()
        .header(json.0, json.1)
        .header("content-length", (1 << 20) + 1)
        .body(Body::empty())
        .unwrap();
    let reply = city.raw(large).await;
    assert_eq!(
        (reply.status, reply.body["code"].as_str()),
        (413, Some("CNB-NGSI-0005"))
    );
    let lies = post()
        .header(json.0, json.1)
        .header("content-length", 3)
        .body(Body::from(ENTITY))
        .unwrap();
    assert_eq!(city.raw(lies).await.status, 400);
    for media in ["text/plain", "application/merge-patch+json", ""] {
        let reply = city
            .ask("POST", "entities", &[("content-type", media)], ENTITY)
            .await;
        assert_eq!((reply.status, reply.length), (415, 0), "{media}");
    }
    for accept in ["text/html", "application/json;q=0", "image/*"] {
        let reply = city
            .ask("GET", "entities?type=T", &[("accept", accept)], "")
            .await;
        assert_eq!(reply.status, 406, "{accept}");
        assert!(
            reply.body["detail"]
                .as_str()
                .unwrap()
                .contains("application/geo+json")
        );
    }
    let geo = [("accept", "application/geo+json")];
    assert_eq!(city.ask("GET", "subscriptions", &geo, "").await.status, 406);
    for accept in ["*/*", "application/*", "text/html, application/json;q=0.2"] {
        let reply = city
            .ask("GET", "entities?type=T", &[("accept", accept)], "")
            .await;
        assert_eq!(reply.header("content-type"), "application/json", "{accept}");
    }
}

#[tokio::test]
async fn contexts_stand_where_the_standard_wants_them() {
    let city = city();
    let ld = ("content-type", "application/ld+json");
    let link = (
        "link",
        "<http://unknown.example/c.jsonld>; rel=\"http://www.w3.org/ns/json-ld#context\"",
    );
    let core = (
        "link",
        "<https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.6.jsonld>; rel=\"http://www.w3.org/ns/json-ld#context\", </next>; rel=\"next\"",
    );
    let inside = r#"{"id": "urn:x:1", "type": "T", "@context": "http://unknown.example/c.jsonld"}"#;
    for (headers, body, status) in [
        (vec![], inside, 400),
        (vec![ld], ENTITY, 400),
        (vec![ld, link], inside, 400),
        (vec![ld], inside, 504),
        (vec![link], ENTITY, 504),
        (vec![link, core], ENTITY, 400),
        (vec![core], ENTITY, 201),
    ] {
        let reply = city.ask("POST", "entities", &headers, body).await;
        assert_eq!(reply.status, status, "{headers:?} {body}: {:?}", reply.body);
        if status == 504 {
            assert_eq!(
                reply.body["type"],
                "https://uri.etsi.org/ngsi-ld/errors/LdContextNotAvailable"
            );
            assert!(
                reply.body["detail"]
                    .as_str()
                    .unwrap()
                    .contains("unknown.example")
            );
        }
    }
}

#[tokio::test]
async fn there_is_one_tenant() {
    let city = city();
    let other = [("ngsild-tenant", "north")];
    let read = city.ask("GET", "entities?type=T", &other, "").await;
    assert_eq!(read.status, 404);
    assert_eq!(
        read.body["type"],
        "https://uri.etsi.org/ngsi-ld/errors/NonexistentTenant"
    );
    let write = city.ask("POST", "entities", &other, ENTITY).await;
    assert_eq!(write.status, 501);
    assert_eq!(
        write.body["type"],
        "https://uri.etsi.org/ngsi-ld/errors/NoMultiTenantSupport"
    );
    let same = [("ngsild-tenant", "default")];
    let reply = city.ask("GET", "entities?type=T", &same, "").await;
    assert_eq!(
        (reply.status, reply.header("ngsild-tenant")),
        (200, "default")
    );
    let fork = [("ngsild-snapshot", "urn:x:s")];
    assert_eq!(
        city.ask("GET", "entities?type=T", &fork, "").await.status,
        501
    );
}

/// Whatever comes, an answer goes out, and never a 500.
#[tokio::test]
async fn nonsense_is_answered() {
    let city = city();
    city.vehicles().await;
    let words = [
        "<",
        ">",
        ";",
        ",",
        "=",
        "\"",
        "rel=",
        "q=0",
        "q=nan",
        "*/*",
        "%",
        "%4",
        "%zz",
        "%00",
        "&",
        "?",
        "/",
        "type",
        "Vehicle",
        "q",
        "id",
        "urn:x:1",
        "limit=99999999999999999999",
        "offset=18446744073709551615",
        "count=true",
        "coordinates=[",
        "georel=near",
        "{",
        "}",
        "[",
        "]",
        ":",
        "null",
        "@context",
        "entities",
        "attrs",
        "temporal",
        "subscriptions",
        "jsonldContexts",
        "entityOperations/upsert",
        "1e999",
        "\\u0000",
    ];
    let methods = ["GET", "POST", "PATCH", "PUT", "DELETE"];
    let pick = |seed: u64, n: usize| {
        (0..n).map(move |i| {
            let at = conurb_base::stream_seed(seed, &i.to_string(), "nonsense");
            words[usize::try_from(at % 42).unwrap() % words.len()]
        })
    };
    for seed in 0..3000_u64 {
        let method = methods[usize::try_from(seed % 5).unwrap()];
        let path: String = pick(seed, 4).collect();
        let path = if seed % 2 == 0 {
            format!("entities?{path}")
        } else {
            path
        };
        let header: String = pick(seed + 1_000_000, 5).collect();
        let body: String = pick(seed + 2_000_000, 8).collect();
        let name = ["link", "accept", "content-type", "prefer", "ngsild-tenant"]
            [usize::try_from(seed / 7 % 5).unwrap()];
        let Ok(uri) = format!("/ngsi-ld/v1/{path}").parse::<axum::http::Uri>() else {
            continue;
        };
        let mut request = Request::builder().method(method).uri(uri);
        request = request
            .header("content-length", body.len())
            .header(name, &header);
        if name != "content-type" {
            request = request.header("content-type", "application/json");
        }
        let Ok(request) = request.body(Body::from(body.clone())) else {
            continue;
        };
        let reply = city.raw(request).await;
        assert_ne!(reply.status, 500, "{method} {path} {name}: {header} {body}");
    }
}

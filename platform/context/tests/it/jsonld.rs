//! Contexts: terms, prefixes, the protected core, compaction with another context.

use conurb_base::Coded;
use conurb_context::{CORE_CONTEXT_URL, ContextCache, DEFAULT_VOCAB, TRANSPORTATION_CONTEXT_URL};
use serde_json::json;

#[test]
fn names_expand_by_term_prefix_iri_and_vocabulary() {
    let cache = ContextCache::default();
    let ctx = cache
        .resolve(&json!({
            "ex": "https://example.org/",
            "speed": "ex:velocity",
            "level": {"@id": "https://example.org/level", "@type": "@vocab"}
        }))
        .unwrap();
    let expand = |n: &str| ctx.expand(n).map(|i| i.to_string());
    assert_eq!(expand("speed").unwrap(), "https://example.org/velocity");
    assert_eq!(expand("level").unwrap(), "https://example.org/level");
    assert_eq!(expand("ex:other").unwrap(), "https://example.org/other");
    assert_eq!(expand("plain").unwrap(), format!("{DEFAULT_VOCAB}plain"));
    assert_eq!(expand("https://a.b/c").unwrap(), "https://a.b/c");
    for bad in ["", "1x", "a b", "a-b", "ex:", "ex:1 2"] {
        assert!(expand(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_core_is_protected_whatever_the_order() {
    let cache = ContextCache::default();
    let mine = json!({"location": "https://example.org/place", "@vocab": "https://example.org/"});
    for context in [
        json!([CORE_CONTEXT_URL, mine]),
        json!([mine, CORE_CONTEXT_URL]),
        mine.clone(),
    ] {
        let ctx = cache.resolve(&context).unwrap();
        assert_eq!(
            &*ctx.expand("location").unwrap(),
            "https://uri.etsi.org/ngsi-ld/location"
        );
        assert_eq!(*ctx.expand("x").unwrap(), format!("{DEFAULT_VOCAB}x"));
    }
}

#[test]
fn compaction_uses_the_context_of_the_answer() {
    let cache = ContextCache::default();
    let writer = cache
        .resolve(&json!({"speed": "https://example.org/velocity"}))
        .unwrap();
    let iri = writer.expand("speed").unwrap();
    let reader = cache
        .resolve(&json!({"tempo": "https://example.org/velocity"}))
        .unwrap();
    assert_eq!(reader.compact(&iri), "tempo");
    let prefixed = cache
        .resolve(&json!({"ex": "https://example.org/"}))
        .unwrap();
    assert_eq!(prefixed.compact(&iri), "ex:velocity");
    assert_eq!(cache.core().compact(&iri), "https://example.org/velocity");
    // a term of the reader's context that hides a name of the vocabulary keeps it whole
    let hiding = cache
        .resolve(&json!({"x": "https://example.org/y"}))
        .unwrap();
    let x = format!("{DEFAULT_VOCAB}x");
    assert_eq!(hiding.compact(&x), x);
}

#[test]
fn every_core_version_is_the_one_core() {
    let cache = ContextCache::default();
    for v in 3..=9 {
        let url = format!("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.{v}.jsonld");
        assert!(cache.resolve_url(&url).is_ok());
    }
    let e = cache
        .resolve_url("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-non-existing.jsonld")
        .unwrap_err();
    assert_eq!((e.status(), e.code()), (504, "CNB-CONTEXT-0006"));
    assert!(e.to_string().contains("non-existing"));
}

#[test]
fn hosted_contexts_are_found_and_may_refer_to_others() {
    let cache = ContextCache::new(2);
    assert_eq!(
        cache.resolve_url("https://a.b/c").unwrap_err().status(),
        504
    );
    cache
        .host(
            "https://a.b/c",
            &json!({"@context": ["https://a.b/d", {"p": "https://x.y/p"}]}),
        )
        .unwrap();
    assert!(
        cache.resolve_url("https://a.b/c").is_err(),
        "the inner one is missing"
    );
    cache
        .host(
            "https://a.b/d",
            &json!({"@context": {"flow": "https://x.y/flow"}}),
        )
        .unwrap();
    let ctx = cache.resolve_url("https://a.b/c").unwrap();
    assert_eq!(&*ctx.expand("flow").unwrap(), "https://x.y/flow");
    let again = cache.resolve_url("https://a.b/c").unwrap();
    assert!(std::sync::Arc::ptr_eq(&ctx, &again));
    cache
        .host("https://a.b/loop", &json!({"@context": "https://a.b/loop"}))
        .unwrap();
    assert_eq!(
        cache.resolve_url("https://a.b/loop").unwrap_err().status(),
        400
    );
    assert!(cache.remove("https://a.b/d"));
    assert!(cache.resolve_url("https://a.b/c").is_err());
}

#[test]
fn what_ngsi_ld_forbids_is_refused() {
    let cache = ContextCache::default();
    for bad in [
        json!({"a": {"@id": "https://x.y/a", "@context": {"b": "https://x.y/b"}}}),
        json!({"a": {"@reverse": "https://x.y/a"}}),
        json!({"a": 1}),
        json!({"a": "b:c", "b": "a:d"}),
        json!({"@vocab": 1}),
        json!({"@import": "https://x.y/z"}),
        json!(5),
        json!([[5]]),
    ] {
        assert_eq!(cache.resolve(&bad).unwrap_err().status(), 400, "{bad}");
    }
}

#[test]
fn transportation_names_are_bundled() {
    let cache = ContextCache::default();
    let ctx = cache.resolve_url(TRANSPORTATION_CONTEXT_URL).unwrap();
    let iri = ctx.expand("TrafficFlowObserved").unwrap();
    assert_eq!(
        &*iri,
        "https://smartdatamodels.org/dataModel.Transportation/TrafficFlowObserved"
    );
    assert_eq!(ctx.compact(&iri), "TrafficFlowObserved");
}

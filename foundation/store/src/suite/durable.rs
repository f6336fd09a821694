//! The part of the suite that is about reopening: for backends that keep what they are given.

use std::path::Path;

use super::{Open, all, delete, everything, line, ops, points, put, text, three_days};

/// Why the store may not refuse in these tests.
const OK: &str = "a sound store on a sound disk does not refuse";

pub fn what_was_committed_is_there_after_reopening(open: Open, folder: &Path) {
    for round in 0..4u64 {
        let stores = open(folder);
        assert_eq!(stores.entities.last_seq(), round * 10);
        for n in 0..10 {
            let id = format!("urn:{n}");
            let batch = ops(vec![put(&id, &format!("{round}.{n}"))]);
            stores.entities.commit(batch).expect(OK);
        }
        if round == 2 {
            stores.entities.checkpoint().expect(OK);
        }
    }
    let stores = open(folder);
    assert_eq!(stores.entities.len(), 10);
    for n in 0..10 {
        assert_eq!(text(&stores, &format!("urn:{n}")), Some(format!("3.{n}")));
    }
}

pub fn deletions_survive_reopening(open: Open, folder: &Path) {
    let stores = open(folder);
    let batch = ops(vec![put("urn:a", "1"), put("urn:b", "1")]);
    stores.entities.commit(batch).expect(OK);
    stores.entities.checkpoint().expect(OK);
    stores
        .entities
        .commit(ops(vec![delete("urn:a")]))
        .expect(OK);
    drop(stores);
    let stores = open(folder);
    assert_eq!(all(&stores), [("urn:b".to_owned(), "1".to_owned())]);
    stores.entities.checkpoint().expect(OK);
    drop(stores);
    assert_eq!(all(&open(folder)).len(), 1);
}

pub fn history_survives_reopening_sealed_or_not(open: Open, folder: &Path) {
    let stores = open(folder);
    let keys = three_days(&stores);
    stores.series.seal().expect(OK);
    three_days(&stores);
    let before = everything(&stores, &keys);
    drop(stores);
    let stores = open(folder);
    assert_eq!(everything(&stores, &keys), before);
    stores.entities.checkpoint().expect(OK);
    assert_eq!(everything(&stores, &keys), before);
    drop(stores);
    assert_eq!(everything(&open(folder), &keys), before);
}

pub fn a_forgotten_entity_stays_forgotten_after_reopening(open: Open, folder: &Path) {
    let stores = open(folder);
    let keys = three_days(&stores);
    stores.series.seal().expect(OK);
    three_days(&stores);
    stores.series.forget("urn:0").expect(OK);
    drop(stores);
    for _ in 0..2 {
        let stores = open(folder);
        assert!(stores.series.series_of("urn:0").expect(OK).is_empty());
        assert!(points(&stores, &keys[0]).is_empty());
        assert_eq!(points(&stores, &keys[1]).len(), 80);
        stores.series.seal().expect(OK);
    }
}

pub fn the_ledger_survives_reopening(open: Open, folder: &Path) {
    for round in 0..3 {
        let stores = open(folder);
        assert_eq!(stores.ledger.len(), round * 20);
        for n in 0..20 {
            let lines = [line(&format!("d{}", n % 3), round * 20 + n)];
            assert_eq!(stores.ledger.append(&lines).expect(OK), round * 20 + n);
        }
    }
    let stores = open(folder);
    assert_eq!(stores.ledger.lines_of("d1").expect(OK).len(), 21);
    let mut next = 0;
    stores
        .ledger
        .scan(0, &mut |seq, text| {
            assert_eq!(seq, next);
            assert!(text.contains(&format!("\"n\":{seq},")));
            next += 1;
            true
        })
        .expect(OK);
    assert_eq!(next, 60);
}

pub fn blobs_and_registry_survive_reopening(open: Open, folder: &Path) {
    let stores = open(folder);
    let texts: Vec<String> = (0..100).map(|n| "blob ".repeat(n)).collect();
    let hashes: Vec<String> = texts
        .iter()
        .map(|t| stores.blobs.put(t.as_bytes()).expect(OK))
        .collect();
    stores.registry.put("k", "i", "1").expect(OK);
    drop(stores);
    let stores = open(folder);
    for (hash, text) in hashes.iter().zip(&texts) {
        assert_eq!(
            stores.blobs.get(hash).expect(OK).expect(OK),
            text.as_bytes()
        );
        assert_eq!(&stores.blobs.put(text.as_bytes()).expect(OK), hash);
    }
    assert_eq!(
        stores.registry.get("k", "i").expect(OK).as_deref(),
        Some("1")
    );
}

pub fn a_checkpoint_changes_nothing_that_is_seen(open: Open, folder: &Path) {
    let stores = open(folder);
    let keys = three_days(&stores);
    let puts = (0..1000).map(|i| put(&format!("urn:{i}"), &i.to_string()));
    stores.entities.commit(ops(puts.collect())).expect(OK);
    let before = (all(&stores), everything(&stores, &keys));
    for _ in 0..2 {
        stores.entities.checkpoint().expect(OK);
        assert_eq!((all(&stores), everything(&stores, &keys)), before);
    }
    let seq = stores.entities.last_seq();
    drop(stores);
    let stores = open(folder);
    assert_eq!((all(&stores), everything(&stores, &keys)), before);
    assert_eq!(stores.entities.last_seq(), seq);
}

//! One behaviour suite for every backend.
//!
//! `store_suite!(name, open)` expands to a module of tests; `open` is a
//! `fn(&Path) -> Stores<Text>` that opens (or opens again) the store in a folder. A backend that
//! keeps nothing says `store_suite!(name, open, volatile)` and skips what is about reopening.

#![allow(clippy::unwrap_used, missing_docs)] // every function here is a test

mod durable;

use std::path::Path;
use std::sync::Arc;

use conurb_base::TimeMs;

use crate::{Batch, Document, LedgerLine, Op, Sample, SampleValue, SeriesKey, Stores};

pub use durable::*;

/// The document of the suite: a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text(pub String);

impl Document for Text {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0.as_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<Self, String> {
        String::from_utf8(bytes.to_vec())
            .map(Self)
            .map_err(|e| e.to_string())
    }
}

/// How a backend is opened in a folder.
pub type Open = fn(&Path) -> Stores<Text>;

pub fn put(id: &str, text: &str) -> Op<Text> {
    Op::Put {
        id: Arc::from(id),
        doc: Arc::new(Text(text.to_owned())),
    }
}

pub fn delete(id: &str) -> Op<Text> {
    Op::Delete { id: Arc::from(id) }
}

pub fn ops(ops: Vec<Op<Text>>) -> Batch<Text> {
    Batch {
        ops,
        samples: Vec::new(),
    }
}

pub fn series(entity: &str, attribute: &str) -> SeriesKey {
    SeriesKey {
        entity: Arc::from(entity),
        attribute: Arc::from(attribute),
        dataset: None,
    }
}

pub fn sample(key: &SeriesKey, at: i64, value: SampleValue) -> Sample {
    Sample {
        series: key.clone(),
        observed_at: TimeMs(at),
        recorded_at: TimeMs(at + 5),
        value,
    }
}

pub fn samples(samples: Vec<Sample>) -> Batch<Text> {
    Batch {
        ops: Vec::new(),
        samples,
    }
}

/// The text of an entity.
pub fn text(stores: &Stores<Text>, id: &str) -> Option<String> {
    stores.entities.get(id).map(|doc| doc.0.clone())
}

/// Every entity in scan order.
pub fn all(stores: &Stores<Text>) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    stores.entities.scan(None, &mut |id, doc| {
        seen.push((id.to_string(), doc.0.clone()));
        true
    });
    seen
}

/// (time, sequence, value) of a series, all of it.
pub fn points(stores: &Stores<Text>, key: &SeriesKey) -> Vec<(i64, u64, SampleValue)> {
    stores
        .series
        .range(key, TimeMs(i64::MIN), TimeMs(i64::MAX), usize::MAX, false)
        .unwrap()
        .into_iter()
        .map(|p| (p.observed_at.0, p.seq, p.value))
        .collect()
}

pub fn line(id: &str, n: u64) -> LedgerLine {
    LedgerLine {
        id: id.to_owned(),
        text: format!("{{\"id\":\"{id}\",\"n\":{n},\"why\":\"绿波 \\\"a\\\"\"}}"),
    }
}

/// Expands to the suite for one backend.
#[macro_export]
macro_rules! store_suite {
    ($name:ident, $open:expr) => {
        $crate::store_suite!(@module $name, $open,
            [what_was_committed_is_there_after_reopening
             deletions_survive_reopening
             history_survives_reopening_sealed_or_not
             a_forgotten_entity_stays_forgotten_after_reopening
             the_ledger_survives_reopening
             blobs_and_registry_survive_reopening
             a_checkpoint_changes_nothing_that_is_seen]);
    };
    ($name:ident, $open:expr, volatile) => {
        $crate::store_suite!(@module $name, $open, []);
    };
    (@module $name:ident, $open:expr, [$($durable:ident)*]) => {
        mod $name {
            use super::*;
            $crate::store_suite!(@tests $open,
                commits_count_from_one
                a_put_is_read_back
                a_later_op_of_the_same_batch_wins
                deleting_what_is_absent_is_no_error
                scans_ascend_by_id_from_a_place_and_stop_when_told
                a_scan_sees_each_commit_whole
                a_visitor_may_use_the_store
                two_writers_keep_order_per_entity
                an_empty_batch_is_a_commit
                points_come_back_by_time_then_sequence
                a_range_includes_its_start_and_not_its_end
                a_limit_keeps_the_end_that_was_asked_for
                series_of_an_entity_are_sorted_and_apart
                every_kind_of_value_is_kept_as_it_was
                sealing_changes_nothing_that_is_seen
                late_points_join_sealed_ones
                a_forgotten_entity_has_no_history_until_it_is_observed_again
                ledger_lines_count_from_zero_and_keep_their_bytes
                ledger_lines_are_found_by_id
                a_ledger_line_with_a_newline_is_refused_whole
                a_ledger_scan_starts_and_stops_where_told
                blobs_are_named_by_their_sha256
                registry_documents_are_replaced_listed_and_deleted
                $($durable)*
            );
        }
    };
    (@tests $open:expr, $($test:ident)*) => {
        $(
            #[test]
            fn $test() {
                let folder = tempfile::tempdir().expect("a temporary folder");
                $crate::suite::$test($open, folder.path());
            }
        )*
    };
}

pub fn commits_count_from_one(open: Open, folder: &Path) {
    let stores = open(folder);
    assert_eq!(stores.entities.last_seq(), 0);
    assert!(stores.entities.is_empty());
    for seq in 1..=5 {
        let batch = ops(vec![put("urn:a", "x")]);
        assert_eq!(stores.entities.commit(batch).unwrap(), seq);
        assert_eq!(stores.entities.last_seq(), seq);
    }
    assert_eq!(stores.entities.len(), 1);
}

pub fn a_put_is_read_back(open: Open, folder: &Path) {
    let stores = open(folder);
    let batch = ops(vec![put("urn:a", "1"), put("urn:b", "路口")]);
    stores.entities.commit(batch).unwrap();
    assert_eq!(text(&stores, "urn:a").as_deref(), Some("1"));
    assert_eq!(text(&stores, "urn:b").as_deref(), Some("路口"));
    assert_eq!(text(&stores, "urn:c"), None);
}

pub fn a_later_op_of_the_same_batch_wins(open: Open, folder: &Path) {
    let stores = open(folder);
    let batch = ops(vec![
        put("urn:a", "1"),
        put("urn:a", "2"),
        put("urn:b", "1"),
        delete("urn:b"),
        delete("urn:c"),
        put("urn:c", "3"),
    ]);
    stores.entities.commit(batch).unwrap();
    let want = [("urn:a", "2"), ("urn:c", "3")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(all(&stores), want);
}

pub fn deleting_what_is_absent_is_no_error(open: Open, folder: &Path) {
    let stores = open(folder);
    assert_eq!(
        stores.entities.commit(ops(vec![delete("urn:a")])).unwrap(),
        1
    );
    assert!(stores.entities.is_empty());
}

pub fn scans_ascend_by_id_from_a_place_and_stop_when_told(open: Open, folder: &Path) {
    let stores = open(folder);
    let puts = (0..700)
        .rev()
        .map(|i| put(&format!("urn:{i:04}"), "x"))
        .collect();
    stores.entities.commit(ops(puts)).unwrap();
    let ids: Vec<String> = all(&stores).into_iter().map(|(id, _)| id).collect();
    assert_eq!(
        ids,
        (0..700).map(|i| format!("urn:{i:04}")).collect::<Vec<_>>()
    );
    let mut seen = Vec::new();
    stores.entities.scan(Some("urn:0300"), &mut |id, _| {
        seen.push(id.to_string());
        seen.len() < 3
    });
    assert_eq!(seen, ["urn:0301", "urn:0302", "urn:0303"]);
    stores
        .entities
        .scan(Some("urn:0699"), &mut |_, _| panic!("nothing is left"));
}

pub fn a_scan_sees_each_commit_whole(open: Open, folder: &Path) {
    let stores = open(folder);
    let pair = |n: usize| {
        ops(vec![
            put("urn:a", &n.to_string()),
            put("urn:z", &n.to_string()),
        ])
    };
    let filler = (0..600)
        .map(|i| put(&format!("urn:m{i:04}"), "x"))
        .collect();
    stores.entities.commit(ops(filler)).unwrap();
    stores.entities.commit(pair(0)).unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for n in 1..200 {
                stores.entities.commit(pair(n)).unwrap();
            }
        });
        while !writer.is_finished() {
            let seen = all(&stores);
            assert_eq!(seen.len(), 602);
            assert_eq!(seen.first().unwrap().1, seen.last().unwrap().1);
        }
    });
}

pub fn a_visitor_may_use_the_store(open: Open, folder: &Path) {
    let stores = open(folder);
    let batch = ops(vec![put("urn:a", "1"), put("urn:b", "1")]);
    stores.entities.commit(batch).unwrap();
    let mut visited = 0;
    stores.entities.scan(None, &mut |id, doc| {
        assert_eq!(doc.0, "1");
        let change = ops(vec![put("urn:b", "2"), put("urn:c", "2")]);
        stores.entities.commit(change).unwrap();
        assert!(stores.entities.get(id).is_some());
        visited += 1;
        true
    });
    assert_eq!(visited, 2);
    assert_eq!(stores.entities.len(), 3);
}

pub fn two_writers_keep_order_per_entity(open: Open, folder: &Path) {
    let stores = open(folder);
    let write = |who: usize| {
        let id = format!("urn:writer:{who}");
        let mut last = 0;
        for n in 0..60 {
            let batch = ops(vec![put(&id, &n.to_string())]);
            let seq = stores.entities.commit(batch).unwrap();
            assert!(seq > last, "sequences ascend");
            assert!(stores.entities.last_seq() >= seq);
            let now: usize = text(&stores, &id).unwrap().parse().unwrap();
            assert_eq!(now, n, "what is acknowledged is visible");
            last = seq;
        }
    };
    std::thread::scope(|scope| {
        for who in 0..4 {
            scope.spawn(move || write(who));
        }
    });
    assert_eq!(stores.entities.last_seq(), 240);
}

pub fn an_empty_batch_is_a_commit(open: Open, folder: &Path) {
    let stores = open(folder);
    assert_eq!(stores.entities.commit(Batch::default()).unwrap(), 1);
    assert_eq!(stores.entities.commit(Batch::default()).unwrap(), 2);
}

pub fn points_come_back_by_time_then_sequence(open: Open, folder: &Path) {
    let stores = open(folder);
    let key = series("urn:a", "speed");
    for (at, value) in [(30, 1.0), (10, 2.0), (20, 3.0), (10, 4.0)] {
        let batch = samples(vec![sample(&key, at, SampleValue::Number(value))]);
        stores.entities.commit(batch).unwrap();
    }
    let want = [(10, 2, 2.0), (10, 4, 4.0), (20, 3, 3.0), (30, 1, 1.0)];
    let want = want.map(|(at, seq, v)| (at, seq, SampleValue::Number(v)));
    assert_eq!(points(&stores, &key), want);
}

fn ten_points(stores: &Stores<Text>, key: &SeriesKey) {
    let ten = (0..10)
        .map(|i| sample(key, i * 10, SampleValue::Number(i as f64)))
        .collect();
    stores.entities.commit(samples(ten)).unwrap();
}

fn times(
    stores: &Stores<Text>,
    key: &SeriesKey,
    range: (i64, i64),
    cut: (usize, bool),
) -> Vec<i64> {
    stores
        .series
        .range(key, TimeMs(range.0), TimeMs(range.1), cut.0, cut.1)
        .unwrap()
        .into_iter()
        .map(|p| p.observed_at.0)
        .collect()
}

pub fn a_range_includes_its_start_and_not_its_end(open: Open, folder: &Path) {
    let stores = open(folder);
    let key = series("urn:a", "speed");
    ten_points(&stores, &key);
    assert_eq!(times(&stores, &key, (20, 50), (99, false)), [20, 30, 40]);
    assert!(times(&stores, &key, (50, 20), (99, false)).is_empty());
    assert!(times(&stores, &key, (20, 20), (99, false)).is_empty());
    assert!(times(&stores, &series("urn:b", "speed"), (0, 99), (99, false)).is_empty());
}

pub fn a_limit_keeps_the_end_that_was_asked_for(open: Open, folder: &Path) {
    let stores = open(folder);
    let key = series("urn:a", "speed");
    ten_points(&stores, &key);
    for _ in 0..2 {
        assert_eq!(times(&stores, &key, (0, 999), (2, false)), [0, 10]);
        assert_eq!(times(&stores, &key, (0, 999), (2, true)), [80, 90]);
        assert!(times(&stores, &key, (0, 999), (0, true)).is_empty());
        stores.series.seal().unwrap();
    }
}

pub fn series_of_an_entity_are_sorted_and_apart(open: Open, folder: &Path) {
    let stores = open(folder);
    let mut with_dataset = series("urn:a", "speed");
    with_dataset.dataset = Some(Arc::from("urn:radar"));
    let keys = [
        series("urn:a", "count"),
        series("urn:a", "speed"),
        with_dataset,
    ];
    let each = (0..3)
        .rev()
        .map(|i| sample(&keys[i], 10, SampleValue::Number(i as f64)))
        .chain([sample(&series("urn:aa", "x"), 1, SampleValue::Deleted)])
        .collect();
    stores.entities.commit(samples(each)).unwrap();
    for _ in 0..2 {
        assert_eq!(stores.series.series_of("urn:a").unwrap(), keys);
        assert!(stores.series.series_of("urn:b").unwrap().is_empty());
        for (i, key) in keys.iter().enumerate() {
            let want = [(10, 1, SampleValue::Number(i as f64))];
            assert_eq!(points(&stores, key), want);
        }
        stores.series.seal().unwrap();
    }
}

pub fn every_kind_of_value_is_kept_as_it_was(open: Open, folder: &Path) {
    let stores = open(folder);
    let key = series("urn:a", "x");
    let values = [
        SampleValue::Number(-0.0),
        SampleValue::Number(f64::MAX),
        SampleValue::Number(0.1 + 0.2),
        SampleValue::Json(Arc::from("{\"a\":[1,\"绿\"]}")),
        SampleValue::Json(Arc::from("")),
        SampleValue::Deleted,
    ];
    let batch = values
        .iter()
        .zip(-2..)
        .map(|(v, at)| sample(&key, at, v.clone()))
        .collect();
    stores.entities.commit(samples(batch)).unwrap();
    for _ in 0..2 {
        let seen = stores
            .series
            .range(&key, TimeMs(-99), TimeMs(99), 99, false)
            .unwrap();
        let got: Vec<SampleValue> = seen.iter().map(|p| p.value.clone()).collect();
        assert_eq!(got, values);
        assert!(matches!(&got[0], SampleValue::Number(n) if n.is_sign_negative()));
        assert!(seen.iter().all(|p| p.recorded_at.0 == p.observed_at.0 + 5));
        stores.series.seal().unwrap();
    }
}

/// Points of several entities over three days, out of order.
pub(crate) fn three_days(stores: &Stores<Text>) -> Vec<SeriesKey> {
    let keys: Vec<SeriesKey> = (0..4)
        .map(|i| series(&format!("urn:{}", i % 2), &format!("a{}", i / 2)))
        .collect();
    for n in 0..40i64 {
        let at = (n * 17 % 40) * 6_480_000;
        let batch = keys
            .iter()
            .map(|k| sample(k, at, SampleValue::Number(n as f64)))
            .collect();
        stores.entities.commit(samples(batch)).unwrap();
    }
    keys
}

pub(crate) fn everything(
    stores: &Stores<Text>,
    keys: &[SeriesKey],
) -> Vec<Vec<(i64, u64, SampleValue)>> {
    keys.iter().map(|k| points(stores, k)).collect()
}

pub fn sealing_changes_nothing_that_is_seen(open: Open, folder: &Path) {
    let stores = open(folder);
    let keys = three_days(&stores);
    let before = everything(&stores, &keys);
    assert!(before.iter().all(|p| p.len() == 40));
    let one = |newest| times(&stores, &keys[0], (5_000_000, 200_000_000), (7, newest));
    let (oldest, newest) = (one(false), one(true));
    stores.series.seal().unwrap();
    assert_eq!(everything(&stores, &keys), before);
    assert_eq!((one(false), one(true)), (oldest, newest));
    stores.series.seal().unwrap();
    assert_eq!(everything(&stores, &keys), before);
}

pub fn late_points_join_sealed_ones(open: Open, folder: &Path) {
    let stores = open(folder);
    let key = series("urn:a", "speed");
    ten_points(&stores, &key);
    for round in 0..12i64 {
        stores.series.seal().unwrap();
        let late = sample(&key, round * 10 + 5, SampleValue::Number(0.5));
        stores.entities.commit(samples(vec![late])).unwrap();
    }
    let mut want: Vec<i64> = (0..10).map(|i| i * 10).collect();
    want.extend((0..12).map(|i| i * 10 + 5));
    want.sort_unstable();
    assert_eq!(times(&stores, &key, (0, 999), (99, false)), want);
}

pub fn a_forgotten_entity_has_no_history_until_it_is_observed_again(open: Open, folder: &Path) {
    let stores = open(folder);
    let (gone, kept) = (series("urn:a", "speed"), series("urn:b", "speed"));
    for sealed in [true, false] {
        ten_points(&stores, &gone);
        ten_points(&stores, &kept);
        if sealed {
            stores.series.seal().unwrap();
        }
    }
    stores.series.forget("urn:a").unwrap();
    for _ in 0..2 {
        assert!(points(&stores, &gone).is_empty());
        assert!(stores.series.series_of("urn:a").unwrap().is_empty());
        assert_eq!(points(&stores, &kept).len(), 20);
        stores.series.seal().unwrap();
    }
    let again = sample(&gone, 5, SampleValue::Number(1.0));
    stores.entities.commit(samples(vec![again])).unwrap();
    stores.series.forget("urn:nobody").unwrap();
    assert_eq!(points(&stores, &gone).len(), 1);
}

pub fn ledger_lines_count_from_zero_and_keep_their_bytes(open: Open, folder: &Path) {
    let stores = open(folder);
    assert!(stores.ledger.is_empty());
    let (a, b, c) = (line("d1", 0), line("d2", 1), line("d1", 2));
    assert_eq!(stores.ledger.append(&[a.clone(), b.clone()]).unwrap(), 0);
    assert_eq!(stores.ledger.append(&[]).unwrap(), 2);
    assert_eq!(stores.ledger.append(std::slice::from_ref(&c)).unwrap(), 2);
    assert_eq!(stores.ledger.len(), 3);
    let mut seen = Vec::new();
    stores
        .ledger
        .scan(0, &mut |seq, text| {
            seen.push((seq, text.to_owned()));
            true
        })
        .unwrap();
    assert_eq!(seen, [(0, a.text), (1, b.text), (2, c.text)]);
}

pub fn ledger_lines_are_found_by_id(open: Open, folder: &Path) {
    let stores = open(folder);
    for n in 0..50 {
        let lines = [line(&format!("d{}", n % 7), n)];
        stores.ledger.append(&lines).unwrap();
    }
    let found = stores.ledger.lines_of("d3").unwrap();
    let want: Vec<(u64, String)> = (0..50)
        .filter(|n| n % 7 == 3)
        .map(|n| (n, line("d3", n).text))
        .collect();
    assert_eq!(found, want);
    assert!(stores.ledger.lines_of("d").unwrap().is_empty());
}

pub fn a_ledger_line_with_a_newline_is_refused_whole(open: Open, folder: &Path) {
    let stores = open(folder);
    let bad = LedgerLine {
        id: "d2".into(),
        text: "{\"id\":\"d2\"}\n{\"id\":\"forged\"}".into(),
    };
    assert!(stores.ledger.append(&[line("d1", 0), bad]).is_err());
    assert!(stores.ledger.is_empty());
    assert!(stores.ledger.lines_of("d1").unwrap().is_empty());
}

pub fn a_ledger_scan_starts_and_stops_where_told(open: Open, folder: &Path) {
    let stores = open(folder);
    let lines: Vec<LedgerLine> = (0..9).map(|n| line("d", n)).collect();
    stores.ledger.append(&lines).unwrap();
    let mut seen = Vec::new();
    let mut visit = |seq: u64, _: &str| {
        seen.push(seq);
        seen.len() < 2
    };
    stores.ledger.scan(4, &mut visit).unwrap();
    assert_eq!(seen, [4, 5]);
    stores
        .ledger
        .scan(9, &mut |_, _| panic!("nothing is left"))
        .unwrap();
}

pub fn blobs_are_named_by_their_sha256(open: Open, folder: &Path) {
    let stores = open(folder);
    let hash = stores.blobs.put(b"abc").unwrap();
    assert_eq!(
        hash,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    let large = vec![7u8; 300_000];
    let big = stores.blobs.put(&large).unwrap();
    let empty = stores.blobs.put(b"").unwrap();
    assert_eq!(stores.blobs.put(b"abc").unwrap(), hash);
    assert_eq!(stores.blobs.get(&hash).unwrap().unwrap(), b"abc");
    assert_eq!(stores.blobs.get(&big).unwrap().unwrap(), large);
    assert_eq!(stores.blobs.get(&empty).unwrap().unwrap(), b"");
    assert_eq!(stores.blobs.get("00").unwrap(), None);
    assert_eq!(stores.blobs.get("../../etc/passwd").unwrap(), None);
}

pub fn registry_documents_are_replaced_listed_and_deleted(open: Open, folder: &Path) {
    let stores = open(folder);
    let registry = &stores.registry;
    registry.put("sub", "b", "{}").unwrap();
    registry.put("sub", "a", "{\"n\":1}").unwrap();
    registry.put("sub", "a", "{\"n\":2}").unwrap();
    registry.put("ctx", "a", "[]").unwrap();
    assert_eq!(
        registry.get("sub", "a").unwrap().as_deref(),
        Some("{\"n\":2}")
    );
    let pairs = |kind| -> Vec<String> {
        let list = registry.list(kind).unwrap();
        list.into_iter().map(|(id, json)| id + &json).collect()
    };
    assert_eq!(pairs("sub"), ["a{\"n\":2}", "b{}"]);
    assert!(registry.delete("sub", "a").unwrap());
    assert!(!registry.delete("sub", "a").unwrap());
    assert_eq!(registry.get("sub", "a").unwrap(), None);
    assert_eq!(pairs("sub"), ["b{}"]);
    assert_eq!(pairs("ctx"), ["a[]"]);
    assert!(pairs("none").is_empty());
}

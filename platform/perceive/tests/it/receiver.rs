//! What only shows over time: redelivery, second values, disorder, health.

use conurb_perceive::{Quality, Receiver};

use crate::mapping::{documented, name, now};

const TOPIC: &str = "city/flow/gate-7";

fn payload(second: u32, speed: f64) -> Vec<u8> {
    format!("{{\"speed\": {speed}, \"ts\": \"2026-03-02T08:15:{second:02}Z\"}}").into_bytes()
}

#[test]
fn redelivery_goes_through_second_values_and_disorder_are_flagged() {
    let mut r = Receiver::new(documented(), 100);
    let mut take = |second, speed| {
        let got = r.receive(&payload(second, speed), TOPIC, now()).unwrap();
        Quality::of(
            got.entities[0]
                .attribute(&name("averageVehicleSpeed"))
                .unwrap(),
        )
        .unwrap()
    };
    assert_eq!(take(5, 40.0), Quality::Good);
    assert_eq!(take(5, 40.0), Quality::Good, "the same again is the same");
    assert_eq!(take(5, 41.0), Quality::Duplicate);
    assert_eq!(take(4, 41.0), Quality::Late);
    assert_eq!(take(6, 41.0), Quality::Good);
    let h = &r.health()[0];
    assert_eq!(
        (
            h.payloads,
            h.observations,
            h.duplicates,
            h.out_of_order,
            h.flagged
        ),
        (5, 5, 2, 1, 2)
    );
}

#[test]
fn health_knows_silence_lag_and_refusals() {
    let mut r = Receiver::new(documented(), 100);
    assert_eq!(
        r.health()[0].is_silent(now()),
        None,
        "never heard of: nothing to miss yet"
    );
    r.receive(&payload(0, 40.0), TOPIC, now()).unwrap();
    assert!(r.receive(b"{", TOPIC, now().plus_s(5)).is_err());
    let h = &r.health()[0];
    assert_eq!(
        (h.refused, h.lag_s, h.interval_s),
        (1, Some(10.0), Some(5.0))
    );
    assert!(h.last_error.as_deref().unwrap().contains("no JSON"));
    assert_eq!(h.is_silent(now().plus_s(15)), Some(false));
    assert_eq!(h.is_silent(now().plus_s(16)), Some(true));
}

#[test]
fn its_memory_is_bounded() {
    let mut r = Receiver::new(documented(), 1);
    for gate in ["a", "b", "b"] {
        r.receive(&payload(1, 1.0), &format!("city/flow/{gate}"), now())
            .unwrap();
    }
    assert_eq!(r.health()[0].duplicates, 0);
}

#[test]
fn rules_know_the_flag_by_the_same_name() {
    assert_eq!(conurb_perceive::QUALITY, conurb_think::QUALITY);
}

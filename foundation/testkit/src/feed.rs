//! A feed of detector reports over NGSI-LD: prebuilt batches in which only times and values
//! change, and which of them a node has acknowledged.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use conurb_base::TimeMs;

use crate::http::{Answer, Connection};

/// Where batches go.
pub const UPSERT: &str = "/ngsi-ld/v1/entityOperations/upsert?options=update";
/// The headers of a batch: plain JSON in the Smart Data Models context.
pub const HEADERS: &str = "content-type: application/json\r\nlink: <https://smart-data-models.github.io/dataModel.Transportation/context.jsonld>; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\"\r\n";
/// The same for reading.
const READ_HEADERS: &str = "link: <https://smart-data-models.github.io/dataModel.Transportation/context.jsonld>; rel=\"http://www.w3.org/ns/json-ld#context\"; type=\"application/ld+json\"\r\n";

/// Entities a page of the reading back holds.
const PAGE: usize = 1000;

/// An attribute of every report of a batch: a number with a fixed number of digits.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// How its value is written before the first report, e.g. `0.100`.
    pub value: &'static str,
    /// Where in `value` the digits are that change, and how many.
    pub digits: (usize, usize),
    /// Further members, e.g. `,"unitCode":"KMH"`.
    pub more: &'static str,
}

/// Reports of the same entities each time: the body is built once, then only times and digits in
/// it change.
#[derive(Debug, Clone)]
pub struct Batch {
    body: Vec<u8>,
    times: Vec<usize>,
    /// Where the digits of each field of each report are, and how many.
    values: Vec<(usize, usize)>,
    fields: usize,
    last: TimeMs,
}

/// A time that is as long as every other one written here.
const TIME: &str = "2026-03-02T08:15:00.000Z";

/// A time as it is written in a batch: milliseconds always, so that its length never changes.
#[must_use]
pub fn fixed_time(time: TimeMs) -> String {
    let seconds = TimeMs(time.0.div_euclid(1000) * 1000).to_iso();
    format!(
        "{}.{:03}Z",
        seconds.trim_end_matches('Z'),
        time.0.rem_euclid(1000)
    )
}

/// Writes `number` as exactly as many digits as `into` has.
fn put_digits(into: &mut [u8], mut number: u64) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

impl Batch {
    /// A batch of entities of `type_name` with these `ids`, each with all `fields`.
    pub fn new(ids: impl Iterator<Item = String>, type_name: &str, fields: &[Field]) -> Self {
        let mut body = String::from("[");
        let (mut times, mut values) = (Vec::new(), Vec::new());
        for id in ids {
            let comma = if body.len() > 1 { "," } else { "" };
            let _ = write!(body, "{comma}{{\"id\":\"{id}\",\"type\":\"{type_name}\"");
            for field in fields {
                let _ = write!(
                    body,
                    ",\"{}\":{{\"type\":\"Property\",\"value\":",
                    field.name
                );
                values.push((body.len() + field.digits.0, field.digits.1));
                let _ = write!(body, "{}{},\"observedAt\":\"", field.value, field.more);
                times.push(body.len());
                let _ = write!(body, "{TIME}\"}}");
            }
            body.push('}');
        }
        body.push(']');
        Self {
            body: body.into_bytes(),
            times,
            values,
            fields: fields.len(),
            last: TimeMs(0),
        }
    }

    /// How many reports it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.fields.max(1)
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The body whose reports were observed at `now`, or a millisecond after the last ones if the
    /// clock has not moved on since; and that time. `value` gives the digits of each field by
    /// report, field and time.
    pub fn at(
        &mut self,
        now: TimeMs,
        value: impl Fn(usize, usize, TimeMs) -> u64,
    ) -> (TimeMs, &[u8]) {
        let time = TimeMs(now.0.max(self.last.0 + 1));
        self.last = time;
        let text = fixed_time(time);
        for at in &self.times {
            self.body[*at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        for (n, (at, len)) in self.values.iter().enumerate() {
            let number = value(n / self.fields, n % self.fields, time);
            put_digits(&mut self.body[*at..at + len], number);
        }
        (time, &self.body)
    }

    /// The time of the last body made.
    #[must_use]
    pub const fn last(&self) -> TimeMs {
        self.last
    }
}

/// What a flow sensor reports.
const FLOW: [Field; 3] = [
    Field {
        name: "intensity",
        value: "1000",
        digits: (0, 4),
        more: "",
    },
    Field {
        name: "occupancy",
        value: "0.100",
        digits: (2, 3),
        more: "",
    },
    Field {
        name: "averageVehicleSpeed",
        value: "10.5",
        digits: (0, 2),
        more: ",\"unitCode\":\"KMH\"",
    },
];

/// Reports of the flow sensors `from..from + count`: `TrafficFlowObserved` with intensity,
/// occupancy and averageVehicleSpeed, each with `observedAt`.
#[derive(Debug, Clone)]
pub struct FlowBatch {
    batch: Batch,
    from: usize,
}

impl FlowBatch {
    /// A batch of these sensors.
    #[must_use]
    pub fn new(from: usize, count: usize) -> Self {
        let batch = Batch::new(
            (from..from + count).map(sensor),
            "TrafficFlowObserved",
            &FLOW,
        );
        Self { batch, from }
    }

    /// The numbers of its sensors.
    #[must_use]
    pub fn sensors(&self) -> std::ops::Range<usize> {
        self.from..self.from + self.batch.len()
    }

    /// The body of the reports of `now`; see [`Batch::at`].
    pub fn at(&mut self, now: TimeMs) -> (TimeMs, &[u8]) {
        self.batch.at(now, |report, field, time| match field {
            0 => intensity_at(time),
            1 => 100 + (millis(time) + 37 * report as u64) % 899,
            _ => 10 + (millis(time) / 100 + 7 * report as u64) % 50,
        })
    }

    /// The time of the last body made.
    #[must_use]
    pub const fn last(&self) -> TimeMs {
        self.batch.last()
    }
}

fn millis(time: TimeMs) -> u64 {
    u64::try_from(time.0).unwrap_or(0)
}

/// The intensity reported at `time`: it tells the report, so that a value and its time can be
/// checked against one another.
fn intensity_at(time: TimeMs) -> u64 {
    1000 + millis(time) % 8999
}

/// The id of sensor number `i`.
#[must_use]
pub fn sensor(i: usize) -> String {
    format!("urn:ngsi-ld:TrafficFlowObserved:loop-{i:06}")
}

/// Whether an answer to a batch acknowledges all of it.
#[must_use]
pub const fn acknowledges(answer: &Answer) -> bool {
    matches!(answer.status, 201 | 204)
}

/// Reads all sensors back: the time of each one's intensity, by id.
///
/// # Errors
/// When the node does not answer, or a value does not belong to its time.
pub fn read_back(connection: &mut Connection) -> io::Result<BTreeMap<String, TimeMs>> {
    let mut seen = BTreeMap::new();
    for page in 0.. {
        let path = format!(
            "/ngsi-ld/v1/entities?type=TrafficFlowObserved&attrs=intensity&limit={PAGE}&offset={}",
            page * PAGE
        );
        let answer = connection.ask("GET", &path, READ_HEADERS, b"")?;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body);
            return Err(io::Error::other(format!(
                "{path}: {} {said}",
                answer.status
            )));
        }
        let entities: Vec<serde_json::Value> = serde_json::from_slice(&answer.body)?;
        for entity in &entities {
            let (id, time) = report(entity)?;
            seen.insert(id, time);
        }
        if entities.len() < PAGE {
            break;
        }
    }
    Ok(seen)
}

/// Id and time of a report read back, its value checked.
fn report(entity: &serde_json::Value) -> io::Result<(String, TimeMs)> {
    let strange = || io::Error::other(format!("a strange report: {entity}"));
    let id = entity["id"].as_str().ok_or_else(strange)?;
    let intensity = &entity["intensity"];
    let time = intensity["observedAt"].as_str().ok_or_else(strange)?;
    let time = TimeMs::from_iso(time).map_err(|_| strange())?;
    if intensity["value"].as_u64() != Some(intensity_at(time)) {
        return Err(strange());
    }
    Ok((id.to_owned(), time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_json_whose_times_and_values_change_and_nothing_else() {
        let mut batch = FlowBatch::new(7, 3);
        let first = batch.at(TimeMs(1_772_438_400_000)).1.to_vec();
        let (time, second) = batch.at(TimeMs(1_772_438_400_000));
        assert_eq!(time.0, 1_772_438_400_001, "no two reports at one moment");
        assert_eq!(first.len(), second.len());
        let json: Vec<serde_json::Value> = serde_json::from_slice(second).unwrap();
        assert_eq!(json.len(), 3);
        assert_eq!(json[0]["id"], sensor(7));
        for report in &json {
            for attribute in ["intensity", "occupancy", "averageVehicleSpeed"] {
                assert!(report[attribute]["value"].is_number());
                assert_eq!(report[attribute]["observedAt"], fixed_time(time));
            }
        }
        assert_eq!(report(&json[2]).unwrap(), (sensor(9), time));
        let mut wrong = json[2].clone();
        wrong["intensity"]["value"] = 1.into();
        assert!(report(&wrong).is_err());
    }

    #[test]
    fn times_are_always_as_long() {
        for ms in [0, 1, 999, 1_772_438_400_000, 1_772_438_400_120] {
            let text = fixed_time(TimeMs(ms));
            assert_eq!(text.len(), TIME.len());
            assert_eq!(TimeMs::from_iso(&text), Ok(TimeMs(ms)));
        }
    }
}

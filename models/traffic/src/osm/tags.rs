//! What the tags of a way say about driving on it.

use super::raw::Tags;
use super::reserved;
use super::table::{self, Class};
use crate::streets::{TURN_LEFT, TURN_REVERSE, TURN_RIGHT, TURN_THROUGH};

/// Most lanes of one direction.
const LANES_MAX: u8 = 16;
/// Lowest and highest speed limit believed, km/h.
const LIMIT_KM_H: std::ops::RangeInclusive<f64> = 1.0..=200.0;
/// Where no limit holds (`none`), km/h: the recommended speed of German motorways.
const NO_LIMIT_KM_H: f64 = 130.0;
/// `walk`, km/h.
const WALK_KM_H: f64 = 7.0;
const MILE_KM: f64 = 1.609_344;

/// One direction of a way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Direction {
    pub(super) lanes: u8,
    pub(super) speed_m_s: f64,
    /// Allowed turns of each lane from the left, in driving direction.
    pub(super) turns: Option<Vec<u8>>,
}

impl Direction {
    /// The same but for the turns, which count at the end only.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.lanes == other.lanes && (self.speed_m_s - other.speed_m_s).abs() < 1e-9
    }
}

/// A way for cars.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Use {
    pub(super) rank: u8,
    pub(super) width_m: f64,
    pub(super) roundabout: bool,
    pub(super) forward: Option<Direction>,
    pub(super) backward: Option<Direction>,
}

/// What was found and is not modelled, or was assumed.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) unmodelled: Vec<String>,
    pub(super) assumed: Vec<String>,
}

impl Found {
    pub(super) fn miss(&mut self, feature: &str) {
        self.unmodelled.push(feature.to_owned());
    }

    fn assume(&mut self, what: &str) {
        self.assumed.push(what.to_owned());
    }
}

/// Reads the tags of a way; none if cars do not drive on it.
pub(super) fn read(tags: &Tags, found: &mut Found) -> Option<Use> {
    let Some(highway) = tags.get("highway") else {
        if tags.get("route") == Some("ferry") {
            found.miss("ferry: left out");
        }
        return None;
    };
    let Some(class) = table::class(highway) else {
        found.miss("way with an unknown `highway` value: left out");
        return None;
    };
    if !class.drive {
        found.miss(&format!("way `highway={}`: left out", class.name));
        return None;
    }
    if tags.get("area") == Some("yes") {
        found.miss("street drawn as an area: left out");
        return None;
    }
    if let Some(value) = no_access(tags) {
        found.miss(&format!("way closed to cars (access {value}): left out"));
        return None;
    }
    other_keys(tags, found);
    let roundabout = matches!(tags.get("junction"), Some("roundabout" | "circular"));
    let (forward, backward) = ways(tags, class.oneway || roundabout, found);
    let (lanes_f, lanes_b) = lanes(tags, class, (forward, backward), found);
    let mut direction = |on: bool, lanes: u8, name: &str| {
        on.then(|| {
            let two_way = forward && backward;
            let all = turns(tags, lanes, name, two_way, found);
            let (lanes, turns) = reserved::leave_out(tags, all, (name, two_way), found);
            Direction {
                lanes,
                speed_m_s: speed(tags, class, name, found),
                turns,
            }
        })
    };
    Some(Use {
        rank: class.rank,
        width_m: class.width_m,
        roundabout,
        forward: direction(forward, lanes_f, "forward"),
        backward: direction(backward, lanes_b, "backward"),
    })
}

/// The access value that keeps cars out; the more special key decides.
fn no_access(tags: &Tags) -> Option<&'static str> {
    const CLOSED: [&str; 7] = [
        "no",
        "private",
        "agricultural",
        "forestry",
        "emergency",
        "military",
        "delivery",
    ];
    let keys = ["motorcar", "motor_vehicle", "vehicle", "access"];
    let value = keys.iter().find_map(|key| tags.get(key))?;
    CLOSED.iter().find(|c| **c == value).copied()
}

/// Lists what else the tags say that changes driving and is not modelled.
fn other_keys(tags: &Tags, found: &mut Found) {
    for key in tags.keys() {
        if key.ends_with(":conditional") {
            found.miss("rule that holds at times (`:conditional`): not applied");
        }
    }
    if tags.keys().any(|key| key.starts_with("change:lanes")) {
        found.miss("ban on changing lanes (`change:lanes`): not applied");
    }
    if tags.get("toll") == Some("yes") {
        found.miss("toll: not charged");
    }
    if tags.get("lanes:both_ways").is_some_and(|v| v != "0") {
        found.miss("lane for turns from both directions (`lanes:both_ways`): left out");
    }
}

/// Whether cars drive forward and backward.
fn ways(tags: &Tags, implied: bool, found: &mut Found) -> (bool, bool) {
    match tags.get("oneway") {
        Some("yes" | "1" | "true") => (true, false),
        Some("-1" | "reverse") => (false, true),
        Some("no" | "0" | "false") => (true, true),
        Some("reversible" | "alternating") => {
            found.miss("street whose direction changes (`oneway=reversible`): driven forward");
            (true, false)
        }
        other => {
            if other.is_some() {
                found.miss("unknown `oneway` value: as without it");
            }
            (true, !implied)
        }
    }
}

/// A number of lanes, if it is one.
fn count(tags: &Tags, key: &str, found: &mut Found) -> Option<u8> {
    let text = tags.get(key)?;
    let value = text
        .parse()
        .ok()
        .filter(|n| (1..=2 * LANES_MAX).contains(n));
    if value.is_none() {
        found.miss("number of lanes that is none from 1 to 32: as without it");
    }
    value
}

/// Lanes forward and backward.
fn lanes(
    tags: &Tags,
    class: &Class,
    (forward, backward): (bool, bool),
    found: &mut Found,
) -> (u8, u8) {
    let total = count(tags, "lanes", found);
    let middle = count(tags, "lanes:both_ways", found).unwrap_or(0);
    let total = total.map(|n| n.saturating_sub(middle).max(1));
    let f = count(tags, "lanes:forward", found);
    let b = count(tags, "lanes:backward", found);
    let (f, b) = if forward && backward {
        match (f, b, total) {
            (Some(f), Some(b), _) => (f, b),
            (Some(f), None, Some(n)) => (f, n.saturating_sub(f).max(1)),
            (None, Some(b), Some(n)) => (n.saturating_sub(b).max(1), b),
            (None, None, Some(1)) => {
                found.miss("one lane for both directions: one lane each");
                (1, 1)
            }
            (None, None, Some(n)) => {
                if n % 2 == 1 {
                    found.miss("odd number of lanes without `lanes:forward`: one lane left out");
                }
                (n / 2, n / 2)
            }
            (f, b, None) => {
                if f.is_none() && b.is_none() {
                    found.assume("number of lanes of the class of street");
                }
                (f.unwrap_or(class.lanes), b.unwrap_or(class.lanes))
            }
        }
    } else {
        let own = if forward { f } else { b };
        let n = own.or(total).unwrap_or_else(|| {
            found.assume("number of lanes of the class of street");
            class.lanes
        });
        (n, n)
    };
    (f.min(LANES_MAX), b.min(LANES_MAX))
}

/// Turns of the lanes of one direction; their number is also that of the lanes where `lanes` is silent.
fn turns(
    tags: &Tags,
    lanes: u8,
    name: &str,
    two_way: bool,
    found: &mut Found,
) -> (u8, Option<Vec<u8>>) {
    let own = tags.get(&format!("turn:lanes:{name}"));
    let text = match own.or_else(|| tags.get("turn:lanes").filter(|_| !two_way)) {
        Some(text) => text,
        None => {
            if two_way && tags.get("turn:lanes").is_some() && name == "forward" {
                found.miss("`turn:lanes` of a two-way street without direction: not used");
            }
            return (lanes, None);
        }
    };
    let all: Vec<u8> = text.split('|').map(|lane| turn_bits(lane, found)).collect();
    let told = tags.get("lanes").is_some() || tags.get(&format!("lanes:{name}")).is_some();
    match u8::try_from(all.len()) {
        Ok(n) if n == lanes || (!told && (1..=LANES_MAX).contains(&n)) => (n, Some(all)),
        _ => {
            found.miss("`turn:lanes` for another number of lanes than `lanes`: not used");
            (lanes, None)
        }
    }
}

fn turn_bits(lane: &str, found: &mut Found) -> u8 {
    let mut bits = 0;
    for word in lane.split(';').map(str::trim) {
        bits |= match word {
            "left" | "sharp_left" => TURN_LEFT,
            "slight_left" => TURN_LEFT | TURN_THROUGH,
            "through" | "none" | "" | "merge_to_left" | "merge_to_right" => TURN_THROUGH,
            "right" | "sharp_right" => TURN_RIGHT,
            "slight_right" => TURN_RIGHT | TURN_THROUGH,
            "reverse" => TURN_REVERSE,
            _ => {
                found.miss("unknown word in `turn:lanes`: straight on");
                TURN_THROUGH
            }
        };
    }
    bits
}

/// Speed limit of one direction, m/s.
fn speed(tags: &Tags, class: &Class, name: &str, found: &mut Found) -> f64 {
    let own = tags.get(&format!("maxspeed:{name}"));
    let text = own.or_else(|| tags.get("maxspeed"));
    let text = text.or_else(|| tags.get("maxspeed:type"));
    let km_h = match text {
        None => {
            found.assume("speed limit of the class of street");
            class.km_h
        }
        Some(text) => limit_km_h(text).unwrap_or_else(|| {
            found.miss("speed limit that is no number, unit or known zone: that of the class");
            class.km_h
        }),
    };
    km_h / 3.6
}

/// A `maxspeed` value in km/h.
fn limit_km_h(text: &str) -> Option<f64> {
    let value = match text {
        "none" => NO_LIMIT_KM_H,
        "walk" => WALK_KM_H,
        _ => {
            let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.'));
            let (number, unit) = text.split_at(split.unwrap_or(text.len()));
            match (number.parse::<f64>(), unit.trim()) {
                (Ok(v), "" | "km/h" | "kmh" | "kph") => v,
                (Ok(v), "mph") => v * MILE_KM,
                (Ok(v), "knots") => v * 1.852,
                _ => table::zone_km_h(text)?,
            }
        }
    };
    LIMIT_KM_H.contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_tags(text: &str) -> (Option<Use>, Found) {
        let pairs = text.split_whitespace().filter_map(|t| t.split_once('='));
        let tags = Tags(pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect());
        let mut found = Found::default();
        (read(&tags, &mut found), found)
    }

    fn lanes_of(text: &str) -> (Option<u8>, Option<u8>) {
        let (way, _) = read_tags(text);
        let way = way.unwrap();
        (way.forward.map(|d| d.lanes), way.backward.map(|d| d.lanes))
    }

    #[test]
    fn lanes_and_directions() {
        assert_eq!(lanes_of("highway=primary"), (Some(1), Some(1)));
        assert_eq!(lanes_of("highway=motorway"), (Some(2), None));
        assert_eq!(lanes_of("highway=primary lanes=4"), (Some(2), Some(2)));
        assert_eq!(
            lanes_of("highway=primary lanes=5 lanes:forward=3"),
            (Some(3), Some(2))
        );
        assert_eq!(
            lanes_of("highway=primary lanes=3 oneway=yes"),
            (Some(3), None)
        );
        assert_eq!(
            lanes_of("highway=primary lanes=3 oneway=-1"),
            (None, Some(3))
        );
        assert_eq!(
            lanes_of("highway=primary junction=roundabout"),
            (Some(1), None)
        );
        assert_eq!(lanes_of("highway=motorway oneway=no"), (Some(2), Some(2)));
        let (way, found) = read_tags("highway=primary lanes=1000000");
        assert_eq!(way.unwrap().forward.unwrap().lanes, 1);
        assert_eq!(found.unmodelled.len(), 1);
    }

    #[test]
    fn lanes_for_buses_are_not_driven_on_by_cars() {
        let left_out = "lane reserved for buses or others: left out";
        for (text, lanes, gone) in [
            ("lanes=3 bus:lanes=||designated", 2, 1),
            ("lanes=3 psv:lanes:forward=designated|yes|yes", 2, 1),
            ("bus:lanes=|designated", 1, 1),
            ("lanes=3 vehicle:lanes=yes|yes|no bus:lanes=||yes", 2, 1),
            // Cars may drive on it too.
            (
                "lanes=2 motor_vehicle:lanes=yes|yes bus:lanes=|designated",
                2,
                0,
            ),
            ("lanes=3 lanes:bus=1", 2, 1),
            ("lanes=4 lanes:psv:forward=2", 2, 2),
            ("lanes=2 busway=lane", 1, 1),
            ("lanes=2 busway:right=lane", 1, 1),
            ("lanes=2 busway:left=lane", 2, 0),
            ("lanes=2", 2, 0),
            // What cannot be, or is told of no direction, is not applied.
            ("lanes=2 bus:lanes=||designated", 2, 0),
            ("lanes=1 bus:lanes=designated", 1, 0),
            ("lanes=1 lanes:bus=1", 1, 0),
        ] {
            let (way, found) = read_tags(&format!("highway=primary oneway=yes {text}"));
            let direction = way.unwrap().forward.unwrap();
            assert_eq!(direction.lanes, lanes, "{text}");
            let count = found.unmodelled.iter().filter(|f| *f == left_out).count();
            assert_eq!(count, gone, "{text}");
        }
        let text = "lanes=4 bus:lanes:forward=|designated turn:lanes:forward=left|through";
        let (way, _) = read_tags(&format!("highway=primary {text}"));
        let way = way.unwrap();
        let forward = way.forward.unwrap();
        assert_eq!((forward.lanes, forward.turns), (1, Some(vec![TURN_LEFT])));
        assert_eq!(way.backward.unwrap().lanes, 2);
        let (way, found) = read_tags("highway=primary lanes=4 lanes:bus=2");
        assert_eq!(way.unwrap().forward.unwrap().lanes, 2);
        assert_eq!(found.unmodelled.len(), 1);
        let (way, _) = read_tags(
            "highway=primary oneway=yes lanes=3 lanes:bus=1 turn:lanes=left|through|right",
        );
        let forward = way.unwrap().forward.unwrap();
        assert_eq!((forward.lanes, forward.turns), (2, None));
    }

    #[test]
    fn speed_limits_in_all_their_forms() {
        for (text, km_h) in [
            ("50", 50.0),
            ("30 mph", 30.0 * MILE_KM),
            ("30mph", 30.0 * MILE_KM),
            ("CN:urban", 50.0),
            ("none", 130.0),
            ("walk", 7.0),
        ] {
            assert_eq!(limit_km_h(text), Some(km_h), "{text}");
        }
        for text in [
            "signals",
            "fast",
            "0",
            "1000",
            "-50",
            "XX:urban",
            "50 parsecs",
        ] {
            assert_eq!(limit_km_h(text), None, "{text}");
        }
    }

    #[test]
    fn turns_by_lane() {
        let (way, found) =
            read_tags("highway=primary oneway=yes turn:lanes=left|through|through;right|none");
        let direction = way.unwrap().forward.unwrap();
        assert_eq!(direction.lanes, 4);
        let expected = vec![
            TURN_LEFT,
            TURN_THROUGH,
            TURN_THROUGH | TURN_RIGHT,
            TURN_THROUGH,
        ];
        assert_eq!(direction.turns, Some(expected));
        assert!(found.unmodelled.is_empty());
        let (way, found) =
            read_tags("highway=primary oneway=yes lanes=2 turn:lanes=left|through|right");
        assert_eq!(way.unwrap().forward.unwrap().turns, None);
        assert_eq!(found.unmodelled.len(), 1);
    }

    #[test]
    fn access_by_the_more_special_key() {
        assert!(read_tags("highway=primary access=private").0.is_none());
        assert!(
            read_tags("highway=primary access=no motor_vehicle=yes")
                .0
                .is_some()
        );
        assert!(read_tags("highway=primary motor_vehicle=no").0.is_none());
        assert!(read_tags("highway=footway").0.is_none());
        assert!(read_tags("building=yes").0.is_none());
    }
}

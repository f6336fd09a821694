//! Lanes reserved for buses, taxis or others: cars do not drive on them, so they are left out.
//!
//! `motor_vehicle:lanes`, `vehicle:lanes`, `access:lanes`, `bus:lanes` and `psv:lanes` say it lane by lane;
//! `lanes:bus`, `lanes:psv` and `busway` only that there are some.

use super::raw::Tags;
use super::tags::Found;

/// Said of the lanes that are left out.
const LEFT_OUT: &str = "lane reserved for buses or others: left out";
/// Keys of access for cars, the more special ones first.
const CARS: [&str; 4] = [
    "motorcar:lanes",
    "motor_vehicle:lanes",
    "vehicle:lanes",
    "access:lanes",
];
const BUSES: [&str; 2] = ["bus:lanes", "psv:lanes"];
const COUNTS: [&str; 2] = ["lanes:bus", "lanes:psv"];

/// Lanes of a direction and the turns they are marked for, without those that are reserved.
pub(super) fn leave_out(
    tags: &Tags,
    (lanes, turns): (u8, Option<Vec<u8>>),
    (name, two_way): (&str, bool),
    found: &mut Found,
) -> (u8, Option<Vec<u8>>) {
    let here = |key: &str| {
        let own = tags.get(&format!("{key}:{name}"));
        own.or_else(|| tags.get(key).filter(|_| !two_way))
    };
    if let Some(open) = by_lane(here) {
        let told = tags.get("lanes").is_some() || tags.get(&format!("lanes:{name}")).is_some();
        let fits = open.len() == usize::from(lanes) || (!told && turns.is_none());
        let kept = open.iter().filter(|o| **o).count();
        let Some(kept) = u8::try_from(kept).ok().filter(|n| fits && *n > 0) else {
            found.miss("access by lane that does not fit the lanes, or closes all: not applied");
            return (lanes, turns);
        };
        let gone = open.len() - usize::from(kept);
        (0..gone).for_each(|_| found.miss(LEFT_OUT));
        let turns = turns.map(|all| {
            let pairs = all.into_iter().zip(&open);
            pairs.filter(|(_, o)| **o).map(|(t, _)| t).collect()
        });
        return (kept, turns);
    }
    let reserved = counted(tags, here, name);
    if reserved == 0 {
        let keys = CARS.iter().chain(&BUSES).chain(&COUNTS);
        if two_way && name == "forward" && keys.into_iter().any(|key| tags.get(key).is_some()) {
            found.miss("lanes reserved in a two-way street without direction: cars drive on them");
        }
        return (lanes, turns);
    }
    if reserved >= lanes {
        found.miss("lanes for buses as many as lanes: cars drive on them");
        return (lanes, turns);
    }
    (0..reserved).for_each(|_| found.miss(LEFT_OUT));
    if turns.is_some() {
        found.miss("`turn:lanes` beside a lane for buses of unknown place: not used");
    }
    (lanes - reserved, None)
}

/// Which lanes are open to cars, from the left; none where nothing is said by lane.
fn by_lane<'a>(here: impl Fn(&str) -> Option<&'a str>) -> Option<Vec<bool>> {
    let values = |key: &&str| here(key).map(|text| text.split('|').map(str::trim).collect());
    let cars: Vec<Vec<&str>> = CARS.iter().filter_map(values).collect();
    let buses: Vec<Vec<&str>> = BUSES.iter().filter_map(values).collect();
    let count = cars.iter().chain(&buses).map(Vec::len).max()?;
    let open = |lane: usize| {
        let told = |lists: &Vec<Vec<&'a str>>| {
            let mut all = lists.iter().filter_map(|l| l.get(lane).copied());
            all.find(|v| !v.is_empty())
        };
        match told(&cars) {
            Some("no" | "private") => false,
            Some(_) => true,
            None => !matches!(told(&buses), Some("designated" | "only")),
        }
    };
    Some((0..count).map(open).collect())
}

/// How many lanes are for buses where only their number is told.
fn counted<'a>(tags: &Tags, here: impl Fn(&str) -> Option<&'a str>, name: &str) -> u8 {
    let number = |key: &str| here(key).and_then(|n| n.parse::<u8>().ok());
    let told = COUNTS.into_iter().filter_map(number);
    if let Some(most) = told.max() {
        return most;
    }
    let side = if name == "forward" {
        "busway:right"
    } else {
        "busway:left"
    };
    let lane = ["busway", "busway:both", side]
        .iter()
        .any(|key| tags.get(key) == Some("lane"));
    u8::from(lane)
}

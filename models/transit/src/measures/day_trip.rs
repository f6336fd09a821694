//! Day trips: what can be visited with so many hours there and back the same day. Needs whole
//! profiles, not fastest times.

use serde::Serialize;

use super::matrix::{Mass, Targets};
use super::reach::Reach;
use crate::error::TransitError;
use crate::profile::{arrive_s, ready_s};
use crate::scan::AllPairs;

/// Stay at each destination on a day trip from one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DayTrip {
    /// Mass of destinations with a stay of at least the hours asked for, by place.
    pub reach: Vec<Reach>,
    /// Longest stay, s, by origin and destination in the order of the origins and the members;
    /// `None` where one cannot go, or not come back.
    pub stay_s: Vec<Vec<Option<i32>>>,
}

/// Day trips: sum of M over destinations where latest time to be ready for being back by `home_s`
/// less earliest arrival when ready at `leave_s` is at least `stay_h`. A place itself is out. All
/// times include changes and the buffer at the origin.
///
/// # Errors
/// Where sizes do not fit, the window ends before it begins, or the stay is negative.
pub fn day_trip(
    all: &AllPairs,
    mass: &Mass,
    to: &Targets,
    from: &[usize],
    (leave_s, home_s): (i32, i32),
    stay_h: f64,
) -> Result<DayTrip, TransitError> {
    let n = all.len();
    let wrong = |what: &'static str, message: String| Err(TransitError::Option { what, message });
    if mass.values.len() != n {
        return wrong(
            "mass",
            format!("has {} values for {n} places", mass.values.len()),
        );
    }
    if let Some(at) = to.members.iter().chain(from).find(|at| **at >= n) {
        return wrong("destinations", format!("or origins name place {at} of {n}"));
    }
    if home_s <= leave_s || !(stay_h.is_finite() && stay_h >= 0.0) {
        return wrong(
            "window",
            "must end after its begin, with a stay of 0 h or more".into(),
        );
    }
    let mut made = DayTrip {
        reach: Vec::new(),
        stay_s: Vec::new(),
    };
    for origin in from {
        let mut reach = Reach {
            place: *origin,
            value: Some(0.0),
            reached: 0,
            lost: Vec::new(),
            lost_mass: 0.0,
        };
        let mut row = Vec::with_capacity(to.members.len());
        for there in &to.members {
            let stay_s = (there != origin)
                .then(|| {
                    let arrive = arrive_s(all.profile(*origin, *there), leave_s)?;
                    Some(ready_s(all.profile(*there, *origin), home_s)? - arrive)
                })
                .flatten();
            row.push(stay_s);
            if there == origin {
                continue;
            }
            let value = mass.values[*there];
            if stay_s.is_some_and(|s| f64::from(s) >= stay_h * 3_600.0) {
                reach.reached += 1;
                reach.value = reach.value.map(|sum| sum + value);
            } else {
                reach.lost.push(*there);
                reach.lost_mass += value;
            }
        }
        made.reach.push(reach);
        made.stay_s.push(row);
    }
    Ok(made)
}

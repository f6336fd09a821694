//! When vehicles depart: one alone, or those of a flow one after another.

use rand::RngExt as _;

use super::demand::{DemandOptions, Open, TIME_MAX_S};
use super::xml::Element;
use crate::error::TrafficError;

/// Most vehicles of all files together.
const VEHICLES_MAX: usize = 20_000_000;

/// Departures of a vehicle, trip or flow in s, unrounded; `before` vehicles have been read.
pub(super) fn departures(
    open: &Open<'_, '_>,
    e: &Element,
    options: &DemandOptions,
    before: usize,
) -> Result<Vec<f64>, TrafficError> {
    if e.name != "flow" {
        return Ok(vec![time(open, e, "depart")?]);
    }
    let time_if = |name, none: f64| match e.get(name) {
        Some(_) => time(open, e, name),
        None => Ok(none),
    };
    let begin = time_if("begin", 0.0)?;
    let end = time_if("end", options.end_s.min(TIME_MAX_S))?;
    if end < begin {
        return Err(TrafficError::Times {
            at: open.xml.at(e, "end"),
            message: format!("the flow ends at {end} s before it begins at {begin} s"),
        });
    }
    let number = open.xml.number_if(e, "number")?;
    if let Some(value) = number.filter(|n| *n < 0.0 || n.fract() != 0.0) {
        return Err(TrafficError::BadNumber {
            at: open.xml.at(e, "number"),
            what: "number",
            value,
            rule: "it has to be a whole number, 0 or more",
        });
    }
    let (mean_s, mut next) = gaps(open, e, options.seed, (begin, end, number))?;
    let too_many = |found| TrafficError::TooLarge {
        at: open.xml.at(e, ""),
        what: "number of vehicles",
        found,
        limit: VEHICLES_MAX,
    };
    // Refused before they are made: a short period and a late end are quickly written.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss
    )] // a count for a message; casts saturate
    let expected = number
        .map_or(f64::INFINITY, |n| n)
        .min((end - begin) / mean_s) as usize;
    if expected.saturating_add(before) > VEHICLES_MAX {
        return Err(too_many(expected.saturating_add(before)));
    }
    let random =
        e.get("probability").is_some() || e.get("period").is_some_and(|p| p.starts_with("exp("));
    let mut times = Vec::new();
    let mut t = if random {
        begin + next() - 1.0_f64.min(next())
    } else {
        begin
    };
    #[allow(clippy::cast_precision_loss)] // limited below 2^53
    while (t < end || (end == begin && t == begin))
        && number.is_none_or(|n| (times.len() as f64) < n)
    {
        times.push(t);
        if times.len() + before > VEHICLES_MAX {
            return Err(too_many(times.len() + before));
        }
        t += next();
    }
    Ok(times)
}

/// The mean time from one vehicle to the next, s, and what draws each.
type Gaps = (f64, Box<dyn FnMut() -> f64>);

/// Draws or repeats the time from one vehicle of a flow to the next.
fn gaps(
    open: &Open<'_, '_>,
    e: &Element,
    seed: u64,
    (begin, end, number): (f64, f64, Option<f64>),
) -> Result<Gaps, TrafficError> {
    let per_hour = open.xml.number_if(e, "vehsPerHour")?;
    let mut rng = conurb_base::stream(seed, e.get("id").unwrap_or(""), "flow");
    if let Some(p) = open.xml.number_if(e, "probability")? {
        if !(0.0..=1.0).contains(&p) {
            return Err(TrafficError::BadNumber {
                at: open.xml.at(e, "probability"),
                what: "probability",
                value: p,
                rule: "it has to be between 0 and 1",
            });
        }
        // Seconds until the first success in a row of trials, by inversion.
        let base = (-p).ln_1p();
        let draw = move || {
            let trials = (1.0 - rng.random::<f64>()).ln() / base;
            // None at all with probability 0: the division gave no number.
            if p > 0.0 {
                1.0 + trials.floor()
            } else {
                TIME_MAX_S
            }
        };
        return Ok((1.0 / p, Box::new(draw)));
    }
    if let Some(rate) = e.get("period").and_then(|p| p.strip_prefix("exp(")) {
        let rate: f64 =
            (rate.trim_end_matches(')').trim().parse()).map_err(|_| TrafficError::Syntax {
                at: open.xml.at(e, "period"),
                message: "exp(...) needs a rate per second".into(),
            })?;
        let rate = open.xml.positive(e, "period", rate, false)?;
        let draw = move || -(1.0 - rng.random::<f64>()).ln() / rate;
        return Ok((1.0 / rate, Box::new(draw)));
    }
    let period = match (open.xml.number_if(e, "period")?, per_hour, number) {
        (Some(period), _, _) => open.xml.positive(e, "period", period, false)?,
        (_, Some(rate), _) => 3_600.0 / open.xml.positive(e, "vehsPerHour", rate, false)?,
        (_, _, Some(n)) if n >= 1.0 && end > begin => (end - begin) / n,
        (_, _, Some(_)) => 1.0,
        _ => {
            let message = "the flow has none of `period`, `vehsPerHour`, `number`, `probability`";
            return Err(TrafficError::Syntax {
                at: open.xml.at(e, ""),
                message: message.into(),
            });
        }
    };
    Ok((period, Box::new(move || period)))
}

/// A time: seconds, or `[days:]hours:minutes:seconds`.
pub(super) fn time(
    open: &Open<'_, '_>,
    e: &Element,
    name: &'static str,
) -> Result<f64, TrafficError> {
    let text = open.xml.text(e, name)?;
    let (mut seconds, mut negative) = (0.0, false);
    let parts: Vec<&str> = text.split(':').collect();
    let first = 4_usize.saturating_sub(parts.len());
    for (part, scale) in parts
        .iter()
        .zip([86_400.0, 3_600.0, 60.0, 1.0].iter().skip(first))
    {
        let value: f64 = part.trim().parse().map_err(|_| TrafficError::Syntax {
            at: open.xml.at(e, name),
            message: format!("\"{text}\" is no time in s or h:m:s"),
        })?;
        negative |= value < 0.0;
        seconds += value * scale;
    }
    if !negative && parts.len() <= 4 && (0.0..=TIME_MAX_S).contains(&seconds) {
        return Ok(seconds);
    }
    Err(TrafficError::Times {
        at: open.xml.at(e, name),
        message: format!("{name} \"{text}\" is not between 0 and {TIME_MAX_S} s"),
    })
}

//! Convergence clubs: groups of units that converge among themselves (Phillips and Sul 2007, 2009).

use serde::Serialize;

use crate::RegionError;
use crate::convergence::log_t::{LogT, LogTOptions, check, log_t_of};

/// By how much the entry value c* rises when a club does not converge as a whole (Du 2017).
const ENTRY_STEP: f64 = 0.05;

/// Most units, since the work grows with their square.
const UNITS_MAX: usize = 5_000;

/// A club.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Club {
    /// Its units, in ascending order.
    pub units: Vec<usize>,
    /// The log t test over them.
    pub test: LogT,
}

/// Clubs, the one with the highest last values first.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clubs {
    /// Clubs.
    pub clubs: Vec<Club>,
    /// Units that converge with nobody, in ascending order.
    pub divergent: Vec<usize>,
}

/// Clubs by the four steps of Phillips and Sul: order units by their last value; find a core of
/// neighbours in that order (those with the highest t); let every unit in that gives t > c* with the
/// core, c* rising from 0 until the club passes as a whole; go on with the rest.
///
/// # Errors
/// As [`log_t`](super::log_t); `TooLarge` above 5,000 units.
pub fn convergence_clubs(panel: &[Vec<f64>], options: LogTOptions) -> Result<Clubs, RegionError> {
    check(panel, options)?;
    if panel.len() > UNITS_MAX {
        return Err(RegionError::TooLarge {
            what: "units of convergence clubs".to_owned(),
            count: panel.len() as u64,
            limit: UNITS_MAX as u64,
        });
    }
    let last = panel[0].len() - 1;
    let mut rest: Vec<usize> = (0..panel.len()).collect();
    rest.sort_by(|&a, &b| panel[b][last].total_cmp(&panel[a][last]));
    let mut clubs = Vec::new();
    while rest.len() > 1 {
        let whole = log_t_of(panel, &rest, options)?;
        if whole.converges {
            clubs.push(club(std::mem::take(&mut rest), whole));
            break;
        }
        let Some(core) = core(panel, &rest, options)? else {
            break;
        };
        let (units, test) = sieve(panel, &rest, &core, options)?;
        rest.retain(|i| !units.contains(i));
        clubs.push(club(units, test));
    }
    rest.sort_unstable();
    Ok(Clubs {
        clubs,
        divergent: rest,
    })
}

fn club(mut units: Vec<usize>, test: LogT) -> Club {
    units.sort_unstable();
    Club { units, test }
}

/// The core: from the first two neighbours in order that converge, as many as give the highest t.
fn core(
    panel: &[Vec<f64>],
    order: &[usize],
    options: LogTOptions,
) -> Result<Option<Vec<usize>>, RegionError> {
    for first in 0..order.len() - 1 {
        let mut best: Option<(f64, usize)> = None;
        for end in first + 2..=order.len() {
            let test = log_t_of(panel, &order[first..end], options)?;
            if !test.converges {
                break;
            }
            if best.is_none_or(|(t, _)| test.t >= t) {
                best = Some((test.t, end));
            }
        }
        if let Some((_, end)) = best {
            return Ok(Some(order[first..end].to_vec()));
        }
    }
    Ok(None)
}

/// The core and all units that fit it.
fn sieve(
    panel: &[Vec<f64>],
    order: &[usize],
    core: &[usize],
    options: LogTOptions,
) -> Result<(Vec<usize>, LogT), RegionError> {
    let mut candidates = Vec::new();
    let mut with_one = core.to_vec();
    for &unit in order.iter().filter(|i| !core.contains(i)) {
        with_one.push(unit);
        candidates.push((unit, log_t_of(panel, &with_one, options)?.t));
        with_one.pop();
    }
    let mut steps = 0_u32;
    loop {
        // At the latest above the highest t the core stands alone, and it converges.
        let entry = f64::from(steps) * ENTRY_STEP;
        let fits = candidates
            .iter()
            .filter(|(_, t)| *t > entry)
            .map(|(i, _)| *i);
        let units: Vec<usize> = core.iter().copied().chain(fits).collect();
        let test = log_t_of(panel, &units, options)?;
        if test.converges || units.len() == core.len() {
            return Ok((units, test));
        }
        steps += 1;
    }
}

/// Merges clubs next to each other that converge together (Phillips and Sul 2009), from the first on,
/// until none do.
///
/// # Errors
/// As [`convergence_clubs`]; `Option` when the clubs name a unit that the panel lacks.
pub fn merge_clubs(
    panel: &[Vec<f64>],
    clubs: &Clubs,
    options: LogTOptions,
) -> Result<Clubs, RegionError> {
    check(panel, options)?;
    if let Some(unit) = clubs
        .clubs
        .iter()
        .flat_map(|c| &c.units)
        .find(|i| **i >= panel.len())
    {
        return Err(RegionError::option(
            "clubs to merge",
            format!(
                "unit {unit} is not among the {} units of the panel",
                panel.len()
            ),
        ));
    }
    let mut merged: Vec<Club> = Vec::new();
    for next in &clubs.clubs {
        if let Some(current) = merged.last_mut() {
            let both = [current.units.as_slice(), &next.units].concat();
            let test = log_t_of(panel, &both, options)?;
            if test.converges {
                *current = club(both, test);
                continue;
            }
        }
        merged.push(next.clone());
    }
    Ok(Clubs {
        clubs: merged,
        divergent: clubs.divergent.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clubs_and_a_loner_are_found() {
        // Towards 12 (even units), towards 9 (odd units), and one that runs away; synthetic.
        let panel: Vec<Vec<f64>> = (0..13_u32)
            .map(|i| {
                (1..=40_u32)
                    .map(|t| {
                        let wobble = f64::from((i * 31 + t * 17) % 23) / 23.0 - 0.5;
                        let closing = f64::from(t).powf(-1.0) * (f64::from(i) / 6.0 - 1.0);
                        match i {
                            12 => 14.0 + 0.2 * f64::from(t),
                            i => {
                                9.0 + f64::from(1 - i % 2) * 0.1 * f64::from(t)
                                    + closing
                                    + 0.002 * wobble
                            }
                        }
                    })
                    .collect()
            })
            .collect();
        let found = convergence_clubs(&panel, LogTOptions::default()).unwrap();
        let units: Vec<&[usize]> = found.clubs.iter().map(|c| c.units.as_slice()).collect();
        assert_eq!(
            units,
            [&[0, 2, 4, 6, 8, 10][..], &[1, 3, 5, 7, 9, 11][..]],
            "{found:?}"
        );
        assert_eq!(found.divergent, [12]);
        assert_eq!(
            merge_clubs(&panel, &found, LogTOptions::default()).unwrap(),
            found
        );
        let mut wrong = found.clone();
        wrong.clubs[0].units.push(99);
        assert!(merge_clubs(&panel, &wrong, LogTOptions::default()).is_err());
    }
}

//! Measures of reach: weighted average travel time (Gutierrez 2001), potential (Harris 1954,
//! Hansen 1959), exponential potential, contour ("daily accessibility"), network efficiency
//! (Gutierrez, Monzon, Pinero 1998), convergence of two states.

use serde::Serialize;

use super::matrix::{Mass, Own, Targets, TimeMatrix};
use crate::error::TransitError;

/// One question: times, masses, destinations, and what a place counts for itself.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Travel times.
    pub times: &'a TimeMatrix,
    /// Masses of destinations.
    pub mass: &'a Mass,
    /// Destinations.
    pub to: &'a Targets,
    /// A place as its own destination.
    pub own: &'a Own,
}

/// A measure at one place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reach {
    /// Index of the place.
    pub place: usize,
    /// The measure; `None` where no destination is reached.
    pub value: Option<f64>,
    /// Destinations reached, the place itself not counted.
    pub reached: usize,
    /// Destinations without a journey: they are in no sum.
    pub lost: Vec<usize>,
    /// Their mass: what the value knows nothing of.
    pub lost_mass: f64,
}

impl Ask<'_> {
    pub(crate) fn check(&self) -> Result<(), TransitError> {
        let n = self.times.len();
        let wrong =
            |what: &'static str, message: String| Err(TransitError::Option { what, message });
        if self.mass.values.len() != n {
            let found = self.mass.values.len();
            return wrong("mass", format!("has {found} values for {n} places"));
        }
        if let Some(member) = self.to.members.iter().find(|m| **m >= n) {
            return wrong("destinations", format!("name place {member} of {n}"));
        }
        if let Own::Minutes(all) = self.own
            && (all.len() != n || all.iter().any(|m| !(m.is_finite() && *m >= 0.0)))
        {
            return wrong("own", format!("must be {n} minutes of 0 or more"));
        }
        Ok(())
    }

    /// Sums over destinations of a place; `add` is given (minutes, mass, destination).
    fn sum(
        &self,
        from: usize,
        mut add: impl FnMut(f64, f64, usize) -> Result<(), TransitError>,
    ) -> Result<Reach, TransitError> {
        let mut reach = Reach {
            place: from,
            value: None,
            reached: 0,
            lost: Vec::new(),
            lost_mass: 0.0,
        };
        for to in &self.to.members {
            let mass = self.mass.values[*to];
            if *to == from {
                if let Some(minutes) = self.own.minutes(from) {
                    add(minutes, mass, *to)?;
                }
            } else if let Some(minutes) = self.times.get(from, *to) {
                reach.reached += 1;
                add(minutes, mass, *to)?;
            } else {
                reach.lost.push(*to);
                reach.lost_mass += mass;
            }
        }
        Ok(reach)
    }

    /// Sum of `weight(minutes) x mass` at each origin.
    fn total(
        &self,
        from: &[usize],
        weight: impl Fn(f64, usize) -> Result<f64, TransitError>,
    ) -> Result<Vec<Reach>, TransitError> {
        self.check()?;
        check_origins(from, self.times.len())?;
        from.iter()
            .map(|origin| {
                let mut sum = None;
                let mut reach = self.sum(*origin, |minutes, mass, to| {
                    *sum.get_or_insert(0.0) += weight(minutes, to)? * mass;
                    Ok(())
                })?;
                reach.value = sum;
                Ok(reach)
            })
            .collect()
    }

    /// Mass-weighted mean of `value(minutes)` at each origin.
    fn mean(
        &self,
        from: &[usize],
        value: impl Fn(f64, usize, usize) -> Result<f64, TransitError>,
    ) -> Result<Vec<Reach>, TransitError> {
        self.check()?;
        check_origins(from, self.times.len())?;
        from.iter()
            .map(|origin| {
                let (mut sum, mut masses) = (0.0, 0.0);
                let mut reach = self.sum(*origin, |minutes, mass, to| {
                    sum += value(minutes, *origin, to)? * mass;
                    masses += mass;
                    Ok(())
                })?;
                reach.value = (masses > 0.0).then(|| sum / masses);
                Ok(reach)
            })
            .collect()
    }
}

fn check_origins(from: &[usize], n: usize) -> Result<(), TransitError> {
    match from.iter().find(|at| **at >= n) {
        Some(at) => Err(TransitError::Option {
            what: "origins",
            message: format!("name place {at} of {n}"),
        }),
        None => Ok(()),
    }
}

/// Weighted average travel time, min: sum of T M / sum of M over destinations reached.
///
/// # Errors
/// Where sizes do not fit.
pub fn watt(ask: &Ask<'_>, from: &[usize]) -> Result<Vec<Reach>, TransitError> {
    ask.mean(from, |minutes, _, _| Ok(minutes))
}

/// Economic potential: sum of M / T^`exponent`, mass per minute where the exponent is 1.
///
/// # Errors
/// Where sizes do not fit, the exponent is not above 0, or a travel time is 0.
pub fn potential(ask: &Ask<'_>, from: &[usize], exponent: f64) -> Result<Vec<Reach>, TransitError> {
    positive("exponent", exponent)?;
    ask.total(from, |minutes, to| {
        if minutes > 0.0 {
            return Ok(minutes.powf(-exponent));
        }
        Err(TransitError::Option {
            what: "potential",
            message: format!(
                "travel to \"{}\" takes no time; choose a self time or leave the pair out",
                ask.times.places[to]
            ),
        })
    })
}

/// Exponential potential: sum of M exp(-b T), b per minute.
///
/// # Errors
/// Where sizes do not fit or b is not above 0.
pub fn exponential_potential(
    ask: &Ask<'_>,
    from: &[usize],
    b_per_min: f64,
) -> Result<Vec<Reach>, TransitError> {
    positive("b_per_min", b_per_min)?;
    ask.total(from, |minutes, _| Ok((-b_per_min * minutes).exp()))
}

/// Contour: mass within a limit of minutes. A place's own mass counts where `own` gives minutes
/// within the limit (0 for "always").
///
/// # Errors
/// Where sizes do not fit or the limit is not above 0.
pub fn contour(ask: &Ask<'_>, from: &[usize], limit_min: f64) -> Result<Vec<Reach>, TransitError> {
    positive("limit_min", limit_min)?;
    let mut found = ask.total(from, |minutes, _| {
        Ok(f64::from(u8::from(minutes <= limit_min)))
    })?;
    for reach in &mut found {
        // Nothing within the limit is a number here: nobody.
        reach.value = Some(reach.value.unwrap_or(0.0));
    }
    Ok(found)
}

/// Network efficiency: mass-weighted mean of T / T*, T* = great circle / `speed_km_h`; 1 is a
/// straight line at that speed. Coordinates are by place, degrees. A place itself is left out.
///
/// # Errors
/// Where sizes do not fit, the speed is not above 0, or two places have the same coordinates.
pub fn efficiency(
    ask: &Ask<'_>,
    from: &[usize],
    lat_lon: &[(f64, f64)],
    speed_km_h: f64,
) -> Result<Vec<Reach>, TransitError> {
    positive("speed_km_h", speed_km_h)?;
    if lat_lon.len() != ask.times.len() {
        return Err(TransitError::Option {
            what: "lat_lon",
            message: format!("{} for {} places", lat_lon.len(), ask.times.len()),
        });
    }
    let outward = Ask {
        own: &Own::Out,
        ..*ask
    };
    outward.mean(from, |minutes, origin, to| {
        let km = conurb_geo::great_circle_km(lat_lon[origin], lat_lon[to]);
        if km > 0.0 {
            return Ok(minutes / (60.0 * km / speed_km_h));
        }
        Err(TransitError::Option {
            what: "lat_lon",
            message: format!(
                "\"{}\" and \"{}\" are at one point",
                ask.times.places[origin], ask.times.places[to]
            ),
        })
    })
}

/// Minutes within a place: 0.66 r / v with r = sqrt(area / pi).
///
/// # Errors
/// Where area or speed is not above 0.
pub fn self_min(area_km2: f64, urban_speed_km_h: f64) -> Result<f64, TransitError> {
    positive("area_km2", area_km2)?;
    positive("urban_speed_km_h", urban_speed_km_h)?;
    let radius_km = (area_km2 / std::f64::consts::PI).sqrt();
    Ok(0.66 * radius_km / urban_speed_km_h * 60.0)
}

/// The change of WATT at a place between two states, over the destinations both reach.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Convergence {
    /// Index of the place.
    pub place: usize,
    /// WATT before over common destinations, min.
    pub before_min: Option<f64>,
    /// WATT after over common destinations, min.
    pub after_min: Option<f64>,
    /// Before - after, min: above 0 where places came closer.
    pub gain_min: Option<f64>,
    /// Destinations reached before and not after.
    pub lost: Vec<usize>,
    /// Destinations reached after and not before.
    pub gained: Vec<usize>,
}

/// Time-space convergence: WATT before - WATT after on the same destinations. Both tables have the
/// same places and kind.
///
/// # Errors
/// Where sizes, places or kinds do not fit.
pub fn convergence(
    before: &Ask<'_>,
    after: &TimeMatrix,
    from: &[usize],
) -> Result<Vec<Convergence>, TransitError> {
    before.check()?;
    check_origins(from, before.times.len())?;
    if before.times.places != after.places || before.times.kind != after.kind {
        return Err(TransitError::Option {
            what: "travel times",
            message: "before and after must have the same places and be of the same kind".into(),
        });
    }
    let of = |origin: usize| {
        let mut row = Convergence {
            place: origin,
            before_min: None,
            after_min: None,
            gain_min: None,
            lost: Vec::new(),
            gained: Vec::new(),
        };
        let (mut was, mut is, mut masses) = (0.0, 0.0, 0.0);
        for to in &before.to.members {
            let mass = before.mass.values[*to];
            let (a, b) = if *to == origin {
                let own = before.own.minutes(origin);
                (own, own)
            } else {
                (before.times.get(origin, *to), after.get(origin, *to))
            };
            match (a, b) {
                (Some(a), Some(b)) => {
                    was += a * mass;
                    is += b * mass;
                    masses += mass;
                }
                (Some(_), None) => row.lost.push(*to),
                (None, Some(_)) => row.gained.push(*to),
                (None, None) => {}
            }
        }
        if masses > 0.0 {
            row.before_min = Some(was / masses);
            row.after_min = Some(is / masses);
            row.gain_min = Some(was / masses - is / masses);
        }
        row
    };
    Ok(from.iter().map(|origin| of(*origin)).collect())
}

/// WATT to the places of the own cluster and to all others, apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inside {
    /// Index of the place.
    pub place: usize,
    /// WATT to members of the cluster.
    pub intra: Reach,
    /// WATT to the destinations outside it.
    pub inter: Option<Reach>,
}

/// WATT within a cluster and out of it: `ask.to` holds all destinations, `cluster` the members
/// among them. `inter` is `None` where the cluster is all there is.
///
/// # Errors
/// Where sizes do not fit or the cluster has no member.
pub fn inside_and_out(ask: &Ask<'_>, cluster: &Targets) -> Result<Vec<Inside>, TransitError> {
    let outside: Vec<usize> = ask
        .to
        .members
        .iter()
        .filter(|m| cluster.members.binary_search(m).is_err())
        .copied()
        .collect();
    let within = Ask {
        to: cluster,
        ..*ask
    };
    let intra = watt(&within, &cluster.members)?;
    let inter = if outside.is_empty() {
        vec![None; intra.len()]
    } else {
        let label = format!("outside {}", cluster.label);
        let others = Targets::new(&label, outside)?;
        let out = Ask {
            to: &others,
            ..*ask
        };
        watt(&out, &cluster.members)?
            .into_iter()
            .map(Some)
            .collect()
    };
    Ok(intra
        .into_iter()
        .zip(inter)
        .map(|(intra, inter)| Inside {
            place: intra.place,
            intra,
            inter,
        })
        .collect())
}

/// Weighted mean of a measure over the places that have one; `None` where none has, or all weights
/// are 0.
#[must_use]
pub fn weighted_mean(found: &[Reach], weights: &[f64]) -> Option<f64> {
    let (mut sum, mut total) = (0.0, 0.0);
    for reach in found {
        if let (Some(value), Some(weight)) = (reach.value, weights.get(reach.place)) {
            sum += value * weight;
            total += weight;
        }
    }
    (total > 0.0).then(|| sum / total)
}

pub(super) fn positive(what: &'static str, value: f64) -> Result<(), TransitError> {
    if value > 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(TransitError::Option {
        what,
        message: format!("{value} is not above 0"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::matrix::TimeKind;
    use super::*;

    fn toy() -> (TimeMatrix, Mass, Targets) {
        let times = "from,to,minutes\n1,2,30\n1,3,60\n2,1,30\n";
        let times = TimeMatrix::from_csv("toy.csv", times.as_bytes()).unwrap();
        let mass = Mass::new(vec![1.0, 2.0, 3.0], "persons", 2020, "toy").unwrap();
        (times, mass, Targets::new("all three", 0..3).unwrap())
    }

    fn values(found: Result<Vec<Reach>, TransitError>) -> Vec<Option<f64>> {
        found.unwrap().into_iter().map(|r| r.value).collect()
    }

    #[test]
    fn the_toy_of_three_places() {
        let (times, mass, to) = toy();
        let ask = Ask {
            times: &times,
            mass: &mass,
            to: &to,
            own: &Own::Out,
        };
        assert_eq!(values(watt(&ask, &[0])), [Some(48.0)]);
        let found = values(potential(&ask, &[0], 1.0))[0].unwrap();
        assert!((found - 0.116_667).abs() < 5e-7);
        assert_eq!(values(contour(&ask, &[0], 45.0)), [Some(2.0)]);
        let own = Own::Minutes(vec![0.0; 3]);
        let with_own = Ask { own: &own, ..ask };
        assert_eq!(values(contour(&with_own, &[0], 45.0)), [Some(3.0)]);
        let found = values(exponential_potential(&ask, &[0], 0.1))[0].unwrap();
        assert!((found - (2.0 * (-3.0_f64).exp() + 3.0 * (-6.0_f64).exp())).abs() < 1e-15);
        // Self time of a disc of 100 km2 at 20 km/h: r = 5.6419 km.
        assert!((self_min(100.0, 20.0).unwrap() - 11.170_94).abs() < 1e-4);
    }

    #[test]
    fn lost_destinations_are_told_and_never_counted() {
        let (times, mass, to) = toy();
        let ask = Ask {
            times: &times,
            mass: &mass,
            to: &to,
            own: &Own::Out,
        };
        let found = watt(&ask, &[1, 2]).unwrap();
        assert_eq!((found[0].value, found[0].reached), (Some(30.0), 1));
        assert_eq!((&found[0].lost, found[0].lost_mass), (&vec![2], 3.0));
        assert_eq!(found[1].value, None, "nobody is reached: no number");
        assert_eq!(found[1].lost, [0, 1]);
        assert_eq!(values(contour(&ask, &[2], 60.0)), [Some(0.0)]);
        assert_eq!(weighted_mean(&found, &mass.values), Some(30.0));
    }

    #[test]
    fn states_are_compared_on_common_destinations() {
        let (times, mass, to) = toy();
        let ask = Ask {
            times: &times,
            mass: &mass,
            to: &to,
            own: &Own::Out,
        };
        // The far place is lost and the near one is slower: the plain mean would fall to 40.
        let after = TimeMatrix::from_csv("after", b"from,to,minutes\n1,2,40\n1,3,\n").unwrap();
        let row = &convergence(&ask, &after, &[0]).unwrap()[0];
        assert_eq!((row.before_min, row.after_min), (Some(30.0), Some(40.0)));
        assert_eq!((row.gain_min, &row.lost), (Some(-10.0), &vec![2]));
        let other = TimeMatrix::new(times.places.clone(), TimeKind::RunTimes, vec![None; 9]);
        let mixed = convergence(&ask, &other.unwrap(), &[0]).unwrap_err();
        assert!(mixed.to_string().contains("same kind"), "{mixed}");
    }

    #[test]
    fn efficiency_is_one_on_a_straight_line() {
        let (_, mass, to) = toy();
        let places = [(30.0, 120.0), (31.0, 120.0), (30.0, 122.0)];
        let km = |a: usize, b: usize| conurb_geo::great_circle_km(places[a], places[b]);
        let minutes = (0..9)
            .map(|at| Some(km(at / 3, at % 3) / 250.0 * 60.0 * 1.5))
            .collect();
        let names = ["1", "2", "3"].map(String::from).to_vec();
        let times = TimeMatrix::new(names, TimeKind::Given, minutes).unwrap();
        let ask = Ask {
            times: &times,
            mass: &mass,
            to: &to,
            own: &Own::Out,
        };
        for value in values(efficiency(&ask, &[0, 1, 2], &places, 250.0)) {
            assert!((value.unwrap() - 1.5).abs() < 1e-12);
        }
        let out = inside_and_out(&ask, &Targets::new("1 and 2", [0, 1]).unwrap()).unwrap();
        assert_eq!(out[0].intra.value, times.get(0, 1));
        assert_eq!(out[0].inter.as_ref().unwrap().value, times.get(0, 2));
    }

    #[test]
    fn numbers_without_name_or_source_are_refused() {
        assert!(Mass::new(vec![1.0], "persons", 2020, " ").is_err());
        assert!(Mass::new(vec![-1.0], "persons", 2020, "x").is_err());
        assert!(Targets::new("", [0]).is_err());
        let (times, mass, to) = toy();
        let ask = Ask {
            times: &times,
            mass: &mass,
            to: &to,
            own: &Own::Minutes(vec![0.0; 3]),
        };
        let zero = potential(&ask, &[0], 1.0).unwrap_err().to_string();
        assert!(zero.contains("takes no time"), "{zero}");
        assert!(watt(&ask, &[3]).is_err());
    }
}

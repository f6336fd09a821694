//! Two-step floating catchment areas: places in a service (beds, desks) per person within reach
//! (Radke, Mu 2000; Luo, Wang 2003), with weights by time zone (Luo, Qi 2009).

use serde::Serialize;

use super::matrix::{Mass, Own, TimeMatrix};
use super::reach::positive;
use crate::error::TransitError;

/// Weight of a travel time.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// 1 within the limit of minutes, 0 beyond: 2SFCA.
    Within(f64),
    /// Zones (limit in minutes, weight), ascending: E2SFCA.
    Zones(Vec<(f64, f64)>),
}

impl Decay {
    fn check(&self) -> Result<(), TransitError> {
        match self {
            Self::Within(limit) => positive("catchment", *limit),
            Self::Zones(zones) => {
                let fine = !zones.is_empty()
                    && zones.windows(2).all(|p| p[0].0 < p[1].0)
                    && zones
                        .iter()
                        .all(|(t, w)| t.is_finite() && *t > 0.0 && (0.0..=1.0).contains(w));
                if fine {
                    return Ok(());
                }
                Err(TransitError::Option {
                    what: "catchment",
                    message: "zones need ascending minutes and weights from 0 to 1".into(),
                })
            }
        }
    }

    fn weight(&self, minutes: f64) -> f64 {
        match self {
            Self::Within(limit) => f64::from(u8::from(minutes <= *limit)),
            Self::Zones(zones) => zones.iter().find(|z| minutes <= z.0).map_or(0.0, |z| z.1),
        }
    }
}

/// Supply per person within reach.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FloatingCatchment {
    /// R_j: supply at a place over weighted persons within reach of it; `None` where the place
    /// has supply and nobody reaches it.
    pub supply_ratio: Vec<Option<f64>>,
    /// A_i: sum of the ratios within reach of a place.
    pub access: Vec<f64>,
    /// Supply that nobody reaches: it is in no sum.
    pub unused_supply: f64,
}

/// R_j = S_j / sum_k W(T_kj) P_k, A_i = sum_j W(T_ij) R_j. With `Own::Out` a place serves only
/// others; services in the own place need `Own::Minutes`.
///
/// # Errors
/// Where sizes do not fit or the decay is not well formed.
pub fn floating_catchment(
    times: &TimeMatrix,
    supply: &Mass,
    persons: &Mass,
    own: &Own,
    decay: &Decay,
) -> Result<FloatingCatchment, TransitError> {
    decay.check()?;
    let n = times.len();
    let own_fits = match own {
        Own::Out => true,
        Own::Minutes(all) => all.len() == n,
    };
    if supply.values.len() != n || persons.values.len() != n || !own_fits {
        return Err(TransitError::Option {
            what: "mass",
            message: format!("supply, persons and own minutes must have {n} values"),
        });
    }
    let weight = |from: usize, to: usize| {
        let minutes = if from == to {
            own.minutes(from)
        } else {
            times.get(from, to)
        };
        minutes.map_or(0.0, |m| decay.weight(m))
    };
    let mut made = FloatingCatchment {
        supply_ratio: Vec::with_capacity(n),
        access: vec![0.0; n],
        unused_supply: 0.0,
    };
    for to in 0..n {
        let served: f64 = (0..n).map(|k| weight(k, to) * persons.values[k]).sum();
        let supply = supply.values[to];
        let ratio = if served > 0.0 {
            Some(supply / served)
        } else if supply > 0.0 {
            made.unused_supply += supply;
            None
        } else {
            Some(0.0)
        };
        for (from, access) in made.access.iter_mut().enumerate() {
            *access += ratio.unwrap_or(0.0) * weight(from, to);
        }
        made.supply_ratio.push(ratio);
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case() -> (TimeMatrix, Mass, Mass, Own) {
        let times = TimeMatrix::from_csv(
            "t",
            b"from,to,minutes\na,b,10\nb,a,10\nb,c,25\nc,b,25\na,c,40\nc,a,40\n",
        );
        let persons = Mass::new(vec![100.0, 200.0, 300.0], "persons", 2020, "toy").unwrap();
        let beds = Mass::new(vec![10.0, 0.0, 30.0], "beds", 2020, "toy").unwrap();
        (times.unwrap(), beds, persons, Own::Minutes(vec![0.0; 3]))
    }

    #[test]
    fn two_steps_by_hand() {
        let (times, beds, persons, own) = case();
        let made = floating_catchment(&times, &beds, &persons, &own, &Decay::Within(30.0)).unwrap();
        // a is reached by a and b (300), c by b and c (500).
        assert_eq!(made.supply_ratio[0], Some(10.0 / 300.0));
        assert_eq!(made.supply_ratio[2], Some(30.0 / 500.0));
        let known = [10.0 / 300.0, 10.0 / 300.0 + 30.0 / 500.0, 30.0 / 500.0];
        for (found, known) in made.access.iter().zip(known) {
            assert!((found - known).abs() < 1e-15);
        }
        // Everybody's share adds up to what there is.
        let total: f64 = made
            .access
            .iter()
            .zip(&persons.values)
            .map(|(a, p)| a * p)
            .sum();
        assert!((total - 40.0).abs() < 1e-12);
    }

    #[test]
    fn zones_weigh_and_supply_out_of_reach_is_told() {
        let (times, beds, persons, own) = case();
        let zones = Decay::Zones(vec![(15.0, 1.0), (30.0, 0.5)]);
        let made = floating_catchment(&times, &beds, &persons, &own, &zones).unwrap();
        assert_eq!(made.supply_ratio[2], Some(30.0 / (300.0 + 0.5 * 200.0)));
        let alone = floating_catchment(&times, &beds, &persons, &Own::Out, &Decay::Within(5.0));
        assert_eq!(alone.unwrap().unused_supply, 40.0);
        let bad = Decay::Zones(vec![(30.0, 0.5), (15.0, 1.0)]);
        assert!(floating_catchment(&times, &beds, &persons, &own, &bad).is_err());
    }
}

//! The role finder: what each city already stands for, and what it is nearest to growing into.

use serde::Serialize;

use crate::RegionError;
use crate::industry::{Jobs, relatedness};

/// A sector in a city's role.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoleSector {
    /// The sector.
    pub sector: String,
    /// Its location quotient in the city.
    pub location_quotient: f64,
    /// Relatedness density of the city in it.
    pub density: f64,
    /// How many cities of the table specialise in it: more is more crowded.
    pub cities_specialised: usize,
}

/// A city's role.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Role {
    /// The city.
    pub city: String,
    /// Sectors with a location quotient of 1 or more, highest first.
    pub stands_for: Vec<RoleSector>,
    /// Sectors below 1, highest relatedness density first; equal ones: the less crowded first.
    pub could_grow: Vec<RoleSector>,
}

/// Roles of all cities of the table, at most `most` sectors in each list; `nation` as for location
/// quotients. Relatedness is learnt from the cities of the table: give it more than one cluster.
pub fn roles(jobs: &Jobs, nation: &[f64], most: usize) -> Result<Vec<Role>, RegionError> {
    let lq = jobs.location_quotients(nation)?;
    let related = relatedness(jobs, nation)?;
    let crowd: Vec<usize> = (0..jobs.sectors().len())
        .map(|s| related.specialised.iter().filter(|row| row[s]).count())
        .collect();
    Ok((0..jobs.units())
        .map(|i| {
            let (mut stands_for, mut could_grow): (Vec<_>, Vec<_>) = (0..jobs.sectors().len())
                .filter_map(|s| {
                    Some(RoleSector {
                        sector: jobs.sectors()[s].clone(),
                        location_quotient: lq[i][s]?,
                        density: related.density[i][s],
                        cities_specialised: crowd[s],
                    })
                })
                .partition(|r| r.location_quotient >= 1.0);
            stands_for.sort_by(|a, b| b.location_quotient.total_cmp(&a.location_quotient));
            could_grow.sort_by(|a, b| {
                b.density
                    .total_cmp(&a.density)
                    .then(a.cities_specialised.cmp(&b.cities_specialised))
            });
            stands_for.truncate(most);
            could_grow.truncate(most);
            Role {
                city: jobs.names()[i].clone(),
                stands_for,
                could_grow,
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_city_could_grow_what_its_likes_do() {
        let names = ["a", "b", "c"].map(str::to_owned).to_vec();
        let sectors = ["steel", "cars", "fish"].map(str::to_owned).to_vec();
        let jobs = vec![5., 5., 0., 5., 1., 4., 1., 0., 9.];
        let jobs = Jobs::new(names, sectors, jobs).unwrap();
        let found = roles(&jobs, &[11., 6., 13.], 2).unwrap();
        assert_eq!(found[0].stands_for[0].sector, "cars");
        assert_eq!(found[1].stands_for[0].sector, "steel");
        // b does steel; cars go with steel (a), fish does not.
        assert_eq!(found[1].could_grow[0].sector, "cars");
        assert!(roles(&jobs, &[1.0], 2).is_err());
    }
}

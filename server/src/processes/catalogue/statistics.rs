//! Regional statistics as processes (docs/region/statistics.md).

use conurb_region::RegionError;
use conurb_region::autocorrelation::{
    Geary, LocalMoran, Moran, Permutations, geary, local_moran_with, moran,
};
use conurb_region::convergence::{Beta, Markov, beta_convergence, markov, sigma_convergence};
use conurb_region::inequality::{
    atkinson, coefficient_of_variation, gini, gini_weighted, mean_log_deviation, palma_ratio,
    theil, theil_population,
};
use conurb_region::size::size_distribution;
use conurb_region::weights::Weights;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, Run, document};

/// `region.autocorrelation`.
pub(super) const AUTOCORRELATION: Process = Process::model::<Autocorrelation>(
    "region.autocorrelation",
    "Spatial autocorrelation",
    "Moran's I and Geary's C with their moments, and local Moran with conditional permutation \
     (Anselin 1995). Can be dismissed while it runs.",
    |inputs, run| document(inputs, |i| autocorrelation(i, run)),
);
/// `region.convergence`.
pub(super) const CONVERGENCE: Process = Process::model::<Convergence>(
    "region.convergence",
    "Convergence of regions",
    "Sigma and beta convergence of a panel (Barro and Sala-i-Martin 1992), and the Markov chain of \
     its quantile classes.",
    |inputs, _| document(inputs, convergence),
);
/// `region.inequality`.
pub(super) const INEQUALITY: Process = Process::model::<Inequality>(
    "region.inequality",
    "Inequality between regions",
    "Gini, Theil, mean log deviation, Atkinson, coefficient of variation, and with populations the \
     weighted forms and the Palma ratio.",
    |inputs, _| document(inputs, inequality),
);
/// `region.sizes`.
pub(super) const SIZES: Process = Process::model::<Sizes>(
    "region.sizes",
    "City-size distribution",
    "Rank-size regression (Gabaix and Ibragimov 2011), Zipf exponent, primacy, four-city index, HHI.",
    |inputs, _| document(inputs, |i: Sizes| size_distribution(&i.sizes_persons)),
);

/// Inputs of `region.autocorrelation`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Autocorrelation {
    /// One value a unit.
    values: Vec<f64>,
    /// The neighbours of each unit, by their places from 0.
    neighbours: Vec<Vec<usize>>,
    /// Whether the weights of a unit sum to 1.
    #[serde(default = "yes")]
    row_standardised: bool,
    /// Permutations behind each pseudo p.
    #[serde(default = "many")]
    permutations: usize,
    /// Seed of the permutations.
    #[serde(default)]
    seed: u64,
}

const fn yes() -> bool {
    true
}

const fn many() -> usize {
    999
}

#[derive(Serialize)]
struct Autocorrelated {
    moran: Moran,
    geary: Geary,
    local: LocalMoran,
}

fn autocorrelation(i: Autocorrelation, run: &Run) -> Result<Autocorrelated, RegionError> {
    let weights = Weights::from_neighbours(&i.neighbours)?;
    let weights = if i.row_standardised {
        weights.row_standardised()
    } else {
        weights
    };
    let draws = Permutations {
        draws: i.permutations,
        seed: i.seed,
    };
    Ok(Autocorrelated {
        moran: moran(&i.values, &weights)?,
        geary: geary(&i.values, &weights)?,
        local: local_moran_with(&i.values, &weights, draws, &run.watch())?,
    })
}

/// Inputs of `region.convergence`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Convergence {
    /// One row a unit, one value a period, all above 0.
    panel: Vec<Vec<f64>>,
    /// Years from the first period to the last.
    years: f64,
    /// Quantile classes of the Markov chain.
    #[serde(default = "five")]
    classes: usize,
}

const fn five() -> usize {
    5
}

#[derive(Serialize)]
struct Converged {
    sigma: Vec<f64>,
    beta: Beta,
    markov: Markov,
}

fn convergence(i: Convergence) -> Result<Converged, RegionError> {
    let end = |last: bool| -> Vec<f64> {
        let of = |row: &Vec<f64>| if last { row.last() } else { row.first() }.copied();
        i.panel.iter().filter_map(of).collect()
    };
    Ok(Converged {
        sigma: sigma_convergence(&i.panel)?,
        beta: beta_convergence(&end(false), &end(true), i.years, &[])?,
        markov: markov(&i.panel, i.classes)?,
    })
}

/// Inputs of `region.inequality`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Inequality {
    /// One value a unit, above 0: per head where populations are given.
    values: Vec<f64>,
    /// One population a unit; weights the measures that have a weighted form.
    #[serde(default)]
    population_persons: Option<Vec<f64>>,
    /// Inequality aversion of the Atkinson index.
    #[serde(default = "half")]
    aversion: f64,
}

const fn half() -> f64 {
    0.5
}

#[derive(Serialize)]
struct Unequal {
    gini: f64,
    theil: f64,
    mean_log_deviation: f64,
    atkinson: f64,
    coefficient_of_variation: f64,
    weighted: Option<Weighted>,
}

#[derive(Serialize)]
struct Weighted {
    gini: f64,
    theil: f64,
    palma: f64,
}

fn inequality(i: Inequality) -> Result<Unequal, RegionError> {
    let weighted = i.population_persons.as_ref().map(|persons| {
        RegionError::same_len("populations", i.values.len(), persons.len())?;
        let totals: Vec<f64> = i.values.iter().zip(persons).map(|(v, p)| v * p).collect();
        Ok::<_, RegionError>(Weighted {
            gini: gini_weighted(&i.values, persons)?,
            theil: theil_population(&totals, persons)?,
            palma: palma_ratio(&i.values, persons)?,
        })
    });
    Ok(Unequal {
        gini: gini(&i.values)?,
        theil: theil(&i.values)?,
        mean_log_deviation: mean_log_deviation(&i.values)?,
        atkinson: atkinson(&i.values, i.aversion)?,
        coefficient_of_variation: coefficient_of_variation(&i.values)?,
        weighted: weighted.transpose()?,
    })
}

/// Inputs of `region.sizes`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sizes {
    /// Sizes of the cities, above 0, in any order.
    sizes_persons: Vec<f64>,
}

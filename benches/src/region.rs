//! Regional statistics and games: the figures a planner waits for.

use anyhow::Result;
use conurb_region::autocorrelation::{Permutations, local_moran};
use conurb_region::weights::{Contiguity, lattice};

use crate::figure::{Figure, quantile};

/// Cells on a side of the lattice of local Moran.
const SIDE: u32 = 150;

/// Seconds that local Moran may take on two cores.
const LOCAL_MORAN_S_MAX: f64 = 0.3;

/// Runs of which the median is told.
const RUNS: usize = 5;

/// All figures of the bench.
pub(crate) fn run() -> Result<Vec<Figure>> {
    let mut figures = vec![local_moran_figure()?];
    figures.extend(crate::games::shapley_exact()?);
    Ok(figures)
}

/// Local Moran on a queen lattice of 22,500 cells with 999 permutations, all cores.
fn local_moran_figure() -> Result<Figure> {
    let weights = lattice(SIDE as usize, SIDE as usize, Contiguity::Queen)?.row_standardised();
    // Synthetic values without pattern; the work does not depend on them.
    let values: Vec<f64> = (0..SIDE * SIDE)
        .map(|i| f64::from(i.wrapping_mul(2_654_435_761) >> 8))
        .collect();
    let mut seconds = Vec::with_capacity(RUNS);
    for seed in 0..RUNS as u64 {
        #[allow(clippy::disallowed_methods)] // a bench measures the machine
        let start = std::time::Instant::now();
        let local = local_moran(&values, &weights, Permutations::with_seed(seed))?;
        seconds.push(start.elapsed().as_secs_f64());
        anyhow::ensure!(local.units.iter().all(|u| u.p.is_some()), "a unit has no p");
    }
    seconds.sort_by(f64::total_cmp);
    let mut figure = Figure::at_most(
        "region",
        "local Moran, 22,500 units, 999 permutations, all cores, median of 5",
        quantile(&seconds, 0.5),
        "s",
        LOCAL_MORAN_S_MAX,
    );
    figure.peer = Some("esda 2.8.2, 6.2 s warm (design figure, other machine)".to_owned());
    Ok(figure)
}

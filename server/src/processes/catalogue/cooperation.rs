//! Games, rivers and shared services as processes (docs/region/cooperation.md, optimisation.md).

use conurb_region::RegionError;
use conurb_region::games::{CoreReport, Game, Kind, Nucleolus, core_test, nucleolus, shapley};
use conurb_region::location::{LocationPlan, MedianOptions, Sites, p_median};
use conurb_region::river::{RiverRule, RiverTree};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Process, document};

/// `region.shapley`.
pub(super) const SHAPLEY: Process = Process::model::<GameInputs>(
    "region.shapley",
    "Shapley value",
    "The exact Shapley value of a game given by all its coalitions, and whether it lies in the core.",
    |inputs, _| document(inputs, shapley_of),
);
/// `region.nucleolus`.
pub(super) const NUCLEOLUS: Process = Process::model::<GameInputs>(
    "region.nucleolus",
    "Nucleolus",
    "The nucleolus (Schmeidler 1969) by successive linear programmes.",
    |inputs, _| {
        document(inputs, |i: GameInputs| -> Result<Nucleolus, RegionError> {
            nucleolus(&i.game()?)
        })
    },
);
/// `region.river`.
pub(super) const RIVER: Process = Process::model::<RiverInputs>(
    "region.river",
    "Sharing the clean-up of a river network",
    "Local responsibility, upstream equal and downstream equal sharing (Ni and Wang 2007; Dong, Ni \
     and Wang 2012) on a tree of rivers into a lake.",
    |inputs, _| document(inputs, river),
);
/// `region.p-median`.
pub(super) const P_MEDIAN: Process = Process::model::<MedianInputs>(
    "region.p-median",
    "Where to place shared services",
    "p-median by interchange (Teitz and Bart 1968; Resende and Werneck 2007) with a Lagrangian bound.",
    |inputs, _| document(inputs, median),
);

/// Inputs of a game.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GameInputs {
    /// Players; the first is bit 0 of a coalition's number.
    players: Vec<String>,
    /// Value of every coalition from 0 (nobody) to 2^n - 1 (everybody).
    values: Vec<f64>,
    /// Costs or benefits.
    kind: KindInput,
}

/// Costs or benefits.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum KindInput {
    Cost,
    Benefit,
}

impl GameInputs {
    pub(super) fn game(self) -> Result<Game, RegionError> {
        let kind = match self.kind {
            KindInput::Cost => Kind::Cost,
            KindInput::Benefit => Kind::Benefit,
        };
        Game::new(self.players, kind, self.values)
    }
}

#[derive(Serialize)]
struct Shared {
    shares: Vec<f64>,
    core: CoreReport,
}

fn shapley_of(i: GameInputs) -> Result<Shared, RegionError> {
    let game = i.game()?;
    let shares = shapley(&game);
    Ok(Shared {
        core: core_test(&game, &shares)?,
        shares,
    })
}

/// Inputs of `region.river`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RiverInputs {
    /// Cities along the rivers.
    cities: Vec<String>,
    /// The next city downstream of each, by its place from 0; null at the lake.
    downstream: Vec<Option<usize>>,
    /// Cost of each city's segment.
    costs: Vec<f64>,
}

#[derive(Serialize)]
struct Rivers {
    local: Vec<f64>,
    upstream_equal: Vec<f64>,
    downstream_equal: Vec<f64>,
}

fn river(i: RiverInputs) -> Result<Rivers, RegionError> {
    let tree = RiverTree::new(i.cities, i.downstream, i.costs)?;
    Ok(Rivers {
        local: tree.shares(RiverRule::Local),
        upstream_equal: tree.shares(RiverRule::UpstreamEqual),
        downstream_equal: tree.shares(RiverRule::DownstreamEqual),
    })
}

/// Inputs of `region.p-median`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MedianInputs {
    /// Cost of serving, e.g. minutes: one row a demand, one value a site.
    costs: Vec<Vec<f64>>,
    /// Weight of each demand, e.g. persons.
    weights: Vec<f64>,
    /// Sites to open.
    p: usize,
    /// Seed of the random starts.
    #[serde(default)]
    seed: u64,
}

fn median(i: MedianInputs) -> Result<LocationPlan, RegionError> {
    let sites = Sites::new(i.costs.concat(), i.weights)?;
    let options = MedianOptions {
        seed: i.seed,
        ..MedianOptions::default()
    };
    p_median(&sites, i.p, options)
}

//! Awards, airports, large games and the core as processes (docs/region/cooperation.md).

use conurb_base::Problem;
use conurb_region::RegionError;
use conurb_region::games::{
    CoreReport, SAMPLED_PLAYERS, SampledShapley, airport_nucleolus, airport_shapley,
    constrained_equal_awards, constrained_equal_losses, core_test, proportional_awards, scrb,
    shapley_sampled_with, talmud, tau_value,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::{Process, Run, document};
use super::cooperation::GameInputs;

/// `region.bankruptcy`.
pub(super) const BANKRUPTCY: Process = Process::model::<ClaimsInputs>(
    "region.bankruptcy",
    "Dividing what is too little",
    "Proportional, constrained equal awards, constrained equal losses and the Talmud rule, which is \
     the nucleolus (Aumann and Maschler 1985).",
    |inputs, _| document(inputs, awards),
);
/// `region.airport`.
pub(super) const AIRPORT: Process = Process::model::<AirportInputs>(
    "region.airport",
    "Sharing a line that each uses to its own end",
    "Shapley value and nucleolus of the airport game (Littlechild and Owen 1973; Littlechild 1974).",
    |inputs, _| document(inputs, airport),
);
/// `region.core`.
pub(super) const CORE: Process = Process::model::<CoreInputs>(
    "region.core",
    "Whether shares lie in the core",
    "Which coalition would be better off alone, with the tau value (Tijs 1981) and separable costs - \
     remaining benefits beside the shares given.",
    |inputs, _| document(inputs, core),
);
/// `region.shapley-sampled`.
pub(super) const SHAPLEY_SAMPLED: Process = Process::model::<SampledInputs>(
    "region.shapley-sampled",
    "Shapley value of many players",
    "Sampled Shapley value with its 95 % interval by pairs of opposite orders (Castro, Gomez and \
     Tejada 2009) of a game that is a sum of synergies: what each set of players is worth once all \
     of it is together. Can be dismissed while it runs.",
    sampled,
);

/// Inputs of `region.bankruptcy`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClaimsInputs {
    /// What there is to divide.
    estate: f64,
    /// What each claims.
    claims: Vec<f64>,
}

#[derive(Serialize)]
struct Awards {
    proportional: Vec<f64>,
    equal_awards: Vec<f64>,
    equal_losses: Vec<f64>,
    talmud: Vec<f64>,
}

fn awards(i: ClaimsInputs) -> Result<Awards, RegionError> {
    Ok(Awards {
        proportional: proportional_awards(i.estate, &i.claims)?,
        equal_awards: constrained_equal_awards(i.estate, &i.claims)?,
        equal_losses: constrained_equal_losses(i.estate, &i.claims)?,
        talmud: talmud(i.estate, &i.claims)?,
    })
}

/// Inputs of `region.airport`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AirportInputs {
    /// What the part that each needs costs, in any order.
    costs: Vec<f64>,
}

#[derive(Serialize)]
struct Airport {
    shapley: Vec<f64>,
    nucleolus: Vec<f64>,
}

fn airport(i: AirportInputs) -> Result<Airport, RegionError> {
    Ok(Airport {
        shapley: airport_shapley(&i.costs)?,
        nucleolus: airport_nucleolus(&i.costs)?,
    })
}

/// Inputs of `region.core`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CoreInputs {
    /// The game.
    game: GameInputs,
    /// The shares to test, one a player.
    shares: Vec<f64>,
}

#[derive(Serialize)]
struct Core {
    core: CoreReport,
    /// Nothing where the game has none.
    tau_value: Option<Vec<f64>>,
    /// Nothing where a separable cost exceeds the cost alone.
    separable_costs: Option<Vec<f64>>,
}

fn core(i: CoreInputs) -> Result<Core, RegionError> {
    let game = i.game.game()?;
    Ok(Core {
        core: core_test(&game, &i.shares)?,
        tau_value: tau_value(&game).ok(),
        separable_costs: scrb(&game).ok(),
    })
}

/// Inputs of `region.shapley-sampled`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SampledInputs {
    /// Players, at most 64.
    players: Vec<String>,
    /// What sets of players are worth together.
    synergies: Vec<Synergy>,
    /// Pairs of opposite orders that are drawn.
    #[serde(default = "thousand")]
    pairs: u32,
    /// Seed of the draws.
    #[serde(default)]
    seed: u64,
}

/// A set of players and its worth.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Synergy {
    /// Players by their places from 0.
    members: Vec<usize>,
    /// What they are worth beyond the sets within them; below 0 for a burden.
    worth: f64,
}

const fn thousand() -> u32 {
    1_000
}

fn sampled(inputs: Value, run: &Run) -> Result<Value, Problem> {
    document(
        inputs,
        |i: SampledInputs| -> Result<SampledShapley, RegionError> {
            let players = i.players.len();
            let mut parts = Vec::with_capacity(i.synergies.len());
            for (at, synergy) in i.synergies.iter().enumerate() {
                let mut mask = 0_u64;
                for &member in &synergy.members {
                    if member >= players.min(SAMPLED_PLAYERS) {
                        return Err(RegionError::Option {
                            what: format!("synergy {at}"),
                            message: format!("names player {member} of {players}, from 0"),
                        });
                    }
                    mask |= 1 << member;
                }
                parts.push((mask, synergy.worth));
            }
            let value = |coalition: u64| -> f64 {
                let inside = parts.iter().filter(|(m, _)| m & coalition == *m);
                inside.map(|(_, worth)| worth).sum()
            };
            shapley_sampled_with(players, value, i.pairs, i.seed, &run.watch())
        },
    )
}

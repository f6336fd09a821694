//! Sharing a common cost or benefit: coalitional games, their solutions, and a statement that
//! every party can recompute.
//!
//! A game gives each coalition its value; coalitions are bit masks, player `i` is bit `i`.
//! Formulas and sources: `docs/region/cooperation.md`.

mod airport;
mod bankruptcy;
mod core;
mod linear;
mod nucleolus;
mod sampled;
mod shapley;
mod simple;
mod statement;

pub use self::core::{CoreReport, Violation, core_test};
pub use airport::{airport_game, airport_nucleolus, airport_shapley};
pub use bankruptcy::{
    bankruptcy_game, constrained_equal_awards, constrained_equal_losses, proportional_awards,
    talmud,
};
pub use nucleolus::{NUCLEOLUS_PLAYERS, Nucleolus, nucleolus};
pub use sampled::{SAMPLED_PLAYERS, SampledShapley, shapley_sampled, shapley_sampled_with};
pub use shapley::shapley;
pub use simple::{proportional, scrb, tau_value};
pub use statement::{Share, Statement, Term, shapley_statement};

use crate::RegionError;
use crate::programme::at_most;
use serde::Serialize;

/// Most players of a game whose coalitions are all listed (2^20 values, 8 MiB).
pub const TABLE_PLAYERS: usize = 20;

/// What the values of a game are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Costs: a coalition objects when it is asked for more than its own cost.
    Cost,
    /// Benefits: a coalition objects when it is given less than its own benefit.
    Benefit,
}

/// A game with the value of every coalition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Game {
    names: Vec<String>,
    kind: Kind,
    values: Vec<f64>,
}

impl Game {
    /// A game from its players and 2^n values, indexed by mask; the value of nobody is 0.
    ///
    /// # Errors
    /// No players, more than [`TABLE_PLAYERS`], a wrong number of values, a value that is not
    /// finite, a value of nobody other than 0.
    pub fn new(names: Vec<String>, kind: Kind, values: Vec<f64>) -> Result<Self, RegionError> {
        check_players(&names)?;
        RegionError::same_len("values of coalitions", 1 << names.len(), values.len())?;
        if values[0] != 0.0 {
            return Err(RegionError::option(
                "value of the empty coalition",
                format!("is {}, it must be 0", values[0]),
            ));
        }
        let game = Self {
            names,
            kind,
            values,
        };
        if let Some(mask) = game.values.iter().position(|v| !v.is_finite()) {
            return Err(RegionError::option(
                &format!("value of coalition {{{}}}", game.members(mask).join(", ")),
                format!("is {}, which is no finite number", game.values[mask]),
            ));
        }
        Ok(game)
    }

    /// A game from a function of the coalition's mask; it is not asked for the empty one.
    ///
    /// # Errors
    /// As [`Game::new`].
    pub fn from_fn(
        names: Vec<String>,
        kind: Kind,
        mut value: impl FnMut(usize) -> f64,
    ) -> Result<Self, RegionError> {
        check_players(&names)?;
        let values = (0..1_usize << names.len())
            .map(|mask| if mask == 0 { 0.0 } else { value(mask) })
            .collect();
        Self::new(names, kind, values)
    }

    /// Number of players.
    #[must_use]
    pub fn players(&self) -> usize {
        self.names.len()
    }

    /// Names of the players, in the order of the bits.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Costs or benefits.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Value of the coalition `mask`; NaN for a mask with players that do not exist.
    #[must_use]
    pub fn value(&self, mask: usize) -> f64 {
        self.values.get(mask).copied().unwrap_or(f64::NAN)
    }

    /// Value of everybody together.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.values[self.everybody()]
    }

    /// Names of the members of `mask`.
    #[must_use]
    pub fn members(&self, mask: usize) -> Vec<String> {
        self.names
            .iter()
            .enumerate()
            .filter(|(i, _)| mask >> i & 1 == 1)
            .map(|(_, name)| name.clone())
            .collect()
    }

    /// Mask of everybody.
    fn everybody(&self) -> usize {
        self.values.len() - 1
    }

    /// Value as a benefit: costs change their sign.
    fn gain(&self, mask: usize) -> f64 {
        self.sign() * self.values[mask]
    }

    /// -1 for costs.
    fn sign(&self) -> f64 {
        match self.kind {
            Kind::Cost => -1.0,
            Kind::Benefit => 1.0,
        }
    }

    /// Largest absolute value, at least the smallest positive number: the scale of tolerances.
    fn scale(&self) -> f64 {
        self.values
            .iter()
            .fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()))
    }
}

fn check_players(names: &[String]) -> Result<(), RegionError> {
    if names.is_empty() {
        return Err(RegionError::option("players", "there are none"));
    }
    at_most(
        "players of a game given by all its coalitions",
        names.len(),
        TABLE_PLAYERS,
    )
}

/// Sum of `x` over the members of `mask`.
fn sum_of(x: &[f64], mask: usize) -> f64 {
    x.iter()
        .enumerate()
        .filter(|(i, _)| mask >> i & 1 == 1)
        .map(|(_, v)| v)
        .sum()
}

#[cfg(test)]
pub(crate) mod tests_support {
    use super::{Game, Kind};

    /// Names `1`, `2`, ...
    pub(crate) fn names(n: usize) -> Vec<String> {
        (1..=n).map(|i| i.to_string()).collect()
    }

    /// The three services of the Tennessee Valley Authority (Straffin and Heaney 1981).
    pub(crate) fn tva() -> Game {
        let names = ["navigation", "flood", "power"].map(str::to_owned).to_vec();
        let c = [
            0.0, 163_520.0, 140_826.0, 301_607.0, 250_096.0, 378_821.0, 367_370.0, 412_584.0,
        ];
        Game::new(names, Kind::Cost, c.to_vec()).unwrap()
    }
}

//! A statement of shares that both sides can recompute with paper and pencil.

use serde::Serialize;

use super::Game;
use crate::RegionError;

/// One summand of a share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Term {
    /// What it stands for.
    pub what: String,
    /// Amount that is divided, in the unit of the statement.
    pub amount: f64,
    /// By how many it is divided.
    pub divisor: f64,
}

/// What one party pays or gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// The party.
    pub name: String,
    /// The sum of `amount / divisor` over the terms.
    pub amount: f64,
    /// The summands.
    pub terms: Vec<Term>,
}

/// Shares with everything needed to recompute them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statement {
    /// The rule, in words.
    pub rule: String,
    /// The formula and its source.
    pub formula: String,
    /// What is shared.
    pub total: f64,
    /// One share per party.
    pub shares: Vec<Share>,
}

impl Statement {
    /// Recomputes every share from its terms and the total from the shares.
    ///
    /// # Errors
    /// [`RegionError::DoesNotAddUp`] with the party's name.
    pub fn check(&self) -> Result<(), RegionError> {
        let mut sum = 0.0;
        for share in &self.shares {
            let parts = share.terms.iter().map(|t| t.amount / t.divisor).sum();
            adds_up(&share.name, share.amount, parts)?;
            sum += share.amount;
        }
        adds_up(&self.rule, self.total, sum)
    }
}

fn adds_up(what: &str, total: f64, parts: f64) -> Result<(), RegionError> {
    // Not `>`: a part that is no number does not add up either.
    if (total - parts).abs() <= 1e-9 * total.abs().max(1.0) {
        return Ok(());
    }
    Err(RegionError::DoesNotAddUp {
        what: what.to_owned(),
        total,
        parts,
    })
}

/// The Shapley value as a statement: a share is the mean, over the number of others present, of
/// the mean of what the player adds to so many others. `n` terms a player.
#[must_use]
pub fn shapley_statement(game: &Game) -> Statement {
    let n = game.players();
    let shares = (0..n)
        .map(|i| {
            let (mut sums, mut counts) = (vec![0.0; n], vec![0_u32; n]);
            for mask in (0..=game.everybody()).filter(|m| m >> i & 1 == 0) {
                let others = mask.count_ones() as usize;
                sums[others] += game.value(mask | 1 << i) - game.value(mask);
                counts[others] += 1;
            }
            let terms: Vec<Term> = (0..n)
                .map(|others| Term {
                    what: format!(
                        "added to {others} others, summed over {} coalitions; divided by {} x {n}",
                        counts[others], counts[others]
                    ),
                    amount: sums[others],
                    divisor: f64::from(counts[others]) * n as f64,
                })
                .collect();
            Share {
                name: game.names()[i].clone(),
                amount: terms.iter().map(|t| t.amount / t.divisor).sum(),
                terms,
            }
        })
        .collect();
    Statement {
        rule: "Shapley value".to_owned(),
        formula:
            "phi_i = sum over S without i of |S|! (n-|S|-1)! / n! (v(S+i) - v(S)); Shapley 1953"
                .to_owned(),
        total: game.total(),
        shares,
    }
}

#[cfg(test)]
mod tests {
    use super::super::shapley;
    use super::super::tests_support::tva;
    use super::*;

    #[test]
    fn says_the_shapley_value_and_finds_a_changed_figure() {
        let game = tva();
        let mut statement = shapley_statement(&game);
        statement.check().unwrap();
        for (share, x) in statement.shares.iter().zip(shapley(&game)) {
            assert!((share.amount - x).abs() < 1e-6);
        }
        statement.shares[1].amount += 1.0;
        let error = statement.check().unwrap_err().to_string();
        assert!(error.starts_with("flood"), "{error}");
        statement.shares[1].terms[0].amount += 3.0;
        let error = statement.check().unwrap_err().to_string();
        assert!(error.starts_with("Shapley"), "{error}");
    }
}

//! The choice among options: constraints first, then an objective over the predicted figures.
//!
//! A pure function of its arguments. Ties go to the safe option (leaving things as they are costs
//! nothing), then to the option listed first.

use serde::{Deserialize, Serialize};

use crate::DecisionOption;

/// Which way a KPI is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Less is better.
    Lower,
    /// More is better.
    Higher,
}

/// One KPI of an objective.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// The KPI's id.
    pub kpi: String,
    /// Which way it is good.
    pub direction: Direction,
    /// Weighted: the weight of a unit of it. Lexicographic: how far behind the best, in its unit,
    /// still counts as equally good.
    pub amount: f64,
}

/// What is best.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// The lowest weighted sum, where a KPI that should be high counts negative.
    Weighted(Vec<Goal>),
    /// The best by the first goal; among equals the best by the second, and so on.
    Lexicographic(Vec<Goal>),
}

impl Objective {
    fn goals(&self) -> &[Goal] {
        match self {
            Self::Weighted(goals) | Self::Lexicographic(goals) => goals,
        }
    }
}

/// A named rule an option must keep.
pub struct Constraint<'a> {
    /// Its name, which refused options carry.
    pub name: &'a str,
    /// Whether it allows the option with this index.
    pub allows: &'a dyn Fn(usize, &DecisionOption) -> bool,
}

/// A choice, and what became of the other options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Index of the chosen option.
    pub chosen: usize,
    /// By option: what refused it, a constraint's name or what its prediction lacks.
    pub refused: Vec<Option<String>>,
    /// Whether every option was refused, so that the safe one was taken.
    pub fell_back: bool,
}

/// Chooses. `safe` is the option to take when all are refused, and among equally good ones. `None` only where there is nothing
/// to choose from: no options, or `safe` not among them.
///
/// An option is refused by what it says itself (`refused_by`), else by the first constraint that
/// does not allow it, else because a KPI of the objective is not predicted or is no number.
#[must_use]
pub fn choose(
    options: &[DecisionOption],
    objective: &Objective,
    constraints: &[Constraint<'_>],
    safe: usize,
) -> Option<Choice> {
    if safe >= options.len() {
        return None;
    }
    let mut costs: Vec<Vec<f64>> = Vec::with_capacity(options.len());
    let mut refused: Vec<Option<String>> = Vec::with_capacity(options.len());
    for (index, option) in options.iter().enumerate() {
        let broken = constraints.iter().find(|c| !(c.allows)(index, option));
        let verdict = match (&option.refused_by, broken) {
            (Some(by), _) => Err(by.clone()),
            (None, Some(constraint)) => Err(constraint.name.to_owned()),
            (None, None) => costs_of(option, objective),
        };
        match verdict {
            Ok(cost) => {
                costs.push(cost);
                refused.push(None);
            }
            Err(by) => {
                costs.push(Vec::new());
                refused.push(Some(by));
            }
        }
    }
    let open: Vec<usize> = (0..options.len())
        .filter(|i| refused[*i].is_none())
        .collect();
    let best = match objective {
        Objective::Weighted(_) => lowest(&open, &costs),
        Objective::Lexicographic(goals) => best_by_goals(open, &costs, goals),
    };
    let best = best.iter().find(|i| **i == safe).or(best.first()).copied();
    Some(Choice {
        chosen: best.unwrap_or(safe),
        fell_back: best.is_none(),
        refused,
    })
}

/// Writes a choice into its options: who refused them, and without figures that are no numbers
/// (a gap stays a gap: the ledger takes numbers only).
pub fn settle(options: &mut [DecisionOption], choice: &Choice) {
    for (option, refused) in options.iter_mut().zip(&choice.refused) {
        option.refused_by.clone_from(refused);
        option.predicted.retain(|v| v.value.is_finite());
    }
}

/// The costs of an option (lower is better): one sum, or one a goal.
fn costs_of(option: &DecisionOption, objective: &Objective) -> Result<Vec<f64>, String> {
    let mut costs = Vec::with_capacity(objective.goals().len());
    for goal in objective.goals() {
        let value = option
            .predicted
            .iter()
            .find(|v| v.kpi == goal.kpi)
            .map(|v| v.value)
            .ok_or_else(|| format!("no prediction of {}", goal.kpi))?;
        if !value.is_finite() {
            return Err(format!("prediction of {} is no number", goal.kpi));
        }
        costs.push(match goal.direction {
            Direction::Lower => value,
            Direction::Higher => -value,
        });
    }
    if let Objective::Weighted(goals) = objective {
        let sum: f64 = costs.iter().zip(goals).map(|(c, g)| c * g.amount).sum();
        if !sum.is_finite() {
            return Err("weighted sum is no number".to_owned());
        }
        costs = vec![sum];
    }
    Ok(costs)
}

/// Those of the lowest cost, in their order.
fn lowest(open: &[usize], costs: &[Vec<f64>]) -> Vec<usize> {
    let cost = |i: usize| costs[i].first().copied().unwrap_or(f64::INFINITY);
    let least = open.iter().map(|i| cost(*i)).fold(f64::INFINITY, f64::min);
    open.iter().copied().filter(|i| cost(*i) <= least).collect()
}

/// Those nothing is better than by the goals in turn, in their order.
fn best_by_goals(mut open: Vec<usize>, costs: &[Vec<f64>], goals: &[Goal]) -> Vec<usize> {
    for (n, goal) in goals.iter().enumerate() {
        let best = open
            .iter()
            .map(|i| costs[*i][n])
            .fold(f64::INFINITY, f64::min);
        let slack = if goal.amount.is_finite() {
            goal.amount.max(0.0)
        } else {
            0.0
        };
        open.retain(|i| costs[*i][n] <= best + slack);
    }
    open
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KpiValue;
    use proptest::prelude::*;

    fn option(values: &[(&str, f64)]) -> DecisionOption {
        DecisionOption {
            action: serde_json::json!({}),
            predicted: values
                .iter()
                .map(|(kpi, value)| KpiValue {
                    kpi: (*kpi).to_owned(),
                    value: *value,
                    interval: None,
                })
                .collect(),
            refused_by: None,
        }
    }

    fn goal(kpi: &str, direction: Direction, amount: f64) -> Goal {
        Goal {
            kpi: kpi.to_owned(),
            direction,
            amount,
        }
    }

    #[test]
    fn constraints_come_first_and_are_named() {
        let options = [
            option(&[("d", 5.0)]),
            option(&[("d", 1.0)]),
            option(&[("d", 3.0)]),
        ];
        let objective = Objective::Weighted(vec![goal("d", Direction::Lower, 1.0)]);
        let rule = Constraint {
            name: "min_green_s",
            allows: &|i, _| i != 1,
        };
        let choice = choose(&options, &objective, &[rule], 0).unwrap();
        assert_eq!(choice.chosen, 2);
        assert_eq!(choice.refused[1].as_deref(), Some("min_green_s"));
        assert!(!choice.fell_back);
    }

    #[test]
    fn what_is_no_number_is_refused_and_the_safe_option_is_always_there() {
        let mut options = vec![option(&[("d", f64::NAN)]), option(&[("x", 1.0)])];
        let objective = Objective::Weighted(vec![goal("d", Direction::Lower, 1.0)]);
        let choice = choose(&options, &objective, &[], 1).unwrap();
        assert_eq!((choice.chosen, choice.fell_back), (1, true));
        settle(&mut options, &choice);
        assert!(options[0].predicted.is_empty());
        assert_eq!(
            options[0].refused_by.as_deref(),
            Some("prediction of d is no number")
        );
        assert_eq!(options[1].refused_by.as_deref(), Some("no prediction of d"));
        assert_eq!(choose(&[], &objective, &[], 0), None);
    }

    #[test]
    fn ties_go_to_the_safe_one_then_to_the_first_and_goals_go_in_order() {
        let options = [
            option(&[("d", 1.2), ("q", 9.0)]),
            option(&[("d", 1.0), ("q", 9.0)]),
            option(&[("d", 1.1), ("q", 4.0)]),
            option(&[("d", 1.0), ("q", 9.0)]),
        ];
        let by = |slack| {
            Objective::Lexicographic(vec![
                goal("d", Direction::Lower, slack),
                goal("q", Direction::Higher, 0.0),
            ])
        };
        assert_eq!(choose(&options, &by(0.0), &[], 0).unwrap().chosen, 1);
        assert_eq!(choose(&options, &by(0.5), &[], 0).unwrap().chosen, 0);
        assert_eq!(choose(&options, &by(0.0), &[], 3).unwrap().chosen, 3);
        assert_eq!(choose(&options, &by(0.0), &[], 2).unwrap().chosen, 1);
    }

    proptest! {
        #[test]
        fn the_chosen_is_open_and_none_is_better(values in prop::collection::vec(prop_oneof![Just(f64::NAN), -9.0..9.0f64], 1..12), closed in any::<u16>()) {
            let options: Vec<_> = values.iter().map(|v| option(&[("d", *v)])).collect();
            let objective = Objective::Weighted(vec![goal("d", Direction::Higher, 2.0)]);
            let rule = Constraint { name: "closed", allows: &|i, _| closed >> i & 1 == 0 };
            let choice = choose(&options, &objective, &[rule], 0).unwrap();
            let open: Vec<usize> = (0..values.len()).filter(|i| choice.refused[*i].is_none()).collect();
            prop_assert_eq!(choice.fell_back, open.is_empty());
            if !choice.fell_back {
                prop_assert!(open.contains(&choice.chosen));
                for i in open {
                    prop_assert!(values[i] < values[choice.chosen] || (values[i] == values[choice.chosen] && i >= choice.chosen));
                }
            }
        }
    }
}

//! Joint clean-up of a river network that ends in a lake or the sea: who pays for which segment.
//!
//! Ni and Wang (2007) for a chain; Dong, Ni and Wang (2012) for a network: a tree whose special
//! node is the lake. Each rule is the Shapley value of the game [`RiverTree::game`] builds and
//! lies in its core; all are computed in O(n).

use serde::Serialize;

use crate::RegionError;
use crate::games::{Game, Kind, Share, Statement, Term};
use crate::programme::{all_at_least, at_most};

/// Most agents of a network.
const AGENTS: usize = 1_000_000;

/// Who answers for the cost of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RiverRule {
    /// Local responsibility: each pays its own segment.
    Local,
    /// Upstream equal sharing: a segment is shared by its agent and all upstream of it, who
    /// pollute it.
    UpstreamEqual,
    /// Downstream equal sharing: a segment is shared by its agent and all downstream of it, who
    /// profit.
    DownstreamEqual,
}

/// Agents along rivers, each with the cost of cleaning its segment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RiverTree {
    names: Vec<String>,
    downstream: Vec<Option<usize>>,
    cost: Vec<f64>,
    /// Agents with everything upstream of an agent before it.
    from_source: Vec<usize>,
    lake: usize,
}

impl RiverTree {
    /// A network from, for each agent, its name, the agent next downstream (none for the lake) and
    /// the cost of its segment.
    ///
    /// # Errors
    /// No agent; costs negative or not finite; no lake or more than one; a downstream agent that
    /// does not exist; agents in a circle.
    pub fn new(
        names: Vec<String>,
        downstream: Vec<Option<usize>>,
        cost: Vec<f64>,
    ) -> Result<Self, RegionError> {
        let n = names.len();
        at_most("agents of a river network", n, AGENTS)?;
        RegionError::same_len("downstream agents", n, downstream.len())?;
        RegionError::same_len("costs of segments", n, cost.len())?;
        all_at_least("costs of segments", &cost, 0.0)?;
        let ends: Vec<usize> = (0..n).filter(|i| downstream[*i].is_none()).collect();
        let &[lake] = ends.as_slice() else {
            let found: Vec<&str> = ends.iter().take(5).map(|i| names[*i].as_str()).collect();
            return Err(RegionError::option(
                "river network",
                format!(
                    "{} agents have nobody downstream ({}); exactly one, the lake, is needed",
                    ends.len(),
                    found.join(", ")
                ),
            ));
        };
        let from_source = order(&names, &downstream)?;
        Ok(Self {
            names,
            downstream,
            cost,
            from_source,
            lake,
        })
    }

    /// Number of agents.
    #[must_use]
    pub fn agents(&self) -> usize {
        self.names.len()
    }

    /// The agent at the lake.
    #[must_use]
    pub fn lake(&self) -> usize {
        self.lake
    }

    /// What each agent pays, in the unit of the costs; O(n).
    #[must_use]
    pub fn shares(&self, rule: RiverRule) -> Vec<f64> {
        let payers = self.payers(rule);
        let mut x: Vec<f64> = (0..self.agents())
            .map(|k| self.cost[k] / f64::from(payers[k]))
            .collect();
        match rule {
            RiverRule::Local => {}
            RiverRule::UpstreamEqual => {
                for &i in self.from_source.iter().rev() {
                    if let Some(d) = self.downstream[i] {
                        x[i] += x[d];
                    }
                }
            }
            RiverRule::DownstreamEqual => {
                for &i in &self.from_source {
                    if let Some(d) = self.downstream[i] {
                        x[d] += x[i];
                    }
                }
            }
        }
        x
    }

    /// How many share each segment.
    fn payers(&self, rule: RiverRule) -> Vec<u32> {
        let mut payers = vec![1_u32; self.agents()];
        match rule {
            RiverRule::Local => {}
            RiverRule::UpstreamEqual => {
                for &i in &self.from_source {
                    if let Some(d) = self.downstream[i] {
                        payers[d] += payers[i];
                    }
                }
            }
            RiverRule::DownstreamEqual => {
                for &i in self.from_source.iter().rev() {
                    if let Some(d) = self.downstream[i] {
                        payers[i] += payers[d];
                    }
                }
            }
        }
        payers
    }

    /// The cost game whose Shapley value the rule is: a coalition pays every segment for which one
    /// of its members answers.
    ///
    /// # Errors
    /// More agents than [`crate::games::TABLE_PLAYERS`].
    pub fn game(&self, rule: RiverRule) -> Result<Game, RegionError> {
        at_most(
            "players of a game given by all its coalitions",
            self.agents(),
            crate::games::TABLE_PLAYERS,
        )?;
        let answerable: Vec<usize> = (0..self.agents())
            .map(|k| {
                (0..self.agents())
                    .filter(|i| self.answers(rule, *i, k))
                    .fold(0, |mask, i| mask | 1 << i)
            })
            .collect();
        Game::from_fn(self.names.clone(), Kind::Cost, |mask| {
            (0..self.agents())
                .filter(|k| answerable[*k] & mask != 0)
                .map(|k| self.cost[k])
                .sum()
        })
    }

    /// Whether agent `i` answers for segment `k`.
    fn answers(&self, rule: RiverRule, i: usize, k: usize) -> bool {
        match rule {
            RiverRule::Local => i == k,
            RiverRule::UpstreamEqual => self.flows_to(i, k),
            RiverRule::DownstreamEqual => self.flows_to(k, i),
        }
    }

    /// Whether water of `from` passes `to`.
    fn flows_to(&self, from: usize, to: usize) -> bool {
        std::iter::successors(Some(from), |i| self.downstream[*i]).any(|i| i == to)
    }

    /// The shares with every segment and its divisor, for both banks to recompute. The number of
    /// lines is that of all pairs of an agent and a segment it answers for.
    ///
    /// # Errors
    /// More than a million lines.
    pub fn statement(&self, rule: RiverRule) -> Result<Statement, RegionError> {
        let payers = self.payers(rule);
        let mut terms: Vec<Vec<Term>> = vec![Vec::new(); self.agents()];
        let mut lines = 0;
        for k in 0..self.agents() {
            let path = std::iter::successors(Some(k), |i| self.downstream[*i]);
            let length = if rule == RiverRule::Local {
                1
            } else {
                usize::MAX
            };
            for i in path.take(length) {
                // `k` flows to `i`: upstream `k` pays segment `i`, or `i` pays segment `k`.
                let (payer, segment) = match rule {
                    RiverRule::UpstreamEqual => (k, i),
                    _ => (i, k),
                };
                lines += 1;
                at_most("lines of a statement", lines, AGENTS)?;
                terms[payer].push(Term {
                    what: format!("segment {}", self.names[segment]),
                    amount: self.cost[segment],
                    divisor: f64::from(payers[segment]),
                });
            }
        }
        let shares = self
            .shares(rule)
            .into_iter()
            .zip(terms)
            .enumerate()
            .map(|(i, (amount, terms))| Share {
                name: self.names[i].clone(),
                amount,
                terms,
            })
            .collect();
        let (name, formula) = match rule {
            RiverRule::Local => ("local responsibility", "x_i = C_i"),
            RiverRule::UpstreamEqual => (
                "upstream equal sharing",
                "x_i = sum of C_k / (1 + number upstream of k) over k = i and all downstream of i",
            ),
            RiverRule::DownstreamEqual => (
                "downstream equal sharing",
                "x_i = sum of C_k / (1 + number downstream of k) over k = i and all upstream of i",
            ),
        };
        Ok(Statement {
            rule: name.to_owned(),
            formula: format!("{formula}; Ni and Wang 2007, Dong, Ni and Wang 2012"),
            total: self.cost.iter().sum(),
            shares,
        })
    }
}

/// Agents with everything upstream of an agent before it.
fn order(names: &[String], downstream: &[Option<usize>]) -> Result<Vec<usize>, RegionError> {
    let n = names.len();
    let mut waiting = vec![0_u32; n];
    for (i, d) in downstream.iter().enumerate() {
        match d {
            Some(d) if *d < n => waiting[*d] += 1,
            Some(d) => {
                return Err(RegionError::option(
                    "river network",
                    format!("{} flows to agent {d}, there are {n}", names[i]),
                ));
            }
            None => {}
        }
    }
    let mut order: Vec<usize> = (0..n).filter(|i| waiting[*i] == 0).collect();
    let mut next = 0;
    while next < order.len() {
        if let Some(d) = downstream[order[next]] {
            waiting[d] -= 1;
            if waiting[d] == 0 {
                order.push(d);
            }
        }
        next += 1;
    }
    if let Some(i) = waiting.iter().position(|w| *w > 0) {
        return Err(RegionError::option(
            "river network",
            format!("the water of {} comes back to it", names[i]),
        ));
    }
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::games::{core_test, shapley};
    use proptest::prelude::*;

    const RULES: [RiverRule; 3] = [
        RiverRule::Local,
        RiverRule::UpstreamEqual,
        RiverRule::DownstreamEqual,
    ];

    fn tree(downstream: &[Option<usize>], cost: &[f64]) -> RiverTree {
        let names = (1..=cost.len()).map(|i| i.to_string()).collect();
        RiverTree::new(names, downstream.to_vec(), cost.to_vec()).unwrap()
    }

    fn close(found: &[f64], expected: &[f64]) {
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 1e-9, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn a_chain() {
        let t = tree(&[Some(1), Some(2), Some(3), None], &[6.0, 3.0, 9.0, 12.0]);
        close(&t.shares(RiverRule::Local), &[6.0, 3.0, 9.0, 12.0]);
        close(&t.shares(RiverRule::UpstreamEqual), &[13.5, 7.5, 6.0, 3.0]);
        close(
            &t.shares(RiverRule::DownstreamEqual),
            &[1.5, 2.5, 7.0, 19.0],
        );
        assert_eq!(t.lake(), 3);
    }

    #[test]
    fn two_rivers_into_a_lake() {
        let t = tree(&[Some(2), Some(2), Some(3), None], &[4.0, 6.0, 9.0, 12.0]);
        close(&t.shares(RiverRule::UpstreamEqual), &[10.0, 12.0, 6.0, 3.0]);
        close(
            &t.shares(RiverRule::DownstreamEqual),
            &[4.0 / 3.0, 2.0, 7.0 + 5.0 / 6.0, 19.0 + 5.0 / 6.0],
        );
    }

    #[test]
    fn refuses_what_is_no_tree() {
        let new = |d: Vec<Option<usize>>| {
            let names = (1..=d.len()).map(|i| i.to_string()).collect();
            let cost = vec![1.0; d.len()];
            RiverTree::new(names, d, cost).unwrap_err().to_string()
        };
        assert!(new(vec![]).contains("exactly one"));
        assert!(new(vec![None, None]).contains("2 agents"));
        assert!(new(vec![None, Some(9)]).contains("agent 9"));
        assert!(new(vec![Some(1), Some(0), None]).contains("comes back"));
        let names = vec!["a".to_owned()];
        assert!(RiverTree::new(names, vec![None], vec![-1.0]).is_err());
        let long = tree(
            &(1..=40).map(|i| (i < 40).then_some(i)).collect::<Vec<_>>(),
            &[1.0; 40],
        );
        assert!(long.game(RiverRule::Local).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn closed_forms_are_shapley_in_the_core_and_recomputed(
            parts in proptest::collection::vec((any::<u32>(), 0.0..50.0_f64), 1..8),
        ) {
            let n = parts.len();
            // Agent i flows to a later one; the last is the lake.
            let down: Vec<Option<usize>> = parts.iter().enumerate()
                .map(|(i, (r, _))| (i + 1 < n).then(|| i + 1 + *r as usize % (n - i - 1)))
                .collect();
            let cost: Vec<f64> = parts.iter().map(|(_, c)| *c).collect();
            let t = tree(&down, &cost);
            for rule in RULES {
                let x = t.shares(rule);
                let game = t.game(rule).unwrap();
                for (f, e) in x.iter().zip(shapley(&game)) {
                    prop_assert!((f - e).abs() < 1e-9, "{rule:?} {f} {e}");
                }
                prop_assert!(core_test(&game, &x).unwrap().in_core);
                let statement = t.statement(rule).unwrap();
                statement.check().unwrap();
            }
        }
    }
}

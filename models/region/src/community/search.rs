//! Louvain and Leiden: local moves from a queue, refinement, aggregation; the best of several
//! seeded runs.

use std::collections::VecDeque;

use conurb_base::Stream;
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::graph::{Graph, positive};
use super::{Partition, renumber};
use crate::RegionError;

/// Gains below this share of the total are rounding, not improvement.
const GAIN_MIN: f64 = 1e-12;
/// Randomness of Leiden's refinement (theta of Traag et al. 2019), on modularity.
const THETA: f64 = 0.01;
/// Repetitions of a whole run, each from the partition before; a run settles in a few.
const ROUNDS_MAX: u32 = 50;
/// Seeded runs at most.
const RUNS_MAX: u32 = 10_000;

/// The method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Blondel et al. 2008; communities may fall apart inside.
    Louvain,
    /// Traag et al. 2019; every community is connected.
    Leiden,
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SearchOptions {
    /// The method.
    pub method: Method,
    /// Resolution g; above 1 more and smaller communities.
    pub resolution: f64,
    /// Seed of all randomness.
    pub seed: u64,
    /// Runs from different orders; the best counts, the first of equals.
    pub runs: u32,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            method: Method::Leiden,
            resolution: 1.0,
            seed: 1,
            runs: 20,
        }
    }
}

/// Searches for the partition of greatest modularity. Equal inputs give equal partitions.
///
/// # Errors
/// [`RegionError::Option`] for a resolution that is not positive or runs outside 1..=10,000;
/// [`RegionError::NotConverged`] when a run does not settle.
pub fn search(graph: &Graph, options: &SearchOptions) -> Result<Partition, RegionError> {
    positive("resolution", options.resolution)?;
    if !(1..=RUNS_MAX).contains(&options.runs) {
        return Err(RegionError::option(
            "runs",
            format!("{} lies outside 1 to {RUNS_MAX}", options.runs),
        ));
    }
    let mut best: Option<Partition> = None;
    for run in 0..options.runs {
        let mut random = conurb_base::stream(options.seed, &run.to_string(), "communities");
        let mut community = settle(graph, options, &mut random)?;
        let count = renumber(&mut community);
        let modularity = graph.modularity(&community, options.resolution)?;
        if best
            .as_ref()
            .is_none_or(|b| modularity > b.modularity + GAIN_MIN)
        {
            best = Some(Partition {
                community,
                count,
                modularity,
            });
        }
    }
    Ok(best.expect("there is at least one run"))
}

/// Repeats passes until a partition comes back unchanged.
fn settle(
    graph: &Graph,
    options: &SearchOptions,
    random: &mut Stream,
) -> Result<Vec<usize>, RegionError> {
    let mut community: Vec<usize> = (0..graph.len()).collect();
    for _ in 0..ROUNDS_MAX {
        let before = graph.modularity(&community, options.resolution)?;
        let next = pass(graph, options, community.clone(), random);
        let after = graph.modularity(&next, options.resolution)?;
        if after <= before + GAIN_MIN {
            return Ok(community);
        }
        community = next;
        if options.method == Method::Louvain {
            return Ok(community);
        }
    }
    Err(RegionError::NotConverged {
        what: "community search".to_owned(),
        iterations: ROUNDS_MAX,
    })
}

/// One pass: moves, (refinement,) aggregation, until no node of the coarse network moves.
fn pass(
    graph: &Graph,
    options: &SearchOptions,
    mut labels: Vec<usize>,
    random: &mut Stream,
) -> Vec<usize> {
    let mut coarse = graph.clone();
    // Node of the coarse network that holds each node of the network.
    let mut holder: Vec<usize> = (0..graph.len()).collect();
    renumber(&mut labels);
    loop {
        let moved = move_nodes(&coarse, &mut labels, options.resolution, random);
        let communities = renumber(&mut labels);
        if !moved || communities == coarse.len() {
            return holder.iter().map(|&h| labels[h]).collect();
        }
        let mut fine = match options.method {
            Method::Louvain => labels.clone(),
            Method::Leiden => refine(&coarse, &labels, communities, options.resolution, random),
        };
        let count = renumber(&mut fine);
        if count == coarse.len() {
            // Refinement joined nothing: aggregate the communities themselves.
            fine.clone_from(&labels);
            renumber(&mut fine);
        }
        let count = fine.iter().max().map_or(0, |m| m + 1);
        let mut of_coarser = vec![0; count];
        for (node, &f) in fine.iter().enumerate() {
            of_coarser[f] = labels[node];
        }
        coarse = coarse.aggregate(&fine, count);
        for h in &mut holder {
            *h = fine[*h];
        }
        labels = of_coarser;
    }
}

/// Shuffles 0..n (Fisher and Yates).
fn shuffled(n: usize, random: &mut Stream) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, random.random_range(0..=i));
    }
    order
}

/// Flow from one node to each label, with the labels touched in order of appearance.
struct FlowTo {
    flow: Vec<f64>,
    touched: Vec<usize>,
}

impl FlowTo {
    fn new(labels: usize) -> Self {
        Self {
            flow: vec![0.0; labels],
            touched: Vec::new(),
        }
    }

    fn gather(&mut self, around: impl Iterator<Item = (usize, f64)>) {
        for &label in &self.touched {
            self.flow[label] = 0.0;
        }
        self.touched.clear();
        for (label, w) in around {
            if self.flow[label] == 0.0 {
                self.touched.push(label);
            }
            self.flow[label] += w;
        }
    }
}

/// Moves nodes to the label of greatest gain until none gains; labels lie in 0..n. Returns whether
/// any moved.
fn move_nodes(graph: &Graph, labels: &mut [usize], resolution: f64, random: &mut Stream) -> bool {
    let n = graph.len();
    let mut strength = vec![0.0; n];
    let mut size = vec![0_usize; n];
    for (node, &label) in labels.iter().enumerate() {
        strength[label] += graph.strength(node);
        size[label] += 1;
    }
    let mut free: Vec<usize> = (0..n).filter(|&l| size[l] == 0).collect();
    let mut queue: VecDeque<usize> = shuffled(n, random).into();
    let mut waiting = vec![true; n];
    let mut to = FlowTo::new(n);
    let mut any = false;
    while let Some(node) = queue.pop_front() {
        waiting[node] = false;
        let own = labels[node];
        let k = graph.strength(node);
        strength[own] -= k;
        to.gather(graph.around(node).map(|(other, w)| (labels[other], w)));
        let gain = |label: usize, strength: &[f64]| {
            to.flow[label] - resolution * k * strength[label] / graph.total()
        };
        let mut best = (own, gain(own, &strength));
        let alone = free.last().copied().filter(|_| size[own] > 1);
        for label in to.touched.iter().copied().chain(alone) {
            let g = gain(label, &strength);
            if g > best.1 + GAIN_MIN * graph.total() {
                best = (label, g);
            }
        }
        strength[best.0] += k;
        if best.0 == own {
            continue;
        }
        any = true;
        labels[node] = best.0;
        if Some(best.0) == alone {
            free.pop();
        }
        size[best.0] += 1;
        size[own] -= 1;
        if size[own] == 0 {
            strength[own] = 0.0;
            free.push(own);
        }
        for (other, _) in graph.around(node) {
            if labels[other] != best.0 && !waiting[other] {
                waiting[other] = true;
                queue.push_back(other);
            }
        }
    }
    any
}

/// Splits each community into well-connected parts: single nodes join parts of their own community,
/// at random in favour of gain.
fn refine(
    graph: &Graph,
    labels: &[usize],
    communities: usize,
    resolution: f64,
    random: &mut Stream,
) -> Vec<usize> {
    let n = graph.len();
    let scale = resolution / graph.total();
    let mut whole = vec![0.0; communities];
    for (node, &label) in labels.iter().enumerate() {
        whole[label] += graph.strength(node);
    }
    let mut part: Vec<usize> = (0..n).collect();
    let mut size = vec![1_usize; n];
    let mut strength: Vec<f64> = (0..n).map(|v| graph.strength(v)).collect();
    // Flow of a part to the rest of its community.
    let inward = |v: usize| -> f64 {
        let own = graph.around(v).filter(|(o, _)| labels[*o] == labels[v]);
        own.map(|(_, w)| w).sum()
    };
    let mut outward: Vec<f64> = (0..n).map(inward).collect();
    let mut to = FlowTo::new(n);
    for node in shuffled(n, random) {
        let own = part[node];
        let (k, all) = (graph.strength(node), whole[labels[node]]);
        if size[own] != 1 || outward[own] < scale * k * (all - k) {
            continue;
        }
        let near = graph
            .around(node)
            .filter(|(o, _)| labels[*o] == labels[node]);
        to.gather(near.map(|(o, w)| (part[o], w)));
        let choices: Vec<(usize, f64)> = to
            .touched
            .iter()
            .filter(|&&p| outward[p] >= scale * strength[p] * (all - strength[p]))
            .map(|&p| (p, to.flow[p] - scale * k * strength[p]))
            .filter(|(_, gain)| *gain > 0.0)
            .collect();
        let Some(chosen) = draw(&choices, graph.total(), random) else {
            continue;
        };
        let flow = to.flow[chosen];
        outward[chosen] += outward[own] - 2.0 * flow;
        strength[chosen] += k;
        size[chosen] += 1;
        size[own] = 0;
        (strength[own], outward[own]) = (0.0, 0.0);
        part[node] = chosen;
    }
    part
}

/// Draws a part with probability proportional to exp(dQ / theta).
fn draw(choices: &[(usize, f64)], total: f64, random: &mut Stream) -> Option<usize> {
    let top = choices
        .iter()
        .map(|c| c.1)
        .fold(f64::NEG_INFINITY, f64::max);
    // dQ = 2 gain / 2m; measured from the greatest, so that no exponential overflows.
    let weight = |gain: f64| (2.0 * (gain - top) / total / THETA).exp();
    let sum: f64 = choices.iter().map(|c| weight(c.1)).sum();
    let mut left = random.random::<f64>() * sum;
    for &(part, gain) in choices {
        left -= weight(gain);
        if left <= 0.0 {
            return Some(part);
        }
    }
    choices.last().map(|c| c.0)
}

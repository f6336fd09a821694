//! What is connected: the largest set of streets each of which leads to each other, and the one-way
//! streets into it and out of it at the edge of the map.

use super::cluster::Junctions;
use super::turns::Turn;
use super::{Map, place};
use crate::error::TrafficError;

/// Which streets stay.
pub(super) fn keep(
    map: &mut Map,
    junctions: &Junctions,
    turns: &[Vec<Turn>],
    file: &str,
) -> Result<Vec<bool>, TrafficError> {
    let group = groups(turns);
    let mut sizes = vec![0_usize; turns.len()];
    for (k, g) in group.iter().enumerate() {
        if !junctions.inner[k] {
            sizes[*g] += 1;
        }
    }
    // Of equal ones the first.
    let largest = (0..sizes.len()).max_by_key(|g| (sizes[*g], std::cmp::Reverse(*g)));
    let Some(largest) = largest.filter(|g| sizes[*g] > 0) else {
        return Err(TrafficError::Inconsistent {
            at: place(file, 0, "map".into()),
            message: "there is no street for cars in the map".into(),
        });
    };
    let core: Vec<bool> = group.iter().map(|g| *g == largest).collect();
    let mut back = vec![Vec::new(); turns.len()];
    for (k, all) in turns.iter().enumerate() {
        for turn in all {
            back[turn.to].push(k);
        }
    }
    let exits = spread(&core, |k| turns[k].iter().map(|t| t.to).collect());
    let entries = spread(&core, |k| back[k].clone());
    let mut kept = Vec::with_capacity(core.len());
    for k in 0..core.len() {
        let arm = exits[k] || entries[k];
        kept.push(arm && !junctions.inner[k]);
        if junctions.inner[k] || core[k] {
            continue;
        }
        let id = &map.streets[k].id;
        if arm {
            let what = "one-way street at the edge of the map: trips begin or end there";
            map.assumed.add_at(what, || format!("{file}: street {id}"));
        } else {
            let what = "street not connected with the largest part of the map: left out";
            map.unmodelled
                .add_at(what, || format!("{file}: street {id}"));
        }
    }
    Ok(kept)
}

/// All that is reached from the set by `next`.
fn spread(core: &[bool], next: impl Fn(usize) -> Vec<usize>) -> Vec<bool> {
    let mut seen = core.to_vec();
    let mut open: Vec<usize> = (0..core.len()).filter(|k| core[*k]).collect();
    while let Some(k) = open.pop() {
        for n in next(k) {
            if !std::mem::replace(&mut seen[n], true) {
                open.push(n);
            }
        }
    }
    seen
}

/// The strongly connected set of each street, named by one of its members (Tarjan's algorithm with its
/// own stack: maps are deeper than a thread's).
fn groups(turns: &[Vec<Turn>]) -> Vec<usize> {
    const NEW: usize = usize::MAX;
    let n = turns.len();
    let (mut index, mut low, mut group) = (vec![NEW; n], vec![0; n], vec![NEW; n]);
    let (mut stack, mut calls, mut count) = (Vec::new(), Vec::new(), 0);
    for root in 0..n {
        if index[root] != NEW {
            continue;
        }
        calls.push((root, 0));
        while let Some(&(k, at)) = calls.last() {
            if at == 0 {
                (index[k], low[k]) = (count, count);
                count += 1;
                stack.push(k);
            }
            if let Some(turn) = turns[k].get(at) {
                let depth = calls.len() - 1;
                calls[depth].1 += 1;
                if index[turn.to] == NEW {
                    calls.push((turn.to, 0));
                } else if group[turn.to] == NEW {
                    low[k] = low[k].min(index[turn.to]);
                }
                continue;
            }
            calls.pop();
            if let Some(&(parent, _)) = calls.last() {
                low[parent] = low[parent].min(low[k]);
            }
            if low[k] == index[k] {
                while let Some(member) = stack.pop() {
                    group[member] = k;
                    if member == k {
                        break;
                    }
                }
            }
        }
    }
    group
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streets::turns::Kind;

    #[test]
    fn rings_are_found_and_tails_are_not_in_them() {
        let to = |all: &[usize]| {
            let turn = |to: &usize| Turn {
                to: *to,
                kind: Kind::Straight,
                angle_deg: 0.0,
            };
            all.iter().map(turn).collect::<Vec<_>>()
        };
        // 0 - 1 - 2 is a ring, 3 leads in, 4 leads out, 5 and 6 are a ring of their own.
        let turns = [
            to(&[1]),
            to(&[2, 4]),
            to(&[0]),
            to(&[0]),
            to(&[]),
            to(&[6]),
            to(&[5]),
        ];
        let group = groups(&turns);
        assert!(group[0] == group[1] && group[1] == group[2]);
        assert!(group[3] != group[0] && group[4] != group[0] && group[5] == group[6]);
    }
}

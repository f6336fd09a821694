//! Reader of the OR-Library's uncapacitated p-median instances (Beasley 1990).

use super::Sites;
use crate::RegionError;
use crate::programme::at_most;

/// Most vertices: shortest paths take their cube.
const VERTICES: usize = 2_000;

/// Reads `n m p` and `m` edges `i j cost`, and computes shortest paths between all vertices
/// (Floyd 1962). An edge that occurs more than once has the **last** cost, as the published optima
/// assume. Gives the problem with weights 1, and p.
///
/// # Errors
/// [`RegionError::Unreadable`] and [`RegionError::BadValue`] with the line;
/// [`RegionError::Infeasible`] for a graph in pieces.
pub fn read_orlib(text: &str, file: &str) -> Result<(Sites, usize), RegionError> {
    let mut lines = text
        .lines()
        .enumerate()
        .map(|(i, l)| (i + 1, l))
        .filter(|(_, l)| !l.trim().is_empty());
    let (line, head) = lines.next().ok_or_else(|| RegionError::Unreadable {
        at: RegionError::place(file, 1),
        message: "is empty; \"n m p\" is needed".to_owned(),
    })?;
    let [n, m, p] = three(head, file, line)?;
    at_most("vertices of an OR-Library instance", n, VERTICES)?;
    let mut d = vec![f64::INFINITY; n * n];
    for i in 0..n {
        d[i * n + i] = 0.0;
    }
    let mut edges = 0;
    for (line, text) in lines {
        let [i, j, cost] = three(text, file, line)?;
        for (what, v) in [("from", i), ("to", j)] {
            if v == 0 || v > n {
                return Err(bad(file, line, what, v, &format!("lies outside 1..={n}")));
            }
        }
        if i == j {
            return Err(bad(file, line, "to", j, "is the vertex itself"));
        }
        edges += 1;
        d[(i - 1) * n + j - 1] = cost as f64;
        d[(j - 1) * n + i - 1] = cost as f64;
    }
    RegionError::same_len("edges of an OR-Library instance", m, edges)?;
    floyd(&mut d, n);
    if let Some(cell) = d.iter().position(|v| v.is_infinite()) {
        return Err(RegionError::Infeasible {
            problem: file.to_owned(),
            constraint: format!(
                "a connected graph: no path from {} to {}",
                cell / n + 1,
                cell % n + 1
            ),
        });
    }
    Ok((Sites::new(d, vec![1.0; n])?, p))
}

/// Shortest paths in place.
pub(crate) fn floyd(d: &mut [f64], n: usize) {
    for k in 0..n {
        let via = d[k * n..(k + 1) * n].to_vec();
        for i in 0..n {
            let to_k = d[i * n + k];
            if to_k.is_finite() {
                for (cell, from_k) in d[i * n..(i + 1) * n].iter_mut().zip(&via) {
                    *cell = cell.min(to_k + from_k);
                }
            }
        }
    }
}

fn three(text: &str, file: &str, line: usize) -> Result<[usize; 3], RegionError> {
    let mut found = [0; 3];
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.len() != 3 {
        return Err(RegionError::Unreadable {
            at: RegionError::place(file, line),
            message: format!("{} numbers, three are needed", words.len()),
        });
    }
    for (slot, word) in found.iter_mut().zip(words) {
        *slot = word
            .parse::<u32>()
            .map_err(|_| bad(file, line, "number", word, "is no whole number below 2^32"))?
            as usize;
    }
    Ok(found)
}

fn bad(
    file: &str,
    line: usize,
    what: &str,
    value: impl std::fmt::Display,
    message: &str,
) -> RegionError {
    RegionError::BadValue {
        at: RegionError::place(file, line),
        what: what.to_owned(),
        value: value.to_string(),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_cost_counts_and_paths_are_shortest() {
        let (sites, p) = read_orlib(" 3 3 1 \n 1 2 4 \n 2 3 5 \n 1 2 9 \n", "x").unwrap();
        assert_eq!(p, 1);
        assert_eq!(sites.row(0), [0.0, 9.0, 14.0]);
    }

    #[test]
    fn refuses_with_the_line() {
        let error = |t: &str| read_orlib(t, "x").unwrap_err().to_string();
        assert!(error("").contains("n m p"));
        assert!(error("3 1 1\n1 2").contains("three"));
        assert!(error("3 1 1\n1 4 2").contains("1..=3"));
        assert!(error("3 1 1\n1 1 2").contains("itself"));
        assert!(error("3 1 1\n1 2 -2").contains("whole number"));
        assert!(error("3 2 1\n1 2 2").contains("2 needed"));
        assert!(error("3 1 1\n1 2 2").contains("no path from 1 to 3"));
        assert!(error("9999 1 1\n").contains("more than"));
    }
}

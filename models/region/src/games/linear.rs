//! Small dense linear systems of coalition rows.

/// Rows of coefficients, kept reduced so that dependence on them is seen at once.
#[derive(Debug, Default)]
pub(super) struct Span {
    /// Reduced rows with right-hand side appended, and the column each one leads with.
    rows: Vec<(usize, Vec<f64>)>,
}

impl Span {
    /// Number of independent rows.
    pub(super) fn rank(&self) -> usize {
        self.rows.len()
    }

    /// Adds the row `sum of x over mask = rhs`; false, and nothing added, when it depends on the
    /// rows before.
    pub(super) fn add(&mut self, mask: usize, n: usize, rhs: f64) -> bool {
        let mut row = self.reduced(mask, n, rhs);
        let Some(lead) = leading(&row, n) else {
            return false;
        };
        let pivot = row[lead];
        row.iter_mut().for_each(|v| *v /= pivot);
        for (_, other) in &mut self.rows {
            let factor = other[lead];
            if factor != 0.0 {
                for (o, r) in other.iter_mut().zip(&row) {
                    *o -= factor * r;
                }
            }
        }
        self.rows.push((lead, row));
        true
    }

    /// Whether the rows fix the sum of x over `mask`.
    pub(super) fn holds(&self, mask: usize, n: usize) -> bool {
        leading(&self.reduced(mask, n, 0.0), n).is_none()
    }

    /// The solution, once the rank is `n`.
    pub(super) fn solution(&self, n: usize) -> Option<Vec<f64>> {
        if self.rank() < n {
            return None;
        }
        let mut x = vec![0.0; n];
        for (lead, row) in &self.rows {
            x[*lead] = row[n];
        }
        Some(x)
    }

    fn reduced(&self, mask: usize, n: usize, rhs: f64) -> Vec<f64> {
        let mut row: Vec<f64> = (0..n).map(|i| (mask >> i & 1) as f64).collect();
        row.push(rhs);
        for (lead, other) in &self.rows {
            let factor = row[*lead];
            if factor != 0.0 {
                for (r, o) in row.iter_mut().zip(other) {
                    *r -= factor * o;
                }
            }
        }
        row
    }
}

/// The column of the largest entry, if it is not rounding.
fn leading(row: &[f64], n: usize) -> Option<usize> {
    let (lead, size) = row[..n]
        .iter()
        .enumerate()
        .fold((0, 0.0_f64), |best, (i, v)| {
            if v.abs() > best.1 { (i, v.abs()) } else { best }
        });
    (size > 1e-9).then_some(lead)
}

//! Shift-share (Dunn 1960): what the nation, the mix and the place itself gave to a change in jobs.

use serde::Serialize;

use crate::RegionError;
use crate::joins::closes;

/// Parts of the change in every sector of one region.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShiftShare {
    /// `NS = e0 (E1/E0 - 1)`: growth with the nation.
    pub national: Vec<f64>,
    /// `IM = e0 (E1s/E0s - E1/E0)`: growth or decline of the sector everywhere.
    pub mix: Vec<f64>,
    /// `RS = e0 (e1/e0 - E1s/E0s)`: what only this region had.
    pub regional: Vec<f64>,
    /// `e1 - e0`, the sum of the three.
    pub change: Vec<f64>,
}

/// Shift-share of one region: jobs by sector then and now, of the region and the nation.
///
/// Errors: lengths that differ, negative jobs, a nation without jobs in a sector where the region
/// had some; a decomposition that does not close ([`RegionError::DoesNotAddUp`]).
pub fn shift_share(
    region_then: &[f64],
    region_now: &[f64],
    nation_then: &[f64],
    nation_now: &[f64],
) -> Result<ShiftShare, RegionError> {
    let n = region_then.len();
    let all = [region_then, region_now, nation_then, nation_now];
    for jobs in all {
        RegionError::same_len("sectors of shift-share", n, jobs.len())?;
        if let Some(s) = jobs.iter().position(|e| !(*e >= 0.0 && e.is_finite())) {
            return Err(RegionError::option(
                "jobs of shift-share",
                format!("sector {} has {}", s + 1, jobs[s]),
            ));
        }
    }
    let nation = nation_now.iter().sum::<f64>() / nation_then.iter().sum::<f64>();
    if !nation.is_finite() {
        return Err(RegionError::option("jobs of the nation", "there were none"));
    }
    let mut out = ShiftShare {
        national: Vec::with_capacity(n),
        mix: Vec::with_capacity(n),
        regional: Vec::with_capacity(n),
        change: Vec::with_capacity(n),
    };
    for s in 0..n {
        let (e0, e1) = (region_then[s], region_now[s]);
        if nation_then[s] == 0.0 && (e0 > 0.0 || e1 > 0.0) {
            return Err(RegionError::option(
                "jobs of the nation",
                format!("sector {} had none, so its growth is unknown", s + 1),
            ));
        }
        // A sector that nobody had contributes nothing.
        let sector = if nation_then[s] > 0.0 {
            nation_now[s] / nation_then[s]
        } else {
            nation
        };
        let parts = [
            e0 * (nation - 1.0),
            e0 * (sector - nation),
            e1 - e0 * sector,
        ];
        // Of jobs, not of their difference: that one may be tiny where both are large.
        let scale = e0.max(e1).max(1.0);
        closes(
            &format!("shift-share of sector {}, per job", s + 1),
            (e1 - e0) / scale,
            &parts.map(|p| p / scale),
        )?;
        out.national.push(parts[0]);
        out.mix.push(parts[1]);
        out.regional.push(parts[2]);
        out.change.push(e1 - e0);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_toy() {
        let s = shift_share(&[100., 50.], &[130., 45.], &[1000., 1000.], &[1200., 900.]).unwrap();
        for (found, expected) in [
            (&s.national, [5.0, 2.5]),
            (&s.mix, [15.0, -7.5]),
            (&s.regional, [10.0, 0.0]),
        ] {
            for (f, e) in found.iter().zip(expected) {
                assert!((f - e).abs() < 1e-9, "{f} is not {e}");
            }
        }
    }

    #[test]
    fn a_sector_the_nation_did_not_have_is_refused() {
        assert!(shift_share(&[1., 1.], &[1., 1.], &[5., 0.], &[5., 5.]).is_err());
        assert!(shift_share(&[1.], &[1.], &[0.], &[0.]).is_err());
        assert!(shift_share(&[1.], &[1., 2.], &[1.], &[1.]).is_err());
    }

    proptest! {
        #[test]
        fn parts_add_up(
            rows in prop::collection::vec((0.0..1e7_f64, 0.0..1e7_f64, 1e7..1e9_f64, 0.0..1e9_f64), 1..20)
        ) {
            let column = |f: fn(&(f64, f64, f64, f64)) -> f64| rows.iter().map(f).collect::<Vec<_>>();
            let s = shift_share(&column(|r| r.0), &column(|r| r.1), &column(|r| r.2), &column(|r| r.3)).unwrap();
            for (k, row) in rows.iter().enumerate() {
                let sum = s.national[k] + s.mix[k] + s.regional[k];
                prop_assert!((sum - (row.1 - row.0)).abs() <= 1e-9 * row.0.max(row.1).max(1.0) * 10.0);
            }
        }
    }
}

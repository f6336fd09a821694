//! Regressions with neighbours: spatial lag, spatial error and spatial Durbin models by maximum
//! likelihood, and what a change here does here and elsewhere.
//!
//! The likelihood is concentrated on the one spatial parameter (Anselin 1988, ch. 12; LeSage and Pace
//! 2009, ch. 3) and maximised over (-1, 1); ln|I - rho W| is exact, by factorisation.

use nalgebra::{DMatrix, DVector};
use serde::Serialize;

use crate::RegionError;
use crate::convergence::ols::{Column, Projection, design};
use crate::weights::Weights;

/// Most units: a factorisation a step grows with their cube.
const UNITS_MAX: usize = 1_000;

/// Where the neighbours come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SpatialModel {
    /// SAR: y = rho W y + X b + e.
    Lag,
    /// SEM: y = X b + u, u = lambda W u + e.
    Error,
    /// SDM: y = rho W y + X b + W X t + e.
    Durbin,
}

/// Effects of one column: a unit more of it in one place, averaged over places.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Impact {
    /// The column.
    pub name: String,
    /// On y in the same place: tr(S)/n.
    pub direct: f64,
    /// On y in all other places together: total - direct.
    pub indirect: f64,
    /// On y everywhere: 1'S1/n.
    pub total: f64,
}

/// A fitted spatial regression.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpatialFit {
    /// The model.
    pub model: SpatialModel,
    /// Names: constant, columns, then for Durbin `W column`.
    pub names: Vec<String>,
    /// Coefficients in that order.
    pub coefficients: Vec<f64>,
    /// Their asymptotic standard errors, from the information matrix.
    pub standard_errors: Vec<f64>,
    /// rho, or lambda of the error model.
    pub spatial: f64,
    /// Its asymptotic standard error.
    pub spatial_standard_error: f64,
    /// Residual variance over n.
    pub sigma2: f64,
    /// Log-likelihood.
    pub log_likelihood: f64,
    /// 2 (coefficients + 2) - 2 log-likelihood: rho and the variance count.
    pub aic: f64,
    /// Effects by column.
    pub impacts: Vec<Impact>,
}

/// Fits a spatial regression; a constant is added. `weights` must be row-standardised.
///
/// # Errors
/// `Shape`, `Option`: one finite value a unit and column, rows of weights that sum to 1 (no islands),
/// more units than coefficients + 1; `Singular` naming a dependent column; `TooLarge` above 1,000
/// units.
pub fn spatial_regression(
    model: SpatialModel,
    y: &[f64],
    columns: &[Column],
    weights: &Weights,
) -> Result<SpatialFit, RegionError> {
    check(y, weights)?;
    let mut all = vec![Column::constant(y.len())];
    all.extend(columns.iter().cloned());
    if model == SpatialModel::Durbin {
        for column in columns {
            RegionError::same_len(
                &format!("values of \"{}\"", column.name),
                y.len(),
                column.values.len(),
            )?;
            all.push(Column::new(
                format!("W {}", column.name),
                weights.lag(&column.values)?,
            ));
        }
    }
    let x = design(y, &all)?;
    if y.len() <= all.len() + 1 {
        return Err(RegionError::option(
            "spatial regression",
            format!(
                "{} units for {} coefficients; give more units",
                y.len(),
                all.len() + 2
            ),
        ));
    }
    let problem = Problem {
        model,
        w: DMatrix::from_fn(y.len(), y.len(), |i, j| weights.weight(i, j)),
        y: DVector::from_column_slice(y),
        columns: &all,
        x,
    };
    problem.fit(columns)
}

fn check(y: &[f64], weights: &Weights) -> Result<(), RegionError> {
    RegionError::same_len("values of the spatial regression", weights.len(), y.len())?;
    if y.len() > UNITS_MAX {
        return Err(RegionError::TooLarge {
            what: "units of a spatial regression".to_owned(),
            count: y.len() as u64,
            limit: UNITS_MAX as u64,
        });
    }
    for unit in 0..weights.len() {
        let sum: f64 = weights.row(unit).1.iter().sum();
        if (sum - 1.0).abs() > 1e-9 {
            return Err(RegionError::option(
                "weights of the spatial regression",
                format!(
                    "the weights of unit {unit} sum to {sum}; row-standardise them, and link or drop islands"
                ),
            ));
        }
    }
    Ok(())
}

struct Problem<'a> {
    model: SpatialModel,
    w: DMatrix<f64>,
    y: DVector<f64>,
    columns: &'a [Column],
    x: DMatrix<f64>,
}

impl Problem<'_> {
    fn fit(&self, named: &[Column]) -> Result<SpatialFit, RegionError> {
        let n = self.y.len() as f64;
        let lagged = Projection::of(self.x.clone(), self.columns)?;
        // Residuals of y and of Wy on X: those of the lag models are linear in rho.
        let wy = &self.w * &self.y;
        let (e0, e1) = (lagged.residuals(&self.y), lagged.residuals(&wy));
        if e0.norm_squared() <= 1e-20 * self.y.norm_squared() {
            return Err(RegionError::Singular {
                what: "spatial regression".to_owned(),
                message: "the columns give y exactly; no residual is left to place".to_owned(),
            });
        }
        let sse = |rho: f64| -> Result<f64, RegionError> {
            match self.model {
                SpatialModel::Error => Ok(self.filtered(rho)?.1.norm_squared()),
                _ => Ok((&e0 - &e1 * rho).norm_squared()),
            }
        };
        let likelihood = |rho: f64| -> Result<f64, RegionError> {
            let sigma2 = sse(rho)? / n;
            Ok(
                -n / 2.0 * ((2.0 * std::f64::consts::PI).ln() + 1.0 + sigma2.ln())
                    + self.log_determinant(rho),
            )
        };
        let rho = maximum(likelihood)?;
        let sigma2 = sse(rho)? / n;
        let (coefficients, errors, spatial_error) = match self.model {
            SpatialModel::Error => self.error_result(rho, sigma2)?,
            _ => {
                let b = lagged.coefficients(&(&self.y - &wy * rho));
                self.lag_result(rho, sigma2, b)?
            }
        };
        let log_likelihood = likelihood(rho)?;
        Ok(SpatialFit {
            model: self.model,
            names: self.columns.iter().map(|c| c.name.clone()).collect(),
            impacts: self.impacts(rho, &coefficients, named)?,
            standard_errors: errors,
            spatial: rho,
            spatial_standard_error: spatial_error,
            sigma2,
            log_likelihood,
            aic: 2.0 * (coefficients.len() as f64 + 2.0) - 2.0 * log_likelihood,
            coefficients,
        })
    }

    /// I - rho W.
    fn filter(&self, rho: f64) -> DMatrix<f64> {
        DMatrix::identity(self.w.nrows(), self.w.ncols()) - &self.w * rho
    }

    fn log_determinant(&self, rho: f64) -> f64 {
        let lu = self.filter(rho).lu();
        let u = lu.u();
        u.diagonal().iter().map(|d| d.abs().ln()).sum()
    }

    fn inverse(&self, rho: f64) -> Result<DMatrix<f64>, RegionError> {
        self.filter(rho)
            .try_inverse()
            .ok_or_else(|| RegionError::Singular {
                what: "spatial regression".to_owned(),
                message: format!("I - rho W has no inverse at rho = {rho}"),
            })
    }

    /// Projection and residuals of the error model, filtered with lambda.
    fn filtered(&self, lambda: f64) -> Result<(Projection, DVector<f64>), RegionError> {
        let x = &self.x - (&self.w * &self.x) * lambda;
        let projection = Projection::of(x, self.columns)?;
        let y = &self.y - (&self.w * &self.y) * lambda;
        let residuals = projection.residuals(&y);
        Ok((projection, residuals))
    }

    /// Coefficients, their standard errors and that of lambda.
    fn error_result(
        &self,
        lambda: f64,
        sigma2: f64,
    ) -> Result<(Vec<f64>, Vec<f64>, f64), RegionError> {
        let (projection, _) = self.filtered(lambda)?;
        let y = &self.y - (&self.w * &self.y) * lambda;
        let b = projection.coefficients(&y);
        let errors = (0..b.len())
            .map(|j| (sigma2 * projection.inverse_r.row(j).norm_squared()).sqrt())
            .collect();
        let g = &self.w * self.inverse(lambda)?;
        let n = self.y.len() as f64;
        // Information of (lambda, sigma2); coefficients are apart from both.
        let own = trace_of_product(&g, &g) + g.norm_squared();
        let cross = g.trace() / sigma2;
        let information = own - cross * cross * 2.0 * sigma2 * sigma2 / n;
        Ok((b.as_slice().to_vec(), errors, (1.0 / information).sqrt()))
    }

    /// Coefficients, their standard errors and that of rho, from the information matrix of
    /// (coefficients, rho, sigma2).
    fn lag_result(
        &self,
        rho: f64,
        sigma2: f64,
        b: DVector<f64>,
    ) -> Result<(Vec<f64>, Vec<f64>, f64), RegionError> {
        let (n, k) = (self.y.len() as f64, b.len());
        let g = &self.w * self.inverse(rho)?;
        let gxb = &g * (&self.x * &b);
        let mut information = DMatrix::zeros(k + 2, k + 2);
        information
            .view_mut((0, 0), (k, k))
            .copy_from(&(self.x.tr_mul(&self.x) / sigma2));
        let cross = self.x.tr_mul(&gxb) / sigma2;
        for j in 0..k {
            information[(j, k)] = cross[j];
            information[(k, j)] = cross[j];
        }
        information[(k, k)] =
            trace_of_product(&g, &g) + g.norm_squared() + gxb.norm_squared() / sigma2;
        information[(k, k + 1)] = g.trace() / sigma2;
        information[(k + 1, k)] = g.trace() / sigma2;
        information[(k + 1, k + 1)] = n / (2.0 * sigma2 * sigma2);
        // Scaled to a diagonal of ones, since entries differ by many orders.
        let scale: Vec<f64> = (0..k + 2).map(|j| information[(j, j)].sqrt()).collect();
        let scaled = DMatrix::from_fn(k + 2, k + 2, |i, j| {
            information[(i, j)] / (scale[i] * scale[j])
        });
        let covariance = scaled.try_inverse().ok_or_else(|| RegionError::Singular {
            what: "spatial regression".to_owned(),
            message: "the information matrix has no inverse".to_owned(),
        })?;
        let error = |j: usize| covariance[(j, j)].max(0.0).sqrt() / scale[j];
        Ok((b.as_slice().to_vec(), (0..k).map(error).collect(), error(k)))
    }

    /// S_r = (I - rho W)^-1 (I b_r + W t_r).
    fn impacts(
        &self,
        rho: f64,
        coefficients: &[f64],
        named: &[Column],
    ) -> Result<Vec<Impact>, RegionError> {
        let n = self.y.len() as f64;
        let s = match self.model {
            SpatialModel::Error => DMatrix::identity(self.w.nrows(), self.w.ncols()),
            _ => self.inverse(rho)?,
        };
        let (own, own_sum) = (s.trace(), s.sum());
        let (near, near_sum) = (
            trace_of_product(&s, &self.w),
            (&s * self.w.column_sum()).sum(),
        );
        Ok(named
            .iter()
            .enumerate()
            .map(|(r, column)| {
                let b = coefficients[1 + r];
                let t = match self.model {
                    SpatialModel::Durbin => coefficients[1 + named.len() + r],
                    _ => 0.0,
                };
                let direct = (own * b + near * t) / n;
                let total = (own_sum * b + near_sum * t) / n;
                Impact {
                    name: column.name.clone(),
                    direct,
                    indirect: total - direct,
                    total,
                }
            })
            .collect())
    }
}

/// tr(AB) without the product.
fn trace_of_product(a: &DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
    a.component_mul(&b.transpose()).sum()
}

/// Where a likelihood over (-1, 1) is largest: the best of a grid, then golden sections about it.
fn maximum(f: impl Fn(f64) -> Result<f64, RegionError>) -> Result<f64, RegionError> {
    const EDGE: f64 = 1.0 - 1e-6;
    const GRID: u32 = 16;
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let step = 2.0 * EDGE / f64::from(GRID);
    let mut best = (f64::NEG_INFINITY, 0.0);
    for g in 0..=GRID {
        let rho = f64::from(g) * step - EDGE;
        let value = f(rho)?;
        if value > best.0 {
            best = (value, rho);
        }
    }
    let (mut low, mut high) = ((best.1 - step).max(-EDGE), (best.1 + step).min(EDGE));
    let mut left = high - GOLDEN * (high - low);
    let mut right = low + GOLDEN * (high - low);
    let (mut at_left, mut at_right) = (f(left)?, f(right)?);
    while high - low > 1e-9 {
        if at_left >= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - GOLDEN * (high - low);
            at_left = f(left)?;
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + GOLDEN * (high - low);
            at_right = f(right)?;
        }
    }
    Ok(low.midpoint(high))
}

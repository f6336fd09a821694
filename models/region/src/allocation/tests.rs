//! Local search and bound against every plan of three cities and three sectors.

use rand::prelude::*;

use super::*;

/// Synthetic jobs (within three times, so that the HHI caps hold), weights 1 and 2, equal reference shares.
pub(super) fn synthetic(
    seed: u64,
    n: usize,
    s: usize,
    jobs: u64,
    moved_jobs: u64,
    lq_drift: f64,
) -> AllocationProblem {
    let mut rng = conurb_base::stream(seed, "jobs", "test");
    let cells = (0..n * s)
        .map(|_| rng.random_range(jobs / 3..=jobs))
        .collect();
    AllocationProblem::new(
        (0..n).map(|i| format!("city {i}")).collect(),
        (0..s).map(|i| format!("sector {i}")).collect(),
        cells,
        (0..n * n).map(|c| 1.0 + (c % 2) as f64).collect(),
        vec![1.0 / s as f64; s],
        (0..n * s).map(|c| (c * 7 % 11) as f64).collect(),
        AllocationLimits {
            moved_jobs,
            city_total_share: 0.0,
            sector_total_share: 0.0,
            lq_drift,
            hhi_cap: vec![0.6; n],
        },
    )
    .unwrap()
}

/// Least overlap over every 3 x 3 table with the same margins within the limits.
fn brute_force(problem: &AllocationProblem) -> f64 {
    let b = problem.limits.moved_jobs as i64;
    let before: Vec<i64> = problem.jobs.iter().map(|j| *j as i64).collect();
    let share =
        |e: &[i64], c: usize| e[c] as f64 / e[c / 3 * 3..c / 3 * 3 + 3].iter().sum::<i64>() as f64;
    let mut least = f64::INFINITY;
    let range = -b..=b;
    for (p, q) in range
        .clone()
        .flat_map(|p| range.clone().map(move |q| (p, q)))
    {
        for (r, t) in range
            .clone()
            .flat_map(|r| range.clone().map(move |t| (r, t)))
        {
            let d = [p, q, -p - q, r, t, -r - t, -p - r, -q - t, p + q + r + t];
            let e: Vec<i64> = before.iter().zip(d).map(|(e, d)| e + d).collect();
            let moved = d.iter().map(|d| d.abs()).sum::<i64>() / 2;
            if moved > b || e.iter().any(|e| *e < 0) {
                continue;
            }
            let drift = (0..9).all(|c| {
                (share(&e, c) - share(&before, c)).abs() * 3.0 <= problem.limits.lq_drift + 1e-12
            });
            let hhi = (0..3)
                .all(|i| (0..3).map(|t| share(&e, 3 * i + t).powi(2)).sum::<f64>() <= 0.6 + 1e-12);
            if !drift || !hhi {
                continue;
            }
            let mut overlap = 0.0;
            for (i, j) in [(0, 1), (0, 2), (1, 2)] {
                let fk: f64 = (0..3)
                    .map(|t| share(&e, 3 * i + t).min(share(&e, 3 * j + t)))
                    .sum();
                overlap += problem.weight[3 * i + j] * fk;
            }
            least = least.min(overlap);
        }
    }
    least
}

#[test]
fn three_by_three_is_bounded_and_nearly_always_best() {
    let mut missed = Vec::new();
    for seed in 0..30 {
        let drift = if seed % 2 == 0 { f64::INFINITY } else { 0.5 };
        let problem = synthetic(seed, 3, 3, 9, 5, drift);
        let least = brute_force(&problem);
        let plan = problem.solve(AllocationSearch::default()).unwrap();
        let c = &plan.certificate;
        assert!(c.bound <= least + 1e-9, "seed {seed}: {c:?} {least}");
        assert!(c.objective >= least - 1e-9, "seed {seed}: {c:?} {least}");
        assert!(plan.moved_jobs <= 5 && c.objective <= plan.overlap_before);
        if c.objective > least + 1e-9 {
            missed.push(seed);
        }
    }
    println!("not best: seeds {missed:?} of 0..30");
    assert!(missed.len() <= 1, "not best: seeds {missed:?}");
}

#[test]
fn a_plan_keeps_its_limits_and_repeats() {
    let problem = synthetic(3, 5, 4, 400, 60, 0.4);
    let plan = problem.solve(AllocationSearch::default()).unwrap();
    assert!(plan.certificate.objective < plan.overlap_before);
    let sum = |jobs: &[u64], i: usize| -> u64 { jobs[i * 4..i * 4 + 4].iter().sum() };
    for i in 0..5 {
        assert_eq!(sum(&plan.jobs, i), sum(&problem.jobs, i));
    }
    for t in 0..4 {
        let column = |jobs: &[u64]| -> u64 { jobs.iter().skip(t).step_by(4).sum() };
        assert_eq!(column(&plan.jobs), column(&problem.jobs));
    }
    let density: Vec<f64> = plan
        .specialise
        .iter()
        .map(|c| c.relatedness_density)
        .collect();
    assert!(density.windows(2).all(|w| w[0] >= w[1]) && !density.is_empty());
    let gained: i64 = plan.specialise.iter().map(|c| c.change_jobs).sum();
    assert_eq!(gained as u64, plan.moved_jobs);
    assert_eq!(plan, problem.solve(AllocationSearch::default()).unwrap());
    // What the plan says is what its jobs give.
    let after = AllocationProblem {
        jobs: plan.jobs.clone(),
        ..problem.clone()
    };
    assert!((after.overlap() - plan.certificate.objective).abs() < 1e-12);
    // Freer totals never hurt.
    let mut freer = problem.clone();
    freer.limits.city_total_share = 0.05;
    freer.limits.sector_total_share = 0.05;
    let free = freer.solve(AllocationSearch::default()).unwrap();
    assert!(free.certificate.bound <= free.certificate.objective);
    assert!(free.certificate.objective < plan.overlap_before);
}

#[test]
fn refuses() {
    let good = synthetic(1, 3, 3, 9, 5, 1.0);
    let with = |jobs: Vec<u64>, limits: AllocationLimits| {
        AllocationProblem::new(
            good.cities.clone(),
            good.sectors.clone(),
            jobs,
            good.weight.clone(),
            good.reference_share.clone(),
            good.density.clone(),
            limits,
        )
    };
    let mut empty = good.jobs.clone();
    empty[3..6].fill(0);
    let error = with(empty, good.limits.clone()).unwrap_err().to_string();
    assert!(error.contains("city 1"), "{error}");
    let mut tight = good.limits.clone();
    tight.hhi_cap[2] = 0.1;
    let error = with(good.jobs.clone(), tight).unwrap_err().to_string();
    assert!(error.contains("HHI cap of city 2"), "{error}");
    let mut wrong = good.limits.clone();
    wrong.lq_drift = f64::NAN;
    assert!(with(good.jobs.clone(), wrong).is_err());
    assert!(with(vec![1; 8], good.limits.clone()).is_err());
    let none = AllocationSearch {
        evaluations: 0,
        ..AllocationSearch::default()
    };
    assert!(good.solve(none).is_err());
    let mut still = good.clone();
    still.limits.moved_jobs = 0;
    let plan = still.solve(AllocationSearch::default()).unwrap();
    assert!(
        plan.specialise.is_empty() && plan.certificate.proved,
        "{plan:?}"
    );
}

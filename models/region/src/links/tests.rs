//! Enumeration, branch and bound and greedy against each other; bad input.

use proptest::prelude::*;

use super::*;

const OBJECTIVES: [Objective; 5] = [
    Objective::Access,
    Objective::Norm(1.0),
    Objective::Norm(3.0),
    Objective::Norm(f64::INFINITY),
    Objective::Lexicographic,
];

/// Synthetic cities on a plane, all pairs as candidates up to `links`, cost = length.
fn problem(points: &[(f64, f64, f64)], links: usize, budget: f64) -> LinkProblem {
    let n = points.len();
    let km: Vec<f64> = (0..n * n)
        .map(|c| {
            let (a, b) = (points[c / n], points[c % n]);
            (a.0 - b.0).hypot(a.1 - b.1) + if c / n == c % n { 0.0 } else { 1.0 }
        })
        .collect();
    let mass: Vec<f64> = points.iter().map(|p| p.2).collect();
    let candidates = (0..n * n)
        .filter(|c| c / n < c % n)
        .take(links)
        .map(|c| Link {
            name: format!("{}-{}", c / n, c % n),
            from: c / n,
            to: c % n,
            cost: km[c],
            ride_min: km[c] * 60.0 / 200.0,
        })
        .collect();
    LinkProblem::new(
        (0..n).map(|i| i.to_string()).collect(),
        mass.clone(),
        off_network_min(&km, 200.0).unwrap(),
        gravity_trips(&mass, &km).unwrap(),
        candidates,
        budget,
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn enumeration_is_branch_and_bound_and_greedy_is_no_better(
        points in proptest::collection::vec((0.0..100.0_f64, 0.0..100.0_f64, 1.0..9.0_f64), 5..6),
        part in 0.2..0.7_f64,
    ) {
        let all = problem(&points, 10, 1e6);
        let budget = all.links.iter().map(|l| l.cost).sum::<f64>() * part;
        let p = problem(&points, 10, budget);
        for objective in OBJECTIVES {
            let exact = enumerate_links(&p, objective).unwrap();
            let tree = branch_and_bound(&p, objective, 1_000_000).unwrap();
            let cut = branch_and_bound(&p, objective, 5).unwrap().certificate;
            let greedy = greedy_links(&p, objective).unwrap().certificate;
            let best = exact.certificate.objective;
            prop_assert!(exact.certificate.proved && tree.certificate.proved);
            prop_assert!((tree.certificate.objective - best).abs() <= 1e-9 * best);
            prop_assert!(exact.cost <= budget * (1.0 + 1e-9) && tree.cost <= budget * (1.0 + 1e-9));
            let sign = if objective == Objective::Access { -1.0 } else { 1.0 };
            for c in [&cut, &greedy] {
                prop_assert!(sign * c.objective >= sign * best - 1e-9 * best, "{objective:?} {c:?} {best}");
                prop_assert!(sign * c.bound <= sign * best + 1e-9 * best, "{objective:?} {c:?} {best}");
            }
            if objective == Objective::Lexicographic {
                let sorted = |plan: &LinkPlan| {
                    let mut t: Vec<f64> = plan.city_trip_min.iter().flatten().copied().collect();
                    t.sort_by(|a, b| b.total_cmp(a));
                    t
                };
                for (a, b) in sorted(&exact).iter().zip(sorted(&tree)) {
                    prop_assert!((a - b).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn links_added_one_by_one_are_shortest_paths(
        points in proptest::collection::vec((0.0..100.0_f64, 0.0..100.0_f64, 1.0..9.0_f64), 6..7),
        mask in 0..1024_u64,
    ) {
        let p = problem(&points, 10, 1e6);
        let n = p.n();
        let mut whole = p.base_min.clone();
        for (l, link) in p.links.iter().enumerate().filter(|(l, _)| mask >> l & 1 == 1) {
            let _ = l;
            for c in [link.from * n + link.to, link.to * n + link.from] {
                whole[c] = whole[c].min(link.ride_min);
            }
        }
        floyd(&mut whole, n);
        for (a, b) in whole.iter().zip(p.minutes(mask)) {
            prop_assert!((a - b).abs() < 1e-9);
        }
    }
}

#[test]
fn the_front_falls_in_both_and_holds_the_best() {
    let points = [
        (0.0, 0.0, 9.0),
        (30.0, 5.0, 5.0),
        (60.0, 0.0, 2.0),
        (20.0, 60.0, 1.0),
        (90.0, 70.0, 1.0),
    ];
    let p = problem(&points, 10, 150.0);
    let front = pareto_front(&p, 1).unwrap();
    assert!(front.complete && front.points.len() > 1);
    for w in front.points.windows(2) {
        assert!(w[0].efficiency >= w[1].efficiency && w[0].equity.gini > w[1].equity.gini);
    }
    let best = enumerate_links(&p, Objective::Access)
        .unwrap()
        .certificate
        .objective;
    assert!((front.points[0].efficiency - best).abs() <= 1e-9 * best);
    let wide: Vec<(f64, f64, f64)> = (0..7)
        .map(|i| (f64::from(i * i), f64::from(i * 7 % 5), 1.0 + f64::from(i)))
        .collect();
    let swept = pareto_front(&problem(&wide, 15, 40.0), 2000).unwrap();
    assert!(!swept.complete && !swept.points.is_empty());
    let chosen = choose_links(&problem(&wide, 15, 40.0), Objective::Norm(1.0), 100_000).unwrap();
    let all = enumerate_links(&problem(&wide, 15, 40.0), Objective::Norm(1.0)).unwrap();
    assert!((chosen.certificate.objective - all.certificate.objective).abs() < 1e-9);
}

#[test]
fn inequality_of_four() {
    let e = equity(&[1.0, 2.0, 3.0, 4.0]);
    assert!((e.gini - 0.25).abs() < 1e-12);
    assert_eq!(
        (e.top_bottom_ratio, e.best_worst_ratio),
        (Some(4.0), Some(4.0))
    );
    assert_eq!(equity(&[0.0, 0.0]).best_worst_ratio, None);
    let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
    assert_eq!(equity(&twenty).top_bottom_ratio, Some(13.0));
}

fn two(base: f64, mass: f64, budget: f64) -> Result<LinkProblem, RegionError> {
    let link = Link {
        name: "a-b".to_owned(),
        from: 0,
        to: 1,
        cost: 5.0,
        ride_min: 10.0,
    };
    LinkProblem::new(
        ["a", "b", "c"].map(str::to_owned).to_vec(),
        vec![mass; 3],
        vec![base; 9],
        vec![mass; 9],
        vec![link],
        budget,
    )
}

#[test]
fn refuses() {
    let error = |r: Result<LinkProblem, RegionError>| r.unwrap_err().to_string();
    assert!(error(two(30.0, 1.0, 4.0)).contains("cheapest link, a-b"));
    assert!(error(two(30.0, 0.0, 9.0)).contains("all zero"));
    assert!(error(two(0.0, 1.0, 9.0)).contains("not above 0"));
    assert!(error(two(30.0, 1.0, f64::NAN)).contains("budget"));
    // No way to c, even with everything built.
    let cut = two(f64::INFINITY, 1.0, 9.0).unwrap();
    let found = choose_links(&cut, Objective::Norm(1.0), 10)
        .unwrap_err()
        .to_string();
    assert!(found.contains("none from a to c"), "{found}");
    // Access counts what cannot be reached as nothing.
    let access = choose_links(&cut, Objective::Access, 10).unwrap();
    assert_eq!(access.links, [0]);
    let fine = two(30.0, 1.0, 9.0).unwrap();
    assert!(choose_links(&fine, Objective::Norm(0.5), 10).is_err());
    assert!(branch_and_bound(&fine, Objective::Access, 0).is_err());
    assert!(gravity_trips(&[1.0, 1.0], &[0.0; 4]).is_err());
    assert!(off_network_min(&[1.0], 0.0).is_err());
}

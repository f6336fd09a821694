//! Published games: the shared oracle file.

use conurb_region::games::{
    Game, Kind, airport_game, airport_nucleolus, airport_shapley, bankruptcy_game, nucleolus,
    shapley, shapley_statement, talmud,
};
use conurb_region::river::{RiverRule, RiverTree};
use conurb_testkit::need_shared;

use crate::support::{json, near};

fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect()
}

#[track_caller]
fn all_near(found: &[f64], expected: &serde_json::Value, relative: f64) {
    let expected = numbers(expected);
    assert_eq!(found.len(), expected.len());
    for (f, e) in found.iter().zip(expected) {
        near(*f, e, relative);
    }
}

fn names(n: usize) -> Vec<String> {
    (1..=n).map(|i| i.to_string()).collect()
}

#[test]
fn games_of_the_literature() {
    let data = need_shared!("games_of_the_literature");
    let oracle = json(&data.join("region/reference/coop_games.json"));
    let c = [
        0.0, 163_520.0, 140_826.0, 301_607.0, 250_096.0, 378_821.0, 367_370.0, 412_584.0,
    ];
    let tva = Game::new(names(3), Kind::Cost, c.to_vec()).unwrap();
    let expected = &oracle["TVA(Straffin&Heaney1981)"];
    all_near(&shapley(&tva), &expected["shapley"], 1e-9);
    all_near(
        &nucleolus(&tva).unwrap().shares,
        &expected["nucleolus"],
        1e-6,
    );
    shapley_statement(&tva).check().unwrap();

    let claims = [100.0, 200.0, 300.0];
    for estate in [100.0, 200.0, 300.0] {
        let expected = &oracle[format!("Talmud E={estate}")];
        let game = bankruptcy_game(names(3), estate, &claims).unwrap();
        all_near(&shapley(&game), &expected["shapley"], 1e-9);
        all_near(
            &nucleolus(&game).unwrap().shares,
            &expected["nucleolus"],
            1e-6,
        );
        all_near(
            &talmud(estate, &claims).unwrap(),
            &expected["nucleolus"],
            1e-9,
        );
    }

    let expected = &oracle["airport [10,20,50,100]"];
    let costs = [10.0, 20.0, 50.0, 100.0];
    let game = airport_game(names(4), &costs).unwrap();
    all_near(&shapley(&game), &expected["shapley"], 1e-9);
    all_near(
        &airport_shapley(&costs).unwrap(),
        &expected["closed_form"],
        1e-9,
    );
    all_near(
        &nucleolus(&game).unwrap().shares,
        &expected["nucleolus"],
        1e-6,
    );
    all_near(
        &airport_nucleolus(&costs).unwrap(),
        &expected["nucleolus"],
        1e-9,
    );

    let expected = &oracle["polluted river C=[6,3,9,12]"];
    let chain = vec![Some(1), Some(2), Some(3), None];
    let river = RiverTree::new(names(4), chain, vec![6.0, 3.0, 9.0, 12.0]).unwrap();
    all_near(&river.shares(RiverRule::Local), &expected["LRS"], 1e-9);
    all_near(
        &river.shares(RiverRule::UpstreamEqual),
        &expected["UES"],
        1e-9,
    );
    let game = river.game(RiverRule::UpstreamEqual).unwrap();
    all_near(&shapley(&game), &expected["shapley_upstream_game"], 1e-9);
}

#[test]
fn forty_players_are_too_many_to_list() {
    use conurb_base::Coded;
    let error = Game::from_fn(names(40), Kind::Cost, |_| 1.0).unwrap_err();
    assert_eq!(error.code(), "CNB-REGION-0007");
    let fifteen = Game::from_fn(names(15), Kind::Cost, |m| f64::from(m.count_ones())).unwrap();
    assert_eq!(nucleolus(&fifteen).unwrap_err().code(), "CNB-REGION-0007");
    assert!(Game::new(names(2), Kind::Cost, vec![1.0, 1.0, 1.0, 1.0]).is_err());
    assert!(Game::new(names(2), Kind::Cost, vec![0.0, f64::NAN, 1.0, 1.0]).is_err());
    assert!(Game::new(names(2), Kind::Cost, vec![0.0; 3]).is_err());
    assert!(Game::new(vec![], Kind::Cost, vec![0.0]).is_err());
}

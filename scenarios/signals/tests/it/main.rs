//! The scenario against the contract and on a small generated city.

mod envelope;
mod field;
mod gaps;
mod golden;
mod joint;
mod replay;
mod town;

use conurb_scenario::kit;

#[test]
fn all_parts_and_blanks_are_there() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = kit::check_folder(folder).expect("all parts are there");
    assert_eq!(manifest.id, "signals");
    assert!(!manifest.kpi.is_empty());
}

//! The scenarios' stories: what their `console` blocks show is what the program says.

use std::path::Path;

use crate::program::Dir;

/// Every story in a folder of its own. `TRYCMD=dump` writes what the program said instead.
#[test]
fn the_stories_are_true() {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let dir = Dir::new();
    let mut found = 0;
    for scenario in std::fs::read_dir(scenarios)
        .expect("the scenarios")
        .flatten()
    {
        let name = scenario.file_name().to_string_lossy().into_owned();
        let stories = std::fs::read_dir(scenario.path().join("stories"));
        for story in stories.into_iter().flatten().flatten() {
            let text = std::fs::read_to_string(story.path()).expect("a story");
            if !text.contains("```console") {
                continue;
            }
            let file = story.file_name().to_string_lossy().into_owned();
            dir.write(&format!("{name}/{file}"), text);
            let stem = file.trim_end_matches(".md");
            std::fs::create_dir_all(dir.path(&format!("{name}/{stem}.in"))).expect("made");
            found += 1;
        }
    }
    assert!(found >= 2, "{found} stories with something to run");
    trycmd::TestCases::new()
        .register_bin("conurb", Path::new(env!("CARGO_BIN_EXE_conurb")))
        .register_bin("sed", Path::new("/bin/sed"))
        .env("LANG", "C")
        .timeout(std::time::Duration::from_secs(120))
        .case(dir.path("*/*.md").display().to_string());
}

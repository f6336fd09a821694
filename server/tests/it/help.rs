//! What the program says about itself.

use crate::program::conurb_test;

const COMMANDS: [&str; 18] = [
    "day",
    "sim",
    "sim run",
    "sim compare",
    "sim assign",
    "sim calibrate",
    "sim bench",
    "up",
    "gen",
    "decide",
    "decide list",
    "decide explain",
    "decide replay",
    "decide verify",
    "decide overturn",
    "doctor",
    "completions",
    "man",
];

conurb_test!(every_command_explains_itself, |dir| {
    let top = dir.run("--help").ok();
    assert!(
        top.out.contains("Examples:") && top.out.contains("Exit codes"),
        "{top:#?}"
    );
    for command in COMMANDS {
        let help = dir.run(&format!("{command} --help")).ok();
        assert!(help.out.contains("Usage: conurb"), "{help:#?}");
        // Every option is described: no line that is an option and nothing else.
        for pair in help.out.lines().collect::<Vec<_>>().windows(2) {
            let bare = pair[0].trim_start().starts_with("--") && !pair[0].trim().contains("  ");
            assert!(
                !bare || !pair[1].trim().is_empty(),
                "{command}: {}",
                pair[0]
            );
        }
        let explains = help.out.contains("Example")
            || help.out.contains("conurb.example.toml")
            || help
                .out
                .lines()
                .next()
                .is_some_and(|l| l.split_whitespace().count() >= 4);
        assert!(explains, "{help:#?}");
    }
});

conurb_test!(a_typo_is_answered_with_the_nearest_word, |dir| {
    dir.run("dayy").fails(2, &["'day'"]);
    dir.run("day --gen signals=4 --sedd 3")
        .fails(2, &["--seed"]);
    #[cfg(feature = "signals")]
    dir.run("day").fails(2, &["--network", "--demand"]);
    dir.run("sim run --network a.json").fails(2, &["--demand"]);
    dir.run("day --gen signals=4 --network a --demand b")
        .fails(2, &["cannot be used with"]);
    dir.run("day --gen signals=4 --seeds 0")
        .fails(2, &["1..=100"]);
    dir.run("day --gen signals=4 --interval 5")
        .fails(2, &["6..=45"]);
    dir.run("").fails(2, &["Usage"]);
});

conurb_test!(completions_and_manual, |dir| {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = dir.run(&format!("completions {shell}")).ok();
        assert!(run.out.contains("detector-period"), "{shell}");
    }
    dir.run("completions tcsh").fails(2, &["bash"]);
    let man = dir.run("man").ok();
    assert!(man.out.contains(".TH conurb"), "{man:#?}");
    dir.run("man --out pages").ok();
    let pages = std::fs::read_dir(dir.path("pages")).expect("made").count();
    assert!(pages >= COMMANDS.len(), "{pages} pages");
    dir.write("file", "in the way");
    dir.run("man --out file/x").fails(2, &["manual"]);
    dir.run("--version").ok().says(env!("CARGO_PKG_VERSION"));
});

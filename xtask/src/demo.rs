//! `cargo xtask demo`: the main job on a generated city, on a machine with only Rust.

use anyhow::{Context, Result, bail};

use crate::shell::{Stopwatch, cargo, human, on_path, program, root, run, target_dir};

/// Options of `cargo xtask demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Size and seed of the city, as `conurb day --gen` takes them.
    #[arg(long, default_value = "signals=36,seed=7")]
    city: String,
    /// How long a span of the day to run.
    #[arg(long, default_value = "1h")]
    span: String,
    /// Seed of the run.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Where the results go.
    #[arg(long, default_value = "out/demo")]
    out: String,
}

/// Builds, runs, and says where to look.
pub(crate) fn main(args: &Args) -> Result<()> {
    if !on_path("cc") {
        bail!("no C compiler: sudo apt-get install -y build-essential (SQLite and zstd are C)");
    }
    let watch = Stopwatch::start();
    println!("1/2 building the release binary (some minutes the first time, seconds after that)");
    run(cargo().args(["build", "--locked", "--release", "--package", "conurb"]))?;
    println!("    took {}", human(watch.elapsed()));

    println!(
        "2/2 one span of a city ({}, synthetic), twice from one seed: the fixed plan, then the brain",
        args.city
    );
    let binary = target_dir().join("release").join("conurb");
    let name = binary
        .to_str()
        .context("the target folder's path is no UTF-8")?;
    let watch = Stopwatch::start();
    run(program(name)
        .args(["day", "--gen", &args.city, "--span", &args.span])
        .args(["--seed", &args.seed.to_string(), "--out", &args.out]))?;
    println!("    took {}", human(watch.elapsed()));

    let out = root().join(&args.out);
    for file in ["report.html", "report.json"] {
        if !out.join(file).is_file() {
            bail!(
                "the run ended well but left no {}",
                out.join(file).display()
            );
        }
    }
    println!(
        "open {} in a browser; figures: {}",
        out.join("report.html").display(),
        out.join("report.json").display()
    );
    Ok(())
}

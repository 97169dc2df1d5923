//! Is suimond ahead of every peer in what packets cost, floods, streams and memory? One table and one picture (docs/performance.md).
//!
//! Needs root (network namespaces), two cores, dnsperf, kxdpgun (Debian: dnsperf, knot-dnsutils) and the peers in a root of their own
//! (packaging/install-peers); who is missing has no column. `SUIMOND` in the environment names another binary.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    dead_code,
    unreachable_pub,
    reason = "a program that measures and prints, with parts of other benches; a panic is the report"
)]

#[path = "../whole/authority.rs"]
mod authority;
#[path = "../whole/echo.rs"]
mod echo;
mod figures;
#[path = "../whole/lab.rs"]
mod lab;
mod load;
mod options;
#[path = "../page/mod.rs"]
mod page;
mod plot;
mod probe;
#[path = "../torture/resolvers.rs"]
mod resolvers;
mod rivals;
mod rows;
#[path = "../whole/table.rs"]
mod summing;

use std::fs;
use std::process::ExitCode;

use clap::Parser as _;

use figures::Figures;
use options::Options;
use rivals::Field;

/// Where table and picture go.
const OUT: &str = "build/bench";
const PAGE: &str = "docs/performance.md";
const PICTURE: &str = "docs/performance.svg";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, what, address] = arguments.as_slice()
        && what == "echo"
    {
        echo::serve(address.parse().expect("an address"));
    }
    if !rustix::process::geteuid().is_root() {
        println!("bench line: not measured: it needs root, for network namespaces");
        return ExitCode::SUCCESS;
    }
    run(&Options::parse())
}

fn run(options: &Options) -> ExitCode {
    let mut field = Field::new(options);
    let mut figures = Figures::of(field.titles());
    for row in &options.rows {
        println!("\nbench line: {}", row.name());
        row.measure(&mut field, options, &mut figures);
    }
    let text = format!(
        "{} {} Rounds: {}. Command: `packaging/run-benches line{}`.\n\n{}\n{}",
        page::machine(),
        field.versions(),
        options.rounds,
        page::arguments(),
        figures.markdown(),
        figures.promises(),
    );
    println!("\n{text}");
    fs::create_dir_all(OUT).expect("build/bench");
    fs::write(format!("{OUT}/line.md"), &text).expect("a file in build/bench");
    let picture = plot::svg(&figures);
    fs::write(format!("{OUT}/line.svg"), &picture).expect("a file in build/bench");
    for verdict in figures.verdicts() {
        summing::record(&verdict.row());
    }
    if options.publish {
        page::publish(PAGE, "line", &text).expect("a place for it in the page");
        fs::write(PICTURE, picture).expect("the picture");
        println!("{PAGE} and {PICTURE} are written");
    }
    ExitCode::SUCCESS
}

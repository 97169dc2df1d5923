//! `suimon man`: the manual pages, made from the definitions of the command lines.

use std::fs;
use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::exit::{OF_SUIMON, OF_SUIMOND};
use super::{Cli, Error, Exit};
use crate::sys::arguments::DaemonArgs;

/// Write the manual pages into a directory.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct Args {
    /// The directory.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

impl Args {
    pub(super) fn run(&self) -> Result<Exit, Error> {
        for (name, page) in pages()? {
            let path = self.directory.join(name);
            fs::write(&path, page)
                .map_err(|error| Error::Failed(format!("{}: {error}", path.display())))?;
        }
        Ok(Exit::Done)
    }
}

/// Every manual page: file name and text.
pub(super) fn pages() -> std::io::Result<Vec<(&'static str, Vec<u8>)>> {
    Ok(vec![
        ("suimon.1", suimon()?),
        ("suimon.toml.5", crate::config::man_page().into_bytes()),
        ("suimond.8", suimond()?),
    ])
}

const MANUAL: &str = "Suimon";

fn suimon() -> std::io::Result<Vec<u8>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut page = head(&command, "1")?;
    let man = Man::new(command.clone());
    man.render_options_section(&mut page)?;

    let mut commands = Roff::new();
    commands.control("SH", ["COMMANDS"]);
    commands.to_writer(&mut page)?;
    for subcommand in command.get_subcommands().filter(|one| !one.is_hide_set()) {
        page.extend(subsection(subcommand)?);
        for inner in subcommand
            .get_subcommands()
            .filter(|one| !one.is_hide_set())
        {
            page.extend(subsection(inner)?);
        }
    }

    let mut tail = Roff::new();
    exit_status(&mut tail, &OF_SUIMON);
    tail.control("SH", ["ENVIRONMENT"]);
    term(
        &mut tail,
        bold("NO_COLOR"),
        "If set and not empty, no colours unless --color always.",
    );
    tail.control("SH", ["FILES"]);
    term(
        &mut tail,
        italic("/run/suimon/control.sock"),
        "The control socket. Root, suimond's own user and members of the socket's group may use it.",
    );
    tail.control("SH", ["EXAMPLES"]);
    for (line, words) in [
        ("suimon status", "How is the daemon?"),
        (
            "suimon ask www.example.com AAAA --trace",
            "Resolve a name and show every step; if it fails, say why.",
        ),
        (
            "suimon why 192.0.2.7 www.example.com",
            "Would this client be served, and which rule says so?",
        ),
        (
            "suimon flush example.com --tree",
            "Forget a zone and everything below it.",
        ),
        (
            "suimon nta add example.com --for 4h --reason 'signatures expired, they know'",
            "Do not validate a zone that is broken by mistake.",
        ),
        (
            "suimon guard status",
            "Which zones are under attack, and what is done?",
        ),
        (
            "suimon incidents export --all > incidents.json",
            "Everything that is known of attacks, for a CERT; without whom they concern.",
        ),
        (
            "suimon status --output json | jq .cache_bytes",
            "One number for a script.",
        ),
    ] {
        term(&mut tail, bold(line), words);
    }
    see_also(
        &mut tail,
        &[("suimond", "8"), ("suimon.toml", "5"), ("dig", "1")],
    );
    tail.to_writer(&mut page)?;
    Ok(page)
}

fn suimond() -> std::io::Result<Vec<u8>> {
    let command = DaemonArgs::command();
    let mut page = head(&command, "8")?;
    Man::new(command).render_options_section(&mut page)?;
    let mut tail = Roff::new();
    tail.control("SH", ["SIGNALS"]);
    for (signal, words) in [
        (
            "SIGTERM, SIGINT",
            "Stop: queries in flight are given process.drain to finish.",
        ),
        (
            "SIGHUP",
            "Read the configuration again. It is checked first; with an error in it the old one stays.",
        ),
    ] {
        term(&mut tail, bold(signal), words);
    }
    exit_status(&mut tail, &OF_SUIMOND);
    tail.control("SH", ["ENVIRONMENT"]);
    for (variable, words) in [
        (
            "SUIMON_SECTION__KEY",
            "Sets an option of suimon.toml(5), for example SUIMON_LOG__LEVEL=debug; over the files, under --set.",
        ),
        (
            "NOTIFY_SOCKET, WATCHDOG_USEC",
            "Set by the service manager: readiness, status and watchdog messages go there.",
        ),
        (
            "JOURNAL_STREAM",
            "Set by the service manager: if standard error is the journal, log lines carry their fields.",
        ),
    ] {
        term(&mut tail, bold(variable), words);
    }
    tail.control("SH", ["FILES"]);
    for (path, words) in [
        ("/etc/suimon/suimon.toml", "The configuration."),
        (
            "/etc/suimon/conf.d/*.toml",
            "Read after it, in the order of their names; later ones win.",
        ),
        (
            "/usr/share/dns/root.hints",
            "Addresses of the root servers (package dns-root-data), if recursion.root_hints names it.",
        ),
        ("/var/lib/suimon", "The only directory suimond writes to."),
        (
            "/run/suimon/control.sock",
            "The control socket, see suimon(1).",
        ),
    ] {
        term(&mut tail, italic(path), words);
    }
    see_also(
        &mut tail,
        &[("suimon", "1"), ("suimon.toml", "5"), ("systemctl", "1")],
    );
    tail.to_writer(&mut page)?;
    Ok(page)
}

/// Title, name, synopsis, description. No date: the same source gives the same octets.
fn head(command: &Command, section: &str) -> std::io::Result<Vec<u8>> {
    let man = Man::new(command.clone())
        .title(command.get_name().to_uppercase())
        .section(section)
        .source(format!("suimon {}", env!("CARGO_PKG_VERSION")))
        .manual(MANUAL);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    Ok(page)
}

/// A subcommand as a subsection: its synopsis, what it does, its own options.
fn subsection(command: &Command) -> std::io::Result<Vec<u8>> {
    let mut own = command.clone();
    for global in ["socket", "output", "color", "help"] {
        if command.get_arguments().any(|arg| arg.get_id() == global) {
            own = own.mut_arg(global, |arg| arg.hide(true));
        }
    }
    let man = Man::new(own.clone());
    let (mut synopsis, mut options) = (Vec::new(), Vec::new());
    man.render_synopsis_section(&mut synopsis)?;
    if own.get_arguments().any(|arg| !arg.is_hide_set()) {
        man.render_options_section(&mut options)?;
    }
    let mut title = Roff::new();
    let called = command.get_bin_name().unwrap_or_else(|| command.get_name());
    title.control("SS", [called]);
    let mut words = Roff::new();
    words.control("PP", []);
    let about = command.get_long_about().or_else(|| command.get_about());
    words.text([roman(about.map(ToString::to_string).unwrap_or_default())]);

    let mut text = title.render().into_bytes();
    text.extend(without_heading(&synopsis));
    words.to_writer(&mut text)?;
    text.extend(without_heading(&options));
    Ok(text)
}

/// A rendered section less its `.SH` line and the preamble before it.
fn without_heading(section: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(section)
        .lines()
        .skip_while(|line| !line.starts_with(".SH"))
        .skip(1)
        .flat_map(|line| [line.as_bytes(), b"\n"].concat())
        .collect()
}

fn exit_status(roff: &mut Roff, codes: &[(&str, &str)]) {
    roff.control("SH", ["EXIT STATUS"]);
    for (code, words) in codes {
        term(roff, bold(*code), words);
    }
}

fn term(roff: &mut Roff, what: Inline, words: &str) {
    roff.control("TP", []);
    roff.text([what]);
    roff.text([roman(words)]);
}

fn see_also(roff: &mut Roff, pages: &[(&str, &str)]) {
    roff.control("SH", ["SEE ALSO"]);
    let mut line = Vec::new();
    for (name, section) in pages {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.push(bold(*name));
        line.push(roman(format!("({section})")));
    }
    roff.text(line);
}

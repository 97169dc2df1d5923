//! Zones signed by other people's tools: BIND's dnssec-signzone, Knot's kzonesign, ldns-signzone.

use std::path::Path;
use std::process::Command;

use super::Lab;

/// Whose signer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    Bind,
    Knot,
    Ldns,
}

/// How the zone is to deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    Nsec,
    Nsec3,
    OptOut,
}

/// How a zone is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Signing {
    pub tool: Tool,
    /// Number of the algorithm: 8, 10, 13, 14, 15 or 16.
    pub algorithm: u8,
    pub chain: Chain,
    /// One key for the DNSKEY set and one for the rest, not one for both.
    pub split: bool,
}

/// A zone as the tool has left it.
pub struct Signed {
    /// The zone file.
    pub text: String,
    /// The DS record for the parent, by SHA-256: a line with an absolute owner.
    pub ds: String,
}

impl Signing {
    /// Signs the zone `name` (without the final dot, "." for the root), whose file has this text.
    pub fn sign(&self, lab: &Lab, name: &str, text: &str) -> Signed {
        let dir = format!("signing/{:?}-{name}", self.tool);
        let file = lab.file(&format!("{dir}/zone"), text);
        let dir = file.parent().expect("a directory").to_owned();
        let absolute = if name == "." {
            ".".to_owned()
        } else {
            format!("{name}.")
        };
        let (text, ds) = match self.tool {
            Tool::Bind => self.by_bind(&dir, &absolute),
            Tool::Knot => self.by_knot(lab, &dir, &absolute),
            Tool::Ldns => self.by_ldns(&dir, &absolute),
        };
        let ds = ds
            .lines()
            .find(|line| {
                // tag, algorithm, digest type, then the digest in one word or more.
                let mut numbers = line.split_whitespace().filter(|word| word.len() <= 2);
                numbers.next_back() == Some("2")
            })
            .unwrap_or_else(|| panic!("{name}: no DS by SHA-256 in {ds:?}"));
        let mut words = ds
            .split_whitespace()
            .skip_while(|word| *word != "DS")
            .skip(1);
        let mut next = || words.next().expect("a field of the DS").to_owned();
        let ds = format!("{absolute} 300 IN DS {} {} {} ", next(), next(), next());
        Signed {
            text,
            ds: ds + &words.collect::<String>(),
        }
    }

    fn by_bind(&self, dir: &Path, zone: &str) -> (String, String) {
        let algorithm = self.algorithm.to_string();
        let bits: &[&str] = if self.algorithm < 13 {
            &["-b", "2048"]
        } else {
            &[]
        };
        let key = |flags: &[&str]| {
            let command = ["dnssec-keygen", "-q", "-K", ".", "-a", &algorithm];
            run(dir, &[&command[..], bits, flags, &[zone]].concat());
        };
        key(&["-f", "KSK"]);
        if self.split {
            key(&[]);
        }
        let mut command = vec![
            "dnssec-signzone",
            "-q",
            "-P",
            "-S",
            "-K",
            ".",
            "-d",
            ".",
            "-o",
            zone,
            "-f",
            "signed",
        ];
        command.push(if self.split { "-x" } else { "-z" });
        if self.chain != Chain::Nsec {
            command.extend(["-3", "-", "-H", "0"]);
        }
        if self.chain == Chain::OptOut {
            command.push("-A");
        }
        command.push("zone");
        run(dir, &command);
        (read(dir, "signed"), read(dir, &format!("dsset-{zone}")))
    }

    fn by_ldns(&self, dir: &Path, zone: &str) -> (String, String) {
        let algorithm = match self.algorithm {
            8 => "RSASHA256",
            10 => "RSASHA512",
            13 => "ECDSAP256SHA256",
            14 => "ECDSAP384SHA384",
            15 => "ED25519",
            16 => "ED448",
            other => panic!("algorithm {other}"),
        };
        let bits: &[&str] = if self.algorithm < 13 {
            &["-b", "2048"]
        } else {
            &[]
        };
        let key = |flags: &[&str]| {
            let command = ["ldns-keygen", "-a", algorithm];
            let base = run(dir, &[&command[..], bits, flags, &[zone]].concat());
            base.trim().to_owned()
        };
        let mut keys = vec![key(&["-k"])];
        // ldns-keygen leaves a DS by a digest as strong as the key; the one wanted here is made of the key.
        let ds = run(
            dir,
            &["ldns-key2ds", "-n", "-f", "-2", &format!("{}.key", keys[0])],
        );
        if self.split {
            keys.push(key(&[]));
        }
        let mut command = vec!["ldns-signzone", "-o", zone, "-f", "signed"];
        if self.chain != Chain::Nsec {
            command.extend(["-n", "-t", "0"]);
        }
        if self.chain == Chain::OptOut {
            command.push("-p");
        }
        command.push("zone");
        command.extend(keys.iter().map(String::as_str));
        run(dir, &command);
        (read(dir, "signed"), ds)
    }

    fn by_knot(&self, lab: &Lab, dir: &Path, zone: &str) -> (String, String) {
        let algorithm = match self.algorithm {
            8 => "rsasha256",
            10 => "rsasha512",
            13 => "ecdsap256sha256",
            14 => "ecdsap384sha384",
            15 => "ed25519",
            16 => "ed448",
            other => panic!("algorithm {other}"),
        };
        let on = |yes: bool| if yes { "on" } else { "off" };
        let place = dir.strip_prefix(lab.dir()).expect("a directory of the lab");
        let config = lab.file(
            &place.join("knot.conf").display().to_string(),
            &format!(
                "server:\n  rundir: \"{0}\"\n  user: root\ndatabase:\n  storage: \"{0}\"\npolicy:\n  - id: p\n    algorithm: {algorithm}\n    \
                 single-type-signing: {1}\n    nsec3: {2}\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n    nsec3-opt-out: {3}\n    \
                 cds-cdnskey-publish: none\nzone:\n  - domain: {zone}\n    storage: \"{0}\"\n    file: zone\n    dnssec-signing: on\n    \
                 dnssec-policy: p\n    journal-content: none\n",
                dir.display(),
                on(!self.split),
                on(self.chain != Chain::Nsec),
                on(self.chain == Chain::OptOut),
            ),
        );
        let config = config.display().to_string();
        std::fs::create_dir_all(dir.join("out")).expect("a directory of the lab");
        run(dir, &["kzonesign", "-r", "-c", &config, "-o", "out", zone]);
        let ds = run(dir, &["keymgr", "-c", &config, zone, "ds"]);
        (read(dir, "out/zone"), ds)
    }
}

fn read(dir: &Path, file: &str) -> String {
    std::fs::read_to_string(dir.join(file))
        .unwrap_or_else(|error| panic!("{}/{file}: {error}", dir.display()))
}

fn run(dir: &Path, command: &[&str]) -> String {
    let (program, arguments) = command.split_first().expect("a program");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap_or_else(|error| {
            panic!("{program} does not start ({error}); `make test` installs what is needed")
        });
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out
}

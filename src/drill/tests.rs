//! Is the drill's Internet what it claims to be? A small iterative resolver, independent of Suimon's own, walks all of it.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::expectation::{Expectation, Group, Outcome, Style};
use super::villains::{Flaw, LIE, Villain};
use super::world::{Role, ServerPlan};
use super::{Internet, Options, clients, dishonest, internet};

fn options(seed: u64) -> Options {
    Options {
        seed,
        zones: 60,
        ..Options::default()
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn question(qname: &Name, rtype: RecordType, edns: Option<u16>) -> Message {
    let mut query = Message::new(4711, MessageType::Query, OpCode::Query);
    query.add_query(Query::query(qname.clone(), rtype));
    query.edns = edns.map(|size| {
        let mut edns = Edns::new();
        edns.set_max_payload(size);
        edns
    });
    query
}

/// Every UDP packet that comes, with its source. As many as are `expected` may take their time; no more than half a second is waited for
/// another one.
async fn packets(
    server: SocketAddr,
    query: &Message,
    expected: usize,
) -> Vec<(Vec<u8>, SocketAddr)> {
    let socket = UdpSocket::bind(if server.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    })
    .await
    .unwrap();
    socket
        .send_to(&query.to_vec().unwrap(), server)
        .await
        .unwrap();
    let mut all = Vec::new();
    let mut buffer = vec![0; 65_535];
    loop {
        let patience = if all.len() < expected { 10_000 } else { 500 };
        let next = socket.recv_from(&mut buffer);
        let Ok(Ok((length, from))) = timeout(Duration::from_millis(patience), next).await else {
            break;
        };
        all.push((buffer[..length].to_vec(), from));
    }
    all
}

/// One exchange with an honest server: UDP, then TCP if truncated.
async fn exchange(server: SocketAddr, qname: &Name, rtype: RecordType) -> Option<Message> {
    let query = question(qname, rtype, Some(1232));
    let socket = UdpSocket::bind(if server.is_ipv4() {
        "127.0.0.1:0"
    } else {
        "[::1]:0"
    })
    .await
    .unwrap();
    socket
        .send_to(&query.to_vec().unwrap(), server)
        .await
        .unwrap();
    let mut buffer = vec![0; 65_535];
    let length = timeout(Duration::from_secs(10), socket.recv(&mut buffer))
        .await
        .ok()?
        .ok()?;
    assert!(length <= 1232, "{qname} {rtype}: {length} octets over UDP");
    let reply = Message::from_vec(&buffer[..length]).ok()?;
    if !reply.metadata.truncation {
        return Some(reply);
    }
    let source = if server.is_ipv4() { "127.0.0.1" } else { "::1" };
    let octets = clients::over_tcp(server, source.parse().unwrap(), &query.to_vec().unwrap())
        .await
        .ok()?;
    Message::from_vec(&octets).ok()
}

/// The simplest resolver there is: from the root down, all servers of a cut in turn, no cache but the cuts.
struct Walker<'a> {
    internet: &'a Internet,
}

impl Walker<'_> {
    async fn resolve(&self, qname: &Name, rtype: RecordType) -> (ResponseCode, Vec<Record>) {
        let mut answers: Vec<Record> = Vec::new();
        let mut at = qname.clone();
        for _ in 0..24 {
            let Some(reply) = Box::pin(self.ask_down(&at, rtype, 0)).await else {
                return (ResponseCode::ServFail, Vec::new());
            };
            // Only the part of the chain that this zone owns is believed; the rest is asked anew.
            let mut own: Vec<Record> = Vec::new();
            let mut link = at.clone();
            loop {
                let alias = reply.answers.iter().find(|record| {
                    record.name == link && record.record_type() == RecordType::CNAME
                });
                if let Some(record) = alias
                    && rtype != RecordType::CNAME
                {
                    let RData::CNAME(target) = &record.data else {
                        unreachable!()
                    };
                    own.extend(
                        reply
                            .answers
                            .iter()
                            .filter(|dname| {
                                dname.record_type() == RecordType::DNAME
                                    && dname.name.zone_of(&link)
                                    && !answers.contains(dname)
                            })
                            .cloned(),
                    );
                    own.push(record.clone());
                    link = target.0.clone();
                    continue;
                }
                own.extend(
                    reply
                        .answers
                        .iter()
                        .filter(|record| record.name == link && record.record_type() == rtype)
                        .cloned(),
                );
                break;
            }
            let done = own
                .iter()
                .any(|record| record.name == link && record.record_type() == rtype);
            answers.extend(own);
            if done || link == at {
                return (reply.metadata.response_code, answers);
            }
            at = link;
        }
        (ResponseCode::ServFail, Vec::new())
    }

    /// Follows referrals from the root to an authoritative reply.
    async fn ask_down(&self, qname: &Name, rtype: RecordType, depth: u32) -> Option<Message> {
        if depth > 6 {
            return None;
        }
        let mut servers: Vec<IpAddr> = self
            .internet
            .world()
            .roots
            .iter()
            .map(|(_, address)| *address)
            .collect();
        let mut cut = Name::root();
        'referral: for _ in 0..40 {
            for server in &servers {
                let server = SocketAddr::new(*server, self.internet.port());
                let Some(reply) = exchange(server, qname, rtype).await else {
                    continue;
                };
                if reply.metadata.authoritative {
                    return Some(reply);
                }
                let below = reply.authorities.iter().find(|record| {
                    record.record_type() == RecordType::NS
                        && cut.zone_of(&record.name)
                        && record.name != cut
                        && record.name.zone_of(qname)
                });
                let Some(below) = below else { continue };
                cut = below.name.clone();
                servers = self.addresses(&reply, depth).await;
                continue 'referral;
            }
            return None;
        }
        None
    }

    async fn addresses(&self, referral: &Message, depth: u32) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for record in &referral.authorities {
            let RData::NS(target) = &record.data else {
                continue;
            };
            let glue: Vec<IpAddr> = referral
                .additionals
                .iter()
                .filter(|record| record.name == target.0)
                .filter_map(|record| record.data.ip_addr())
                .collect();
            if !glue.is_empty() {
                found.extend(glue);
                continue;
            }
            for rtype in [RecordType::A, RecordType::AAAA] {
                let reply = Box::pin(self.ask_down(&target.0, rtype, depth + 1)).await;
                found.extend(
                    reply
                        .iter()
                        .flat_map(|reply| &reply.answers)
                        .filter_map(|record| record.data.ip_addr()),
                );
                if !found.is_empty() {
                    return found;
                }
            }
        }
        found
    }
}

fn server<'a>(internet: &'a Internet, label: &str) -> &'a ServerPlan {
    internet
        .world()
        .servers
        .iter()
        .find(|plan| plan.label == label)
        .unwrap()
}

fn address(internet: &Internet, label: &str) -> SocketAddr {
    internet.address(server(internet, label).id).unwrap()
}

#[test]
fn same_seed_same_world() {
    let one = internet::build(&options(7), [127, 40, 1], true).unwrap();
    let two = internet::build(&options(7), [127, 40, 1], true).unwrap();
    let other = internet::build(&options(8), [127, 40, 1], true).unwrap();
    assert_eq!(one.expectations, two.expectations);
    assert_ne!(one.expectations, other.expectations);
    // Names and data do not depend on where the servers happen to be.
    let moved = internet::build(&options(7), [127, 41, 1], true).unwrap();
    assert_eq!(one.expectations, moved.expectations);
}

#[test]
fn the_world_is_as_big_as_it_says() {
    let whole = Options {
        zones: 300,
        ..options(1)
    };
    let world = internet::build(&whole, [127, 40, 1], true).unwrap();
    assert!(world.zones.len() > 400, "{} zones", world.zones.len());
    assert!(
        world.expectations.len() > 700,
        "{} expectations",
        world.expectations.len()
    );
    for group in Group::ALL {
        assert!(
            world.expectations.iter().any(|e| e.group == group),
            "{group:?} is empty"
        );
    }
    let labels: HashSet<&str> = world.servers.iter().map(|s| s.label.as_str()).collect();
    assert_eq!(
        labels.len(),
        world.servers.len(),
        "two servers of one label"
    );
    let v4: HashSet<IpAddr> = world.servers.iter().map(|s| s.address).collect();
    assert_eq!(v4.len(), world.servers.len(), "two servers at one address");
    // Every label and name is within its limits, the longest at 250 octets.
    let longest = world
        .expectations
        .iter()
        .map(|e| e.name.len() + 1) // hickory leaves the root label out
        .max()
        .unwrap();
    assert_eq!(longest, 250);
}

#[test]
fn without_ipv6_the_group_is_left_out() {
    let world = internet::build(&options(1), [127, 40, 1], false).unwrap();
    assert!(
        world
            .expectations
            .iter()
            .all(|e| e.group != Group::Ipv6Only)
    );
    assert!(world.servers.iter().all(|s| s.address.is_ipv4()));
}

/// The main proof: for every promise about honest zones, a resolver that starts at the root hints finds the very answer.
#[tokio::test(flavor = "multi_thread")]
async fn every_honest_promise_can_be_kept() {
    let internet = Arc::new(Internet::start(options(2)).await.unwrap());
    let mut walks = tokio::task::JoinSet::new();
    let seats = Arc::new(tokio::sync::Semaphore::new(8));
    for expectation in internet.expectations().to_vec() {
        let honest = !expectation.group.is_hostile() && expectation.group != Group::LocalNames;
        if !honest {
            continue;
        }
        let (internet, seats) = (Arc::clone(&internet), Arc::clone(&seats));
        walks.spawn(async move {
            let _seat = seats.acquire_owned().await;
            let walker = Walker {
                internet: &internet,
            };
            let (rcode, answers) = walker.resolve(&expectation.name, expectation.rtype).await;
            let judged = match &expectation.outcome {
                // A resolver without limits must find the whole truth.
                Outcome::IsOrFailure(code, records) => {
                    Outcome::Is(*code, records.clone()).judge(rcode, &capped(answers))
                }
                outcome => outcome.judge(rcode, &capped(answers)),
            };
            (expectation, judged)
        });
    }
    let mut walked = 0;
    let mut wrong = Vec::new();
    while let Some(walk) = walks.join_next().await {
        let (expectation, judged) = walk.unwrap();
        walked += 1;
        if let Err(reason) = judged {
            wrong.push(format!(
                "{} {} ({}): {reason}",
                expectation.name, expectation.rtype, expectation.note
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(walked > 150, "only {walked} promises");
    Arc::try_unwrap(internet).unwrap().shutdown().await;
}

/// The walker tells TTLs as servers send them; capping them is the resolver's work.
fn capped(mut answers: Vec<Record>) -> Vec<Record> {
    for record in &mut answers {
        record.ttl = match record.ttl {
            0x8000_0000.. => 0,
            ttl => ttl.min(86_400),
        };
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn big_answers_need_tcp_even_if_the_client_offers_more() {
    let internet = Internet::start(options(3)).await.unwrap();
    for (label, qname) in [
        ("exact a", "ninety.big.lab."),
        ("exact a", "text20k.big.lab."),
    ] {
        let asked = name(qname);
        let rtype = if qname.starts_with("text") {
            RecordType::TXT
        } else {
            RecordType::A
        };
        let query = question(&asked, rtype, Some(65_535));
        let replies = packets(address(&internet, label), &query, 1).await;
        assert_eq!(replies.len(), 1);
        assert!(replies[0].0.len() <= 1232);
        assert!(
            Message::from_vec(&replies[0].0)
                .unwrap()
                .metadata
                .truncation
        );
    }
    // The same on hickory-server's own catalog.
    let asked = name("ninety.big-too.lab.");
    let holder = internet
        .world()
        .servers
        .iter()
        .find(|plan| {
            plan.role == Role::Catalog && plan.zones.zone_of(&asked, RecordType::A).is_some()
        })
        .unwrap();
    let query = question(&asked, RecordType::A, Some(65_535));
    let replies = packets(internet.address(holder.id).unwrap(), &query, 1).await;
    assert!(replies[0].0.len() <= 1232);
    assert!(
        Message::from_vec(&replies[0].0)
            .unwrap()
            .metadata
            .truncation
    );
    internet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_is_counted_at_the_server_that_got_it() {
    let internet = Internet::start(options(4)).await.unwrap();
    let asked = name("www.wild.lab.");
    let exact = server(&internet, "exact a").id;
    let silent = server(&internet, "silent").id;
    exchange(internet.address(exact).unwrap(), &asked, RecordType::A).await;
    // Truncated over UDP, then TCP: two queries.
    exchange(
        internet.address(exact).unwrap(),
        &name("ninety.big.lab."),
        RecordType::A,
    )
    .await;
    packets(
        internet.address(silent).unwrap(),
        &question(&name("WWW.silent.lab."), RecordType::MX, None),
        0,
    )
    .await;
    let queries = internet.queries();
    assert_eq!(queries.total(), 4);
    assert_eq!(queries.over_tcp(), 1);
    assert_eq!(queries.of_server(exact), 3);
    assert_eq!(queries.within(&name("lab.")), 4);
    assert_eq!(queries.within(&name("silent.lab.")), 1);
    assert_eq!(queries.exactly(&asked), 1);
    assert_eq!(queries.exactly(&name("wild.lab.")), 0);
    assert_eq!(queries.at_server(exact, &name("big.lab.")), 2);
    assert_eq!(queries.rows()[0].count, 2);
    queries.reset();
    assert_eq!((queries.total(), queries.rows().len()), (0, 0));
    internet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_internets_live_side_by_side_and_end() {
    let one = Internet::start(options(5)).await.unwrap();
    let two = Internet::start(options(5)).await.unwrap();
    assert_ne!((one.block(), one.port()), (two.block(), two.port()));
    let (block, port) = (one.block(), one.port());
    one.shutdown().await;
    two.shutdown().await;
    // Its sockets are free again.
    let again = Internet::start(Options {
        block: Some((block[1], block[2])),
        port: Some(port),
        ..options(5)
    })
    .await
    .unwrap();
    again.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_and_config_name_the_real_servers() {
    let internet = Internet::start(options(6)).await.unwrap();
    let hints = internet.hints();
    let lines: Vec<Vec<&str>> = hints
        .lines()
        .filter(|line| !line.starts_with(';'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let addresses: Vec<&str> = lines
        .iter()
        .filter(|line| line[3] == "A")
        .map(|line| line[4])
        .collect();
    assert_eq!(addresses.len(), 3);
    for root in addresses {
        let server = SocketAddr::new(root.parse().unwrap(), internet.port());
        let reply = exchange(server, &Name::root(), RecordType::NS)
            .await
            .unwrap();
        assert!(reply.metadata.authoritative);
        assert_eq!(reply.answers.len(), 3);
        assert_eq!(reply.additionals.len(), 3, "priming needs the addresses");
    }
    // Their names resolve, for resolvers that do not believe the additional section.
    let walker = Walker {
        internet: &internet,
    };
    for (root, address) in &internet.world().roots {
        let (_, answers) = walker.resolve(root, RecordType::A).await;
        assert_eq!(answers.len(), 1, "{root}");
        assert_eq!(answers[0].data.ip_addr(), Some(*address));
    }
    let config = internet.config("127.0.0.1:5300".parse().unwrap(), "/tmp/h".as_ref());
    let parsed: toml_edit::DocumentMut = config.parse().unwrap();
    assert_eq!(
        parsed["egress"]["port"].as_integer(),
        Some(i64::from(internet.port()))
    );
    assert_eq!(parsed["recursion"]["root_hints"].as_str(), Some("/tmp/h"));
    assert_eq!(
        parsed["listen"]["addresses"][0].as_str(),
        Some("127.0.0.1:5300")
    );
    internet.shutdown().await;
}

/// Each flaw is on the wire what its name says, and the right reply follows; the flawed one carries the lie.
#[tokio::test(flavor = "multi_thread")]
async fn flawed_packets_are_flawed_and_the_truth_follows() {
    let internet = Internet::start(options(9)).await.unwrap();
    let mut seen = 0;
    for plan in &internet.world().servers {
        let Role::Villain(Villain::BadFirst(flaw)) = plan.role else {
            continue;
        };
        seen += 1;
        let qname = name(&format!("www.{}.lab.", plan.label));
        let query = question(&qname, RecordType::A, Some(1232));
        let own = internet.address(plan.id).unwrap();
        let replies = packets(own, &query, 2).await;
        assert_eq!(replies.len(), 2, "{flaw:?}");
        let (bad, from) = &replies[0];
        let parsed = Message::from_vec(bad).ok();
        let told = parsed.as_ref().and_then(|message| message.queries.first());
        let flawed = match flaw {
            Flaw::Id => parsed.as_ref().unwrap().metadata.id != 4711,
            Flaw::QuestionName => *told.unwrap().name() != qname,
            Flaw::QuestionType => told.unwrap().query_type() != RecordType::A,
            Flaw::QuestionClass => u16::from(told.unwrap().query_class()) == 3,
            Flaw::NoQuestion => parsed.as_ref().unwrap().queries.is_empty(),
            Flaw::SourceAddress => *from != own,
            Flaw::QueryBit => bad[2] & 0x80 == 0,
            Flaw::Opcode => (bad[2] >> 3) & 0x0F == 5,
            Flaw::Garbage => parsed.is_none() && bad.len() > 12,
            Flaw::Short => bad.len() == 5,
            Flaw::Empty => bad.is_empty(),
        };
        assert!(flawed, "{flaw:?}: {bad:?}");
        if let Some(parsed) = &parsed {
            assert!(
                parsed
                    .answers
                    .iter()
                    .all(|record| record.data == RData::A(A(LIE))),
                "{flaw:?} tells the truth"
            );
        }
        let good = Message::from_vec(&replies[1].0).unwrap();
        assert_eq!((good.metadata.id, replies[1].1), (4711, own), "{flaw:?}");
        assert_eq!(good.answers.len(), 1, "{flaw:?}");
        assert_ne!(good.answers[0].data, RData::A(A(LIE)), "{flaw:?}");
    }
    assert_eq!(seen, Flaw::ALL.len());
    internet.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn villains_misbehave_as_announced() {
    let internet = Internet::start(options(10)).await.unwrap();
    let ask = |label: &'static str, qname: &'static str, edns: Option<u16>| {
        let to = address(&internet, label);
        let expected = match (label, edns) {
            ("silent", _) | ("edns-drop", Some(_)) => 0,
            ("id-flood", _) => 101,
            _ => 1,
        };
        async move {
            packets(to, &question(&name(qname), RecordType::A, edns), expected)
                .await
                .into_iter()
                .map(|(octets, _)| Message::from_vec(&octets))
                .collect::<Vec<_>>()
        }
    };
    assert!(ask("silent", "www.silent.lab.", None).await.is_empty());
    assert_eq!(ask("slow", "www.slow.lab.", None).await.len(), 1);
    assert_eq!(ask("id-flood", "www.id-flood.lab.", None).await.len(), 101);

    let replies = ask("edns-formerr", "www.edns-formerr.lab.", Some(1232)).await;
    let reply = replies[0].as_ref().unwrap();
    assert_eq!(reply.metadata.response_code, ResponseCode::FormErr);
    assert!(reply.edns.is_none());
    let replies = ask("edns-formerr", "www.edns-formerr.lab.", None).await;
    assert_eq!(replies[0].as_ref().unwrap().answers.len(), 1);
    assert!(
        ask("edns-drop", "www.edns-drop.lab.", Some(1232))
            .await
            .is_empty()
    );
    assert_eq!(ask("edns-drop", "www.edns-drop.lab.", None).await.len(), 1);

    let replies = ask("tc-tcp", "www.tc-tcp.lab.", Some(1232)).await;
    assert!(replies[0].as_ref().unwrap().metadata.truncation);
    let whole = exchange(
        address(&internet, "tc-tcp"),
        &name("www.tc-tcp.lab."),
        RecordType::A,
    )
    .await;
    assert_eq!(whole.unwrap().answers.len(), 1);
    let closed = tokio::net::TcpStream::connect(address(&internet, "tc-closed")).await;
    assert!(closed.is_err());

    let replies = ask("lame", "www.lame.lab.", None).await;
    let reply = replies[0].as_ref().unwrap();
    assert!(!reply.metadata.authoritative && reply.answers.is_empty());

    let replies = ask("refers-up", "www.refers-up.lab.", None).await;
    assert!(replies[0].as_ref().unwrap().authorities[0].name.is_root());
    let replies = ask("bomb", "c7.bomb.lab.", None).await;
    let RData::CNAME(target) = &replies[0].as_ref().unwrap().answers[0].data else {
        panic!("no CNAME");
    };
    assert_eq!(target.0, name("c8.bomb.lab."));

    // The staircase gives one more label at each question.
    let end = name(&format!("end.{}staircase.lab.", "s.".repeat(34)));
    for labels in 1..=34 {
        let reply = exchange(address(&internet, "staircase"), &end, RecordType::A)
            .await
            .unwrap();
        let cut = &reply.authorities[0].name;
        assert_eq!(cut.iter().count(), 2 + labels);
    }
    let reply = exchange(address(&internet, "staircase"), &end, RecordType::A).await;
    assert_eq!(reply.unwrap().answers.len(), 1);
    internet.shutdown().await;
}

/// Each poisoned reply names the villain, or the lie, under the victim's or a parent's name.
#[tokio::test(flavor = "multi_thread")]
async fn poison_is_in_the_replies() {
    let internet = Internet::start(options(11)).await.unwrap();
    for number in 0..6 {
        let label = format!("poison{number}");
        let plan = server(&internet, &label);
        let qname = if number == 3 { "alias" } else { "www" };
        let reply = exchange(
            internet.address(plan.id).unwrap(),
            &name(&format!("{qname}.{label}.lab.")),
            RecordType::A,
        )
        .await
        .unwrap();
        let victim = name(&format!("victim{number}.lab."));
        let about_victim = reply
            .answers
            .iter()
            .chain(&reply.authorities)
            .chain(&reply.additionals)
            .filter(|record| victim.zone_of(&record.name) || record.name == name("lab."))
            .count();
        assert!(about_victim > 0, "{label}: {reply:?}");
        // And the truth is elsewhere.
        let truth = internet
            .world()
            .zones
            .truth(&name(&format!("www.victim{number}.lab.")), RecordType::A);
        assert_ne!(truth.1[0].data, RData::A(A(LIE)));
    }
    internet.shutdown().await;
}

fn record(owner: &str, ttl: u32, rtype: &str, rdata: &str) -> Record {
    let data = RData::try_from_str(rtype.parse().unwrap(), rdata).unwrap();
    Record::from_rdata(name(owner), ttl, data)
}

#[test]
fn outcomes_judge() {
    let alias = record("a.lab.", 300, "CNAME", "b.lab.");
    let data = record("b.lab.", 300, "A", "198.18.0.1");
    let is = Outcome::Is(ResponseCode::NoError, vec![alias.clone(), data.clone()]);
    let ok = ResponseCode::NoError;
    assert_eq!(is.judge(ok, &[alias.clone(), data.clone()]), Ok(()));
    let reason =
        |outcome: &Outcome, code, records: &[Record]| outcome.judge(code, records).unwrap_err();
    assert!(reason(&is, ok, &[data.clone(), alias.clone()]).contains("order"));
    assert!(reason(&is, ok, std::slice::from_ref(&data)).contains("missing"));
    assert!(reason(&is, ResponseCode::NXDomain, &[]).contains("code"));
    let other = record("b.lab.", 300, "A", "198.18.0.2");
    assert!(reason(&is, ok, &[alias.clone(), data.clone(), other]).contains("unasked"));
    assert!(reason(&is, ok, &[alias.clone(), data.clone(), data.clone()]).contains("twice"));
    let high = record("b.lab.", 301, "A", "198.18.0.1");
    assert!(reason(&is, ok, &[alias.clone(), high]).contains("TTL 301"));
    let low = record("B.lab.", 7, "A", "198.18.0.1");
    assert_eq!(is.judge(ok, &[alias.clone(), low]), Ok(()));

    let fail = ResponseCode::ServFail;
    assert_eq!(Outcome::Failure.judge(fail, &[]), Ok(()));
    assert!(Outcome::Failure.judge(ok, &[]).is_err());
    assert!(
        Outcome::Failure
            .judge(fail, std::slice::from_ref(&alias))
            .is_err()
    );
    let either = Outcome::IsOrFailure(ok, vec![data.clone()]);
    assert_eq!(either.judge(fail, &[]), Ok(()));
    assert_eq!(either.judge(ok, &[data]), Ok(()));
    assert!(either.judge(ok, &[alias]).is_err());
    assert!(either.judge(ok, &[]).is_err());
    // A TTL of 2^31 or more counts as 0; a day is the cap.
    let huge = Outcome::Is(ok, vec![record("t.lab.", u32::MAX, "A", "198.18.0.1")]);
    assert_eq!(
        huge.judge(ok, &[record("t.lab.", 0, "A", "198.18.0.1")]),
        Ok(())
    );
    assert!(
        huge.judge(ok, &[record("t.lab.", 1, "A", "198.18.0.1")])
            .is_err()
    );
}

/// The zone engine on the cases that hickory-server's in-memory zones get wrong, and a few that all get right.
#[test]
fn the_truth_is_rfc_4592_and_6672() {
    let world = internet::build(&options(1), [127, 40, 1], true).unwrap();
    let truth = |qname: &str, rtype| world.zones.truth(&name(qname), rtype);
    let code = |qname: &str, rtype| truth(qname, rtype).0;
    assert_eq!(
        code("b.ent.wild.lab.", RecordType::A),
        ResponseCode::NXDomain
    );
    assert_eq!(
        truth("ent.wild.lab.", RecordType::A),
        (ResponseCode::NoError, vec![])
    );
    assert_eq!(
        truth("real.wild.lab.", RecordType::TXT),
        (ResponseCode::NoError, vec![])
    );
    assert_eq!(
        truth("q.wild.lab.", RecordType::A).1[0].name,
        name("q.wild.lab.")
    );
    let (_, chain) = truth("x.alias.wild.lab.", RecordType::A);
    assert_eq!(chain.len(), 2);
    let (rcode, chain) = truth("a.b.oldname.lab.", RecordType::A);
    let types: Vec<RecordType> = chain.iter().map(Record::record_type).collect();
    assert_eq!(rcode, ResponseCode::NoError);
    assert_eq!(types, [RecordType::DNAME, RecordType::CNAME, RecordType::A]);
    let (rcode, chain) = truth("gone.farm.lab.", RecordType::A);
    assert_eq!((rcode, chain.len()), (ResponseCode::NXDomain, 1));
    let (_, chain) = truth("go.hop0.lab.", RecordType::A);
    assert_eq!(chain.len(), 11);
    let (rcode, chain) = truth("c1.farm.lab.", RecordType::A);
    assert_eq!((rcode, chain.len()), (ResponseCode::NoError, 9));
}

#[test]
fn provocations_are_what_they_say_and_unique() {
    let all = dishonest::provocations(100);
    let outsiders = all.iter().filter(|p| p.ruse == dishonest::Ruse::Outsider);
    let mut names = HashMap::new();
    for provocation in outsiders {
        assert_ne!(provocation.source, clients::INSIDER);
        let query = Message::from_vec(&provocation.octets).unwrap();
        let qname = query.queries[0].name().to_lowercase();
        assert!(name(dishonest::UNSEEN).zone_of(&qname));
        *names.entry(qname).or_insert(0) += 1;
        assert!(provocation.judge(dishonest::Reaction::Silence).is_ok());
        let reply = |code, size| dishonest::Reaction::Reply {
            code,
            size,
            more: false,
        };
        assert!(
            provocation
                .judge(reply(5, provocation.octets.len()))
                .is_ok()
        );
        assert!(
            provocation
                .judge(reply(5, provocation.octets.len() + 1))
                .is_err()
        );
        assert!(provocation.judge(reply(0, 12)).is_err());
    }
    assert_eq!(names.len(), 100);
    assert!(all.iter().any(|p| p.octets.len() < 12));
    assert!(all.iter().any(|p| p.codes.is_empty()));
}

/// A stand-in for the daemon: a shell script with the daemon's manners.
fn stand_in(directory: &std::path::Path, script: &str) -> std::path::PathBuf {
    let (text, path) = (directory.join("text"), directory.join("suimond"));
    std::fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
    // Written by another process: a file that this one has open to write is, for a moment, open in whatever another test starts
    // meanwhile, too, and what is open to write cannot be executed (ETXTBSY).
    let install = std::process::Command::new("install")
        .args(["-m", "755"])
        .args([&text, &path])
        .status();
    assert!(install.unwrap().success());
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_is_started_configured_and_stopped() {
    use super::suimond::Suimond;
    let internet = Internet::start(options(12)).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let told = home.path().join("told");

    // Without a file of the operator's: our own, readable, and gone afterwards.
    let script = format!(
        "cp \"$2\" {}; trap 'exit 0' TERM; echo 'suimond: ready on 127.0.0.1' >&2; while :; do sleep 0.05; done",
        told.display()
    );
    let program = stand_in(home.path(), &script);
    let daemon = Suimond::start_program(&program, &internet, None, 0)
        .await
        .unwrap();
    let config: toml_edit::DocumentMut = std::fs::read_to_string(&told).unwrap().parse().unwrap();
    let hints = config["recursion"]["root_hints"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(std::fs::read_to_string(&hints).unwrap(), internet.hints());
    assert_eq!(
        config["listen"]["addresses"][0].as_str(),
        Some(daemon.listen().to_string().as_str())
    );
    assert_eq!(daemon.ask("stats").await, None);
    assert_eq!(daemon.stop().await, Ok(()));
    assert!(!std::path::Path::new(&hints).exists(), "left behind");

    // With one: its path, and each of our settings over it.
    let script = format!(
        "printf '%s\\n' \"$@\" > {}; trap 'exit 3' TERM; echo 'suimond: ready' >&2; while :; do sleep 0.05; done",
        told.display()
    );
    let program = stand_in(home.path(), &script);
    let file = home.path().join("mine.toml");
    let daemon = Suimond::start_program(&program, &internet, Some(&file), 0)
        .await
        .unwrap();
    let arguments = std::fs::read_to_string(&told).unwrap();
    assert!(arguments.starts_with(&format!("--config\n{}\n--set\n", file.display())));
    assert!(arguments.contains(&format!("\n--set\negress.port={}\n", internet.port())));
    // An exit code other than 0 after SIGTERM is told.
    let reason = daemon.stop().await.unwrap_err();
    assert!(reason.contains("exit status: 3"), "{reason}");

    // A daemon that does not start is quoted.
    let program = stand_in(home.path(), "echo 'no such key: egres' >&2; exit 78");
    let error = Suimond::start_program(&program, &internet, None, 0)
        .await
        .unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("no such key: egres") && text.contains("78"),
        "{text}"
    );
    let missing = home.path().join("nowhere");
    assert!(
        Suimond::start_program(&missing, &internet, None, 0)
            .await
            .is_err()
    );

    // One that dies under way is noticed.
    let program = stand_in(home.path(), "echo 'suimond: ready' >&2; exit 0");
    let daemon = Suimond::start_program(&program, &internet, None, 0)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(daemon.stop().await.unwrap_err().contains("by itself"));
    internet.shutdown().await;
}

#[test]
fn the_report_tells_what_broke_and_only_then_fails() {
    use super::report::{Broken, Report, Row};
    let mut row = Row::new("a group", false);
    row.asked = 4;
    row.answered = 3;
    row.dropped = 1;
    row.upstream = 6;
    row.held = 4;
    row.latencies = (1..=100).map(Duration::from_millis).collect();
    assert_eq!(row.percentile(50), Some(Duration::from_millis(50)));
    assert_eq!(row.percentile(99), Some(Duration::from_millis(99)));
    assert_eq!(Row::new("x", false).percentile(50), None);
    let mut report = Report {
        rows: vec![row],
        ..Report::default()
    };
    let text = |report: &Report| {
        let mut out = Vec::new();
        report.write_human(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert!(report.all_held());
    assert!(text(&report).contains("All 4 expectations held"));
    assert!(text(&report).contains("1.50"));
    assert_eq!(report.to_json()["ok"], true);

    report.rows[0].held = 3;
    report.rows[0].broken.push(Broken {
        question: "www.x.lab. A".to_owned(),
        note: "special".to_owned(),
        expected: "this".to_owned(),
        got: "that".to_owned(),
    });
    assert!(!report.all_held());
    let told = text(&report);
    for part in [
        "1 of 4 expectations did not hold",
        "NO: 1 of 4",
        "www.x.lab. A",
        "expected  this",
        "got       that",
    ] {
        assert!(told.contains(part), "{part} missing in {told}");
    }
    assert_eq!(report.to_json()["rows"][0]["broken"][0]["got"], "that");
    report.rows[0].broken.clear();
    report.ended = Some(Err("exit status: 70".to_owned()));
    assert!(!report.all_held());
    assert!(text(&report).contains("exit status: 70"));
    // Nothing tested is nothing held.
    assert!(!Report::default().all_held());
}

#[test]
fn styles_reach_every_corner() {
    let world = internet::build(&options(1), [127, 40, 1], true).unwrap();
    let has = |wanted: &dyn Fn(&Expectation) -> bool| world.expectations.iter().any(wanted);
    assert!(has(&|e| e.style.tcp));
    assert!(has(&|e| e.style == Style::default()));
    assert!(has(&|e| e.style.dnssec_ok && e.style.edns));
    assert!(has(&|e| e.style.mixed_case && !e.style.edns));
    assert!(has(&|e| e.copies == 60));
}

//! Any query and any response: the reply fits, can be read, and belongs to the query; a refusal is never longer than it.
#![no_main]

use std::sync::Arc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use suimon::answer;
use suimon::config::plan;
use suimon::wire::group::group;
use suimon::wire::{Ede, Flags, Held, Message, QueryView, Rcode, Record, Response, Security};
use suimon_fuzz::Input;

fuzz_target!(|octets: &[u8]| {
    let mut input = Input(octets);
    let (shape, rcode, size) = (input.u8(), u16::from(input.u8()), input.u16());
    let query = input.piece();
    refused(query, Rcode(rcode & 0x1F), u16::from(shape));
    let Ok(view) = QueryView::parse(query) else {
        return;
    };
    let said = Message::parse(input.0).ok();
    let security = if shape & 2 != 0 {
        Security::Secure
    } else {
        Security::Insecure
    };
    let held = |records: fn(&Message) -> &[Record]| -> Vec<Held> {
        let sets = said
            .as_ref()
            .map(|said| group(records(said)))
            .unwrap_or_default();
        let held = |set: suimon::wire::Rrset| Held {
            ttl: set.ttl,
            rrset: Arc::new(set),
            security,
        };
        sets.into_iter().map(held).collect()
    };
    let response = Response {
        rcode: Rcode(rcode),
        answer: held(|said| &said.answer),
        authority: held(|said| &said.authority),
        additional: held(|said| &said.additional),
        authoritative: shape & 1 != 0,
        ede: (shape & 4 != 0).then(|| Ede {
            code: size,
            text: "x".repeat(usize::from(size >> 4)).into(),
        }),
    };
    let plan = plan::Answer {
        max_udp_size: size.clamp(512, 4096),
        minimal: shape & 8 != 0,
        any_needs_proof: true,
        stale_after: std::time::Duration::from_millis(1800),
        max_udp_age: Duration::from_secs(4),
    };
    for udp in [true, false] {
        let mut out = Vec::new();
        let composed = answer::compose(&view, &response, None, &plan, udp, &mut out);
        assert!(out.len() <= answer::room(&view, &plan, udp));
        assert!(!udp || out.len() <= usize::from(plan.max_udp_size));
        assert!(composed.body_len <= out.len());
        let reply = Message::parse(&out).expect("a reply we wrote");
        let (flags, asked) = (reply.header.flags, view.flags);
        assert_eq!(reply.header.id, view.id);
        assert!(flags.qr() && flags.ra() && flags.opcode() == 0);
        assert_eq!(
            (flags.rd(), flags.cd(), flags.tc()),
            (asked.rd(), asked.cd(), composed.truncated)
        );
        assert!(!flags.ad() || response.is_authenticated());
        assert_eq!(reply.edns.is_some(), view.edns.is_some());
        assert_eq!(
            &out[12..view.question_end],
            &query[12..view.question_end],
            "spelt as asked"
        );
        for at in &composed.ttl_offsets {
            assert!(usize::from(*at) + 4 <= composed.body_len);
        }
        if composed.lifetime > 0 {
            assert!(!composed.truncated && response.ede.is_none());
        }
    }
});

/// A refusal belongs to its query and is never longer.
fn refused(query: &[u8], rcode: Rcode, info_code: u16) {
    let mut plain = Vec::new();
    assert_eq!(answer::refusal(query, rcode, &mut plain), query.len() >= 12);
    let mut explained = Vec::new();
    assert_eq!(
        answer::refusal_with_ede(query, rcode, info_code, &mut explained),
        query.len() >= 12
    );
    for reply in [plain, explained] {
        assert!(
            reply.len() <= query.len(),
            "a refusal longer than its query"
        );
        if query.len() < 12 {
            assert!(reply.is_empty());
            continue;
        }
        assert_eq!(reply[..2], query[..2]);
        let asked = Flags(u16::from_be_bytes([query[2], query[3]]));
        let message = Message::parse(&reply).expect("a refusal we wrote");
        let flags = message.header.flags;
        assert!(flags.qr() && !flags.aa() && !flags.tc() && !flags.ad());
        assert_eq!(
            (flags.opcode(), flags.rd(), flags.cd()),
            (asked.opcode(), asked.rd(), asked.cd())
        );
        assert!(message.answer.is_empty() && message.authority.is_empty());
        assert!(message.additional.is_empty());
    }
}

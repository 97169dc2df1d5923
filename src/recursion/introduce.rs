//! Is the zone that a referral leads to signed? Its DS, or the proof that there is none, came along with the referral.

use std::sync::Arc;

use super::Recursion;
use super::belief::Trusting;
use super::frame::{Approach, Frame, Purpose, Stage};
use super::step::{Around, Turn};
use crate::cache::{Backing, Cache, Rank};
use crate::dnssec::{Denied, Evidence, Judgement, NoDs, Sets, Validated, ZoneTrust, usable_ds};
use crate::guard::permit::Budget;
use crate::sys::clock::Now;
use crate::wire::{Name, RecordType, Rrset, Security};

/// A zone that a referral leads to, and what its parent says of it.
#[derive(Debug)]
pub(super) struct Introduction {
    /// The zone.
    pub child: Name,
    /// Whose servers refer to it.
    pub parent: Name,
    /// Its DS set, and the NSEC and NSEC3 sets of the referral.
    pub signed: Vec<Rrset>,
}

impl Recursion {
    /// Has what the parent says of the zone proven, if the parent is signed. Nothing is lost if that fails: whoever must know
    /// asks for the DS set by name, of every server of the parent if need be.
    pub(super) fn introduce(
        &mut self,
        frame: &mut Frame,
        approach: Box<Approach>,
        mut introduction: Box<Introduction>,
        around: &Around<'_>,
        budget: &mut Budget,
    ) -> Turn {
        let skip = |frame: &mut Frame, approach: Box<Approach>| {
            frame.stage = Stage::Approach(*approach);
            Turn::Continue
        };
        let Introduction { child, parent, .. } = &*introduction;
        if self.known_trust(child, around.now).is_some() || introduction.signed.is_empty() {
            return skip(frame, approach);
        }
        let keys = match self.trust(parent, around) {
            Trusting::Known(ZoneTrust::Secure(keys)) => keys,
            Trusting::Need(question) if frame.purpose != Purpose::Server => {
                frame.stage = Stage::Introduce(approach, introduction);
                return self.seek(frame, question, budget, around.now);
            }
            _ => return skip(frame, approach),
        };
        // Nobody looks at them again: what was proven comes back with the judgement.
        let (ds, proofs): (Vec<Rrset>, Vec<Rrset>) = std::mem::take(&mut introduction.signed)
            .into_iter()
            .partition(|set| set.rtype == RecordType::DS);
        let denied = ds.is_empty().then(|| Denied {
            name: introduction.child.clone(),
            rtype: RecordType::DS,
            whole_name: false,
            or_type: false,
            soa: None,
        });
        let evidence = Evidence::Sets(Sets {
            keys,
            positive: ds,
            extra: Vec::new(),
            denied,
            proofs,
            nsec3_iterations: self.nsec3_iterations(),
        });
        frame.stage = Stage::Introduce(approach, introduction);
        Turn::Verify(Box::new(evidence))
    }

    /// Takes in what came of it.
    pub(super) fn introduced(
        &mut self,
        introduction: &Introduction,
        judgement: Judgement,
        cache: &Cache,
        now: Now,
    ) {
        let Judgement::Sets(proven) = judgement else {
            return;
        };
        let child = &introduction.child;
        if let Some(cut) = proven.cut {
            self.learn_no_ds(child, cut, &proven.proofs, now);
        }
        for believed in proven.positive {
            let ds = believed.set.into_inner();
            if !believed.expanded && ds.owner == *child {
                let backing = Backing {
                    security: Security::Secure,
                    proofs: Vec::new(),
                };
                let held = cache.store_backed(ds, Rank::AuthAnswer, backing, now);
                self.learn_shown_ds(held.rrset, held.ttl, now);
            }
        }
    }

    /// Remembers a proven DS set, or that it makes the zone insecure because we know nothing it speaks of.
    pub(super) fn learn_shown_ds(&mut self, ds: Arc<Rrset>, ttl: u32, now: Now) {
        match usable_ds(&ds.rdata, self.accepted()) {
            Ok(()) => self.learn_ds(ds, ttl),
            Err(ede) => {
                let zone = ds.owner.clone();
                self.learn(&zone, ZoneTrust::Insecure(Some(ede)), ttl, now);
            }
        }
    }

    /// Remembers what a proven lack of DS means for a name.
    pub(super) fn learn_no_ds(
        &mut self,
        name: &Name,
        cut: NoDs,
        proofs: &[Validated<Rrset>],
        now: Now,
    ) {
        let lifetime = proofs.iter().map(|set| set.ttl).min().unwrap_or(0);
        let trust = match cut {
            NoDs::Insecure | NoDs::OptOut => ZoneTrust::Insecure(None),
            NoDs::TooManyIterations => {
                ZoneTrust::Insecure(Some(crate::dnssec::too_many_iterations()))
            }
            NoDs::NoCut => ZoneTrust::NoCut,
        };
        self.learn(name, trust, lifetime, now);
    }
}

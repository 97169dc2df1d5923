//! Why was a query not simply answered? One code from verdict to metric, log, EDE and `suimon why`.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident $label:literal $sentence:literal),* $(,)?) => {
        /// The reason for a verdict; one per rule. Row numbers are those of the parameter sheet, section 1.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Reason {
            $($(#[$doc])* $name),*
        }

        impl Reason {
            /// All reasons, in the order of their counters.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code: metric label, log field, `why` output.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }

            /// A sentence for people.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $sentence),* }
            }
        }
    };
}

reasons! {
    /// Admitted by an access rule.
    AclAllow "acl_allow" "an access rule allows this client",
    /// Row 7: an access rule says drop.
    AclDrop "acl_drop" "an access rule drops this client",
    /// Row 7: no access rule matches; the default is to refuse.
    AclNoMatch "acl_no_match" "no access rule covers this client",
    /// Row 7: an access rule says refuse.
    AclRefuse "acl_refuse" "an access rule refuses this client",
    /// ANY in a datagram whose source is not proven: its client was told how to prove itself (RFC 8482 section 4.4).
    AnyUnproven "any_unproven" "ANY is answered only over TCP or with a valid cookie",
    /// The body could not be read, or EDNS is malformed.
    BadFormat "bad_format" "the query is malformed",
    /// Its client has all the look-ups under way that it may have: its oldest one made room.
    ClientSlots "client_slots" "this client has all the look-ups under way that it may have",
    /// EDNS version above 0 (RFC 6891 section 6.1.3).
    BadVersion "bad_version" "the EDNS version is not supported",
    /// Row 8: class is not IN.
    ClassNotServed "class_not_served" "only class IN is served",
    /// A query of our own that came back from whom it was asked of, or with the cookie that it carried.
    ForwardingLoop "forwarding_loop" "this is a query of our own that comes back: forwarders form a loop",
    /// Too many wait for the same answer already.
    JoinedClients "joined_clients" "too many wait for the answer to the same question",
    /// Over its limit, with a client cookie: BADCOOKIE with a fresh server cookie was sent.
    LimitedBadCookie "limited_badcookie" "over the limit; a fresh server cookie was sent instead of an answer",
    /// Over the limit of a proven address for too long: the connection was closed.
    LimitedClosed "limited_closed" "over the limit of a proven address for too long; the connection was closed",
    /// Over the limit of a proven address: the answer waits.
    LimitedDeferred "limited_deferred" "over the limit of a proven address; the answer waits",
    /// Over its limit: no reply (an error, a reflector's port, or too many such replies on this host).
    LimitedDropped "limited_dropped" "over the limit; no reply was sent",
    /// Over its limit: an empty reply with TC=1 was sent, so that who is really there asks again over TCP.
    LimitedTruncated "limited_truncated" "over the limit; an empty reply asked the client to use TCP",
    /// Row 3: source is one of our own addresses, not via loopback.
    OwnAddress "own_address" "the source claims to be one of our own addresses",
    /// Row 4: martian source.
    Martian "martian" "the source address cannot exist on this interface",
    /// Row 8: the type may not be asked (transfers, meta types).
    MetaType "meta_type" "this type cannot be asked of a resolver",
    /// Row 2: destination is multicast or broadcast.
    MulticastDestination "multicast_destination" "the query was sent to a multicast or broadcast address",
    /// Row 6: the source's route does not lead back to where the datagram came from.
    NoRouteBack "no_route_back" "the route to the source does not leave by the interface the query came by",
    /// Row 8: opcode is not QUERY.
    Opcode "opcode" "only opcode QUERY is served",
    /// Too many queries of this client wait for recursion: its oldest one made room.
    PendingPerClient "pending_per_client" "too many queries of this client are waiting",
    /// Too many look-ups under way: the oldest of whoever has most made room.
    PendingTotal "pending_total" "too many queries are waiting",
    /// Row 8: not exactly one question (RFC 9619).
    QuestionCount "question_count" "a query has exactly one question",
    /// The datagram waited too long in our queue.
    QueueAge "queue_age" "the query waited too long in the queue",
    /// Row 9: RD=0 and no snoop rule.
    RecursionNotDesired "recursion_not_desired" "recursion was not desired",
    /// Row 10: an error reply to a reflecting service's port was suppressed.
    ReflectorPort "reflector_port" "no error replies to this source port",
    /// The refusal budget is used up.
    RefusalBudget "refusal_budget" "refusals are limited; this one was not sent",
    /// Row 1: QR=1.
    ResponseBit "response_bit" "a response arrived where queries are expected",
    /// Row 1: shorter than a header.
    Short "short" "shorter than a DNS header",
    /// A server that does not keep up with what is asked for unknown names of its zones (E1, E2).
    ServerOverloaded "server_overloaded" "the server of this zone does not keep up: too many unknown names of its zones are asked for",
    /// A server whose zones are flooded with unknown names that do not exist (E3).
    ServerThrottled "server_throttled" "throttled: the zones of this server are flooded with names that do not exist",
    /// The servers that would have to be asked have all the questions under way that they may have.
    ServerSlots "server_slots" "its servers have all the questions under way that they may have; ask again",
    /// Row 2: source port 0.
    SourcePortZero "source_port_zero" "source port 0 cannot be answered",
    /// A UDP reply would have been older than the limit: SERVFAIL was sent instead, and the answer went to the cache.
    TooOld "too_old" "the answer came too late for UDP",
    /// `acl.prove`: a datagram without a valid server cookie; its client was told how to prove itself.
    Unproven "unproven" "this client must prove its address by a cookie or by TCP",
    /// The same because queries in this client's name were over its limit for long (`limiter.prove_after`).
    UnprovenSuspect "unproven_suspect" "queries in this client's name were over its limit for long: it must prove its address by a cookie or by TCP",
    /// Over its limit, but limits are only logged.
    WouldLimit "would_limit" "over the limit, and served because limits are only logged",
    /// Row 5: a client prefix bound to other interfaces.
    WrongIngress "wrong_ingress" "queries of this client arrive by other interfaces than this one",
    /// TCP connection refused: too many in all or from this prefix.
    TcpConnections "tcp_connections" "too many TCP connections",
    /// A zone whose servers are dead: only probes are sent.
    ZoneDead "zone_dead" "the zone's servers do not answer; they are probed now and then",
    /// A zone whose servers fail while unknown names are asked for (E2).
    ZoneFailing "zone_failing" "the zone's servers fail under a flood of unknown names",
    /// A zone that holds half of the fetch slots it may hold (E1).
    ZoneInFlight "zone_in_flight" "too many look-ups of this zone wait for its servers",
    /// A zone that holds all the fetch slots it may hold.
    ZoneSlots "zone_slots" "the zone has all the look-ups under way that it may have",
    /// A zone flooded with unknown names that do not exist (E3), or pinned by the operator.
    ZoneThrottled "zone_throttled" "throttled: the zone is flooded with names that do not exist",
}

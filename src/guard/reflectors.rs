//! Which source ports belong to services that answer anything? An error reply to one would start a loop or hit a victim.

/// Row 10: echo, daytime, quotd, chargen, time, TFTP, portmapper, NTP, SNMP, CLDAP, SSDP, memcached. (BIND holds back FORMERR for the
/// first few; the list is longer because each has been used to reflect.)
pub const REFLECTOR_PORTS: [u16; 12] = [7, 13, 17, 19, 37, 69, 111, 123, 161, 389, 1900, 11211];

const HIGHEST: u16 = 11211;

/// Whether an error reply to this port is held back.
#[must_use]
pub fn is_reflector(port: u16) -> bool {
    // Nearly all clients ask from a port above all of these.
    port <= HIGHEST && REFLECTOR_PORTS.contains(&port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_of_the_list_is_one_and_no_other() {
        let found: Vec<u16> = (0..=u16::MAX).filter(|port| is_reflector(*port)).collect();
        assert_eq!(found, REFLECTOR_PORTS);
    }
}

//! What an operator should know of the configuration that is in force.

use crate::cache::Tiers;
use crate::journal::Level;
use crate::redis::Link;
use crate::service::Service;

/// Which tiers are on.
pub(super) fn tiers(service: &Service, link: Option<&Link>) {
    let rulebook = service.rulebook.load();
    let policy = &rulebook.policy;
    let mut routes = policy.routes().iter().chain([policy.fallback()]);
    if routes.any(|route| route.rules.store) {
        let capacity = size(service.cache.capacity());
        let memory = format!("in memory, up to {capacity}");
        let line = match service.cache.tiers() {
            Tiers { memory: None, redis: Some(_) } => "storing in Redis alone".to_owned(),
            Tiers { memory: None, redis: None } => "storing nothing: there is no tier".to_owned(),
            Tiers { redis: Some(_), .. } => format!("storing {memory}, and in Redis"),
            Tiers { redis: None, .. } => format!("storing {memory}"),
        };
        tell(service, &line);
    } else {
        tell(service, "storing nothing: the cache is off everywhere");
    }
    if let Some(link) = link {
        tell(service, &format!("sharing with the fleet through {}", link.address()));
    }
}

/// Which routes do what RFC 9111 has no place for.
pub(super) fn steps_outside(service: &Service) {
    let rulebook = service.rulebook.load();
    let policy = &rulebook.policy;
    for route in policy.routes().iter().chain([policy.fallback()]) {
        let steps: Vec<_> = route.rules.outside_the_rfc().collect();
        if !steps.is_empty() {
            let (name, steps) = (&route.name, steps.join(", "));
            tell(service, &format!("route {name} steps outside RFC 9111: {steps}"));
        }
    }
}

fn tell(service: &Service, line: &str) {
    service.journal.write(service.clock.now(), Level::Info, line, &[]);
}

/// `512MiB`, rounded down.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(unit, _)| bytes >= 2 * unit || bytes == *unit);
    unit.map_or_else(|| format!("{bytes}B"), |(unit, name)| format!("{}{name}", bytes / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_a_unit() {
        for (bytes, text) in [
            (1 << 30, "1GiB"),
            ((1 << 30) + 1, "1024MiB"),
            (512 << 20, "512MiB"),
            (3 << 30, "3GiB"),
            (1500, "1500B"),
            (0, "0B"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }
}

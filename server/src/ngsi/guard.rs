//! Where this node may call: public addresses, and hosts the operator names. Someone who may
//! subscribe must not reach what only this machine can (server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use conurb_context::ContextError;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::fail::{Fail, NgsiError};

/// Decides on hosts and addresses.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    allowed: Arc<Vec<String>>,
}

impl Guard {
    /// A guard that also lets these hosts (names or addresses, without ports) through.
    pub(crate) fn new(allow_hosts: &[String]) -> Self {
        Self {
            allowed: Arc::new(allow_hosts.iter().map(|h| bare(h)).collect()),
        }
    }

    fn names(&self, host: &str) -> bool {
        self.allowed.contains(&bare(host))
    }

    /// Checks an endpoint before it is accepted or called: a scheme we speak, no local address.
    /// Names are looked at again when they are resolved.
    pub(crate) fn endpoint(&self, uri: &str) -> Result<Url, Fail> {
        let bad = |what: &str| {
            Fail::from(ContextError::BadRequestData {
                path: "notification.endpoint.uri".to_owned(),
                what: what.to_owned(),
            })
        };
        let url = Url::parse(uri).map_err(|e| bad(&format!("is no URL: {e}")))?;
        match url.scheme() {
            "http" => {}
            scheme @ ("https" | "mqtt" | "mqtts") => {
                return Err(Fail::not_yet(format!(
                    "sending notifications over {scheme}"
                )));
            }
            _ => return Err(bad("must be an http, https, mqtt or mqtts URI")),
        }
        let host = url.host_str().ok_or_else(|| bad("names no host"))?;
        let name = bare(host);
        let local = match name.parse::<IpAddr>() {
            Ok(address) => !is_public(address),
            Err(_) => name == "localhost" || name.ends_with(".localhost"),
        };
        if local && !self.names(host) {
            return Err(NgsiError::Endpoint {
                host: host.to_owned(),
            }
            .into());
        }
        Ok(url)
    }
}

fn bare(host: &str) -> String {
    host.trim_matches(['[', ']'])
        .trim_end_matches('.')
        .to_ascii_lowercase()
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let all = guard.names(&host);
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0))
                .await?
                .filter(|a| all || is_public(a.ip()))
                .collect();
            if found.is_empty() {
                return Err(NgsiError::Endpoint { host }.into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether the address is one of the public internet (IANA special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(a: Ipv4Addr) -> bool {
    let [x, y, z, _] = a.octets();
    !(a.is_private()
        || a.is_loopback()
        || a.is_link_local()
        || a.is_unspecified()
        || a.is_broadcast()
        || a.is_multicast()
        || a.is_documentation()
        || x == 0
        || x >= 240
        || (x == 100 && (64..128).contains(&y))
        || (x == 198 && (y == 18 || y == 19))
        || (x == 192 && y == 0 && z == 0))
}

fn is_public_v6(a: Ipv6Addr) -> bool {
    let s = a.segments();
    if let Some(v4) = a.to_ipv4() {
        // mapped and compatible addresses reach what is inside
        return is_public_v4(v4);
    }
    let inside = |hi: u16, lo: u16| {
        let [a, b] = hi.to_be_bytes();
        let [c, d] = lo.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    };
    match s[0] {
        0x0064 if s[1] == 0xff9b => is_public_v4(inside(s[6], s[7])),
        0x2002 => is_public_v4(inside(s[1], s[2])),
        0x2001 if s[1] == 0x0db8 || s[1] == 0 => false,
        // only 2000::/3 is global unicast
        first => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_refused_in_every_spelling() {
        let guard = Guard::new(&[]);
        for uri in [
            "http://127.0.0.1/x",
            "http://127.1:80/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://localhost:9/",
            "http://a.localhost/",
            "http://localhost./",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest/meta-data",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://[::1]/",
            "http://[::]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://224.0.0.1/",
        ] {
            let fail = guard.endpoint(uri).expect_err(uri);
            assert_eq!(fail.status(), 400, "{uri}");
        }
    }

    #[test]
    fn public_and_named_hosts_pass() {
        let guard = Guard::new(&[
            "LocalHost".to_owned(),
            "10.1.2.3".to_owned(),
            "[::1]".to_owned(),
        ]);
        for uri in [
            "http://example.org/x",
            "http://93.184.216.34:8080/",
            "http://[2606:2800:220:1::1]/",
            "http://localhost:1026/notify",
            "http://10.1.2.3/",
            "http://[::1]:9/",
        ] {
            assert!(guard.endpoint(uri).is_ok(), "{uri}");
        }
        assert!(guard.endpoint("http://10.1.2.4/").is_err());
        for uri in ["https://example.org/", "mqtt://example.org/topic"] {
            assert_eq!(guard.endpoint(uri).expect_err(uri).status(), 501, "{uri}");
        }
    }

    #[tokio::test]
    async fn a_name_that_resolves_to_a_local_address_is_refused_when_called() {
        let ask =
            |guard: Guard| async move { guard.resolve("localhost".parse().unwrap()).await.is_ok() };
        assert!(!ask(Guard::new(&[])).await);
        assert!(ask(Guard::new(&["localhost".to_owned()])).await);
    }
}

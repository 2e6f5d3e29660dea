//! The address of a service.

use crate::{Error, Result};

const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// A parsed `http://HOST[:PORT]` or `https://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Whether connections are encrypted.
    pub(crate) secure: bool,
    /// `HOST` alone, which the certificate is for.
    pub(crate) name: String,
    /// `HOST:PORT`, to connect to.
    pub(crate) authority: String,
    /// What the `Host` header says: the port is left out when it is the default one.
    pub(crate) host: String,
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let invalid = |reason| Error::Endpoint { endpoint: text.to_owned(), reason };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(invalid("it must look like http://HOST:PORT"));
        };
        let (secure, default_port) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (false, HTTP_PORT),
            "https" => (true, HTTPS_PORT),
            _ => return Err(invalid("the scheme must be http or https")),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !path.is_empty() {
            return Err(invalid("it must not have a path"));
        }
        let uri: hyper::http::uri::Authority =
            authority.parse().map_err(|_| invalid("the host is malformed"))?;
        if authority.contains('@') || uri.host().is_empty() {
            return Err(invalid("it must be a host and a port, nothing else"));
        }
        if authority.len() > uri.host().len() && uri.port_u16().is_none() {
            return Err(invalid("the port must be a number up to 65535"));
        }
        let port = uri.port_u16().unwrap_or(default_port);
        let host = if port == default_port {
            uri.host().to_owned()
        } else {
            format!("{}:{port}", uri.host())
        };
        let (name, authority) = (uri.host().to_owned(), format!("{}:{port}", uri.host()));
        Ok(Self { secure, name, authority, host })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_are_read_and_the_default_port_is_left_out_of_the_host_header() {
        for (text, authority, host) in [
            ("http://127.0.0.1:4567", "127.0.0.1:4567", "127.0.0.1:4567"),
            ("http://127.0.0.1:4567/", "127.0.0.1:4567", "127.0.0.1:4567"),
            ("HTTP://weir.example", "weir.example:80", "weir.example"),
            ("http://weir.example:80", "weir.example:80", "weir.example"),
            ("http://[::1]:4567", "[::1]:4567", "[::1]:4567"),
            ("https://weir.example", "weir.example:443", "weir.example"),
            ("https://weir.example:80", "weir.example:80", "weir.example:80"),
        ] {
            let endpoint = Endpoint::parse(text).expect(text);
            assert_eq!((endpoint.authority.as_str(), endpoint.host.as_str()), (authority, host));
            assert_eq!(endpoint.secure, text.starts_with("https"));
        }
    }

    #[test]
    fn what_is_wrong_with_an_endpoint_is_said() {
        for (text, reason) in [
            ("localhost:4567", "must look like"),
            ("ftp://localhost", "scheme must be http or https"),
            ("http://", "malformed"),
            ("http://localhost:70000", "port"),
            ("http://localhost:", "port"),
            ("http://user@localhost:1", "nothing else"),
            ("http://localhost/path", "must not have a path"),
        ] {
            let error = Endpoint::parse(text).expect_err(text).to_string();
            assert!(error.contains(reason) && error.contains(text), "{text}: {error}");
        }
    }
}
